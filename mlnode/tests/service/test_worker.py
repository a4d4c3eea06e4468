"""A worker's loop, command by command, with a prover and a pipe that are scripted."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from mlnode.poc.decision import Decisions
from mlnode.poc.engines.base import LoadProgress
from mlnode.poc.errors import FingerprintError, NoEngineError
from mlnode.poc.rounds import Round
from mlnode.service import worker
from mlnode.service.candidates import candidates
from mlnode.service.messages import (
    Alive,
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

BATCH = 4
SETUP = WorkerSetup(
    group_index=0,
    devices=("cpu",),
    engine="numpy",
    batch_size=BATCH,
    threads=1,
    crosscheck=True,
    models_dir="",
    candidates=candidates,
)


@dataclass(frozen=True)
class After:
    """What follows arrives once the worker has said this so many times."""

    kind: type[Any]
    times: int = 1


class Pipe:
    """Gives out a script of commands and hangs up behind it."""

    def __init__(self, script: Sequence[Command | After]) -> None:
        self._script = list(script)
        self._looks = 0
        self.said: list[Event] = []

    def poll(self, timeout_s: float) -> bool:
        self._looks += 1
        assert self._looks < 100, "what the script waits for is never said"
        while self._script and isinstance(after := self._script[0], After):
            if sum(isinstance(event, after.kind) for event in self.said) < after.times:
                return False
            self._script.pop(0)
        # The end of the pipe is readable, too, once there is nothing left to compute.
        return bool(self._script) or timeout_s > 0

    def receive(self) -> object:
        if not self._script:
            raise EOFError
        return self._script.pop(0)

    def send(self, message: Any) -> None:
        self.said.append(message)


class Prover:
    """Finds every nonce valid."""

    engines = ("scripted",)
    summary = "scripted at will"
    batch_size = BATCH
    dense = 0.0
    stands = False
    fails: Exception | None = None
    changed = False
    rehash_due = True
    sizes: list[int] | None = None
    foreseen: list[tuple[list[int], list[int] | None]] | None = None
    hashed: list[str] | None = None

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def load(self, _: Round) -> Iterator[LoadProgress]:
        for done in (1, 2, 3):
            yield LoadProgress(tensor="x", done_bytes=done, total_bytes=3)
        self.stands = True

    def batch(self, nonces_B: Any, _: bytes | None = None, *, ahead: Any = None) -> Decisions:
        assert self.stands
        if self.foreseen is not None:
            self.foreseen.append((nonces_B.tolist(), None if ahead is None else ahead.tolist()))
        if self.sizes is not None:
            self.sizes.append(len(nonces_B))
        if self.fails is not None:
            raise self.fails
        size = len(nonces_B)
        zeros = np.zeros(size, np.int64)
        return Decisions(
            valid=np.ones(size, np.bool_),
            distances=np.zeros(size),
            digests=np.zeros((size, 32), np.uint8),
            dots=zeros,
            norms=zeros,
        )

    def rehash(self) -> None:
        if self.hashed is not None:
            self.hashed.append("again")
        if self.changed:
            raise FingerprintError("the weights have changed")

    def drop(self) -> None:
        self.stands = False


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a script and returns what the worker said, the signs of life left out."""

    def run(*script: Command | After, **prover: Any) -> list[Event]:
        made = type("Made", (Prover,), prover)
        monkeypatch.setattr(worker, "Prover", made)
        pipe = Pipe(script)
        with pytest.raises(EOFError):
            worker.Worker(SETUP, pipe).run()  # type: ignore[arg-type]
        assert isinstance(pipe.said[0], Alive)
        assert isinstance(pipe.said[1], Ready)
        return [event for event in pipe.said[2:] if not isinstance(event, Alive)]

    return run


@pytest.fixture
def load(kit: Any) -> LoadRound:
    return LoadRound(load_id=7, round=kit.round())


def walk(*, walk_id: int = 1, credit: int = 1) -> Walk:
    return Walk(walk_id=walk_id, lanes=(0, 1), lane_next=(0,) * 16, credits=credit)


def check(request_id: int, size: int = 1, key: bytes = bytes(20)) -> Check:
    return Check(request_id=request_id, public_key=key, nonces=np.arange(size, dtype=np.uint64))


