"""Twin of core/fixed (docs/spec/fixed.md): quotients through 128 bits, and decimals.

Scalars are Python integers and exact by nature. The functions on arrays are exact as well:
they guess the quotient in float64 and correct it by the residual, taken in wrapping 64 bits.
"""

import math
import re
from fractions import Fraction

import numpy as np

from simulation.arrays import F64, I64, U64, Bool, largest, u64
from simulation.errors import (
    DecimalError,
    DivideByZeroError,
    OverflowU64Error,
    ParameterError,
    shown,
)

DIGITS = 18
ONE = 10**DIGITS
MAX_U64 = 2**64 - 1
_U64_DIGITS = len(str(MAX_U64))

LONGEST_DECIMAL = 64
"""Characters of a number that people may spell out, and the largest exponent of ten."""
_RATIONAL = re.compile(r"[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:[eE]([+-]?\d+))?|\d+/\d+)", re.ASCII)

# The guess carries five roundings of 2⁻⁵³, so below 2⁵⁰ it is wrong by less than 5/8 and its
# floor by at most 1. With c < 2⁶¹ the residual then lies in (−2⁶², 2⁶²), where int64 is exact.
_GUESS_BELOW = 2.0**50
_DIVISOR_BELOW = 2**61


def mul_div_floor(a: int, b: int, c: int) -> int:
    """⌊a·b/c⌋. Raises DivideByZeroError, OverflowU64Error."""
    if c == 0:
        raise DivideByZeroError(f"{a}·{b}/0")
    return _fits(a * b // c)


def mul_div_ceil(a: int, b: int, c: int) -> int:
    """⌈a·b/c⌉. Raises DivideByZeroError, OverflowU64Error."""
    if c == 0:
        raise DivideByZeroError(f"{a}·{b}/0")
    return _fits(-(-a * b // c))


def add(a: int, b: int) -> int:
    """A + b. Raises OverflowU64Error."""
    return _fits(a + b)


def _fits(value: int) -> int:
    if value > MAX_U64:
        raise OverflowU64Error(f"{value} does not fit into 64 bits")
    return value


def floor_each(a_N: U64, b: U64 | int, c: U64 | int) -> U64:
    """⌊a·b/c⌋ for each element. Raises DivideByZeroError, OverflowU64Error for any of them."""
    if isinstance(b, int) and isinstance(c, int) and 0 < c < _DIVISOR_BELOW:
        ratio = float(b) / float(c)
        if float(largest(a_N)) * ratio < _GUESS_BELOW:
            return _corrected(a_N.astype(np.float64) * ratio, a_N, np.uint64(b), np.uint64(c))
    a_N, b_N, c_N = u64(a_N), u64(b), u64(c)
    if not c_N.all():
        raise DivideByZeroError("an element divides by zero")
    guess_N = a_N.astype(np.float64) * (b_N.astype(np.float64) / c_N.astype(np.float64))
    exact_N: Bool = (guess_N < _GUESS_BELOW) & (c_N < np.uint64(_DIVISOR_BELOW))
    if exact_N.all():
        return _corrected(guess_N, a_N, b_N, c_N)
    a_N, b_N, c_N = (np.broadcast_to(v, guess_N.shape) for v in (a_N, b_N, c_N))
    out_N = np.empty(guess_N.shape, np.uint64)
    at = exact_N
    out_N[at] = _corrected(guess_N[at], a_N[at], b_N[at], c_N[at])
    for i in np.flatnonzero(~at):
        out_N[i] = mul_div_floor(int(a_N[i]), int(b_N[i]), int(c_N[i]))
    return out_N


def _corrected(guess_N: F64, a_N: U64, b: U64 | np.uint64, c: U64 | np.uint64) -> U64:
    q_N = guess_N.astype(np.uint64)
    residual_N: I64 = (a_N * b - q_N * c).view(np.int64)
    q_N -= residual_N < 0
    q_N += residual_N >= c.astype(np.int64)
    return q_N


def ceil_each(a_N: U64, b: U64 | int, c: U64 | int) -> U64:
    """⌈a·b/c⌉ for each element. Raises as `floor_each`."""
    q_N = floor_each(a_N, b, c)
    # The remainder is below 2⁶⁴, so it survives that the products wrap.
    inexact_N = u64(a_N) * u64(b) != q_N * u64(c)
    if (inexact_N & (q_N == MAX_U64)).any():
        raise OverflowU64Error("an element rounds up to 2^64")
    return q_N + inexact_N


def mul_128_each(a_N: U64, b: U64 | int) -> tuple[U64, U64]:
    """The high and low 64 bits of a·b for each element."""
    a_N, b_N = u64(a_N), u64(b)
    half, low_half = np.uint64(32), np.uint64(0xFFFFFFFF)
    a1, a0, b1, b0 = a_N >> half, a_N & low_half, b_N >> half, b_N & low_half
    middle = a1 * b0 + (a0 * b0 >> half)
    carry = a0 * b1 + (middle & low_half)
    return a1 * b1 + (middle >> half) + (carry >> half), a_N * b_N


def products_at_least_each(a_N: U64, b: U64 | int, c_N: U64, d: U64 | int) -> Bool:
    """Whether a·b ≥ c·d for each element, exactly."""
    left_high, left_low = mul_128_each(a_N, b)
    right_high, right_low = mul_128_each(c_N, d)
    return (left_high > right_high) | ((left_high == right_high) & (left_low >= right_low))


def parse(text: str) -> int:
    """A decimal in units of 10⁻¹⁸. Raises DecimalError; nothing is rounded."""
    whole, pointed, fraction = text.partition(".")
    digits = whole + (fraction if pointed else "0")
    if not whole or (pointed and not fraction) or len(fraction) > DIGITS or not _digits(digits):
        raise DecimalError(f"a decimal has at most 18 digits after a point, got {shown(text)}")
    whole = whole.lstrip("0") or "0"
    if len(whole) > _U64_DIGITS:
        raise DecimalError(f"a decimal lies below 18.446744073709551616, got {shown(text)}")
    value = int(whole) * ONE + int(fraction.ljust(DIGITS, "0") if fraction else 0)
    if value > MAX_U64:
        raise DecimalError(f"a decimal lies below 18.446744073709551616, got {text!r}")
    return value


def rational(text: str) -> Fraction:
    """A number as people write it, exactly: 0.1, 1e-7 or 11/100.

    Raises DecimalError; a short text that spells a number of endless digits is none.
    """
    found = _RATIONAL.fullmatch(text.strip()) if len(text) <= LONGEST_DECIMAL else None
    if found is None or abs(int(found[1] or 0)) > LONGEST_DECIMAL:
        raise DecimalError(
            f"a number is written like 0.1, 1e-7 or 11/100, in at most {LONGEST_DECIMAL} "
            f"characters and with an exponent of at most {LONGEST_DECIMAL}, got {shown(text)}"
        )
    try:
        return Fraction(text.strip())
    except ZeroDivisionError as error:
        raise DecimalError(f"{text} divides by zero") from error


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def text(units: int) -> str:
    """The shortest decimal that `parse` reads back as these units of 10⁻¹⁸."""
    fraction = f"{units % ONE:0{DIGITS}d}".rstrip("0")
    return f"{units // ONE}.{fraction}" if fraction else str(units // ONE)


def at_least(units: int, part: int, whole: int) -> bool:
    """Whether part/whole ≥ units·10⁻¹⁸; true where whole is 0."""
    return part * ONE >= whole * units


def cq_from_r_target(r_target: str) -> int:
    """⌊(1 − r²/2)·2³²⌋, exactly. Raises DecimalError where it is not above 0."""
    r = Fraction(parse(r_target), ONE)
    cq = math.floor((1 - r * r / 2) * 2**32)
    if r == 0 or cq <= 0:
        raise DecimalError(f"r_target must lie above 0 and below the root of 2, got {r_target!r}")
    return cq


_BITS = 256
_UNIT = 1 << _BITS
_INVERSE_PI = 36857766746113450950918049192879587303648982663873843352614131972887216513712
"""1/π, in units of 2⁻²⁵⁶, rounded down."""


def fraction_from_r_target(r: int, n: int) -> int:
    """The fraction of random unit vectors of n dimensions within r of a fixed one.

    Args:
        r: distance, in units of 10⁻¹⁸.
        n: outputs, 256 to 131,072.

    Returns:
        The fraction in units of 10⁻¹⁸, by the chain's own roundings.

    Raises:
        ParameterError: when n is outside of its range.
    """
    if not 256 <= n <= 131_072:
        raise ParameterError(f"outputs must lie in [256, 131072], got {n}")
    if r >= 2 * ONE:
        return ONE
    two = 2 * ONE * ONE
    cosine = (abs(two - r * r) << _BITS) // two
    between = _central(cosine, n) if r * r <= two else -_central(cosine, n)
    return (_UNIT - between) * ONE >> _BITS + 1


def _central(c: int, n: int) -> int:
    """The fraction with a cosine between −c and c, both in units of 2⁻²⁵⁶."""
    square = c * c >> _BITS
    if square * n >= 84 * _UNIT:
        return _UNIT
    term = total = _UNIT
    k = 0
    while term:
        term = (term * square >> _BITS) * (n + 2 * k) // (3 + 2 * k)
        total += term
        k += 1
    m = 2 * n - 3
    root = math.isqrt(_power(_UNIT - square, n - 1) * m * _INVERSE_PI)
    between = (root * c >> _BITS) * total >> _BITS
    between = between * (128 * m**6 + 32 * m**4 - 76 * m**2 + 631) // (128 * m**6)
    return min(between, _UNIT)


def _power(base: int, n: int) -> int:
    result = _UNIT
    while n:
        if n & 1:
            result = result * base >> _BITS
        base = base * base >> _BITS
        n >>= 1
    return result
