"""Two scenarios on the same chance: who gains, who loses, and how sure that is."""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from simulation.errors import ScenarioError, shown
from simulation.run import Mode, run_replica
from simulation.scenario import (
    OF_PARTS,
    OF_STRENGTH,
    Behaviour,
    Fleet,
    Scenario,
    check_pays,
    with_fleet,
)

# Two-sided 95 % points of Student's t by degrees of freedom.
_T = {
    1: 12.71,
    2: 4.30,
    3: 3.18,
    4: 2.78,
    5: 2.57,
    6: 2.45,
    7: 2.36,
    8: 2.31,
    9: 2.26,
    10: 2.23,
    15: 2.13,
    20: 2.09,
    30: 2.04,
    60: 2.00,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A mean and the ends of its 95 % confidence interval."""

    mean: float
    low: float
    high: float

    @property
    def sure(self) -> bool:
        """Whether zero lies outside."""
        return self.low > 0 or self.high < 0


def interval(values: list[float]) -> Interval:
    """Student's interval of a sample; without bounds for a single value."""
    n = len(values)
    mean = sum(values) / n
    if n < 2:
        return Interval(mean=mean, low=-math.inf, high=math.inf)
    deviation = math.sqrt(sum((v - mean) ** 2 for v in values) / (n - 1))
    freedom = max(k for k in _T if k <= n - 1)
    half = _T[freedom] * deviation / math.sqrt(n)
    return Interval(mean=mean, low=mean - half, high=mean + half)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A fleet under two rules, in unine a GPU-hour; paired by replica."""

    fleet: str
    gpu: str
    behaviour: str
    base: float
    proposal: float
    difference: Interval

    @property
    def words(self) -> str:
        """gains, loses, or nothing that this many replicas could tell from chance."""
        if not self.difference.sure:
            return "unchanged" if self.difference.mean == 0 else "not distinguishable"
        return "gains" if self.difference.mean > 0 else "loses"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two scenarios run on the same chance; base is point 0 of the rows, the proposal point 1."""

    base: Scenario
    proposal: Scenario
    changes: list[Change]
    epochs: dict[str, list[Any]]
    fleets: dict[str, list[Any]]


def compare(
    base: Scenario,
    proposal: Scenario,
    mode: Mode = "exact",
    done: Callable[[int], None] = lambda _: None,
) -> Comparison:
    """Run both on the same seeds and pair their fleets by name; done is told of every epoch.

    Raises:
        ScenarioError: when seeds, replicas, epochs or fleets differ, so that nothing pairs, or when
            nobody is paid.
    """
    for what in ("seed", "replicas", "epochs"):
        ends = getattr(base, what), getattr(proposal, what)
        if ends[0] != ends[1]:
            raise ScenarioError(
                f"to be compared, both scenarios need the same {what}: the base has {ends[0]}, "
                f"the proposal {ends[1]}; --set {what}={ends[0]} sets it for both"
            )
    _check_replicas(base)
    check_pays(base)
    names = [", ".join(f.name for f in side.fleets) for side in (base, proposal)]
    if names[0] != names[1]:
        raise ScenarioError(
            "to be compared, both scenarios need fleets of the same names, in the same order: "
            f"the base has {names[0]}; the proposal {names[1]}"
        )
    pairs: dict[str, list[tuple[float, float]]] = defaultdict(list)
    columns: tuple[dict[str, list[Any]], ...] = (defaultdict(list), defaultdict(list))
    for replica in range(base.replicas):
        sides = [run_replica(side, replica, mode, done) for side in (base, proposal)]
        for point, side in enumerate(sides):
            for kind, rows in zip(columns, side, strict=True):
                for row in rows:
                    for name, value in (row | {"point": point}).items():
                        kind[name].append(value)
        for before, after in zip(sides[0][1], sides[1][1], strict=True):
            pair = before["income_per_gpu_hour"], after["income_per_gpu_hour"]
            pairs[before["fleet"]].append(pair)
    return Comparison(
        base=base,
        proposal=proposal,
        changes=[
            _change(before, after, pairs[before.name])
            for before, after in zip(base.fleets, proposal.fleets, strict=True)
        ],
        epochs=columns[0],
        fleets=columns[1],
    )


def _check_replicas(scenario: Scenario) -> None:
    if scenario.replicas < 2:
        raise ScenarioError("one replica has no interval of confidence: set replicas to 2 or more")


def _change(before: Fleet, after: Fleet, pairs: list[tuple[float, float]]) -> Change:
    n = len(pairs)
    return Change(
        fleet=before.name,
        gpu=" → ".join(dict.fromkeys((before.gpu, after.gpu))),
        behaviour=" → ".join(dict.fromkeys((before.behaviour.value, after.behaviour.value))),
        base=sum(b for b, _ in pairs) / n,
        proposal=sum(p for _, p in pairs) / n,
        difference=interval([p - b for b, p in pairs]),
    )


# What an attack tries unless it is told. The best of a forgery may lie at a thousandth of all
# claims (docs/spec/poc-judging.md), so that the ladder begins below that.
STRENGTHS = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
PARTS = (2, 4, 8)

How = tuple[float, int]
"""A strength, and a number of parts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What a behaviour earns its fleet beyond honesty, and honesty itself, in unine an epoch."""

    strength: float
    parts: int
    gain: Interval
    honest: float
    abandoned: float  # share of the epochs
    paid: bool = True  # anybody, by the response or by honesty

    @property
    def of_income(self) -> str:
        """The gain as a share of what honesty earns, in words."""
        return f"{self.gain.mean / self.honest:+.3%}" if self.honest else ""


class Trials:
    """One fleet of a scenario that deviates, against itself when honest, on the same seeds."""

    def __init__(
        self,
        scenario: Scenario,
        behaviour: Behaviour,
        fleet: str | None = None,
        *,
        replicas: range | None = None,
        mode: Mode = "exact",
        done: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Nothing runs yet.

        Args:
            scenario: whom the fleet is part of.
            behaviour: how it deviates.
            fleet: its name; the first fleet.
            replicas: whose chance is drawn; those of the scenario.
            mode: exact, or float64 for searches.
            done: told of every epoch.

        Raises:
            ScenarioError: when no fleet has that name, nobody is paid, or there is one replica.
        """
        if behaviour is Behaviour.HONEST:
            raise ScenarioError(
                "an attack deviates: honest is what every behaviour is held against"
            )
        _check_replicas(scenario)
        check_pays(scenario)
        names = [f.name for f in scenario.fleets]
        self.fleet = names[0] if fleet is None else fleet
        if self.fleet not in names:
            raise ScenarioError(f"no fleet {shown(self.fleet)}; there are {', '.join(names)}")
        self.scenario, self.behaviour, self.done = scenario, behaviour, done
        self.mode: Mode = mode
        self.replicas = range(scenario.replicas) if replicas is None else replicas
        self._at = names.index(self.fleet)
        self._honest: tuple[list[float], float, bool] | None = None

    def on(self, replicas: range) -> "Trials":
        """The same on the chance of other replicas."""
        rest = self.scenario, self.behaviour, self.fleet
        return Trials(*rest, replicas=replicas, mode=self.mode, done=self.done)

    def varied(self, how: How) -> Scenario:
        """The scenario with the fleet that deviates so. Raises ScenarioError unless it is legal."""
        return self._with(self.behaviour, *how)

    def response(self, how: How) -> Response:
        """What a response earns. Honesty is run once, with the first of them."""
        varied = self.varied(how)
        if self._honest is None:
            self._honest = self._income(self._with(Behaviour.HONEST, 0.0, 1))
        honest, _, pays = self._honest
        found, abandoned, paid = self._income(varied)
        return Response(
            strength=how[0],
            parts=how[1],
            gain=interval([a - b for a, b in zip(found, honest, strict=True)]),
            honest=sum(honest) / len(honest),
            abandoned=abandoned,
            paid=pays or paid,
        )

    def _with(self, behaviour: Behaviour, strength: float, parts: int) -> Scenario:
        told = {"behaviour": behaviour, "strength": strength, "parts": parts}
        return with_fleet(self.scenario, self._at, **told)

    def _income(self, varied: Scenario) -> tuple[list[float], float, bool]:
        """What the fleet earns an epoch in each replica, the share of abandoned epochs, and
        whether anybody was paid.
        """
        runs = [run_replica(varied, r, self.mode, self.done) for r in self.replicas]
        # The first epoch settles genesis, which earns nothing.
        settled = self.scenario.epochs - 1
        gone = sum(row["abandoned"] for rows, _ in runs for row in rows)
        paid = any(row["paid"] > 0 for rows, _ in runs for row in rows)
        found = [float(fleets[self._at]["income"]) / settled for _, fleets in runs]
        return found, gone / (len(self.replicas) * self.scenario.epochs), paid


def attack(
    scenario: Scenario,
    behaviour: Behaviour,
    *,
    fleet: str | None = None,
    strengths: Sequence[float] | None = None,
    parts: Sequence[int] | None = None,
    mode: Mode = "exact",
) -> list[Response]:
    """The income of one fleet when it deviates, against itself when honest, on the same seeds.

    Tries `responses` and nothing between them; `attack.search` does more. The first response is
    the best of those tried, and its interval is not corrected for how many were tried.

    Raises:
        ScenarioError: as `Trials` and `responses` do, or what is tried is not legal.
    """
    trials = Trials(scenario, behaviour, fleet, mode=mode)
    tried = responses(scenario, behaviour, trials.fleet, strengths, parts)
    for how in tried:  # all of them are legal before the first one runs
        trials.varied(how)
    return sorted(map(trials.response, tried), key=lambda r: -r.gain.mean)


def responses(
    scenario: Scenario,
    behaviour: Behaviour,
    fleet: str,
    strengths: Sequence[float] | None = None,
    parts: Sequence[int] | None = None,
) -> list[How]:
    """Every strength with every number of parts, where a behaviour knows them.

    Without strengths, `STRENGTHS`; without parts, as far as a host to be split has nodes.

    Raises:
        ScenarioError: when strengths or parts are given and nothing follows from them, or there
            is nothing to try.
    """
    for option, given, knowing in (
        ("--strengths", strengths, OF_STRENGTH),
        ("--parts", parts, OF_PARTS),
    ):
        if given is not None and behaviour not in knowing:
            raise ScenarioError(
                f"{option}: nothing follows from it for a fleet that is {behaviour.value}; "
                f"leave it out, or let the behaviour be one of {', '.join(knowing)}"
            )
    if behaviour not in OF_STRENGTH:
        strengths = (0.0,)
    if behaviour not in OF_PARTS:
        parts = (1,)
    nodes = next((f.nodes for f in scenario.fleets if f.name == fleet), PARTS[-1])
    if behaviour is Behaviour.SYBIL and nodes == 1:
        raise ScenarioError(f"a host of {fleet} has one node, and so nothing to split")
    usual = [p for p in PARTS if behaviour is not Behaviour.SYBIL or p <= nodes]
    made = product(
        dict.fromkeys(STRENGTHS if strengths is None else strengths),
        dict.fromkeys(usual if parts is None else parts),
    )
    tried = list(made)
    if not tried:
        raise ScenarioError("an attack tries at least one strength and one number of parts")
    return tried
