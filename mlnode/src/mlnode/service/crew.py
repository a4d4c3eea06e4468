"""The groups of a server and the round they load, whatever becomes of their processes."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mlnode.poc.rounds import PocKind, Round
from mlnode.poc.tensors import weight_bytes
from mlnode.service.controller import Listener
from mlnode.service.errors import NoRoundError, WorkerFailedError
from mlnode.service.group import Group, MakeHandle
from mlnode.service.messages import (
    Checked,
    Event,
    Failed,
    Halt,
    Halted,
    Loaded,
    Loading,
    LoadRound,
    Ready,
    Walked,
    WorkerSetup,
)

_TRIES = 3
_log = logging.getLogger("mlnode.poc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Duties:
    """What a crew asks of its owner.

    Attributes:
        loaded: the round stands on a group; give it work.
        distrusted: what a group said last may be wrong.
        lost: a group is given up; give its work to others.
        done: a group has done a piece of work.
        changed: something is different.
    """

    loaded: Callable[[Group], None]
    distrusted: Callable[[Group], None]
    lost: Callable[[Group], None]
    done: Callable[[Group, Walked | Checked], None]
    changed: Callable[[], None]


class Crew:
    """Keeps the groups at the round that is wanted. Every method is called in the event loop."""

    def __init__(self, setups: Sequence[WorkerSetup], make: MakeHandle, duties: Duties) -> None:
        self._make = make
        self._listener = Listener(started=self._on_start, heard=self._on_event, ended=self._on_end)
        self.groups = self._made(setups)
        self.last_error = ""
        self._duties = duties
        self._round: Round | None = None
        self._last_id = 0

    def start(self) -> None:
        """Start the workers."""
        for group in self.groups:
            group.handle.start()

    async def close(self) -> None:
        """End the workers."""
        await asyncio.gather(*(group.handle.close() for group in self.groups))

    async def replace(self, setups: Sequence[WorkerSetup]) -> None:
        """Go on with other groups; the workers of the present ones end first, with their memory."""
        await self.close()
        self.groups = self._made(setups)
        self.start()
        self._duties.changed()

    @property
    def able(self) -> list[Group]:
        """The groups that are not given up."""
        return [group for group in self.groups if not group.given_up]

    @property
    def standing(self) -> bool:
        """Whether the round stands on every group that is not given up, and there is one."""
        return bool(self.able) and all(group.loaded for group in self.able)

    @property
    def halting(self) -> bool:
        """Whether a group has not confirmed yet that it stopped."""
        return any(group.halt_id for group in self.groups)

    def check_formed(self, round_: Round) -> None:
        """Make sure that the groups are those of a round, loaded or loading.

        Raises:
            NoRoundError: the round is reserved only: its groups may be others than the present.
            WorkerFailedError: no group can compute it.
        """
        if self._round != round_:
            raise NoRoundError("the round is not loading yet; wait for StartRound to report on it")
        if not self.able:
            raise WorkerFailedError(self.last_error)

    def begin(self) -> None:
        """Forget the last round; the next one has all its tries."""
        self._round = None
        self.last_error = ""
        for group in self.groups:
            group.forget_round()

    def load(self, round_: Round) -> None:
        """Load a round wherever it is neither loaded nor being loaded."""
        self._round = round_
        for group in self.groups:
            if group.given_up or not group.load_id:
                group.failures, group.given_up = 0, False
                self._load(group)

    def halt(self, *, end_round: bool) -> None:
        """Stop all work; with ``end_round`` let go of the round. Confirmed by ``halting``."""
        for group in self.groups:
            # Who loads has no work to stop, and would answer only when he is done.
            if group.handle.pid and (group.loaded or (end_round and group.load_id)):
                group.halt_id = self._number()
                group.handle.send(Halt(halt_id=group.halt_id, end_round=end_round))
            if end_round:
                group.load_id, group.loaded = 0, False
        if end_round:
            self._round = None

    def _made(self, setups: Sequence[WorkerSetup]) -> list[Group]:
        return [Group(handle=self._make(setup, self._listener)) for setup in setups]

    def _load(self, group: Group) -> None:
        assert self._round is not None
        group.load_id, group.loaded = self._number(), False
        # Known before the worker says so: a share of what all groups load never shrinks.
        # How large a served model is shows when it is loaded.
        made = self._round.kind is PocKind.EXACT8
        group.done_bytes = 0
        group.total_bytes = weight_bytes(self._round.params) if made else 0
        group.handle.send(LoadRound(load_id=group.load_id, round=self._round))

    def _on_start(self, index: int) -> None:
        group = self.groups[index]
        group.forget_process()
        if self._round is not None and not group.given_up:
            self._load(group)
        self._duties.changed()

    def _on_end(self, index: int, reason: str) -> None:
        group = self.groups[index]
        group.forget_process()
        reason, group.dying = f"{reason}{group.dying and f': {group.dying}'}", ""
        self._failure(group, reason)
        self._duties.changed()

    def _on_event(self, index: int, event: Event) -> None:
        group = self.groups[index]
        match event:
            case Ready():
                group.engines = event.engines
                if not event.engines:
                    # Seen before a round needs it.
                    group.error = event.summary
                _log.info("group %d: %s", index, event.summary)
            case Loading() if event.load_id == group.load_id:
                group.done_bytes = event.done_bytes
            case Loaded() if event.load_id == group.load_id:
                self._on_loaded(group, event)
            case Walked() | Checked():
                group.failures = 0
                self._duties.done(group, event)
            case Halted() if event.halt_id == group.halt_id:
                group.halt_id = 0
            case Failed() if event.fatal or event.load_id == group.load_id:
                self._on_failed(group, event)
            case _:
                # A sign of life, or the answer to something that was taken back.
                return
        self._duties.changed()

    def _on_loaded(self, group: Group, event: Loaded) -> None:
        group.loaded, group.batch_size = True, event.batch_size
        group.load_seconds, group.device_bytes = event.seconds, event.device_bytes
        group.dense = event.dense
        group.done_bytes = group.total_bytes
        # Which one is the fastest may depend on the network.
        group.engines = tuple(sorted(group.engines, key=lambda name: name != event.engine))
        _log.info(
            "group %d: loaded %.3f GB, %d parameters, in %.2f s (%.2f GB/s); %s in batches of %d",
            group.index,
            group.total_bytes / 1e9,
            # A byte each.
            group.total_bytes,
            event.seconds,
            group.total_bytes / 1e9 / max(event.seconds, 1e-9),
            event.engine,
            event.batch_size,
        )
        self._duties.loaded(group)

    def _on_failed(self, group: Group, event: Failed) -> None:
        group.loaded = False
        # If the weights have changed, nobody knows since when.
        self._duties.distrusted(group)
        if event.fatal:
            # Counted when the process ends, and loaded by its successor.
            group.dying = f"{event.error}: {event.text}"
            return
        self._failure(group, f"{event.error}: {event.text}", hopeless=event.hopeless)
        if self._round is not None and not group.given_up:
            self._load(group)

    def _failure(self, group: Group, text: str, *, hopeless: bool = False) -> None:
        """Note that something went wrong; give the group up if no other try is left or of use."""
        group.error = text
        self.last_error = f"group {group.index}: {text}"
        if self._round is None or group.given_up:
            return
        group.failures += 1
        if hopeless or group.failures >= _TRIES:
            group.given_up = True
            _log.error("group %d is given up for this round: %s", group.index, text)
            self._duties.lost(group)
        else:
            _log.warning("group %d loads again: %s", group.index, text)

    def _number(self) -> int:
        self._last_id += 1
        return self._last_id
