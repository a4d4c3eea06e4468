"""All groups of a server as one: deals lanes, merges batches, spreads checks, keeps count.

Axes: B nonces of a batch.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np

from mlnode.poc.arrays import U64
from mlnode.poc.batch import ProofBatch
from mlnode.poc.nonces import deal_lanes
from mlnode.poc.rounds import Round
from mlnode.service.config import PocConfig
from mlnode.service.controller import Controller
from mlnode.service.errors import (
    NoRoundError,
    RequestError,
    RoundOpenError,
    SupersededError,
    WorkerFailedError,
)
from mlnode.service.journal import Counters, Journal
from mlnode.service.messages import (
    Check,
    Checked,
    Credit,
    EndRound,
    Event,
    Failed,
    Loaded,
    Loading,
    LoadRound,
    Pause,
    Walk,
    Walked,
    WorkerSetup,
)

_RATE_WINDOW_S = 5.0
_RELOADS = 3
MAX_CHECK = 4096


class Phase(Enum):
    """What the workers do."""

    IDLE = "idle"
    LOADING = "loading"
    GENERATE = "generate"
    VALIDATE = "validate"


@dataclass(slots=True, kw_only=True)
class Group:
    """One group's worker with what the service knows of it."""

    controller: Controller
    done_bytes: int = 0
    total_bytes: int = 0
    engine: str = ""
    summary: str = ""
    batch_size: int = 0
    reloads: int = 0
    loaded: bool = False


class _Generation:
    """One walk over all lanes: what was made and not taken yet, and how far it is taken."""

    def __init__(self, walk_id: int, lanes: list[tuple[int, ...]], lane_next: list[int]) -> None:
        self.walk_id = walk_id
        self.lanes = lanes
        self.delivered = lane_next
        self.made = 0
        self._waiting: deque[tuple[int, Walked]] = deque()
        self._wake = asyncio.Event()
        self._ended = False

    def put(self, index: int, walked: Walked) -> None:
        """Queue a batch; its length is bounded by the credits the workers have."""
        self._waiting.append((index, walked))
        self._wake.set()

    def end(self) -> None:
        """Let whoever waits for a batch know that none comes any more."""
        self._ended = True
        self._wake.set()

    async def take(self) -> tuple[int, Walked]:
        """The next batch with its group; SupersededError when the walk was ended."""
        while not self._ended:
            if self._waiting:
                index, walked = self._waiting.popleft()
                self._advance(self.delivered, index, walked)
                self.made += len(walked.nonces)
                return index, walked
            self._wake.clear()
            await self._wake.wait()
        raise SupersededError("the generation was stopped")

    def reached(self, index: int) -> tuple[int, ...]:
        """Where a successor of a group's worker goes on: after everything that was made.

        What waits here was made by a worker that may be gone, but it is still delivered.
        """
        lane_next = list(self.delivered)
        for group, walked in self._waiting:
            if group == index:
                self._advance(lane_next, group, walked)
        return tuple(lane_next)

    def _advance(self, lane_next: list[int], index: int, walked: Walked) -> None:
        for lane, k in zip(self.lanes[index], walked.lane_next, strict=True):
            lane_next[lane] = k


@dataclass(slots=True, kw_only=True)
class _Pending:
    check: Check
    group: int
    answer: "asyncio.Future[Checked]"


