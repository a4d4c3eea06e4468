"""The benchmarks themselves: every row of a GPU's is measured on a machine that plays one."""

import importlib
import json
import runpy
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from interpreter import interpreted
from torch import Tensor
from typing_extensions import override

from mlnode.poc.arrays import U64
from mlnode.poc.decision import Decisions
from mlnode.poc.engines import sizing
from mlnode.poc.engines.cpu_arithmetic import fp32_arithmetic
from mlnode.poc.engines.layers import Arithmetic
from mlnode.poc.engines.products import fp32_product
from mlnode.poc.engines.tiles import TiledArithmetic
from mlnode.poc.params import MODEL_PARAMS_BIG, MODEL_PARAMS_TEST
from mlnode.shard.devices import Driver, DriverError
from mlnode.shard.engine import ShardedEngine
from mlnode.shard.placement import even_stages

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "mlnode/benchmarks"
GB = 10**9
BYTES_A_ROW = 1_000


@pytest.fixture(scope="module")
def modules() -> Iterator[Any]:
    """Imports a benchmark as its own command does: the scripts beside it by their plain names."""
    sys.path.insert(0, str(FOLDER))
    yield importlib.import_module
    sys.path.remove(str(FOLDER))


@pytest.fixture
def gpu(modules: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The benchmark of a GPU, in which nothing is compiled: that takes a minute and a compiler.

    Few nonces keep this one busy, and batches are short.
    """
    monkeypatch.setattr(torch, "compile", lambda model, **_: model)
    monkeypatch.setattr(modules("measures"), "good_batch", lambda _: 16)
    monkeypatch.setattr(sizing, "BATCH_S", 0.01)
    return modules("gpu")


class Memory:
    """Memory of a device of which batches take some a row."""

    def __init__(self, size: int) -> None:
        self.free = size
        self.largest = 0


class Held:
    def __init__(self, memory: Memory, count: int) -> None:
        self._memory, self._count = memory, count
        memory.free -= count

    def __del__(self) -> None:
        self._memory.free += self._count


class Limited(TiledArithmetic):
    """Products on a device that runs out of memory."""

    def __init__(self, memory: Memory) -> None:
        super().__init__(fp32_product)
        self._memory = memory

    @override
    def gated(self, x_RD: Tensor, gate_up_OI: Tensor) -> Tensor:
        taken = len(x_RD) * BYTES_A_ROW
        if taken > self._memory.free:
            raise torch.OutOfMemoryError("CUDA out of memory")
        self._memory.largest = max(self._memory.largest, taken)
        return super().gated(x_RD, gate_up_OI)


class Pretended:
    """A machine whose GPUs are this CPU."""

    def __init__(self, devices: int = 1) -> None:
        self.devices = ("cpu",) * devices
        self.memory = Memory(10**15)
        self.waits = 0

    def origin(self) -> Any:
        return importlib.import_module("rows").Origin(machine="pretended", versions="v 1")

    def arithmetic(self, kind: str) -> Arithmetic:
        assert kind in ("int8", "bf16")
        return fp32_arithmetic()

    def engines(self, devices: tuple[str, ...], batch_size: int = 0) -> Sequence[ShardedEngine]:
        return [
            ShardedEngine(
                name,
                Limited(self.memory),
                lambda params: even_stages(params, devices[: params.n_layers]),
                devices=devices,
                batch_size=batch_size,
            )
            for name in ("int8", "bf16")
        ]

    def wait(self) -> None:
        self.waits += 1

    def free(self) -> int:
        return self.memory.free

    def peak(self, work: Any) -> int:
        self.memory.largest = 0
        work()
        return self.memory.largest

    def hold(self, count: int) -> object:
        return Held(self.memory, count)


def small(gpu: Any, **changes: Any) -> Any:
    sizes = gpu.Sizes(
        main=MODEL_PARAMS_TEST,
        big=replace(MODEL_PARAMS_TEST, n_layers=4),
        small=MODEL_PARAMS_TEST,
        side=64,
        bytes=1 << 12,
        decisions=100,
        seconds=0.01,
        turns=1,
    )
    return replace(sizes, **changes)


def by_name(path: Path) -> dict[str, dict[str, Any]]:
    rows = json.loads(path.read_text("utf-8"))
    return {row["name"]: row for row in rows}


def one(rows: dict[str, dict[str, Any]], text: str) -> dict[str, Any]:
    (row,) = (row for name, row in rows.items() if text in name)
    return row


def run(gpu: Any, path: Path, machine: Any, *arguments: str, **sizes: Any) -> int:
    return gpu.main(
        [str(path), *arguments],
        why=lambda: "",
        machine=lambda: machine,
        sizes=small(gpu, **sizes),
    )


def test_every_row_is_measured_where_there_are_devices(gpu: Any, tmp_path: Path) -> None:
    path, machine = tmp_path / "rows.json", Pretended(devices=2)
    assert run(gpu, path, machine) == 0
    rows = by_name(path)
    assert list(rows) == [wanted.name for wanted in gpu.WANTED]
    assert [name for name, row in rows.items() if row["value"] is None] == []
    for wanted in gpu.WANTED:
        row = rows[wanted.name]
        assert (row["unit"], row.get("goal", "")) == (wanted.unit, wanted.goal)
        assert (row["machine"], row["versions"]) == ("pretended", "v 1")
        if "ratio" in wanted.goal:
            assert row["ratio"] == pytest.approx(row["value"] / row["baseline"], rel=0.5, abs=0.01)
    # In percent; beyond 100 where the pretended device was busy while its dense rate was taken.
    assert 0 < one(rows, "dense rate, MODEL_PARAMS_BIG")["value"] < 1_000
    assert one(rows, "differing")["value"] == 0
    assert "of 100 nonces, " in one(rows, "differing")["note"]
    assert sorted(one(rows, "differing")["note"][-10:].split(", ")) == ["bf16", "int8"]
    assert "2 devices in a pipeline" in one(rows, "pipeline")["note"]
    assert machine.waits > 100, "who measures waits for the device"


def test_an_out_of_memory_is_recovered_from_and_measured(gpu: Any, tmp_path: Path) -> None:
    path, machine = tmp_path / "rows.json", Pretended()
    assert run(gpu, path, machine, "--only", "out-of-memory") == 0
    row = one(by_name(path), "out-of-memory")
    assert row["note"].startswith("16 to 8 nonces, digests the same")
    assert row["baseline"] > 0
    assert machine.memory.free == 10**15, "what was held is given back"


def test_an_out_of_memory_that_halves_nothing_is_a_failure(
    gpu: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Roomy(Pretended):
        @override
        def hold(self, count: int) -> object:
            return None

    path = tmp_path / "rows.json"
    assert run(gpu, path, Roomy(), "--only", "out-of-memory") == 1
    row = one(by_name(path), "out-of-memory")
    assert row["value"] is None
    assert row["note"] == "failed: RuntimeError: the batch is of 16 nonces, not halved from 16"
    assert "Traceback" in capsys.readouterr().err


def test_a_device_that_decides_otherwise_is_found(
    gpu: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Wrong(ShardedEngine):
        @override
        def batch(self, nonces_B: U64, public_key: bytes | None = None) -> Decisions:
            came = super().batch(nonces_B, public_key)
            wrong_B = nonces_B == 77
            return replace(came, valid=came.valid ^ wrong_B)

    monkeypatch.setitem(globals(), "ShardedEngine", Wrong)
    path = tmp_path / "rows.json"
    assert run(gpu, path, Pretended(), "--only", "differing") == 0
    # One nonce, on each of two engines.
    assert one(by_name(path), "differing")["value"] == 2


def test_a_measure_that_fails_costs_its_row_alone(gpu: Any, modules: Any, tmp_path: Path) -> None:
    path = tmp_path / "rows.json"

    def broken(_: Any) -> Any:
        raise torch.AcceleratorError("CUDA error: an illegal memory access\nmore")

    numbers = modules("measures").Measured(value=1e-3 / 6, baseline=1.2e-4)
    wanted = [
        gpu.Wanted(name="ill", unit="s", goal="value <= 1", measure=broken),
        gpu.Wanted(name="well", unit="s", measure=lambda _: numbers),
    ]
    came = gpu.main([str(path)], why=lambda: "", machine=Pretended, sizes=small(gpu), wanted=wanted)
    rows = by_name(path)
    assert came == 1
    assert rows["well"]["ratio"] == 1.389
    assert rows["ill"]["value"] is None
    assert rows["ill"]["goal"] == "value <= 1"
    assert rows["ill"]["note"] == "failed: AcceleratorError: CUDA error: an illegal memory access"
    assert rows["well"]["value"] == 0.0001667


def test_what_a_machine_cannot_measure_says_why(gpu: Any, tmp_path: Path) -> None:
    class Tight(Pretended):
        @override
        def free(self) -> int:
            return 3 * GB

    path = tmp_path / "rows.json"
    assert run(gpu, path, Tight(), "--only", "weights", big=MODEL_PARAMS_BIG, bytes=GB) == 0
    rows = by_name(path)
    assert one(rows, "34 GB")["note"] == "it takes 38.1 GB, and 3.0 GB are free"
    assert one(rows, "tiled")["note"] == "it takes 4.0 GB, and 3.0 GB are free"
    assert one(rows, "hashing")["value"] > 0
    assert one(rows, "pipeline")["note"] == "not asked for"
    assert run(gpu, path, Pretended(), "--only", "pipeline") == 0
    assert one(by_name(path), "pipeline")["note"] == "there is one device"


def test_without_a_gpu_every_row_says_why_and_what_was_measured_stays(
    gpu: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "rows.json"

    def never() -> Any:
        raise AssertionError

    assert gpu.main([str(path)], why=lambda: "no driver", machine=never) == 0
    rows = by_name(path)
    assert list(rows) == [wanted.name for wanted in gpu.WANTED]
    assert {row["value"] for row in rows.values()} == {None}
    assert {row["note"] for row in rows.values()} == {"no driver"}
    assert "nothing is measured on a GPU: no driver" in capsys.readouterr().err
    assert run(gpu, path, Pretended(), "--only", "tiled") == 0
    before = one(by_name(path), "tiled")
    assert before["value"] > 0
    assert gpu.main([str(path)], why=lambda: "no driver", machine=never) == 0
    rows = by_name(path)
    assert one(rows, "tiled") == before
    assert one(rows, "pipeline")["note"] == "no driver"


def lost() -> Driver | None:
    raise DriverError("the NVIDIA driver fails: cuInit came to 803")


@pytest.mark.parametrize(
    ("driver", "text"),
    [
        (lambda: None, "no NVIDIA driver on the machine that wrote this row"),
        (lambda: Driver(version="13.2", devices=()), "the driver shows no GPU, with CUDA_VISIBLE"),
        (lost, "the NVIDIA driver fails: cuInit came to 803"),
    ],
)
def test_the_reason_is_that_of_the_machine(
    modules: Any, monkeypatch: pytest.MonkeyPatch, driver: Any, text: str
) -> None:
    machines = modules("machines")
    monkeypatch.setattr(machines, "read_driver", driver)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "9")
    assert machines.missing().startswith(text)


def test_the_rows_of_the_repository_are_those_that_a_gpu_fills(gpu: Any) -> None:
    rows = by_name(ROOT / "docs/benchmarks/mlnode-gpu.json")
    assert [(name, row["unit"], row.get("goal", "")) for name, row in rows.items()] == [
        (wanted.name, wanted.unit, wanted.goal) for wanted in gpu.WANTED
    ]


def test_the_verb_measures_both_and_makes_the_page() -> None:
    recipe = (ROOT / "Makefile").read_text("utf-8").partition("\nbench-mlnode:")[2]
    lines = recipe.partition("\n\n")[0].splitlines()
    ends = ("cpu.py docs/benchmarks/mlnode.json", "gpu.py docs/benchmarks/mlnode-gpu.json")
    asked = [line for line in lines if line.endswith((*ends, "tools/benchmarks.py"))]
    assert len(asked) == 3


def test_the_page_claims_no_measure_where_there_was_none(tmp_path: Path) -> None:
    tool = runpy.run_path(str(ROOT / "tools/benchmarks.py"))
    origin = {"unit": "s", "date": "2026-01-02", "versions": "v 1", "note": "no driver"}
    rows = [{"name": "a", "value": None, "machine": "no GPU"} | origin]
    path = tmp_path / "x.json"
    path.write_text(json.dumps(rows))
    page = tool["page"](tmp_path)
    assert "| a. no driver | not measured |" in page
    assert "Nothing of it is measured yet." in page
    rows.append({"name": "b", "value": 1.0, "machine": "a GPU"} | origin)
    path.write_text(json.dumps(rows))
    page = tool["page"](tmp_path)
    assert "Measured 2026-01-02, a GPU; v 1." in page
    assert "no GPU" not in page


def test_a_layers_operations_run_in_the_kernels_of_a_gpu() -> None:
    said = interpreted("-c", INTERPRETED, path=(FOLDER, Path(__file__).parent))
    assert said == ["qkv", "attention", "o", "gate_up", "down", "products"]


INTERPRETED = """
from dataclasses import replace
from types import SimpleNamespace
import torch
import measures
from mlnode.poc.params import MODEL_PARAMS_BIG, MODEL_PARAMS_TEST
from mlnode.poc.engines.products import int8_product
from mlnode.poc.engines.tiles import TiledArithmetic
from mlnode.poc.engines.triton_ops import TritonArithmetic
from triton_cases import SMALL

params = replace(MODEL_PARAMS_TEST, n_layers=2, seq_len=8)
made = TritonArithmetic("int8", tilings=SMALL)
plain = TiledArithmetic(int8_product)
shapes = {"qkv": (params.qkv_dim, 128), "o": (128, 128), "gate_up": (768, 128), "down": (128, 384)}
weights = {
    f"layers.0.{name}": torch.randint(-127, 128, shape, dtype=torch.int8)
    for name, shape in shapes.items()
}
engine = SimpleNamespace(name="int8", network=SimpleNamespace(weights=[weights]))

class Fake(measures.Bench):
    def proving(self, params):
        return engine, None
    def busy(self, params):
        return 2
    def engine(self, name):
        return engine

def bench(arithmetic):
    machine = SimpleNamespace(devices=("cpu",), arithmetic=lambda _: arithmetic)
    return Fake(machine, SimpleNamespace(main=params, side=32))

ours, theirs = (measures.operations_of_layer(bench(each)) for each in (made, plain))
for name, (work, size) in ours.items():
    other, same = theirs[name]
    assert size == same > 0
    assert torch.equal(work(), other()), name
    print(name)
x = bench(made).bytes_of(32, 32)
assert torch.equal(
    measures._product(bench(made), "int8", x, x)(),
    measures._product(bench(plain), "torch int8", x, x)(),
)
print("products")
"""


def test_parts_of_a_batch_are_a_whole_and_its_products_are_seen(modules: Any) -> None:
    parts, cpu = modules("parts"), modules("cpu")
    from mlnode.shard.gpu import group_engines

    engine = next(engine for engine in group_engines(("cpu",)) if engine.name == "fp32")
    _, batch = cpu.proof(engine, MODEL_PARAMS_TEST, 8)
    came = parts.parts(batch, 2)
    assert sum(came.values()) == pytest.approx(1.0)
    assert list(came.values()) == sorted(came.values(), reverse=True)
    assert parts.GENERATED not in came
    for part in (parts.PRODUCTS, parts.CONVERSIONS, parts.SUMS, parts.ATTENTION, parts.INPUTS):
        assert came[part] > 0, part
    assert came[parts.DECISIONS] > 0
    # What was named to the profiler is itself again.
    from mlnode.poc.engines import compiled

    assert compiled.narrow.__module__ == "mlnode.poc.engines.compiled"


def test_times_of_names_become_shares_of_parts(modules: Any) -> None:
    parts = modules("parts")
    came = parts.shares({"aten::mm": 6.0, "ours::gate": 2.0, "ours::add": 1.0, "aten::view": 1.0})
    assert came == {parts.PRODUCTS: 0.6, parts.SUMS: 0.3, parts.REST: 0.1}
    assert parts.kind("## Call CompiledFxGraph f3 ##") == parts.GENERATED


def test_two_take_turns_and_the_first_turn_only_warms_up(modules: Any) -> None:
    rows, now, done = modules("rows"), [0.0], list[str]()

    def work(name: str, seconds: float) -> None:
        # The first time takes longer: a compiler.
        now[0] += seconds + (0.0 if name in done else 100.0)
        done.append(name)

    seconds = rows.take_turns(
        lambda: work("a", 1.0), lambda: work("b", 3.0), 3, clock=lambda: now[0]
    )
    assert seconds == (1.0, 3.0)
    assert done == ["a", "b"] * 4
    origin = rows.Origin(machine="m", versions="v")
    row = origin.pair("name", "1/s", 6.0, seconds)
    assert (row["value"], row["baseline"], row["ratio"]) == (6.0, 2.0, 3.0)


def test_a_llama_sees_no_later_position(gpu: Any, modules: Any) -> None:
    llama = modules("llama")
    params = replace(MODEL_PARAMS_TEST, n_layers=2)
    torch.manual_seed(1)
    model = llama.Llama(params).eval()
    x_BSD = torch.randn(2, params.seq_len, params.dim)
    layer = model.layers[0]
    with torch.inference_mode():
        whole = layer(x_BSD, model.cos, model.sin)
        part = layer(x_BSD[:, :5], model.cos[:5], model.sin[:5])
        assert model(x_BSD).shape == (2, params.vocab_size)
    # Sums of another order: fp32 keeps about seven digits.
    assert torch.allclose(whole[:, :5], part, atol=1e-5)
    came = llama.llama(params, 2, torch.float32, "cpu:0")()
    assert came.shape == (2, params.vocab_size)
    assert len(llama.tiled_pool(1_000)) == 1_000
    assert np.unique(llama.tiled_pool(1_000).float().numpy()).size <= 10
