"""What guards a round through a model in a worker."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mlnode.poc.engines.base import load
from mlnode.poc.errors import FingerprintError, NotStartedError, RoundError
from mlnode.poc.rounds import Round
from mlnode.poc.served.engine import ServedEngine
from mlnode.service.served import ServedProver

NONCES = np.arange(5, dtype=np.uint64)


@pytest.fixture
def models(tmp_path: Path, qwen: Any) -> str:
    """A folder with the model of the round."""
    qwen.save_pretrained(tmp_path / "ninefold" / "tiny" / ("1" * 40))
    return str(tmp_path)


def started(models: str, round_: Round, **how: Any) -> ServedProver:
    prover = ServedProver(models, "cpu", **how)
    assert list(prover.load(round_)) == []
    return prover


def test_distances_are_those_of_the_engine(models: str, qwen: Any, served_round: Round) -> None:
    prover = started(models, served_round)
    engine = ServedEngine(lambda _: qwen)
    load(engine, served_round)
    wanted = engine.batch(NONCES, b"\x02" * 20).distances
    assert np.array_equal(prover.batch(NONCES, b"\x02" * 20).distances, wanted)
    assert (prover.engines, prover.batch_size) == (("eager",), 64)


def test_a_changed_weight_is_noticed_after_a_minute(models: str, served_round: Round) -> None:
    now = [0.0]
    prover = started(models, served_round, clock=lambda: now[0])
    assert prover._held is not None
    with torch.no_grad():
        next(prover._held[1].parameters()).flatten()[0] += 1
    now[0] = 60.0
    prover.batch(NONCES)
    now[0] = 60.5
    with pytest.raises(FingerprintError):
        prover.batch(NONCES)


def test_a_dropped_round_is_gone_with_its_model(models: str, served_round: Round) -> None:
    prover = started(models, served_round)
    prover.drop()
    assert prover._held is None
    with pytest.raises(NotStartedError):
        prover.batch(NONCES)


def test_a_model_that_is_not_there_is_named(tmp_path: Path, served_round: Round) -> None:
    for folder, words in ((str(tmp_path), "a model in"), ("", "poc.models_dir, which is empty")):
        with pytest.raises(RoundError, match=f"model_id = 'ninefold/tiny'.*{words}"):
            started(folder, served_round)
