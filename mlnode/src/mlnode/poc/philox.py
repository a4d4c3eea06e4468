"""Philox4x32-10 in NumPy.

Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC'11.
A counter-based generator: block i of a stream is a function of i alone, so that any part of
any tensor can be made anywhere and in any order.

Axes: X any leading axes, W the four words of a counter or a block, Y the two words of a key.
"""

import numpy as np

from mlnode.poc.arrays import U32, U64

_MULTIPLIER_0 = np.uint64(0xD2511F53)
_MULTIPLIER_1 = np.uint64(0xCD9E8D57)
_WEYL_0 = np.uint64(0x9E3779B9)
_WEYL_1 = np.uint64(0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_ROUNDS = 10


def philox4x32_10(counter_XW: U32, key_XY: U32) -> U32:
    """Returns the block of each counter, uint32 shaped like ``counter_XW``.

    Args:
        counter_XW: uint32, last axis 4, least significant word first.
        key_XY: uint32, last axis 2, broadcast over the leading axes.
    """
    words_WX = np.moveaxis(counter_XW, -1, 0).astype(np.uint64)
    key_YX = np.moveaxis(key_XY, -1, 0).astype(np.uint64)
    permute(words_WX, key_YX[0], key_YX[1])
    return np.moveaxis(words_WX, 0, -1).astype(np.uint32)


def permute(words_WX: U64, key0_X: U64, key1_X: U64) -> None:
    """Replaces counters by their blocks, in place.

    The words are 32-bit values held in uint64, which is where NumPy has the full product of
    two of them. Everything is done in place, because on tiles that stay in cache that is
    twenty times faster than expressions that allocate.

    Args:
        words_WX: uint64 [4, X]; the counter on entry, the block on return.
        key0_X, key1_X: uint64, broadcast against X; not changed.
    """
    # With an Ellipsis a single word stays an array that can be written to.
    c0, c1, c2, c3 = (words_WX[word, ...] for word in range(4))
    product0, product1 = np.empty_like(c0), np.empty_like(c0)
    for _ in range(_ROUNDS):
        np.multiply(c0, _MULTIPLIER_0, out=product0)
        np.multiply(c2, _MULTIPLIER_1, out=product1)
        np.right_shift(product1, _HALF, out=c0)
        np.bitwise_xor(c0, c1, out=c0)
        np.bitwise_xor(c0, key0_X, out=c0)
        np.bitwise_and(product1, _LOW, out=c1)
        np.right_shift(product0, _HALF, out=c2)
        np.bitwise_xor(c2, c3, out=c2)
        np.bitwise_xor(c2, key1_X, out=c2)
        np.bitwise_and(product0, _LOW, out=c3)
        key0_X = (key0_X + _WEYL_0) & _LOW
        key1_X = (key1_X + _WEYL_1) & _LOW
