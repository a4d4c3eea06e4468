"""The proof network with a shortcut in it: what a prover would compute to save work.

Everything is done in floating point, wide enough that the plain network comes out bit for bit:
a shortcut's effect is the shortcut's and not this program's.

Axes: B nonces, S positions, D width, F FFN width, C kv heads, G query heads of a kv head,
E width of a head, V outputs, X any, O and I rows and columns of a weight.
"""

# PyTorch's own types are unknown in places.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from mlnode.poc.arrays import I8, I32
from mlnode.poc.engines.products import EXACT_DEPTH
from mlnode.poc.exact8 import PRODUCT_SHIFT, shift
from mlnode.poc.params import PocParams

# Nonces at a time: what a layer makes of them stays in the last-level cache.
_CHUNK = 64


def wrap(values: Tensor) -> Tensor:
    """Returns the low byte of ⌊values⌋ as two's complement, still floating point."""
    return values.floor().to(torch.int32).to(torch.int8).to(values.dtype)


def _keep(values: Tensor) -> Tensor:
    return values


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortcut:
    """What is done otherwise than the definition says.

    Attributes:
        name: what a table calls it.
        weights: applied to each weight once, [O, I].
        operand: applied to what enters each product with a weight.
        wrap_scores: whether P is wrapped; without, attention is linear in q, k and v and the
            sums over positions can be shared by all queries.
        attend: whether there is attention at all.
        last_only: only the last position is computed; it attends to itself.
        skipped: layers that are left out.
    """

    name: str
    weights: Callable[[Tensor], Tensor] = _keep
    operand: Callable[[Tensor], Tensor] = _keep
    wrap_scores: bool = True
    attend: bool = True
    last_only: bool = False
    skipped: frozenset[int] = frozenset()


PLAIN = Shortcut(name="nothing left out")


class ShortcutNetwork:
    """A network whose every product a shortcut has gone through."""

    def __init__(self, params: PocParams, weights: Mapping[str, I8], shortcut: Shortcut) -> None:
        self._params = params
        self._shortcut = shortcut
        # Sums over more than 1,024 terms are beyond what fp32 holds exactly.
        deepest = max(params.dim, params.ffn_dim)
        self._dtype = torch.float32 if deepest <= EXACT_DEPTH else torch.float64
        self._weights = {
            name: shortcut.weights(torch.as_tensor(weight_OI).to(self._dtype))
            for name, weight_OI in weights.items()
        }

    def outputs(self, x_BSD: I8) -> I32:
        """Returns the raw output of each input, int32 [B, V]."""
        chunks = torch.as_tensor(x_BSD).split(_CHUNK)
        y_XBV = [self._product(self.trunk(chunk)[:, -1], "head") for chunk in chunks]
        return torch.cat(y_XBV).floor().to(torch.int32).numpy()

    def trunk(self, x_BSD: Tensor) -> Tensor:
        """Returns all positions after all layers, [B, S, D]."""
        h_BSD = x_BSD.to(self._dtype)
        if self._shortcut.last_only:
            h_BSD = h_BSD[:, -1:]
        for index in range(self._params.n_layers):
            if index not in self._shortcut.skipped:
                h_BSD = self.layer(h_BSD, index)
        return h_BSD

    def layer(self, x_BSD: Tensor, index: int) -> Tensor:
        """Returns all positions after one layer, [B, S, D]."""
        name, params = f"layers.{index}", self._params
        if self._shortcut.attend:
            kv = params.kv_dim
            qkv_BSO = self._linear(x_BSD, f"{name}.qkv")
            q_BSD, k_BSO, v_BSO = qkv_BSO.split((params.dim, kv, kv), dim=2)
            o_BSD = self._attention(q_BSD, k_BSO, v_BSO)
            x_BSD = wrap(x_BSD + self._linear(o_BSD, f"{name}.o"))
        gate_BSF, up_BSF = self._linear(x_BSD, f"{name}.gate_up").chunk(2, dim=2)
        a_BSF = wrap(gate_BSF * up_BSF / 2**PRODUCT_SHIFT)
        return wrap(x_BSD + self._linear(a_BSF, f"{name}.down"))

    def _attention(self, q_BSD: Tensor, k_BSO: Tensor, v_BSO: Tensor) -> Tensor:
        size, positions = q_BSD.shape[:2]
        heads, width = self._params.n_kv_heads, self._params.head_dim
        q_BCGSE = q_BSD.view(size, positions, heads, -1, width).permute(0, 2, 3, 1, 4)
        k_BC1ES = k_BSO.view(size, positions, heads, width).permute(0, 2, 3, 1)[:, :, None]
        v_BC1SE = v_BSO.view(size, positions, heads, width).transpose(1, 2)[:, :, None]
        p_BCGSS = (q_BCGSE @ k_BC1ES / 2 ** shift(width)).floor()
        if self._shortcut.wrap_scores:
            p_BCGSS = wrap(p_BCGSS)
        o_BCGSE = wrap(p_BCGSS.tril() @ v_BC1SE / 2**PRODUCT_SHIFT)
        return o_BCGSE.permute(0, 3, 1, 2, 4).reshape(size, positions, -1)

    def _linear(self, x_BSI: Tensor, name: str) -> Tensor:
        return wrap(self._product(x_BSI, name) / 2 ** shift(x_BSI.shape[-1]))

    def _product(self, x_XI: Tensor, name: str) -> Tensor:
        return self._shortcut.operand(x_XI) @ self._weights[name].T


