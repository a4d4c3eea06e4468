"""What a CPU engine does besides products, compiled: random bytes, and sums to bytes in one pass.

Numba compiles each function at its first call and keeps the code beside this file, or in the
user's cache where the package cannot be written to. Where neither takes files, or the disk is
full, every process compiles for itself, which takes it seconds.

Axes: X rows to be filled, N bytes of one, W the four words of a seed or a block, K blocks of a
run; R rows and O columns of a product, T columns of a tile; Z = B·kv heads, G queries of a kv
head and S positions.
"""

# Numba has no types; every function here is called through the typed ones below it.
# pyright: reportUnknownMemberType=false, reportUntypedFunctionDecorator=false
# pyright: reportMissingTypeStubs=false

import logging
import pickle
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numba import types
from numba.core.caching import FunctionCache
from numba.extending import intrinsic
from typing_extensions import override

from mlnode.poc.arrays import F32, I8, I32, U8, U32, U64

F = TypeVar("F", bound=Callable[..., Any])
_log = logging.getLogger("mlnode.compiled")
_NO_CODE = (OSError, EOFError, pickle.UnpicklingError)

# Four words of as many blocks lie in 8 KiB: a quarter of a first-level cache.
_BLOCKS = 512
_BLOCK_BYTES = 16
_MULTIPLIER_0, _MULTIPLIER_1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL_0, _WEYL_1 = np.uint32(0x9E3779B9), np.uint32(0xBB67AE85)
_HALF = np.uint64(32)


class _Kept(FunctionCache):
    """Compiled code on disk; one that cannot be written or read is no reason not to compute."""

    @override
    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return cast(Any, super()).load_overload(sig, target_context)
        except _NO_CODE as err:
            _log.warning("compiled code is not read: %r", err)
            with suppress(OSError):
                # What is damaged is made anew.
                self.flush()
            return None

    @override
    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except _NO_CODE as err:
            _log.warning("compiled code is not kept: %r", err)


def _compiled(function: F) -> F:
    """Compiles without the interpreter's lock; keeps the code where there is a place for it."""
    made = cast(Callable[..., Callable[[F], Any]], numba.njit)(nogil=True)(function)
    # A RuntimeError says that neither the package's folder nor the user's takes files.
    with suppress(RuntimeError):
        # As ``cache=True`` does it.
        made._cache = _Kept(function)
    return made


@_compiled
def _philox(number: Any, seed_W: U32, words_WK: U32) -> None:
    """Sets column k to block number + k of a stream; a word a row, so that columns are lanes."""
    count = words_WK.shape[1]
    for k in range(count):
        block = number + np.uint64(k)
        words_WK[0, k] = np.uint32(block)
        words_WK[1, k] = np.uint32(block >> _HALF)
        words_WK[2, k] = seed_W[2]
        words_WK[3, k] = seed_W[3]
    key0, key1 = seed_W[0], seed_W[1]
    for _ in range(10):
        for k in range(count):
            product0 = np.uint64(words_WK[0, k]) * _MULTIPLIER_0
            product1 = np.uint64(words_WK[2, k]) * _MULTIPLIER_1
            one, three = words_WK[1, k], words_WK[3, k]
            words_WK[0, k] = np.uint32(product1 >> _HALF) ^ one ^ key0
            words_WK[1, k] = np.uint32(product1)
            words_WK[2, k] = np.uint32(product0 >> _HALF) ^ three ^ key1
            words_WK[3, k] = np.uint32(product0)
        key0 = np.uint32(key0 + _WEYL_0)
        key1 = np.uint32(key1 + _WEYL_1)


@_compiled
def _fill(seed_XW: U32, first_X: U64, out_XN: U8, weights: bool) -> None:
    words_WK = np.empty((4, _BLOCKS), np.uint32)
    run_KW = np.empty((_BLOCKS, 4), np.uint32)
    run_N = run_KW.view(np.uint8).reshape(-1)
    for x in range(out_XN.shape[0]):
        number = first_X[x] // np.uint64(_BLOCK_BYTES)
        skip = np.int64(first_X[x] % np.uint64(_BLOCK_BYTES))
        done, width = 0, out_XN.shape[1]
        while done < width:
            _philox(number, seed_XW[x], words_WK)
            for k in range(_BLOCKS):
                for word in range(4):
                    run_KW[k, word] = words_WK[word, k]
            size = min(width - done, _BLOCKS * _BLOCK_BYTES - skip)
            for n in range(size):
                byte = run_N[skip + n]
                out_XN[x, done + n] = 0 if weights and byte == 0x80 else byte
            number += np.uint64(_BLOCKS)
            done += size
            skip = 0


