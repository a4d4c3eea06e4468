"""What sensitivity and optimisation share: moving the chain's parameters, and metrics by name."""

import functools
import importlib
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from simulation import fixed
from simulation.columns import what_is_wrong
from simulation.errors import DecimalError, ParameterError, ScenarioError, shown
from simulation.params import suggestion, table
from simulation.run import Mode, run_replica
from simulation.scenario import Scenario, group_free


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """A parameter that moves between two values, both legal and included."""

    name: str
    low: float
    high: float

    @property
    def is_integer(self) -> bool:
        """Whether only whole values are legal."""
        return table()[self.name].kind == "integer"

    def text(self, value: float) -> str:
        """A value as the chain writes it."""
        if self.is_integer:
            return str(round(value))
        # A thousandth of the range is finer than any search, and short to read.
        digits = 3 - math.floor(math.log10(self.high - self.low))
        value = min(max(round(value, digits), self.low), self.high)
        return fixed.text(int(Fraction(repr(value)) * fixed.ONE))


def legal_range(name: str) -> tuple[float, float]:
    """The ends of a parameter's legal range. Raises ScenarioError."""
    row = table().get(name)
    if row is None:
        raise ScenarioError(f"{name} is no parameter{suggestion(name)}")
    if row.kind not in ("integer", "decimal"):
        raise ScenarioError(f"{name} is no number")
    low, high = (float(v) for v in row.legal[1:-1].split(", "))
    return low, high


def around(scenario: Scenario, name: str, share: float) -> Range:
    """A parameter moved by a share of its value to either side. Raises ScenarioError."""
    low, high = legal_range(name)
    value = float(scenario.parameters[name])
    ends = [max(low, value * (1 - share)), min(high, value * (1 + share))]
    if table()[name].kind == "integer":
        ends = [max(low, min(ends[0], value - 1)), min(high, max(ends[1], value + 1))]
    if ends[0] >= ends[1]:
        raise ScenarioError(f"{name} has no room to move around {value:g}")
    return Range(name=name, low=ends[0], high=ends[1])


def between(text: str) -> Range:
    """A range as the command line writes it, NAME=LOW:HIGH. Raises ScenarioError."""
    key, _, ends = text.partition("=")
    name = group_free(key)
    least, most = legal_range(name)
    try:
        low, high = (float(fixed.rational(v)) for v in ends.split(":"))
    except (ValueError, DecimalError) as error:
        raise ScenarioError(
            f"a range is NAME=LOW:HIGH, like {name}={least:g}:{most:g}, got {shown(text)}"
        ) from error
    if not least <= low < high <= most:
        raise ScenarioError(f"{table()[name].error}, and a range ascends; got {shown(ends)}")
    return Range(name=name, low=low, high=high)


def moved(scenario: Scenario, changes: dict[str, str]) -> Scenario:
    """The scenario with other parameters. Raises ScenarioError with the chain's words."""
    try:
        scenario.parameters.changed(changes)
    except ParameterError as error:
        raise ScenarioError(f"moving parameters together: {error}") from error
    return scenario.model_copy(update={"params": scenario.params | changes})


def check_metric(scenario: Scenario, name: str) -> None:
    """Raises ScenarioError unless a metric is a column of epochs, or COLUMN:FLEET."""
    wrong = what_is_wrong(name, [f.name for f in scenario.fleets])
    if wrong:
        raise ScenarioError(wrong)


def metrics(scenario: Scenario, names: Iterable[str], mode: Mode = "exact") -> list[float]:
    """Means of metrics over replicas, and over epochs after the first, which pays nothing."""
    runs = [run_replica(scenario, replica, mode) for replica in range(scenario.replicas)]
    out: list[float] = []
    for name in names:
        column, colon, fleet = name.partition(":")
        if colon:
            values = [row[column] for _, rows in runs for row in rows if row["fleet"] == fleet]
        else:
            values = [row[column] for rows, _ in runs for row in rows[1:] or rows]
        out.append(float(sum(values)) / len(values))
    return out


def evaluate(
    scenario: Scenario,
    settings: list[dict[str, str]],
    metric: str,
    *,
    jobs: int = 1,
    mode: Mode = "exact",
    done: Callable[[int], None] = lambda _: None,
) -> list[float]:
    """A metric of every setting, in their order. Raises ScenarioError before anything runs."""
    check_metric(scenario, metric)
    made = [moved(scenario, changes) for changes in settings]
    work = functools.partial(_one, metric, mode)
    if jobs == 1:
        values = map(work, made)
    else:
        joblib: Any = importlib.import_module("joblib")
        parallel = joblib.Parallel(n_jobs=jobs, return_as="generator")
        values = parallel(joblib.delayed(work)(s) for s in made)
    out: list[float] = []
    for value in values:
        out.append(value)
        done(1)
    return out


def _one(metric: str, mode: Mode, scenario: Scenario) -> float:
    return metrics(scenario, [metric], mode)[0]
