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
    prover = ServedProver(models, "cpu", **({"announce": lambda _: None} | how))
    assert list(prover.load(round_)) == []
    return prover


def test_distances_are_those_of_the_engine(models: str, qwen: Any, served_round: Round) -> None:
    prover = started(models, served_round)
    engine = ServedEngine(lambda _: qwen)
    load(engine, served_round)
    wanted = engine.batch(NONCES, b"\x02" * 20).distances
    assert np.array_equal(prover.batch(NONCES, b"\x02" * 20).distances, wanted)
    assert (prover.engines, prover.batch_size) == (("eager",), 64)


def test_a_changed_weight_is_noticed_by_the_next_hash(models: str, served_round: Round) -> None:
    prover = started(models, served_round)
    prover.rehash()
    assert prover._held is not None
    with torch.no_grad():
        next(prover._held[1].parameters()).flatten()[0] += 1
    prover.batch(NONCES)
    with pytest.raises(FingerprintError, match="weights of eager hash to"):
        prover.rehash()


def test_a_model_is_announced_before_it_is_loaded(models: str, served_round: Round) -> None:
    said: list[float] = []
    prover = started(models, served_round, announce=said.append)
    size = sum(f.stat().st_size for f in Path(models).rglob("*") if f.is_file())
    assert said == [pytest.approx(size / 50e6)]
    prover.drop()


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
