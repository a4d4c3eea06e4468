"""From the network's output to a decision, in integers (docs/spec/poc.md, "Decision").

Axes: B nonces of a batch, V outputs.
"""

import hashlib
import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from scipy.special import betaincinv

from mlnode.poc.arrays import F64, I8, I32, I64, U8, Bool
from mlnode.poc.errors import RoundError

DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Decisions:
    """What a batch of nonces came to, one entry a nonce, in the order that was asked.

    Attributes:
        valid: bool [B].
        distances: float64 [B], L2 distance of the unit output from the unit target, in
            0 … 2; for reports, it decides nothing.
        digests: uint8 [B, 32], SHA-256 of the raw output as little-endian int32.
        dots: int64 [B], A = Σ t·ŷ.
        norms: int64 [B], Y = isqrt(Σŷ²·2¹⁶).
    """

    valid: Bool
    distances: F64
    digests: U8
    dots: I64
    norms: I64


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Target:
    """The round's target vector.

    Attributes:
        values: int8 [V].
        norm: T = isqrt(Σt²·2¹⁶).
    """

    values: I8
    norm: int


def isqrt(value: I64) -> I64:
    """Returns ⌊√value⌋ for 0 ≤ value < 2⁵⁷, elementwise.

    The float64 root is at most one off there, so that one correction each way makes it exact.
    """
    root = np.floor(np.sqrt(value.astype(np.float64))).astype(np.int64)
    root -= root * root > value
    root += (root + 1) * (root + 1) <= value
    return root


def new_target(values_V: I8) -> Target:
    """Returns the target with its norm; values int8 [V]."""
    wide_V = values_V.astype(np.int64)
    return Target(values=values_V, norm=math.isqrt(int(wide_V @ wide_V) << 16))


def decide(y_BV: I32, bits: int, target: Target, cq: int, *, all_valid: bool = False) -> Decisions:
    """Returns the decisions on raw outputs.

    Args:
        y_BV: int32 [B, V], output of the head before wrapping.
        bits: shift of the head, s(D) − 2.
        cq: ⌊(1 − r_target²/2)·2³²⌋, above 0; not looked at when ``all_valid``.
    """
    # In fp64, which NumPy multiplies three times as fast as int64: every partial sum is an integer
    # of at most 2⁸·2⁸·2¹⁷, which fp64 holds exactly in whatever order it is added up.
    folded_BV = 2 * (y_BV >> bits).astype(np.int8).astype(np.float64) + 1
    dot_B = (folded_BV @ target.values.astype(np.float64)).astype(np.int64)
    square_B = np.einsum("bv,bv->b", folded_BV, folded_BV).astype(np.int64)
    norm_B = isqrt(square_B << 16)
    threshold = (cq * target.norm) >> 24
    valid_B = np.full(len(y_BV), True) if all_valid else dot_B << 24 > threshold * norm_B
    return Decisions(
        valid=valid_B,
        distances=distances(dot_B, norm_B, target.norm),
        digests=digests(y_BV),
        dots=dot_B,
        norms=norm_B,
    )


def distances(dot_B: I64, norm_B: I64, target_norm: int) -> F64:
    """Returns √(2 − 2·A·2¹⁶/(Y·T)), float64 [B].

    Both products are integers below 2⁵³, so that only the division, the difference and the
    root round, each as IEEE 754 demands: the result is the same on every machine.
    """
    cosine_B = (dot_B << 16) / (norm_B * target_norm)
    return np.sqrt(np.maximum(2.0 - 2.0 * cosine_B, 0.0))


def digests(y_BV: I32) -> U8:
    """Returns SHA-256 of each row as little-endian int32, uint8 [B, 32]."""
    rows_BV = np.ascontiguousarray(y_BV, dtype="<i4")
    raw = b"".join(hashlib.sha256(row.data).digest() for row in rows_BV)
    return np.frombuffer(raw, np.uint8).reshape(len(rows_BV), DIGEST_BYTES)


def cq_from_r_target(r_target: Fraction) -> int:
    """Returns ⌊(1 − r²/2)·2³²⌋, exactly; not above 0 where r ≥ √2."""
    return math.floor((1 - r_target * r_target / 2) * 2**32)


def r_target_from_fraction(valid_fraction: float, vocab_size: int) -> float:
    """Returns the radius within which a share p of random unit vectors lies.

    r(p) = 2·√(BetaInv(p; (n−1)/2, (n−1)/2)) for n = vocab_size: (d/2)² of the distance d of
    two random unit vectors follows that Beta law.

    Raises:
        RoundError: p is not above 0 and below 1.
    """
    if not 0 < valid_fraction < 1:
        raise RoundError("valid_fraction", valid_fraction, "above 0 and below 1")
    shape = (vocab_size - 1) / 2
    return 2.0 * float(np.sqrt(betaincinv(shape, shape, valid_fraction)))
