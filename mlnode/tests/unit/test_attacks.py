"""Attacks on the proof that were tried, at a size for every run."""

import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from engines import weights_of

from mlnode.bench.predictors import LEARNERS, Gain, Knowledge, gain, knowledge
from mlnode.bench.shortcuts import PLAIN, SHORTCUTS, ShortcutNetwork
from mlnode.poc.decision import Decisions
from mlnode.poc.rounds import Round
from mlnode.poc.tensors import inputs
from mlnode.shard.engine import ShardedEngine

ATTACKS = Path(__file__).parents[2] / "benchmarks/attacks.py"
FIT = np.arange(3_072, dtype=np.uint64)
JUDGE = np.arange(3_072, 4_096, dtype=np.uint64)


@pytest.fixture(scope="module")
def known(round_: Round, fast: ShardedEngine) -> list[Knowledge]:
    return knowledge(round_, weights_of(fast), np.concatenate([FIT, JUDGE]))


@pytest.fixture(scope="module")
def truth(fast: ShardedEngine) -> Decisions:
    return fast.batch(np.concatenate([FIT, JUDGE]))


def held_out(learner: str, features: np.ndarray, cosines: np.ndarray, valid: np.ndarray) -> Gain:
    """Returns what a prediction gains on nonces that were not fitted on."""
    size = len(FIT)
    scores = LEARNERS[learner](features[:size], cosines[:size], features[size:])
    return gain(scores, cosines[size:], valid[size:])


@pytest.mark.parametrize("learner", sorted(LEARNERS))
def test_nothing_is_learned_from_less_than_the_whole_network(
    learner: str, known: list[Knowledge], truth: Decisions
) -> None:
    for what in known:
        found = held_out(learner, what.features, truth.dots / truth.norms, truth.valid)
        assert abs(found.correlation) < 5 / np.sqrt(len(JUDGE)), what.name
        assert abs(found.recall - 0.1) < 4 * found.deviation, what.name


@pytest.mark.parametrize("learner", sorted(LEARNERS))
def test_the_learners_find_a_tenth_of_the_variance_where_there_is_one(
    learner: str, known: list[Knowledge], truth: Decisions
) -> None:
    features, cosines = known[0].features, truth.dots / truth.norms
    hint = {"squares": features[:, :32] ** 2 - 0.9}.get(learner, features[:, :32]).sum(1)
    leaked = cosines / cosines.std() + 0.7 * hint / hint.std()
    valid = leaked > np.quantile(leaked, 0.9)
    found = held_out(learner, features, leaked, valid)
    assert found.correlation > 5 / np.sqrt(len(JUDGE))
    assert found.recall > 0.1 + 4 * found.deviation


def test_the_gain_of_an_order_is_its_correlation_and_the_winners_in_its_best_tenth() -> None:
    cosines = np.linspace(0, 1, 1_000)
    valid = cosines > 0.9
    assert gain(cosines, cosines, valid) == Gain(
        correlation=pytest.approx(1), recall=1.0, deviation=pytest.approx(0.03)
    )
    assert gain(-cosines, cosines, valid).recall == 0.0


def test_the_tables_of_the_page_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    attacks = runpy.run_path(str(ATTACKS))
    assert attacks["main"](["--nonces", "300", "--fit", "300"]) == 0
    lines = capsys.readouterr().out.splitlines()
    tables = [line for line in lines if line.startswith("| ")]
    assert len(tables) == 1 + len(SHORTCUTS) + 1 + 3
    assert all(line.count("|") in (4, 5) for line in tables)


def test_no_two_positions_of_different_nonces_share_work(
    round_: Round, fast: ShardedEngine
) -> None:
    """Rows that agree in many bytes would let a product be corrected instead of computed."""
    dim = round_.params.dim
    plain = ShortcutNetwork(round_.params, weights_of(fast), PLAIN)
    h_BSD = torch.as_tensor(inputs(round_, round_.public_key, np.arange(64, dtype=np.uint64)))
    for layer in range(round_.params.n_layers):
        rows_RD = h_BSD.reshape(-1, dim).to(torch.int8).numpy()
        agree_RR = np.zeros((len(rows_RD), len(rows_RD)), np.uint8)
        for column_R in rows_RD.T:
            agree_RR += column_R[:, None] == column_R[None, :]
        np.fill_diagonal(agree_RR, 0)
        # Two million pairs, each Binomial(128, 1/256): more than ten comes once in 10⁵ runs.
        assert agree_RR.max() <= 10
        h_BSD = plain.layer(h_BSD.to(torch.float32), layer)
