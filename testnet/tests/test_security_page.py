"""Every test that docs/security.md calls a proof exists."""

import re

from testnet.binaries import repository

ROOT = repository()
# `path/to/file` `Test`, `Test`, …
FILE = re.compile(r"`([\w./-]+_test\.go|[\w./-]+\.py)`((?:[ ,]+`\w+`)+)")


def test_every_named_test_exists() -> None:
    text = (ROOT / "docs" / "security.md").read_text()
    proofs = [
        (file, name) for file, names in FILE.findall(text) for name in re.findall(r"`(\w+)`", names)
    ]
    rows = [line for line in text.splitlines() if line.startswith("| ") and "`" in line]
    assert all(FILE.search(row) for row in rows), "a threat without a proof"
    assert len(proofs) > len(rows) > 20
    missing = [
        f"{file} {name}"
        for file, name in proofs
        if not re.search(rf"^(func|def|async def) {name}\(", (ROOT / file).read_text(), re.M)
    ]
    assert missing == []
