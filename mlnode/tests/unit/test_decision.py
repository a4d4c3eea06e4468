import hashlib
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlnode.poc.decision import (
    Decisions,
    Target,
    cq_from_r_target,
    decide,
    isqrt,
    new_target,
    r_target_from_fraction,
)
from mlnode.poc.errors import RoundError

BITS = 6


@given(root=st.integers(1, 2**28), off=st.sampled_from([-1, 0, 1]))
def test_isqrt_is_exact_at_squares_and_beside_them(root: int, off: int) -> None:
    value = root * root + off
    assert isqrt(np.array([value], np.int64))[0] == math.isqrt(value)


def test_isqrt_is_exact_at_every_power_of_two_and_at_zero() -> None:
    roots = np.array([2**power for power in range(29)], np.int64)
    for off in (-1, 0, 1):
        values = roots * roots + off
        assert isqrt(values).tolist() == [math.isqrt(int(value)) for value in values]
    assert isqrt(np.array([2**57 - 1], np.int64))[0] == math.isqrt(2**57 - 1)


@pytest.mark.parametrize(
    ("p", "n", "radius"),
    [
        (0.1, 8192, 1.4041653287),
        (0.1, 8196, 1.4041677900),
        (0.01478, 8196, 1.3971164),
        (0.5, 1024, math.sqrt(2)),
    ],
)
def test_the_radius_of_a_share_has_the_published_value(p: float, n: int, radius: float) -> None:
    # Half a unit of the last published digit.
    assert r_target_from_fraction(p, n) == pytest.approx(
        radius, abs=5e-11 if p != 0.01478 else 2e-6
    )


@pytest.mark.parametrize("p", [0.0, 1.0, -0.1, float("nan")])
def test_a_share_that_is_no_share_is_refused(p: float) -> None:
    with pytest.raises(RoundError, match="valid_fraction"):
        r_target_from_fraction(p, 1024)


def test_cq_is_the_floor_of_the_rational() -> None:
    assert cq_from_r_target(Fraction(1)) == 2**31
    assert cq_from_r_target(Fraction(1) + Fraction(1, 10**30)) == 2**31 - 1
    assert cq_from_r_target(Fraction(1) - Fraction(1, 10**30)) == 2**31
    assert cq_from_r_target(Fraction(3, 2)) == -(2**29)


def decide_in_big_integers(y_V: list[int], target: Target, cq: int) -> tuple[int, int, bool]:
    wrapped = [((v >> BITS) + 128) % 256 - 128 for v in y_V]
    folded = [2 * v + 1 for v in wrapped]
    values = [int(t) for t in target.values]
    dot = sum(t * v for t, v in zip(values, folded, strict=True))
    norm = math.isqrt(sum(v * v for v in folded) << 16)
    goal = math.isqrt(sum(t * t for t in values) << 16)
    return dot, norm, dot << 24 > ((cq * goal) >> 24) * norm


@given(seed=st.integers(0, 2**32), cq=st.integers(1, 2**32), size=st.sampled_from([256, 257, 1024]))
def test_the_decision_equals_the_one_in_big_integers(seed: int, cq: int, size: int) -> None:
    generator = np.random.default_rng(seed)
    target = new_target(generator.integers(-127, 128, size, np.int8))
    y_BV = generator.integers(-(2**31), 2**31, (3, size), np.int32)
    # A row that leans towards the target, so that both answers occur.
    y_BV[0] = target.values.astype(np.int32) << BITS
    came = decide(y_BV, BITS, target, cq)
    for row, y_V in enumerate(y_BV.tolist()):
        wanted = decide_in_big_integers(y_V, target, cq)
        assert (came.dots[row], came.norms[row], came.valid[row]) == wanted


def one_sided(cq: int, *, all_valid: bool = False) -> Decisions:
    """A case by hand: t = 64 in 256 places, ŷ = ±1 with 192 agreeing, so A = 8192, Y = 2¹²."""
    target = new_target(np.full(256, 64, np.int8))
    y_BV = np.where(np.arange(256) < 192, 0, -1).astype(np.int32)[None]
    return decide(y_BV, BITS, target, cq, all_valid=all_valid)


def test_equality_is_not_valid_and_one_below_is() -> None:
    # T = 2¹⁸, so G = cq >> 6, and A·2²⁴ = G·Y where G = 2²⁵.
    came = one_sided(2**31)
    assert (came.dots[0], came.norms[0]) == (8192, 2**12)
    assert not came.valid[0]
    assert not one_sided(2**31 + 63).valid[0]
    assert one_sided(2**31 - 1).valid[0]


def test_the_distance_of_that_case_is_one() -> None:
    # cos = (192 − 64)/256 = 1/2, so the distance of the unit vectors is 1, without rounding.
    assert one_sided(1).distances[0] == 1.0


def test_where_all_are_valid_the_threshold_is_not_looked_at() -> None:
    assert one_sided(0, all_valid=True).valid[0]


def test_the_largest_values_stay_inside_64_bits() -> None:
    size = 131_072
    target = new_target(np.full(size, 127, np.int8))
    y_BV = np.full((1, size), 127 << BITS, np.int32)
    for cq in (1, 2**32):
        came = decide(y_BV, BITS, target, cq)
        wanted = decide_in_big_integers(y_BV[0].tolist(), target, cq)
        assert (came.dots[0], came.norms[0], came.valid[0]) == wanted
        assert came.distances[0] < 1e-3


def test_a_digest_is_the_hash_of_the_raw_output() -> None:
    y_BV = np.array([[1, -2], [3, 2**31 - 1]], np.int32)
    came = decide(y_BV, BITS, new_target(np.array([1, 1], np.int8)), 1)
    assert came.digests[0].tobytes() == hashlib.sha256(b"\1\0\0\0\xfe\xff\xff\xff").digest()
    assert came.digests[1].tobytes() == hashlib.sha256(b"\3\0\0\0\xff\xff\xff\x7f").digest()


def test_an_empty_batch_has_no_decisions() -> None:
    came = decide(np.empty((0, 256), np.int32), BITS, new_target(np.ones(256, np.int8)), 1)
    assert came.valid.shape == (0,)
    assert came.digests.shape == (0, 32)
