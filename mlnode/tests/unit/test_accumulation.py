"""What tensor cores do to sums, modelled: how many fraction bits exact integers need.

A tensor core does not round after each addition. It aligns the products of a group, and the
sum so far, to the largest exponent among them, cuts each off below a fixed number of fraction
bits, adds the rest as integers, and keeps the sum in as many bits. Source of the numbers:
fp32 accumulation keeps 23 bits or more; FP8 on Ada and Hopper keeps 13 of them, as users of
FP8 training have reported and as the errors it makes show.

Axes: R rows, N columns and K depth of a product, T terms of a group.
"""

import numpy as np
import pytest

from mlnode.poc.arrays import F64, I8, I64
from mlnode.poc.engines.products import EXACT_DEPTH


def cut(terms: F64, quantum: F64) -> F64:
    """Returns terms rounded towards zero to whole quanta."""
    return np.trunc(terms / quantum) * quantum


def tensor_core_dot(x_RK: I8, w_NK: I8, *, fraction_bits: int, group: int) -> F64:
    """Returns x·wᵀ as a tensor core adds it up, float64 [R, N]."""
    sums_RN = np.zeros((len(x_RK), len(w_NK)))
    for first in range(0, x_RK.shape[1], group):
        depth = slice(first, first + group)
        terms_RNT = x_RK[:, None, depth].astype(np.float64) * w_NK[None, :, depth]
        terms_RNT = np.concatenate([sums_RN[:, :, None], terms_RNT], axis=2)
        _, exponent_RN = np.frexp(np.abs(terms_RNT).max(axis=2))
        # frexp's mantissa lies in [½, 1): the leading bit has weight 2^(exponent − 1).
        quantum_RN = np.ldexp(1.0, exponent_RN - 1 - fraction_bits)
        sums_RN = cut(terms_RNT, quantum_RN[:, :, None]).sum(axis=2)
        _, exponent_RN = np.frexp(sums_RN)
        sums_RN = cut(sums_RN, np.ldexp(1.0, exponent_RN - 1 - fraction_bits))
    return sums_RN


def hardest(depth: int) -> tuple[I8, I8]:
    """Returns rows whose sums climb highest, creep in odd steps, or cancel late, int8 [R, K]."""
    k = np.arange(depth)
    low, high, half = np.full(depth, -128), np.full(depth, 127), k < depth // 2
    x_RK = [
        low,
        high,
        np.where(k == depth - 1, 1, -128),
        np.where(half, -128, 127),
        np.where(k % 2, -128, 127),
        np.where(half, -128, 1),
    ]
    w_NK = [
        -high,
        high,
        np.where(k == depth - 1, 1, -127),
        np.where(half, -127, 127),
        np.where(k % 2, -127, 127),
        np.where(half, -127, 1),
    ]
    return np.array(x_RK, np.int8), np.array(w_NK, np.int8)


def exact(x_RK: I8, w_NK: I8) -> I64:
    return x_RK.astype(np.int64) @ w_NK.astype(np.int64).T


@pytest.mark.parametrize("group", [4, 8, 16, 32])
@pytest.mark.parametrize("fraction_bits", [23, 24, 25])
def test_sums_of_a_chunk_are_exact_with_the_bits_of_fp32(fraction_bits: int, group: int) -> None:
    x_RK, w_NK = hardest(EXACT_DEPTH)
    came_RN = tensor_core_dot(x_RK, w_NK, fraction_bits=fraction_bits, group=group)
    assert np.array_equal(came_RN, exact(x_RK, w_NK))
    generator = np.random.default_rng(fraction_bits)
    x_RK = generator.integers(-128, 128, (16, EXACT_DEPTH), np.int8)
    w_NK = generator.integers(-127, 128, (16, EXACT_DEPTH), np.int8)
    came_RN = tensor_core_dot(x_RK, w_NK, fraction_bits=fraction_bits, group=group)
    assert np.array_equal(came_RN, exact(x_RK, w_NK))


@pytest.mark.parametrize("group", [4, 8, 16, 32])
def test_thirteen_fraction_bits_lose_what_the_proof_needs(group: int) -> None:
    x_RK, w_NK = hardest(EXACT_DEPTH)
    came_RN = tensor_core_dot(x_RK, w_NK, fraction_bits=13, group=group)
    assert not np.array_equal(came_RN, exact(x_RK, w_NK))
    generator = np.random.default_rng(13)
    x_RK = generator.integers(-128, 128, (16, EXACT_DEPTH), np.int8)
    w_NK = generator.integers(-127, 128, (16, EXACT_DEPTH), np.int8)
    came_RN = tensor_core_dot(x_RK, w_NK, fraction_bits=13, group=group)
    # Most ordinary sums come out wrong: they reach 2¹⁷ and more, where a quantum is 2⁴.
    assert np.mean(came_RN != exact(x_RK, w_NK)) > 0.9


def test_a_chunk_twice_as_deep_is_too_deep_for_23_bits() -> None:
    x_RK, w_NK = hardest(2 * EXACT_DEPTH)
    # The last term is odd, and the sum before it needs a 25th bit.
    came_RN = tensor_core_dot(x_RK, w_NK, fraction_bits=23, group=16)
    assert not np.array_equal(came_RN, exact(x_RK, w_NK))
    assert came_RN[2, 2] != exact(x_RK, w_NK)[2, 2]
