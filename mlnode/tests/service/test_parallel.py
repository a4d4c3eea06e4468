"""The service's half of every race, against workers that are scripted event by event."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlnode.poc.params import MODEL_PARAMS, MODEL_PARAMS_BIG
from mlnode.poc.tensors import weight_bytes
from mlnode.service.config import PocConfig
from mlnode.service.controller import Listener
from mlnode.service.errors import (
    NoRoundError,
    RequestError,
    RoundOpenError,
    SupersededError,
    WorkerFailedError,
)
from mlnode.service.messages import (
    Check,
    Checked,
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
from mlnode.service.parallel import ParallelController
from mlnode.service.phase import Phase
from mlnode.shard.groups import Device

LANES = 4
WINDOW = 2


class Script:
    """A worker that does what the test says, and remembers what it was told."""

    def __init__(self, setup: WorkerSetup, listener: Listener) -> None:
        self.setup = setup
        self.restarts = 0
        self.pid = 0
        self.told: list[Command] = []
        self._listener = listener
        self._processes = 0

    def start(self) -> None:
        self._processes += 1
        self.pid = 100 * (self.setup.group_index + 1) + self._processes
        self.told = []
        self._listener.started(self.setup.group_index)

    def send(self, command: Command) -> None:
        if self.pid:
            self.told.append(command)

    async def close(self) -> None:
        self.pid = 0

    def say(self, event: Event) -> None:
        """An event of the present process."""
        self._listener.heard(self.setup.group_index, event)

    def die(self) -> None:
        """The process is gone; nobody replaces it yet."""
        self.pid = 0
        self.restarts += 1
        self._listener.ended(self.setup.group_index, "it died")

    def last(self, kind: type[Any]) -> Any:
        """The last command of a kind."""
        return next(c for c in reversed(self.told) if isinstance(c, kind))

    def count(self, kind: type[Any]) -> int:
        return sum(isinstance(c, kind) for c in self.told)

    def loaded(self) -> None:
        """The last load has succeeded."""
        load_id = self.last(LoadRound).load_id
        self.say(Loaded(load_id=load_id, engine="numpy", batch_size=8, seconds=0.1))

    def failed(self) -> None:
        """The last load, or a batch of its round, has failed."""
        self.say(Failed(load_id=self.last(LoadRound).load_id, error="SomeError", text="is wrong"))

    def walked(self, steps: int, *, valid: int = 1, walk_id: int = 0) -> None:
        """A batch that takes the group's lanes to a step."""
        walk = self.last(Walk)
        self.say(
            Walked(
                walk_id=walk_id or walk.walk_id,
                walked=8,
                nonces=np.arange(valid, dtype=np.uint64),
                distances=np.zeros(valid),
                lane_next=(steps,) * len(walk.lanes),
                seconds=0.1,
            )
        )

    def checked(self, check: Check) -> None:
        """The answer to a check: every second nonce is valid."""
        size = len(check.nonces)
        self.say(
            Checked(
                request_id=check.request_id,
                valid=check.nonces % np.uint64(2) == 0,
                distances=np.zeros(size),
                digests=np.zeros((size, 32), np.uint8),
            )
        )


class Stage:
    """A controller with its scripted workers."""

    def __init__(self, folder: Path, groups: int = 2) -> None:
        self.workers: list[Script] = []
        config = PocConfig(groups=(("cpu",),) * groups, window=WINDOW)
        self.controller = ParallelController(config, folder, make=self._make)
        self.controller.start()

    def _make(self, setup: WorkerSetup, listener: Listener) -> Script:
        self.workers.append(Script(setup, listener))
        return self.workers[-1]

    async def open(self, round_: Any) -> None:
        """Open a round that loads without a fault."""
        loading = self.load(round_)
        await asyncio.sleep(0)
        for worker in self.workers:
            worker.loaded()
        await loading

    def load(self, round_: Any) -> "asyncio.Task[list[tuple[int, int]]]":
        """Begin to open a round; the task's result is the progress that was told."""
        self.controller.reserve(round_)

        async def progress() -> list[tuple[int, int]]:
            return [step async for step in self.controller.load(round_)]

        return asyncio.create_task(progress())

    def batches(self, lane_next: tuple[int, ...] = (), **limits: Any) -> AsyncIterator[Any]:
        """Begin a walk."""
        generation = self.controller.begin(lane_next)
        return self.controller.batches(generation, **limits)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


