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
    """Run both on the same seeds and pair their fleets by name.

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
        sides = [run_replica(side, replica, mode) for side in (base, proposal)]
        for point, side in enumerate(sides):
            for kind, rows in zip(columns, side, strict=True):
                for row in rows:
                    for name, value in (row | {"point": point}).items():
                        kind[name].append(value)
        for before, after in zip(sides[0][1], sides[1][1], strict=True):
            pair = before["income_per_gpu_hour"], after["income_per_gpu_hour"]
            pairs[before["fleet"]].append(pair)
        done(1)
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
_PARTS = (2, 4, 8)


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


def attack(
    scenario: Scenario,
    behaviour: Behaviour,
    *,
    fleet: str | None = None,
    strengths: Sequence[float] | None = None,
    parts: Sequence[int] | None = None,
    mode: Mode = "exact",
    done: Callable[[int], None] = lambda _: None,
) -> list[Response]:
    """The income of one fleet when it deviates, against itself when honest, on the same seeds.

    Tries `responses`. The first response is the best of those tried; its gain is the regret of
    being honest, and its interval is not corrected for how many were tried.

    Raises:
        ScenarioError: when no fleet has that name, nobody is paid, there is nothing to try, or
            what is tried is not legal.
    """
    if behaviour is Behaviour.HONEST:
        raise ScenarioError("an attack deviates: honest is what every behaviour is held against")
    _check_replicas(scenario)
    check_pays(scenario)
    names = [f.name for f in scenario.fleets]
    name = names[0] if fleet is None else fleet
    if name not in names:
        raise ScenarioError(f"no fleet {shown(name)}; there are {', '.join(names)}")
    at = names.index(name)
    tried = responses(scenario, behaviour, name, strengths, parts)
    if not tried:
        raise ScenarioError("an attack tries at least one strength and one number of parts")
    if behaviour is Behaviour.SYBIL and scenario.fleets[at].nodes == 1:
        raise ScenarioError(f"a host of {name} has one node, and so nothing to split")

    def one(behaviour: Behaviour, strength: float, parts: int) -> Scenario:
        return with_fleet(scenario, at, behaviour=behaviour, strength=strength, parts=parts)

    def income(varied: Scenario) -> tuple[list[float], float, bool]:
        """What the fleet earns an epoch in each replica, the share of abandoned epochs, and
        whether anybody was paid.
        """
        runs = [run_replica(varied, r, mode) for r in range(scenario.replicas)]
        # The first epoch settles genesis, which earns nothing.
        settled = scenario.epochs - 1
        gone = sum(row["abandoned"] for rows, _ in runs for row in rows)
        paid = any(row["paid"] > 0 for rows, _ in runs for row in rows)
        done(1)
        found = [float(fleets[at]["income"]) / settled for _, fleets in runs]
        return found, gone / (scenario.replicas * scenario.epochs), paid

    # All of them are legal before the first one runs.
    varied = [one(behaviour, *how) for how in tried]
    honest, _, pays = income(one(Behaviour.HONEST, 0.0, 1))

    def response(how: tuple[float, int], varied: Scenario) -> Response:
        found, abandoned, paid = income(varied)
        pairs = zip(found, honest, strict=True)
        return Response(
            strength=how[0],
            parts=how[1],
            gain=interval([a - b for a, b in pairs]),
            honest=sum(honest) / len(honest),
            abandoned=abandoned,
            paid=pays or paid,
        )

    made = map(response, tried, varied)
    return sorted(made, key=lambda r: -r.gain.mean)


def responses(
    scenario: Scenario,
    behaviour: Behaviour,
    fleet: str,
    strengths: Sequence[float] | None = None,
    parts: Sequence[int] | None = None,
) -> list[tuple[float, int]]:
    """Every strength with every number of parts, where a behaviour knows them.

    Without strengths, `STRENGTHS`; without parts, as far as a host to be split has nodes.

    Raises:
        ScenarioError: when strengths or parts are given, and nothing follows from them.
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
    return list(
        product(
            STRENGTHS if strengths is None else strengths,
            _usual_parts(scenario, behaviour, fleet) if parts is None else parts,
        )
    )


def _usual_parts(scenario: Scenario, behaviour: Behaviour, fleet: str) -> list[int]:
    nodes = next((f.nodes for f in scenario.fleets if f.name == fleet), _PARTS[-1])
    fits = [p for p in _PARTS if behaviour is not Behaviour.SYBIL or p <= nodes]
    return fits or [nodes]
