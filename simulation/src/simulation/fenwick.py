"""The one loop over picks: drawing hosts by weight while hosts leave the draw.

With numba installed it is compiled on first use; the result is the same.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from simulation.arrays import I64, U64

Loop = Callable[[U64, U64, I64, I64, U64, np.uint64], tuple[I64, bool]]


def _loop(
    words: U64, weight_N: U64, first_N: I64, last_N: I64, throughput: U64, line: np.uint64
) -> tuple[I64, bool]:
    """Picks until their throughput reaches the line or nobody is left.

    A Fenwick tree holds the weights of the hosts in the draw: position i (from 1) the sum of
    the i & −i weights that end with it.

    Returns:
        Indices into throughput, and whether the words lasted.
    """
    hosts = len(weight_N)
    zero, one = np.uint64(0), np.uint64(1)
    tree = np.zeros(hosts + 1, np.uint64)
    everything = zero
    for i in range(hosts):
        at = i + 1
        tree[at] += weight_N[i]
        everything += weight_N[i]
        above = at + (at & -at)
        if above <= hosts:
            tree[above] += tree[at]
    top = 1
    while top * 2 <= hosts:
        top *= 2
    position = first_N.copy()
    picks = np.empty(len(throughput), np.int64)
    taken = 0
    used = 0
    selected = zero
    most = ~zero
    while selected < line and everything > zero:
        # Words above the largest multiple of n have no full cycle of residues.
        excess = (most % everything + one) % everything
        while used < len(words) and words[used] > most - excess:
            used += 1
        if used == len(words):
            return picks[:taken], False
        point = words[used] % everything
        used += 1
        at = 0
        step = top
        while step > 0:
            if at + step <= hosts and tree[at + step] <= point:
                at += step
                point -= tree[at]
            step //= 2
        pick = position[at]
        picks[taken] = pick
        taken += 1
        selected += throughput[pick]
        position[at] += 1
        if position[at] == last_N[at]:
            everything -= weight_N[at]
            out = at + 1
            while out <= hosts:
                tree[out] -= weight_N[at]
                out += out & -out
    return picks[:taken], True


def _compiled() -> Loop:
    try:
        import numba
    except ImportError:
        return _loop
    compiler: Any = numba
    return compiler.njit(cache=True)(_loop)


_lazy: list[Loop] = []

# Below this, compiling costs more than the plain loop.
_COMPILE_FROM = 20_000


def allocate_loop(
    words: U64, weight_N: U64, first_N: I64, last_N: I64, throughput: U64, line: np.uint64
) -> tuple[I64, bool]:
    """`_loop`, compiled where there is much to do."""
    if len(weight_N) < _COMPILE_FROM:
        with np.errstate(over="ignore"):
            return _loop(words, weight_N, first_N, last_N, throughput, line)
    if not _lazy:
        _lazy.append(_compiled())
    return _lazy[0](words, weight_N, first_N, last_N, throughput, line)
