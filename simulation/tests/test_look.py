"""What `make look` finds wrong with a page in a browser; skipped where there is none."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest

from simulation import page
from simulation.page import Page, Table


def _module() -> Any:
    path = Path(__file__).resolve().parents[2] / "tools" / "look.py"
    spec = importlib.util.spec_from_file_location("look", path)
    assert spec
    assert spec.loader
    made = importlib.util.module_from_spec(spec)
    sys.modules["look"] = made
    spec.loader.exec_module(made)
    return made


look = _module()
LONG = "a" * 200


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    program = look.browser()
    if program is None:
        pytest.skip("there is no Chromium to look with")
    with look.started(program) as at:
        yield at


def written(folder: Path, name: str = "x", title: str = "a plot", extra: str = "") -> Path:
    """A page as the simulator writes them, with more HTML behind its plots."""
    figure = go.Figure(go.Scatter(x=[1, 2], y=[3, 4]))
    figure.update_layout(title={"text": title, "x": 0.02})
    table = Table(title="numbers", head=["name", *("a number",) * 9], rows=[["x", *("1,000",) * 9]])
    made = Page(
        title=name,
        question="why?",
        answers=[LONG],
        figures=[figure],
        tables=[table],
        facts="none",
        scenarios=[("tree", {LONG: LONG})],
    )
    out = folder / "page.html"
    out.write_text(page.render(made).replace("</main>", f"{extra}</main>"), encoding="utf-8")
    return out


@pytest.mark.parametrize("width", look.WIDTHS)
def test_a_page_is_as_it_should_be(browser: Any, tmp_path: Path, width: int) -> None:
    picture = tmp_path / "page.png"
    assert look.look(browser, written(tmp_path), width, picture) == []
    head = picture.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(head[16:20]) == width


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"extra": "<script>nothing.there()</script>"}, "script error: ReferenceError"),
        ({"extra": "<script>console.error('oh')</script>"}, "console: "),
        ({"extra": "<img src='http://127.0.0.1:9/x.png'>"}, "asks for http://127.0.0.1:9/x.png"),
        ({"extra": "<p style='width:2000px'>wide</p>"}, "wider than the screen: p wide"),
        ({"title": "a title that no phone has the room for " * 3}, "cut off: a title"),
    ],
)
def test_what_is_wrong_with_a_page_is_found(
    browser: Any, tmp_path: Path, told: dict[str, str], words: str
) -> None:
    wrong = "; ".join(look.look(browser, written(tmp_path, **told), 390, tmp_path / "p.png"))
    assert words in wrong
    assert look.look(browser, written(tmp_path), 390, tmp_path / "p.png") == [], "and forgotten"


def test_a_page_without_a_plot_is_found(browser: Any, tmp_path: Path) -> None:
    empty = tmp_path / "empty.html"
    empty.write_text("<!doctype html><p>nothing</p>")
    assert look.look(browser, empty, 390, tmp_path / "p.png") == ["no plot is drawn"]


def test_without_a_browser_nothing_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert look.main(tmp_path / "out") == 0
    assert "no browser to look with" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