@pytest.fixture
def round_(kit: Any) -> Any:
    return kit.round(lanes=LANES)


async def settle() -> None:
    """Let every task run until it waits."""
    for _ in range(10):
        await asyncio.sleep(0)


# --- loading ---


async def test_no_work_is_taken_before_the_groups_of_the_round_are_formed(
    stage: Stage, round_: Any
) -> None:
    """Between a reservation and its load the groups may still be others."""
    stage.controller.reserve(round_)
    with pytest.raises(NoRoundError, match="is not loading yet; wait for StartRound"):
        stage.controller.begin([])
    with pytest.raises(NoRoundError, match="is not loading yet"):
        await stage.controller.check(bytes(20), np.arange(3, dtype=np.uint64))
    assert stage.controller.phase is Phase.LOADING
    await stage.open(round_)
    stage.batches()
    assert [worker.count(Walk) for worker in stage.workers] == [1, 1]


async def test_the_round_before_is_not_taken_for_the_one_that_is_reserved(
    stage: Stage, round_: Any
) -> None:
    await stage.open(round_)
    await end_round(stage)
    stage.controller.reserve(replace(round_, block_height=7))
    with pytest.raises(NoRoundError, match="is not loading yet"):
        stage.controller.begin([])


async def test_a_walk_that_begins_while_a_group_loads_is_sent_once(
    stage: Stage, round_: Any
) -> None:
    first, second = stage.workers
    loading = stage.load(round_)
    await settle()
    first.loaded()
    stage.batches()
    assert first.count(Walk) == 1
    assert second.count(Walk) == 0
    second.loaded()
    await loading
    assert first.count(Walk) == second.count(Walk) == 1


async def test_the_answer_to_an_earlier_load_is_not_taken_for_the_present_one(
    stage: Stage, round_: Any
) -> None:
    first, second = stage.workers
    stage.load(round_)
    await settle()
    stale = first.last(LoadRound).load_id
    stop = asyncio.create_task(stage.controller.stop(end_round=True))
    await settle()
    for worker in (first, second):
        worker.say(Halted(halt_id=worker.last(Halt).halt_id))
    await stop
    other = stage.load(replace(round_, block_hash="cd" * 32))
    await settle()
    first.say(Loaded(load_id=stale, engine="numpy", batch_size=8, seconds=0.1))
    first.say(Failed(load_id=stale, error="SomeError", text="of the old round"))
    second.loaded()
    await settle()
    assert not other.done()
    assert stage.controller.last_error == ""
    first.loaded()
    await other


async def test_a_stop_while_loading_ends_the_load_and_whoever_waits_for_it(
    stage: Stage, round_: Any
) -> None:
    loading = stage.load(round_)
    await settle()
    stop = asyncio.create_task(stage.controller.stop(end_round=True))
    with pytest.raises(SupersededError, match="ended while it was loading"):
        await loading
    assert stage.controller.phase is Phase.STOP
    assert not stop.done()
    for worker in stage.workers:
        worker.say(Halted(halt_id=worker.last(Halt).halt_id))
    await stop
    assert stage.controller.phase is Phase.IDLE


async def test_what_happens_while_nobody_reads_the_progress_is_told_when_somebody_does(
    stage: Stage, round_: Any
) -> None:
    stage.controller.reserve(round_)
    progress = stage.controller.load(round_)
    await anext(progress)
    stop = asyncio.create_task(stage.controller.stop(end_round=True))
    await settle()
    with pytest.raises(SupersededError):
        await asyncio.wait_for(anext(progress), 5.0)
    for worker in stage.workers:
        worker.say(Halted(halt_id=worker.last(Halt).halt_id))
    await stop


