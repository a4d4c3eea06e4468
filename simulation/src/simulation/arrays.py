"""Types of arrays. Names carry their axes: w_N is one value a host.

N hosts · K nodes · M models · V verdicts · S seats · E epochs · R replicas
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
U8 = npt.NDArray[np.uint8]
AnyArray = TypeVar("AnyArray", U64, I64, F64, Bool, U8)


def u64(values: npt.ArrayLike) -> U64:
    """Values as unsigned 64-bit integers, at least one-dimensional.

    NumPy wraps silently in arrays and warns for scalars, so no twin computes with scalars.
    """
    if isinstance(values, int):
        return np.array([values], np.uint64)
    return np.atleast_1d(np.asarray(values, dtype=np.uint64))


def some(values: U64 | Bool) -> bool:
    """Whether any value is not 0."""
    return bool(np.count_nonzero(values))


def largest(values: U64) -> int:
    """The largest value; 0 of none."""
    return int(np.maximum.reduce(values, initial=0))


def total(values: U64) -> int:
    """The sum in unbounded integers: NumPy's own wraps at 2⁶⁴."""
    if largest(values) * values.size < 2**64:
        return int(np.add.reduce(values))
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


def choose(default: U8 | int, *choices: tuple[Bool, int]) -> U8:
    """The value of the first mask that holds, element by element; the default where none does."""
    out = np.empty(np.broadcast_shapes(*(mask.shape for mask, _ in choices)), np.uint8)
    out[...] = default
    for mask, value in reversed(choices):
        np.copyto(out, np.uint8(value), where=mask)
    return out


@dataclass(frozen=True, slots=True, kw_only=True)
class Owners:
    """Whose node is whose: the host of each node, ascending, and where each host's nodes begin."""

    host_K: I64
    first_N: I64
    after_N: I64  # one past a host's last node
    alone: bool  # every host has exactly one node

    @property
    def hosts(self) -> int:
        """N."""
        return len(self.first_N)

    def sums(self, values_K: U64) -> U64:
        """Sums of nodes by host (N,), wrapping at 2⁶⁴."""
        if self.alone:
            return values_K
        running = np.zeros(len(values_K) + 1, np.uint64)
        np.cumsum(values_K, dtype=np.uint64, out=running[1:])
        # Differences of a wrapped running sum are right while each host's own sum fits.
        return running[self.after_N] - running[self.first_N]

    def any(self, mask_K: Bool) -> Bool:
        """Hosts (N,) with a node for which the mask holds."""
        return mask_K if self.alone else self.sums(mask_K.astype(np.uint64)) > 0

    def all(self, mask_K: Bool) -> Bool:
        """Hosts (N,) for whose nodes the mask always holds; also those without nodes."""
        return ~self.any(~mask_K)

    def each(self, values_N: AnyArray) -> AnyArray:
        """What a host has, for each of its nodes (K,)."""
        return values_N if self.alone else values_N[self.host_K]


def owners(host_K: I64, hosts: int) -> Owners:
    """The owners of nodes that stand by ascending host."""
    ends = bounds(host_K, hosts)
    alone = len(host_K) == hosts and bool((np.diff(ends) == 1).all())
    return Owners(host_K=host_K, first_N=ends[:-1], after_N=ends[1:], alone=alone)
