"""The best response of a behaviour: searched on some seeds, and measured on others.

The best of many is partly the luckiest of them: on the seeds that it was chosen by, it gains more
than it does. So what is chosen runs again on seeds that had no part in the choice.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from simulation.compare import How, Response, Trials, responses
from simulation.run import Mode
from simulation.scenario import OF_PARTS, OF_SHARE, OF_STRENGTH, Behaviour, Scenario

# How far a search goes by itself, where no share and no number of nodes ends it before.
LEAST_STRENGTH, MOST_STRENGTH, MOST_SEEDS = 1e-5, 10.0, 64
# A ladder that multiplies by three is halved so often around its best: to steps of 15 %.
HALVINGS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search found.

    Attributes:
        tried: every response on the seeds of the search, the best first.
        best: the best of them on fresh seeds, or as it was where there was nothing to choose.
        fresh: the replicas of the fresh seeds; none where there was nothing to choose.
        ended: where the search ended, and why, in words.
    """

    tried: list[Response]
    best: Response
    fresh: range
    ended: list[str]


def search(
    scenario: Scenario,
    behaviour: Behaviour,
    *,
    fleet: str | None = None,
    strengths: Sequence[float] | None = None,
    parts: Sequence[int] | None = None,
    mode: Mode = "exact",
    done: Callable[[int], None] = lambda _: None,
    plan: Callable[[int], None] = lambda _: None,
) -> Found:
    """Search for what gains a fleet most beyond honesty.

    Args:
        scenario: whom the fleet is part of.
        behaviour: how it deviates.
        fleet: its name; the first fleet.
        strengths: to be tried as they are; otherwise a ladder, which is widened and refined.
        parts: to be tried as they are; otherwise doubled for as long as the gain grows.
        mode: exact, or float64.
        done: told of every epoch.
        plan: told how many epochs there will be, whenever that changes.

    Raises:
        ScenarioError: as `Trials` and `responses` do, or what is tried is not legal.
    """
    trials = Trials(scenario, behaviour, fleet, mode=mode, done=done)
    first = responses(scenario, behaviour, trials.fleet, strengths, parts)
    for how in first:  # all of them are legal before the first one runs
        trials.varied(how)
    found = _Search(trials, plan)
    found.add(first)
    ended: list[str] = []
    by_parts = parts is None and behaviour in OF_PARTS
    if by_parts:
        ended = [found.double_parts()]
    if strengths is None and behaviour in OF_STRENGTH:
        ended = [found.widen_strengths(), found.refine_strengths()]
        # With another strength, more parts may gain more.
        ended += [found.double_parts()] if by_parts else []
    tried = sorted(found.tried.values(), key=lambda r: -r.gain.mean)
    best, fresh = tried[0], range(0)
    if len(tried) > 1:
        fresh = range(scenario.replicas, 2 * scenario.replicas)
        found.expect(2)
        again = trials.on(fresh).response((best.strength, best.parts))
        best = replace(again, paid=again.paid or best.paid)
    return Found(tried=tried, best=best, fresh=fresh, ended=ended)


def networks(
    scenario: Scenario,
    behaviour: Behaviour,
    fleet: str | None = None,
    strengths: Sequence[float] | None = None,
    parts: Sequence[int] | None = None,
) -> list[Scenario]:
    """What a search builds: the honest network, and the same with the fleet that deviates.

    Raises:
        ScenarioError: as `search` does, before anything runs.
    """
    trials = Trials(scenario, behaviour, fleet)
    tried = responses(scenario, behaviour, trials.fleet, strengths, parts)
    if parts is None and behaviour in OF_PARTS:
        tried.append((tried[0][0], _most_parts(trials)))
    return [scenario, *map(trials.varied, tried)]


def _most_parts(trials: Trials) -> int:
    """The nodes of a host that is split, or as many seeds as are ground by ourselves."""
    if trials.behaviour is not Behaviour.SYBIL:
        return MOST_SEEDS
    return next(f.nodes for f in trials.scenario.fleets if f.name == trials.fleet)


class _Search:
    """The responses that were tried, and where to go from them."""

    def __init__(self, trials: Trials, plan: Callable[[int], None]) -> None:
        self.trials, self._plan = trials, plan
        self.tried: dict[How, Response] = {}
        self._runs = 0
        self.expect(1)  # honesty

    def expect(self, responses: int) -> None:
        """So many more will run."""
        self._runs += responses * len(self.trials.replicas)
        self._plan(self._runs * self.trials.scenario.epochs)

    def add(self, more: Sequence[How]) -> None:
        """Try what was not tried yet."""
        new = [how for how in more if how not in self.tried]
        self.expect(len(new))
        for how in new:
            self.tried[how] = self.trials.response(how)

    @property
    def best(self) -> How:
        """The first of those that gain most."""
        return max(self.tried, key=lambda how: self.tried[how].gain.mean)

    def double_parts(self) -> str:
        """At the best strength, for as long as twice as many gain more."""
        most = _most_parts(self.trials)
        while True:
            strength, best = self.best
            last = max(parts for of, parts in self.tried if of == strength)
            if best < last:
                return f"Parts were doubled up to {last}: more than {best} gain no more."
            if last >= most:
                sybil = self.trials.behaviour is Behaviour.SYBIL
                end = "a host has no more nodes" if sybil else "no more are tried"
                return f"Parts were doubled up to {last}, which gain most: {end}."
            self.add([(strength, min(2 * last, most))])

    def widen_strengths(self) -> str:
        """Beyond either end of the ladder, for as long as the gain grows."""
        most = 1.0 if self.trials.behaviour in OF_SHARE else MOST_STRENGTH
        while True:
            best, parts = self.best
            ladder = self._ladder(parts)
            if best == ladder[-1] < most:
                self.add([(min(2 * best, most), parts)])
            elif best == ladder[0] > LEAST_STRENGTH:
                self.add([(max(_short(best / 2), LEAST_STRENGTH), parts)])
            else:
                break
        tried = f"Strengths from {ladder[0]:g} to {ladder[-1]:g} were tried"
        if best in (most, LEAST_STRENGTH):
            return f"{tried}, and the gain still grew at {best:g}, where the search ends."
        return f"{tried}: at both ends the gain is no greater than between them."

    def refine_strengths(self) -> str:
        """Halfway to either neighbour of the best, some times."""
        for _ in range(HALVINGS):
            best, parts = self.best
            between = [_short(math.sqrt(best * other)) for other in self._neighbours(best, parts)]
            self.add([(strength, parts) for strength in between])
        best, parts = self.best
        ends = " and ".join(f"{strength:g}" for strength in self._neighbours(best, parts))
        return f"Around the best strength, {best:g}, nothing was tried that is closer than {ends}."

    def _ladder(self, parts: int) -> list[float]:
        return sorted(strength for strength, of in self.tried if of == parts)

    def _neighbours(self, strength: float, parts: int) -> list[float]:
        ladder = self._ladder(parts)
        at = ladder.index(strength)
        return ladder[max(0, at - 1) : at] + ladder[at + 1 : at + 2]


def _short(strength: float) -> float:
    return float(f"{strength:.3g}")
