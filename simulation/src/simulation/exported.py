"""Rows of a network's export: the chain's own messages as JSON, by epoch and kind."""

import base64
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

from simulation import fixed, params, parquet
from simulation.errors import ReplayError, ResultError, shown

FORMAT = "1"
Row = dict[str, Any]


class Compares(Protocol):
    """Whoever compares the chain's values with ours."""

    def same(self, epoch: int, host: str, field: str, chain: object, ours: object) -> None:
        """Refuses a value that is not ours."""
        ...

    def within(self, epoch: int, host: str, field: str, chain: int, least: int, most: int) -> None:
        """Refuses a value outside of a range, both ends included."""
        ...


_ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def number(row: Row, field: str) -> int:
    """An integer field; the JSON of protobuf leaves zeros out. Raises ReplayError."""
    return _integer(row.get(field, 0), field)


def numbers(row: Row, field: str) -> list[int]:
    """A repeated integer field; none where it is not there. Raises ReplayError."""
    values: list[object] = row.get(field, [])
    return [_integer(value, field) for value in values]


def _integer(value: object, field: str) -> int:
    text = str(value)
    if not text.isascii() or not text.isdigit() or len(text) > 20 or int(text) > fixed.MAX_U64:
        raise ReplayError(f"{field} is no integer of 64 bits: {shown(value)}")
    return int(text)


def flag(row: Row, field: str) -> bool:
    """A boolean field."""
    return bool(row.get(field, False))


def data(row: Row, field: str) -> bytes:
    """A field of bytes. Raises ReplayError when it is none."""
    try:
        return base64.b64decode(row.get(field, ""), validate=True)
    except (ValueError, TypeError) as error:
        raise ReplayError(f"{field} is no text of bytes: {shown(row[field])}") from error


def address(bech32: str) -> bytes:
    """The raw bytes of an address; its checksum was the chain's to check.

    Raises ReplayError when it is none.
    """
    words = [_ALPHABET.find(c) for c in bech32.rpartition("1")[2]]
    if len(words) < 7 or -1 in words:
        raise ReplayError(f"{bech32!r} is no address")
    bits = "".join(f"{w:05b}" for w in words[:-6])
    return bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits) - len(bits) % 8, 8))


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """Rows by epoch and kind, in the order of the file."""

    rows: dict[tuple[int, str], list[Row]]
    epochs: list[int]

    def of(self, epoch: int, kind: str) -> list[Row]:
        """All rows of a kind."""
        return self.rows.get((epoch, kind), [])

    def one(self, epoch: int, kind: str) -> Row | None:
        """The only row of a kind, if there is one."""
        found = self.of(epoch, kind)
        return found[0] if found else None

    def by_host(self, epoch: int, kind: str) -> dict[str, list[Row]]:
        """Rows of a kind by host."""
        out: dict[str, list[Row]] = defaultdict(list)
        for row in self.of(epoch, kind):
            out[row["_host"]].append(row)
        return out

    def root(self, epoch: int, kind: str) -> dict[str, list[Row]]:
        """Rows of the root group (no model) by host."""
        return {
            host: [r for r in rows if not r.get("model_id")]
            for host, rows in self.by_host(epoch, kind).items()
        }


def as_the_chain_runs(given: Row) -> Row:
    """Parameters from the JSON of protobuf, which leaves out zeros and prefixes enumerations."""
    zeros = {"bool": False, "integer": "0"}
    rows = (r for r in params.table().values() if r.kind in zeros and "." not in r.name)
    kind = str(given.get("poc_kind")).removeprefix("POC_KIND_")
    return {r.name: zeros[r.kind] for r in rows} | given | {"poc_kind": kind}


def read(paths: Sequence[Path]) -> Export:
    """Read exports of one network, of which each may hold some of its epochs.

    An epoch that stands in several is taken from the newest of them: settled rewards are claimed
    later.

    Raises:
        ReplayError: one is no export, or of another version, or of another network.
    """
    origin: dict[int, tuple[Path, Export]] = {}
    found = [(path, _read(path)) for path in paths]
    found.sort(key=lambda pair: pair[1].epochs[-1:])
    for path, export in found:
        for epoch in export.epochs:
            if epoch in origin and _lasting(origin[epoch][1], epoch) != _lasting(export, epoch):
                raise ReplayError(
                    f"{origin[epoch][0]} and {path} tell otherwise of epoch {epoch}: they are not "
                    "of one network"
                )
            origin[epoch] = path, export
    rows = {
        (epoch, kind): of
        for _, export in found
        for (epoch, kind), of in export.rows.items()
        if origin[epoch][1] is export
    }
    return Export(rows=rows, epochs=sorted(origin))


def _lasting(export: Export, epoch: int) -> list[Any]:
    """What of an epoch never changes once it has begun."""
    record = export.one(epoch, "epoch") or {}
    kept = [record.get(field) for field in ("heights", "judged_by", "params")]
    return [*kept, export.one(epoch, "round")]


