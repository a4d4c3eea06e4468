"""What a real network exported replays to the last integer.

The files of ``data`` are what `testnet export` wrote of networks in which host3 forges. In
``no_quorum.parquet`` the whole network was stopped and continued while it judged; between the
epochs of ``changes.parquet`` a host joins and a proposal removes a model. ``history`` was
written two epochs at a time, from the first epoch to the ninth: a host joins and proves from the
sixth on, and a proposal changes the coverage bonus, which the ninth is the first to have.
"""

import functools
import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from simulation import replay
from simulation.errors import ReplayDifferenceError, ReplayError

DATA = Path(__file__).parent / "data"
HISTORY = sorted((DATA / "history").glob("*.parquet"))
NO_QUORUM, CHANGES = DATA / "no_quorum.parquet", DATA / "changes.parquet"


def by_epoch(path: Path, kind: str, name: str) -> list[set[str]]:
    """The values of a field of all rows of a kind, for each epoch in its order."""
    found: dict[int, set[str]] = {}
    for row in pq.read_table(path).to_pylist():
        if row["kind"] == kind:
            found.setdefault(row["epoch"], set()).add(json.loads(row["row"])[name])
    return [found[epoch] for epoch in sorted(found)]


@pytest.mark.parametrize("path", [NO_QUORUM, CHANGES], ids=lambda path: path.stem)
def test_a_recorded_network_replays_without_a_difference(path: Path) -> None:
    made = replay.replay(path)
    assert len(made.epochs) == 2
    assert made.compared > 300
    assert all("OUTCOME_FRAUD" in seen for seen in by_epoch(path, "host_outcome", "outcome"))


def test_the_records_tell_of_a_join_a_change_by_governance_and_a_missing_quorum() -> None:
    before, after = by_epoch(CHANGES, "host_outcome", "participant")
    assert len(after - before) == 1
    before, after = by_epoch(CHANGES, "model", "id")
    assert before - after == {"ninefold/tiny-qwen"}
    assert "OUTCOME_NO_QUORUM" in by_epoch(NO_QUORUM, "host_outcome", "outcome")[0]


def test_nine_epochs_with_a_fraud_a_join_and_a_change_of_rewards_replay_whole() -> None:
    made = replay.replay(*HISTORY)
    assert made.epochs == list(range(1, 10))
    # The first epoch was judged by genesis, which no export holds.
    assert made.partly == [1]
    assert made.compared > 1_700
    found: dict[int, dict[str, str]] = {}
    bonuses: dict[int, str] = {}
    for path in HISTORY:
        for row in pq.read_table(path).to_pylist():
            content = json.loads(row["row"])
            if row["kind"] == "host_outcome":
                found.setdefault(row["epoch"], {})[row["host"]] = content["outcome"]
            if row["kind"] == "epoch":
                bonuses[row["epoch"]] = content["params"]["coverage_bonus"]
    assert [len(found[epoch]) for epoch in made.epochs] == [4] * 5 + [5] * 4
    forgers = {host for of in found.values() for host in of if of[host] == "OUTCOME_FRAUD"}
    assert len(forgers) == 1
    assert all(of[min(forgers)] == "OUTCOME_FRAUD" for of in found.values())
    assert bonuses == dict.fromkeys(range(1, 9), "0.1") | {9: "0.2"}


def test_what_stands_on_both_sides_of_a_gap_is_compared() -> None:
    made = replay.replay(HISTORY[0], HISTORY[1], HISTORY[-1])
    assert made.epochs == [1, 2, 3, 8, 9]
    assert made.partly == [1, 8]


@pytest.mark.parametrize("at", range(2, 9))
@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("seat", ("seats",)),
        ("host_outcome", ("credited",)),
        ("settle_amount", ("amount",)),
        ("settlement", ("subsidy",)),
        ("duty", ("drawn",)),
    ],
    ids=lambda one: one if isinstance(one, str) else None,
)
def test_an_integer_changed_in_any_epoch_is_refused(
    tmp_path: Path, kind: str, path: tuple[str, ...], at: int
) -> None:
    files = list[Path]()
    for file in HISTORY:
        table = pq.read_table(file)
        rows: list[dict[str, Any]] = table.to_pylist()
        next((row for row in rows if changes(row, kind, at, path)), None)
        files.append(tmp_path / file.name)
        pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), files[-1])
    with pytest.raises(ReplayDifferenceError):
        replay.replay(*files)


INTEGERS = [
    ("batch", ("batch", "count")),
    ("host_outcome", ("claimed",)),
    ("host_outcome", ("credited",)),
    ("host_outcome", ("seats_honest",)),
    ("host_outcome", ("mined_weight",)),
    ("node_outcome", ("weight",)),
    ("node_outcome", ("claimed",)),
    ("verdict", ("seats",)),
    ("verdict", ("verdict", "sampled")),
    ("seat", ("seats",)),
    ("member", ("weight",)),
    ("group", ("total_weight",)),
    ("settle_amount", ("amount",)),
    ("settlement", ("minted",)),
    ("epoch", ("params", "min_host_nonces")),
]


