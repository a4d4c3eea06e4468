"""Checks of one host that share batches, computed one batch at a time.

Axes: B nonces of a batch.
"""

from collections import deque
from collections.abc import Iterator

import numpy as np

from mlnode.poc.arrays import U64
from mlnode.poc.decision import Decisions
from mlnode.service.messages import Check, Checked


class Recheck:
    """The next check of a queue, with those behind it that fit into the same batch."""

    def __init__(self, queue: deque[Check], batch_size: int) -> None:
        """Take them off the queue, of which there is at least one.

        Args:
            batch_size: nonces of a batch.
        """
        self._checks = [queue.popleft()]
        self.public_key = self._checks[0].public_key
        room = batch_size - len(self._checks[0].nonces)
        while queue and queue[0].public_key == self.public_key and len(queue[0].nonces) <= room:
            self._checks.append(queue.popleft())
            room -= len(self._checks[-1].nonces)
        nonces_B = np.concatenate([check.nonces for check in self._checks])
        self._left = deque(
            nonces_B[first : first + batch_size] for first in range(0, len(nonces_B), batch_size)
        )
        self._done: list[Decisions] = []

    @property
    def complete(self) -> bool:
        """Whether every nonce was computed."""
        return not self._left

    def next(self) -> tuple[U64, U64 | None]:
        """The next batch, and the one behind it."""
        part_B = self._left.popleft()
        return part_B, self._left[0] if self._left else None

    def put(self, came: Decisions) -> None:
        """Take what the last batch came to."""
        self._done.append(came)

    def answers(self) -> Iterator[Checked]:
        """One answer a check, once it is complete."""
        valid, distances, digests = (
            np.concatenate([getattr(part, name) for part in self._done])
            for name in ("valid", "distances", "digests")
        )
        end = 0
        for check in self._checks:
            mine = slice(end, end := end + len(check.nonces))
            yield Checked(
                request_id=check.request_id,
                valid=valid[mine],
                distances=distances[mine],
                digests=digests[mine],
            )