def low_bits(bits: int) -> Callable[[Tensor], Tensor]:
    """Keeps the low bits of a byte, as two's complement of that many bits."""
    half = 2 ** (bits - 1)
    return lambda values: (values + half) % (2 * half) - half


def high_bits(bits: int) -> Callable[[Tensor], Tensor]:
    """Keeps the high bits of a byte, and puts the middle in the place of the rest."""
    step = 2 ** (8 - bits)
    return lambda values: (values / step).floor() * step + (step - 1) / 2


def without_singular_values(share: float) -> Callable[[Tensor], Tensor]:
    """Drops the smallest singular values of a weight, this share of them and at least one."""

    def cut(weight_OI: Tensor) -> Tensor:
        u_OR, s_R, v_RI = torch.linalg.svd(weight_OI, full_matrices=False)
        keep = min(len(s_R) - 1, round(len(s_R) * (1 - share)))
        return (u_OR[:, :keep] * s_R[:keep]) @ v_RI[:keep]

    return cut


def without_smallest(share: float) -> Callable[[Tensor], Tensor]:
    """Drops the smallest weights, this share of them, as a sparse copy would."""

    def cut(weight_OI: Tensor) -> Tensor:
        limit = torch.kthvalue(weight_OI.abs().flatten(), round(weight_OI.numel() * share)).values
        return weight_OI * (weight_OI.abs() > limit)

    return cut


SHORTCUTS = (
    Shortcut(name="only the last position", last_only=True),
    Shortcut(name="no attention", attend=False),
    Shortcut(name="P not wrapped (linear attention)", wrap_scores=False),
    Shortcut(name="first layer skipped", skipped=frozenset({0})),
    Shortcut(name="activations of 7 low bits", operand=low_bits(7)),
    Shortcut(name="activations of 7 high bits", operand=high_bits(7)),
    Shortcut(name="activations of 4 high bits", operand=high_bits(4)),
    Shortcut(name="weights of 7 low bits", weights=low_bits(7)),
    Shortcut(name="weights of 7 high bits", weights=high_bits(7)),
    Shortcut(name="weights of rank 0.5·D", weights=without_singular_values(0.5)),
    Shortcut(name="weights of rank 0.9·D", weights=without_singular_values(0.1)),
    Shortcut(name="weights of rank D − 1", weights=without_singular_values(0)),
    Shortcut(name="smallest 5 % of weights dropped", weights=without_smallest(0.05)),
)
"""What a prover may try that needs no knowledge of the nonce; docs/spec/poc.md, "Attacks"."""
