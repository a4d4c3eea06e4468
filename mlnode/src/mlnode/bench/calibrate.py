"""Sets the share of valid nonces against the p it should be.

Axes: B nonces.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from mlnode.about import build, named_devices, versions
from mlnode.bench.work import PARAMS
from mlnode.poc.arrays import F64
from mlnode.poc.engines.base import load
from mlnode.poc.engines.selection import fastest_on, select_engine
from mlnode.poc.rounds import new_round
from mlnode.shard.devices import visible_devices
from mlnode.shard.gpu import group_engines

_BATCH = 1_024
_BAR = 40
_BINS = 16
CONFIDENCE = 0.99


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """How often values fell between edges; there is one edge more than counts."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]

    def lines(self) -> tuple[str, ...]:
        """Returns a line of text for each bin."""
        tallest = max(*self.counts, 1)
        return tuple(
            f"{edge:8.4f} {'█' * round(_BAR * count / tallest)} {count}"
            for edge, count in zip(self.edges, self.counts, strict=False)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What came of a walk over nonces.

    Attributes:
        nonces, valid: computed, and valid of them.
        fraction: share p that should be valid.
        low, high: Wilson's interval of the share at 99 %.
        mean, std: of the distances.
        fit: probability of a distance law as far from the Beta law as this one, by chance.
        histogram: of the distances.
    """

    nonces: int
    valid: int
    fraction: float
    low: float
    high: float
    mean: float
    std: float
    fit: float
    histogram: Histogram


def calibrate(
    *, params: str, valid_fraction: float, nonces: int, block_hash: str, devices: tuple[str, ...]
) -> Calibration:
    """Walks nonces of a round and returns how they came out."""
    shape = PARAMS[params]
    selection = select_engine(group_engines(devices))
    round_ = new_round(
        block_hash=block_hash, public_key=bytes(20), params=shape, valid_fraction=valid_fraction
    )
    load(selection.engine, round_)
    # As the service chooses: the golden network is too small to tell.
    size = min(_BATCH, nonces)
    engine = fastest_on(selection.engine, selection.rivals, round_, size)
    distances: list[F64] = []
    valid = 0
    for first in range(0, nonces, _BATCH):
        came = engine.batch(np.arange(first, min(first + _BATCH, nonces), dtype=np.uint64))
        distances.append(came.distances)
        valid += int(np.count_nonzero(came.valid))
    return calibration(np.concatenate(distances), valid, valid_fraction, shape.vocab_size)


def calibration(distance_B: F64, valid: int, fraction: float, outputs: int) -> Calibration:
    """Returns what distances come to.

    Args:
        distance_B: float64 [B].
        valid: how many of them are valid.
        fraction: share p that should be.
        outputs: dimensions V of the space in which they lie.
    """
    nonces, half = len(distance_B), (outputs - 1) / 2
    interval = stats.binomtest(valid, nonces).proportion_ci(CONFIDENCE, method="wilson")
    return Calibration(
        nonces=nonces,
        valid=valid,
        fraction=fraction,
        low=float(interval.low),
        high=float(interval.high),
        mean=float(distance_B.mean()),
        std=float(distance_B.std()),
        fit=float(stats.kstest((distance_B / 2) ** 2, stats.beta(half, half).cdf).pvalue),
        histogram=histogram(distance_B),
    )


def histogram(values: F64, bins: int = _BINS) -> Histogram:
    """Returns how often values fell into bins of equal width."""
    counts, edges = np.histogram(values, bins)
    return Histogram(edges=tuple(edges.tolist()), counts=tuple(counts.tolist()))


def hardware(devices: Sequence[str]) -> dict[str, Any]:
    """Returns what computed: product names of devices, build and versions.

    Args:
        devices: names in this process; an unknown one is left out.
    """
    names = {name: model for name, model, _ in named_devices(visible_devices())}
    return {
        "devices": [names[name] for name in devices if name in names],
        "build": asdict(build()),
        "versions": versions(),
    }


def write_report(path: Path, devices: Sequence[str], came: Calibration, **rest: Any) -> None:
    """Writes a calibration with what it is of, as JSON.

    Raises:
        OSError: the file cannot be written.
    """
    report = {
        "date": datetime.now(UTC).date().isoformat(),
        "hardware": hardware(devices),
        **rest,
        "confidence": CONFIDENCE,
        "calibration": asdict(came),
    }
    path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", "utf-8")
