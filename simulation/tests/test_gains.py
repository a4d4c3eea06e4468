"""What dishonesty gains at its best, against bounds that are derived here and not by the model."""

import math
from functools import cache
from typing import Any

import numpy as np
import pytest

from simulation import timeslot
from simulation.arrays import owners, u64
from simulation.run import run_replica
from simulation.scenario import Scenario, parse

SECONDS = 61 * 5  # of the 61 blocks of generation


@pytest.mark.parametrize(("nodes", "serve"), [(1, 1), (2, 1), (8, 4), (8, 1), (64, 32)])
def test_the_cut_takes_what_chance_gave_above_the_full_round(nodes: int, serve: int) -> None:
    """D, what the proving nodes find beyond what they found in the full round, has a mean of 0 and
    a variance of twice their mean; min(D, 0) is lost: √(proving·µ/π), and less than a nonce a node
    by rounding. With no node proving there is nothing to lose.
    """
    hosts, mean = 20_000, 3_000
    rng = np.random.default_rng(nodes * 100 + serve)
    full_HK = rng.poisson(mean, (hosts, nodes))
    now_HK = np.where(np.arange(nodes) < serve, full_HK, rng.poisson(mean, (hosts, nodes)))
    of = owners(np.repeat(np.arange(hosts), nodes), hosts)
    kept_K = timeslot.cap_preserved_each(
        u64(now_HK.ravel()),
        of,
        u64(now_HK.sum(axis=1)),
        u64(full_HK.sum(axis=1)),
        np.ones(hosts, np.bool_),
    )
    lost_H = full_HK.sum(axis=1) - of.sums(kept_K).astype(np.int64)
    proving = nodes - serve
    if proving == 0:
        assert (lost_H == 0).all()
        return
    expected = math.sqrt(proving * mean / math.pi)
    error = 5 * math.sqrt(proving * mean / hosts)
    assert expected - error <= lost_H.mean() <= expected + nodes + error
    assert (lost_H >= 0).all()


def bound(nodes: int, nonces: float, in_row: int) -> float:
    """The share of its income that a host of several nodes loses to the cut, at most.

    Let W be its nonces a round, F those of its last full round, and U_j what its nodes last proved
    by the j-th round with preserved nodes. F and U_j have mean W and at most W nodes' worth of
    chance each, so that E(F − U_j)⁺ ≤ √(2W)/√(2π) = √(W/π). What it weighs, w_j, lacks of F that,
    what earlier cuts took from nodes that serve now, and less than one nonce a node by rounding:
    E(F − w_j) ≤ j·(√(W/π) + nodes). After in_row such rounds comes a full one, which loses nothing,
    so that the mean is at most in_row/2 times that. And draws by weight favour a host of one node
    that was lucky: by its variance over its mean, one nonce.
    """
    whole = nodes * nonces
    return in_row / 2 * (1 / math.sqrt(math.pi * whole) + nodes / whole) + 1 / nonces


def served(nodes: int, gpu: str, in_row: int, demand: float, split: bool) -> Scenario:
    """Thirty hosts that are split or not, beside thirty others like them."""
    fleet: dict[str, Any] = {"hosts": 30, "nodes": nodes, "gpu": gpu, "models": ["m"]}
    parted = {"behaviour": "sybil", "parts": nodes} if split else {}
    tree = {
        "name": "x",
        "epochs": 46,
        "models": [{"id": "m", "demand": demand}],
        "fleets": [{"name": "others"} | fleet, {"name": "asked"} | fleet | parted],
        "params": {"max_consecutive_preserved_epochs": str(in_row)},
    }
    return parse(tree)


def splitting_gains(facts: tuple[int, str, int, float], replicas: int) -> list[float]:
    """What a split fleet gains on the others, which do not change, by replica."""
    out: list[float] = []
    for replica in range(replicas):
        whole, split = (run_replica(served(*facts, split=s), replica)[1] for s in (False, True))
        ratios = [rows[1]["income"] / rows[0]["income"] for rows in (whole, split)]
        out.append(ratios[1] / ratios[0] - 1)
    return out


@pytest.mark.parametrize(
    ("nodes", "gpu", "nonces_per_second", "in_row", "demand"),
    [
        (8, "rtx4090", 35, 2, 0.8),
        (2, "rtx4090", 35, 2, 0.8),
        (2, "a100", 33, 1, 0.8),
        (16, "a100", 33, 2, 0.3),
        (4, "rtx4090", 35, 8, 0.8),
        (8, "h100", 105, 2, 0.8),
    ],
)
def test_a_splitter_gains_no_more_than_the_cut_takes_from_the_whole(
    nodes: int, gpu: str, nonces_per_second: float, in_row: int, demand: float
) -> None:
    facts = (nodes, gpu, in_row, demand)
    gain = float(np.mean(splitting_gains(facts, 2)))
    most = bound(nodes, nonces_per_second * SECONDS, in_row)
    assert most < 0.012
    # Who serves is drawn for hosts, and so differs: the same nonces are carried for other rounds.
    # Of a fleet's nodes each is carried for in_row + 1 rounds at most, in 45 epochs of 2 replicas.
    chance = 4 * math.sqrt(2 / (nonces_per_second * SECONDS) / (2 * 30 * nodes * 45 / (in_row + 1)))
    assert -chance <= gain <= most + chance


