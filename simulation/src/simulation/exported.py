"""Rows of a network's export: the chain's own messages as JSON, by epoch and kind."""

import base64
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulation import parquet
from simulation.errors import ReplayError, ResultError

FORMAT = "1"
Row = dict[str, Any]
_ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def number(row: Row, field: str) -> int:
    """An integer field; the JSON of protobuf leaves zeros out."""
    return int(row.get(field, 0))


def flag(row: Row, field: str) -> bool:
    """A boolean field."""
    return bool(row.get(field, False))


def data(row: Row, field: str) -> bytes:
    """A field of bytes."""
    return base64.b64decode(row.get(field, ""))


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
    for epoch, kind, host, text in zip(
        *(columns[c] for c in ("epoch", "kind", "host", "row")), strict=True
    ):
        try:
            row: Row = json.loads(text)
        except json.JSONDecodeError as error:
            raise ReplayError(f"epoch {epoch}, a row of kind {kind}: {error}") from error
        said = row.get("index" if kind == "epoch" else "epoch_index", epoch)
        if int(said) != int(epoch):
            raise ReplayError(f"epoch {epoch}, a row of kind {kind} says that it is of {said}")
        rows[int(epoch), kind].append(row | {"_host": host})
    return Export(rows=dict(rows), epochs=sorted({epoch for epoch, _ in rows}))
