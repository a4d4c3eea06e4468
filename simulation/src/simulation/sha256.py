"""SHA-256 of many messages that differ in the counter at their end (FIPS 180-4).

`hashlib` takes one message a call, and calls are most of what it costs; this takes sixteen at
once, in the lanes of a vector.
"""

from math import isqrt
from typing import Any

import numpy as np

from simulation.compiler import Kernel, part

_LANES = 16
_U32, _U64 = np.uint32, np.uint64
_MASK = 2**32 - 1


def _cube_root(n: int) -> int:
    """⌊∛n⌋."""
    root = round(n ** (1 / 3))
    while root**3 > n:
        root -= 1
    while (root + 1) ** 3 <= n:
        root += 1
    return root


# The first 32 bits of the fractions of square and cube roots of the first primes.
_PRIMES = [n for n in range(2, 312) if all(n % d for d in range(2, isqrt(n) + 1))]
_START = np.array([isqrt(p << 64) & _MASK for p in _PRIMES[:8]], np.uint32)
_ROUNDS = np.array([_cube_root(p << 96) & _MASK for p in _PRIMES], np.uint32)


# Sums of 32-bit numbers are of 64 bits to the compiler: every result is cut back.
@part
def _turned(x: Any, bits: Any) -> Any:
    return _U32(_U32(x >> _U32(bits)) | _U32(x << _U32(32 - bits)))


@part
def _compress(state: Any, message: Any, left: Any, right: Any) -> None:
    """Mix one block of each lane, message[:16], into state (8, L).

    In the chain of eight registers only a and e are new in a round: left and right keep them.
    """
    for t in range(16, 64):
        for lane in range(_LANES):
            x, y = message[t - 15, lane], message[t - 2, lane]
            first = _U32(_turned(x, 7) ^ _turned(x, 18) ^ _U32(x >> _U32(3)))
            second = _U32(_turned(y, 17) ^ _turned(y, 19) ^ _U32(y >> _U32(10)))
            message[t, lane] = _U32(message[t - 16, lane] + message[t - 7, lane] + first + second)
    for at in range(4):
        for lane in range(_LANES):
            left[3 - at, lane] = state[at, lane]
            right[3 - at, lane] = state[4 + at, lane]
    for t in range(64):
        constant = _ROUNDS[t]
        for lane in range(_LANES):
            e, f, g = right[t + 3, lane], right[t + 2, lane], right[t + 1, lane]
            a, b, c = left[t + 3, lane], left[t + 2, lane], left[t + 1, lane]
            mixed = _U32(_turned(e, 6) ^ _turned(e, 11) ^ _turned(e, 25))
            chosen = _U32((e & f) ^ (~e & g))
            new = _U32(right[t, lane] + mixed + chosen + constant + message[t, lane])
            right[t + 4, lane] = _U32(left[t, lane] + new)
            mixed = _U32(_turned(a, 2) ^ _turned(a, 13) ^ _turned(a, 22))
            most = _U32((a & b) ^ (a & c) ^ (b & c))
            left[t + 4, lane] = _U32(new + mixed + most)
    for at in range(4):
        for lane in range(_LANES):
            state[at, lane] = _U32(state[at, lane] + left[67 - at, lane])
            state[4 + at, lane] = _U32(state[4 + at, lane] + right[67 - at, lane])


@Kernel
def counted(prefix: Any, first: Any, out: Any) -> None:
    """Digests of prefix ‖ be64(i) for i from first on, as four words of 64 bits each into out."""
    size, whole = len(prefix), len(prefix) // 64 * 64
    state = np.empty((8, _LANES), np.uint32)
    message = np.empty((64, _LANES), np.uint32)
    left, right = np.empty((68, _LANES), np.uint32), np.empty((68, _LANES), np.uint32)
    start = np.empty((8, _LANES), np.uint32)
    for at in range(8):
        start[at, :] = _START[at]
    for begin in range(0, whole, 64):
        for word in range(16):
            value = _U32(0)
            for byte in range(4):
                value = _U32(_U32(value << _U32(8)) | _U32(prefix[begin + 4 * word + byte]))
            message[word, :] = value
        _compress(start, message, left, right)
    # What is left of the prefix, the counter, a bit, zeros, and the length in bits.
    blocks = 1 if size - whole + 17 <= 64 else 2
    tail = np.zeros((16 * blocks, _LANES), np.uint32)
    for at in range(size - whole):
        tail[at // 4, :] |= _U32(_U32(prefix[whole + at]) << _U32(24 - at % 4 * 8))
    end = size - whole + 8
    tail[end // 4, :] |= _U32(_U32(128) << _U32(24 - end % 4 * 8))
    tail[16 * blocks - 1, :] = _U32(8 * (size + 8))
    full = np.empty((16 * blocks, _LANES), np.uint32)
    for begin in range(0, len(out) // 4, _LANES):
        full[:] = tail
        for lane in range(_LANES):
            counter = _U64(first) + _U64(begin + lane)
            for byte in range(8):
                at = size - whole + byte
                value = _U32((counter >> _U64(56 - 8 * byte)) & _U64(255))
                full[at // 4, lane] |= _U32(value << _U32(24 - at % 4 * 8))
        state[:] = start
        for block in range(blocks):
            message[:16] = full[16 * block : 16 * block + 16]
            _compress(state, message, left, right)
        for lane in range(min(_LANES, len(out) // 4 - begin)):
            for word in range(4):
                high, low = _U64(state[2 * word, lane]), _U64(state[2 * word + 1, lane])
                out[4 * (begin + lane) + word] = high << _U64(32) | low