async def test_a_stop_does_not_wait_for_a_worker_that_is_gone(stage: Stage, round_: Any) -> None:
    await stage.open(round_)
    stop = asyncio.create_task(stage.controller.stop(end_round=False))
    await settle()
    stage.workers[0].say(Halted(halt_id=stage.workers[0].last(Halt).halt_id))
    assert not stop.done()
    stage.workers[1].die()
    await stop


async def test_the_same_round_again_while_it_loads_joins_in(stage: Stage, round_: Any) -> None:
    first = stage.load(round_)
    await settle()
    again = stage.load(round_)
    await settle()
    assert [w.count(LoadRound) for w in stage.workers] == [1, 1]
    for worker in stage.workers:
        worker.loaded()
    assert (await first)[-1] == (await again)[-1]


async def test_another_round_is_refused_while_one_is_open(stage: Stage, round_: Any) -> None:
    stage.load(round_)
    with pytest.raises(RoundOpenError, match="stop it with end_round"):
        stage.controller.reserve(replace(round_, block_height=7))


async def test_a_round_with_fewer_lanes_than_groups_is_refused(stage: Stage, round_: Any) -> None:
    with pytest.raises(RequestError, match=r"round.lanes is 1; this server has 2 groups"):
        stage.controller.reserve(replace(round_, lanes=1))


async def test_progress_is_of_all_groups_and_never_shrinks(stage: Stage, round_: Any) -> None:
    loading = stage.load(round_)
    for worker, size in ((0, 1000), (1, 500), (1, 2000), (0, 3000)):
        await settle()
        load_id = stage.workers[worker].last(LoadRound).load_id
        stage.workers[worker].say(Loading(load_id=load_id, done_bytes=size))
    await settle()
    for worker in stage.workers:
        worker.loaded()
    told = await loading
    assert [done for done, _ in told[:5]] == [0, 1000, 1500, 3000, 5000]
    assert {total for _, total in told} == {2 * weight_bytes(round_.params)}
    assert told[-1][0] == told[-1][1]


async def test_a_late_acknowledgement_of_what_a_resume_counted_counts_nothing_again(
    stage: Stage, round_: Any
) -> None:
    await stage.open(round_)
    controller = stage.controller
    old = controller.begin([])
    batches = controller.batches(old, max_valid=0)
    stage.workers[0].walked(2, valid=5)
    sequence, batch = await anext(batches)
    controller.begin(batch.lane_next)
    assert controller.counters.acknowledged == 5
    controller.acknowledge(old, sequence)
    assert controller.counters.acknowledged == 5


async def test_a_worker_that_dies_while_it_loads_loads_again(stage: Stage, round_: Any) -> None:
    first, second = stage.workers
    loading = stage.load(round_)
    await settle()
    second.loaded()
    first.die()
    first.start()
    assert first.count(LoadRound) == 1
    first.loaded()
    await loading


async def test_a_group_that_fails_three_times_in_a_row_is_given_up_and_the_others_go_on(
    stage: Stage, round_: Any
) -> None:
    first, second = stage.workers
    loading = stage.load(round_)
    await settle()
    second.loaded()
    for _ in range(3):
        first.failed()
    await loading
    assert first.count(LoadRound) == 3
    assert stage.controller.phase is Phase.IDLE
    assert "group 0: SomeError: is wrong" in stage.controller.last_error
    batches = stage.batches()
    second.walked(2)
    assert (await anext(batches))[1].lane_next == (0, 2, 0, 2)


