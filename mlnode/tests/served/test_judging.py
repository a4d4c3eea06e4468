"""A sample of distances: honest differences pass, work that was not done does not."""

import numpy as np
import pytest
from scipy import stats

from mlnode.poc.served.judging import CEILING, deviation, judge

SIGMA = 1.6e-4
SIZE = 200


def found(seed: int) -> np.ndarray:
    return np.sqrt(2) + 0.01 * np.random.default_rng(seed).standard_normal(SIZE)


def test_the_quantiles_are_those_of_chi_square() -> None:
    # Of 200 degrees of freedom, from tables of the incomplete gamma function.
    sample = found(0)
    assert judge(sample, sample, SIGMA).quantile == pytest.approx(283.060, abs=1e-3)
    strict = judge(sample, sample, SIGMA, significance=1e-7)
    assert strict.quantile == pytest.approx(321.866, abs=1e-3)


def test_honest_noise_is_accepted() -> None:
    for seed in range(50):
        noise = SIGMA * np.random.default_rng(seed + 1000).standard_normal(SIZE)
        came = judge(found(seed) + noise, found(seed), SIGMA)
        assert came.accepted
        assert came.probability > 1e-4


def test_the_statistic_has_the_law_that_the_quantile_is_of() -> None:
    generator = np.random.default_rng(5)
    statistics = [
        judge(found(0) + SIGMA * generator.standard_normal(SIZE), found(0), SIGMA).statistic
        for _ in range(2000)
    ]
    assert stats.kstest(statistics, stats.chi2(SIZE).cdf).pvalue > 1e-4


def test_twice_the_noise_and_invented_distances_are_refused() -> None:
    generator = np.random.default_rng(7)
    sample = found(1)
    assert not judge(sample + 2 * SIGMA * generator.standard_normal(SIZE), sample, SIGMA).accepted
    came = judge(found(2), sample, SIGMA)
    assert not came.accepted
    assert came.above_ceiling > SIZE // 2


@pytest.mark.parametrize(("height", "accepted"), [(5.99, True), (6.01, False), (-6.01, False)])
def test_one_difference_above_the_ceiling_is_enough(height: float, accepted: bool) -> None:
    sample = found(3)
    claimed = sample.copy()
    claimed[17] += height * SIGMA
    came = judge(claimed, sample, SIGMA)
    assert came.statistic < came.quantile
    assert came.accepted is accepted
    assert came.above_ceiling == int(not accepted)
    assert came.largest == pytest.approx(abs(height), rel=1e-6)
    assert CEILING == 6


@pytest.mark.parametrize("claim", [np.nan, np.inf, -np.inf, 1e308])
def test_what_is_no_distance_is_refused(claim: float) -> None:
    claimed = found(4)
    claimed[0] = claim
    came = judge(claimed, found(4), SIGMA)
    assert not came.accepted
    assert came.above_ceiling == 1


def test_a_sample_that_makes_no_sense_is_an_error() -> None:
    sample = found(5)
    wrong = [
        (sample[:0], sample[:0], SIGMA),
        (sample, sample[1:], SIGMA),
        (sample, sample, 0.0),
        (sample, sample, float("nan")),
    ]
    for claimed, other, sigma in wrong:
        with pytest.raises(ValueError, match=r"distances are claimed|sigma0"):
            judge(claimed, other, sigma)


def test_the_deviation_of_two_machines_is_found() -> None:
    noise = SIGMA * np.random.default_rng(8).standard_normal(20_000)
    sample = np.full(20_000, 1.4)
    # One standard error is 1/√(2·20,000) = 0.5 %.
    assert deviation(sample + noise, sample) == pytest.approx(SIGMA, rel=0.03)
