"""The notebooks of questions: one for each, stripped, and true when they are executed."""

import json
from pathlib import Path
from typing import Any

import pytest

from simulation.extras import extra

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
NAMES = (
    "1_coverage_bonus",
    "2_splitting",
    "3_offline",
    "4_serving_rule",
    "5_cartel",
    "6_parameters",
)


def test_there_is_a_notebook_for_each_question() -> None:
    assert tuple(sorted(p.stem for p in NOTEBOOKS.glob("*.ipynb"))) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_holds_no_outputs(name: str) -> None:
    book: dict[str, Any] = json.loads((NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8"))
    code = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    texts = ["".join(cell["source"]) for cell in book["cells"]]
    assert any(text.startswith("**Answer.**") for text in texts)
    assert any("assert " in text for text in texts), "the answer is checked"


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs_and_its_answer_holds(name: str) -> None:
    nbformat: Any = extra("nbformat", "notebooks")
    nbclient: Any = extra("nbclient", "notebooks")
    book = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    nbclient.NotebookClient(
        book, timeout=600, resources={"metadata": {"path": str(NOTEBOOKS)}}
    ).execute()
    printed = [o["text"] for c in book.cells for o in c.get("outputs", []) if "text" in o]
    assert printed, "it shows its numbers"
