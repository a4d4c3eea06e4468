"""How fast a device multiplies large matrices exactly: what a proof's rate is set against.

Axes: R rows, N columns and K depth of a product.
"""

# PyTorch's own name of its int8 product is private and untyped.
# pyright: reportPrivateUsage=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownLambdaType=false, reportPrivateImportUsage=false

from collections.abc import Callable
from time import perf_counter

import torch

from mlnode.poc.engines.layers import Arithmetic

_SECONDS = 0.5
# Large enough to keep a device busy for milliseconds, small enough for a CPU to do some.
_SIDE_GPU, _SIDE_CPU = 8_192, 1_024


def dense_rate(arithmetic: Arithmetic, device: str) -> float:
    """Returns the operations a second of the fastest exact product on a device.

    Of the engine's own and, on a GPU, of the vendor's int8 product, which the proof cannot use
    because it writes its sums to memory.
    """
    side = _SIDE_CPU if device == "cpu" else _SIDE_GPU
    generator = torch.Generator().manual_seed(1)
    x_RK, w_NK = (
        torch.randint(-127, 128, (side, side), dtype=torch.int8, generator=generator).to(device)
        for _ in range(2)
    )
    products: list[Callable[[], object]] = [lambda: arithmetic.sums(x_RK, w_NK)]
    if device != "cpu":
        products.append(lambda: torch._int_mm(x_RK, w_NK.t()))
    return 2 * side**3 / min(_fastest(product, device) for product in products)


def _fastest(product: Callable[[], object], device: str) -> float:
    """Returns the seconds of one product, the best of half a second of them."""
    fastest, began = float("inf"), perf_counter()
    product()
    _wait(device)
    while fastest == float("inf") or perf_counter() - began < _SECONDS:
        start = perf_counter()
        product()
        _wait(device)
        fastest = min(fastest, perf_counter() - start)
    return fastest


def _wait(device: str) -> None:
    if device != "cpu":
        torch.cuda.synchronize(device)
