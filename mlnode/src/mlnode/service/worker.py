"""The process that computes: one for each group of devices (``python -m``, by the controller).

It owns the group's engine and nothing else. Everything it holds can be made
anew from the commands it got, so that killing it at any moment loses nothing
but the batch it was at.
"""

import time
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from mlnode.poc.arrays import U64
from mlnode.poc.errors import KernelCacheError, NoEngineError, device_lost
from mlnode.poc.nonces import LaneWalk
from mlnode.poc.rounds import PocKind, Round
from mlnode.service.messages import (
    Alive,
    Check,
    Command,
    Credit,
    Event,
    Failed,
    Halt,
    Halted,
    Loaded,
    Loading,
    LoadRound,
    Pause,
    Ready,
    Walk,
    Walked,
    WorkerSetup,
)
from mlnode.service.pipe import ServicePipe
from mlnode.service.prover import Prover
from mlnode.service.recheck import Recheck
from mlnode.shard.devices import own_devices

if TYPE_CHECKING:
    from mlnode.service.served import ServedProver

Taken = tuple[U64, tuple[int, ...]]
"""Nonces of a batch [B], and the next step of every lane behind it."""

_IDLE_S = 1.0
_LOST_EXIT = 3
# Of all engines together, on a busy machine.
_TRIALS_S = 60.0
_REMEDY = "mend what `mlnode doctor` finds, then start the round again"


