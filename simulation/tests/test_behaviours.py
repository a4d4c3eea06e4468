"""Every behaviour has its closed-form effect. Chance is bounded at five standard errors."""

import functools
import math
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec

import numpy as np
import pytest

from simulation import commit, judging, poc, reward, slots
from simulation.acting import acted
from simulation.claims import offline
from simulation.errors import BatchError, ScenarioError
from simulation.network import Network, State, build, start
from simulation.randomness import streams
from simulation.run import run_replica
from simulation.scenario import OF_PARTS, OF_STRENGTH, Behaviour, load, parse
from simulation.step import Report, step

P = ParamSpec("P")
SCENARIOS = Path(__file__).resolve().parents[1] / "scenarios"
SEATS = 32
SAMPLE = 200
SECONDS = 61 * 5  # of the 61 blocks of generation

EFFECTS: dict[Behaviour, list[str]] = {}
PLAYED: set[Behaviour] = set()


def effect_of(*behaviours: Behaviour) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Marks a test of what behaviours come to, and fails it unless hosts of its runs did that."""

    def mark(test: Callable[P, None]) -> Callable[P, None]:
        for behaviour in behaviours:
            EFFECTS.setdefault(behaviour, []).append(test.__name__)

        @functools.wraps(test)
        def marked(*args: P.args, **kwargs: P.kwargs) -> None:
            PLAYED.clear()
            test(*args, **kwargs)
            assert set(behaviours) <= PLAYED, "the behaviour did not happen"

        return marked

    return mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    network: Network
    state: State
    reports: list[Report]
    serving: list[np.ndarray]  # before each step
    weights: list[np.ndarray]  # of nodes, before each step
    required: list[int]  # tokens of the first model, before each step

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
    run = Run(network=network, state=state, reports=[], serving=[], weights=[], required=[])
    for _ in range(epochs):
        run.serving.append(state.serves_K.copy())
        run.weights.append(state.node_weight_K.copy())
        run.required.append(int(state.real_M[0]) if models else 0)
        run.reports.append(step(network, state, chance))
        did_N = acted(network, run.reports[-1])
        PLAYED.update(b for b, mask_N in network.masks.items() if (did_N & mask_N).any())
    return run


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
@effect_of(Behaviour.NONCE_OVERCLAIMER)
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


@effect_of(Behaviour.SYBIL)
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


@effect_of(Behaviour.OFFLINE)
def test_a_host_that_is_offline_claims_as_seldom_as_it_says() -> None:
    run = play({"hosts": 200}, {"hosts": 100, "behaviour": "offline", "strength": 0.3}, epochs=12)
    found = outcomes(run, 1)
    assert_share(float((found == poc.Outcome.NO_BATCH).mean()), 0.3, found.size)


def test_faults_come_alone_together_or_by_daylight() -> None:
    hosts, epochs, share = 400, 120, 0.3
    away: dict[str, np.ndarray] = {}
    for kind in ("independent", "correlated", "diurnal"):
        tree = {"name": "x", "fleets": [{"name": "a", "hosts": hosts}]}
        network = build(
            parse(tree | {"faults": {"kind": kind, "share": share}}), streams(1, 0).sizes
        )
        state, chance, rows = start(network), streams(1, 0), []
        for state.epoch in range(epochs):
            rows.append(offline(network, state, chance))
        away[kind] = np.array(rows)
    assert_share(float(away["independent"].mean()), share, hosts * epochs)
    together = away["correlated"].mean(axis=1)
    assert set(together) == {0.0, 1.0}
    assert_share(float(together.mean()), share, epochs)
    p = parse({"name": "x", "fleets": [{"name": "a", "hosts": 1}]}).parameters
    hour = np.arange(epochs)[:, None] * p.lengths.cycle * 5 / 3600
    zone = np.arange(hosts) * 24 / hosts
    expected = share * (1 + np.sin(2 * np.pi * (hour + zone) / 24))
    assert_share(float(away["diurnal"].mean()), share, hosts * epochs)
    for awake in (expected > 1.5 * share, expected < 0.5 * share):
        found = float(away["diurnal"][awake].mean())
        assert_share(found, float(expected[awake].mean()), int(awake.sum()))


def test_demand_falls_with_the_price_to_the_power_of_its_elasticity_and_grows() -> None:
    tree = {
        "name": "x",
        "models": [{"id": "m", "demand": 0.5}],
        "fleets": [{"name": "a", "hosts": 5, "models": ["m"]}],
        "market": {"price_elasticity": 0.5, "demand_growth": 1.25},
    }
    network = build(parse(tree), streams(1, 0).sizes)
    state = start(network)
    (before,) = slots.demand(network, state, streams(1, 0))
    state.price, state.epoch = 4 * state.price, 3
    (after,) = slots.demand(network, state, streams(1, 0))
    assert after / before == pytest.approx(4**-0.5 * 1.25**3, rel=1e-12)
    noise = math.exp(0.05 * streams(1, 0).demand.standard_normal())
    assert before == pytest.approx(0.5 * int(state.first_capacity_M[0]) * noise, rel=1e-12)


@pytest.mark.parametrize("away", [0.4, 0.5])
def test_a_jury_without_a_majority_of_present_members_has_no_quorum(away: float) -> None:
    """Of who is absent each jury is drawn alone: a host with weight w lacks a quorum when at most
    16 of 32 seats fall to those who are there, each with their share of all weight but w.
    """
    run = play({"hosts": 300, "size_spread": 1.0}, faults={"share": away}, epochs=1)
    (report,) = run.reports
    there, weight = report.claims.online_N, report.paid_weight_N.astype(float)
    left = [
        1 - tail(SEATS, (weight[there].sum() - own) / (weight.sum() - own), SEATS // 2 + 1)
        for own in weight[there]
    ]
    found = int((report.round.judged.outcome[there] == poc.Outcome.NO_QUORUM).sum())
    deviation = math.sqrt(sum(p * (1 - p) for p in left))
    assert deviation < 0.06 * there.sum(), "the bound is a narrow one"
    assert abs(found - sum(left)) <= 4 * deviation


@effect_of(Behaviour.MODEL_HOPPER)
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


@pytest.mark.parametrize("abandoned", [False, True])
def test_a_hop_counts_from_the_epoch_that_opens_after_it(*, abandoned: bool) -> None:
    """Hosts of the first two of three models cover while the hopping ones hold either of them.

    Genesis is held with the first; every round declares the next, and what is settled keeps the
    models it was formed with, also where the epoch in between was abandoned.
    """
    models = [{"id": f"org/m{i}"} for i in range(3)]
    fleets = [
        {"name": "two", "hosts": 12, "nodes": 2, "models": ["org/m0", "org/m1"]},
        {"name": "hops", "hosts": 12, "models": ["org/m0"], "behaviour": "model_hopper"},
    ]
    chance = streams(5, 0)
    network = build(parse({"name": "x", "models": models, "fleets": fleets}), chance.sizes)
    state = start(network)
    stay_N, held = network.fleet_N == 0, 0
    for declared in range(1, 9):
        gone = abandoned and declared in (3, 4)
        state.active_N = np.full(network.hosts, not gone) | (np.arange(network.hosts) == 0)
        report = step(network, state, chance)
        assert report.abandoned == gone
        assert set(report.covers_N[stay_N].tolist()) == {held != 2}, declared
        assert not report.covers_N[~stay_N].any()
        held = held if gone else declared % 3
        assert set(state.model_K[~stay_N[network.of.host_K]].tolist()) == {held}


@pytest.mark.parametrize(
    ("models", "spread", "nodes", "expected"),
    [
        # Two of 16 nodes hold an eighth in the mean, which is the line: one half.
        (2, 4, 16, 0.5),
        (2, 4, 8, 0.5),
        # Two of 12 are 4·µ nodes above it, of which chance is (49·2 + 10)·µ: always.
        (2, 4, 12, 1.0),
        # Two sums on the line at once, 5A − B − C and 5B − A − C, of variance 60µ and covariance
        # −12µ: the quadrant of a normal pair of correlation −1/5.
        (3, 2, 12, 0.25 + math.asin(-0.2) / (2 * math.pi)),
    ],
)
@effect_of(Behaviour.COVERAGE_MINIMALIST)
def test_a_coverage_minimalist_covers_as_often_as_chance_lifts_its_least_nodes_to_the_line(
    models: int, spread: int, nodes: int, expected: float
) -> None:
    """Nobody serves through PoC, so that every epoch's weights are drawn anew."""
    run = play(
        {"hosts": 60, "nodes": nodes},
        {"hosts": 150, "nodes": nodes, "behaviour": "coverage_minimalist"},
        {"hosts": 20, "nodes": nodes, "models": ["org/m0"]},
        models=models,
        epochs=9,
        params={"coverage_spread": str(spread)},
        **{f"demand_{i}": 0.0 for i in range(models)},
    )
    even, least, one = (run.fleet(i) for i in range(3))
    # Genesis states the means, which lie on the line or above it; the rounds after it are drawn.
    drawn = run.reports[1:]
    assert_share(
        float(np.mean([r.covers_N[least] for r in drawn])), expected, len(drawn) * least.sum()
    )
    for report, weight_K in zip(drawn, run.weights[1:], strict=True):
        assert report.covers_N[even].all()
        assert not report.covers_N[one].any()
        for host in np.flatnonzero(least)[:20]:
            mine = run.network.of.host_K == host
            whole = sum(weight_K[mine].tolist())
            kinds = run.network.model_K[mine]
            sums = [sum(weight_K[mine][kinds == m].tolist()) for m in range(models)]
            covers = min(sums) * spread * models >= whole
            assert report.covers_N[host] == covers
            share = report.reward * whole // sum(report.paid_weight_N.tolist())
            assert report.settled.total[host] == share + (share // 10 if covers else 0)


def test_preserved_nodes_are_held_to_what_was_required_of_their_model() -> None:
    """Where the cap selects fewer nodes than demand needs, they serve less than was required."""
    demand, most = 0.8, "0.5"
    honest = {"hosts": 40, "nodes": 4}
    runs = [
        play(
            honest,
            models=1,
            demand_0=demand,
            epochs=4,
            params={"throughput_validation_enabled": flag, "max_serving_fraction": most},
        )
        for flag in ("true", "false")
    ]
    for run, checked in zip(runs, (True, False), strict=True):
        assert_kept_by_what_is_served(run, 1.0, checked=checked)


@pytest.mark.parametrize("strength", [0.25, 0.5, 0.75])
@effect_of(Behaviour.THROUGHPUT_OVERCLAIMER)
def test_preserved_weight_falls_with_what_is_not_served(strength: float) -> None:
    assert_falls_with_what_is_not_served(strength)


@pytest.mark.parametrize("strength", [0.0, 1.0])
def test_preserved_weight_stays_where_all_is_served_and_nobody_is_asked_where_nothing_is(
    strength: float,
) -> None:
    assert_falls_with_what_is_not_served(strength)


def assert_falls_with_what_is_not_served(strength: float) -> None:
    promised = {"hosts": 20, "nodes": 4, "behaviour": "throughput_overclaimer"}
    on = {"params": {"throughput_validation_enabled": "true"}}
    run = play(promised | {"strength": strength}, models=1, demand_0=0.4, epochs=4, **on)
    lax = play(promised | {"strength": strength}, models=1, demand_0=0.4, epochs=4)
    assert_kept_by_what_is_served(run, 1 - strength, checked=True)
    assert_kept_by_what_is_served(lax, 1 - strength, checked=False)


def assert_kept_by_what_is_served(run: Run, serves: float, *, checked: bool) -> None:
    """Each node that served keeps ⌊w·min(real, required)/required⌋, all of them together real
    tokens: those of an H100, of which only a share is served.
    """
    host_K = run.network.of.host_K
    # 600 tokens a second over the PoC period, in blocks of five seconds.
    tokens = int(600 * 5 * run.network.params.lengths.poc_period * serves)
    for report, kept_K, weight_K, required in zip(
        run.reports, run.serving, run.weights, run.required, strict=True
    ):
        real = tokens * int(kept_K.sum())
        kept = np.zeros(run.network.hosts, np.uint64)
        for host, weight in zip(host_K[kept_K], weight_K[kept_K].tolist(), strict=True):
            cut = checked and required > 0
            kept[host] += np.uint64(weight * min(real, required) // required if cut else weight)
        assert (report.formed.preserved == kept).all()
    assert any(s.any() for s in run.serving) or serves == 0


@effect_of(Behaviour.LAZY_VALIDATOR)
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


@effect_of(Behaviour.FALSE_ACCUSER)
def test_accusers_below_a_quarter_of_the_seats_cost_nothing() -> None:
    run = play({"hosts": 90}, {"hosts": 10, "behaviour": "false_accuser"}, epochs=5)
    seats = np.concatenate([r.round.tally.fraud_N for r in run.reports])
    claimed = np.concatenate([r.claims.claimed_N for r in run.reports])
    credited = np.concatenate([r.round.judged.credited for r in run.reports])
    assert_share(float(seats.sum()) / (SEATS * len(seats)), 0.1, len(seats))
    few = seats <= SEATS // 4
    assert few.mean() > 0.9
    assert (credited[few] == claimed[few]).all()


@effect_of(Behaviour.CARTEL)
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


@pytest.mark.parametrize("tries", [1, 4])
@effect_of(Behaviour.SEED_GRINDER)
def test_a_seed_grinder_is_found_unless_one_of_its_tries_hides_it_from_the_jury(tries: int) -> None:
    """One block's hash seeds every sample of a round: a try is one seed for all seats."""
    strength, rounds, judges = 0.026, 250, 3_000
    run = play(
        {"hosts": judges},
        {"hosts": 1, "behaviour": "seed_grinder", "strength": strength, "parts": tries},
        epochs=rounds,
        # A found grinder is out, and back in the next round.
        params={"min_kept_power": "0.1"},
    )
    claimed, forged = (
        np.array([int(getattr(r.claims, name)[-1]) for r in run.reports])
        for name in ("claimed_N", "forged_N")
    )
    share = float((forged / claimed).mean())
    seat = tail(SAMPLE, share, poc.fraud_limit(SAMPLE, 10**18 // 2000, 10**11))
    jury = tail(SEATS, seat, SEATS // 2 + 1)
    assert 0.3 < jury < 0.95, "a share at which tries make a difference"
    found = float((outcomes(run, 1) == poc.Outcome.FRAUD).mean())
    # Samples are without replacement of tens of thousands, and judges rarely hold two seats.
    assert abs(found - jury**tries) < 5 * math.sqrt(0.25 / rounds) + 0.02


def test_a_seed_grinder_below_detection_gains_no_more_than_a_few_thousandths_of_its_credit() -> (
    None
):
    """Every seat has its own sample, so that the best of several seeds differs little."""
    strength, rounds = 0.005, 60
    lost: dict[int, float] = {}
    for tries in (1, 16):
        grinder = {"hosts": 1, "behaviour": "seed_grinder", "strength": strength, "parts": tries}
        run = play({"hosts": 3_000}, grinder, epochs=rounds)
        assert (outcomes(run, 1) == poc.Outcome.ACCEPTED).all()
        claimed, credited = (
            sum(int(of(r)[-1]) for r in run.reports)
            for of in (lambda r: r.claims.claimed_N, lambda r: r.round.judged.credited)
        )
        lost[tries] = 1 - credited / claimed
    # Twice the forged share, of which the ends that are cut off take a part.
    assert 1.5 * strength < lost[1] <= 2 * strength
    assert 0.001 < lost[1] - lost[16] <= 0.004


def coin_at_which(pays: float, nonces: float, hosts: list[tuple[int, float]]) -> float:
    """USD for a NINE at which a GPU of so many nonces a second earns this an hour.

    hosts: how many of one GPU there are, and its nonces a second.
    """
    p = parse({"name": "x", "fleets": [{"name": "a", "hosts": 1}]}).parameters
    hours = p.lengths.cycle * 5 / 3600
    whole = sum(n * each for n, each in hosts)
    return pays * hours * whole / (nonces * p.integer("initial_epoch_subsidy") / 1e6)


@pytest.mark.parametrize("kind", ["independent", "correlated"])
def test_a_host_that_is_offline_serves_nothing(kind: str) -> None:
    """Neither through the PoC that it misses, nor until the next one; demand takes all there is."""
    tree = {
        "name": "x",
        "fleets": [{"name": "a", "hosts": 80, "nodes": 2, "models": ["m"]}],
        "models": [{"id": "m", "demand": 1000}],
        "faults": {"kind": kind, "share": 0.4},
    }
    chance = streams(4, 0)
    network = build(parse(tree), chance.sizes)
    state = start(network)
    tokens = network.tokens_K.astype(float)
    shares: list[float] = []
    for _ in range(12):
        kept, capacity = state.serves_K.copy(), float(state.capacity_M[0])
        report = step(network, state, chance)
        online = report.claims.online_N[network.of.host_K]
        assert report.serving_share == pytest.approx(tokens[kept & online].sum() / capacity)
        assert state.real_M[0] == tokens[online & (state.node_weight_K > 0)].sum()
        if kept.any():
            shares.append(float(online[kept].mean()))
    assert min(shares) < max(shares), "some that were to serve were away"


def test_who_earns_less_than_its_cost_leaves_and_the_others_stay() -> None:
    """With all of them a nonce a second earns 0.035 USD an hour: an H100 pays with 0.0238 and an
    A100 with 0.0455. Without the A100s it earns 0.046, too little over their cost to come back.
    """
    coin = coin_at_which(0.035 * 105, 105, [(20, 105), (20, 33)])
    market = {"speed": 1.0, "coin_usd": coin}
    run = play({"hosts": 20}, {"hosts": 20, "gpu": "a100"}, epochs=8, market=market)
    proving = [
        [int((r.claims.claimed_N[run.fleet(i)] > 0).sum()) for i in (0, 1)] for r in run.reports
    ]
    # Epoch 1 is the first that is paid, at the second switch.
    assert proving == [[20, 20]] * 2 + [[20, 0]] * 6


@pytest.mark.parametrize("coin", [0.3, 0.6, 1.2, 2.0])
def test_of_the_card_that_just_pays_as_many_stay_as_break_even(coin: float) -> None:
    """All nonces a second share what is paid an hour, bonus and all, so that a card that finds q
    for c USD an hour pays while there are at most q/c times that many in all. The cheapest come
    first; a twentieth of the hosts decides at a time, so that as many may leave too many.
    """
    made = load(SCENARIOS / "market.toml", {"replicas": "1", "market.coin_usd": str(coin)})
    known = tomllib.loads((SCENARIOS / "gpus.toml").read_text("utf-8"))
    epochs, fleets = run_replica(made, 0)
    usd = epochs[-1]["paid"] / 1e6 * coin / (made.parameters.lengths.cycle * 5 / 3600)
    found = {row["fleet"]: row["active_hosts"] for row in fleets}
    before, partly = 0.0, 0
    for fleet in sorted(
        made.fleets,
        key=lambda f: known[f.gpu]["usd_per_hour"] / known[f.gpu]["nonces_per_second"],
    ):
        card = known[fleet.gpu]
        each = fleet.nodes * fleet.gpus * card["nonces_per_second"]
        pays = card["nonces_per_second"] / card["usd_per_hour"] * usd
        stay = min(max((pays - before) / each, 0.0), fleet.hosts)
        partly += 0 < stay < fleet.hosts
        assert stay - 1 - 0.05 * fleet.hosts <= found[fleet.name] <= stay + 1, fleet.name
        before += fleet.hosts * each
    assert partly == (coin != 1.2), "between the break-evens of two kinds, one stays whole"


def test_who_would_earn_more_than_its_cost_enters_and_waits_for_its_first_pay() -> None:
    coin = coin_at_which(1.5 * 2.5, 105, [(40, 105)])
    tree = {
        "name": "x",
        "fleets": [{"name": "a", "hosts": 40}],
        "market": {"speed": 1.0, "coin_usd": coin},
    }
    chance = streams(3, 0)
    network = build(parse(tree), chance.sizes)
    state = start(network)
    state.active_N = np.arange(40) < 20
    active = []
    for _ in range(6):
        step(network, state, chance)
        active.append(int(state.active_N.sum()))
    assert active == [20, 40, 40, 40, 40, 40]
    assert (state.income_N > 0).all()


def test_an_epoch_that_goes_on_is_paid_once_with_all_of_its_duty() -> None:
    """Rounds whose epochs are abandoned pay nothing and cost no subsidy; their duty counts."""
    share = 0.6
    run = play({"hosts": 40}, epochs=40, faults={"kind": "correlated", "share": share})
    abandoned = [r.abandoned for r in run.reports]
    paid = [int(r.settled.total.sum()) for r in run.reports]
    assert 10 < sum(abandoned) < 35
    assert all(total == 0 for total, gone in zip(paid, abandoned, strict=True) if gone)
    settled = [r for r in run.reports if not r.abandoned][1:]
    p = run.network.params
    subsidies = [p.integer("initial_epoch_subsidy")]
    for _ in settled:
        subsidies.append(reward.next_subsidy(subsidies[-1], p.decimal("decay_factor")))
    assert [r.reward for r in settled] == subsidies[: len(settled)]
    assert run.state.minted == sum(paid)
    # Everybody is away together in a round that is abandoned, so that nobody is judged then.
    assert all((r.settled.share > 0).all() for r in settled)
    cycles, waited = run.network.params.lengths.cycle, 0
    for report in run.reports:
        waited += 1
        if not report.abandoned:
            assert set(report.settled.hosts.unjailed_blocks.tolist()) == {waited * cycles}
            waited = 0


def test_duty_missed_in_a_round_that_was_abandoned_is_missed() -> None:
    """A host that is silent in one of two rounds of an epoch casts about half of its seats."""
    chance = streams(5, 0)
    network = build(parse({"name": "x", "fleets": [{"name": "a", "hosts": 60}]}), chance.sizes)
    state = start(network)
    step(network, state, chance)
    active_N = state.active_N.copy()
    # Five of six are away for a round, so that too little of the weight is kept.
    state.active_N = np.arange(60) % 6 == 0
    gone = step(network, state, chance)
    assert gone.abandoned
    state.active_N = active_N
    report = step(network, state, chance)
    assert not report.abandoned
    hosts = report.settled.hosts
    away_N = np.arange(60) % 6 != 0
    # In the first round ten hosts proved and were judged, in the second one sixty.
    assert (hosts.seats_cast[~away_N] == hosts.seats_drawn[~away_N]).all()
    drawn, cast = int(hosts.seats_drawn[away_N].sum()), int(hosts.seats_cast[away_N].sum())
    assert_share(cast / drawn, 60 / 70, drawn)
    assert int(hosts.seats_drawn.sum()) == SEATS * 70
    assert (report.settled.share[away_N] < report.settled.by_weight[away_N]).all()


def test_a_fraud_found_in_a_round_that_was_abandoned_is_not_forgotten() -> None:
    fleets = [
        {"name": "honest", "hosts": 60},
        {"name": "forger", "hosts": 1, "behaviour": "nonce_overclaimer", "strength": 0.0},
    ]
    chance = streams(5, 0)
    # Four fifths are enough to find a fraud, and too few to go on to the next epoch.
    tree = {"name": "x", "fleets": fleets, "params": {"min_kept_power": "0.9"}}
    network = build(parse(tree), chance.sizes)
    state = start(network)
    step(network, state, chance)
    active_N, network.strength_N[-1] = state.active_N.copy(), 1.0
    state.active_N = np.arange(61) >= 12
    gone = step(network, state, chance)
    assert gone.abandoned
    assert gone.round.judged.outcome[-1] == poc.Outcome.FRAUD
    state.active_N, network.strength_N[-1] = active_N, 0.0
    report = step(network, state, chance)
    assert not report.abandoned
    assert report.round.judged.outcome[-1] == poc.Outcome.ACCEPTED
    assert report.settled.by_weight[-1] > 0
    assert report.settled.total[-1] == 0


def test_silent_judges_hold_exactly_the_seats_that_stay_silent() -> None:
    """Who is judged is left out of its own jury, also when its duty is counted."""
    for weights in ([9_000, 1_000], [6_000] + [100] * 40):
        weight_N = np.array(weights, np.uint64)
        hosts = len(weights)
        heard_N, silent_N = np.ones(hosts, np.bool_), np.zeros(hosts, np.bool_)
        silent_N[-1] = True
        drawn: list[int] = []
        for seed in range(400):
            tally = judging._quietly(
                weight_N, sum(weights), heard_N, silent_N, SEATS, np.random.default_rng(seed)
            )
            assert int(tally.drawn_N.sum()) == SEATS * hosts - int(tally.honest_N.sum())
            assert tally.drawn_N[-1] == tally.drawn_N.sum(), "one host is silent"
            drawn.append(int(tally.drawn_N[-1]))
        own, whole = weights[-1], sum(weights)
        shares = np.array([own / (whole - w) for w in weights[:-1]])
        expected = SEATS * shares.sum()
        deviation = math.sqrt(SEATS * (shares * (1 - shares)).sum() / len(drawn))
        assert abs(np.mean(drawn) - expected) <= 5 * deviation + 1e-9


@effect_of(Behaviour.SLOT_FARMER)
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


@pytest.mark.parametrize("faster", [1, 2, 8])
def test_slots_go_to_the_nodes_whose_weight_promises_what_is_required(faster: int) -> None:
    """A node promises ⌊weight·throughput_per_nonce·P/(G·10⁶)⌋, whatever its GPU can do."""
    per_nonce = 5_714_285 * faster
    model = {"id": "m", "demand": 0.3, "throughput_per_nonce": per_nonce}
    tree = {
        "name": "x",
        "fleets": [{"name": "a", "hosts": 120, "models": ["m"]}],
        "models": [model],
    }
    chance = streams(3, 0)
    network = build(parse(tree), chance.sizes)
    state = start(network)
    lengths = network.params.lengths
    for _ in range(6):
        step(network, state, chance)
        promised = [
            int(w) * per_nonce * lengths.poc_period // (lengths.generation * 10**6)
            for w in state.node_weight_K
        ]
        chosen = [p for p, serves in zip(promised, state.serves_K, strict=True) if serves]
        line = min(int(state.real_M[0]), -(-sum(promised) // 2))
        assert line <= sum(chosen) < line + max(promised)


def test_only_a_model_that_nobody_served_is_expected_to_serve_what_its_nodes_promise() -> None:
    run = play({"hosts": 10}, models=2, demand_0=0.0, epochs=1)
    network, state = run.network, run.state
    lengths = network.params.lengths
    own = state.node_weight_K[state.model_K == 0]
    divisor = lengths.generation * 10**6
    promised = sum(int(w) * 5_714_285 * lengths.poc_period // divisor for w in own)
    state.served_M, state.real_M = np.array([True, True]), np.array([0, 7], np.uint64)
    assert slots.expected(network, state) == [0, 7]
    state.served_M = np.array([False, True])
    assert slots.expected(network, state) == [promised, 7]


@pytest.mark.parametrize(("share", "factor"), [(0.5, "1.02"), (1.0, "1"), (2.0, "0.98")])
def test_the_first_load_is_what_was_served_of_what_the_nodes_promise(
    share: float, factor: str
) -> None:
    """Half of the capacity is asked for, of which the nodes promise this share."""
    model = {"id": "m", "throughput_per_nonce": int(5_714_285 * share)}
    tree = {"name": "x", "fleets": [{"name": "a", "hosts": 50, "models": ["m"]}], "models": [model]}
    chance = streams(3, 0)
    network = build(parse(tree), chance.sizes)
    state = start(network)
    first = state.price
    step(network, state, chance)
    assert state.price == first, "nobody served anything yet"
    step(network, state, chance)
    assert state.price == int(first * float(factor))


def test_a_key_from_which_nothing_would_follow_is_refused() -> None:
    model = {"id": "m", "units_of_compute_per_token": 2}
    with pytest.raises(ScenarioError, match=r"models\.0\.units_of_compute_per_token has no place"):
        parse({"name": "x", "fleets": [{"name": "a", "hosts": 1}], "models": [model]})


def test_nobody_is_preserved_more_than_twice_in_a_row() -> None:
    run = play({"hosts": 10, "nodes": 2}, models=1, demand_0=1.0, epochs=15)
    host = run.network.of.host_K
    row = np.zeros(run.network.hosts, int)
    for serving in run.serving:
        kept = np.bincount(host[serving], minlength=run.network.hosts) > 0
        row = np.where(kept, row + 1, 0)
        assert row.max() <= 2


@effect_of(Behaviour.FREE_RIDER)
def test_a_free_rider_earns_nothing_for_duties_it_shirks() -> None:
    run = play({"hosts": 60}, {"hosts": 10, "behaviour": "free_rider"}, epochs=6)
    assert int(run.state.income_N[run.fleet(1)].sum()) == 0
    assert (run.state.income_N[run.fleet(0)] > 0).all()


@effect_of(Behaviour.NON_OPENER)
def test_a_host_that_does_not_open_loses_everything() -> None:
    run = play({"hosts": 60}, {"hosts": 6, "behaviour": "non_opener"}, epochs=4)
    assert (outcomes(run, 1) == poc.Outcome.UNAVAILABLE).all()
    assert (run.state.weight_N[run.fleet(1)] == 0).all()


@pytest.mark.parametrize("strength", [0.3, 1.0, 2.5])
@effect_of(Behaviour.DUPLICATE_COMMITTER)
def test_who_repeats_nonces_has_them_refused_and_earns_what_it_would_without(
    strength: float,
) -> None:
    """Of µ = 35·305 nonces a round and host, strength·µ are sent again, less what rounds down."""
    hosts, rounds, mean = 30, 6, 35 * SECONDS
    honest = {"hosts": hosts, "gpu": "rtx4090"}
    repeats = honest | {"behaviour": "duplicate_committer", "strength": strength}
    runs = [play({"hosts": 20}, fleet, epochs=rounds) for fleet in (honest, repeats)]
    assert (runs[0].state.income_N == runs[1].state.income_N).all()
    assert (runs[0].state.weight_N == runs[1].state.weight_N).all()
    mine, trials = runs[1].fleet(1), hosts * rounds
    refused_RH = np.array([r.claims.refused_N for r in runs[1].reports])
    assert not refused_RH[:, ~mine].any()
    off = int(refused_RH[:, mine].sum()) - strength * mean * trials
    assert abs(off) <= 5 * strength * math.sqrt(mean * trials) + trials


LANES = 4
LIMITS = commit.Limits(
    lanes=LANES, max_batches_per_node=64, max_nonces_per_node=10**6, valid_fraction=10**17
)


def batch(state: commit.State, count: int, *lane_next: int) -> commit.Batch:
    """The next batch of a node."""
    return commit.Batch(
        batch_id=state.last_id + 1, count=count, root=bytes(32), lane_next=lane_next
    )


@pytest.mark.parametrize(
    ("count", "lane_next", "why"),
    [
        (160, (400, 400, 400, 400), "count_of_range"),  # the same once more
        (1, (400, 400, 400, 400), "count_of_range"),
        (160, (440, 400, 400, 400), "count_of_range"),  # the same, and a little that is new
        (40, (0, 440, 440, 440), "lane_falls"),  # a lane walked once more
        (40, (399, 440, 440, 440), "lane_falls"),
    ],
)
def test_a_batch_that_repeats_a_nonce_is_refused(
    count: int, lane_next: tuple[int, ...], why: str
) -> None:
    state = commit.accept(commit.State(), batch(commit.State(), 160, 400, 400, 400, 400), LIMITS)
    with pytest.raises(BatchError) as refused:
        commit.accept(state, batch(state, count, *lane_next), LIMITS)
    assert refused.value.code == why


def test_whatever_is_sent_no_nonce_counts_twice() -> None:
    """Every position that an accepted batch walked is written down, and none stands there twice."""
    rng = np.random.default_rng(5)
    accepted = 0
    for _ in range(200):
        state, walked = commit.State(), set[tuple[int, int]]()
        for _ in range(40):
            before = state.lane_next or (0,) * LANES
            after = tuple(max(0, k + int(rng.integers(-3, 60))) for k in before)
            sent = batch(state, int(rng.integers(1, 60)), *after)
            try:
                state = commit.accept(state, sent, LIMITS)
            except BatchError:
                continue
            lanes = zip(range(LANES), before, after, strict=True)
            new = {(lane, k) for lane, first, end in lanes for k in range(first, end)}
            assert not new & walked
            assert sent.count <= len(new)
            walked |= new
            accepted += 1
        assert state.claimed <= len(walked) == sum(state.lane_next)
    assert accepted > 1_000


@pytest.mark.parametrize("least", [4, 32, 1_000])
@pytest.mark.parametrize("nodes", [1, 3])
@effect_of(Behaviour.DUST_FORGER)
def test_dust_below_the_minimum_is_claimed_and_worth_nothing(least: int, nodes: int) -> None:
    """The reward is shared out by what the others found, as if those who left dust were not there.

    Genesis, which gives them weight, pays nobody.
    """
    run = play(
        {"hosts": 30},
        {"hosts": 10, "nodes": nodes, "behaviour": "dust_forger"},
        epochs=5,
        params={"min_host_nonces": str(least)},
    )
    honest, dust = run.fleet(0), run.fleet(1)
    for report in run.reports:
        assert (report.claims.claimed_N[dust] == least - 1).all()
        assert (report.claims.forged_N[dust] == least - 1).all()
        assert (report.round.judged.outcome[dust] == poc.Outcome.BELOW_MINIMUM).all()
    expected = np.zeros(30, np.int64)
    for before, report in zip(run.reports[:-1], run.reports[1:], strict=True):
        found = before.claims.claimed_N[honest].tolist()
        expected += [report.reward * w // sum(found) for w in found]
        assert report.reward > 0
    assert run.state.income_N[honest].tolist() == expected.tolist()
    assert not run.state.income_N[dust].any()
    assert not run.state.weight_N[dust].any()


def test_a_fleet_at_the_minimum_is_judged_and_one_below_it_is_not() -> None:
    """With the minimum at what an H100 finds in the mean, half of the rounds are below it."""
    run = play({"hosts": 400}, epochs=6, params={"min_host_nonces": str(105 * SECONDS)})
    claimed = np.array([r.claims.claimed_N for r in run.reports])
    found = outcomes(run, 0)
    below = claimed < 105 * SECONDS
    assert_share(float(below.mean()), 0.5, below.size)
    assert (found[below] == poc.Outcome.BELOW_MINIMUM).all()
    assert (found[~below] == poc.Outcome.ACCEPTED).all()


@pytest.mark.parametrize("behaviour", sorted(set(Behaviour) - {Behaviour.HONEST}))
def test_every_behaviour_has_a_test_in_which_it_happens(behaviour: Behaviour) -> None:
    """`effect_of` fails a test in whose runs nobody did what it is about."""
    assert EFFECTS.get(behaviour), behaviour


@pytest.mark.parametrize("behaviour", sorted(set(Behaviour) - {Behaviour.HONEST}))
def test_a_behaviour_happens_only_where_hosts_show_it(behaviour: Behaviour) -> None:
    strong = {"strength": 0.5} if behaviour in OF_STRENGTH else {}
    parted = {"parts": 2} if behaviour in OF_PARTS else {}
    fleet = {"hosts": 12, "nodes": 16, "behaviour": behaviour.value} | strong | parted
    forger = {"hosts": 1, "behaviour": "nonce_overclaimer", "strength": 0.5}
    run = play({"hosts": 30, "nodes": 16}, fleet, forger, models=2, epochs=4)
    did = np.array([acted(run.network, r) for r in run.reports])
    assert did[:, run.fleet(1)].any()
    assert not did[:, run.fleet(0)].any()
    if strong or parted:
        idle = fleet | dict.fromkeys(strong, 0.0) | dict.fromkeys(parted, 1)
        quiet = play({"hosts": 30, "nodes": 16}, idle, models=2, epochs=4)
        assert not any(acted(quiet.network, r).any() for r in quiet.reports)
