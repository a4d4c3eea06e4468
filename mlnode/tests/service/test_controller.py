"""How long a controller waits for its worker, and what it does with what it cannot take."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from mlnode.service import controller
from mlnode.service.candidates import candidates
from mlnode.service.controller import Controller, Listener
from mlnode.service.messages import Alive, Event, Ready, WorkerSetup

SETUP = WorkerSetup(
    group_index=0,
    devices=("cpu",),
    engine="numpy",
    batch_size=4,
    threads=1,
    crosscheck=True,
    models_dir="",
    candidates=candidates,
)
HUNG_AFTER_S = 0.05


class Scripted:
    """A process that says a few things and then nothing."""

    pid = 7

    def __init__(self, script: list[Event]) -> None:
        self._script = script
        self.killed = False

    def send(self, message: object) -> None: ...

    async def receive(self) -> object:
        if self._script:
            return self._script.pop(0)
        await asyncio.sleep(3600)
        raise AssertionError("unreachable")

    def kill(self) -> None:
        self.killed = True

    async def end(self, _: float) -> int:
        return 0


def ignore(_: int, __: Event) -> None: ...


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs one scripted process to its end; returns it and the reason."""
    monkeypatch.setattr(controller, "_STARTING_S", HUNG_AFTER_S)

    async def run(
        script: list[Event], heard: Callable[[int, Event], None] = ignore
    ) -> tuple[Scripted, str]:
        process, reasons = Scripted(script), asyncio.Queue[str]()

        async def start(*_: Any, **__: Any) -> Scripted:
            return process

        monkeypatch.setattr(controller.Child, "start", start)
        listener = Listener(
            started=lambda _: None,
            heard=heard,
            ended=lambda _, reason: reasons.put_nowait(reason),
        )
        owner = Controller(SETUP, listener, hung_after_s=HUNG_AFTER_S)
        owner.start()
        try:
            return process, await asyncio.wait_for(reasons.get(), 30.0)
        finally:
            await owner.close()

    return run


READY = Ready(engines=("numpy",), summary="")


async def test_silence_is_measured_from_the_last_sign_of_life(run: Any) -> None:
    process, reason = await run([READY, Alive()])
    assert reason == "worker 7 was silent for 0.05 s"
    assert process.killed


async def test_a_worker_that_expects_something_long_is_given_time_for_it(run: Any) -> None:
    # Four times what it expects, on top.
    _, reason = await run([READY, Alive(expected_s=0.1)])
    assert reason == "worker 7 was silent for 0.45 s"


async def test_the_time_for_something_long_is_given_once(run: Any) -> None:
    _, reason = await run([READY, Alive(expected_s=900.0), Alive()])
    assert reason == "worker 7 was silent for 0.05 s"


async def test_nobody_is_waited_for_longer_than_an_hour(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(controller, "_LONGEST_S", 0.1)
    _, reason = await run([READY, Alive(expected_s=1e9)])
    assert reason == "worker 7 was silent for 0.15 s"


async def test_a_fault_in_taking_an_event_replaces_the_worker_and_is_said(
    run: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def heard(_: int, event: Event) -> None:
        if isinstance(event, Alive):
            raise IndexError("list index out of range")

    process, reason = await run([READY, Alive()], heard)
    assert reason == "worker 7 said what the service could not take: IndexError"
    assert process.killed
    assert "list index out of range" in caplog.text
