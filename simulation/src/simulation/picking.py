"""The one loop over picks: drawing hosts by weight while hosts leave the draw.

With numba installed it is compiled once there is much to do; the result is the same.
"""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from simulation.arrays import I64, U64

# Hosts whose weights are scanned one by one below the tree: as many as fill a line of cache.
_BLOCK = 8

# Words, in one process, from which it pays to load the compiler: a second of two.
_COMPILE_FROM = 400_000

Loop = Callable[..., Any]


def _loop(
    words: Any,
    weight_N: Any,
    left: Any,
    turn: Any,
    throughput: Any,
    sums: Any,
    picks: Any,
    line: Any,
    block: Any,
    one: Any,
    most: Any,
) -> int:
    """Picks until their throughput reaches the line, nobody is left, or the words end.

    Lists and arrays both serve, so that the loop runs as it stands and compiled. All is
    unsigned: a compiler then neither widens to floats nor asks whether an index is negative.

    Args:
        words: of the stream, 64 bits each.
        weight_N: weights of the hosts in the draw, padded to whole blocks; 0 for who left.
        left: sums of left subtrees, of a complete binary tree over blocks, from its root at 1;
            the number of blocks at 0.
        turn: next node of host i at 2·i, and the one after its last at 2·i + 1.
        throughput: of the nodes.
        sums: weight in the draw and throughput selected so far; both move on.
        picks: takes the nodes.
        line: throughput to reach.
        block: hosts of a block.
        one: 1 of the words' type.
        most: 2⁶⁴ − 1 of the words' type.

    Returns:
        How many nodes were picked.
    """
    half = left[0]
    zero, two = one - one, one + one
    everything, selected = sums[0], sums[1]
    taken = 0
    for word in words:
        if selected >= line or everything == zero:
            break
        point = word % everything
        # A word above the largest multiple has no full cycle of residues.
        if most - (word - point) < everything - one:
            continue
        at = one
        while at < half:
            in_left = left[at]
            at += at
            if point >= in_left:
                point -= in_left
                at += one
        host = (at - half) * block
        while point >= weight_N[host]:
            point -= weight_N[host]
            host += one
        pick = turn[two * host]
        picks[taken] = pick
        taken += 1
        selected += throughput[pick]
        turn[two * host] = pick + one
        if pick + one == turn[two * host + one]:
            weight = weight_N[host]
            everything -= weight
            weight_N[host] = zero
            while at > one:
                if at & one == zero:
                    left[at >> one] -= weight
                at >>= one
    sums[0], sums[1] = everything, selected
    return taken


@cache
def has_compiler() -> bool:
    """Whether numba is installed."""
    return find_spec("numba") is not None


def _compiled() -> Loop:
    compiler: Any = import_module("numba")
    return compiler.njit(cache=True)(_loop)


class Picker:
    """A draw of nodes by the weight of their hosts; each host offers its nodes in their order."""

    _fast: Loop | None = None
    _picked = 0  # by this process, uncompiled

    def __init__(self, weight_N: U64, first_N: I64, last_N: I64, throughput: U64) -> None:
        """Hosts whose nodes are throughput[first:last]; a host without any weighs 0."""
        blocks = 1 << max(0, -(-len(weight_N) // _BLOCK) - 1).bit_length()
        self._weight = np.zeros(blocks * _BLOCK, np.uint64)
        self._weight[: len(weight_N)] = weight_N
        self._left = np.zeros(blocks, np.uint64)
        level = self._weight.reshape(blocks, _BLOCK).sum(axis=1, dtype=np.uint64)
        while len(level) > 1:
            half = len(level) // 2
            self._left[half : 2 * half] = level[0::2]
            level = level[0::2] + level[1::2]
        self._left[0] = blocks
        self._turn = np.empty(2 * len(first_N), np.uint64)
        self._turn[0::2], self._turn[1::2] = first_N, last_N
        self._throughput = throughput
        self._sums = np.array([int(level[0]), 0], np.uint64)

    @property
    def nodes(self) -> int:
        """Nodes in the draw at its beginning."""
        return len(self._throughput)

    @property
    def selected(self) -> int:
        """Throughput of all picks so far."""
        return int(self._sums[1])

    @property
    def exhausted(self) -> bool:
        """Whether nobody is left to be drawn."""
        return int(self._sums[0]) == 0

    def pick(self, words: U64, line: int) -> I64:
        """Nodes drawn by these words, until their throughput reaches the line."""
        picks = np.empty(len(words), np.uint64)
        if Picker._picked + len(words) >= _COMPILE_FROM:
            self.prepare()
        if Picker._fast is not None:
            facts = (words, self._weight, self._left, self._turn, self._throughput)
            ends = np.uint64(line), np.uint64(_BLOCK), np.uint64(1), np.uint64(2**64 - 1)
            taken = Picker._fast(*facts, self._sums, picks, *ends)
            return picks[:taken].astype(np.int64)
        Picker._picked += len(words)
        kept = self._weight, self._left, self._turn, self._sums, picks
        weight, left, turn, sums, picked = (array.tolist() for array in kept)
        throughput = self._throughput.tolist()
        ends = line, _BLOCK, 1, 2**64 - 1
        taken = _loop(words.tolist(), weight, left, turn, throughput, sums, picked, *ends)
        for array, values in zip(kept, (weight, left, turn, sums, picked), strict=True):
            array[:] = values
        return picks[:taken].astype(np.int64)

    @classmethod
    def prepare(cls) -> None:
        """Load the compiled loop now, instead of when it begins to pay; nothing without numba."""
        if has_compiler() and cls._fast is None:
            cls._fast = staticmethod(_compiled())
            one = np.ones(1, np.uint64)
            cls(one, np.array([0]), np.array([1]), one).pick(one, 1)

    @classmethod
    def is_compiled(cls) -> bool:
        """Whether the compiled loop is loaded."""
        return cls._fast is not None
