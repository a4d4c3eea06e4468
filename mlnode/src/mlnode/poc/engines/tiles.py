"""The forward pass in PyTorch on a CPU, in tiles whose int32 sums never leave the cache.

A product's sums are four times the size of what is kept of them. Columns are therefore done
in tiles: multiply, shift, keep the low byte, go on.

Axes: B nonces of a tile, S positions, R rows = positions of all nonces, D width, F FFN width,
V outputs, O and I rows and columns of a weight, N columns of a tile, C kv heads, G query heads
of a kv head, E width of a head, Q positions whose output is wanted (the last of S), Z = B·C.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from mlnode.poc.arrays import I8, I32, I64
from mlnode.poc.exact8 import PRODUCT_SHIFT, shift
from mlnode.poc.params import PocParams

Product = Callable[[Tensor, Tensor, Tensor], None]
"""(x int8 [R, I], w int8 [O, I], out int32 [R, O]): sets out to x·wᵀ, exactly."""

# Rows of a tile: enough to hide the overhead of a call (256 rows: 7,400 nonces/s, 1,024: 10,300).
_TILE_ROWS = 1_024
# int32 sums of a tile: 512 KiB, half of a usual second-level cache.
_TILE_SUMS = 131_072


class TiledKernel:
    """See ``exact.Kernel``. Engines differ in how they multiply, and in nothing else."""

    def __init__(self, product: Product) -> None:
        self._product = product
        self._params: PocParams | None = None
        self._weights: dict[str, Tensor] = {}

    def load(self, params: PocParams, weights: Mapping[str, I8]) -> None:
        self._params = params
        self._weights = {name: torch.as_tensor(array) for name, array in weights.items()}

    def unload(self) -> None:
        self._params, self._weights = None, {}

    def outputs(self, x_BSD: I8) -> I32:
        if self._params is None:
            raise RuntimeError("no weights are loaded")
        params, size = self._params, len(x_BSD)
        last_BD = torch.empty(size, params.dim, dtype=torch.int8)
        step = max(1, _TILE_ROWS // params.seq_len)
        for first in range(0, size, step):
            x_tile = torch.as_tensor(x_BSD[first : first + step])
            last_BD[first : first + step] = self._trunk(x_tile, params)
        y_BV = torch.empty(size, params.vocab_size, dtype=torch.int32)
        self._product(last_BD, self._weights["head"], y_BV)
        return y_BV.numpy()

    def dot(self, x_RK: I8, w_NK: I8) -> I64:
        out_RN = torch.empty(len(x_RK), len(w_NK), dtype=torch.int32)
        self._product(torch.as_tensor(x_RK), torch.as_tensor(w_NK), out_RN)
        return out_RN.to(torch.int64).numpy()

    def _trunk(self, x_BSD: Tensor, params: PocParams) -> Tensor:
        """Returns the last position after the last layer, int8 [B, D]."""
        for index in range(params.n_layers - 1):
            x_BSD = self._layer(x_BSD, index, params, last=params.seq_len)
        return self._layer(x_BSD, params.n_layers - 1, params, last=1)[:, 0]

    def _layer(self, x_BSD: Tensor, index: int, params: PocParams, *, last: int) -> Tensor:
        name, dim, kv = f"layers.{index}", params.dim, params.kv_dim
        qkv_OI = self._weights[f"{name}.qkv"]
        if last == params.seq_len:
            x_BQD, qkv_BSO = x_BSD, self._linear(x_BSD, qkv_OI)
            q_BQD, kv_BSO = qkv_BSO[..., :dim], qkv_BSO[..., dim:]
        else:
            x_BQD = x_BSD[:, -last:].contiguous()
            q_BQD = self._linear(x_BQD, qkv_OI[:dim])
            kv_BSO = self._linear(x_BSD, qkv_OI[dim:])
        o_BQD = attention(q_BQD, kv_BSO[..., :kv], kv_BSO[..., kv:], params)
        # int8 addition wraps, which is what the definition asks for.
        x_BQD = x_BQD + self._linear(o_BQD, self._weights[f"{name}.o"])
        a_BQF = self._gated(x_BQD, self._weights[f"{name}.gate_up"])
        return x_BQD + self._linear(a_BQF, self._weights[f"{name}.down"])

    def _linear(self, x_BSI: Tensor, w_OI: Tensor) -> Tensor:
        """Returns w8((x·wᵀ) >> s(I)), int8 [B, S, O]."""
        x_RI = x_BSI.reshape(-1, w_OI.shape[1])
        out_RO = torch.empty(len(x_RI), len(w_OI), dtype=torch.int8)
        for cols in _column_tiles(len(x_RI), len(w_OI)):
            out_RO[:, cols] = self._shifted(x_RI, w_OI[cols])
        return out_RO.view(*x_BSI.shape[:-1], -1)

    def _gated(self, x_BSD: Tensor, gate_up_OI: Tensor) -> Tensor:
        """Returns w8((gate·up) >> 5), int8 [B, S, F], from gate and up made side by side."""
        x_RD = x_BSD.reshape(-1, gate_up_OI.shape[1])
        gate_FD, up_FD = gate_up_OI.chunk(2)
        out_RF = torch.empty(len(x_RD), len(gate_FD), dtype=torch.int8)
        for cols in _column_tiles(len(x_RD), len(gate_FD)):
            gate_RN = self._shifted(x_RD, gate_FD[cols]).to(torch.int8).to(torch.int16)
            up_RN = self._shifted(x_RD, up_FD[cols]).to(torch.int8)
            out_RF[:, cols] = gate_RN.mul_(up_RN).bitwise_right_shift_(PRODUCT_SHIFT)
        return out_RF.view(*x_BSD.shape[:-1], -1)

    def _shifted(self, x_RI: Tensor, w_NI: Tensor) -> Tensor:
        """Returns (x·wᵀ) >> s(I), int32 [R, N]."""
        sums_RN = torch.empty(len(x_RI), len(w_NI), dtype=torch.int32)
        self._product(x_RI, w_NI, sums_RN)
        return sums_RN.bitwise_right_shift_(shift(x_RI.shape[1]))


def attention(q_BQD: Tensor, k_BSC: Tensor, v_BSC: Tensor, params: PocParams) -> Tensor:
    """Returns the attention of the last Q positions, int8 [B, Q, D].

    In fp32: a sum has at most 1,024 terms of at most 2¹⁴, so that every partial sum is an
    integer of at most 2²⁴, which fp32 holds exactly in whatever order it is added up.
    """
    size, queries = q_BQD.shape[:2]
    positions, kv, width = k_BSC.shape[1], params.n_kv_heads, params.head_dim
    q_ZGE = (
        q_BQD.view(size, queries, kv, -1, width)
        .permute(0, 2, 3, 1, 4)
        .to(torch.float32)
        .reshape(size * kv, -1, width)
    )
    k_ZSE = _by_head(k_BSC, kv)
    v_ZSE = _by_head(v_BSC, kv)
    p_ZGS = _low_byte(torch.bmm(q_ZGE, k_ZSE.transpose(1, 2)), shift(width))
    if queries > 1:
        seen_QS = torch.ones(queries, positions, dtype=torch.int8).tril_(positions - queries)
        p_ZGS.view(-1, queries, positions).mul_(seen_QS)
    o_ZGE = _low_byte(torch.bmm(p_ZGS.to(torch.float32), v_ZSE), PRODUCT_SHIFT)
    return o_ZGE.view(size, -1, queries, width).permute(0, 2, 1, 3).reshape(size, queries, -1)


def _by_head(x_BSC: Tensor, heads: int) -> Tensor:
    size, positions = x_BSC.shape[:2]
    x_BSCE = x_BSC.view(size, positions, heads, -1)
    return x_BSCE.transpose(1, 2).to(torch.float32).reshape(size * heads, positions, -1)


def _low_byte(sums: Tensor, bits: int) -> Tensor:
    """Returns w8(sums >> bits), int8, of whole numbers held in fp32."""
    return sums.to(torch.int32).bitwise_right_shift_(bits).to(torch.int8)


def _column_tiles(rows: int, cols: int) -> list[slice]:
    width = max(64, _TILE_SUMS // rows // 64 * 64)
    return [slice(first, first + width) for first in range(0, cols, width)]
