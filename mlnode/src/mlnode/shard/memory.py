"""How much memory the proof takes, and how large a batch fits (docs/spec/poc.md, "Memory")."""

from mlnode.poc.params import PocParams
from mlnode.poc.tensors import weight_bytes

GOOD_ROWS = 32_768
"""Rows of a product that keep a large device busy: 256 tiles of 128 rows; more gains little."""

USABLE = 0.9
"""Share of the free memory that a batch may take; the rest is for what libraries allocate."""


def activation_bytes(params: PocParams) -> int:
    """Returns the bytes that one more nonce of a batch takes at the widest point of a layer.

    A position holds x, the input of the batch that follows and, at once, either q, k, v and the
    attention's output, or the gated product and the output of down; all int8. Sums stay in
    registers. An output of the head in int32 and its copy for the host come once a nonce.
    """
    attention = 2 * params.dim + params.qkv_dim + 2 * params.dim
    feed_forward = 3 * params.dim + params.ffn_dim + params.dim
    return params.seq_len * max(attention, feed_forward) + 8 * params.vocab_size


def get_batch_size_from_memory(
    params: PocParams, free_bytes: int, *, usable: float = USABLE, in_flight: int = 2
) -> int:
    """Returns the nonces of a batch that fit beside the weights, 0 where not one does.

    Args:
        free_bytes: free on the group's bottleneck device once its weights stand.
        usable: share of it to use.
        in_flight: micro-batches that a stage holds at once: one computed, one handed over.
    """
    return int(free_bytes * usable) // (activation_bytes(params) * in_flight)


def good_batch(params: PocParams) -> int:
    """Returns the nonces of a batch that reaches nine tenths of the peak rate, 1 or more."""
    return max(1, GOOD_ROWS // params.seq_len)


def get_min_group_vram(params: PocParams) -> int:
    """Returns the bytes that a group needs in all: weights, and a batch that is worth it.

    Where even that batch would take more than a tenth of the weights, a smaller one will do:
    products of wide networks keep a device busy with fewer rows.
    """
    weights = weight_bytes(params)
    batch = good_batch(params) * activation_bytes(params)
    return int((weights + min(batch, max(weights // 10, activation_bytes(params)))) / USABLE)
