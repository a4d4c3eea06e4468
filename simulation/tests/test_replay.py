"""Replay of an export in the testnet's format: a right one passes, a corrupted one is named."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from simulation import draw, epoch, params, replay, weight
from simulation.arrays import u64
from simulation.errors import ReplayDifferenceError, ReplayError
from simulation.exported import address

ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
Rows = list[dict[str, Any]]


def bech32(raw: bytes) -> str:
    """An address; nobody here checks its checksum."""
    bits = "".join(f"{b:08b}" for b in raw)
    words = [int(bits[i : i + 5].ljust(5, "0"), 2) for i in range(0, len(bits), 5)]
    return "nine1" + "".join(ALPHABET[w] for w in words) + "qqqqqq"


HOSTS = sorted((bech32(bytes([i]) * 20) for i in (3, 90, 200)), key=address)
OF = params.preset("testnet")
MODEL = "org/a"
PER_NONCE = 500_000


def chain_params() -> dict[str, Any]:
    document = json.loads((params.vectors_folder() / "params.json").read_text())
    given = dict(document["presets"]["testnet"])
    del given["throughput_validation_enabled"]  # proto's JSON leaves a false out
    return given


class Writer:
    """Writes epochs of three hosts of one node as the chain would."""

    def __init__(self) -> None:
        self.rows: Rows = []
        self.weights: dict[int, dict[str, int]] = {}

    def add(self, index: int, kind: str, host: str, row: dict[str, Any]) -> None:
        self.rows.append({"epoch": index, "kind": kind, "host": host, "row": row})

    def genesis(self) -> None:
        self.add(0, "epoch", "", {"status": "EPOCH_STATUS_SETTLED", "params": chain_params()})
        self.groups(0, dict.fromkeys(HOSTS, 1000))
        for host in HOSTS:
            outcome = {"outcome": "OUTCOME_ACCEPTED", "reason": "WEIGHT_REASON_GENESIS"}
            self.add(0, "host_outcome", host, outcome | {"credited": "1000", "weight": "1000"})

    def groups(self, index: int, weights: dict[str, int]) -> None:
        self.weights[index] = weights
        throughput = 0
        lengths = OF.lengths
        for host, w in weights.items():
            if w == 0:
                continue
            made = weight.throughputs(
                u64(w), u64(PER_NONCE), lengths.poc_period, lengths.generation
            )
            served = int(made[0]) if index else 0
            throughput += served
            info = {"node_id": "n1", "poc_weight": str(w), "throughput": str(served)}
            models = {"models": [MODEL], "participant": host}
            self.add(
                index, "node", host, {"info": {"node_id": "n1", "poc_weight": str(w)}} | models
            )
            slots = {"timeslot_allocation": [True, False]}
            self.add(index, "node", host, {"model_id": MODEL, "info": info | slots} | models)
        held = {h: w for h, w in weights.items() if w}
        total = str(sum(held.values()))
        count = {"total_weight": total, "member_count": str(len(held))}
        self.add(index, "group", "", count | {"sub_group_models": [MODEL]})
        self.add(
            index, "group", "", count | {"model_id": MODEL, "total_throughput": str(throughput)}
        )
        running = 0
        for rank, (host, w) in enumerate(held.items()):
            running += w
            ranked = {"index": str(rank), "cumulative_weight": str(running)}
            self.add(index, "member", host, {"participant": host, "weight": str(w)} | ranked)
            self.add(
                index, "member", host, {"model_id": MODEL, "participant": host, "weight": str(w)}
            )

    def round(self, index: int, claims: dict[str, int], invalid: dict[str, int]) -> None:
        of = OF.lengths
        start = 36 if index == 1 else 36 + of.cycle * (index - 1)
        heights = epoch.open_epoch(start, of)
        seed = bytes([index]) * 32
        self.add(
            index,
            "epoch",
            "",
            {
                "index": str(index),
                "params": chain_params(),
                "judged_by": str(index - 1),
                "heights": {
                    k: str(getattr(heights, k)) for k in epoch.Heights.__dataclass_fields__
                },
                "effective_from": str(heights.set_new_validators + 1),
                "effective_to": str(heights.set_new_validators + of.cycle),
            },
        )
        self.add(index, "round", "", {"sampling_seed": base64.b64encode(seed).decode()})
        model = {"id": MODEL, "throughput_per_nonce": str(PER_NONCE)}
        self.add(index, "model", "", model)
        made = {h: self.judge(index, h, claims[h], invalid.get(h, 0), seed) for h in HOSTS}
        self.groups(index, made)

    def judge(self, index: int, host: str, claimed: int, invalid: int, seed: bytes) -> int:
        before = {h: w for h, w in self.weights[index - 1].items() if w}
        names = list(before)
        ends: list[int] = []
        for w in before.values():
            ends.append((ends[-1] if ends else 0) + w)
        at = names.index(host) if host in names else None
        panel = draw.jury(
            seed=seed,
            host=address(host),
            cumulative=ends,
            excluded=[(ends[at] - before[host], before[host])] if at is not None else [],
            seats=32,
        )
        batch = {"node_id": "n1", "batch_id": "1", "count": str(claimed)}
        self.add(index, "batch", host, {"participant": host, "batch": batch})
        fraud = invalid >= 5
        for rank, seats in panel.seats.items():
            holder = names[rank]
            self.add(index, "seat", host, {"holder": holder, "seats": str(seats)})
            verdict = {"participant": host, "sampled": "200"} | (
                {"invalid": str(invalid)} if invalid else {}
            )
            stored = {"holder": holder, "seats": str(seats), "verdict": verdict}
            self.add(index, "verdict", host, stored)
        penalty = -(-2 * claimed * invalid // 200)
        credited = 0 if fraud else claimed - penalty
        kind = "FRAUD" if fraud else "ACCEPTED"
        kept = 0 if fraud else 16 * 200
        outcome: dict[str, Any] = {
            "participant": host,
            "outcome": f"OUTCOME_{kind}",
            "reason": f"WEIGHT_REASON_{kind}",
            "claimed": str(claimed),
            "credited": str(credited),
            "mined_weight": str(credited),
            "weight": str(credited),
            "seats_drawn": "32",
            "seats_fraud" if fraud else "seats_honest": "32",
            "credit_sampled": str(kept),
            "credit_invalid": str(0 if fraud else 16 * invalid),
        }
        self.add(index, "host_outcome", host, outcome)
        reason = f"WEIGHT_REASON_{'FRAUD' if fraud else 'MINED'}"
        node = {"node_id": "n1", "claimed": str(claimed), "weight": str(credited), "reason": reason}
        self.add(index, "node_outcome", host, {"participant": host} | node)
        return credited

    def settle(self, index: int, reward: int, forged: set[str]) -> None:
        weights = {h: w for h, w in self.weights[index].items() if w}
        total, minted = sum(weights.values()), 0
        juries = [r for r in self.rows if r["epoch"] == index + 1 and r["kind"] == "seat"]
        for host, w in weights.items():
            drawn = sum(int(r["row"]["seats"]) for r in juries if r["row"]["holder"] == host)
            duty = {"participant": host, "drawn": str(drawn), "cast": str(drawn)}
            self.add(index, "duty", host, duty)
            by_weight = reward * w // total
            share = 0 if host in forged else by_weight
            bonus = share // 10
            minted += share + bonus
            row = {
                "weight": str(w),
                "by_weight": str(by_weight),
                "seats_cast": str(drawn),
                "seats_drawn": str(drawn),
                "unjailed_blocks": str(OF.lengths.cycle),
                "blocks": str(OF.lengths.cycle),
                "share": str(share),
                "bonus": str(bonus),
                "amount": str(share + bonus),
                "covers": True,
                "forfeited": "fraud" if host in forged else "",
            }
            self.add(index, "settle_amount", host, {"participant": host} | row)
        settlement = {
            "subsidy": str(reward),
            "total_weight": str(total),
            "blocks": str(OF.lengths.cycle),
            "minted": str(minted),
            "done": True,
        }
        self.add(index, "settlement", "", settlement)


@pytest.fixture(scope="module")
def rows() -> Rows:
    writer = Writer()
    writer.genesis()
    writer.round(1, {HOSTS[0]: 1000, HOSTS[1]: 903, HOSTS[2]: 500}, {HOSTS[1]: 3})
    writer.round(2, {HOSTS[0]: 1001, HOSTS[1]: 950, HOSTS[2]: 500}, {HOSTS[2]: 40})
    writer.settle(1, OF.integer("initial_epoch_subsidy"), {HOSTS[2]})
    return writer.rows


def write(rows: Rows, path: Path, version: str = "1") -> Path:
    texts = [r | {"row": json.dumps(r["row"])} for r in rows]
    schema = pa.schema(
        [
            ("epoch", pa.uint64()),
            ("kind", pa.string()),
            ("host", pa.string()),
            ("row", pa.string()),
        ],
        metadata={"ninefold_export": version},
    )
    pq.write_table(pa.Table.from_pylist(texts, schema=schema), path)
    return path


def test_an_export_replays_without_a_difference(rows: Rows, tmp_path: Path) -> None:
    made = replay.replay(write(rows, tmp_path / "e.parquet"))
    assert made.epochs == [0, 1, 2]
    assert made.compared > 150


def test_the_export_tells_of_a_fraud_and_of_a_penalty(rows: Rows) -> None:
    outcomes = [r["row"] for r in rows if r["kind"] == "host_outcome"]
    assert any(o["outcome"] == "OUTCOME_FRAUD" for o in outcomes)
    assert any(o.get("credited") == "875" for o in outcomes)


def corrupted(rows: Rows, index: int, kind: str, host: str, change: Callable[[Any], None]) -> Rows:
    copy: Rows = json.loads(json.dumps(rows))
    at = next(
        r for r in copy if (r["epoch"], r["kind"]) == (index, kind) and r["host"] in (host, "")
    )
    change(at["row"])
    return copy


CORRUPTIONS: dict[str, tuple[int, str, str, Callable[[Any], None]]] = {
    "claimed": (1, "host_outcome", HOSTS[0], lambda r: r.update(claimed="1001")),
    "credited": (1, "host_outcome", HOSTS[1], lambda r: r.update(credited="903")),
    "outcome": (2, "host_outcome", HOSTS[2], lambda r: r.update(outcome="OUTCOME_ACCEPTED")),
    "seats_honest": (1, "host_outcome", HOSTS[0], lambda r: r.update(seats_honest="31")),
    "credit_sampled": (1, "host_outcome", HOSTS[0], lambda r: r.update(credit_sampled="6400")),
    "reason": (1, "host_outcome", HOSTS[0], lambda r: r.update(reason="WEIGHT_REASON_MINED")),
    "jury": (1, "seat", HOSTS[0], lambda r: r.update(seats="40")),
    "node n1 weight": (1, "node_outcome", HOSTS[0], lambda r: r.update(weight="1")),
    "cumulative_weight": (1, "member", HOSTS[1], lambda r: r.update(cumulative_weight="9")),
    "duty drawn": (1, "duty", HOSTS[0], lambda r: r.update(drawn="1", cast="1")),
    "settled amount": (1, "settle_amount", HOSTS[0], lambda r: r.update(amount="1")),
    "forfeited": (1, "settle_amount", HOSTS[2], lambda r: r.update(forfeited="")),
    "settlement subsidy": (1, "settlement", "", lambda r: r.update(subsidy="1")),
    "heights.poc_end": (2, "epoch", "", lambda r: r["heights"].update(poc_end="7")),
}


@pytest.mark.parametrize("field", CORRUPTIONS)
def test_a_corrupted_export_is_refused_naming_epoch_host_and_field(
    rows: Rows, tmp_path: Path, field: str
) -> None:
    index, kind, host, change = CORRUPTIONS[field]
    path = write(corrupted(rows, index, kind, host, change), tmp_path / "bad.parquet")
    with pytest.raises(ReplayDifferenceError) as caught:
        replay.replay(path)
    assert caught.value.epoch == index
    if kind not in ("settlement", "epoch", "duty") and field != "settled amount":
        assert caught.value.host == host
        assert caught.value.field.split(" [")[0] in {field, f"settled {field}"}
    assert str(caught.value.epoch) in str(caught.value)


def test_other_files_are_refused(rows: Rows, tmp_path: Path) -> None:
    with pytest.raises(ReplayError, match="version 2, not 1"):
        replay.replay(write(rows, tmp_path / "new.parquet", "2"))
    with pytest.raises(ReplayError, match="no Parquet file"):
        replay.replay(tmp_path / "missing.parquet")
    (tmp_path / "text.parquet").write_text("text")
    with pytest.raises(ReplayError, match="no Parquet file"):
        replay.replay(tmp_path / "text.parquet")
    with pytest.raises(ReplayError, match="no row of kind epoch"):
        replay.replay(write([r for r in rows if r["kind"] != "epoch"], tmp_path / "holes.parquet"))
