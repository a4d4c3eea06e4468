"""How much work a nonce is, and how large a network fits where."""

from dataclasses import dataclass

from mlnode.poc.params import MODEL_PARAMS, MODEL_PARAMS_BIG, MODEL_PARAMS_TEST, PocParams
from mlnode.poc.tensors import weight_bytes
from mlnode.shard.memory import activation_bytes, get_batch_size_from_memory

PARAMS = {"MAIN": MODEL_PARAMS, "BIG": MODEL_PARAMS_BIG, "TEST": MODEL_PARAMS_TEST}
"""The published sets by the names that the command line takes."""


def operations(params: PocParams) -> int:
    """Returns the multiplications and additions of a nonce, leaving out what no engine does.

    Of the last layer only K and V of all positions enter the result. Attention is counted
    over the positions that a query sees.
    """
    dim, kv, ffn, positions = params.dim, params.kv_dim, params.ffn_dim, params.seq_len
    rest = 2 * dim * dim + 3 * dim * ffn
    layer = positions * (2 * dim * kv + rest) + positions * (positions + 1) * dim
    last = positions * 2 * dim * kv + rest + 2 * positions * dim
    return 2 * ((params.n_layers - 1) * layer + last + dim * params.vocab_size)


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
