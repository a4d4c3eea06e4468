"""Epochs of a network as Parquet, one file a kind of row, for the simulator's replay."""

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from google.protobuf import json_format
from google.protobuf.message import Message

from testnet.errors import ChainError
from testnet.ledger import Ledger

FORMAT = "1"


def export(ledger: Ledger, out: Path, *, first: int | None, last: int) -> int:
    """Write everything that decided epochs first … last.

    Each row is a message of the chain as JSON, with the columns epoch, host
    and kind beside it to select by. Integers of 64 bits are decimal strings in
    the JSON, so that no reader rounds them.

    Args:
        ledger: a chain node that still keeps these epochs.
        out: file to write.
        first: epoch to begin with; None for the oldest with all that follow whole.
        last: epoch to end with.

    Returns:
        The first epoch in the file.

    Raises:
        ChainError: when an epoch is not kept any more, or not whole.
    """
    rows: list[dict[str, Any]] = []
    begin = last + 1
    for epoch in range(last, (first or 1) - 1, -1):
        of_epoch = _epoch_rows(ledger, epoch)
        if proofs_are_gone(of_epoch):
            if first is not None or not rows:
                raise ChainError(
                    f"epoch {epoch}: its commitments and verdicts are not kept any more; "
                    f"export from --first {begin} on, and sooner the next time"
                )
            break
        rows, begin = of_epoch + rows, epoch
    table = pa.Table.from_pylist(
        rows,
        schema=pa.schema(
            [
                ("epoch", pa.uint64()),
                ("kind", pa.string()),
                ("host", pa.string()),
                ("row", pa.string()),
            ],
            metadata={"ninefold_export": FORMAT},
        ),
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_name(f".{out.name}.{os.getpid()}")
    pq.write_table(table, temporary)  # type: ignore[no-untyped-call]
    temporary.replace(out)
    return begin


def proofs_are_gone(rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether hosts of an epoch claim what no commitment of its rows tells of."""
    kinds = [row["kind"] for row in rows]
    claims = (json.loads(row["row"]) for row in rows if row["kind"] == "host_outcome")
    return "batch" not in kinds and any(int(claim.get("claimed", 0)) for claim in claims)


def _epoch_rows(ledger: Ledger, epoch: int) -> list[dict[str, Any]]:
    rows = [_row(epoch, "epoch", "", ledger.epoch(epoch))]
    rows += _optional(epoch, "round", lambda: [ledger.round(epoch)])
    rows += [_row(epoch, "model", "", m) for m in ledger.epoch_models(epoch)]
    groups = _groups(ledger, epoch)
    rows += [_row(epoch, "group", "", g) for g in groups]
    for group in groups:
        rows += [
            _row(epoch, "member", m.participant, m) for m in ledger.members(epoch, group.model_id)
        ]
        rows += [_row(epoch, "node", n.participant, n) for n in ledger.nodes(epoch, group.model_id)]
    outcomes = ledger.weights(epoch)
    for outcome in outcomes:
        host = outcome.participant
        rows.append(_row(epoch, "host_outcome", host, outcome))
        rows += [_row(epoch, "node_outcome", host, n) for n in ledger.weight(epoch, host).nodes]
        rows += [_row(epoch, "batch", host, b) for b in ledger.batches(epoch, host)]
        rows += [_row(epoch, "verdict", host, v) for v in ledger.verdicts(epoch, host)]
        rows += [_row(epoch, "seat", host, s) for s in _seats(ledger, epoch, host)]
    rows += [_row(epoch, "duty", d.participant, d) for d in ledger.duties(epoch)]
    rows += _optional(epoch, "settlement", lambda: [ledger.settlement(epoch)])
    rows += [_row(epoch, "settle_amount", a.participant, a) for a in ledger.settle_amounts(epoch)]
    return rows


def _groups(ledger: Ledger, epoch: int) -> list[Any]:
    root = ledger.group(epoch)
    return [root, *(ledger.group(epoch, model_id) for model_id in root.sub_group_models)]


def _seats(ledger: Ledger, epoch: int, host: str) -> list[Any]:
    try:
        return ledger.jury(epoch, host)
    except ChainError:
        # No sampling seed was drawn for genesis, or the host claimed nothing.
        return []


def _optional(
    epoch: int, kind: str, fetch: Callable[[], Iterable[Message]]
) -> list[dict[str, Any]]:
    try:
        return [_row(epoch, kind, "", message) for message in fetch()]
    except ChainError:
        return []


def _row(epoch: int, kind: str, host: str, message: Message) -> dict[str, Any]:
    text = json_format.MessageToJson(
        message, preserving_proto_field_name=True, indent=None, sort_keys=True
    )
    return {"epoch": epoch, "kind": kind, "host": host, "row": text}