def kinds(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


def test_a_load_is_reported_step_by_step(run: Any, load: LoadRound) -> None:
    said = run(load)
    assert said[:3] == [Loading(load_id=7, done_bytes=n) for n in (1, 2, 3)]
    assert (said[3].load_id, said[3].engine, said[3].batch_size) == (7, "scripted", BATCH)


def test_a_load_stops_where_its_round_is_ended(run: Any, load: LoadRound) -> None:
    said = run(load, After(Loading, 2), Halt(halt_id=3, end_round=True), walk())
    assert kinds(said) == ["Loading", "Loading", "Halted"]


def test_a_load_gives_way_to_another(run: Any, load: LoadRound, kit: Any) -> None:
    other = LoadRound(load_id=8, round=kit.round(block_hash="cd" * 32))
    said = run(load, After(Loading), other)
    assert [event.load_id for event in said if isinstance(event, Loaded)] == [8]


def test_a_load_goes_on_through_a_halt_that_keeps_the_round(run: Any, load: LoadRound) -> None:
    said = run(load, After(Loading), Halt(halt_id=3, end_round=False))
    assert kinds(said) == ["Loading", "Loading", "Loading", "Loaded", "Halted"]


def test_commands_that_arrive_during_a_load_are_obeyed_after_it(run: Any, load: LoadRound) -> None:
    said = run(load, After(Loading), walk(), check(5))
    assert kinds(said)[3:] == ["Loaded", "Checked", "Walked"]


def test_as_many_batches_are_made_as_there_is_credit(run: Any, load: LoadRound) -> None:
    said = run(
        load,
        walk(credit=2),
        After(Walked, 2),
        Credit(walk_id=9),
        After(Alive, 2),
        Credit(walk_id=1),
    )
    walked = [event for event in said if isinstance(event, Walked)]
    assert [event.lane_next for event in walked] == [(2, 2), (4, 4), (6, 6)]
    assert [event.walked for event in walked] == [BATCH] * 3


def test_a_newer_walk_begins_where_it_says(run: Any, load: LoadRound) -> None:
    said = run(load, walk(credit=5), After(Walked), walk(walk_id=2, credit=1))
    walked = [event for event in said if isinstance(event, Walked)]
    assert [(event.walk_id, event.lane_next) for event in walked] == [(1, (2, 2)), (2, (2, 2))]


def test_each_batch_of_a_walk_is_told_with_the_one_behind_it(run: Any, load: LoadRound) -> None:
    foreseen: list[tuple[list[int], list[int] | None]] = []
    said = run(
        load, walk(credit=2), After(Walked, 2), walk(walk_id=2), After(Walked, 3), foreseen=foreseen
    )
    assert len([event for event in said if isinstance(event, Walked)]) == 3
    (first, second), (again, third), (anew, _) = foreseen
    assert second == again
    assert third is not None
    # The walk begins anew where it is told to, whatever was made ahead.
    assert anew == first
    assert len({*first, *again, *third}) == 3 * BATCH


def test_parts_of_a_check_are_told_with_the_part_behind_them(run: Any, load: LoadRound) -> None:
    foreseen: list[tuple[list[int], list[int] | None]] = []
    run(load, check(5, size=2 * BATCH + 1), foreseen=foreseen)
    assert foreseen == [
        ([0, 1, 2, 3], [4, 5, 6, 7]),
        ([4, 5, 6, 7], [8]),
        ([8], None),
    ]


def test_checks_come_before_the_walk(run: Any, load: LoadRound) -> None:
    said = run(load, walk(credit=2), After(Walked), check(5), check(6))
    assert kinds(said)[4:] == ["Walked", "Checked", "Checked", "Walked"]


def test_a_check_larger_than_a_batch_is_answered_whole(run: Any, load: LoadRound) -> None:
    (answer,) = [e for e in run(load, check(5, size=2 * BATCH + 1)) if isinstance(e, Checked)]
    assert answer.request_id == 5
    assert len(answer.valid) == len(answer.distances) == len(answer.digests) == 2 * BATCH + 1


def test_checks_of_one_host_share_a_batch_and_are_answered_one_by_one(
    run: Any, load: LoadRound
) -> None:
    sizes: list[int] = []
    asked = [check(5, 1), check(6, 2), check(7, 2), check(8, 1, b"\x01" * 20), check(9, 1)]
    said = run(load, After(Loaded), *asked, sizes=sizes)
    answers = [event for event in said if isinstance(event, Checked)]
    assert [answer.request_id for answer in answers] == [5, 6, 7, 8, 9]
    assert [len(answer.valid) for answer in answers] == [1, 2, 2, 1, 1]
    # Five do not fit into a batch of four, and another host is another input.
    assert sizes == [3, 2, 1, 1]


def test_weights_are_hashed_when_a_walk_begins_and_before_anything_is_said(
    run: Any, load: LoadRound
) -> None:
    hashed: list[str] = []
    said = run(load, walk(), After(Walked), check(5), After(Checked), check(6), hashed=hashed)
    assert kinds(said)[4:] == ["Walked", "Checked", "Checked"]
    assert len(hashed) == 4


def test_batches_wait_for_the_hash_but_no_more_than_half_of_the_credit(
    run: Any, load: LoadRound
) -> None:
    hashed: list[str] = []
    script = [load, walk(credit=5), After(Walked, 5)]
    said = run(*script, hashed=hashed, rehash_due=False)
    assert [e.lane_next[0] for e in said if isinstance(e, Walked)] == [2, 4, 6, 8, 10]
    # One at the begin, then behind the third batch, the fourth and the fifth.
    assert len(hashed) == 1 + 3


def test_answers_wait_for_one_hash_while_there_is_more_to_check(run: Any, load: LoadRound) -> None:
    hashed: list[str] = []
    keys = [bytes([number]) * 20 for number in range(4)]
    asked = [check(5 + number, 1, key) for number, key in enumerate(keys)]
    said = run(load, After(Loaded), *asked, hashed=hashed, rehash_due=False)
    assert [e.request_id for e in said if isinstance(e, Checked)] == [5, 6, 7, 8]
    assert len(hashed) == 1


def test_what_was_made_of_changed_weights_is_never_said(run: Any, load: LoadRound) -> None:
    """A bit flips behind the walk's begin: neither its batches nor the answers are let out."""
    looks: list[str] = []

    def rehash(_: Any) -> None:
        looks.append("")
        if len(looks) > 1:
            raise FingerprintError("the weights have changed")

    said = run(load, walk(credit=8), After(Failed), rehash=rehash, rehash_due=False)
    assert kinds(said)[4:] == ["Failed"]
    assert len(looks) == 2
    looks[:] = [""]
    said = run(load, After(Loaded), check(5, 2 * BATCH + 1), rehash=rehash, rehash_due=False)
    assert kinds(said)[4:] == ["Failed"]


def test_a_walk_that_ended_is_not_said_later(run: Any, load: LoadRound) -> None:
    said = run(
        load, walk(credit=9), After(Alive, 2), Pause(), check(5), After(Checked), rehash_due=False
    )
    assert kinds(said)[4:] == ["Checked"]


def test_between_two_batches_of_a_check_the_worker_lives_and_listens(
    run: Any, load: LoadRound
) -> None:
    sizes: list[int] = []
    # Each batch is followed by a sign of life; the second one, here, by a halt.
    halt = Halt(halt_id=3, end_round=False)
    said = run(load, After(Loaded), check(5, 40 * BATCH), After(Alive, 3), halt, sizes=sizes)
    assert said[4:] == [Halted(halt_id=3)]
    assert len(sizes) == 2


def test_a_pause_ends_the_walk_and_not_the_checks(run: Any, load: LoadRound) -> None:
    said = run(load, walk(credit=2), check(5), Pause())
    assert kinds(said)[4:] == ["Checked"]


def test_a_halt_ends_both_and_says_so(run: Any, load: LoadRound) -> None:
    said = run(load, walk(credit=2), check(5), Halt(halt_id=3, end_round=False))
    assert said[4:] == [Halted(halt_id=3)]


def test_a_round_that_was_halted_can_be_walked_again(run: Any, load: LoadRound) -> None:
    said = run(load, Halt(halt_id=3, end_round=False), walk())
    assert kinds(said)[4:] == ["Halted", "Walked"]


def test_a_walk_without_a_round_is_nothing(run: Any, load: LoadRound) -> None:
    assert run(walk()) == []
    said = run(load, After(Loaded), Halt(halt_id=3, end_round=True), walk())
    assert kinds(said)[4:] == ["Halted"]


def test_a_batch_that_fails_drops_the_round_and_says_whose_it_was(
    run: Any, load: LoadRound
) -> None:
    said = run(load, walk(credit=3), After(Failed), check(5), fails=RuntimeError("out of luck"))
    assert said[4] == Failed(load_id=7, error="RuntimeError", text="out of luck")
    assert len(said) == 6
    assert isinstance(said[5], Failed)


def test_weights_that_changed_before_a_walk_are_a_failure_and_no_death(
    run: Any, load: LoadRound
) -> None:
    said = run(load, walk(), changed=True)
    assert said[4:] == [
        Failed(load_id=7, error="FingerprintError", text="the weights have changed")
    ]


def test_the_memory_that_is_taken_of_gpus_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = {"cuda:0": 7, "cuda:1": 30}
    monkeypatch.setattr("torch.cuda.max_memory_reserved", taken.__getitem__)
    assert worker.device_bytes(("cuda:0", "cuda:1", "cuda:0")) == 37
    assert worker.device_bytes(("cpu", "cpu")) == 0


def test_an_error_without_words_is_named(run: Any, load: LoadRound) -> None:
    said = run(load, walk(), fails=MemoryError())
    assert said[4] == Failed(load_id=7, error="MemoryError", text="MemoryError()")


# --- devices that are lost ---


class Lost(Prover):
    """Nothing can be let go of on its device."""

    def drop(self) -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")


class AcceleratorError(RuntimeError):
    """Named as PyTorch's."""


@pytest.mark.parametrize(
    "error",
    [
        AcceleratorError("CUDA error: unspecified launch failure"),
        RuntimeError("Triton Error [CUDA]: an illegal memory access was encountered"),
        ValueError("what was wrong before the device did not even drop the round"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_device_that_is_lost_ends_the_process_with_the_first_reason(
    monkeypatch: pytest.MonkeyPatch, load: LoadRound, error: Exception
) -> None:
    monkeypatch.setattr(worker, "Prover", type("Made", (Lost,), {"fails": error}))
    pipe = Pipe([load, check(5)])
    with pytest.raises(SystemExit) as ended:
        worker.Worker(SETUP, pipe).run()  # type: ignore[arg-type]
    assert ended.value.code == 3
    assert pipe.said[-1] == Failed(
        load_id=7, error=type(error).__name__, text=str(error), fatal=True
    )


def test_a_lack_of_memory_in_triton_s_driver_leaves_the_process(run: Any, load: LoadRound) -> None:
    said = run(load, check(5), fails=RuntimeError("Triton Error [CUDA]: out of memory"))
    assert isinstance(said[-1], Failed)
    assert not said[-1].fatal


def test_engines_that_cannot_be_tried_are_told_with_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(worker, "Prover", fails)
    pipe = Pipe([])
    with pytest.raises(SystemExit):
        worker.Worker(SETUP, pipe)  # type: ignore[arg-type]
    text = "[Errno 28] No space left on device"
    assert pipe.said[-1] == Failed(load_id=0, error="OSError", text=text, fatal=True)


def test_engines_are_tried_again_for_a_round_that_comes_when_none_was_exact(
    monkeypatch: pytest.MonkeyPatch, load: LoadRound
) -> None:
    tries: list[int] = []

    class Mended(Prover):
        """No engine is exact, until somebody has mended the machine."""

        def __init__(self, *_: Any, **__: Any) -> None:
            tries.append(1)
            if len(tries) < 3:
                raise NoEngineError("no engine is exact on this machine: int8: wrong")

    monkeypatch.setattr(worker, "Prover", Mended)
    pipe = Pipe((load, After(Failed), load))
    with pytest.raises(EOFError):
        worker.Worker(SETUP, pipe).run()  # type: ignore[arg-type]
    said: list[Event] = [e for e in pipe.said if not isinstance(e, (Alive, Loading))]
    assert kinds(said) == ["Ready", "Ready", "Failed", "Ready", "Loaded"]
    what_to_do = "; mend what `mlnode doctor` finds, then start the round again"
    assert said[0] == Ready(
        engines=(), summary="no engine is exact on this machine: int8: wrong" + what_to_do
    )
    assert isinstance(failed := said[2], Failed)
    assert (failed.hopeless, failed.fatal) == (True, False)
    assert failed.text.endswith(what_to_do)
    assert isinstance(ready := said[3], Ready)
    assert ready.engines == ("scripted",)
