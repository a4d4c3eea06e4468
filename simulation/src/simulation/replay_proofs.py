"""Replay of what hosts sent in a round: the chain would have taken each batch and each verdict."""

from collections import defaultdict

from simulation import commit, fixed
from simulation.epoch import Heights
from simulation.errors import BatchError
from simulation.exported import Compares, Export, Row, data, flag, number, numbers

# The field of a batch that a refusal is about; the others are about its id.
_FIELDS = {
    "root_size": "root",
    "lane_count": "lane_next",
    "lane_bound": "lane_next",
    "lane_falls": "lane_next",
    "count": "count",
    "count_of_range": "count",
    "too_many_nonces": "count",
    "sparse": "count",
}


def check_batches(export: Export, index: int, heights: Heights, counter: Compares) -> None:
    """Each node's batches follow from each other by the rules of commit, in the stages for them."""
    of = (export.one(index, "epoch") or {})["params"]
    limits = commit.Limits(
        lanes=number(of, "lanes"),
        max_batches_per_node=number(of, "max_batches_per_node"),
        max_nonces_per_node=number(of, "max_nonces_per_node"),
        valid_fraction=fixed.parse(of["valid_fraction"]),
    )
    for host, rows in export.by_host(index, "batch").items():
        nodes: dict[str, list[Row]] = defaultdict(list)
        for row in sorted(rows, key=lambda row: number(row["batch"], "batch_id")):
            nodes[row["batch"]["node_id"]].append(row)
        for node, batches in nodes.items():
            state, (height, last) = commit.State(), heights.batches
            for row in batches:
                where = f"node {node} batch {number(row['batch'], 'batch_id')}"
                state, field, outcome = _accept(state, row["batch"], limits)
                counter.same(index, host, f"{where} {field}", "accepted", outcome)
                counter.within(index, host, f"{where} height", number(row, "height"), height, last)
                height = number(row, "height")


def _accept(state: commit.State, row: Row, limits: commit.Limits) -> tuple[commit.State, str, str]:
    """The state after a batch; the field that decides, and what the chain would have said."""
    batch = commit.Batch(
        batch_id=number(row, "batch_id"),
        count=number(row, "count"),
        root=data(row, "root"),
        lane_next=tuple(numbers(row, "lane_next")),
    )
    try:
        return commit.accept(state, batch, limits), "lane_next", "accepted"
    except BatchError as error:
        return state, _FIELDS.get(error.code, "batch_id"), f"refused: {error.code}"


def check_verdicts(export: Export, index: int, heights: Heights, counter: Compares) -> None:
    """Each verdict has the form that the chain takes, and came in the stages for it."""
    for host, rows in export.by_host(index, "verdict").items():
        for row in rows:
            verdict, height = row["verdict"], number(row, "height")
            counter.within(index, host, "verdict.height", height, *heights.verdicts)
            counter.same(index, host, "verdict.participant", verdict["participant"], host)
            opened = not flag(verdict, "unavailable")
            most = number(verdict, "sampled") if opened else 0
            counter.within(index, host, "verdict.invalid", number(verdict, "invalid"), 0, most)
            proof = 32 if opened else 0
            counter.same(index, host, "verdict.work_proof", len(data(verdict, "work_proof")), proof)
            if not opened:
                counter.same(index, host, "verdict.structural", flag(verdict, "structural"), False)
