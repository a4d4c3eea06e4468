"""Every threat that docs/security.md lists has tests that exist."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from testnet.binaries import repository

ROOT = repository()
HEADER = ("Threat", "Defence", "Proof")
# `path/to/file` `Test`, `Test`, …
FILE = r"`([\w./-]+(?:_test\.go|\.py))`((?:,? `\w+`)+)"
PROOF = re.compile(rf"{FILE}(?:; {FILE})*")


class PageError(Exception):
    """The page says something that is not so, or nothing where it should."""


def tables(text: str) -> Iterator[list[tuple[str, ...]]]:
    """The cells of each table, row by row: its header first, and not the line below that."""
    for block in re.findall(r"(?:^\|.*\n)+", text + "\n", re.M):
        rows = [tuple(c.strip() for c in line.strip("|").split("|")) for line in block.splitlines()]
        yield [rows[0], *rows[2:]]


def proofs(text: str) -> list[tuple[str, str]]:
    """Files and tests that prove the page's rows; PageError for a row that names none."""
    found: list[tuple[str, str]] = []
    for header, *rows in tables(text):
        if header != HEADER:
            continue
        for row in rows:
            if len(row) != len(HEADER) or not all(row):
                raise PageError(f"a row without threat, defence or proof: {row}")
            if not PROOF.fullmatch(row[2]):
                raise PageError(f"no `file` `test` proves {row[0]!r}: {row[2]}")
            for file, names in re.findall(FILE, row[2]):
                found += [(file, name) for name in re.findall(r"\w+", names)]
    return found


def check(text: str, root: Path) -> list[tuple[str, str]]:
    """The proofs, each of which is a test that exists below a root."""
    found = proofs(text)
    for file, name in found:
        if not (root / file).is_file():
            raise PageError(f"there is no file {file}")
        kind = r"func (?=Test|Fuzz)" if file.endswith(".go") else r"(?:async )?def (?=test_)"
        if not re.search(rf"^{kind}{name}\(", (root / file).read_text(), re.M):
            raise PageError(f"{file} has no test {name}")
    return found


def test_every_threat_has_tests_that_exist() -> None:
    text = (ROOT / "docs" / "security.md").read_text()
    threats = [row for header, *rows in tables(text) if header == HEADER for row in rows]
    # A table of threats with another header would be none.
    assert len(threats) == len(re.findall(r"^\|.*`[\w./-]+(?:_test\.go|\.py)`", text, re.M)) > 40
    assert len(check(text, ROOT)) >= len(threats)


def test_the_tests_of_the_page_are_all_in_its_tables() -> None:
    text = (ROOT / "docs" / "security.md").read_text()
    named = re.findall(r"`((?:Test|Fuzz)[A-Z]\w+|test_\w+)`", text)
    assert sorted(named) == sorted(name for _, name in proofs(text))


A_TEST = "`testnet/tests/test_security_page.py` `test_every_threat_has_tests_that_exist`"


def page(row: str) -> str:
    return f"# Threats\n\n| Threat | Defence | Proof |\n|---|---|---|\n{row}\n\nMore.\n"


def test_a_row_with_a_proof_is_taken() -> None:
    assert check(
        page(f"| theft | a lock | {A_TEST}; {A_TEST}, `test_a_row_with_a_proof_is_taken` |"), ROOT
    )


@pytest.mark.parametrize(
    "row",
    [
        "| theft | a lock | it was tried |",
        "| theft | a lock | |",
        "| theft | a lock |",
        f"| theft | | {A_TEST} |",
        "| theft | a lock | `testnet/tests/test_security_page.py` |",
        "| theft | a lock | testnet/tests/test_security_page.py test_a_row_with_a_proof_is_taken |",
        f"| theft | a lock | {A_TEST} and it was tried |",
        f"| theft | a lock | {A_TEST}; tried by hand |",
        "| theft | a lock | `testnet/tests/test_security_page.py` `test_of_nothing` |",
        "| theft | a lock | `testnet/tests/test_security_page.py` `page` |",
        "| theft | a lock | `testnet/tests/test_no_page.py` `test_of_nothing` |",
    ],
)
def test_a_row_without_a_proof_is_refused(row: str) -> None:
    with pytest.raises(PageError):
        check(page(row), ROOT)
