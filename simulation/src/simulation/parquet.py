"""Parquet files as columns of Python values. pyarrow ships no types; none leave this module."""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from simulation.errors import ResultError


def to_bytes(rows: list[dict[str, Any]], metadata: dict[str, str]) -> bytes:
    """A whole file with these rows."""
    table = pa.Table.from_pylist(rows).replace_schema_metadata(metadata)
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return sink.getvalue().to_pybytes()


def read(path: Path) -> tuple[dict[str, list[Any]], dict[str, str]]:
    """Columns and metadata of a file. Raises ResultError when it is none."""
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise ResultError(f"{path} is no Parquet file: {error}") from error
    found = table.schema.metadata or {}
    return table.to_pydict(), {k.decode(): v.decode() for k, v in found.items()}
