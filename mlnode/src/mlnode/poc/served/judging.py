"""Whether submitted distances are those of the model (docs/spec/poc-served.md, "Verification").

Floats differ between kernels, so that a verifier does not find a prover's distance to the bit.
It finds it to within a deviation σ₀ that was measured for the pair of their machines, and a
whole sample of differences says whether that is all there is.

Axes: B nonces of a sample.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from mlnode.poc.arrays import F64

SIGNIFICANCE = 1e-4
"""Share of honest samples that the sum of squares may refuse by chance."""

CEILING = 6.0
"""No single difference may be above so many σ₀: in 200 honest ones, 4·10⁻⁷ of samples are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a sample came to.

    Attributes:
        statistic: T = Σ(Δd/σ₀)².
        quantile: of χ² with as many degrees of freedom as nonces; T may not be above.
        largest: largest |Δd|/σ₀.
        above_ceiling: how many differences are above 6σ₀, or are no number.
        probability: of a T as large from an honest prover.
    """

    statistic: float
    quantile: float
    largest: float
    above_ceiling: int
    probability: float

    @property
    def accepted(self) -> bool:
        """Whether the sample is that of an honest prover."""
        return self.above_ceiling == 0 and self.statistic <= self.quantile

    def __str__(self) -> str:
        return (
            f"{'accepted' if self.accepted else 'refused'}: T = {self.statistic:.1f} of "
            f"{self.quantile:.1f}, largest difference {self.largest:.2f}·σ₀ of {CEILING:g}"
        )


def judge(
    claimed_B: F64, found_B: F64, sigma0: float, *, significance: float = SIGNIFICANCE
) -> Judgement:
    """Returns the judgement on a sample of claimed distances.

    Args:
        claimed_B: float64 [B], as the prover submitted them.
        found_B: float64 [B], as this machine computes them.
        sigma0: deviation of honest differences between the two machines, above 0.
        significance: share of honest samples that may be refused.

    Raises:
        ValueError: the sample is empty, the arrays differ in length, or σ₀ is not above 0.
    """
    if not len(claimed_B) or claimed_B.shape != found_B.shape:
        raise ValueError(f"{claimed_B.shape} distances are claimed, {found_B.shape} were found")
    if not sigma0 > 0:
        raise ValueError(f"sigma0 = {sigma0}: must be above 0")
    # What is claimed may be no number; it then lies above every ceiling.
    with np.errstate(over="ignore", invalid="ignore"):
        apart_B = np.abs(claimed_B - found_B) / sigma0
    apart_B = np.where(np.isfinite(apart_B), apart_B, np.inf)
    statistic = float(np.sum(np.minimum(apart_B, 1e150) ** 2))
    degrees = len(apart_B)
    return Judgement(
        statistic=statistic,
        quantile=float(stats.chi2.isf(significance, degrees)),
        largest=float(apart_B.max()),
        above_ceiling=int(np.count_nonzero(apart_B > CEILING)),
        probability=float(stats.chi2.sf(statistic, degrees)),
    )


def deviation(one_B: F64, other_B: F64) -> float:
    """Returns σ₀ of two machines: the root of the mean square of their differences."""
    return float(np.sqrt(np.mean((one_B - other_B) ** 2)))
