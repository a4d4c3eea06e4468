"""Search for parameters: Optuna proposes, the simulator judges, several objectives at once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from simulation.errors import ScenarioError
from simulation.extras import extra
from simulation.run import Mode
from simulation.scenario import Scenario, check_pays
from simulation.search import Range, check_metric, metrics, moved


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """A metric and the direction in which it is better."""

    direction: Literal["min", "max"]
    metric: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A setting that no other one beats in every objective, and its metrics."""

    changes: dict[str, str]
    values: list[float]


def objective(text: str) -> Objective:
    """An objective as the command line writes it, max:METRIC. Raises ScenarioError."""
    direction, _, metric = text.partition(":")
    if direction not in ("min", "max") or not metric:
        raise ScenarioError(f"an objective is min:METRIC or max:METRIC, got {text!r}")
    return Objective(direction=direction, metric=metric)


def optimize(
    scenario: Scenario,
    ranges: list[Range],
    objectives: list[Objective],
    *,
    trials: int,
    mode: Mode = "fast",
    done: Callable[[int], None] = lambda _: None,
) -> list[Found]:
    """The front of settings of which none is beaten, by the first objective, best first.

    One objective is searched by TPE, several by NSGA-II; both are seeded by the scenario. The
    parameters as they stand are the first trial, so that the front never falls behind them.

    Raises:
        ScenarioError: when a metric is none, nobody is paid, or no trial was legal.
    """
    if not ranges or not objectives:
        raise ScenarioError("to optimise takes at least one range and one objective")
    if len({o.metric for o in objectives}) < len(objectives):
        raise ScenarioError("the objectives name each metric but once")
    check_pays(scenario)
    for o in objectives:
        check_metric(scenario, o.metric)
    optuna: Any = extra("optuna", "search")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    samplers = optuna.samplers
    kind = samplers.TPESampler if len(objectives) == 1 else samplers.NSGAIISampler
    study = optuna.create_study(
        directions=["maximize" if o.direction == "max" else "minimize" for o in objectives],
        sampler=kind(seed=scenario.seed % 2**31),
    )
    study.enqueue_trial(_as_it_stands(scenario, ranges))

    refused: list[str] = []

    def judge(trial: Any) -> list[float]:
        changes = {r.name: r.text(_suggested(trial, r)) for r in ranges}
        trial.set_user_attr("changes", changes)
        try:
            made = moved(scenario, changes)
        except ScenarioError as error:
            refused.append(str(error))
            raise optuna.TrialPruned(str(error)) from error
        return metrics(made, [o.metric for o in objectives], mode)

    def finished(_study: Any, _trial: Any) -> None:
        done(1)

    study.optimize(judge, n_trials=trials, callbacks=[finished])
    best = study.best_trials
    if not best:
        raise ScenarioError(
            f"no trial was legal, so the ranges contradict the chain's rules; {refused[-1]}"
        )
    sign = -1 if objectives[0].direction == "max" else 1
    front = {
        tuple(t.user_attrs["changes"].items()): Found(
            changes=t.user_attrs["changes"], values=list(t.values)
        )
        for t in best
    }
    return sorted(front.values(), key=lambda f: sign * f.values[0])


def _suggested(trial: Any, of: Range) -> float:
    if of.is_integer:
        return trial.suggest_int(of.name, int(of.low), int(of.high))
    return trial.suggest_float(of.name, of.low, of.high)


def _as_it_stands(scenario: Scenario, ranges: list[Range]) -> dict[str, float]:
    """Today's values, where they lie in the ranges."""
    values = {r.name: float(scenario.parameters[r.name]) for r in ranges}
    inside = {r.name: values[r.name] for r in ranges if r.low <= values[r.name] <= r.high}
    return {r.name: int(v) if r.is_integer else v for r in ranges if (v := inside.get(r.name))}
