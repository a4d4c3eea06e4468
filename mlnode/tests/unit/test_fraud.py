"""Chance or fraud: as the chain has it, and as SciPy has it."""

import json
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mlnode.poc.statistics import fraud_limit, judge_sample, tail

VECTORS = json.loads((Path(__file__).parents[3] / "proto/vectors/poc.json").read_text("utf-8"))
ONE = 10**18
TWENTIETH = Fraction(1, 20)


@pytest.mark.parametrize("row", VECTORS["fraud_limits"], ids=lambda row: f"of {row['sampled']}")
def test_the_limit_is_the_chain_s(row: dict[str, Any]) -> None:
    mismatch = Fraction(int(row["p_mismatch"]), ONE)
    threshold = Fraction(int(row["fraud_threshold"]), ONE)
    sampled, limit = int(row["sampled"]), int(row["fraud_from"])
    assert fraud_limit(sampled, mismatch, threshold) == limit
    for invalid in {max(0, limit - 1), min(limit, sampled)}:
        came = judge_sample(invalid, sampled, mismatch=mismatch, threshold=threshold)
        assert came.fraud == (invalid >= limit)


@pytest.mark.parametrize(
    "row",
    [row for row in VECTORS["verdicts"] if not row["unavailable"] and not row["structural"]],
    ids=lambda row: f"{row['invalid']} of {row['sampled']}",
)
def test_a_sample_is_fraud_where_the_chain_s_verdict_is(row: dict[str, Any]) -> None:
    came = judge_sample(int(row["invalid"]), int(row["sampled"]))
    assert came.fraud == (row["kind"] == "fraud")


@given(st.data())
def test_the_probability_is_that_of_scipy_s_test(data: st.DataObject) -> None:
    sampled = data.draw(st.integers(1, 1_000))
    invalid = data.draw(st.integers(0, min(sampled, 40)))
    mismatch = data.draw(st.sampled_from([Fraction(1, 2_000), TWENTIETH, Fraction(49, 100)]))
    came = judge_sample(invalid, sampled, mismatch=mismatch).probability
    wanted = stats.binomtest(invalid, sampled, float(mismatch), "greater").pvalue
    # SciPy sums in float64, by continued fractions: good to some 10⁻¹³.
    assert came == pytest.approx(wanted, rel=1e-9)


@given(st.integers(1, 30), st.fractions(Fraction(1, 1_000), Fraction(499, 1_000)))
def test_tails_fall_from_one_to_nothing(sampled: int, mismatch: Fraction) -> None:
    tails = [tail(x, sampled, mismatch) for x in range(sampled + 2)]
    assert tails[0] == 1
    assert tails[-1] == 0
    assert all(above > below for above, below in pairwise(tails))
    assert tails[sampled] == mismatch**sampled


def test_what_is_no_sample_is_refused() -> None:
    for sampled, mismatch, threshold in (
        (0, TWENTIETH, Fraction(1, 200)),
        (1, Fraction(0), Fraction(1, 200)),
        (1, Fraction(1, 2), Fraction(1, 200)),
        (1, TWENTIETH, Fraction(0)),
        (1, TWENTIETH, Fraction(1, 100)),
    ):
        with pytest.raises(ValueError, match="no limit for"):
            fraud_limit(sampled, mismatch, threshold)
    for invalid in (-1, 3):
        with pytest.raises(ValueError, match="invalid of 2 sampled"):
            judge_sample(invalid, 2)


def test_a_finding_is_said_in_words() -> None:
    assert str(judge_sample(5, 200)) == (
        "5 of 200 claims are false, which faults alone come to with probability 7.3e-08: fraud"
    )
    assert str(judge_sample(4, 200)).endswith("not fraud yet")
