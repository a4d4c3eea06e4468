"""One walk over all lanes of a node: made, taken, acknowledged."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlnode.poc.batch import ProofBatch
from mlnode.poc.rounds import Round
from mlnode.service.errors import RequestError
from mlnode.service.messages import Walked


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A batch on its way to the broker's disk: its valid nonces, and how far it takes the lanes."""

    valid: int
    lane_next: tuple[int, ...]


class Generation:
    """The batches of one Generate stream, in the order in which they are taken.

    What waits here is bounded by the credits of the workers, what is sent and
    not acknowledged by ``unacknowledged_limit``.
    """

    def __init__(
        self,
        walk_id: int,
        round_: Round,
        lanes: list[tuple[int, ...]],
        lane_next: Sequence[int],
        *,
        unacknowledged_limit: int,
    ) -> None:
        """Begin.

        Args:
            lanes: of each group.
            lane_next: next step of every lane of the node.
        """
        self.walk_id = walk_id
        self.round = round_
        self.lanes = lanes
        self.made = 0
        self._taken_next = list(lane_next)
        self._limit = unacknowledged_limit
        self._waiting: deque[tuple[int, Walked]] = deque()
        self._sent: dict[int, Sent] = {}
        self._sequence = 0
        self._wake = asyncio.Event()
        self._end: Exception | None = None
        self._ended = False
        self._all_stored = asyncio.Event()
        self._all_stored.set()

    def put(self, index: int, walked: Walked) -> None:
        """Queue a batch of a group."""
        self._waiting.append((index, walked))
        self._wake.set()

    def discard(self, index: int) -> None:
        """Forget what waits of a group that cannot be trusted; it is walked again."""
        self._waiting = deque(entry for entry in self._waiting if entry[0] != index)

    def end(self, why: Exception | None) -> None:
        """Give out no more batches; who waits for one gets the exception, or None."""
        if not self._ended:
            self._ended, self._end = True, why
            self._wake.set()

    async def take(self) -> tuple[int, int, ProofBatch] | None:
        """The next batch as (its group, its sequence number from 1, itself).

        Waits while too many are not acknowledged. None when the walk has ended;
        the exception it was ended with, if any.
        """
        while not self._ended:
            if self._waiting and len(self._sent) < self._limit:
                return self._next()
            self._wake.clear()
            await self._wake.wait()
        if self._end is not None:
            raise self._end
        return None

    def acknowledge(self, sequence: int) -> list[Sent]:
        """Forget what is stored: everything up to a sequence number.

        Raises:
            RequestError: no such batch was sent.
        """
        if sequence > self._sequence:
            raise RequestError(
                f"ack.sequence is {sequence}; the last that was sent is {self._sequence}"
            )
        stored = [self._sent.pop(number) for number in list(self._sent) if number <= sequence]
        self._wake.set()
        if not self._sent:
            self._all_stored.set()
        return stored

    async def all_stored(self) -> None:
        """Wait until nothing that was sent waits for its acknowledgement."""
        await self._all_stored.wait()

    def stored_before(self, lane_next: Sequence[int]) -> list[Sent]:
        """Forget batches that were not acknowledged, though the broker goes on behind them.

        An acknowledgement of theirs that comes later finds nothing to count again.
        """
        behind = [
            number
            for number, sent in self._sent.items()
            if all(k <= start for k, start in zip(sent.lane_next, lane_next, strict=True))
        ]
        stored = [self._sent.pop(number) for number in behind]
        if not self._sent:
            self._all_stored.set()
        return stored

    def waiting(self, index: int) -> int:
        """Batches of a group that nobody has taken yet."""
        return sum(group == index for group, _ in self._waiting)

    def reached(self, index: int) -> tuple[int, ...]:
        """Where a successor of a group's worker goes on: behind everything that was made.

        What waits here was made by a worker that may be gone; it is still given out.
        """
        lane_next = list(self._taken_next)
        for group, walked in self._waiting:
            if group == index:
                self._advance(lane_next, group, walked)
        return tuple(lane_next)

    def _next(self) -> tuple[int, int, ProofBatch]:
        index, walked = self._waiting.popleft()
        self._advance(self._taken_next, index, walked)
        self.made += len(walked.nonces)
        self._sequence += 1
        lane_next = tuple(self._taken_next)
        self._all_stored.clear()
        self._sent[self._sequence] = Sent(valid=len(walked.nonces), lane_next=lane_next)
        batch = ProofBatch(
            public_key=self.round.public_key,
            block_hash=self.round.block_hash,
            block_height=self.round.block_height,
            node_index=self.round.node_index,
            nonces=walked.nonces,
            distances=walked.distances,
            valid=np.ones(len(walked.nonces), np.bool_),
            lane_next=lane_next,
        )
        return index, self._sequence, batch

    def _advance(self, lane_next: list[int], index: int, walked: Walked) -> None:
        for lane, k in zip(self.lanes[index], walked.lane_next, strict=True):
            lane_next[lane] = k
