"""The process of a model, order by order, with a service and a library that are scripted."""

import queue
import sys
import threading
import time
import weakref
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mlnode.serving import engine
from mlnode.serving.arguments import ModelArguments
from mlnode.serving.engine import Gate, Holder
from mlnode.serving.errors import ModelNotFoundError
from mlnode.serving.messages import (
    GoAhead,
    LoadFailed,
    LoadOrder,
    LoadStep,
    MayRead,
    Rest,
    Unload,
    Unloaded,
)


class Model:
    """Refers to itself, as modules do."""

    def __init__(self) -> None:
        self.me = self


class Service:
    """Sends what it was told to, and answers what is said with what comes next in the script."""

    def __init__(self, *script: Any) -> None:
        self.said: list[Any] = []
        self._script = list(script)
        self._orders: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._go_on()

    def _go_on(self) -> None:
        while self._script and not isinstance(self._script[0], type):
            self._orders.put(self._script.pop(0))

    def receive(self) -> object:
        if self._orders.empty():
            raise EOFError
        return self._orders.get()

    def send(self, message: object) -> None:
        self.said.append(message)
        if self._script and isinstance(message, self._script[0]):
            self._script.pop(0)
            self._go_on()


class Stage:
    """A holder without its thread, and what the library was asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.read: list[Path] = []
        self.models: list[weakref.ref[Model]] = []
        self.fails: Exception | None = None
        monkeypatch.setattr(engine, "find_weights", self._find)
        monkeypatch.setattr(engine, "weigh", lambda _: 1_000)
        monkeypatch.setattr(engine, "_import_libraries", lambda _: None)
        monkeypatch.setattr(engine, "_read", self._read)
        monkeypatch.setattr(engine, "_try", lambda *_: None)
        self.device = False
        monkeypatch.setattr(engine, "_device_in_use", lambda: self.device)

    def run(self, *script: Any) -> list[Any]:
        service = Service(*script)
        holder = Holder(service, Gate())
        holder._take = lambda: self._take(holder, service)  # type: ignore[method-assign]
        holder.run()
        return service.said

    @staticmethod
    def _take(holder: Any, service: Service) -> Any:
        if holder._next:
            return holder._next.popleft()
        try:
            return service.receive()
        except EOFError:
            return None

    def _find(self, repo: str, commit: str, **_: Any) -> Path:
        if repo == "no/where":
            raise ModelNotFoundError("it is nowhere")
        return Path(repo) / commit

    def _read(self, folder: Path, _: str) -> tuple[Any, Any]:
        if self.fails is not None:
            raise self.fails
        assert all(model() is None for model in self.models), "two models at a time"
        self.read.append(folder)
        model = Model()
        self.models.append(weakref.ref(model))
        return model, SimpleNamespace()


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(monkeypatch)


def order(number: int, repo: str = "a/b") -> LoadOrder:
    return LoadOrder(
        number=number,
        repo=repo,
        commit="c",
        models_dir="",
        offline=True,
        arguments=ModelArguments(),
    )


def fractions(said: list[Any], number: int) -> list[float]:
    return [m.fraction for m in said if isinstance(m, LoadStep) and m.number == number]


def test_a_model_is_read_when_the_service_still_wants_it(stage: Stage) -> None:
    said = stage.run(order(1), MayRead, GoAhead(number=1))
    assert fractions(said, 1) == [0.0, 0.1, 0.9, 1.0]
    assert said.index(MayRead(number=1)) == 2
    assert stage.read == [Path("a/b/c")]


def test_an_order_that_gave_way_reads_nothing_and_the_next_one_needs_no_new_process(
    stage: Stage,
) -> None:
    said = stage.run(order(1), MayRead, order(2, "d/e"), MayRead, GoAhead(number=2))
    assert fractions(said, 1) == [0.0, 0.1]
    assert fractions(said, 2) == [0.0, 0.1, 0.9, 1.0]
    assert stage.read == [Path("d/e/c")]


def test_a_model_that_is_unloaded_leaves_nothing_and_the_process_stays(stage: Stage) -> None:
    said = stage.run(
        order(1), MayRead, GoAhead(number=1), Unload(), Unloaded, order(2), MayRead,
        GoAhead(number=2),
    )  # fmt: skip
    assert [type(m) for m in said if isinstance(m, Unloaded)] == [Unloaded]
    assert stage.models[0]() is None
    assert fractions(said, 2)[-1] == 1.0


def test_a_process_that_used_a_device_ends_with_its_model(stage: Stage) -> None:
    stage.device = True
    said = stage.run(order(1), MayRead, GoAhead(number=1), Unload(), order(2))
    assert not any(isinstance(m, Unloaded) for m in said)
    assert fractions(said, 2) == []


def test_what_is_wrong_with_an_order_is_said_with_its_number(stage: Stage) -> None:
    said = stage.run(order(1, "no/where"), GoAhead(number=1))
    assert said[-1] == LoadFailed(number=1, not_found=True, text="it is nowhere")
    stage.fails = MemoryError("no room")
    said = stage.run(order(2), MayRead, GoAhead(number=2))
    text = "a/b at c cannot be loaded: MemoryError: no room"
    assert said[-1] == LoadFailed(number=2, not_found=False, text=text)


def test_who_imports_rests_until_the_next_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wanted_library.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    gate = Gate()
    monkeypatch.setattr(sys, "meta_path", [gate, *sys.meta_path])
    orders: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def receive() -> object:
        if (said := orders.get()) is None:
            raise EOFError
        return said

    holder = Holder(SimpleNamespace(receive=receive, send=lambda _: None), gate)
    reader = threading.Thread(target=holder.read)
    reader.start()
    orders.put(Rest())
    while gate._open.is_set():
        time.sleep(0.001)
    importing = threading.Thread(target=import_module, args=("wanted_library",))
    importing.start()
    importing.join(0.2)
    assert "wanted_library" not in sys.modules
    orders.put(order(2))
    importing.join(30)
    assert sys.modules.pop("wanted_library")
    assert holder._take() == order(2)
    orders.put(None)
    reader.join(30)
    assert holder._take() is None
