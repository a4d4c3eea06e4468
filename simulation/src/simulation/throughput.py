"""Twin of core/throughput (docs/spec/throughput.md). Tokens a PoC period."""

import numpy as np

from simulation import fixed
from simulation.arrays import U64
from simulation.epoch import Heights, Stage
from simulation.errors import EpochError, OverflowU64Error


class Ring:
    """Tokens of one model by block, of the newest blocks alone."""

    def __init__(self, blocks: int) -> None:
        if blocks < 1:
            raise EpochError("a ring has at least one block")
        self.newest = 0
        self._tokens = [0] * blocks

    def holds(self, height: int) -> bool:
        """Whether tokens of a height are still counted."""
        return 0 < height <= self.newest and self.newest - height < len(self._tokens)

    def advance(self, height: int) -> None:
        """Move to a later block and forget what falls out. Raises EpochError backwards."""
        if height < max(1, self.newest):
            raise EpochError(f"blocks advance: to {height} from {self.newest}")
        size = len(self._tokens)
        for h in range(max(self.newest, height - size) + 1, height + 1):
            self._tokens[h % size] = 0
        self.newest = height

    def credit(self, height: int, tokens: int) -> None:
        """Count tokens at the height their request was signed. Raises EpochError if forgotten."""
        if not self.holds(height):
            raise EpochError(f"the ring does not hold {height}")
        at = height % len(self._tokens)
        self._tokens[at] = fixed.add(self._tokens[at], tokens)

    def sum(self, first: int, last: int) -> int:
        """Tokens of a window, never of a part of it. Raises EpochError."""
        total = 0
        for h in range(max(first, 1), last + 1):
            if not self.holds(h):
                raise EpochError(f"the ring does not hold {h}")
            total += self._tokens[h % len(self._tokens)]
        if total > fixed.MAX_U64:
            raise OverflowU64Error("tokens of a window")
        return total


def measure(ring: Ring, first: int, last: int, period: int) -> int:
    """⌊tokens·period/blocks⌋ of a window of heights. Raises EpochError."""
    if last < first:
        raise EpochError("a measurement takes at least one block")
    return fixed.mul_div_floor(ring.sum(first, last), period, last - first + 1)


def pre_poc_window(heights: Heights, period: int) -> tuple[int, int]:
    """The last `period` blocks of INFERENCE, or all of it when shorter."""
    first, last = heights.window(Stage.INFERENCE)
    return max(first, last - period + 1), last


def poc_window(heights: Heights) -> tuple[int, int]:
    """Stages 1 to 6; (0, −1) for epoch 0."""
    return (0, -1) if heights.is_genesis else (heights.poc_start, heights.poc_validation_end)


def expected(before: int | None, capacity: int) -> int:
    """What a slot starts with: what was served in the epoch before, or capacity."""
    return capacity if before is None else before


def kept_weights(weight_K: U64, real_K: U64, expected_K: U64) -> U64:
    """ValidateThroughputPerformance: ⌊w·min(real, expected)/expected⌋, w where nothing was."""
    expected_or_1_K = np.maximum(expected_K, np.uint64(1))
    real_K = np.where(expected_K == 0, expected_or_1_K, np.minimum(real_K, expected_K))
    return fixed.floor_each(weight_K, real_K, expected_or_1_K)
