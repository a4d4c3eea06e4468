"""Generation over all groups: one walk at a time, the newer one wins."""

from collections.abc import AsyncGenerator, Callable, Sequence

from mlnode.poc.batch import ProofBatch
from mlnode.poc.nonces import LANE_END, deal_lanes
from mlnode.service.crew import Crew
from mlnode.service.errors import RequestError, SupersededError
from mlnode.service.generation import Generation
from mlnode.service.group import Group
from mlnode.service.ledger import Ledger
from mlnode.service.messages import Credit, Pause, Walk, Walked

_UNACKNOWLEDGED = 32
_MOST_UNACKNOWLEDGED = 1024


class Walking:
    """Deals the lanes out, holds the groups back, merges their batches."""

    def __init__(
        self, crew: Crew, ledger: Ledger, *, window: int, changed: Callable[[], None]
    ) -> None:
        """Prepare.

        Args:
            window: batches a group may have made that nobody has taken yet.
            changed: told when a walk begins or ends.
        """
        self._crew = crew
        self._ledger = ledger
        self._window = window
        self._changed = changed
        self._current: Generation | None = None
        self._last: Generation | None = None
        self._last_id = 0

    @property
    def active(self) -> bool:
        """Whether a walk is under way."""
        return self._current is not None

    def queued(self, group: Group) -> int:
        """Batches of a group that nobody has taken yet."""
        return self._current.waiting(group.index) if self._current is not None else 0

    def begin(self, lane_next: Sequence[int], *, window: int) -> Generation:
        """See ``ParallelController.begin``."""
        round_ = self._ledger.standing()
        start = list(lane_next) or [0] * round_.lanes
        if len(start) != round_.lanes:
            raise RequestError(f"lane_next has {len(start)} entries; it has {round_.lanes} or none")
        if not all(0 <= k < LANE_END for k in start):
            raise RequestError(f"lane_next has {max(start)}; steps are from 0 to {LANE_END - 1}")
        if not 0 <= window <= _MOST_UNACKNOWLEDGED:
            raise RequestError(f"window is {window}; it is 0 (default) to {_MOST_UNACKNOWLEDGED}")
        self._crew.check_formed(round_)
        self.end(SupersededError("another Generate took over"))
        if self._last is not None and self._last.round is round_:
            for sent in self._last.stored_before(start):
                self._ledger.stored(round_, sent.valid, sent.lane_next)
        self._last_id += 1
        self._current = self._last = Generation(
            self._last_id,
            round_,
            deal_lanes(round_.lanes, len(self._crew.groups)),
            start,
            unacknowledged_limit=window or _UNACKNOWLEDGED,
        )
        for group in self._crew.groups:
            self.send(group)
        self._changed()
        return self._current

    async def batches(
        self, generation: Generation, *, max_valid: int
    ) -> AsyncGenerator[tuple[int, ProofBatch], None]:
        """See ``ParallelController.batches``."""
        try:
            while not max_valid or generation.made < max_valid:
                taken = await generation.take()
                if taken is None:
                    return
                index, sequence, batch = taken
                self._ledger.given_out(generation.round, len(batch))
                yield sequence, batch
                if self._current is generation:
                    self._crew.groups[index].handle.send(Credit(walk_id=generation.walk_id))
        finally:
            # Also when the stream broke: nobody takes the batches any more.
            if self._current is generation:
                self.end(None)
                for group in self._crew.groups:
                    group.handle.send(Pause())
                self._changed()

    def acknowledge(self, generation: Generation, sequence: int) -> None:
        """See ``ParallelController.acknowledge``."""
        for sent in generation.acknowledge(sequence):
            self._ledger.stored(generation.round, sent.valid, sent.lane_next)

    def end(self, why: Exception | None) -> None:
        """End the walk that is under way; its stream gets the exception, or its end."""
        if self._current is not None:
            self._current.end(why)
            self._current = None

    def send(self, group: Group) -> None:
        """Send a group walking; one that loads is sent when it has loaded."""
        current = self._current
        if current is None or not group.loaded:
            return
        group.handle.send(
            Walk(
                walk_id=current.walk_id,
                lanes=current.lanes[group.index],
                lane_next=current.reached(group.index),
                # What waits was made on credit that comes back when it is taken.
                credits=max(0, self._window - current.waiting(group.index)),
            )
        )

    def put(self, group: Group, event: Walked) -> None:
        """Take a batch from a worker; one of an earlier walk is dropped."""
        group.batch_seconds = event.seconds
        self._ledger.rate.add(event.walked)
        if self._current is not None and event.walk_id == self._current.walk_id:
            self._ledger.walked(event.walked, len(event.nonces))
            self._current.put(group.index, event)

    def discard(self, group: Group) -> None:
        """Forget what waits of a group that cannot be trusted; it is walked again."""
        if self._current is not None:
            self._current.discard(group.index)
