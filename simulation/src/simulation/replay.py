"""Recompute exported epochs of a real network and stop at the first integer that differs."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from simulation import epoch, exported, params
from simulation.errors import ReplayDifferenceError, ReplayError, SimulationError
from simulation.exported import Export, Row, as_the_chain_runs, data, number
from simulation.replay_groups import check_groups
from simulation.replay_hosts import check_hosts, check_outcomes
from simulation.replay_money import check_duties, check_settlement, check_subsidies
from simulation.replay_proofs import check_batches, check_verdicts


@dataclass(slots=True)
class Counter:
    """How many integers were compared."""

    compared: int = 0

    def same(self, epoch: int, host: str, field: str, chain: object, ours: object) -> None:
        """Raises ReplayDifferenceError unless both are equal."""
        self.compared += 1
        if chain != ours:
            raise ReplayDifferenceError(epoch, host, field, chain, ours)

    def within(self, epoch: int, host: str, field: str, chain: int, least: int, most: int) -> None:
        """Raises ReplayDifferenceError unless a value lies in a range, both ends included."""
        legal = least <= chain <= most
        self.same(epoch, host, field, chain, chain if legal else f"{least} to {most}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A replay without a difference.

    Attributes:
        epochs: of the files, ascending.
        partly: those whose judging epoch is in none of them: who sat on their juries, and what
            they carried over, is taken as it stands.
        compared: integers.
    """

    epochs: list[int]
    partly: list[int]
    compared: int

    @property
    def words(self) -> str:
        """What was compared, and what was not."""
        if not self.epochs:
            return "no epochs"
        said = f"epochs {_runs(self.epochs)}: {self.compared:,} values compared, 0 differ"
        if not self.partly:
            return said
        which = ", ".join(str(index) for index in self.partly)
        return (
            f"{said}; of epoch {which} not who sat on juries nor what was carried over: the epoch "
            "before is not there"
        )


def _runs(epochs: list[int]) -> str:
    """Epochs in words, with a gap for each that is missing."""
    runs = [[epochs[0]]]
    for epoch_ in epochs[1:]:
        if epoch_ == runs[-1][-1] + 1:
            runs[-1].append(epoch_)
        else:
            runs.append([epoch_])
    return ", ".join(f"{r[0]} … {r[-1]}" if len(r) > 1 else str(r[0]) for r in runs)


def replay(*paths: Path) -> Replayed:
    """Replay what exports of one network hold together.

    Raises:
        ReplayError: when it is no export of this version, or an epoch lacks what decided it.
        ReplayDifferenceError: at the first difference, naming epoch, host, field and values.
    """
    export = exported.read(paths)
    counter, partly = Counter(), list[int]()
    for index in export.epochs:
        with _telling(index):
            partly += [index] if _check_round(export, index, counter) else []
    # What an epoch paid follows from the rounds that it judged, which come after it.
    for index in export.epochs:
        with _telling(index):
            check_settlement(export, index, counter)
    check_duties(export, counter)
    check_subsidies(export, counter)
    return Replayed(epochs=export.epochs, partly=partly, compared=counter.compared)


@contextmanager
def _telling(index: int) -> Generator[None]:
    """Names the epoch in whatever cannot be computed of it."""
    try:
        yield
    except ReplayDifferenceError:
        raise
    except SimulationError as error:
        raise ReplayError(f"epoch {index}: {error}") from error


def _check_round(export: Export, index: int, counter: Counter) -> bool:
    """What was sent, judged and formed; whether the epoch that judged it is missing."""
    record = export.one(index, "epoch")
    if record is None:
        raise ReplayError("there is no row of kind epoch")
    check_outcomes(export, index, counter)
    if index == 0:
        check_groups(export, index, counter)
        return False
    heights = _check_heights(export, record, index, counter)
    check_batches(export, index, heights, counter)
    check_verdicts(export, index, heights, counter)
    judged_by = number(record, "judged_by")
    missing = judged_by not in export.epochs and bool(export.of(index, "host_outcome"))
    if export.of(index, "host_outcome"):
        check_hosts(export, index, None if missing else judged_by, counter)
    if export.of(index, "group"):
        check_groups(export, index, counter)
    return missing


def _check_heights(export: Export, record: Row, index: int, counter: Counter) -> epoch.Heights:
    """The cycle follows from its beginning; rounds, and who is effective, from the cycles."""
    given = params.flat(as_the_chain_runs(record["params"]))
    lacking = [name for name in params.table() if name not in given]
    if lacking:
        raise ReplayError(f"of its parameters {', '.join(lacking)} are missing")
    of = params.Params(given)
    told: Row = record.get("heights", {})
    heights = epoch.open_epoch(number(told, "poc_start"), of.lengths)
    for field in epoch.Heights.__dataclass_fields__:
        counter.same(index, "", f"heights.{field}", number(told, field), getattr(heights, field))
    judged_by, before = number(record, "judged_by"), export.one(index - 1, "epoch")
    counter.within(index, "", "judged_by", judged_by, 0, index - 1)
    if before is not None:
        took_over = index == 1 or number(before, "effective_from") > 0
        ours = index - 1 if took_over else number(before, "judged_by")
        counter.same(index, "", "judged_by", judged_by, ours)
    round_ = export.one(index, "round") or {}
    for field, ours, hash_ in (
        ("challenge_height", heights.poc_start, "challenge"),
        ("sampling_height", heights.poc_validation_start, "sampling_seed"),
    ):
        # A round that was not judged has no seed.
        if hash_ in round_ or export.of(index, "seat"):
            counter.same(index, "", field, number(round_, field), ours)
            counter.same(index, "", f"bytes of {hash_}", len(data(round_, hash_)), 32)
    first, last = number(record, "effective_from"), number(record, "effective_to")
    gone = record.get("status") == "EPOCH_STATUS_ABANDONED"
    counter.same(index, "", "abandoned_reason", bool(record.get("abandoned_reason")), gone)
    if first:
        counter.same(index, "", "effective_from", first, heights.set_new_validators + 1)
    if last:
        after = _successor(export, index)
        if after is not None:
            counter.same(index, "", "effective_to", last, number(after, "effective_from") - 1)
        counter.within(index, "", "effective_to", last, first, 2**63 - 1)
    return heights


def _successor(export: Export, index: int) -> Row | None:
    """The epoch that took over from another, if it is there."""
    records = (export.one(e, "epoch") or {} for e in export.epochs if e > index)
    took_over = (r for r in records if number(r, "effective_from"))
    return next((r for r in took_over if number(r, "judged_by") == index), None)
