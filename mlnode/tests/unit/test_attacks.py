"""Attacks on the proof that were tried, at a size for every run."""

import numpy as np
import pytest
import torch
from engines import weights_of

from mlnode.bench.predictors import LEARNERS, Knowledge, knowledge
from mlnode.bench.shortcuts import PLAIN, ShortcutNetwork
from mlnode.poc.rounds import Round
from mlnode.poc.tensors import inputs
from mlnode.shard.engine import ShardedEngine

FIT = np.arange(3_072, dtype=np.uint64)
JUDGE = np.arange(3_072, 4_096, dtype=np.uint64)


@pytest.fixture(scope="module")
def known(round_: Round, fast: ShardedEngine) -> list[Knowledge]:
    return knowledge(round_, weights_of(fast), np.concatenate([FIT, JUDGE]))


@pytest.fixture(scope="module")
def cosines(fast: ShardedEngine) -> np.ndarray:
    came = fast.batch(np.concatenate([FIT, JUDGE]))
    return came.dots / came.norms


def held_out(learner: str, features: np.ndarray, cosines: np.ndarray) -> float:
    """Returns the correlation of what was predicted with what came, on nonces not fitted on."""
    size = len(FIT)
    scores = LEARNERS[learner](features[:size], cosines[:size], features[size:])
    return float(np.corrcoef(scores, cosines[size:])[0, 1])


@pytest.mark.parametrize("learner", sorted(LEARNERS))
def test_nothing_is_learned_from_less_than_the_whole_network(
    learner: str, known: list[Knowledge], cosines: np.ndarray
) -> None:
    for what in known:
        assert abs(held_out(learner, what.features, cosines)) < 5 / np.sqrt(len(JUDGE)), what.name


@pytest.mark.parametrize("learner", sorted(LEARNERS))
def test_the_learners_find_a_tenth_of_the_variance_where_there_is_one(
    learner: str, known: list[Knowledge], cosines: np.ndarray
) -> None:
    features = known[0].features
    hint = {"squares": features[:, :32] ** 2 - 0.9}.get(learner, features[:, :32]).sum(1)
    leaked = cosines / cosines.std() + 0.7 * hint / hint.std()
    assert held_out(learner, features, leaked) > 5 / np.sqrt(len(JUDGE))


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
