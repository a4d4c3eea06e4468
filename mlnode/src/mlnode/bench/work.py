"""How much work a nonce is, and how large a network fits where."""

from dataclasses import dataclass

from mlnode.poc.params import MODEL_PARAMS, MODEL_PARAMS_BIG, MODEL_PARAMS_TEST, PocParams
from mlnode.poc.tensors import weight_bytes
from mlnode.shard.memory import activation_bytes, get_batch_size_from_memory

PARAMS = {"MAIN": MODEL_PARAMS, "BIG": MODEL_PARAMS_BIG, "TEST": MODEL_PARAMS_TEST}
"""The published sets by the names that the command line takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """How a network fits into a memory.

    Attributes:
        weights, activations: bytes of the weights, and of one nonce of a batch.
        batch: nonces that fit; 0 where not one does.
    """

    weights: int
    activations: int
    batch: int


def fit(params: PocParams, vram: int) -> Fit:
    """Returns how a network fits into so many bytes on one device."""
    weights = weight_bytes(params)
    batch = get_batch_size_from_memory(params, max(0, vram - weights), in_flight=1)
    return Fit(weights=weights, activations=activation_bytes(params), batch=batch)
