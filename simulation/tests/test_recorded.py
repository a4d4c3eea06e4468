"""What a real network exported replays to the last integer.

The files of ``data`` are what `testnet export` wrote of a network in which host3 forges. In
``no_quorum.parquet`` the whole network was stopped and continued while it judged; between the
epochs of ``changes.parquet`` a host joins and a proposal removes a model.
"""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from simulation import replay
from simulation.errors import ReplayDifferenceError

DATA = Path(__file__).parent / "data"
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


@pytest.mark.parametrize(
    ("kind", "field"),
    [("host_outcome", "credited"), ("settle_amount", "amount"), ("member", "weight")],
)
def test_a_record_with_one_integer_changed_is_refused(
    tmp_path: Path, kind: str, field: str
) -> None:
    table = pq.read_table(CHANGES)
    changed: list[dict[str, Any]] = table.to_pylist()
    victim = next(
        row
        for row in reversed(changed)
        if row["kind"] == kind and int(json.loads(row["row"]).get(field, 0))
    )
    content = json.loads(victim["row"])
    content[field] = str(int(content[field]) + 1)
    victim["row"] = json.dumps(content)
    path = tmp_path / "changed.parquet"
    pq.write_table(pa.Table.from_pylist(changed, schema=table.schema), path)
    with pytest.raises(ReplayDifferenceError) as caught:
        replay.replay(path)
    assert caught.value.epoch == victim["epoch"]
