"""Types of arrays. Names carry their axes: w_N is one value a host.

N hosts · K nodes · M models · V verdicts · S seats · E epochs · R replicas
"""

import numpy as np
import numpy.typing as npt

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
U8 = npt.NDArray[np.uint8]


def u64(values: npt.ArrayLike) -> U64:
    """Values as unsigned 64-bit integers, at least one-dimensional.

    NumPy wraps silently in arrays and warns for scalars, so no twin computes with scalars.
    """
    return np.atleast_1d(np.asarray(values, dtype=np.uint64))


def total(values: U64) -> int:
    """The sum in unbounded integers: NumPy's own wraps at 2⁶⁴."""
    # Halves of 32 bits: 2³¹ of them fit a sum.
    high = int((values >> np.uint64(32)).sum(dtype=np.uint64))
    low = int((values & np.uint64(0xFFFFFFFF)).sum(dtype=np.uint64))
    return (high << 32) + low


def sums_by(index: I64, values: npt.ArrayLike, size: int) -> F64:
    """Sums of values by index, (size,), in float64: exact for integers below 2⁵³."""
    weights = np.asarray(values, dtype=np.float64)
    return np.asarray(np.bincount(index, weights=weights, minlength=size), dtype=np.float64)


def bounds(index: I64, size: int) -> I64:
    """Where each value of an ascending index begins, and the end: (size + 1,)."""
    out = np.zeros(size + 1, np.int64)
    np.cumsum(np.bincount(index, minlength=size), out=out[1:])
    return out
