"""Whether invalid claims of a sample are chance or fraud: the twin of the chain's core/poc.

The chain decides, on counts that its jurors report; a verifier says the same of what it found
(docs/spec/poc-judging.md, "Verdict"). All of it is exact: with p = a/b, bⁿ·P(X = x) is an
integer, and each follows from the one before.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

P_MISMATCH = Fraction(1, 2_000)
"""Share of an honest host's nonces that broken hardware may get wrong, where nobody set another."""

FRAUD_THRESHOLD = Fraction(1, 10**7)
"""A sample is fraud when chance makes one as bad less often than this, by default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a sample of claims says of the host that made them.

    Attributes:
        invalid, sampled: claims that are false, of how many that were recomputed.
        probability: P(X ≥ invalid) of an honest host, as ``scipy.stats.binomtest(invalid,
            sampled, p_mismatch, "greater")`` has it, rounded once.
        fraud: whether that is below the threshold, exactly.
    """

    invalid: int
    sampled: int
    probability: float
    fraud: bool

    def __str__(self) -> str:
        verdict = "fraud" if self.fraud else "not fraud yet"
        return (
            f"{self.invalid} of {self.sampled} claims are false, which faults alone "
            f"come to with probability {self.probability:.2g}: {verdict}"
        )


def judge_sample(
    invalid: int,
    sampled: int,
    *,
    mismatch: Fraction = P_MISMATCH,
    threshold: Fraction = FRAUD_THRESHOLD,
) -> Finding:
    """Returns what a sample says.

    Raises:
        ValueError: more are invalid than were sampled, or see ``fraud_limit``.
    """
    if not 0 <= invalid <= sampled:
        raise ValueError(f"{invalid} invalid of {sampled} sampled")
    limit = fraud_limit(sampled, mismatch, threshold)
    return Finding(
        invalid=invalid,
        sampled=sampled,
        probability=float(tail(invalid, sampled, mismatch)),
        fraud=invalid >= limit,
    )


@cache
def fraud_limit(sampled: int, mismatch: Fraction, threshold: Fraction) -> int:
    """Returns the least x with P(X ≥ x) < threshold, or sampled + 1 if there is none.

    Args:
        sampled: claims that were recomputed, 1 or more.
        mismatch: probability of a false one on an honest host, in (0, 1/2).
        threshold: in (0, 1/100).

    Raises:
        ValueError: outside of these ranges.
    """
    if sampled < 1 or not 0 < mismatch < Fraction(1, 2) or not 0 < threshold < Fraction(1, 100):
        raise ValueError(f"no limit for {sampled} claims, {mismatch}, {threshold}")
    scale = mismatch.denominator**sampled
    bound = threshold.numerator * scale
    tails = enumerate(_tails(sampled, mismatch))
    return next(x for x, tail in tails if tail * threshold.denominator < bound)


def tail(invalid: int, sampled: int, mismatch: Fraction) -> Fraction:
    """Returns P(X ≥ invalid) of X binomial(sampled, mismatch)."""
    tails = enumerate(_tails(sampled, mismatch))
    return Fraction(next(tail for x, tail in tails if x == invalid), mismatch.denominator**sampled)


def _tails(sampled: int, mismatch: Fraction) -> Iterator[int]:
    """Yields bⁿ·P(X ≥ x) for x from 0 to n + 1, where it is 0."""
    a, b = mismatch.numerator, mismatch.denominator
    above, term = b**sampled, (b - a) ** sampled
    for x in range(sampled + 1):
        yield above
        above -= term
        term = term * (sampled - x) * a // ((x + 1) * (b - a))
    yield above