async def test_when_every_group_is_given_up_all_who_wait_are_told_and_the_round_may_be_tried_again(
    stage: Stage, round_: Any, kit: Any
) -> None:
    await stage.open(round_)
    batches = stage.batches()
    waiting = asyncio.ensure_future(anext(batches))
    check = asyncio.create_task(stage.controller.check(kit.key, np.arange(3, dtype=np.uint64)))
    await settle()
    for worker in stage.workers:
        for _ in range(3):
            worker.failed()
    for task in (waiting, check):
        with pytest.raises(WorkerFailedError, match="SomeError: is wrong"):
            await task
    assert stage.controller.failed
    with pytest.raises(WorkerFailedError):
        stage.controller.begin(())
    with pytest.raises(WorkerFailedError):
        await stage.controller.check(kit.key, np.arange(3, dtype=np.uint64))
    again = stage.load(round_)
    await settle()
    for worker in stage.workers:
        worker.loaded()
    await again
    assert not stage.controller.failed


async def test_work_in_between_gives_a_group_its_tries_back(stage: Stage, round_: Any) -> None:
    await stage.open(round_)
    first = stage.workers[0]
    batches = stage.batches()
    for step in range(1, 6):
        first.failed()
        first.loaded()
        first.walked(step)
        await anext(batches)
    assert not stage.controller.groups[0].given_up


# --- generating ---


async def test_two_groups_of_different_speed_advance_their_own_lanes(
    stage: Stage, round_: Any
) -> None:
    await stage.open(round_)
    fast, slow = stage.workers
    batches = stage.batches()
    fast.walked(3, valid=2)
    fast.walked(6, valid=2)
    slow.walked(1, valid=3)
    came = [await anext(batches) for _ in range(3)]
    assert [sequence for sequence, _ in came] == [1, 2, 3]
    assert [batch.lane_next for _, batch in came] == [(3, 0, 3, 0), (6, 0, 6, 0), (6, 1, 6, 1)]


async def test_a_limit_ends_the_walk_after_the_batch_that_reaches_it(
    stage: Stage, round_: Any
) -> None:
    await stage.open(round_)
    fast, slow = stage.workers
    batches = stage.batches(max_valid=5)
    fast.walked(3, valid=2)
    slow.walked(1, valid=4)
    fast.walked(6, valid=2)
    came = [len(batch) async for _, batch in batches]
    assert came == [2, 4]
    assert [worker.count(Pause) for worker in stage.workers] == [1, 1]
    assert stage.controller.phase is Phase.IDLE
    assert stage.controller.counters.generated == 6


async def test_a_worker_that_dies_behind_a_queue_goes_on_behind_the_queue(
    stage: Stage, round_: Any
) -> None:
    await stage.open(round_)
    first = stage.workers[0]
    batches = stage.batches()
    first.walked(2)
    first.walked(4)
    first.die()
    first.start()
    first.loaded()
    walk = first.last(Walk)
    assert walk.lane_next == (4, 0, 4, 0)
    # Nobody took the two that wait: there is no room for more.
    assert walk.credits == 0
    await anext(batches)
    assert first.count(Credit) == 0
    await anext(batches)
    assert first.count(Credit) == 1


async def test_credit_that_comes_back_while_a_worker_is_away_is_not_lost(
    stage: Stage, round_: Any
) -> None:
    await stage.open(round_)
    first = stage.workers[0]
    batches = stage.batches()
    first.walked(2)
    first.walked(4)
    first.die()
    await anext(batches)
    await anext(batches)
    first.start()
    first.loaded()
    assert first.last(Walk).credits == WINDOW


async def test_credit_for_a_worker_that_has_not_walked_yet_is_counted_once(
    stage: Stage, round_: Any
) -> None:
    await stage.open(round_)
    first = stage.workers[0]
    batches = stage.batches()
    first.walked(2)
    first.walked(4)
    await anext(batches)
    first.die()
    first.start()
    # Given back between the start of the process and its walk, in which no credit counts.
    waiting = asyncio.ensure_future(anext(batches))
    await settle()
    first.loaded()
    assert first.told[-1] == first.last(Walk)
    assert first.last(Walk).credits == WINDOW
    await waiting