def test_a_splitter_of_small_nodes_gains_something() -> None:
    """Where the gain stands out of chance: a rule under which it is nothing fails here, and is
    welcome; docs/adr/0008 says what such a rule would cost.
    """
    gains = splitting_gains((8, "rtx4090", 2, 0.8), 4)
    assert 0.0005 < np.mean(gains) < 0.0012


SEATS, SAMPLE, LIMIT = 32, 200, 5


@cache
def cartel_gain(share: float, strength: float, sample: int = SAMPLE, limit: int = LIMIT) -> float:
    """What a member gains on honest income, by seats that are drawn here one by one.

    A seat falls to the cartel with its share of the weight, and then finds nothing; any other
    finds Binomial(sample, forged share). Most seats with `limit` or more lose the round and the
    reward before it; otherwise credit falls by twice the mean of the middle half.
    """
    rng = np.random.default_rng(1)
    forged = strength / (1 + strength)
    found = rng.binomial(sample, forged, (20_000, SEATS))
    found[rng.random(found.shape) < share] = 0
    frauds = (found >= limit).sum(axis=1)
    middle = np.sort(found, axis=1)[:, SEATS // 4 : SEATS - SEATS // 4].mean(axis=1) / sample
    credit = np.where(frauds < SEATS // 2, np.maximum(0.0, 1 - 2 * middle), 0.0)
    # A tie of seats is no quorum: the claims count up to what was mined before.
    credit = np.where(frauds == SEATS // 2, 1 / (1 + strength), credit)
    return float((1 + strength) * credit.mean() * (frauds <= SEATS // 2).mean() - 1)


@pytest.mark.parametrize("share", [0.2, 0.4, 0.47])
@pytest.mark.parametrize("strength", [0.001, 0.005, 0.01, 0.02])
def test_a_cartel_gains_what_its_silent_seats_hide(share: float, strength: float) -> None:
    hosts, rest = round(200 * share), round(200 * (1 - share))
    tree = {
        "name": "x",
        "epochs": 21,
        "fleets": [
            {"name": "honest", "hosts": rest, "gpus": 64},
            {"name": "members", "hosts": hosts, "gpus": 64, "behaviour": "cartel"}
            | {"strength": strength},
        ],
    }
    found: list[float] = []
    for replica in range(3):
        _, rows = run_replica(parse(tree), replica)
        found.append(rows[1]["income_per_gpu_hour"] / rows[0]["income_per_gpu_hour"] - 1)
    # Its own jury leaves a member out, so that its allies hold a little less of it.
    wanted = cartel_gain((hosts - 1) / 199, strength)
    # Of each member and epoch the penalty of 16 seats varies by 2√(p/(16·200)), and its claims.
    spread = math.sqrt(4 * strength / (SEATS / 2 * SAMPLE) + 1 / (64 * 105 * SECONDS))
    assert abs(np.mean(found) - wanted) <= 5 * spread / math.sqrt(3 * 20 * hosts) + 0.0002


# The most that a member of a cartel gains, at the best strength of a ladder.
LADDER = (0.0005, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.007, 0.01, 0.015, 0.02, 0.025, 0.03, 0.1)


@pytest.mark.parametrize(
    ("share", "most", "by_thousand"),
    [
        (0.0, 0.0010, 0.0001),
        (0.1, 0.0011, 0.0001),
        (0.2, 0.0013, 0.0003),
        (0.3, 0.0017, 0.0004),
        (0.4, 0.0025, 0.0006),
        (0.47, 0.0056, 0.0013),
    ],
)
def test_below_half_of_the_weight_a_cartel_gains_little_at_any_strength(
    share: float, most: float, by_thousand: float
) -> None:
    """The table of docs/spec/poc-judging.md, and what samples of 1,000 leave of it."""
    best = max(cartel_gain(share, strength) for strength in LADDER)
    assert 0.85 * most < best <= most
    larger = max(cartel_gain(share, strength, 1_000, 8) for strength in LADDER)
    assert larger <= by_thousand
    assert cartel_gain(share, 0.1) < -0.5, "a tenth is found"
    assert max(cartel_gain(0.6, strength) for strength in LADDER) > 0.01, "above half it rules"
