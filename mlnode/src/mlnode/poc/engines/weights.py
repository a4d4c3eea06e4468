"""The weights of a round in host memory, one byte each.

Axes: O and I rows and columns of a weight.
"""

import hashlib
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from mlnode.poc.arrays import I8
from mlnode.poc.decision import Target
from mlnode.poc.engines.base import LoadProgress
from mlnode.poc.params import PocParams
from mlnode.poc.rounds import Round
from mlnode.poc.streams import wgt_into
from mlnode.poc.tensors import target, weight_bytes, weight_seed, weight_shapes

# Bytes between two reports of progress: about a tenth of a second of one core.
_REPORT_BYTES = 1 << 26


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Network:
    """A generated network; every host of a round has the same.

    Attributes:
        origin: (poc_version, block_hash, params), of which the rest is a function.
        weights: int8 [O, I] by name, in the order of generation.
        target: target vector of the round.
    """

    origin: tuple[int, str, PocParams]
    weights: dict[str, I8]
    target: Target


def network_origin(round_: Round) -> tuple[int, str, PocParams]:
    """Returns what the network of a round depends on."""
    return round_.poc_version, round_.block_hash, round_.params


def generate(round_: Round) -> Generator[LoadProgress, None, Network]:
    """Generates a round's network, each weight straight into the array where it stays."""
    weights: dict[str, I8] = {}
    done, total = 0, weight_bytes(round_.params)
    for name, (height, width) in weight_shapes(round_.params).items():
        weight_OI = np.empty((height, width), np.int8)
        seed_W = weight_seed(round_, name)
        step = max(1, _REPORT_BYTES // width)
        for first in range(0, height, step):
            rows = range(first, min(first + step, height))
            wgt_into(seed_W, width, rows, range(width), weight_OI[rows.start : rows.stop])
            done += len(rows) * width
            yield LoadProgress(tensor=name, done_bytes=done, total_bytes=total)
        weights[name] = weight_OI
    return Network(origin=network_origin(round_), weights=weights, target=target(round_))


def fingerprint(network: Network) -> bytes:
    """Returns SHA-256 over the names, shapes and bytes of the weights as they are now."""
    whole = hashlib.sha256()
    for name, weight_OI in network.weights.items():
        whole.update(f"{name} {weight_OI.shape}".encode())
        whole.update(weight_OI.data)
    whole.update(network.target.values.data)
    return whole.digest()