async def test_what_a_group_made_before_it_failed_is_walked_again(
    stage: Stage, round_: Any
) -> None:
    await stage.open(round_)
    first = stage.workers[0]
    batches = stage.batches()
    first.walked(2)
    first.walked(4)
    await anext(batches)
    first.failed()
    first.loaded()
    assert first.last(Walk).lane_next == (2, 0, 2, 0)
    first.walked(3)
    assert (await anext(batches))[1].lane_next == (3, 0, 3, 0)


async def test_a_batch_of_an_earlier_walk_is_dropped(stage: Stage, round_: Any) -> None:
    await stage.open(round_)
    first = stage.workers[0]
    older = stage.batches()
    waiting = asyncio.ensure_future(anext(older))
    await settle()
    old_id = first.last(Walk).walk_id
    newer = stage.batches((1, 1, 1, 1))
    with pytest.raises(SupersededError, match="another Generate took over"):
        await waiting
    first.walked(9, walk_id=old_id)
    first.walked(2)
    assert (await anext(newer))[1].lane_next == (2, 1, 2, 1)
    assert stage.controller.counters.walked == 8


async def test_a_stop_ends_the_walk_in_order(stage: Stage, round_: Any) -> None:
    await stage.open(round_)
    batches = stage.batches()
    waiting = asyncio.ensure_future(anext(batches, None))
    await settle()
    stop = asyncio.create_task(stage.controller.stop(end_round=False))
    assert await waiting is None
    for worker in stage.workers:
        worker.say(Halted(halt_id=worker.last(Halt).halt_id))
    await stop
    assert stage.controller.round == round_


async def test_an_acknowledgement_of_a_round_that_is_over_counts_for_no_other(
    stage: Stage, round_: Any
) -> None:
    await stage.open(round_)
    generation = stage.controller.begin(())
    batches = stage.controller.batches(generation)
    stage.workers[0].walked(2, valid=5)
    await anext(batches)
    stop = asyncio.create_task(stage.controller.stop(end_round=True))
    await settle()
    for worker in stage.workers:
        worker.say(Halted(halt_id=worker.last(Halt).halt_id))
    await stop
    await stage.open(replace(round_, block_hash="cd" * 32))
    stage.controller.acknowledge(generation, 1)
    assert stage.controller.counters.acknowledged == 0


async def test_work_needs_a_round(stage: Stage, kit: Any) -> None:
    with pytest.raises(NoRoundError):
        stage.controller.begin(())
    with pytest.raises(NoRoundError):
        await stage.controller.check(kit.key, np.arange(3, dtype=np.uint64))


async def test_the_engine_in_use_is_the_one_that_the_load_names(stage: Stage, round_: Any) -> None:
    for worker in stage.workers:
        worker.say(Ready(engines=("int8", "numpy", "fp32"), summary=""))
    await stage.open(round_)
    assert stage.controller.groups[0].engines == ("numpy", "int8", "fp32")


async def test_the_dense_rate_is_that_of_the_engine_in_use(stage: Stage, round_: Any) -> None:
    stage.load(round_)
    await settle()
    for engine, dense in (("int8", 8e12), ("bf16", 5e12)):
        for worker in stage.workers:
            load_id = worker.last(LoadRound).load_id
            worker.say(
                Loaded(load_id=load_id, engine=engine, batch_size=8, seconds=0.1, dense=dense)
            )
        assert [group.dense for group in stage.controller.groups] == [dense, dense]


async def test_a_group_without_an_engine_is_seen_at_once_and_tried_again_by_the_next_start(
    stage: Stage, round_: Any
) -> None:
    first, second = stage.workers
    first.say(Ready(engines=(), summary="no engine; mend it"))
    assert stage.controller.groups[0].error == "no engine; mend it"
    stage.load(round_)
    await settle()
    load_id = first.last(LoadRound).load_id
    first.say(
        Failed(load_id=load_id, error="NoEngineError", text="no engine; mend it", hopeless=True)
    )
    # Once is enough: nothing has changed a moment later.
    assert first.count(LoadRound) == 1
    assert stage.controller.groups[0].given_up
    assert stage.controller.last_error == "group 0: NoEngineError: no engine; mend it"
    second.loaded()
    stage.load(round_)
    await settle()
    assert (first.count(LoadRound), second.count(LoadRound)) == (2, 1)
    first.loaded()
    assert stage.controller.phase is Phase.IDLE
    assert not stage.controller.groups[0].given_up


