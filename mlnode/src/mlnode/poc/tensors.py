"""The tensors of a round: which there are, and the streams they are drawn from.

Axes: B nonces, S positions, D width, V outputs; O and I rows and columns of a weight.
"""

import numpy as np

from mlnode.poc.arrays import I8, U32, U64
from mlnode.poc.decision import Target, new_target
from mlnode.poc.params import PocParams
from mlnode.poc.rounds import Round
from mlnode.poc.streams import act, stream, streams, wgt


def weight_shapes(params: PocParams) -> dict[str, tuple[int, int]]:
    """Returns [out, in] of every weight by name, in the order in which they are generated."""
    dim, ffn = params.dim, params.ffn_dim
    shapes: dict[str, tuple[int, int]] = {}
    for index in range(params.n_layers):
        shapes[f"layers.{index}.qkv"] = (params.qkv_dim, dim)
        shapes[f"layers.{index}.o"] = (dim, dim)
        shapes[f"layers.{index}.gate_up"] = (2 * ffn, dim)
        shapes[f"layers.{index}.down"] = (dim, ffn)
    shapes["head"] = (params.vocab_size, dim)
    return shapes


def weight_bytes(params: PocParams) -> int:
    """Returns the bytes of all weights at one byte each."""
    return sum(rows * cols for rows, cols in weight_shapes(params).values())


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


def weight_seed(round_: Round, name: str) -> U32:
    """Returns the seed of a weight, uint32 [4]; the same for every host of the round."""
    return stream(round_.poc_version, b"weights", round_.challenge, name.encode("ascii"))


def weight(round_: Round, name: str, rows: range | None = None, cols: range | None = None) -> I8:
    """Returns a weight, or the part of it that a shard needs, int8 [O, I]."""
    height, width = weight_shapes(round_.params)[name]
    return wgt(weight_seed(round_, name), width, range(height) if rows is None else rows, cols)


def inputs(round_: Round, public_key: bytes, nonces_B: U64) -> I8:
    """Returns the network's input for each nonce of a host, int8 [B, S, D]."""
    seed_BW = input_seeds(round_, public_key, nonces_B)
    positions, dim = round_.params.seq_len, round_.params.dim
    return act(seed_BW, positions * dim).reshape(len(nonces_B), positions, dim)


def input_seeds(round_: Round, public_key: bytes, nonces_B: U64) -> U32:
    """Returns the seed of each nonce's input, uint32 [B, 4]."""
    last = (int(nonce).to_bytes(8, "little") for nonce in nonces_B)
    return streams(round_.poc_version, b"input", round_.challenge, public_key, last=last)


def target(round_: Round) -> Target:
    """Returns the target of the round."""
    seed_W = stream(round_.poc_version, b"target", round_.challenge)
    values_V = wgt(seed_W, round_.params.vocab_size, range(1))[0]
    return new_target(np.ascontiguousarray(values_V))
