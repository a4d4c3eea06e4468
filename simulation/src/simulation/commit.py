"""Twin of the part of core/commit (docs/spec/commit.md) that decides over batches.

The Merkle tree is bytes, not arithmetic, and has no twin: the simulator never forges a hash.
"""

from dataclasses import dataclass

import numpy as np

from simulation import fixed
from simulation.arrays import U64, Bool, u64
from simulation.errors import BatchError, OverflowU64Error

MAX_COUNT = 1 << 16
MAX_LANES = 64
MAX_LANE_NEXT = 1 << 48


def position(lane: int, k: int) -> int:
    """lane·2⁵⁶ + k. Raises BatchError."""
    if lane >= MAX_LANES or k >= MAX_LANE_NEXT:
        raise BatchError("lane_bound")
    return (lane << 56) | k


def nonce(*, node_index: int, node_count: int, lanes: int, lane: int, k: int) -> int:
    """node_index + node_count·(lane + lanes·k). Raises BatchError, OverflowU64Error."""
    if not 1 <= lanes <= MAX_LANES or lane >= lanes or node_index >= node_count:
        raise BatchError("lane_count")
    value = node_index + node_count * (lane + lanes * k)
    if value > fixed.MAX_U64:
        raise OverflowU64Error(f"nonce of lane {lane}, k {k}")
    return value


def dense(claims: int, walked: int, p: int) -> bool:
    """Whether the claims of a walked range are as dense as chance; p in 10⁻¹⁸."""
    owed = p * walked // fixed.ONE
    if owed > fixed.MAX_U64:
        return False
    return owed <= claims or (owed - claims) ** 2 <= 36 * owed + 4096


def dense_each(claims_N: U64, walked_N: U64, p: int) -> Bool:
    """`dense` for each element, for claims below 2³²."""
    owed_N = fixed.floor_each(walked_N, p, fixed.ONE)
    gap_N = np.where(owed_N > claims_N, owed_N - u64(claims_N), np.uint64(0))
    near_N = gap_N < np.uint64(2**32)
    square_N = np.where(near_N, gap_N, np.uint64(0)) ** np.uint64(2)
    return near_N & (square_N <= np.uint64(36) * np.minimum(owed_N, np.uint64(2**58)) + 4096)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A commitment as it is submitted."""

    batch_id: int
    count: int
    root: bytes
    lane_next: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The epoch's parameters that bound a batch; valid_fraction in 10⁻¹⁸."""

    lanes: int
    max_batches_per_node: int
    max_nonces_per_node: int
    valid_fraction: int


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A node's running total in one round."""

    last_id: int = 0
    claimed: int = 0
    lane_next: tuple[int, ...] = ()
    stored: tuple[Batch, ...] = ()


def accept(state: State, batch: Batch, limits: Limits) -> State:
    """The state after a batch. Raises BatchError with the reason for which it is refused."""
    if not 1 <= limits.lanes <= MAX_LANES or limits.valid_fraction > fixed.ONE:
        raise BatchError("limits")
    if batch.batch_id <= state.last_id:
        raise BatchError("repeated" if batch in state.stored else "conflict")
    if batch.batch_id > limits.max_batches_per_node:
        raise BatchError("too_many_batches")
    if batch.batch_id != state.last_id + 1:
        raise BatchError("gap")
    if len(batch.root) != 32:
        raise BatchError("root_size")
    previous = state.lane_next or (0,) * limits.lanes
    if len(batch.lane_next) != limits.lanes:
        raise BatchError("lane_count")
    if any(next_ >= MAX_LANE_NEXT for next_ in batch.lane_next):
        raise BatchError("lane_bound")
    if any(next_ < before for next_, before in zip(batch.lane_next, previous, strict=True)):
        raise BatchError("lane_falls")
    walked = sum(batch.lane_next) - sum(previous)
    if not 1 <= batch.count <= MAX_COUNT:
        raise BatchError("count")
    if batch.count > walked:
        raise BatchError("count_of_range")
    claimed = state.claimed + batch.count
    if claimed > limits.max_nonces_per_node:
        raise BatchError("too_many_nonces")
    if not dense(claimed, sum(batch.lane_next), limits.valid_fraction):
        raise BatchError("sparse")
    return State(
        last_id=batch.batch_id,
        claimed=claimed,
        lane_next=batch.lane_next,
        stored=(*state.stored, batch),
    )
