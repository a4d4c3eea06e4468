"""Which nonces a node walks, and in what order (docs/spec/poc.md, "Nonces and lanes").

Axes: B nonces of a batch, L lanes, M lanes of one group.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlnode.poc.arrays import I64, U64
from mlnode.poc.errors import NonceError

LANE_END = 2**48
"""Steps k of a lane lie below this; the chain refuses a lane that has come further."""


@dataclass(frozen=True, slots=True)
class NonceIterator:
    """The nonces node_index + node_count·(group_index + group_count·k), k = 0, 1, 2 …

    A node builds one for each of its lanes, as (lane, lanes): no two nodes of a fleet, no two
    lanes of a node and no two k give the same nonce, and none is left out.

    Raises:
        NonceError: an index is outside its count.
    """

    node_index: int
    node_count: int
    group_index: int
    group_count: int

    def __post_init__(self) -> None:
        _index("node_index", self.node_index, self.node_count)
        _index("group_index", self.group_index, self.group_count)

    def at(self, k: I64) -> U64:
        """Returns the nonces of the steps k, uint64 shaped like k.

        Raises:
            NonceError: a step is outside 0 … 2⁴⁸ − 1, or its nonce outside 64 bits.
        """
        if not len(k):
            return np.empty(0, np.uint64)
        low, high = int(k.min()), int(k.max())
        if low < 0 or high >= LANE_END:
            raise NonceError("k", low if low < 0 else high, f"from 0 to {LANE_END - 1}")
        first = self.node_index + self.node_count * self.group_index
        step = self.node_count * self.group_count
        if first + step * high >= 2**64:
            raise NonceError("k", high, "small enough for a 64-bit nonce")
        return np.uint64(first) + np.uint64(step) * k.astype(np.uint64)


def deal_lanes(lanes: int, groups: int) -> list[tuple[int, ...]]:
    """Returns the lanes of each GPU group: every lane once, shares equal to within one.

    Raises:
        NonceError: there are more groups than lanes, so that one would stand idle.
    """
    if not 1 <= groups <= lanes:
        raise NonceError("groups", groups, f"from 1 to the number of lanes, {lanes}")
    return [tuple(range(group, lanes, groups)) for group in range(groups)]


class LaneWalk:
    """Walks the lanes of one group, the lane that is furthest behind first.

    After a restart lanes may be dealt anew to another number of groups, so that their steps
    differ; they then draw level before the walk goes on.
    """

    def __init__(
        self,
        node_index: int,
        node_count: int,
        lanes: int,
        mine: Sequence[int],
        lane_next: Sequence[int],
    ) -> None:
        """Starts a walk.

        Args:
            lanes: lanes of the node.
            mine: the lanes of this group, each below ``lanes``.
            lane_next: next step k of every lane of the node, in lane order.

        Raises:
            NonceError: an argument does not fit the others.
        """
        if len(lane_next) != lanes:
            raise NonceError("lane_next", len(lane_next), f"one step for each of {lanes} lanes")
        if not mine or len(set(mine)) != len(mine):
            raise NonceError("mine", list(mine), "one or more different lanes")
        self._lanes = [NonceIterator(node_index, node_count, lane, lanes) for lane in mine]
        self._mine_M = np.array(mine, np.int64)
        self._next_L = np.array(lane_next, np.int64)

    @property
    def lane_next(self) -> tuple[int, ...]:
        """The next step k of every lane of the node, those of other groups as they were given."""
        return tuple(int(k) for k in self._next_L)

    def take(self, count: int) -> U64:
        """Returns the next ``count`` nonces, uint64 [B], in increasing order.

        Raises:
            NonceError: a lane has come to its end.
        """
        steps_MB = self._next_L[self._mine_M][:, None] + np.arange(count)
        # Order by (k, lane); the count smallest are a prefix of each lane.
        order = np.argsort(steps_MB, axis=None, kind="stable")[:count]
        taken_M = np.bincount(order // max(count, 1), minlength=len(self._lanes))
        parts = [
            lane.at(steps_B[:taken])
            for lane, steps_B, taken in zip(self._lanes, steps_MB, taken_M, strict=True)
        ]
        self._next_L[self._mine_M] += taken_M
        return np.sort(np.concatenate(parts))


def _index(field: str, index: int, count: int) -> None:
    if not 0 <= index < count:
        raise NonceError(field, index, f"from 0 to {count - 1}, with a count of 1 or more")
