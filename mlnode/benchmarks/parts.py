"""Where the time of a CPU batch goes, as PyTorch's profiler sees it.

``python mlnode/benchmarks/parts.py`` prints the parts at both shapes of ``cpu.py``, of a batch
and of the Llama it is set against. The compiled functions around the products, the inputs and
the decision are named to the profiler; what runs between all that it sees is Python. With
``--repeat N`` it only computes N batches, of the wider shape with ``--wide``, for a profiler that
looks from outside.
"""

import argparse
import sys
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any, cast
from unittest import mock

from rows import Work
from torch.profiler import ProfilerActivity, profile, record_function

from mlnode.poc.engines import compiled
from mlnode.shard import engine

PRODUCTS = "products of matrices"
CONVERSIONS = "bytes to fp32 and copies"
SUMS = "sums to bytes: shift, wrap, gate"
ATTENTION = "attention: its products, mask and wrap"
INPUTS = "inputs"
DECISIONS = "decisions and digests"
GENERATED = "what the compiler generated"
REST = "calls, views and Python"

KINDS = {
    PRODUCTS: ("aten::mm", "aten::_int_mm", "aten::addmm", "mkldnn::_linear_pointwise"),
    CONVERSIONS: ("aten::copy_", "aten::_to_copy", "aten::to", "aten::clone"),
    SUMS: ("ours::narrow", "ours::gate", "ours::add"),
    ATTENTION: (
        "aten::bmm",
        "ours::wrap_seen",
        "aten::_scaled_dot_product_flash_attention_for_cpu",
    ),
    INPUTS: ("ours::fill",),
    DECISIONS: ("ours::decide",),
}
"""What each part is made of, by the names that the profiler gives."""

_NAMED: tuple[tuple[ModuleType, str], ...] = (
    *((compiled, name) for name in ("narrow", "gate", "add", "wrap_seen", "fill")),
    (engine, "decide"),
)
_GENERATED = "## Call CompiledFxGraph"
_BATCHES = 8


def parts(work: Work, batches: int = _BATCHES) -> dict[str, float]:
    """Returns the share of each part of a batch's time, all together 1; the largest first."""
    work()
    with _named(), profile(activities=[ProfilerActivity.CPU]) as seen:
        for _ in range(batches):
            with record_function("ours::batch"):
                work()
    events = cast(Iterable[Any], seen.key_averages())
    return shares({str(event.key): float(event.self_cpu_time_total) for event in events})


def shares(times: Mapping[str, float]) -> dict[str, float]:
    """Returns the share of each part of times by name, of what a name did itself."""
    found: dict[str, float] = {}
    for name, time in times.items():
        part = kind(name)
        found[part] = found.get(part, 0.0) + time
    whole = sum(found.values())
    return {part: found[part] / whole for part in sorted(found, key=lambda part: -found[part])}


def kind(name: str) -> str:
    """Returns the part that an operation belongs to."""
    for part, names in KINDS.items():
        if name in names:
            return part
    return GENERATED if name.startswith(_GENERATED) else REST


@contextmanager
def _named() -> Generator[None]:
    """Names our own functions to the profiler while it looks."""
    with ExitStack() as stack:
        for module, name in _NAMED:
            function = _recorded(f"ours::{name}", getattr(module, name))
            stack.enter_context(mock.patch.object(module, name, function))
        yield


def _recorded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def run(*arguments: Any, **named: Any) -> Any:
        with record_function(name):
            return function(*arguments, **named)

    return run


def main() -> None:
    """Prints the parts of a batch beside those of the baseline, at two widths."""
    import cpu
    import torch
    from llama import llama

    from mlnode.poc.engines.selection import select_engine
    from mlnode.shard.gpu import group_engines

    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeat", type=int, default=0, help="only compute so many batches")
    parser.add_argument("--wide", action="store_true", help="of the wider shape")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    selected = select_engine(group_engines(("cpu",))).engine
    if chosen.repeat:
        _, shape, size = cpu.SHAPES[1 if chosen.wide else 0]
        _, batch = cpu.proof(selected, shape, size)
        for _ in range(chosen.repeat):
            batch()
        return
    for name, shape, size in cpu.SHAPES:
        _, batch = cpu.proof(selected, shape, size)
        ours, theirs = parts(batch), parts(llama(shape, size, torch.float32))
        sys.stdout.write(f"{name}: {selected.name} engine, compiled fp32 Llama\n")
        for part in sorted(ours | theirs, key=lambda part: -ours.get(part, 0.0)):
            both = f"{ours.get(part, 0.0):7.1%} {theirs.get(part, 0.0):7.1%}"
            sys.stdout.write(f"{both}  {part}\n")


if __name__ == "__main__":
    main()
