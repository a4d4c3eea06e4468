"""A hash of the weights that is made where they lie, at the speed of the device's memory.

Σ word_i·m_i mod 2⁶⁴ over the 64-bit words of a tensor, with odd m_i: a flipped bit adds
±2ᵇ·m_i, which is never 0. It guards against hardware, not against an enemy.
"""

import hashlib
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from mlnode.poc.arrays import I8

_WORDS = 1 << 22
# An odd constant without structure: 2⁶⁴ over the golden ratio, as a signed 64-bit number.
_STEP = 0x9E3779B97F4A7C15 - 2**64


def fingerprint(parts: Iterable[Mapping[str, Tensor]], target_V: I8) -> bytes:
    """Returns SHA-256 over names, shapes and sums; the same on every device and placement."""
    whole = hashlib.sha256()
    for part in parts:
        for name, weight_OI in part.items():
            whole.update(f"{name} {tuple(weight_OI.shape)} {_sum(weight_OI)}".encode())
    whole.update(target_V.data)
    return whole.digest()


def _sum(tensor: Tensor) -> int:
    bytes_N = tensor.view(-1)
    whole = len(bytes_N) // 8 * 8
    tail = torch.zeros(8, dtype=torch.int8, device=tensor.device)
    tail[: len(bytes_N) - whole] = bytes_N[whole:]
    total = int(tail.view(torch.int64))
    words_N = bytes_N[:whole].view(torch.int64)
    for first in range(0, len(words_N), _WORDS):
        part_N = words_N[first : first + _WORDS]
        place_N = torch.arange(first + 1, first + 1 + len(part_N), device=tensor.device)
        # int64 wraps, on every device.
        total += int((part_N * (2 * place_N * _STEP + 1)).sum())
    return total % 2**64
