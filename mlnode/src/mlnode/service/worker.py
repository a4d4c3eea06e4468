"""The process that computes: one for each group of devices.

It owns the group's engine and nothing else. Everything it holds can be made
anew from the commands it got, so that killing it at any moment loses nothing
but the batch it was at.
"""

import os
import signal
import time
from collections import deque
from multiprocessing.connection import Connection

import numpy as np

from mlnode.poc.engines.base import Engine
from mlnode.poc.engines.cpu import cpu_engines
from mlnode.poc.engines.exact import ExactEngine
from mlnode.poc.engines.guard import check_fingerprint, crosscheck
from mlnode.poc.engines.selection import Selection, select_engine
from mlnode.poc.errors import NoEngineError
from mlnode.poc.nonces import LaneWalk
from mlnode.poc.rounds import Round
from mlnode.service.messages import (
    Alive,
    Check,
    Checked,
    Command,
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

_IDLE_S = 1.0
_REHASH_S = 60.0
_DEFAULT_BATCH = 64


def run_worker(setup: WorkerSetup, commands: Connection, events: Connection) -> None:
    """Entry point of the process; returns when the service hangs up."""
    # Ctrl-C in a terminal reaches the whole group; the service decides when workers end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if setup.threads:
        os.environ["OMP_NUM_THREADS"] = str(setup.threads)
        _limit_threads(setup.threads)
    try:
        Worker(setup, commands, events).run()
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


class Worker:
    """One group's loop: take commands, then do one batch of whatever is to be done."""

    def __init__(self, setup: WorkerSetup, commands: Connection, events: Connection) -> None:
        self._setup = setup
        self._commands = commands
        self._events = events
        self._selection: Selection[ExactEngine] | None = None
        self._round: Round | None = None
        self._fingerprint = b""
        self._hashed_at = 0.0
        self._walk: Walk | None = None
        self._lanes: LaneWalk | None = None
        self._credits = 0
        self._checks: deque[Check] = deque()
        self._batches = 0

    def run(self) -> None:
        """Work until the pipe of commands is closed."""
        self._say(Alive())
        while True:
            busy = bool(self._checks) or self._may_walk()
            if self._commands.poll(0.0 if busy else _IDLE_S):
                self._obey(self._commands.recv())
                continue
            if not busy:
                self._say(Alive())
                continue
            try:
                if self._checks:
                    self._check(self._checks.popleft())
                else:
                    self._step()
            except Exception as err:
                # Whatever it was, the round is not to be trusted any more; the
                # controller decides whether to load it again.
                self._fail(err)

    def _obey(self, command: Command) -> None:
        match command:
            case LoadRound():
                try:
                    self._load(command.round)
                except Exception as err:
                    self._fail(err)
            case Walk():
                self._start_walk(command)
            case Credit():
                if self._walk is not None and command.walk_id == self._walk.walk_id:
                    self._credits += 1
            case Check():
                self._checks.append(command)
            case Pause():
                self._pause()
            case EndRound():
                self._drop_round()

    def _load(self, round_: Round) -> None:
        self._pause()
        selection = self._select()
        engine = selection.engine
        for progress in engine.start(round_):
            self._say(Loading(done_bytes=progress.done_bytes, total_bytes=progress.total_bytes))
        for spare in selection.spare[:1]:
            # The spare shares the weights: on a CPU a second copy would only
            # double the memory, and the re-hash watches over the first.
            spare.adopt(round_, engine.network)
        self._round = round_
        self._fingerprint = engine.weights_fingerprint()
        self._hashed_at = time.monotonic()
        self._say(
            Loaded(engine=engine.name, summary=selection.summary, batch_size=self._batch_size)
        )

    def _select(self) -> Selection[ExactEngine]:
        if self._selection is None:
            self._selection = select_engine(_candidates(self._setup.engine))
        return self._selection

    def _start_walk(self, walk: Walk) -> None:
        if self._round is None:
            return
        self._rehash()
        self._walk = walk
        self._credits = walk.credits
        self._lanes = LaneWalk(
            self._round.node_index,
            self._round.node_count,
            self._round.lanes,
            walk.lanes,
            walk.lane_next,
        )

    def _pause(self) -> None:
        self._walk = self._lanes = None
        self._credits = 0

    def _drop_round(self) -> None:
        self._pause()
        self._checks.clear()
        if self._selection is not None:
            for engine in (self._selection.engine, *self._selection.spare):
                engine.stop()
        self._round = None

    def _may_walk(self) -> bool:
        return self._walk is not None and self._credits > 0

    def _step(self) -> None:
        assert self._walk is not None and self._lanes is not None
        self._rehash_now_and_then()
        nonces = self._lanes.take(self._batch_size)
        came = self._engine.batch(nonces)
        self._batches += 1
        spare = self._spare
        if spare is not None:
            crosscheck(spare, nonces, came, pick=self._batches)
        self._credits -= 1
        after = self._lanes.lane_next
        self._say(
            Walked(
                walk_id=self._walk.walk_id,
                walked=len(nonces),
                nonces=nonces[came.valid],
                distances=came.distances[came.valid],
                lane_next=tuple(after[lane] for lane in self._walk.lanes),
            )
        )

    def _check(self, check: Check) -> None:
        self._rehash_now_and_then()
        parts = [
            self._engine.batch(part, check.public_key)
            for part in np.array_split(
                check.nonces, max(1, -(-len(check.nonces) // self._batch_size))
            )
        ]
        self._say(
            Checked(
                request_id=check.request_id,
                valid=np.concatenate([p.valid for p in parts]),
                distances=np.concatenate([p.distances for p in parts]),
                digests=np.concatenate([p.digests for p in parts]),
            )
        )

    def _rehash_now_and_then(self) -> None:
        if time.monotonic() - self._hashed_at > _REHASH_S:
            self._rehash()

    def _rehash(self) -> None:
        check_fingerprint(self._engine, self._fingerprint)
        self._hashed_at = time.monotonic()

    def _fail(self, err: Exception) -> None:
        self._drop_round()
        self._say(Failed(error=type(err).__name__, text=str(err) or repr(err)))

    def _say(self, event: Event) -> None:
        self._events.send(event)

    @property
    def _engine(self) -> Engine:
        return self._select().engine

    @property
    def _spare(self) -> Engine | None:
        spare = self._select().spare
        return spare[0] if spare and self._setup.crosscheck else None

    @property
    def _batch_size(self) -> int:
        return self._setup.batch_size or _DEFAULT_BATCH


def _candidates(name: str) -> tuple[ExactEngine, ...]:
    engines = cpu_engines()
    if name == "auto":
        return engines
    chosen = [e for e in engines if e.name == name]
    if not chosen:
        names = ", ".join(e.name for e in engines)
        raise NoEngineError(f"no engine is named {name!r} on this machine; there are {names}")
    # The reference stays as the one that cross-checks.
    return (chosen[0], *(e for e in engines if e.name == "numpy" and e is not chosen[0]))


def _limit_threads(threads: int) -> None:
    import torch

    torch.set_num_threads(threads)
