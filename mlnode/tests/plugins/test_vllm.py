"""The plugin for vLLM, against fakes of the classes that it hooks."""

import importlib
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mlnode.poc.served.gpu_random import generate_inputs
from mlnode.poc.served.layer_hooks import householder, normalise, reflection
from mlnode.poc.served.tail import Tail

PLUGIN = Path(__file__).parents[2] / "plugins" / "vllm"
BLOCK, KEY = "d4" * 32, "01" * 20
WIDTH, LAYERS, POSITIONS = 32, 3, 8
CPU = torch.device("cpu")


class Norm(nn.Module):
    """Adds the residual first, as vLLM's norms do."""

    def forward(self, hidden: Tensor, residual: Tensor | None) -> tuple[Tensor, Tensor]:
        whole = hidden if residual is None else hidden + residual
        return whole * torch.rsqrt((whole * whole).mean(-1, keepdim=True) + 1e-6), whole


class Layer(nn.Module):
    """A decoder layer that hands on a residual which has not been added yet."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.linear = Norm(), nn.Linear(WIDTH, WIDTH)

    def forward(self, _: Tensor, hidden: Tensor, residual: Tensor | None) -> tuple[Tensor, Tensor]:
        hidden, residual = self.norm(hidden, residual)
        return torch.tanh(self.linear(hidden)), residual


class PPMissingLayer(nn.Identity):
    """What stands where a pipeline rank lacks a layer."""

    def forward(self, _: Tensor, hidden: Tensor, residual: Tensor | None) -> Any:
        return hidden, residual


class Inner(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.norm = Norm()

    def forward(self, x_SD: Tensor) -> Tensor:
        hidden, residual = x_SD, None
        for layer in self.layers:
            hidden, residual = layer(torch.arange(len(x_SD)), hidden, residual)
        return self.norm(hidden, residual)[0]


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.model, self.lm_head = Inner(), nn.Linear(WIDTH, 40)

    def compute_logits(self, hidden: Tensor) -> Tensor:
        return self.lm_head(hidden)


class ModelConfig:
    dtype = torch.float32

    def __init__(self) -> None:
        self.enforce_eager = True

    def get_hidden_size(self) -> int:
        return WIDTH


class Runner:
    """The model runner: knows the requests of a step, in the order of its rows."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.model = Model()
        self.input_batch = SimpleNamespace(req_ids=[])

    def get_model(self) -> nn.Module:
        return self.model

    def step(self, requests: dict[str, Tensor]) -> Tensor:
        self.input_batch.req_ids = list(requests)
        with torch.inference_mode():
            last = torch.stack([self.model.model(x)[-1] for x in requests.values()])
            return self.model.compute_logits(last)


