"""Replay of an export in the testnet's format: a right one passes, a corrupted one is named."""

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from simulation import draw, epoch, params, replay, weight
from simulation.arrays import u64
from simulation.errors import JudgementError, ReplayDifferenceError, ReplayError
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
SNAPSHOT = {"id": MODEL, "throughput_per_nonce": str(PER_NONCE), "vram_gb": "80"}


def chain_params() -> dict[str, Any]:
    document = json.loads((params.vectors_folder() / "params.json").read_text())
    given = dict(document["presets"]["testnet"])
    del given["throughput_validation_enabled"]  # proto's JSON leaves a false out
    return given


def hashed(*about: object) -> str:
    """Thirty-two bytes that nobody here recomputes."""
    return base64.b64encode(hashlib.sha256(repr(about).encode()).digest()).decode()


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
            row = {"info": info | {"timeslot_allocation": [True, False]}} | models
            self.add(index, "node", host, row)
            self.add(index, "node", host, {"model_id": MODEL} | row)
        held = {h: w for h, w in weights.items() if w}
        total = str(sum(held.values()))
        count = {
            "total_weight": total,
            "member_count": str(len(held)),
            "total_throughput": str(throughput),
            "expected_throughput_vector": ["0", "0"],
            "real_throughput_vector": ["0", "0"],
        }
        self.add(index, "group", "", count | {"sub_group_models": [MODEL]})
        self.add(index, "group", "", count | {"model_id": MODEL, "model_snapshot": SNAPSHOT})
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
                "status": "EPOCH_STATUS_EFFECTIVE",
                "params": chain_params(),
                "judged_by": str(index - 1),
                "heights": {
                    k: str(getattr(heights, k)) for k in epoch.Heights.__dataclass_fields__
                },
                "effective_from": str(heights.set_new_validators + 1),
                "effective_to": str(heights.set_new_validators + of.cycle),
            },
        )
        self.add(
            index,
            "round",
            "",
            {
                "challenge": hashed("challenge", index),
                "challenge_height": str(heights.poc_start),
                "sampling_seed": base64.b64encode(seed).decode(),
                "sampling_height": str(heights.poc_validation_start),
            },
        )
        self.add(index, "model", "", SNAPSHOT)
        self.heights = heights
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
        # Ten nonces are walked for each valid one, over sixteen lanes, in two batches.
        for number, count, walked in (
            (1, claimed // 2, claimed // 2),
            (2, -(-claimed // 2), claimed),
        ):
            batch = {
                "node_id": "n1",
                "batch_id": str(number),
                "count": str(count),
                "root": hashed(index, host, number),
                "lane_next": [str(-(-10 * walked // 16))] * 16,
            }
            stored = {"participant": host, "batch": batch}
            height = str(self.heights.poc_start + number)
            self.add(index, "batch", host, stored | {"height": height})
        fraud = invalid >= 5
        for rank, seats in panel.seats.items():
            holder = names[rank]
            self.add(index, "seat", host, {"holder": holder, "seats": str(seats)})
            verdict = {"participant": host, "sampled": "200"} | (
                {"invalid": str(invalid)} if invalid else {}
            )
            verdict["work_proof"] = hashed("work", holder, host)
            height = str(self.heights.poc_validation_end)
            stored = {"holder": holder, "seats": str(seats), "verdict": verdict, "height": height}
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

    def duties(self, index: int) -> dict[str, int]:
        """Seats that the hosts of an epoch were drawn for, all of which they cast."""
        juries = [r for r in self.rows if r["epoch"] == index + 1 and r["kind"] == "seat"]
        made: dict[str, int] = {}
        for host in (h for h, w in self.weights[index].items() if w):
            drawn = sum(int(r["row"]["seats"]) for r in juries if r["row"]["holder"] == host)
            duty = {"participant": host, "drawn": str(drawn), "cast": str(drawn)}
            self.add(index, "duty", host, duty)
            made[host] = drawn
        return made

    def settle(self, index: int, reward: int, forged: set[str]) -> None:
        weights = {h: w for h, w in self.weights[index].items() if w}
        total, minted = sum(weights.values()), 0
        drawn_of = self.duties(index)
        for host, w in weights.items():
            drawn = drawn_of[host]
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
                "serving": "0",
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
            "after": max(weights, key=address),
        }
        record = next(r for r in self.rows if (r["epoch"], r["kind"]) == (index, "epoch"))
        record["row"]["status"] = "EPOCH_STATUS_SETTLED"
        self.add(index, "settlement", "", settlement)


@pytest.fixture(scope="module")
def rows() -> Rows:
    writer = Writer()
    writer.genesis()
    writer.round(1, {HOSTS[0]: 1000, HOSTS[1]: 903, HOSTS[2]: 500}, {HOSTS[1]: 3})
    writer.round(2, {HOSTS[0]: 1001, HOSTS[1]: 950, HOSTS[2]: 500}, {HOSTS[2]: 40})
    writer.duties(0)
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


def batch(**told: Any) -> Callable[[Any], None]:
    return lambda row: row["batch"].update(told)


def verdict(**told: Any) -> Callable[[Any], None]:
    return lambda row: row["verdict"].update(told)


def info(**told: Any) -> Callable[[Any], None]:
    return lambda row: row["info"].update(told)


CYCLE = OF.lengths.cycle
# What the rules of commit, of slots, of groups, of rounds and of settlements refuse.
RULES: list[tuple[int, str, str, Callable[[Any], None], str]] = [
    (1, "batch", HOSTS[0], batch(batch_id="3"), "node n1 batch 2 batch_id"),
    (1, "batch", HOSTS[0], batch(root="YQ=="), "node n1 batch 1 root"),
    (1, "batch", HOSTS[0], batch(lane_next=["313"] * 15), "node n1 batch 1 lane_next"),
    (1, "batch", HOSTS[0], batch(lane_next=["700", *["313"] * 15]), "node n1 batch 2 lane_next"),
    (1, "batch", HOSTS[0], batch(lane_next=["313"] * 15 + [2**48]), "node n1 batch 1 lane_next"),
    (1, "batch", HOSTS[0], batch(lane_next=["1"] * 16), "node n1 batch 1 count"),
    (1, "batch", HOSTS[0], batch(lane_next=["625"] * 16), "node n1 batch 1 count"),
    (1, "batch", HOSTS[0], lambda r: r.update(height="9"), "node n1 batch 1 height"),
    (
        1,
        "node_outcome",
        HOSTS[0],
        lambda r: r.update(reason="WEIGHT_REASON_NOT_IN_FLEET"),
        "node n1 reason",
    ),
    (1, "node_outcome", HOSTS[0], lambda r: r.update(node_index="1"), "node n1 node_index"),
    (1, "verdict", HOSTS[0], lambda r: r.update(height="9"), "verdict.height"),
    (1, "verdict", HOSTS[0], verdict(invalid="201"), "verdict.invalid"),
    (1, "verdict", HOSTS[0], verdict(work_proof=""), "verdict.work_proof"),
    (1, "verdict", HOSTS[0], verdict(participant=HOSTS[1]), "verdict.participant"),
    (0, "node", HOSTS[0], info(timeslot_allocation=[True, True]), "node n1 timeslot_allocation"),
    (1, "node", HOSTS[1], info(timeslot_allocation=[True, True]), "node n1 timeslot_allocation"),
    (1, "node", HOSTS[1], info(throughput="7"), "node n1 throughput"),
    (1, "node", HOSTS[0], lambda r: r.update(models=["org/b"]), "node n1 models"),
    (
        1,
        "group",
        "",
        lambda r: r.update(expected_throughput_vector=["0", "5"]),
        "group root expected_throughput_vector",
    ),
    (
        1,
        "group",
        "",
        lambda r: r.update(real_throughput_vector=["5", "0"]),
        "group root real_throughput_vector",
    ),
    (
        1,
        "model",
        "",
        lambda r: r.update(throughput_per_nonce="500001"),
        f"group {MODEL} model_snapshot.throughput_per_nonce",
    ),
    (1, "round", "", lambda r: r.update(challenge_height="1"), "challenge_height"),
    (1, "round", "", lambda r: r.update(sampling_height="1"), "sampling_height"),
    (2, "epoch", "", lambda r: r.update(judged_by="0"), "judged_by"),
    (1, "epoch", "", lambda r: r.update(effective_from="1"), "effective_from"),
    (1, "epoch", "", lambda r: r.update(effective_to="999"), "effective_to"),
    (1, "epoch", "", lambda r: r.update(status="EPOCH_STATUS_SETTLING"), "status"),
    (1, "epoch", "", lambda r: r.update(abandoned_reason="x"), "abandoned_reason"),
    (
        1,
        "settle_amount",
        HOSTS[0],
        lambda r: r.update(unjailed_blocks=str(CYCLE + 1)),
        "settled unjailed_blocks",
    ),
    (1, "settle_amount", HOSTS[0], lambda r: r.update(serving="5"), "settled serving"),
    (1, "settle_amount", HOSTS[0], lambda r: r.update(forfeited="fraud"), "forfeited"),
    (1, "settle_amount", HOSTS[2], lambda r: r.update(claimed=True), "settled claimed"),
    (1, "settlement", "", lambda r: r.update(after=HOSTS[0]), "settlement after"),
]


@pytest.mark.parametrize(
    ("index", "kind", "host", "change", "field"), RULES, ids=[f"{r[1]} {r[4]}" for r in RULES]
)
def test_what_the_chain_would_not_have_written_is_refused(
    rows: Rows,
    tmp_path: Path,
    index: int,
    kind: str,
    host: str,
    change: Callable[[Any], None],
    field: str,
) -> None:
    path = write(corrupted(rows, index, kind, host, change), tmp_path / "bad.parquet")
    with pytest.raises(ReplayDifferenceError) as caught:
        replay.replay(path)
    assert (caught.value.epoch, caught.value.field) == (index, field)
    assert caught.value.host == ("" if kind in ("group", "model", "settlement") else host)


def test_a_node_that_claims_and_is_said_to_have_served_is_refused(
    rows: Rows, tmp_path: Path
) -> None:
    """Also in the oldest epoch, of which no slots are known."""
    preserved = corrupted(
        [r for r in rows if r["epoch"] > 0],
        1,
        "node_outcome",
        HOSTS[0],
        lambda r: r.update(reason="WEIGHT_REASON_PRESERVED"),
    )
    with pytest.raises(ReplayDifferenceError) as caught:
        replay.replay(write(preserved, tmp_path / "bad.parquet"))
    assert caught.value.host == HOSTS[0]
    assert str(caught.value).endswith(
        "node n1 timeslot_allocation: chain POC_SLOT, ours no POC_SLOT, for it claims 1000"
    )


@pytest.mark.parametrize("kind", ["settle_amount", "settlement"])
def test_genesis_pays_nothing(rows: Rows, tmp_path: Path, kind: str) -> None:
    host = HOSTS[1] if kind == "settle_amount" else ""
    paid = {"epoch": 0, "kind": kind, "host": host, "row": {"weight": "1000", "amount": "9"}}
    with pytest.raises(ReplayDifferenceError, match="chain a row, ours no row") as caught:
        replay.replay(write([*rows, paid], tmp_path / "bad.parquet"))
    assert (caught.value.epoch, caught.value.host) == (0, host)


def test_the_duties_of_genesis_are_checked(rows: Rows, tmp_path: Path) -> None:
    def cast_less(row: Any) -> None:
        row.update(cast="1")

    bad = corrupted(rows, 0, "duty", HOSTS[1], cast_less)
    with pytest.raises(ReplayDifferenceError) as caught:
        replay.replay(write(bad, tmp_path / "bad.parquet"))
    told = caught.value.epoch, caught.value.host, caught.value.field
    assert told == (0, HOSTS[1], "duty cast")


def test_a_payout_of_nothing_to_nobody_is_refused(rows: Rows, tmp_path: Path) -> None:
    """A host that was no member has no row, not even an empty one."""
    stranger = bech32(bytes([7]) * 20)
    amount = {"blocks": str(CYCLE), "participant": stranger}
    paid = {"epoch": 1, "kind": "settle_amount", "host": stranger, "row": amount}
    with pytest.raises(ReplayDifferenceError, match="settled: chain a row, ours no row") as caught:
        replay.replay(write([*rows, paid], tmp_path / "bad.parquet"))
    assert (caught.value.epoch, caught.value.host) == (1, stranger)


def test_a_row_of_no_kind_or_of_nobody_is_refused(rows: Rows, tmp_path: Path) -> None:
    seat = next(r for r in rows if r["kind"] == "seat")
    for changed, words in (
        ({"kind": "seats"}, "there are no rows of kind 'seats'"),
        ({"host": ""}, "a row of kind seat is of no host"),
        ({"kind": "round"}, f"a row of kind round is of host {seat['host']}"),
    ):
        with pytest.raises(ReplayError, match=f"epoch {seat['epoch']}.* {words}"):
            replay.replay(write([*rows, seat | changed], tmp_path / "bad.parquet"))


def test_facts_that_contradict_each_other_are_refused_with_epoch_and_host(
    rows: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def impossible(_: Any) -> Any:
        raise JudgementError("ballots do not match")

    monkeypatch.setattr("simulation.replay_hosts.poc.judge", impossible)
    with pytest.raises(ReplayDifferenceError) as caught:
        replay.replay(write(rows, tmp_path / "e.parquet"))
    assert (caught.value.epoch, caught.value.host) == (1, HOSTS[0])
    assert "outcome: chain OUTCOME_ACCEPTED, ours none: ballots do not" in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "change", "words"),
    [
        ("batch", lambda r: r.update(batch=[]), "batch is no message"),
        ("batch", batch(lane_next="7"), "lane_next is no list"),
        ("batch", batch(count="many"), "count is no integer of 64 bits"),
        ("batch", batch(root="?"), "root is no text of bytes"),
        ("verdict", lambda r: r.pop("holder"), "holder is missing"),
        ("epoch", lambda r: r["params"].pop("coverage_bonus"), "coverage_bonus are missing"),
        ("node", lambda r: r.update(participant=HOSTS[1]), "says that it is of"),
    ],
)
def test_a_row_that_is_none_of_the_chains_is_refused(
    rows: Rows, tmp_path: Path, kind: str, change: Callable[[Any], None], words: str
) -> None:
    path = write(corrupted(rows, 1, kind, HOSTS[0], change), tmp_path / "bad.parquet")
    with pytest.raises(ReplayError, match=words) as caught:
        replay.replay(path)
    assert "epoch 1" in str(caught.value)


def test_two_rows_of_one_thing_are_refused(rows: Rows, tmp_path: Path) -> None:
    for kind in ("epoch", "node", "batch", "verdict", "settle_amount"):
        twice = [*rows, next(r for r in rows if (r["epoch"], r["kind"]) == (1, kind))]
        with pytest.raises(ReplayError, match=f"epoch 1, two rows of kind {kind} are of"):
            replay.replay(write(twice, tmp_path / "twice.parquet"))


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