# --- verifying ---


async def test_checks_go_to_the_group_with_the_least_to_do(
    stage: Stage, round_: Any, kit: Any
) -> None:
    await stage.open(round_)
    tasks = [
        asyncio.create_task(stage.controller.check(kit.key, np.array([n], np.uint64)))
        for n in range(4)
    ]
    await settle()
    assert [worker.count(Check) for worker in stage.workers] == [2, 2]
    assert stage.controller.phase is Phase.VALIDATE
    for worker in stage.workers:
        for check in [c for c in worker.told if isinstance(c, Check)]:
            worker.checked(check)
    assert [bool((await task).valid[0]) for task in tasks] == [True, False, True, False]
    assert stage.controller.counters.verified == {kit.key.hex(): 4}
    assert stage.controller.counters.walked == 0


async def test_false_claims_are_told_with_what_they_say_of_the_host(
    stage: Stage, round_: Any, kit: Any, caplog: pytest.LogCaptureFixture
) -> None:
    await stage.open(round_)
    task = asyncio.create_task(stage.controller.check(kit.key, np.arange(8, dtype=np.uint64)))
    await settle()
    stage.workers[0].checked(stage.workers[0].last(Check))
    await task
    assert f"host {kit.key.hex()}, in one request: 4 of 8 claims are false" in caplog.text
    # C(8, 4)·(1/2000)⁴ is 4.4·10⁻¹², below 10⁻⁷.
    assert "probability 4.4e-12: fraud" in caplog.text


async def test_a_check_waits_for_its_group_and_is_sent_to_its_successor(
    stage: Stage, round_: Any, kit: Any
) -> None:
    stage.load(round_)
    await settle()
    first, second = stage.workers
    task = asyncio.create_task(stage.controller.check(kit.key, np.arange(4, dtype=np.uint64)))
    await settle()
    assert first.count(Check) == second.count(Check) == 0
    first.loaded()
    second.loaded()
    assert (first.count(Check), second.count(Check)) == (1, 0)
    first.die()
    first.start()
    first.loaded()
    assert first.count(Check) == 1
    first.checked(first.last(Check))
    assert (await task).valid.tolist() == [True, False, True, False]


async def test_the_checks_of_a_lost_group_go_to_another(
    stage: Stage, round_: Any, kit: Any
) -> None:
    await stage.open(round_)
    first, second = stage.workers
    task = asyncio.create_task(stage.controller.check(kit.key, np.arange(2, dtype=np.uint64)))
    await settle()
    for _ in range(3):
        first.failed()
    second.checked(second.last(Check))
    assert len((await task).valid) == 2


async def test_a_check_that_nobody_waits_for_any_more_is_forgotten(
    stage: Stage, round_: Any, kit: Any
) -> None:
    await stage.open(round_)
    first = stage.workers[0]
    task = asyncio.create_task(stage.controller.check(kit.key, np.arange(2, dtype=np.uint64)))
    await settle()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert stage.controller.phase is Phase.IDLE
    first.checked(first.last(Check))
    assert stage.controller.counters.verified == {}


# --- the groups of a network ---


def cards(*sizes: float) -> tuple[Device, ...]:
    return tuple(
        Device(index=index, vram=int(size * 1e9), model="NVIDIA L4")
        for index, size in enumerate(sizes)
    )


class Grouped(Stage):
    """Workers on GPUs that are grouped by themselves."""

    def __init__(self, folder: Path, devices: tuple[Device, ...]) -> None:
        self.workers = []
        self.controller = ParallelController(
            PocConfig(window=WINDOW), folder, make=self._make, devices=devices
        )
        self.controller.start()

    @property
    def grouped(self) -> list[tuple[str, ...]]:
        return [group.handle.setup.devices for group in self.controller.groups]

    async def open(self, round_: Any) -> None:
        loading = self.load(round_)
        await settle()
        for group in self.controller.groups:
            group.handle.loaded()  # type: ignore[attr-defined]
        await loading