class Worker:
    """One group's loop: take commands, then do one batch of whatever is to be done."""

    def __init__(self, setup: WorkerSetup, service: ServicePipe) -> None:
        self._service = service
        self._setup = setup
        self._refusal: NoEngineError | None = None
        self._load_id = 0
        self._prover = self._choose(setup)
        self._served: ServedProver | None = None
        self._inbox: deque[Command] = deque()
        self._round: Round | None = None
        self._walk: Walk | None = None
        self._lanes: LaneWalk | None = None
        self._ahead: Taken | None = None
        self._credits = 0
        self._checks: deque[Check] = deque()
        self._recheck: Recheck | None = None
        self._held: list[Event] = []

    def run(self) -> None:
        """Work until the service hangs up, which is an EOFError."""
        while True:
            may_check = bool(self._checks) or self._recheck is not None
            busy = may_check or self._may_walk()
            command = self._next_command(0.0 if busy else _IDLE_S)
            try:
                if command is not None:
                    self._obey(command)
                elif may_check:
                    self._check()
                elif self._may_walk():
                    self._step()
                else:
                    self._say(Alive())
            except EOFError:
                raise
            except Exception as err:
                # Whatever it was, the round is not to be trusted any more; the
                # service decides whether to load it again.
                fatal = device_lost(err) or not self._dropped()
                self._tell(err, fatal=fatal)
                if fatal:
                    raise SystemExit(_LOST_EXIT) from err

    def _choose(self, setup: WorkerSetup) -> Prover | None:
        self._say(Alive(expected_s=_TRIALS_S))
        try:
            prover = Prover(
                setup.candidates(setup.engine, own_devices(setup.devices)),
                prefer=setup.engine,
                batch_size=setup.batch_size,
                check_each=setup.crosscheck,
                announce=self._announce,
            )
        except NoEngineError as err:
            # Said to every round for which the engines, tried anew, come to the same.
            self._refusal = err
            self._say(Ready(engines=(), summary=f"{err}; {_REMEDY}"))
            return None
        except EOFError:
            raise
        except Exception as err:
            # Of a library or a device, and may be over when the next process tries.
            self._tell(err, fatal=True)
            raise SystemExit(_LOST_EXIT) from err
        self._refusal = None
        self._say(Ready(engines=prover.engines, summary=prover.summary))
        return prover

    def _next_command(self, timeout_s: float) -> Command | None:
        if self._inbox:
            return self._inbox.popleft()
        if self._service.poll(timeout_s):
            return cast(Command, self._service.receive())
        return None

    def _obey(self, command: Command) -> None:
        match command:
            case LoadRound():
                self._load(command)
            case Walk():
                self._start_walk(command)
            case Credit():
                if self._walk is not None and command.walk_id == self._walk.walk_id:
                    self._credits += 1
            case Check():
                self._checks.append(command)
            case Pause():
                self._pause()
            case Halt():
                self._halt()
                if command.end_round:
                    self._drop_round()
                self._say(Halted(halt_id=command.halt_id))

    def _load(self, command: LoadRound) -> None:
        self._halt()
        self._load_id, self._round = command.load_id, None
        if self._prover is None and command.round.kind is PocKind.EXACT8:
            # What was wrong may have been mended since.
            self._prover = self._choose(self._setup)
        prover = self._prover_of(command.round)
        began = time.monotonic()
        for progress in prover.load(command.round):
            self._say(Loading(load_id=command.load_id, done_bytes=progress.done_bytes))
            if self._superseded():
                prover.drop()
                return
        self._round = command.round
        self._say(
            Loaded(
                load_id=command.load_id,
                engine=prover.engines[0],
                batch_size=prover.batch_size,
                seconds=time.monotonic() - began,
                device_bytes=device_bytes(own_devices(self._setup.devices)),
                dense=prover.dense,
            )
        )

    def _superseded(self) -> bool:
        """Whether a command waits that makes the loading useless."""
        while self._service.poll(0.0):
            self._inbox.append(cast(Command, self._service.receive()))
        return any(
            isinstance(c, LoadRound) or (isinstance(c, Halt) and c.end_round) for c in self._inbox
        )

    def _start_walk(self, walk: Walk) -> None:
        if self._round is None:
            return
        self._pause()
        self._standing().rehash()
        self._walk, self._credits = walk, walk.credits
        self._lanes = LaneWalk(
            self._round.node_index,
            self._round.node_count,
            self._round.lanes,
            walk.lanes,
            walk.lane_next,
        )

    def _pause(self) -> None:
        self._walk = self._lanes = self._ahead = None
        self._credits = 0
        # Nobody listens to a walk that has ended.
        self._held = [event for event in self._held if not isinstance(event, Walked)]

    def _halt(self) -> None:
        self._pause()
        self._checks.clear()
        self._recheck = None
        self._held.clear()

    def _drop_round(self) -> None:
        self._halt()
        if self._prover is not None:
            self._prover.drop()
        if self._served is not None:
            self._served.drop()
            self._served = None
        self._round = None

    def _dropped(self) -> bool:
        """Whether the round could be let go of: on a device that was lost, not even that works."""
        try:
            self._drop_round()
        except Exception:
            # What went wrong first is what is to be told.
            return False
        return True

    def _tell(self, err: Exception, *, fatal: bool) -> None:
        """Say what went wrong; ``fatal`` where the process is of no use any more."""
        text, name = str(err) or repr(err), type(err).__name__
        hopeless = isinstance(err, (NoEngineError, KernelCacheError))
        if isinstance(err, NoEngineError):
            text = f"{text}; {_REMEDY}"
        self._say(
            Failed(load_id=self._load_id, error=name, text=text, fatal=fatal, hopeless=hopeless)
        )

    def _may_walk(self) -> bool:
        return self._walk is not None and self._credits > 0

    def _step(self) -> None:
        assert self._walk is not None
        prover, began = self._standing(), time.monotonic()
        nonces_B, after = self._ahead or self._take(prover.batch_size)
        self._ahead = self._take(prover.batch_size)
        came = prover.batch(nonces_B, ahead=self._ahead[0])
        self._credits -= 1
        self._held.append(
            Walked(
                walk_id=self._walk.walk_id,
                walked=len(nonces_B),
                nonces=nonces_B[came.valid],
                distances=came.distances[came.valid],
                lane_next=tuple(after[lane] for lane in self._walk.lanes),
                seconds=time.monotonic() - began,
            )
        )
        # Who waits for the credits of what is held would stand still.
        self._release(waited_for=len(self._held) >= self._credits)

    def _take(self, count: int) -> Taken:
        assert self._lanes is not None
        return self._lanes.take(count), self._lanes.lane_next

    def _check(self) -> None:
        """One batch of a check: commands are looked at between two."""
        prover = self._standing()
        recheck = self._recheck or Recheck(self._checks, prover.batch_size)
        self._recheck = recheck
        part_B, ahead_B = recheck.next()
        recheck.put(prover.batch(part_B, recheck.public_key, ahead=ahead_B))
        if not recheck.complete:
            self._say(Alive())
            return
        self._recheck = None
        self._held.extend(recheck.answers())
        self._release(waited_for=not self._checks)

    def _release(self, *, waited_for: bool) -> None:
        """Say what was held back, once the weights that made it are seen to be unchanged."""
        prover = self._standing()
        if waited_for or prover.rehash_due:
            prover.rehash()
            held, self._held = self._held, []
            for event in held:
                self._say(event)
        else:
            self._say(Alive())

    def _say(self, event: Event) -> None:
        self._service.send(event)

    def _announce(self, seconds: float) -> None:
        """Say that so many seconds may pass before the next event."""
        self._say(Alive(expected_s=seconds))

    def _prover_of(self, round_: Round) -> "Prover | ServedProver":
        """What computes rounds of this kind; what computed the other kind lets go of its memory."""
        if round_.kind is PocKind.SERVED_MODEL:
            if self._prover is not None:
                self._prover.drop()
            if self._served is None:
                # It needs PyTorch, which a worker on the reference does without.
                from mlnode.service.served import ServedProver

                setup = self._setup
                device = own_devices(setup.devices)[0]
                self._served = ServedProver(
                    setup.models_dir,
                    device,
                    batch_size=setup.batch_size,
                    announce=self._announce,
                )
        elif self._served is not None:
            self._served.drop()
            self._served = None
        return self._standing()

    def _standing(self) -> "Prover | ServedProver":
        if self._served is not None:
            return self._served
        if self._prover is None:
            assert self._refusal is not None
            raise self._refusal
        return self._prover


def device_bytes(devices: Sequence[str]) -> int:
    """Returns the bytes that this process has taken of some devices at its peak; 0 on a CPU."""
    names = {device for device in devices if device != "cpu"}
    if not names:
        return 0
    # A worker on the reference does without it.
    import torch

    return sum(torch.cuda.max_memory_reserved(name) for name in names)


def main() -> None:
    """Run until the service hangs up."""
    service = ServicePipe.take_over()
    try:
        Worker(cast(WorkerSetup, service.receive()), service).run()
    except EOFError:
        return


if __name__ == "__main__":
    main()
