"""Which parameters matter: Morris' elementary effects over the chain's decimals and counts."""

import importlib
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from simulation import fixed
from simulation.arrays import F64
from simulation.errors import ParameterError, ScenarioError
from simulation.params import suggestion, table
from simulation.run import run_replica
from simulation.scenario import Scenario

# Effects below this share of the metric are rounding.
NOTHING = 1e-9


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


def morris(
    scenario: Scenario, names: list[str], *, metric: str, trajectories: int = 6, around: float = 0.2
) -> list[Effect]:
    """Effects of parameters, moved within `around` of their values, on a metric's mean.

    Effects are shares of the metric's mean over the sample.

    Raises:
        ScenarioError: when a name is no parameter, is no number, or has no room to move.
    """
    bounds = [_bounds(scenario, name, around) for name in names]
    sampler: Any = importlib.import_module("SALib.sample.morris")
    analyser: Any = importlib.import_module("SALib.analyze.morris")
    problem = {"num_vars": len(names), "names": names, "bounds": bounds}
    sample: F64 = sampler.sample(problem, trajectories, num_levels=4, seed=scenario.seed % 2**31)
    values = np.array([_metric(scenario, names, row, metric) for row in sample])
    scale = abs(values.mean()) or 1.0
    made: Any = analyser.analyze(
        problem, sample, values / scale, num_levels=4, seed=scenario.seed % 2**31
    )
    pairs = zip(names, made["mu_star"], made["sigma"], strict=True)
    effects = [Effect(parameter=n, mean=float(m), spread=float(s)) for n, m, s in pairs]
    return sorted(effects, key=lambda e: -e.mean)


def _bounds(scenario: Scenario, name: str, around: float) -> list[float]:
    row = table().get(name)
    if row is None:
        raise ScenarioError(f"{name} is no parameter{suggestion(name)}")
    if row.kind not in ("integer", "decimal"):
        raise ScenarioError(f"{name} is no number")
    low, high = (float(v) for v in row.legal[1:-1].split(", "))
    value = float(scenario.parameters[name])
    ends = [max(low, value * (1 - around)), min(high, value * (1 + around))]
    if row.kind == "integer":
        ends = [max(low, min(ends[0], value - 1)), min(high, max(ends[1], value + 1))]
    if ends[0] >= ends[1]:
        raise ScenarioError(f"{name} has no room to move around {value:g}")
    return ends


def _metric(scenario: Scenario, names: list[str], row: F64, metric: str) -> float:
    changes: dict[str, str] = {}
    for name, value in zip(names, row.tolist(), strict=True):
        if table()[name].kind == "integer":
            changes[name] = str(round(value))
        else:
            changes[name] = fixed.text(int(Fraction(value).limit_denominator(10**9) * fixed.ONE))
    try:
        scenario.parameters.changed(changes)
    except ParameterError as error:
        raise ScenarioError(f"moving parameters together: {error}") from error
    varied = scenario.model_copy(update={"params": scenario.params | changes})
    sums = [
        row_[metric]
        for replica in range(scenario.replicas)
        for row_ in run_replica(varied, replica)[0][1:]
    ]
    return float(sum(sums)) / len(sums)