class FakeLLM:
    """An offline engine of one worker, which takes requests in steps of at most three."""

    def __init__(self, worker: Any) -> None:
        self.worker = worker
        self.llm_engine = SimpleNamespace(model_config=worker.vllm_config.model_config)
        self.count = 0
        self.tokens: list[int] = []

    def collective_rpc(self, method: str, args: tuple[Any, ...] = ()) -> list[Any]:
        return [getattr(self.worker, method)(*args), None]

    def generate(self, prompts: list[dict[str, Tensor]], sampling: Any) -> list[Any]:
        assert sampling.max_tokens == 1
        names = [str(self.count + i) for i in range(len(prompts))]
        self.count += len(prompts)
        # Not in the order in which they came.
        order = sorted(range(len(prompts)), key=lambda i: (i * 7) % 5)
        for first in range(0, len(order), 3):
            step = order[first : first + 3]
            logits = self.worker.model_runner.step(
                {names[i]: prompts[i]["prompt_embeds"] for i in step}
            )
            self.tokens += logits.argmax(-1).tolist()
        return [SimpleNamespace(request_id=name) for name in names]


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The package, registered with a fake vLLM."""
    monkeypatch.syspath_prepend(str(PLUGIN / "src"))
    for name in ("vllm", "vllm.v1", "vllm.v1.worker", "vllm.v1.worker.gpu_worker"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))

    class Worker:
        def __init__(self) -> None:
            self.vllm_config = SimpleNamespace(model_config=ModelConfig())
            self.model_runner = Runner()

    sys.modules["vllm.v1.worker.gpu_worker"].Worker = Worker  # type: ignore[attr-defined]
    sys.modules["vllm"].SamplingParams = SimpleNamespace  # type: ignore[attr-defined]
    yield importlib.import_module("ninefold_vllm")
    for name in [name for name in sys.modules if name.startswith("ninefold_vllm")]:
        del sys.modules[name]


@pytest.fixture
def worker(plugin: ModuleType) -> Any:
    """A worker that has learnt the calls."""
    plugin.register()
    return sys.modules["vllm.v1.worker.gpu_worker"].Worker()  # type: ignore[attr-defined]


@pytest.fixture
def client(plugin: ModuleType) -> Any:
    return importlib.import_module("ninefold_vllm.client")


def by_hand(model: Model, nonces: list[int]) -> np.ndarray:
    """The distances, from the definition."""
    x_BSD = generate_inputs(BLOCK, KEY, nonces, WIDTH, POSITIONS, CPU, torch.float32)
    tail = Tail(BLOCK, WIDTH, CPU)
    rows = []
    with torch.inference_mode():
        for x_SD in x_BSD:
            hidden, residual = x_SD, None
            for index, layer in enumerate(model.model.layers):
                v = reflection(BLOCK, index, WIDTH, CPU)
                hidden, residual = layer(torch.arange(POSITIONS), hidden, residual)
                hidden, residual = (householder(normalise(x), v) for x in (hidden, residual))
            rows.append(model.model.norm(hidden, residual)[0][-1])
        return tail.distances(tail.outputs(torch.stack(rows)), bytes.fromhex(KEY), nonces)


def test_the_entry_point_is_declared() -> None:
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text("utf-8"))["project"]
    points = project["entry-points"]["vllm.general_plugins"]
    assert points == {"ninefold_poc": "ninefold_vllm:register"}


def test_the_package_is_no_member_of_the_workspace() -> None:
    root = tomllib.loads((PLUGIN.parents[2] / "pyproject.toml").read_text("utf-8"))
    assert "mlnode/plugins/vllm" not in root["tool"]["uv"]["workspace"]["members"]


def test_distances_are_those_of_the_definition_in_the_order_of_the_nonces(
    worker: Any, client: Any
) -> None:
    nonces = [9, 4, 2**40, 0, 1, 2, 3]
    llm = FakeLLM(worker)
    came = client.prove(llm, block_hash=BLOCK, public_key=KEY, nonces=nonces, positions=POSITIONS)
    # The same float32 products, in batches of another size.
    assert np.allclose(came, by_hand(worker.model_runner.model, nonces), atol=1e-6)
    assert len(set(came.tolist())) == len(nonces)


def test_serving_is_the_same_bits_before_and_after(worker: Any, client: Any) -> None:
    generator = torch.Generator().manual_seed(1)
    request = {"user": torch.randn(5, WIDTH, generator=generator)}
    before = worker.model_runner.step(request)
    worker.poc_start(BLOCK)
    assert not torch.equal(worker.model_runner.step(request), before)
    worker.poc_stop()
    assert torch.equal(worker.model_runner.step(request), before)
    assert "compute_logits" not in vars(worker.model_runner.model)
    client.prove(
        FakeLLM(worker), block_hash=BLOCK, public_key=KEY, nonces=[1, 2], positions=POSITIONS
    )
    assert torch.equal(worker.model_runner.step(request), before)


def test_a_round_that_fails_leaves_the_worker_as_it_was(worker: Any, client: Any) -> None:
    class Failing(FakeLLM):
        def generate(self, *_: Any) -> list[Any]:
            raise RuntimeError("the engine is dead")

    request = {"user": torch.ones(3, WIDTH)}
    before = worker.model_runner.step(request)
    with pytest.raises(RuntimeError, match="the engine is dead"):
        client.prove(
            Failing(worker), block_hash=BLOCK, public_key=KEY, nonces=[1], positions=POSITIONS
        )
    assert torch.equal(worker.model_runner.step(request), before)


def test_a_second_round_takes_the_place_of_the_first(worker: Any) -> None:
    request = {"user": torch.ones(3, WIDTH)}
    before = worker.model_runner.step(request)
    worker.poc_start(BLOCK)
    worker.model_runner.step(request)
    one = worker.poc_take()
    worker.poc_start("d5" * 32)
    worker.model_runner.step(request)
    other = worker.poc_take()
    assert list(one) == list(other) == ["user"]
    assert one != other
    assert worker.poc_take() == {}
    worker.poc_stop()
    worker.poc_stop()
    assert torch.equal(worker.model_runner.step(request), before)


def test_rows_that_are_not_one_for_each_request_are_not_taken(worker: Any) -> None:
    worker.poc_start(BLOCK)
    worker.model_runner.input_batch.req_ids = ["a", "b"]
    worker.model_runner.model.compute_logits(torch.ones(3, WIDTH))
    assert worker.poc_take() == {}


def test_a_layer_that_another_rank_holds_is_left_alone(worker: Any) -> None:
    model = worker.model_runner.model
    model.model.layers[1] = PPMissingLayer()
    worker.poc_start(BLOCK)
    hooks = [len(layer._forward_hooks) for layer in model.model.layers]
    worker.poc_stop()
    assert hooks == [1, 0, 1]


def test_a_worker_that_captures_graphs_is_refused(worker: Any) -> None:
    worker.vllm_config.model_config.enforce_eager = False
    with pytest.raises(Exception, match="enforce_eager"):
        worker.poc_start(BLOCK)
    with pytest.raises(Exception, match="no round is open"):
        worker.poc_take()


def test_a_request_that_no_worker_saw_is_told(worker: Any, client: Any) -> None:
    class Losing(FakeLLM):
        def generate(self, prompts: Any, sampling: Any) -> list[Any]:
            answers = super().generate(prompts, sampling)
            return [*answers, SimpleNamespace(request_id="lost")]

    with pytest.raises(Exception, match="request lost"):
        client.prove(
            Losing(worker), block_hash=BLOCK, public_key=KEY, nonces=[1], positions=POSITIONS
        )


def test_registering_twice_changes_nothing_and_foreign_calls_are_not_replaced(
    plugin: ModuleType,
) -> None:
    kind = sys.modules["vllm.v1.worker.gpu_worker"].Worker  # type: ignore[attr-defined]
    plugin.register()
    first = kind.poc_start
    plugin.register()
    assert kind.poc_start is first
    kind.poc_take = lambda _: None
    with pytest.raises(Exception, match=r"Worker\.poc_take is taken"):
        plugin.register()


def test_a_vllm_that_is_built_otherwise_is_named(plugin: ModuleType) -> None:
    del sys.modules["vllm.v1.worker.gpu_worker"].Worker  # type: ignore[attr-defined]
    with pytest.raises(Exception, match=r"this vLLM has no vllm\.v1\.worker\.gpu_worker\.Worker"):
        plugin.register()
