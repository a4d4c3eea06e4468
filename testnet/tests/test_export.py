"""Which epochs are whole enough to export."""

import json
from typing import Any

import pytest
from testnet.export import proofs_are_gone


def row(kind: str, **fields: Any) -> dict[str, Any]:
    return {"epoch": 1, "kind": kind, "host": "", "row": json.dumps(fields)}


@pytest.mark.parametrize(
    ("rows", "gone"),
    [
        ([row("host_outcome", claimed="7"), row("batch")], False),
        ([row("host_outcome", claimed="7"), row("host_outcome")], True),
        ([row("host_outcome"), row("epoch")], False),
        ([], False),
    ],
)
def test_claims_without_commitments_show_that_proofs_are_gone(
    rows: list[dict[str, Any]], gone: bool
) -> None:
    assert proofs_are_gone(rows) is gone
