"""The deviation of honest distances between two machines, which verification needs.

Axes: B nonces.
"""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from mlnode.bench.calibrate import Calibration, calibration, hardware, write_report
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


class ReportError(ValueError):
    """The report of the other machine is not one, or of something else; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What two machines are to compute alike.

    Attributes:
        models_dir, model: the model.
        nonces: how many, from 0, of the first host at the first block hash.
        positions: of the input of a nonce.
        fraction: share p that should be valid.
        device: that computes, by its name for PyTorch.
    """

    models_dir: Path
    model: str
    nonces: int
    positions: int
    fraction: float
    device: str

    @property
    def origin(self) -> dict[str, object]:
        """What distances are a function of, the machine left out."""
        return {"model": self.model, "nonces": self.nonces, "positions": self.positions}


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """The other machine of a pair.

    Attributes:
        hardware: see ``calibrate.hardware``.
        distances: float64 [B].
    """

    hardware: dict[str, Any]
    distances: F64


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """How two machines differ.

    Attributes:
        hardware: product names of the devices of this one, then of the other.
        sigma0: root of the mean square of the differences.
        largest: largest difference.
    """

    hardware: tuple[tuple[str, ...], tuple[str, ...]]
    sigma0: float
    largest: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ServedCalibration:
    """What came of it.

    Attributes:
        distances: float64 [B], of this machine.
        calibration: share of the nonces within ``r_target``, against p.
        r_target: radius of the share p of random directions in 8,192 dimensions.
        pair: with the other machine, or with itself in batches of another size.
    """

    distances: F64
    calibration: Calibration
    r_target: float
    pair: Pair


def calibrate_served(subject: Subject, other: Other | None) -> ServedCalibration:
    """Returns how this machine compares with p, and with another machine or with itself.

    Args:
        other: the other machine; None for this one, in batches of another size.

    Raises:
        RoundError: there is no such model, or p is no share.
    """
    r_target = r_target_from_fraction(subject.fraction, POC_OUTPUT_DIM)
    folder = model_folder(subject.models_dir, subject.model)
    model = load_decoder(folder, torch.device(subject.device))
    engine = ServedEngine(lambda _: model)
    round_ = new_round(
        kind="SERVED_MODEL",
        model_id=subject.model,
        block_hash=block_hash(BLOCKS[0]),
        public_key=public_key(NODES[0]),
        params=replace(MODEL_PARAMS_TEST, seq_len=subject.positions),
    )
    for _ in engine.start(round_):
        pass
    found_B = _distances(engine, subject.nonces, _BATCHES[0])
    mine = hardware((subject.device,))
    if other is None:
        other = Other(hardware=mine, distances=_distances(engine, subject.nonces, _BATCHES[1]))
    valid = int(np.count_nonzero(found_B < r_target))
    return ServedCalibration(
        distances=found_B,
        calibration=calibration(found_B, valid, subject.fraction, POC_OUTPUT_DIM),
        r_target=r_target,
        pair=Pair(
            hardware=(tuple(mine["devices"]), tuple(other.hardware["devices"])),
            sigma0=deviation(found_B, other.distances),
            largest=float(np.abs(found_B - other.distances).max()),
        ),
    )


def write_served(path: Path, subject: Subject, came: ServedCalibration) -> None:
    """Writes a machine's calibration; another machine reads its distances there.

    Raises:
        OSError: the file cannot be written.
    """
    write_report(
        path,
        (subject.device,),
        came.calibration,
        kind="SERVED_MODEL",
        origin=subject.origin,
        r_target=came.r_target,
        pair=asdict(came.pair),
        distances=came.distances.tolist(),
    )


def read_served(path: Path, subject: Subject) -> Other:
    """Reads the report of another machine.

    Raises:
        ReportError: it is no such report, of something else, or not as many distances.
        OSError: the file cannot be read.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
    except ValueError as failure:
        raise ReportError(f"{path} is no JSON: {failure}") from None
    if not isinstance(content, dict) or not {"origin", "hardware", "distances"} <= set(
        cast(dict[str, Any], content)
    ):
        raise ReportError(f"{path} is no report of `mlnode poc calibrate --model`")
    if content["origin"] != subject.origin:
        raise ReportError(f"{path} holds distances of {content['origin']}, not of {subject.origin}")
    distances_B = np.array(content["distances"], np.float64)
    if distances_B.shape != (subject.nonces,):
        raise ReportError(f"{path} holds {distances_B.size} distances; it has {subject.nonces}")
    return Other(hardware=cast(dict[str, Any], content["hardware"]), distances=distances_B)


def _distances(engine: ServedEngine, nonces: int, batch: int) -> F64:
    parts = [
        engine.batch(np.arange(first, min(first + batch, nonces), dtype=np.uint64)).distances
        for first in range(0, nonces, batch)
    ]
    return np.concatenate(parts)