class ParallelController:
    """The compute of one server. Every method is called in the event loop."""

    def __init__(self, config: PocConfig, state_dir: Path) -> None:
        self._window = config.window
        self._journal = Journal(state_dir)
        self._round: Round | None = None
        self._counters = Counters()
        self._generation: _Generation | None = None
        self._pending: dict[int, _Pending] = {}
        self._next_id = 0
        self._rate: deque[tuple[float, int]] = deque()
        self._openers: set[asyncio.Event] = set()
        self.last_error = ""
        self.groups = [
            Group(
                controller=Controller(
                    WorkerSetup(
                        group_index=index,
                        devices=devices,
                        engine=config.engine,
                        batch_size=config.batch_size,
                        threads=config.threads,
                        crosscheck=config.crosscheck,
                    ),
                    on_event=self._hear,
                    on_start=self._resume,
                    hung_after_s=config.hung_after_s,
                )
            )
            for index, devices in enumerate(config.groups)
        ]

    def start(self) -> None:
        """Start the workers."""
        for group in self.groups:
            group.controller.start()

    async def close(self) -> None:
        """End the workers; streams that are open end with SupersededError."""
        self._end_generation()
        self._fail_pending(SupersededError("the service is ending"))
        await asyncio.gather(*(group.controller.close() for group in self.groups))

    # --- the round ---

    @property
    def round(self) -> Round | None:
        """The open round."""
        return self._round

    @property
    def counters(self) -> Counters:
        """What was done in the open or last round."""
        return self._counters

    @property
    def phase(self) -> Phase:
        """What the workers do now."""
        if self._round is None:
            return Phase.IDLE
        if not all(group.loaded for group in self.groups):
            return Phase.LOADING
        if self._generation is not None:
            return Phase.GENERATE
        return Phase.VALIDATE if self._pending else Phase.IDLE

    @property
    def nonces_per_second(self) -> float:
        """Nonces computed a second, over the last few seconds."""
        self._forget_old()
        return sum(count for _, count in self._rate) / _RATE_WINDOW_S

    async def open(self, round_: Round) -> AsyncIterator[tuple[int, int]]:
        """Open a round and yield (bytes done, bytes in all) until it stands.

        The same round again yields until it stands and changes nothing.

        Raises:
            RoundOpenError: another round is open.
            WorkerFailedError: a worker cannot load it.
        """
        if self._round is not None and self._round != round_:
            raise RoundOpenError(
                f"a round for block {self._round.block_hash[:16]}… is open; stop it with end_round"
            )
        if self._round is None:
            self._round = round_
            self._counters = self._journal.load(round_)
            self.last_error = ""
            for group in self.groups:
                group.loaded, group.reloads = False, 0
                group.controller.send(LoadRound(round=round_))
        while True:
            if self._round != round_:
                raise SupersededError("the round was ended while it was loading")
            failed = [g.controller for g in self.groups if not g.loaded and g.reloads > _RELOADS]
            if failed:
                raise WorkerFailedError(failed[0].error)
            yield (
                sum(group.done_bytes for group in self.groups),
                sum(group.total_bytes for group in self.groups),
            )
            if all(group.loaded for group in self.groups):
                return
            await self._change()

    def stop(self, *, end_round: bool) -> None:
        """Stop generating; with `end_round` also forget the round and its weights."""
        self._end_generation()
        for group in self.groups:
            group.controller.send(EndRound() if end_round else Pause())
        if end_round:
            self._fail_pending(SupersededError("the round was ended"))
            self._round = None
            for group in self.groups:
                group.loaded = False
                group.done_bytes = group.total_bytes = 0
        self._wake_openers()

    # --- generating ---

    async def generate(
        self, lane_next: Sequence[int], *, max_valid: int, window: int
    ) -> AsyncIterator[ProofBatch]:
        """Walk the round's lanes and yield batches of valid nonces, for ever.

        Args:
            lane_next: next step of every lane; empty starts at zero.
            max_valid: stop after this many valid nonces; 0 for no limit.
            window: batches that may wait to be taken, in each group; 0 for the default.

        Raises:
            NoRoundError: no round stands.
            RequestError: lane_next does not fit the round.
            SupersededError: another generation took over, or the round was ended.
        """
        round_ = self._standing()
        start = list(lane_next) or [0] * round_.lanes
        if len(start) != round_.lanes or min(start) < 0:
            raise RequestError(
                f"lane_next has {len(start)} entries; it has {round_.lanes}, each 0 or more"
            )
        self._end_generation()
        self._next_id += 1
        lanes = deal_lanes(round_.lanes, len(self.groups))
        current = self._generation = _Generation(self._next_id, lanes, start)
        self._window = window or self._window
        for index in range(len(self.groups)):
            self._walk(index)
        try:
            while not max_valid or current.made < max_valid:
                index, walked = await current.take()
                self._counters.generated += len(walked.nonces)
                yield _proofs(round_, walked, tuple(current.delivered))
                self.groups[index].controller.send(Credit(walk_id=current.walk_id))
        finally:
            # Also when the stream broke: nobody takes the batches any more.
            if self._generation is current:
                self._end_generation()
                for group in self.groups:
                    group.controller.send(Pause())

    def acknowledge(self, valid: int, lane_next: Sequence[int]) -> None:
        """Note that a batch is safely stored by the broker."""
        self._counters.acknowledged += valid
        self._counters.acknowledged_lane_next = tuple(lane_next)
        if self._round is not None:
            self._journal.save(self._round, self._counters)

    def _walk(self, index: int) -> None:
        current = self._generation
        if current is None:
            return
        self.groups[index].controller.send(
            Walk(
                walk_id=current.walk_id,
                lanes=current.lanes[index],
                lane_next=current.reached(index),
                credits=self._window,
            )
        )

    def _end_generation(self) -> None:
        if self._generation is not None:
            self._generation.end()
            self._generation = None

    # --- validating ---

    async def check(self, public_key: bytes, nonces_B: U64) -> Checked:
        """Recompute nonces of a host, in the order given.

        Raises:
            NoRoundError: no round stands.
            RequestError: too many nonces, or one twice.
            SupersededError: the round was ended.
            WorkerFailedError: no worker can compute.
        """
        round_ = self._standing()
        if len(nonces_B) > MAX_CHECK:
            raise RequestError(f"nonces has {len(nonces_B)} entries; at most {MAX_CHECK}")
        if len(np.unique(nonces_B)) != len(nonces_B):
            raise RequestError("nonces names one twice; each is asked once")
        self._next_id += 1
        load = [sum(p.group == i for p in self._pending.values()) for i in range(len(self.groups))]
        pending = _Pending(
            check=Check(request_id=self._next_id, public_key=public_key, nonces=nonces_B),
            group=load.index(min(load)),
            answer=asyncio.get_running_loop().create_future(),
        )
        self._pending[pending.check.request_id] = pending
        self.groups[pending.group].controller.send(pending.check)
        try:
            checked = await pending.answer
        finally:
            del self._pending[pending.check.request_id]
        name = public_key.hex()
        self._counters.verified[name] = self._counters.verified.get(name, 0) + len(nonces_B)
        self._journal.save(round_, self._counters)
        return checked

    def _fail_pending(self, err: Exception) -> None:
        for pending in self._pending.values():
            if not pending.answer.done():
                pending.answer.set_exception(err)

    # --- what workers say ---

    def _resume(self, index: int) -> None:
        group = self.groups[index]
        group.loaded = False
        if self._round is not None:
            group.controller.send(LoadRound(round=self._round))

    def _hear(self, index: int, event: Event) -> None:
        group = self.groups[index]
        match event:
            case Loading():
                group.done_bytes, group.total_bytes = event.done_bytes, event.total_bytes
            case Loaded():
                self._on_loaded(index, event)
            case Walked():
                current = self._generation
                if current is not None and event.walk_id == current.walk_id:
                    self._count(event.walked)
                    current.put(index, event)
            case Checked():
                self._count(len(event.valid))
                pending = self._pending.get(event.request_id)
                if pending is not None and not pending.answer.done():
                    pending.answer.set_result(event)
            case Failed():
                self._on_failed(index, event)
            case _:
                return
        self._wake_openers()

    def _on_loaded(self, index: int, event: Loaded) -> None:
        group = self.groups[index]
        group.loaded = True
        group.engine, group.summary = event.engine, event.summary
        group.batch_size = event.batch_size
        group.done_bytes = group.total_bytes
        self._walk(index)
        for pending in self._pending.values():
            if pending.group == index and not pending.answer.done():
                group.controller.send(pending.check)

    def _on_failed(self, index: int, event: Failed) -> None:
        group = self.groups[index]
        group.loaded = False
        group.reloads += 1
        group.controller.error = f"{event.error}: {event.text}"
        self.last_error = f"group {index}: {event.error}: {event.text}"
        if self._round is None:
            return
        if group.reloads <= _RELOADS:
            group.controller.send(LoadRound(round=self._round))
            return
        err = WorkerFailedError(self.last_error)
        for pending in self._pending.values():
            if pending.group == index and not pending.answer.done():
                pending.answer.set_exception(err)

    def _standing(self) -> Round:
        if self._round is None:
            raise NoRoundError("no round is open; call StartRound first")
        return self._round

    def _count(self, nonces: int) -> None:
        self._counters.walked += nonces
        self._rate.append((time.monotonic(), nonces))
        self._forget_old()

    def _forget_old(self) -> None:
        limit = time.monotonic() - _RATE_WINDOW_S
        while self._rate and self._rate[0][0] < limit:
            self._rate.popleft()

    async def _change(self) -> None:
        event = asyncio.Event()
        self._openers.add(event)
        try:
            await event.wait()
        finally:
            self._openers.discard(event)

    def _wake_openers(self) -> None:
        for event in self._openers:
            event.set()


def _proofs(round_: Round, walked: Walked, lane_next: tuple[int, ...]) -> ProofBatch:
    return ProofBatch(
        public_key=round_.public_key,
        block_hash=round_.block_hash,
        block_height=round_.block_height,
        node_index=round_.node_index,
        nonces=walked.nonces,
        distances=walked.distances,
        valid=np.ones(len(walked.nonces), np.bool_),
        lane_next=lane_next,
    )