# Fields that hold messages, and fields that are repeated; all others are single values.
_MESSAGES = frozenset(
    ("heights", "params", "poc_model", "info", "batch", "verdict", "model_snapshot")
)
_REPEATED = frozenset(
    (
        "models",
        "model_args",
        "sub_group_models",
        "timeslot_allocation",
        "lane_next",
        "expected_throughput_vector",
        "real_throughput_vector",
    )
)
# What a row cannot do without; the JSON of protobuf leaves out zeros and what is empty.
_NEEDS = {
    "epoch": ("params",),
    "model": ("id",),
    "node": ("info.node_id",),
    "node_outcome": ("node_id",),
    "batch": ("batch.node_id",),
    "verdict": ("holder", "verdict.participant"),
    "seat": ("holder",),
}


# Whether rows of a kind are of a host; others are of the whole network.
_OF_A_HOST = {
    **dict.fromkeys(("epoch", "round", "model", "group", "settlement"), False),
    **dict.fromkeys(("member", "node", "host_outcome", "node_outcome", "batch"), True),
    **dict.fromkeys(("verdict", "seat", "duty", "settle_amount"), True),
}


# What tells apart the rows of a kind that are of one epoch and host.
_KEYS = {
    "model": ("id",),
    "group": ("model_id",),
    "member": ("model_id",),
    "node": ("model_id", "info.node_id"),
    "node_outcome": ("node_id",),
    "batch": ("batch.node_id", "batch.batch_id"),
    "verdict": ("holder",),
    "seat": ("holder",),
}


def _at(row: Row, path: str) -> Any:
    at: Any = row
    for field in path.split("."):
        at = cast(Row, at).get(field, "")
    return at


def _check_shape(row: Any, where: str) -> None:
    """Raises ReplayError unless a row is made as the chain's messages are."""
    if not isinstance(row, dict):
        raise ReplayError(f"{where} is no message: {shown(row)}")
    for field, value in cast(Row, row).items():
        if field in _MESSAGES:
            _check_shape(value, f"{where}, {field}")
            continue
        values: list[object] = [value]
        if field in _REPEATED:
            if not isinstance(value, list):
                raise ReplayError(f"{where}: {field} is no list: {shown(value)}")
            values = cast("list[object]", value)
        for one in values:
            if not isinstance(one, str | int):
                raise ReplayError(f"{where}: {field} holds no single value: {shown(one)}")


def _check_needs(row: Row, needs: Sequence[str], where: str) -> None:
    missing = [path for path in needs if path.split(".")[0] not in row or not _at(row, path)]
    if missing:
        raise ReplayError(f"{where}: {', '.join(missing)} is missing")


def _read(path: Path) -> Export:
    try:
        columns, metadata = parquet.read(path)
    except ResultError as error:
        raise ReplayError(str(error)) from error
    found = metadata.get("ninefold_export", "none")
    if found != FORMAT:
        raise ReplayError(f"{path} is an export of version {found}, not {FORMAT}")
    missing = {"epoch", "kind", "host", "row"} - set(columns)
    if missing:
        raise ReplayError(f"{path} lacks the columns {', '.join(sorted(missing))}")
    rows: dict[tuple[int, str], list[Row]] = defaultdict(list)
    known: set[tuple[Any, ...]] = set()
    for epoch, kind, host, text in zip(
        *(columns[c] for c in ("epoch", "kind", "host", "row")), strict=True
    ):
        try:
            row: Row = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ReplayError(f"epoch {epoch}, a row of kind {kind}: {error}") from error
        _check_shape(row, f"epoch {epoch}, host {host or '-'}, a row of kind {kind}")
        _check_needs(row, _NEEDS.get(kind, ()), f"epoch {epoch}, host {host or '-'}, {kind}")
        field = "index" if kind == "epoch" else "epoch_index"
        said = row.get(field, epoch)
        if _integer(said, f"epoch {epoch}, a row of kind {kind}: {field}") != int(epoch):
            raise ReplayError(f"epoch {epoch}, a row of kind {kind} says that it is of {said}")
        if row.get("participant", host) != host:
            raise ReplayError(
                f"epoch {epoch}, host {host}, a row of kind {kind} says that it is of "
                f"{shown(row['participant'])}"
            )
        if kind not in _OF_A_HOST:
            raise ReplayError(f"epoch {epoch}: there are no rows of kind {shown(kind)}")
        if _OF_A_HOST[kind] != bool(host):
            whose = "no host" if _OF_A_HOST[kind] else f"host {host}"
            raise ReplayError(f"epoch {epoch}, a row of kind {kind} is of {whose}")
        key = epoch, kind, host, *(_at(row, path) for path in _KEYS.get(kind, ()))
        if key in known:
            told = " ".join(str(part) for part in key[2:] if part) or "-"
            raise ReplayError(f"epoch {epoch}, two rows of kind {kind} are of {told}")
        known.add(key)
        rows[int(epoch), kind].append(row | {"_host": host})
    return Export(rows=dict(rows), epochs=sorted({epoch for epoch, _ in rows}))
