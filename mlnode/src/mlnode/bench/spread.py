"""How far the valid rate of the served kind depends on the block hash, with and without measures.

A round is fair when every block hash makes the same share of nonces valid. A trained model left
as it is sends all inputs near to one direction, which is near to one round's target and far from
another's. Here the three measures against it are taken together, alone and not at all.

Axes: B nonces, S positions, D width, V outputs.
"""

# PyTorch's own types are unknown in places.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import hashlib
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from mlnode.bench.trained import randomise
from mlnode.poc.arrays import F64
from mlnode.poc.served.gpu_random import (
    compute_distances,
    generate_inputs,
    generate_permutations,
    generate_target,
)
from mlnode.poc.served.layer_hooks import decoder_layers, layer_hooks, normalise
from mlnode.poc.served.models import decoder, hidden_width, last_hidden, placed
from mlnode.poc.served.tail import Tail

BLOCKS = ("block_alpha", "block_beta", "block_gamma")
NODES = ("node_A", "node_B", "node_C")
NONCES = 1_920
"""Least nonces of a run: a rate of 10 % then deviates by 0.7 points."""

VALID_FRACTION = 0.1

TREATMENTS = (
    "all-three", "both", "householder", "random-head", "end-normalisation", "permuted", "none",
)  # fmt: skip
"""What a round computes: mirrors in every layer, the random head, and the outputs of each nonce
in an order of its own; both of the first two; mirrors in every layer alone; the random head
alone; the last hidden state brought to length one before the model's own head, which the distance,
of directions, cannot tell from the model as it is; the orders alone; the model as it is."""

WEIGHTS = ("trained", "random", "random-embed")
"""As trained; all matrices random; layers as trained, embedding and head random."""

_BATCH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """What a treatment came to over block hashes, for one host.

    Attributes:
        rates: valid rate of each block hash at the threshold of the first.
        points: largest less smallest rate, in percentage points.
        largest: the most that this comes to, whichever block hash sets the threshold. If the
            one that does has the nearest target, the others' rates are 0, and ``points`` is a
            tenth of a hundred however strong the effect.
        means, deviations, tenths: of the distances, for each block hash: their mean, their
            deviation and their tenth percentile.
    """

    rates: tuple[float, ...]
    points: float
    largest: float
    means: tuple[float, ...]
    deviations: tuple[float, ...]
    tenths: tuple[float, ...]


def block_hash(name: str) -> str:
    """Returns the block hash of a name: its SHA-256."""
    return hashlib.sha256(name.encode()).hexdigest()


def public_key(name: str) -> bytes:
    """Returns the account address of a name: the first 20 bytes of its SHA-256."""
    return hashlib.sha256(name.encode()).digest()[:20]


def spread(distances: Sequence[F64], fraction: float = VALID_FRACTION) -> Spread:
    """Returns the spread of valid rates over block hashes.

    Args:
        distances: of each block hash; the first sets the threshold.
        fraction: share of the first that is valid.
    """
    at = [_rates(distances, reference_B, fraction) for reference_B in distances]
    ranges = [100 * (max(rates) - min(rates)) for rates in at]
    return Spread(
        rates=at[0],
        points=ranges[0],
        largest=max(ranges),
        means=tuple(float(d_B.mean()) for d_B in distances),
        deviations=tuple(float(d_B.std()) for d_B in distances),
        tenths=tuple(float(np.quantile(d_B, VALID_FRACTION)) for d_B in distances),
    )


def _rates(distances: Sequence[F64], reference_B: F64, fraction: float) -> tuple[float, ...]:
    """Returns the valid rate of each block hash where the reference's is the fraction."""
    r_target = float(np.quantile(reference_B, fraction))
    return tuple(float(np.mean(d_B < r_target)) for d_B in distances)


def with_weights(model: nn.Module, weights: str, seed: int = 1) -> nn.Module:
    """Returns a copy of a model whose weights are of one of ``WEIGHTS``."""
    copy = deepcopy(model).eval()
    generator = torch.Generator().manual_seed(seed)
    if weights == "random":
        randomise(copy, generator)
    if weights == "random-embed":
        named = cast(Any, copy)
        # A tied head is the same matrix, drawn twice.
        for part in (named.get_input_embeddings(), named.get_output_embeddings()):
            randomise(part, generator)
    return copy


def measure(
    model: nn.Module, block: str, key: bytes, *, nonces: int, positions: int, batch: int = _BATCH
) -> dict[str, F64]:
    """Returns the distances of the first nonces of a host under every treatment.

    Args:
        block: block hash, 64 hexadecimal digits.
        key: account address of the host.
        positions: of the input of a nonce.
    """
    base, (device, dtype), width = decoder(model), placed(model), hidden_width(model)
    own_head = cast(nn.Module, cast(Any, model).get_output_embeddings())
    tail = Tail(block, width, device)
    target_V = generate_target(block, cast(Any, own_head).weight.shape[0], device, torch.float32)
    parts: dict[str, list[F64]] = {name: [] for name in TREATMENTS}

    def own(hidden_BD: Tensor, order_BV: Tensor | None = None) -> F64:
        logits_BV = cast(Tensor, own_head(hidden_BD))
        return compute_distances(logits_BV, order_BV, target_V).cpu().numpy()

    def unpermuted(hidden_BD: Tensor) -> F64:
        y_BV = tail.outputs(hidden_BD)
        return compute_distances(y_BV, None, tail.target_V).cpu().numpy()

    for first in range(0, nonces, batch):
        chosen = range(first, min(first + batch, nonces))
        with torch.inference_mode():
            x_BSD = generate_inputs(block, key.hex(), chosen, width, positions, device, dtype)
            plain_BD = last_hidden(base, x_BSD)
            with layer_hooks(decoder_layers(base), block, width, device):
                mirrored_BD = last_hidden(base, x_BSD)
            order_BV = generate_permutations(block, key.hex(), chosen, len(target_V), device)
            parts["all-three"].append(tail.distances(tail.outputs(mirrored_BD), key, chosen))
            parts["both"].append(unpermuted(mirrored_BD))
            parts["householder"].append(own(mirrored_BD))
            parts["random-head"].append(unpermuted(plain_BD))
            parts["end-normalisation"].append(own(normalise(plain_BD)))
            parts["permuted"].append(own(plain_BD, order_BV))
            parts["none"].append(own(plain_BD))
    return {name: np.concatenate(found) for name, found in parts.items()}


def spreads(
    model: nn.Module,
    *,
    nonces: int,
    positions: int,
    blocks: Sequence[str] = BLOCKS,
    nodes: Sequence[str] = NODES,
) -> Mapping[str, tuple[Spread, ...]]:
    """Returns, for each treatment, the spread over blocks of each node."""
    found: dict[str, list[Spread]] = {name: [] for name in TREATMENTS}
    for node in nodes:
        runs = [
            measure(model, block_hash(b), public_key(node), nonces=nonces, positions=positions)
            for b in blocks
        ]
        for name in TREATMENTS:
            found[name].append(spread([run[name] for run in runs]))
    return {name: tuple(rows) for name, rows in found.items()}
