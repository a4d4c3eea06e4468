"""Which parameters matter: Morris' screening, then Sobol's indices of those that do."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from simulation.arrays import F64
from simulation.errors import ScenarioError
from simulation.extras import extra
from simulation.network import MODELLED
from simulation.scenario import Scenario, check_pays
from simulation.search import Range, around, evaluate

# Effects below this share of the metric are rounding.
NOTHING = 1e-9

Done = Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A parameter's mean absolute effect on a metric, and how much it varies (Morris' μ*, σ)."""

    parameter: str
    mean: float
    spread: float

    @property
    def matters(self) -> bool:
        """Whether anything at all follows from it."""
        return self.mean > NOTHING

    @property
    def words(self) -> str:
        """What there is to say of a parameter that moves nothing."""
        if self.parameter not in MODELLED:
            return "not modelled"
        return "" if self.matters else "no effect"


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """The share of a metric's variance that a parameter explains, alone and with all others.

    Each stands beside the half width of its 95 % confidence interval.
    """

    parameter: str
    first: float
    first_half: float
    total: float
    total_half: float


def morris_runs(names: list[str], trajectories: int) -> int:
    """Settings that `morris` runs."""
    return trajectories * (len(names) + 1)


def morris(
    scenario: Scenario,
    names: list[str],
    *,
    metric: str,
    trajectories: int = 6,
    share: float = 0.2,
    jobs: int = 1,
    done: Done = lambda _: None,
) -> list[Effect]:
    """Effects of parameters, moved within a share of their values, on a metric's mean.

    Effects are shares of the metric's mean over the sample; the largest comes first.

    Raises:
        ScenarioError: when a name is no parameter, is no number, or has no room to move, and
            when nobody is paid.
    """
    ranges = _ranges(scenario, names, share)
    sampler: Any = extra("SALib.sample.morris", "search")
    analyser: Any = extra("SALib.analyze.morris", "search")
    problem = _problem(ranges)
    sample: F64 = sampler.sample(problem, trajectories, num_levels=4, seed=_seed(scenario))
    values = _values(scenario, ranges, sample, metric, jobs, done)
    scale = abs(values.mean()) or 1.0
    made: Any = analyser.analyze(
        problem, sample, values / scale, num_levels=4, seed=_seed(scenario)
    )
    pairs = zip(names, made["mu_star"], made["sigma"], strict=True)
    effects = [Effect(parameter=n, mean=float(m), spread=float(s)) for n, m, s in pairs]
    return sorted(effects, key=lambda e: -e.mean)


def check_samples(samples: int) -> None:
    """Raises ScenarioError unless Sobol's indices can be had of so many samples."""
    if samples < 2 or samples & (samples - 1):
        raise ScenarioError(
            f"the samples of Sobol's indices are a power of two from 2 on, got {samples}"
        )


def sobol_runs(names: list[str], samples: int) -> int:
    """Settings that `sobol` runs."""
    return samples * (len(names) + 2)


def sobol(
    scenario: Scenario,
    names: list[str],
    *,
    metric: str,
    samples: int = 64,
    share: float = 0.2,
    jobs: int = 1,
    done: Done = lambda _: None,
) -> list[Index]:
    """Sobol indices with confidence, the largest total first.

    Args:
        scenario: what is run.
        names: parameters, best those that `morris` found to matter.
        metric: as in `search.check_metric`.
        samples: a power of two; the width of the intervals falls with its root.
        share: how far parameters move, as a part of their values.
        jobs: processes.
        done: called with 1 for every setting.

    Raises:
        ScenarioError: as `morris`, and when samples is no power of two or nothing varies.
    """
    check_samples(samples)
    ranges = _ranges(scenario, names, share)
    sampler: Any = extra("SALib.sample.sobol", "search")
    analyser: Any = extra("SALib.analyze.sobol", "search")
    problem = _problem(ranges)
    sample: F64 = sampler.sample(problem, samples, calc_second_order=False, seed=_seed(scenario))
    values = _values(scenario, ranges, sample, metric, jobs, done)
    if np.ptp(values) <= NOTHING * abs(values.mean()):
        raise ScenarioError(f"{metric} does not vary with {', '.join(names)}: nothing to explain")
    made: Any = analyser.analyze(
        problem, values, calc_second_order=False, num_resamples=200, seed=_seed(scenario)
    )
    columns = (made[c] for c in ("S1", "S1_conf", "ST", "ST_conf"))
    indices = [
        Index(parameter=n, first=float(a), first_half=float(b), total=float(c), total_half=float(d))
        for n, a, b, c, d in zip(names, *columns, strict=True)
    ]
    return sorted(indices, key=lambda i: -i.total)


def _ranges(scenario: Scenario, names: list[str], share: float) -> list[Range]:
    if not names or len(set(names)) != len(names):
        raise ScenarioError("name at least one parameter, and each but once")
    check_pays(scenario)
    return [around(scenario, name, share) for name in names]


def _problem(ranges: list[Range]) -> dict[str, Any]:
    bounds = [[r.low, r.high] for r in ranges]
    return {"num_vars": len(ranges), "names": [r.name for r in ranges], "bounds": bounds}


def _seed(scenario: Scenario) -> int:
    return scenario.seed % 2**31


def _values(
    scenario: Scenario, ranges: list[Range], sample: F64, metric: str, jobs: int, done: Done
) -> F64:
    settings = [
        {r.name: r.text(value) for r, value in zip(ranges, row, strict=True)}
        for row in sample.tolist()
    ]
    return np.array(evaluate(scenario, settings, metric, jobs=jobs, done=done))