def _lower_w8(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
    shifted = builder.ashr(arguments[0], arguments[1])
    return builder.trunc(shifted, context.get_value_type(types.int8))


def _type_w8(_context: Any, value: Any, bits: Any) -> Any:
    del value, bits  # Numba gives them their types by name
    return types.int8(types.int32, types.int32), _lower_w8


# w8(value >> bits) of an int32, in lanes of 32 bits. Numba widens every operation on integers
# to 64, and the compiler cannot narrow a shift by a number that it does not know.
_w8 = cast(Callable[[np.int32, np.int32], np.int8], intrinsic(_type_w8))


@_compiled
def _narrow(sums_RT: Any, bits: int, first: int, out_RO: I8) -> None:
    rows, cols = sums_RT.shape
    shift = np.int32(bits)
    for r in range(rows):
        out_T = out_RO[r, first : first + cols]
        for t in range(cols):
            out_T[t] = _w8(np.int32(sums_RT[r, t]), shift)


@_compiled
def _gate(gate_RT: Any, up_RT: Any, bits: int, product_bits: int, first: int, out_RO: I8) -> None:
    rows, cols = gate_RT.shape
    shift, product_shift = np.int32(bits), np.int32(product_bits)
    for r in range(rows):
        out_T = out_RO[r, first : first + cols]
        for t in range(cols):
            gate = np.int32(_w8(np.int32(gate_RT[r, t]), shift))
            up = np.int32(_w8(np.int32(up_RT[r, t]), shift))
            out_T[t] = _w8(np.int32(gate * up), product_shift)


@_compiled
def _wrap_seen(p_ZGS: F32, bits: int, queries: int) -> None:
    positions = p_ZGS.shape[2]
    shift = np.int32(bits)
    for z in range(p_ZGS.shape[0]):
        for g in range(p_ZGS.shape[1]):
            seen = g % queries + positions - queries + 1
            p_S = p_ZGS[z, g]
            # A choice for every position, where two loops would be too short for vectors.
            for s in range(positions):
                score = np.float32(_w8(np.int32(p_S[s]), shift))
                p_S[s] = score if s < seen else np.float32(0.0)


@_compiled
def _add(part_RT: F32, sums_RT: I32) -> None:
    for r in range(part_RT.shape[0]):
        for t in range(part_RT.shape[1]):
            sums_RT[r, t] += np.int32(part_RT[r, t])


def fill(seed_XW: U32, first_X: U64, out_XN: U8, *, weights: bool = False) -> None:
    """As ``streams.fill``; ``out_XN`` is C-contiguous."""
    seeds = np.ascontiguousarray(np.broadcast_to(seed_XW, (len(out_XN), 4)), np.uint32)
    _fill(seeds, np.ascontiguousarray(first_X, np.uint64), out_XN, weights)


def narrow(sums_RT: I32 | F32, bits: int, first: int, out_RO: I8) -> None:
    """Sets T columns of ``out_RO``, from ``first`` on, to w8(sums >> bits).

    Args:
        sums_RT: int32, or fp32 that holds integers below 2²⁴.
    """
    _narrow(sums_RT, bits, first, out_RO)


def gate(
    gate_RT: I32 | F32, up_RT: I32 | F32, bits: int, product_bits: int, first: int, out_RO: I8
) -> None:
    """Sets T columns to w8((w8(gate >> bits)·w8(up >> bits)) >> product_bits)."""
    _gate(gate_RT, up_RT, bits, product_bits, first, out_RO)


def wrap_seen(p_ZGS: F32, bits: int, queries: int) -> None:
    """Replaces scores by w8(score >> bits), and by 0 where a query does not see the position.

    Args:
        p_ZGS: integers below 2²⁴ in fp32, as the next product wants them.
        queries: the last positions, which ask; G is a multiple, query by query.
    """
    _wrap_seen(p_ZGS, bits, queries)


def add(part_RT: F32, sums_RT: I32) -> None:
    """Adds integers in fp32 to int32 sums."""
    _add(part_RT, sums_RT)