@pytest.mark.parametrize("at", [0, -1], ids=["in the oldest epoch", "in the newest epoch"])
@pytest.mark.parametrize(("kind", "path"), INTEGERS, ids=lambda one: one if one is str else None)
def test_a_record_with_one_integer_changed_is_refused(
    tmp_path: Path, kind: str, path: tuple[str, ...], at: int
) -> None:
    table = pq.read_table(CHANGES)
    changed: list[dict[str, Any]] = table.to_pylist()
    epoch = sorted({row["epoch"] for row in changed})[at]
    victim = next(row for row in changed if changes(row, kind, epoch, path))
    file = tmp_path / "changed.parquet"
    pq.write_table(pa.Table.from_pylist(changed, schema=table.schema), file)
    with pytest.raises(ReplayDifferenceError) as caught:
        replay.replay(file)
    assert caught.value.epoch == victim["epoch"]


@pytest.mark.parametrize("kind", ["host_outcome", "seat", "settle_amount", "epoch"])
def test_a_row_that_says_it_is_of_another_epoch_is_refused(tmp_path: Path, kind: str) -> None:
    table = pq.read_table(CHANGES)
    changed: list[dict[str, Any]] = table.to_pylist()
    victim = next(row for row in changed if row["kind"] == kind)
    content = json.loads(victim["row"])
    content["index" if kind == "epoch" else "epoch_index"] = "77"
    victim["row"] = json.dumps(content)
    file = tmp_path / "changed.parquet"
    pq.write_table(pa.Table.from_pylist(changed, schema=table.schema), file)
    with pytest.raises(ReplayError, match=f"a row of kind {kind} says that it is of 77"):
        replay.replay(file)


@pytest.mark.parametrize("value", ["", "x", "-1"])
@pytest.mark.parametrize("kind", ["seat", "epoch"])
def test_an_epoch_of_a_row_that_is_no_integer_is_refused(
    tmp_path: Path, kind: str, value: str
) -> None:
    table = pq.read_table(CHANGES)
    changed: list[dict[str, Any]] = table.to_pylist()
    victim = next(row for row in changed if row["kind"] == kind)
    field = "index" if kind == "epoch" else "epoch_index"
    victim["row"] = json.dumps(json.loads(victim["row"]) | {field: value})
    file = tmp_path / "changed.parquet"
    pq.write_table(pa.Table.from_pylist(changed, schema=table.schema), file)
    words = f"epoch {victim['epoch']}, a row of kind {kind}: {field} is no integer of 64 bits"
    with pytest.raises(ReplayError, match=words):
        replay.replay(file)


def history_without(folder: Path, at: int, *kinds: str, forge: bool = False) -> list[Path]:
    """The recorded history without an epoch's rows of some kinds, and with a forged payout."""
    files = list[Path]()
    for file in HISTORY:
        table = pq.read_table(file)
        rows: list[dict[str, Any]] = table.to_pylist()
        rows = [row for row in rows if row["epoch"] != at or row["kind"] not in kinds]
        if forge:
            next((row for row in rows if changes(row, "settle_amount", at, ("amount",))), None)
        files.append(folder / file.name)
        pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), files[-1])
    return files


@pytest.mark.parametrize("kinds", [["settlement"], ["settlement", "settle_amount"]])
@pytest.mark.parametrize("at", range(1, 10))
def test_a_settled_epoch_without_its_settlement_is_refused(
    tmp_path: Path, at: int, kinds: list[str]
) -> None:
    with pytest.raises(ReplayDifferenceError) as caught:
        replay.replay(*history_without(tmp_path, at, *kinds, forge=True))
    assert (caught.value.epoch, caught.value.field) == (at, "settlement")


def test_a_payout_without_a_settlement_is_refused_whatever_the_status(tmp_path: Path) -> None:
    files = history_without(tmp_path, 9, "settlement", forge=True)
    table = pq.read_table(files[-1])
    rows: list[dict[str, Any]] = table.to_pylist()
    victim = next(row for row in rows if (row["epoch"], row["kind"]) == (9, "epoch"))
    victim["row"] = json.dumps(json.loads(victim["row"]) | {"status": "EPOCH_STATUS_EFFECTIVE"})
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), files[-1])
    with pytest.raises(ReplayDifferenceError, match="epoch 9, host -, settlement: "):
        replay.replay(*files)


def test_a_settled_epoch_without_groups_is_refused(tmp_path: Path) -> None:
    files = history_without(tmp_path, 4, "group")
    with pytest.raises(ReplayError, match=r"epoch 4: .* no row of kind group of its root group"):
        replay.replay(*files)


