"""The page for hosts names every metric of the service, and none that there is not."""

import asyncio
import re
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mlnode.service.journal import Counters
from mlnode.service.metrics import RoundCollector
from mlnode.service.phase import Phase

ROOT = Path(__file__).resolve().parents[3]
# What a name may be followed by: its labels.
LABELS = ("{group}", "{phase}")


async def emitted() -> set[str]:
    """Names as Prometheus has them, asked of a service without a round."""
    idle: Any = SimpleNamespace(
        counters=Counters(),
        nonces_per_second=0.0,
        phase=Phase.IDLE,
        groups=[],
        queued=len,
        round=None,
    )
    collector = RoundCollector(idle, asyncio.get_running_loop())
    families = await asyncio.to_thread(lambda: list(collector.collect()))
    return {f"{each.name}_total" if each.type == "counter" else each.name for each in families}


def named(page: str) -> set[str]:
    """Names in the first column of the table, each of ``{a,b}`` for itself."""
    section = page.partition("\n## Metrics\n")[2].partition("\n## ")[0]
    names: set[str] = set()
    for cell in re.findall(r"^\| `(mlnode_[^`]*)` \|", section, re.MULTILINE):
        for label in LABELS:
            cell = cell.removesuffix(label)
        parts = [part.split(",") for part in re.split(r"[{}]", cell)]
        names |= {"".join(each) for each in product(*parts)}
    return names


async def test_the_page_names_every_metric_and_no_other() -> None:
    assert named((ROOT / "docs/mlnode.md").read_text("utf-8")) == await emitted()


async def test_dashboards_and_alerts_ask_for_metrics_that_there_are() -> None:
    asked: set[str] = set()
    for path in (*(ROOT / "ops").rglob("*.json"), *(ROOT / "ops").rglob("*.yml")):
        asked |= set(re.findall(r"\bmlnode_(?:poc|worker)_[a-z_]+", path.read_text("utf-8")))
    assert asked
    assert asked <= await emitted()
