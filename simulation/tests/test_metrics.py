"""Every metric of the specification, against its closed form."""

import math
from typing import Any

import numpy as np
import pytest

from simulation import poc
from simulation.arrays import u64
from simulation.columns import EPOCH_COLUMNS, FLEET_COLUMNS
from simulation.compare import attack
from simulation.metrics import gini, hhi, nakamoto
from simulation.run import run_replica
from simulation.scenario import Behaviour, parse


def test_gini_is_0_of_equals_and_the_rest_of_one_who_has_all() -> None:
    assert gini(np.ones(7)) == pytest.approx(0)
    assert gini(np.array([0.0, 0.0, 0.0, 5.0])) == pytest.approx(3 / 4)
    assert gini(np.array([1.0, 2.0, 3.0])) == pytest.approx(2 / 9)
    assert gini(np.zeros(3)) == gini(np.zeros(0)) == 0.0


@pytest.mark.parametrize(
    ("weights", "hosts"),
    [([1, 1, 1], 2), ([1] * 9, 4), ([5, 1, 1], 1), ([0, 0], 0), ([], 0), ([34, 33, 33], 1)],
)
def test_nakamoto_counts_the_hosts_that_hold_more_than_a_third(
    weights: list[int], hosts: int
) -> None:
    assert nakamoto(u64(weights) if weights else np.zeros(0, np.uint64)) == hosts


def test_hhi_is_the_sum_of_squared_shares() -> None:
    assert hhi(u64([2, 2, 2, 2])) == pytest.approx(1 / 4)
    assert hhi(u64([3, 1])) == pytest.approx(10 / 16)
    assert hhi(u64([0, 0])) == 0.0


def test_every_column_that_can_be_asked_for_is_there() -> None:
    made = parse({"name": "x", "epochs": 2, "fleets": [{"name": "a", "hosts": 3}]})
    epochs, fleets = run_replica(made, 0)
    assert set(epochs[0]) == set(EPOCH_COLUMNS)
    assert set(FLEET_COLUMNS) <= set(fleets[0])