async def end_round(stage: Stage) -> None:
    stop = asyncio.create_task(stage.controller.stop(end_round=True))
    await settle()
    for worker in stage.workers:
        if worker.pid:
            worker.say(Halted(halt_id=worker.last(Halt).halt_id))
    await stop


async def test_devices_are_grouped_anew_when_a_round_needs_larger_groups(
    tmp_path: Path, kit: Any
) -> None:
    stage = Grouped(tmp_path, cards(24, 24, 24, 24))
    usual = list(stage.workers)
    assert stage.grouped == [("cuda:0",), ("cuda:1",), ("cuda:2",), ("cuda:3",)]
    await stage.open(kit.round(params=MODEL_PARAMS))
    assert stage.workers == usual
    await end_round(stage)
    await stage.open(kit.round(params=MODEL_PARAMS_BIG))
    assert stage.grouped == [("cuda:0", "cuda:1"), ("cuda:2", "cuda:3")]
    # The memory of the old groups is free before the new ones load.
    assert [worker.pid for worker in usual] == [0] * 4
    batches = stage.batches()
    stage.workers[-1].walked(3)
    sequence, batch = await anext(batches)
    assert (sequence, batch.lane_next[:4]) == (1, (0, 3, 0, 3))


async def test_who_hangs_up_while_the_groups_are_replaced_leaves_none_half_replaced(
    tmp_path: Path, kit: Any
) -> None:
    stage = Grouped(tmp_path, cards(24, 24))
    loading = stage.load(kit.round(params=MODEL_PARAMS_BIG))
    await asyncio.sleep(0)
    loading.cancel()
    await settle()
    assert loading.cancelled()
    again = stage.load(kit.round(params=MODEL_PARAMS_BIG))
    await settle()
    assert stage.grouped == [("cuda:0", "cuda:1")]
    stage.workers[-1].loaded()
    await again


async def test_a_network_that_no_group_holds_is_refused_with_what_is_missing(
    tmp_path: Path, kit: Any, caplog: pytest.LogCaptureFixture
) -> None:
    stage = Grouped(tmp_path, cards(24))
    with pytest.raises(
        WorkerFailedError, match=r"needs 40\.3 GB for this network; here: cuda:0 24\.0 GB"
    ):
        stage.controller.reserve(kit.round(params=MODEL_PARAMS_BIG))
    assert stage.controller.round is None
    assert "cuda:0 (NVIDIA L4, 24.0 GB) is not used" in caplog.text
    await stage.open(kit.round(params=MODEL_PARAMS))


async def test_a_machine_too_small_for_the_usual_network_takes_a_smaller_one(
    tmp_path: Path, kit: Any
) -> None:
    stage = Grouped(tmp_path, cards(2))
    assert stage.grouped == []
    assert stage.controller.phase is Phase.IDLE
    await stage.open(kit.round())
    assert stage.grouped == [("cuda:0",)]


async def test_a_device_that_is_left_out_is_reported(tmp_path: Path, kit: Any) -> None:
    stage = Grouped(tmp_path, cards(24, 24, 24))
    await stage.open(kit.round(params=MODEL_PARAMS_BIG))
    assert [device.name for device in stage.controller.plan.left_out] == ["cuda:2"]


async def test_a_lost_device_counts_once_and_its_last_words_are_kept(
    stage: Stage, round_: Any
) -> None:
    await stage.open(round_)
    first = stage.workers[0]
    load_id = first.last(LoadRound).load_id
    first.say(Failed(load_id=load_id, error="AcceleratorError", text="gone", fatal=True))
    first.die()
    assert stage.controller.groups[0].failures == 1
    assert stage.controller.groups[0].error == "it died: AcceleratorError: gone"
