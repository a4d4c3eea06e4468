"""Incidents of earlier networks: their numbers under the rule that failed, and under ours."""

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulation import commit, fixed, poc, price, reward, timeslot, weight
from simulation.arrays import u64
from simulation.errors import BatchError
from simulation.judging import draw_juries

FILE = Path(__file__).resolve().parents[1] / "scenarios/incidents/incidents.toml"
PACK: dict[str, dict[str, Any]] = tomllib.loads(FILE.read_text(encoding="utf-8"))


def powers(weights: list[int]) -> list[int]:
    order, made = weight.consensus_powers(u64(weights), 100)
    out = np.zeros(len(weights), np.uint64)
    out[order] = made
    return out.tolist()


def test_every_incident_has_numbers_a_verdict_and_a_rule() -> None:
    for name, incident in PACK.items():
        assert {"what", "verdict", "rule"} <= set(incident), name
        assert f"def test_{name}(" in Path(__file__).read_text(encoding="utf-8"), name


def test_power_cap_to_ones() -> None:
    case = PACK["power_cap_to_ones"]
    # Theirs capped everybody at a share of what the smallest left over.
    smallest = min(case["weights"])
    assert [min(w, smallest) for w in case["weights"]] == case["theirs"]
    assert powers(case["weights"]) == case["ours"]


def test_zero_weight_neighbour() -> None:
    case = PACK["zero_weight_neighbour"]
    smallest = min(case["weights"])
    assert [min(w, smallest) for w in case["weights"]] == case["theirs"]
    assert powers(case["weights"]) == case["ours"]


def test_cap_split_in_three() -> None:
    case = PACK["cap_split_in_three"]
    whole, split = sum(case["weights"]), sum(case["split"])
    assert whole == split

    def capped(weights: list[int]) -> int:
        return sum(min(w, whole // 4) for w in weights[: len(weights) - 4])

    assert capped(case["split"]) > 2 * capped(case["weights"]), "a cap on pay rewards the split"
    paid = [pay(weights, 10**9) for weights in (case["weights"], case["split"])]
    assert sum(paid[1][:3]) <= paid[0][0]


def pay(weights: list[int], amount: int) -> list[int]:
    n = len(weights)
    made = reward.settle_amounts(
        reward.Epoch(reward=amount, total_weight=sum(weights), blocks=1, coverage_bonus=0),
        reward.Hosts(
            weight=u64(weights),
            seats_drawn=np.zeros(n, np.uint64),
            seats_cast=np.zeros(n, np.uint64),
            unjailed_blocks=np.ones(n, np.uint64),
            covers=np.zeros(n, np.bool_),
            forfeited=np.zeros(n, np.uint8),
        ),
    )
    return made.total.tolist()


def test_one_gpu_two_nodes() -> None:
    case = PACK["one_gpu_two_nodes"]
    assert sum(case["weights"]) == case["theirs"]
    assert timeslot.cap_preserved(case["weights"], case["full_weight"]) == case["ours"]


def test_dead_node_preserved() -> None:
    case = PACK["dead_node_preserved"]
    limit = case["max_consecutive_preserved_epochs"]
    history = timeslot.new_histories(1).after(
        weight=u64(100), any_preserved=np.array([False]), fleet_changed=np.array([False])
    )
    kept = 0
    for _ in range(case["epochs"]):
        preserved = history.eligible(limit)
        kept += int(preserved[0])
        # A dead node proves nothing once it has to.
        weighs = np.where(preserved, np.uint64(100), np.uint64(0))
        history = history.after(
            weight=weighs, any_preserved=preserved, fleet_changed=np.array([False])
        )
    assert kept == limit < case["epochs"]


def test_one_nonce_in_many_batches() -> None:
    case = PACK["one_nonce_in_many_batches"]
    limits = commit.Limits(
        lanes=2, max_batches_per_node=64, max_nonces_per_node=10**6, valid_fraction=10**17
    )
    state = commit.State()
    refused: list[str] = []
    for number in range(1, case["batches"] + 1):
        batch = commit.Batch(
            batch_id=state.last_id + 1,
            count=case["count"],
            root=number.to_bytes(32, "big"),
            lane_next=tuple(case["lane_next"]),
        )
        try:
            state = commit.accept(state, batch, limits)
        except BatchError as error:
            refused.append(error.code)
    assert case["count"] * case["batches"] == case["theirs"]
    assert state.claimed == case["ours"]
    assert refused == ["count_of_range"] * (case["batches"] - 1)


def test_settlement_of_100() -> None:
    case = PACK["settlement_of_100"]
    made = pay([1] * case["hosts"], 10**6)
    assert sum(1 for v in made[: case["theirs"]] if v) == case["theirs"]
    assert sum(1 for v in made if v) == case["ours"]


def test_stuck_price() -> None:
    case = PACK["stuck_price"]
    p = case["price"]
    assert p + p // 50 == case["theirs"]
    assert price.next_price(p, real=1, expected=1) == case["ours"]


def test_flagged_honest_host() -> None:
    case = PACK["flagged_honest_host"]
    rng = np.random.default_rng(1)
    mismatch = fixed.parse(case["mismatch"])
    found = rng.binomial(case["sample"], mismatch / fixed.ONE, 200_000)
    # Theirs flagged what lay above the mean, with a half of the mean itself.
    theirs = float((found > case["sample"] * 0.05).mean()) + float((found == 5).mean()) / 2
    assert theirs == pytest.approx(case["theirs"], abs=0.06)
    limit = poc.fraud_limit(case["sample"], mismatch, fixed.parse("0.0000001"))
    assert (found >= limit).mean() < 1e-4


def test_remainders() -> None:
    case = PACK["remainders"]
    each, rest = divmod(case["reward"], len(case["weights"]))
    # Theirs gave the remainder to the last one, and then to everybody but it again.
    assert case["reward"] + rest == case["theirs"]
    made = pay(case["weights"], case["reward"])
    assert made == [each] * len(case["weights"])
    assert sum(made) == case["ours"]


def test_juries_by_weight_squared() -> None:
    case = PACK["juries_by_weight_squared"]
    # One host of 5 % beside 950 of a tenth of a percent.
    weights = u64([5_000] + [100] * 950)
    judged = np.arange(1, len(weights))
    host, holder, seats = draw_juries(weights, judged, case["seats"], np.random.default_rng(2))
    large = holder == 0
    hosts = len(judged)
    by_weight = np.bincount(host, weights=weights[holder].astype(float), minlength=hosts)
    of_large = np.bincount(
        host[large], weights=weights[holder[large]].astype(float), minlength=hosts
    )
    squared = float((of_large > by_weight / 2).mean())
    assert squared == pytest.approx(case["theirs"], abs=0.05)
    ours = np.bincount(host[large], weights=seats[large].astype(float), minlength=hosts)
    assert float((ours * 2 > case["seats"]).mean()) == 0.0
