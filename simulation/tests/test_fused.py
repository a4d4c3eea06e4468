"""Compiled loops make, number for number, what the twins make over arrays."""

from typing import Any

import numpy as np
import pytest

from simulation import compiler, fused, step
from simulation.network import build, start
from simulation.randomness import streams
from simulation.scenario import OF_PARTS, OF_STRENGTH, Behaviour, parse

MODELS = [{"id": "org/a", "demand": 0.7}, {"id": "org/b", "demand": 0.4}]
HONEST = {"name": "honest", "hosts": 60, "nodes": 3, "models": ["org/a", "org/b"]}


def played(tree: dict[str, Any], epochs: int = 7) -> list[Any]:
    """Everything that is decided, epoch by epoch."""
    scenario = parse({"name": "x"} | tree)
    chance = streams(5, 0)
    network = build(scenario, chance.sizes)
    state = start(network)
    rows: list[Any] = []
    for _ in range(epochs):
        r = step.step(network, state, chance)
        rows.append(
            [
                *(a.tolist() for a in (r.round.judged.outcome, r.round.judged.credited)),
                *(a.tolist() for a in (r.formed.reason, r.formed.node_reason)),
                *(a.tolist() for a in (r.formed.mined, r.formed.preserved, r.formed.weight)),
                *(a.tolist() for a in (r.settled.by_weight, r.settled.by_duty, r.settled.share)),
                *(a.tolist() for a in (r.settled.bonus, r.settled.total, r.settled.reason)),
                *(a.tolist() for a in (r.covers_N, state.weight_N, state.node_weight_K)),
                *(a.tolist() for a in (state.serves_K, state.carried_N, state.income_N)),
                (r.abandoned, r.reward, state.minted, state.price, r.serving_share),
            ]
        )
    return rows


def compare(tree: dict[str, Any], monkeypatch: Any) -> None:
    compiler.load()
    used: list[int] = []
    real = fused.run

    def counted(*args: Any) -> Any:
        used.append(1)
        return real(*args)

    monkeypatch.setattr(fused, "run", counted)
    compiled = played(tree)
    assert len(used) == 7, "the pass was used in every epoch"
    monkeypatch.setattr(compiler, "ready", lambda: False)
    assert compiled == played(tree)
    assert len(used) == 7


@pytest.mark.parametrize("behaviour", Behaviour)
def test_the_pass_equals_the_twins_beside_every_behaviour(
    behaviour: Behaviour, monkeypatch: Any
) -> None:
    other = {"name": "others", "hosts": 25, "nodes": 4, "models": ["org/b", "org/a"]}
    shown: dict[str, Any] = {"behaviour": behaviour.value}
    shown |= {"strength": 0.3} if behaviour in OF_STRENGTH else {}
    shown |= {"parts": 2} if behaviour in OF_PARTS else {}
    tree = {"models": MODELS, "fleets": [HONEST, other | shown], "faults": {"share": 0.25}}
    compare(tree, monkeypatch)


TREES: dict[str, dict[str, Any]] = {
    "no models": {"fleets": [{"name": "a", "hosts": 9}]},
    "one host": {"fleets": [{"name": "a", "hosts": 1}]},
    "two hosts": {"fleets": [{"name": "a", "hosts": 2, "nodes": 2}]},
    "a model that nobody serves": {
        "models": MODELS,
        "fleets": [{"name": "a", "hosts": 9, "models": ["org/a"]}],
    },
    "hosts that belong to no model": {
        "models": MODELS,
        "fleets": [HONEST, {"name": "b", "hosts": 9}],
    },
    "all away": {"fleets": [{"name": "a", "hosts": 9}], "faults": {"share": 1.0}},
    "half away": {"fleets": [{"name": "a", "hosts": 90}], "faults": {"share": 0.5}},
    "all away together in most rounds": {
        "models": MODELS,
        "fleets": [HONEST, {"name": "forgers", "hosts": 9, "models": ["org/a"]}
                   | {"behaviour": "nonce_overclaimer", "strength": 0.02}],
        "faults": {"kind": "correlated", "share": 0.5},
    },
    "half of the hosts away in every round": {
        "fleets": [{"name": "a", "hosts": 90}],
        "faults": {"share": 0.66},
    },
    "unequal sizes": {"models": MODELS, "fleets": [HONEST | {"size_spread": 2.0}]},
    "throughput checked": {
        "models": MODELS,
        "fleets": [HONEST | {"behaviour": "throughput_overclaimer", "strength": 0.4}],
        "params": {"throughput_validation_enabled": "true"},
    },
    "entry and exit": {
        "models": MODELS,
        "fleets": [HONEST],
        "market": {"speed": 0.5, "coin_usd": 0.01},
    },
    "other duties": {
        "models": MODELS,
        "fleets": [HONEST, {"name": "forgers", "hosts": 20, "nodes": 2, "models": ["org/a"]}
                   | {"behaviour": "nonce_overclaimer", "strength": 0.02}],
        "params": {"seats_per_host": "7", "sample_size": "90", "coverage_bonus": "0.333"},
    },
}  # fmt: skip


@pytest.mark.parametrize("name", TREES)
def test_the_pass_equals_the_twins_at_the_edges(name: str, monkeypatch: Any) -> None:
    compare(TREES[name], monkeypatch)


def test_amounts_beyond_the_guess_go_through_the_twins(monkeypatch: Any) -> None:
    compiler.load()

    def never(*_: Any) -> Any:
        raise AssertionError("the pass cannot hold these amounts")

    tree = {
        "fleets": [{"name": "a", "hosts": 3}],
        "params": {"initial_epoch_subsidy": str(2**62), "max_supply": str(2**63 - 1)},
    }
    real = fused.run
    monkeypatch.setattr(
        fused, "run", lambda *args: real(*args) if args[5].epoch.reward == 0 else never()
    )
    rows = played(tree, epochs=3)
    assert np.sum(rows[1][11]) > 2**61
