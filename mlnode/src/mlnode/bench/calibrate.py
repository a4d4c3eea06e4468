"""Sets the share of valid nonces against the p it should be."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from mlnode.bench.work import PARAMS
from mlnode.poc.arrays import F64
from mlnode.poc.engines.base import load
from mlnode.poc.engines.selection import select_engine
from mlnode.poc.rounds import new_round
from mlnode.shard.gpu import group_engines

_BATCH = 1_024
_BAR = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What came of a walk over nonces.

    Attributes:
        nonces, valid: computed, and valid of them.
        low, high: Wilson's interval of the share at 99 %.
        mean, std: of the distances.
        fit: probability of a distance law as far from the Beta law as this one, by chance.
        histogram: a line for each bin of distances.
    """

    nonces: int
    valid: int
    low: float
    high: float
    mean: float
    std: float
    fit: float
    histogram: tuple[str, ...]


def calibrate(
    *, params: str, valid_fraction: float, nonces: int, block_hash: str, devices: tuple[str, ...]
) -> Calibration:
    """Walks nonces of a round and returns how they came out."""
    shape = PARAMS[params]
    engine = select_engine(group_engines(devices)).engine
    round_ = new_round(
        block_hash=block_hash, public_key=bytes(20), params=shape, valid_fraction=valid_fraction
    )
    load(engine, round_)
    distances: list[F64] = []
    valid = 0
    for first in range(0, nonces, _BATCH):
        came = engine.batch(np.arange(first, min(first + _BATCH, nonces), dtype=np.uint64))
        distances.append(came.distances)
        valid += int(np.count_nonzero(came.valid))
    distance_B = np.concatenate(distances)
    interval = stats.binomtest(valid, nonces).proportion_ci(0.99, method="wilson")
    half = (shape.vocab_size - 1) / 2
    return Calibration(
        nonces=nonces,
        valid=valid,
        low=float(interval.low),
        high=float(interval.high),
        mean=float(distance_B.mean()),
        std=float(distance_B.std()),
        fit=float(stats.kstest((distance_B / 2) ** 2, stats.beta(half, half).cdf).pvalue),
        histogram=histogram(distance_B),
    )


def histogram(values: F64, bins: int = 16) -> tuple[str, ...]:
    """Returns a line of text for each bin."""
    counts, edges = np.histogram(values, bins)
    tallest = max(int(counts.max()), 1)
    return tuple(
        f"{edge:8.4f} {'█' * round(_BAR * int(count) / tallest)} {count}"
        for edge, count in zip(edges, counts, strict=False)
    )