def test_detection_is_the_jurys_binomial_tail() -> None:
    """A forger is found when 17 of 32 seats see 5 of 200: each with the tail of its share."""
    strength, epochs = 0.025, 12
    made = parse(
        {
            "name": "x",
            "epochs": epochs,
            "fleets": [
                {"name": "honest", "hosts": 400},
                {
                    "name": "forgers",
                    "hosts": 40,
                    "behaviour": "nonce_overclaimer",
                    "strength": strength,
                },
            ],
        }
    )
    rows, _ = run_replica(made, 0)
    share = strength / (1 + strength)
    limit = poc.fraud_limit(200, 10**18 // 2000, 10**11)
    seat = 1 - sum(math.comb(200, i) * share**i * (1 - share) ** (200 - i) for i in range(limit))
    jury = sum(math.comb(32, i) * seat**i * (1 - seat) ** (32 - i) for i in range(17, 33))
    found = np.mean([row["detected_share"] for row in rows])
    trials = 40 * epochs
    assert abs(found - jury) < 5 * math.sqrt(jury * (1 - jury) / trials)
    assert 0.05 < jury < 0.95, "neither certain nor hopeless"


def test_shares_of_what_is_away_forged_and_kept() -> None:
    """All nodes are large, so that a weight moves by a thousandth and floors cost nothing."""
    away, strength, epochs = 0.3, 0.25, 10
    fleets = [
        {"name": "a", "hosts": 300, "gpus": 64},
        {"name": "b", "hosts": 100, "gpus": 64, "behaviour": "nonce_overclaimer"}
        | {"strength": strength},
    ]
    rows, _ = run_replica(
        parse({"name": "x", "epochs": epochs, "fleets": fleets, "faults": {"share": away}}), 0
    )
    found = {name: np.array([row[name] for row in rows]) for name in EPOCH_COLUMNS}
    bound = 4 * math.sqrt(away * (1 - away) / 300 / epochs)
    assert found["absent_share"].mean() == pytest.approx(away, abs=bound)
    # Of 300 and 100 hosts that claim alike, but for what is forged on top.
    whole = 300 + 100 * (1 + strength)
    assert found["forged_share"].mean() == pytest.approx(100 * strength / whole, rel=0.05)
    # Forgers, who have a weight at genesis alone, and whoever is away, are not kept.
    assert found["kept_share"][0] == pytest.approx(0.75 * (1 - away), abs=0.1)
    assert found["kept_share"][1:].mean() == pytest.approx(1 - away, abs=bound)
    alone, _ = run_replica(parse({"name": "x", "epochs": 3, "fleets": fleets[:1]}), 0)
    assert {(r["absent_share"], r["forged_share"], r["kept_share"]) for r in alone} == {(0, 0, 1)}


def test_income_a_gpu_hour_is_income_over_gpus_and_hours() -> None:
    made = parse(
        {"name": "x", "epochs": 4, "fleets": [{"name": "a", "hosts": 5, "nodes": 2, "gpus": 3}]}
    )
    _, (row,) = run_replica(made, 0)
    # Four cycles settle genesis, which earns nothing, and three epochs.
    hours = made.parameters.lengths.cycle * made.block_seconds / 3600 * 3
    assert row["gpu_hours"] == pytest.approx(5 * 2 * 3 * hours)
    assert row["income_per_gpu_hour"] == pytest.approx(row["income"] / row["gpu_hours"])


def test_who_has_left_costs_and_earns_nothing_any_more() -> None:
    """At a coin worth nothing every host leaves with the first epoch that is paid."""
    tree: dict[str, Any] = {
        "name": "x",
        "fleets": [{"name": "a", "hosts": 20}],
        "market": {"speed": 1.0, "coin_usd": 0.0001},
    }
    rows: list[dict[str, Any]] = []
    for epochs in (2, 4, 40):
        run, (fleet,) = run_replica(parse(tree | {"epochs": epochs}), 0)
        rows.append(fleet)
        assert [row["paid"] > 0 for row in run] == [False, True, *[False] * (epochs - 2)]
    assert [row["active_hosts"] for row in rows] == [0, 0, 0]
    assert rows[0]["income"] == rows[1]["income"] == rows[2]["income"] > 0
    assert rows[0]["profit_usd"] == rows[1]["profit_usd"] == rows[2]["profit_usd"] < 0
    assert rows[0]["gpu_hours"] == rows[2]["gpu_hours"] > 0


def test_income_a_gpu_hour_does_not_depend_on_how_long_a_run_is() -> None:
    tree: dict[str, Any] = {
        "name": "x",
        "fleets": [{"name": "a", "hosts": 20}],
        "params": {"decay_factor": "1"},
    }
    (short,), (long,) = (run_replica(parse(tree | {"epochs": n}), 0)[1] for n in (2, 40))
    assert short["income_per_gpu_hour"] == pytest.approx(long["income_per_gpu_hour"], rel=1e-9)


def test_the_regret_of_an_epoch_is_of_epochs_that_are_paid() -> None:
    """Who casts no verdict gives up all of its income, whatever the length of the run."""
    tree: dict[str, Any] = {
        "name": "x",
        "replicas": 2,
        "fleets": [{"name": "a", "hosts": 20}, {"name": "b", "hosts": 4}],
        "params": {"decay_factor": "1"},
    }
    for epochs in (2, 6):
        made = parse(tree | {"epochs": epochs})
        honest = np.mean([run_replica(made, r)[1][1]["income"] for r in (0, 1)])
        (found,) = attack(made, Behaviour.FREE_RIDER, fleet="b")
        assert found.gain.mean == pytest.approx(-honest / (epochs - 1))


def test_one_epoch_settles_nothing_that_is_paid() -> None:
    (row,), (fleet,) = run_replica(
        parse({"name": "x", "epochs": 1, "fleets": [{"name": "a", "hosts": 3}]}), 0
    )
    assert (row["paid"], fleet["income"], fleet["gpu_hours"]) == (0, 0, 0.0)
    assert fleet["income_per_gpu_hour"] == 0.0


def test_a_model_that_serves_nothing_is_expected_to_serve_nothing() -> None:
    """A measured zero is a value: the price falls once, from capacity to nothing, and stays."""
    tree: dict[str, Any] = {
        "name": "x",
        "epochs": 8,
        "models": [{"id": "m", "demand": 0.0}],
        "fleets": [{"name": "a", "hosts": 20, "models": ["m"]}],
    }
    prices = [row["unit_price"] for row in run_replica(parse(tree), 0)[0]]
    first = parse(tree).parameters.integer("initial_unit_price")
    assert prices == [first, *[first - first // 50] * 7]


def test_supply_is_conserved_and_never_passed() -> None:
    """What is minted is what was paid, to the last unine, also where the supply runs out."""
    subsidy = 1_000_003
    made = parse(
        {
            "name": "x",
            "epochs": 9,
            "params": {
                "initial_epoch_subsidy": str(subsidy),
                "max_supply": str(5 * subsidy),
                "decay_factor": "1",
            },
            "models": [{"id": "org/a"}],
            "fleets": [{"name": "a", "hosts": 7, "models": ["org/a"]}],
            "faults": {"share": 0.1},
        }
    )
    epochs, fleets = run_replica(made, 0)
    minted = np.cumsum([row["paid"] for row in epochs])
    assert [row["minted"] for row in epochs] == minted.tolist()
    assert fleets[0]["income"] == minted[-1]
    assert minted[-1] <= 5 * subsidy
    assert epochs[-1]["reward"] < subsidy, "the supply ran out"


def test_serving_share_and_coverage_lie_between_nothing_and_all() -> None:
    made = parse(
        {
            "name": "x",
            "epochs": 5,
            "models": [{"id": "org/a", "demand": 0.9}, {"id": "org/b", "demand": 0.9}],
            "fleets": [
                {"name": "both", "hosts": 4, "nodes": 4, "models": ["org/a", "org/b"]},
                {"name": "one", "hosts": 4, "nodes": 4, "models": ["org/a"]},
            ],
        }
    )
    rows, _ = run_replica(made, 0)
    assert rows[0]["serving_share"] == 0, "nobody serves through the first PoC"
    # The rule stops at half of a model's throughput; the node that crosses the line is kept.
    assert max(row["serving_share"] for row in rows) <= 0.5 + 1 / 16
    assert max(row["serving_share"] for row in rows) > 0.4
    for row in rows:
        assert row["coverage"] == pytest.approx(0.5, abs=0.02)
