"""The metrics over HTTP, the log, and what is written of the counters."""

import asyncio
import json
import logging
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlnode.service.backoff import Backoff
from mlnode.service.journal import Counters, Journal
from mlnode.service.metrics import MetricsServer
from mlnode.service.rate import Rate

pytestmark = pytest.mark.asyncio(loop_scope="package")


def fetch(port: int) -> dict[str, float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as response:
        lines = response.read().decode().splitlines()
    return {
        name: float(value)
        for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")
    }


async def test_metrics_follow_the_round(client: Any, kit: Any) -> None:
    await client.open(kit.round())
    stream = client.stream(window=4)
    batches = await stream.take(4)
    stream.acknowledge(2)
    # Six were sent, two more are held: then all stand still.
    await client.until(lambda s: s.walked_nonces == 8 * 24)
    server = MetricsServer(client.server.controller, "127.0.0.1:0")
    try:
        metrics = await asyncio.to_thread(fetch, server.port)
    finally:
        server.close()
    status = await client.status()
    stream.call.cancel()
    stored = sum(len(b.batch.nonces) for b in batches[:2])
    assert metrics["mlnode_poc_acknowledged_nonces_total"] == stored
    assert metrics["mlnode_poc_walked_nonces_total"] == status.walked_nonces == 8 * 24
    walked, valid = (metrics[f"mlnode_poc_{name}_nonces_total"] for name in ("walked", "valid"))
    assert metrics["mlnode_poc_valid_rate"] == pytest.approx(valid / walked)
    assert metrics["mlnode_poc_nonces_per_second"] > 0
    assert 0 < metrics["mlnode_poc_mfu"] < 1
    assert metrics['mlnode_poc_phase{phase="generate"}'] == 1
    assert metrics['mlnode_poc_phase{phase="idle"}'] == 0
    assert metrics['mlnode_worker_batch_seconds{group="0"}'] > 0
    assert metrics['mlnode_worker_load_seconds{group="0"}'] > 0
    assert metrics['mlnode_worker_resident_bytes{group="0"}'] > 1 << 24
    assert metrics['mlnode_worker_device_bytes{group="0"}'] == 0
    assert metrics['mlnode_worker_queued_batches{group="0"}'] == 2
    assert metrics['mlnode_worker_restarts{group="0"}'] == 0


async def test_a_change_of_phase_is_one_line_of_facts(
    client: Any, kit: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="mlnode.poc"):
        await client.open(kit.round())
        stream = client.stream()
        await stream.take(1)
        await client.stop()
    phases = [r.message.partition(":")[0] for r in caplog.records if ": block" in r.message]
    assert phases == ["loading", "idle", "generate", "stop", "idle"]
    assert any(
        "loaded 0.00" in r.message and "fp32 in batches of 24" in r.message for r in caplog.records
    )
    assert all(
        "node 1 of 3, 1 of 1 groups" in r.message for r in caplog.records if ": block" in r.message
    )


async def test_a_rate_forgets_what_is_older_than_its_window() -> None:
    now = [0.0]
    rate = Rate(clock=lambda: now[0])
    rate.add(100)
    now[0] = 2.0
    rate.add(50)
    assert rate.per_second == 30
    now[0] = 5.0
    assert rate.per_second == 10
    now[0] = 7.0
    assert rate.per_second == 0


async def test_a_process_that_keeps_dying_is_started_less_and_less_often() -> None:
    backoff = Backoff()
    waits = [backoff.after(1.0) for _ in range(10)]
    assert waits == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0]
    assert backoff.after(60.0) == 30.0
    assert [backoff.after(60.1), backoff.after(1.0)] == [0.2, 0.4]


async def test_counters_come_back_for_their_own_round_only(tmp_path: Path, kit: Any) -> None:
    counters = Counters(
        generated=9,
        acknowledged=7,
        walked=90,
        valid=8,
        verified={kit.key.hex(): 3},
        acknowledged_lane_next=(1, 2),
    )
    Journal(tmp_path).save(kit.round(), counters)
    # What was handed out and not acknowledged is made again.
    assert Journal(tmp_path).load(kit.round()) == replace(counters, generated=7)
    assert Journal(tmp_path).load(kit.round(node_index=2)) == Counters()


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: "",
        lambda text: text[: len(text) // 2],
        lambda _: "[]",
        lambda _: "null",
        lambda text: json.dumps(json.loads(text) | {"verified": {"no hex": 1}}),
        lambda text: json.dumps(json.loads(text) | {"lane_next": None}),
        lambda text: json.dumps(json.loads(text) | {"walked": "many"}),
    ],
)
async def test_a_damaged_state_file_is_said_and_starts_at_zero(
    tmp_path: Path, kit: Any, damage: Any, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Journal(tmp_path)
    journal.save(kit.round(), Counters(acknowledged=7))
    path = tmp_path / "round.json"
    path.write_text(damage(path.read_text()))
    assert journal.load(kit.round()) == Counters()
    assert "round.json is damaged, counters start at zero" in caplog.text


async def test_a_disk_that_takes_nothing_is_said_once(
    tmp_path: Path, kit: Any, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "state"
    journal = Journal(folder)
    folder.rmdir()
    journal.save(kit.round(), Counters())
    journal.save(kit.round(), Counters())
    assert caplog.text.count("round.json cannot be written") == 1