def rows_of(*paths: Path) -> list[dict[str, Any]]:
    """The rows of several files, as one."""
    return pa.concat_tables(pq.read_table(path) for path in paths).to_pylist()


def write(rows: list[dict[str, Any]], path: Path) -> Path:
    pq.write_table(pa.Table.from_pylist(rows, schema=pq.read_schema(CHANGES)), path)
    return path


def follows_from_nothing(rows: list[dict[str, Any]], row: dict[str, Any]) -> bool:
    """Whether a row may be gone: a model that nobody serves has no group, and so no effect."""
    if row["kind"] != "model":
        return False
    of_epoch = [json.loads(r["row"]) for r in rows if r["epoch"] == row["epoch"]]
    served = {model for content in of_epoch for model in content.get("sub_group_models", [])}
    return json.loads(row["row"])["id"] not in served


RECORDS = [pytest.param(HISTORY, id="history")] + [
    pytest.param([path], id=path.stem) for path in (CHANGES, NO_QUORUM)
]
# Of each kind; all rows of all records went through once, which takes minutes.
FEW = int(os.environ.get("REPLAY_ROWS", "5"))


def some(rows: list[dict[str, Any]], seed: int) -> list[int]:
    """Where a few rows of each kind stand, the first and the last among them."""
    chance, found = random.Random(seed), list[int]()
    for kind in sorted({row["kind"] for row in rows}):
        of_kind = [i for i, row in enumerate(rows) if row["kind"] == kind]
        found += {of_kind[0], of_kind[-1], *chance.sample(of_kind, min(FEW, len(of_kind)))}
    return found


@pytest.mark.parametrize("paths", RECORDS)
def test_a_row_that_is_gone_or_stands_twice_is_refused_by_name(
    tmp_path: Path, paths: list[Path]
) -> None:
    rows, file = rows_of(*paths), tmp_path / "changed.parquet"
    for at in some(rows, seed=1):
        row = rows[at]
        with pytest.raises(ReplayError, match=f"^epoch {row['epoch']}, two rows of kind "):
            replay.replay(write([*rows, row], file))
        write(rows[:at] + rows[at + 1 :], file)
        if follows_from_nothing(rows, row):
            replay.replay(file)
            continue
        with pytest.raises((ReplayDifferenceError, ReplayError)) as caught:
            replay.replay(file)
        told = str(caught.value)
        if isinstance(caught.value, ReplayDifferenceError):
            assert caught.value.host or caught.value.field, told
        else:
            assert told == f"epoch {row['epoch']}: there is no row of kind epoch"


@pytest.mark.parametrize("paths", RECORDS)
def test_a_row_that_is_changed_is_refused_but_for_what_is_listed(
    tmp_path: Path, paths: list[Path]
) -> None:
    rows, file, chance = rows_of(*paths), tmp_path / "changed.parquet", random.Random(2)
    oldest = rows[0]["epoch"]
    for at in some(rows, seed=2):
        row = rows[at]
        kept, content = row["row"], json.loads(row["row"])
        path = chance.choice(list(leaves(content)))
        name = ".".join([row["kind"], *(step for step in path if isinstance(step, str))])
        if (
            name in UNCHECKED | UNCHECKED_IF_UNPAID
            or name.startswith("epoch.params.")
            or (row["epoch"] == oldest and name in UNCHECKED_OF_THE_OLDEST)
            or follows_from_nothing(rows, row)
        ):
            continue
        for changed in altered(content, path):
            row["row"] = json.dumps(changed)
            with pytest.raises((ReplayDifferenceError, ReplayError)):
                replay.replay(write(rows, file))
        row["row"] = kept


# What an export holds and nothing of it decides: docs/simulation.md lists it.
UNCHECKED = {
    "round.challenge",
    "member.consensus_key",
    "batch.batch.root",
    "batch.batch.lane_next",
    "batch.height",
    "verdict.height",
    "verdict.verdict.invalid",
    "verdict.verdict.work_proof",
    "settle_amount.claimed",
}
# Of the oldest epoch, whose judges stand in the one before it; and of a host that is paid nothing.
UNCHECKED_OF_THE_OLDEST = {"epoch.judged_by", "round.sampling_seed", "seat.holder"}
UNCHECKED_IF_UNPAID = {"settle_amount.unjailed_blocks"}


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where the single values of a row stand; of a list the first one."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value[:1]):
            yield from leaves(inner, (*path, key))
    else:
        yield path


