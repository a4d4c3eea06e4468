"""All groups of a server as one: what the gRPC services talk to."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from functools import partial
from pathlib import Path

from mlnode.poc.arrays import U64
from mlnode.poc.batch import ProofBatch
from mlnode.poc.params import MODEL_PARAMS
from mlnode.poc.rounds import Round
from mlnode.service.config import PocConfig
from mlnode.service.controller import Controller
from mlnode.service.crew import Crew, Duties
from mlnode.service.errors import (
    RequestError,
    RoundOpenError,
    SupersededError,
    WorkerFailedError,
)
from mlnode.service.generation import Generation
from mlnode.service.group import Group, MakeHandle
from mlnode.service.grouping import GroupPlan
from mlnode.service.journal import Counters, Journal
from mlnode.service.ledger import Ledger
from mlnode.service.messages import Checked, Walked, WorkerSetup
from mlnode.service.phase import Phase
from mlnode.service.verifying import Verifying
from mlnode.service.walking import Walking
from mlnode.shard.groups import Device

_log = logging.getLogger("mlnode.poc")


class ParallelController:
    """The compute of one server. Every method is called in the event loop."""

    def __init__(
        self,
        config: PocConfig,
        state_dir: Path,
        *,
        make: MakeHandle | None = None,
        devices: Sequence[Device] | None = None,
    ) -> None:
        """Prepare; nothing runs until ``start``.

        Args:
            config: the groups and how they compute.
            state_dir: folder of the journal.
            make: makes the owner of a group's worker; by default a Controller.
            devices: the GPUs of this machine; None asks the driver.

        Raises:
            StateError: the folder does not take files.
            ConfigError: the driver of the GPUs fails.
        """
        duties = Duties(
            loaded=self._give_work,
            distrusted=self._discard,
            lost=self._give_to_others,
            done=self._take_work,
            changed=self._notify,
        )
        make = make or partial(Controller, hung_after_s=config.hung_after_s)
        self._ledger = Ledger(Journal(state_dir))
        self.plan = GroupPlan(config, devices)
        self._crew = Crew(self._usual_setups(), make, duties)
        self._walking = Walking(
            self._crew, self._ledger, window=config.window, changed=self._notify
        )
        self._verifying = Verifying(self._crew, self._ledger, changed=self._notify)
        self._changed = asyncio.Event()
        self._regrouping: asyncio.Task[None] | None = None
        self._logged: tuple[Round | None, Phase] = (None, Phase.IDLE)

    def start(self) -> None:
        """Start the workers."""
        self._crew.start()

    async def close(self) -> None:
        """End the workers; streams that are open end with SupersededError."""
        self.interrupt(SupersededError("the service is ending"))
        await self._crew.close()

    def interrupt(self, why: Exception) -> None:
        """End every stream with an exception; the round stays open."""
        self._walking.end(why)
        self._verifying.fail(why)

    # --- what is to be seen ---

    @property
    def groups(self) -> list[Group]:
        """The groups and their workers."""
        return self._crew.groups

    @property
    def last_error(self) -> str:
        """The last problem of this round; empty when there was none."""
        return self._crew.last_error

    @property
    def round(self) -> Round | None:
        """The open round."""
        return self._ledger.round

    @property
    def counters(self) -> Counters:
        """What was done in the open or last round."""
        return self._ledger.counters

    @property
    def nonces_per_second(self) -> float:
        """Nonces computed a second, over the last few seconds."""
        return self._ledger.rate.per_second

    @property
    def failed(self) -> bool:
        """Whether a round is open that no group can compute."""
        return self.round is not None and not self._crew.able

    @property
    def phase(self) -> Phase:
        """What the workers do now."""
        if self._crew.halting:
            return Phase.STOP
        if self.round is None or self.failed:
            return Phase.IDLE
        if not self._crew.standing:
            return Phase.LOADING
        if self._walking.active:
            return Phase.GENERATE
        return Phase.VALIDATE if self._verifying.active else Phase.IDLE

    def queued(self, group: Group) -> int:
        """Batches of a group that nobody has taken yet."""
        return self._walking.queued(group)

    # --- the round ---

    def reserve(self, round_: Round) -> None:
        """Make a round the open one; the same again changes nothing.

        Nothing is loaded yet, so that the caller can make room for it first.

        Raises:
            RoundOpenError: another round is open.
            RequestError: the round has fewer lanes than this server has groups.
            WorkerFailedError: no group of devices holds its network.
        """
        open_ = self.round
        if open_ == round_:
            return
        if open_ is not None:
            raise RoundOpenError(
                f"a round for block {open_.block_hash[:16]}… is open; stop it with end_round"
            )
        count = len(self.plan.setups(round_.params))
        if round_.lanes < count:
            raise RequestError(
                f"round.lanes is {round_.lanes}; this server has {count} groups, "
                "each of which needs one"
            )
        self._ledger.open(round_)
        self._crew.begin()
        self._notify()

    async def load(self, round_: Round) -> AsyncIterator[tuple[int, int]]:
        """Load the reserved round and yield (bytes done, bytes in all) until it stands.

        Raises:
            SupersededError: the round was ended.
            WorkerFailedError: no worker can load it.
        """
        await self._regroup(round_)
        if self.round == round_:
            self._crew.load(round_)
        while True:
            # Before the yield: what changes while the caller is away counts.
            changed = self._changed
            if self.round != round_:
                raise SupersededError("the round was ended while it was loading")
            if self.failed:
                raise WorkerFailedError(self.last_error)
            yield (sum(g.done_bytes for g in self.groups), sum(g.total_bytes for g in self.groups))
            if self._crew.standing:
                return
            await changed.wait()

    async def stop(self, *, end_round: bool) -> None:
        """Stop generating and verifying; with ``end_round`` also forget the round.

        Returns when the workers have finished the batch they were at.
        """
        self._walking.end(None)
        self._verifying.fail(SupersededError("the round was stopped"))
        if end_round:
            self._ledger.close()
        self._crew.halt(end_round=end_round)
        self._notify()
        while self._crew.halting:
            await self._changed.wait()

    # --- the work ---

    def begin(self, lane_next: Sequence[int], *, window: int = 0) -> Generation:
        """Begin to walk the round's lanes; a walk that is under way is superseded.

        Args:
            lane_next: next step of every lane; empty starts at zero.
            window: batches that may be sent and not acknowledged; 0 for the default.

        Raises:
            NoRoundError: no round is open.
            RequestError: an argument does not fit the round.
            WorkerFailedError: no group can compute it.
        """
        return self._walking.begin(lane_next, window=window)

    def batches(
        self, generation: Generation, *, max_valid: int = 0
    ) -> AsyncGenerator[tuple[int, ProofBatch], None]:
        """Yield (sequence number, batch of valid nonces) until the walk ends.

        Args:
            generation: from ``begin``.
            max_valid: stop after this many valid nonces; 0 for no limit.

        Raises:
            SupersededError: another walk took over.
            WorkerFailedError: no group computes any more.
        """
        return self._walking.batches(generation, max_valid=max_valid)

    def acknowledge(self, generation: Generation, sequence: int) -> None:
        """Note that everything up to a batch is safely stored by the broker.

        Raises:
            RequestError: no such batch was sent.
        """
        self._walking.acknowledge(generation, sequence)

    async def check(self, public_key: bytes, nonces_B: U64) -> Checked:
        """Recompute nonces of a host, in the order given.

        Raises:
            NoRoundError: no round is open.
            RequestError: no nonces, too many, or one twice.
            SupersededError: it was stopped.
            WorkerFailedError: no worker can compute.
        """
        return await self._verifying.check(public_key, nonces_B)

    # --- the groups ---

    def _usual_setups(self) -> list[WorkerSetup]:
        """The workers to begin with: engines are tried, and libraries loaded, before a round."""
        try:
            return self.plan.setups(MODEL_PARAMS)
        except WorkerFailedError as err:
            _log.warning("no worker runs before a round for a smaller network: %s", err)
            return []

    async def _regroup(self, round_: Round) -> None:
        """Replace the workers where this round's network needs other groups."""
        while self.round == round_:
            if self._regrouping is None:
                setups = self.plan.setups(round_.params)
                if [s.devices for s in setups] == [g.handle.setup.devices for g in self.groups]:
                    return
                self._regrouping = asyncio.create_task(self._crew.replace(setups))
            # Who stops listening does not leave the groups half replaced.
            await asyncio.shield(self._regrouping)
            self._regrouping = None

    # --- what the groups ask for ---

    def _give_work(self, group: Group) -> None:
        self._walking.send(group)
        self._verifying.send_all(group)

    def _take_work(self, group: Group, event: Walked | Checked) -> None:
        if isinstance(event, Walked):
            self._walking.put(group, event)
        else:
            self._verifying.answer(event)

    def _discard(self, group: Group) -> None:
        self._walking.discard(group)

    def _give_to_others(self, group: Group) -> None:
        if self.failed:
            self.interrupt(WorkerFailedError(self.last_error))
        else:
            self._verifying.move(group)

    def _notify(self) -> None:
        """Wake who waits for a change, and log a change of phase."""
        self._changed.set()
        self._changed = asyncio.Event()
        now = (self.round, self.phase)
        if now != self._logged:
            self._logged = now
            _log.info("%s", self._line())

    def _line(self) -> str:
        round_, counters = self.round, self.counters
        if round_ is None:
            return f"{self.phase.value}: no round"
        return (
            f"{self.phase.value}: block {round_.block_hash[:16]}… at {round_.block_height}, "
            f"node {round_.node_index} of {round_.node_count}, "
            f"{len(self._crew.able)} of {len(self.groups)} groups, "
            f"{self.nonces_per_second:.0f} nonces/s, walked {counters.walked}, "
            f"valid {counters.valid}, acknowledged {counters.acknowledged}, "
            f"verified {sum(counters.verified.values())}"
        )
