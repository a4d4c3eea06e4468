"""The deviation of honest distances between two machines, which verification needs.

Axes: B nonces.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from scipy import stats

from mlnode.bench.spread import BLOCKS, NODES, block_hash, public_key
from mlnode.poc.arrays import F64
from mlnode.poc.decision import r_target_from_fraction
from mlnode.poc.params import MODEL_PARAMS_TEST
from mlnode.poc.rounds import new_round
from mlnode.poc.served.engine import ServedEngine
from mlnode.poc.served.judging import deviation
from mlnode.poc.served.models import load_decoder, model_folder
from mlnode.poc.served.tail import POC_OUTPUT_DIM

_BATCHES = (64, 7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """What two machines are to compute alike.

    Attributes:
        models_dir, model: the model.
        nonces: how many, from 0, of the first host at the first block hash.
        positions: of the input of a nonce.
        fraction: share p that should be valid.
    """

    models_dir: Path
    model: str
    nonces: int
    positions: int
    fraction: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairResult:
    """What came of it.

    Attributes:
        distances: float64 [B], of this machine.
        sigma0: root of the mean square of the differences.
        largest: largest difference.
        valid: nonces within ``r_target``.
        r_target: radius of the share p of random directions in 8,192 dimensions.
        low, high: Wilson's interval of the share at 99 %.
    """

    distances: F64
    sigma0: float
    largest: float
    valid: int
    r_target: float
    low: float
    high: float


def measure_pair(pair: Pair, other_B: F64 | None) -> PairResult:
    """Returns how this machine compares with another, or with itself in other batches.

    Args:
        other_B: distances of the other machine; None for this one.

    Raises:
        RoundError: there is no such model, or p is no share.
    """
    r_target = r_target_from_fraction(pair.fraction, POC_OUTPUT_DIM)
    folder = model_folder(pair.models_dir, pair.model)
    model = load_decoder(folder, torch.device("cpu"))
    engine = ServedEngine(lambda _: model)
    round_ = new_round(
        kind="SERVED_MODEL",
        model_id=pair.model,
        block_hash=block_hash(BLOCKS[0]),
        public_key=public_key(NODES[0]),
        params=replace(MODEL_PARAMS_TEST, seq_len=pair.positions),
    )
    for _ in engine.start(round_):
        pass
    found_B = _distances(engine, pair.nonces, _BATCHES[0])
    if other_B is None:
        other_B = _distances(engine, pair.nonces, _BATCHES[1])
    valid = int(np.count_nonzero(found_B < r_target))
    interval = stats.binomtest(valid, pair.nonces).proportion_ci(0.99, method="wilson")
    return PairResult(
        distances=found_B,
        sigma0=deviation(found_B, other_B),
        largest=float(np.abs(found_B - other_B).max()),
        valid=valid,
        r_target=r_target,
        low=float(interval.low),
        high=float(interval.high),
    )


def write_distances(path: Path, pair: Pair, found_B: F64) -> None:
    """Writes a machine's distances with what they are of."""
    path.write_text(json.dumps({**_origin(pair), "distances": found_B.tolist()}) + "\n", "utf-8")


def read_distances(path: Path, pair: Pair) -> F64:
    """Reads the distances of another machine.

    Raises:
        ValueError: they are of something else, or not as many.
    """
    content = json.loads(path.read_text("utf-8"))
    found = content.pop("distances", None)
    if content != _origin(pair) or not isinstance(found, list):
        raise ValueError(f"{path} holds the distances of {content}, not of {_origin(pair)}")
    return np.array(found, np.float64)


def _origin(pair: Pair) -> dict[str, object]:
    return {"model": pair.model, "nonces": pair.nonces, "positions": pair.positions}


def _distances(engine: ServedEngine, nonces: int, batch: int) -> F64:
    parts = [
        engine.batch(np.arange(first, min(first + batch, nonces), dtype=np.uint64)).distances
        for first in range(0, nonces, batch)
    ]
    return np.concatenate(parts)