def altered(content: Any, path: tuple[str | int, ...]) -> Iterator[Any]:
    """The row with one value moved by one, or as little as its kind allows."""
    at = functools.reduce(lambda held, step: held[step], path[:-1], content)
    value = at[path[-1]]
    if isinstance(value, bool):
        others: list[Any] = [not value]
    elif str(value).isdigit():
        others = [str(int(value) + 1), *([str(int(value) - 1)] if int(value) else [])]
    elif str(value).endswith("="):
        others = [("A" if value[0] != "A" else "B") + value[1:]]
    else:
        others = [f"{value}x"]
    for other in others:
        at[path[-1]] = other
        yield content
    at[path[-1]] = value


def test_every_value_that_is_not_listed_is_checked(tmp_path: Path) -> None:
    """Whatever of an epoch between two others is altered is refused, but for what is listed."""
    table = pa.concat_tables(pq.read_table(path) for path in HISTORY[-2:])
    rows = [row for row in table.to_pylist() if row["epoch"] >= 7]
    passed, tried, file = set[str](), set[str](), tmp_path / "altered.parquet"
    for row in [r for r in rows if r["epoch"] == 8]:
        kept, content = row["row"], json.loads(row["row"])
        for path in leaves(content):
            name = ".".join([row["kind"], *(step for step in path if isinstance(step, str))])
            if name in tried or name.startswith("epoch.params."):
                continue
            tried.add(name)
            for changed in altered(content, path):
                row["row"] = json.dumps(changed)
                pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), file)
                try:
                    replay.replay(file)
                except (ReplayDifferenceError, ReplayError):
                    continue
                passed.add(name)
        row["row"] = kept
    assert len(tried) > 90
    assert passed == UNCHECKED
    text = (DATA.parents[2] / "docs" / "simulation.md").read_text(encoding="utf-8")
    told = text[text.index("## Replay") : text.index("## What was found")]
    for name in passed:
        assert f"`{name.rpartition('.')[2]}`" in told


def changes(row: dict[str, Any], kind: str, epoch: int, path: tuple[str, ...]) -> bool:
    """Adds a thousand to a field of a row of some kind and epoch, where it is not zero."""
    content = json.loads(row["row"])
    at = content
    for step in path[:-1]:
        at = at.get(step, {})
    if (row["kind"], row["epoch"]) != (kind, epoch) or not int(at.get(path[-1], 0)):
        return False
    at[path[-1]] = str(int(at[path[-1]]) + 1000)
    row["row"] = json.dumps(content)
    return True


def test_a_replay_says_what_it_took_as_it_stands() -> None:
    made = replay.replay(CHANGES)
    assert made.partly == [made.epochs[0]]
    first, last = made.epochs
    assert made.words == (
        f"epochs {first} … {last}: {made.compared:,} values compared, 0 differ; of epoch {first} "
        "not who sat on juries nor what was carried over: the epoch before is not there"
    )


def part(path: Path, out: Path, *epochs: int) -> Path:
    """A file with some epochs of another."""
    table = pq.read_table(path)
    rows = [row for row in table.to_pylist() if row["epoch"] in epochs]
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), out)
    return out


def test_epochs_in_several_files_replay_as_in_one(tmp_path: Path) -> None:
    whole = replay.replay(CHANGES)
    first, last = whole.epochs
    parts = [part(CHANGES, tmp_path / f"{epoch}.parquet", epoch) for epoch in whole.epochs]
    assert replay.replay(*reversed(parts)) == replay.replay(*parts, CHANGES) == whole
    alone = [replay.replay(path) for path in parts]
    assert [one.partly for one in alone] == [[first], [last]]


def test_of_an_epoch_in_two_files_the_newer_is_taken(tmp_path: Path) -> None:
    first, _ = replay.replay(CHANGES).epochs
    table = pq.read_table(CHANGES)
    changed: list[dict[str, Any]] = [r for r in table.to_pylist() if r["epoch"] == first]
    next(row for row in changed if changes(row, "settle_amount", first, ("amount",)))
    older = tmp_path / "older.parquet"
    pq.write_table(pa.Table.from_pylist(changed, schema=table.schema), older)
    with pytest.raises(ReplayDifferenceError):
        replay.replay(older)
    assert replay.replay(older, CHANGES) == replay.replay(CHANGES)


def test_files_of_two_networks_are_refused(tmp_path: Path) -> None:
    table = pq.read_table(CHANGES)
    changed: list[dict[str, Any]] = table.to_pylist()
    epoch = changed[0]["epoch"]
    next(r for r in changed if changes(r, "epoch", epoch, ("heights", "poc_start")))
    other = tmp_path / "other.parquet"
    pq.write_table(pa.Table.from_pylist(changed, schema=table.schema), other)
    with pytest.raises(ReplayError, match=f"tell otherwise of epoch {epoch}: they are not of one"):
        replay.replay(CHANGES, other)


def test_a_gap_between_epochs_is_told(tmp_path: Path) -> None:
    assert replay.Replayed(epochs=[3, 4, 7], partly=[], compared=5).words == (
        "epochs 3 … 4, 7: 5 values compared, 0 differ"
    )
