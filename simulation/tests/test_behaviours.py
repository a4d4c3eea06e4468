"""Every behaviour has its closed-form effect. Chance is bounded at five standard errors."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulation import poc
from simulation.network import Network, State, build, start
from simulation.randomness import streams
from simulation.scenario import Behaviour, parse
from simulation.step import Report, step

SEATS = 32
SAMPLE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    network: Network
    state: State
    reports: list[Report]
    serving: list[np.ndarray]

    def fleet(self, index: int) -> np.ndarray:
        return self.network.fleet_N == index


def play(*fleets: dict[str, Any], epochs: int = 5, models: int = 0, **rest: Any) -> Run:
    specs = [{"id": f"org/m{i}", "demand": rest.pop(f"demand_{i}", 0.5)} for i in range(models)]
    named = [
        {"name": f"f{i}", "models": [s["id"] for s in specs]} | f for i, f in enumerate(fleets)
    ]
    scenario = parse({"name": "test", "epochs": epochs, "fleets": named, "models": specs} | rest)
    chance = streams(7, 0)
    network = build(scenario, chance.sizes)
    state = start(network)
    reports, serving = [], []
    for _ in range(epochs):
        serving.append(state.serves_K.copy())
        reports.append(step(network, state, chance))
    return Run(network=network, state=state, reports=reports, serving=serving)


def tail(n: int, p: float, least: int) -> float:
    """P(X ≥ least) for X binomial."""
    return 1 - sum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(least))


def assert_share(found: float, expected: float, trials: float) -> None:
    assert abs(found - expected) <= 5 * math.sqrt(expected * (1 - expected) / trials) + 1e-9


def outcomes(run: Run, fleet: int) -> np.ndarray:
    return np.array([r.round.judged.outcome[run.fleet(fleet)] for r in run.reports])


def test_honest_hosts_are_credited_in_full() -> None:
    run = play({"hosts": 50})
    for report in run.reports:
        assert (report.round.judged.outcome == poc.Outcome.ACCEPTED).all()
        assert (report.round.judged.credited == report.claims.claimed_N).all()
        assert int(report.settled.share.sum()) <= report.reward


@pytest.mark.parametrize("strength", [0.01, 0.02, 0.04])
def test_an_overclaimer_is_found_as_often_as_the_binomial_table_says(strength: float) -> None:
    run = play(
        {"hosts": 400},
        {"hosts": 20, "behaviour": "nonce_overclaimer", "strength": strength},
        epochs=8,
    )
    mine = run.fleet(1)
    seats = sum(int(r.round.tally.fraud_N[mine].sum()) for r in run.reports)
    asked = sum(int((r.claims.claimed_N[mine] > 0).sum()) * SEATS for r in run.reports)
    limit = poc.fraud_limit(SAMPLE, 10**18 // 2000, 10**11)
    expected = tail(SAMPLE, strength / (1 + strength), limit)
    # Seats of one holder share a sample, so there are fewer trials than seats.
    assert_share(seats / asked, expected, asked / 2)


def test_forging_below_detection_loses_what_it_forges_in_expectation() -> None:
    strength = 0.005
    run = play(
        {"hosts": 400},
        {"hosts": 50, "behaviour": "nonce_overclaimer", "strength": strength},
        epochs=10,
    )
    mine = run.fleet(1)
    credited = sum(float(r.round.judged.credited[mine].sum()) for r in run.reports)
    honest = sum(float((r.claims.claimed_N - r.claims.forged_N)[mine].sum()) for r in run.reports)
    assert credited < honest


def test_a_splitter_gains_nothing() -> None:
    whole = play({"hosts": 30}, {"hosts": 10, "nodes": 8}, epochs=8)
    split = play(
        {"hosts": 30}, {"hosts": 10, "nodes": 8, "behaviour": "sybil", "parts": 8}, epochs=8
    )
    one = int(whole.state.income_N[whole.fleet(1)].sum())
    several = int(split.state.income_N[split.fleet(1)].sum())
    assert several <= one
    # What is lost is one unine for each of the added hosts and epochs, at most.
    assert one - several <= 70 * 8


def test_a_host_that_is_offline_claims_as_seldom_as_it_says() -> None:
    run = play({"hosts": 200}, {"hosts": 100, "behaviour": "offline", "strength": 0.3}, epochs=12)
    found = outcomes(run, 1)
    assert_share(float((found == poc.Outcome.NO_BATCH).mean()), 0.3, found.size)


def test_a_jury_without_a_majority_of_present_members_has_no_quorum() -> None:
    share = 0.5
    run = play({"hosts": 300}, faults={"share": share}, epochs=1)
    claimed = run.reports[0].claims.claimed_N > 0
    found = run.reports[0].round.judged.outcome[claimed]
    absent = 1 - claimed.mean()
    expected = 1 - tail(SEATS, 1 - absent, SEATS // 2 + 1)
    # Juries overlap; a tenth covers what their common absentees add.
    assert abs(float((found == poc.Outcome.NO_QUORUM).mean()) - expected) < 0.1


def test_a_model_hopper_is_never_preserved() -> None:
    run = play(
        {"hosts": 20, "nodes": 4},
        {"hosts": 20, "nodes": 4, "behaviour": "model_hopper"},
        models=2,
        epochs=8,
    )
    hopping = run.fleet(1)[run.network.of.host_K]
    assert not any(s[hopping].any() for s in run.serving)
    assert any(s[~hopping].any() for s in run.serving)


def test_a_coverage_minimalist_earns_the_bonus_with_the_least() -> None:
    run = play(
        {"hosts": 10, "nodes": 16},
        {"hosts": 10, "nodes": 16, "behaviour": "coverage_minimalist"},
        {"hosts": 10, "nodes": 16, "models": ["org/m0"]},
        models=2,
        epochs=6,
    )
    covers = run.reports[-1].covers_N
    assert covers[run.fleet(0)].all()
    assert not covers[run.fleet(2)].any()
    # A fourth of an even share, with chance around it: two of 16 nodes are exactly on it.
    kinds = run.state.model_K[run.fleet(1)[run.network.of.host_K]]
    assert np.bincount(kinds).min() * 8 == len(kinds)
    assert covers[run.fleet(1)].any()


def test_preserved_weight_falls_with_what_is_not_served() -> None:
    promised = {"hosts": 20, "nodes": 4, "behaviour": "throughput_overclaimer", "strength": 0.5}
    on = {"params": {"throughput_validation_enabled": "true"}}
    run = play(promised, models=1, demand_0=0.4, epochs=4, **on)
    lax = play(promised, models=1, demand_0=0.4, epochs=4)
    at = next(i for i, s in enumerate(run.serving) if s.any())
    kept = float(run.reports[at].formed.preserved.sum())
    whole = float(lax.reports[at].formed.preserved.sum())
    assert 0.45 < kept / whole < 0.75


def test_lazy_validators_find_nothing() -> None:
    run = play(
        {"hosts": 60, "behaviour": "lazy_validator"},
        {"hosts": 5, "behaviour": "nonce_overclaimer", "strength": 1.0},
        epochs=3,
    )
    forger = run.fleet(1)
    first = run.reports[0]
    # Only the other forgers, 5 of 65, look at all.
    assert (first.round.judged.outcome[forger] == poc.Outcome.ACCEPTED).all()
    assert first.round.tally.fraud_N[forger].sum() < SEATS * 5 / 4


def test_accusers_below_a_quarter_of_the_seats_cost_nothing() -> None:
    run = play({"hosts": 90}, {"hosts": 10, "behaviour": "false_accuser"}, epochs=5)
    seats = np.concatenate([r.round.tally.fraud_N for r in run.reports])
    claimed = np.concatenate([r.claims.claimed_N for r in run.reports])
    credited = np.concatenate([r.round.judged.credited for r in run.reports])
    assert_share(float(seats.sum()) / (SEATS * len(seats)), 0.1, len(seats))
    few = seats <= SEATS // 4
    assert few.mean() > 0.9
    assert (credited[few] == claimed[few]).all()


def test_a_cartel_is_accepted_when_it_holds_most_of_a_jury() -> None:
    run = play(
        {"hosts": 300},
        {"hosts": 300, "behaviour": "cartel", "strength": 0.5},
        epochs=1,
    )
    found = run.reports[0].round
    mine = run.fleet(1)
    accepted = (found.judged.outcome[mine] == poc.Outcome.ACCEPTED).mean()
    weight = run.reports[0].paid_weight_N.astype(float)
    assert_share(float(accepted), tail(SEATS, weight[mine].sum() / weight.sum(), 17), 300)


def test_a_seed_grinder_is_found_with_the_power_of_its_tries() -> None:
    strength, tries = 0.04, 3
    run = play(
        {"hosts": 400},
        {"hosts": 20, "behaviour": "seed_grinder", "strength": strength, "parts": tries},
        epochs=6,
    )
    mine = run.fleet(1)
    seats = sum(int(r.round.tally.fraud_N[mine].sum()) for r in run.reports)
    asked = SEATS * 20 * len(run.reports)
    limit = poc.fraud_limit(SAMPLE, 10**18 // 2000, 10**11)
    expected = tail(SAMPLE, strength / (1 + strength), limit) ** tries
    assert_share(seats / asked, expected, asked / 2)


def test_a_slot_farmer_never_weighs_more_than_in_its_last_full_round() -> None:
    run = play(
        {"hosts": 20, "nodes": 2, "behaviour": "slot_farmer"},
        models=1,
        demand_0=0.5,
        epochs=10,
    )
    host = run.network.of.host_K
    preserved = [np.bincount(host[s], minlength=run.network.hosts) > 0 for s in run.serving]
    assert any(p.any() for p in preserved)
    full = np.zeros(run.network.hosts)
    proven_twice = False
    for report, kept, after in zip(
        run.reports,
        preserved,
        [*(r.paid_weight_N for r in run.reports[1:]), run.state.weight_N],
        strict=True,
    ):
        proven_twice = proven_twice or bool((report.formed.weight[kept] > full[kept] * 1.2).any())
        assert (after[kept] <= full[kept]).all()
        full = np.where(kept, full, after)
    assert proven_twice, "without the cut the farm would have gained"


def test_nobody_is_preserved_more_than_twice_in_a_row() -> None:
    run = play({"hosts": 10, "nodes": 2}, models=1, demand_0=1.0, epochs=15)
    host = run.network.of.host_K
    row = np.zeros(run.network.hosts, int)
    for serving in run.serving:
        kept = np.bincount(host[serving], minlength=run.network.hosts) > 0
        row = np.where(kept, row + 1, 0)
        assert row.max() <= 2


def test_a_free_rider_earns_nothing_for_duties_it_shirks() -> None:
    run = play({"hosts": 60}, {"hosts": 10, "behaviour": "free_rider"}, epochs=6)
    assert int(run.state.income_N[run.fleet(1)].sum()) == 0
    assert (run.state.income_N[run.fleet(0)] > 0).all()


def test_a_host_that_does_not_open_loses_everything() -> None:
    run = play({"hosts": 60}, {"hosts": 6, "behaviour": "non_opener"}, epochs=4)
    assert (outcomes(run, 1) == poc.Outcome.UNAVAILABLE).all()
    assert (run.state.weight_N[run.fleet(1)] == 0).all()


def test_a_repeated_nonce_is_refused_and_the_honest_ones_stand() -> None:
    repeated = {"hosts": 10, "behaviour": "duplicate_committer", "strength": 2.0}
    run, honest = play({"hosts": 30}, repeated), play({"hosts": 30}, {"hosts": 10})
    for ours, theirs in zip(run.reports, honest.reports, strict=True):
        assert (ours.round.judged.credited == theirs.round.judged.credited).all()
        mine = run.fleet(1)
        assert (ours.claims.refused_N[mine] == 2 * ours.claims.claimed_N[mine]).all()


def test_dust_below_the_minimum_is_not_credited() -> None:
    run = play({"hosts": 30}, {"hosts": 10, "behaviour": "dust_forger"}, epochs=4)
    assert (outcomes(run, 1) == poc.Outcome.BELOW_MINIMUM).all()
    assert int(run.state.income_N[run.fleet(1)][:].sum()) <= int(
        run.reports[1].settled.total[run.fleet(1)].sum()
    )
    assert (run.state.weight_N[run.fleet(1)] == 0).all()


def test_every_behaviour_is_tested_here() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    for behaviour in set(Behaviour) - {Behaviour.HONEST, Behaviour.LAZY_VALIDATOR}:
        assert f'"{behaviour.value}"' in text, behaviour
