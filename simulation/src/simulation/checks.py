"""What a scenario's verdict rests on, held to the numbers of a run."""

from collections import defaultdict
from typing import Any

from simulation.compare import Interval, interval
from simulation.scenario import Behaviour, Check

Columns = dict[str, list[Any]]

HOLDS = "Holds"
NOTHING = "Nothing to check"
_FAILS = "Does not hold here"
_UNTOLD = "Cannot be told from chance"

_AMOUNTS = ("reward", "paid", "minted", "unit_price", "income", "income_per_gpu_hour")
_SHARES = (
    "absent_share",
    "forged_share",
    "detected_share",
    "forged_credit_share",
    "coverage",
    "serving_share",
    "weight_share",
    "zeroed_share",
    "acted_share",
    "left_share",
    "kept_share",
)


def per_replica(metric: str, epochs: Columns, fleets: Columns, point: int = 0) -> list[float]:
    """A metric of each replica of a point.

    A column of epochs is its mean after the first epoch, which pays nothing because genesis was
    never proven: of a run of one epoch there is none.
    """
    column, colon, fleet = metric.partition(":")
    values: dict[int, list[float]] = defaultdict(list)
    if colon:
        rows = zip(*(fleets[c] for c in ("point", "replica", "fleet", column)), strict=True)
        for of, replica, name, value in rows:
            if of == point and name == fleet:
                values[replica].append(value)
    else:
        rows = zip(*(epochs[c] for c in ("point", "replica", "epoch", column)), strict=True)
        for of, replica, epoch, value in rows:
            if of == point and epoch > 1:
                values[replica].append(value)
    return [sum(found) / len(found) for _, found in sorted(values.items())]


def held(check: Check, epochs: Columns, fleets: Columns) -> tuple[bool, str]:
    """Whether a check certainly holds for the first point, and that in words with its number.

    It holds, or does not, where the 95 % interval over the replicas lies within its bounds, or
    outside of them; otherwise more replicas have to tell. It does not hold either where what it
    is about never happened.
    """
    metrics = [m for m in (check.metric, check.over) if m]
    found = [per_replica(m, epochs, fleets) for m in metrics]
    name = " over ".join(metrics)
    if not found[0]:
        return False, f"{_UNTOLD}: {check.says} ({name} needs an epoch after the first)."
    missing = _missing(check, found[0], epochs, fleets)
    if missing:
        return False, f"{NOTHING}: {check.says} ({missing})."
    if check.over and not all(found[1]):
        return False, f"{_UNTOLD}: {check.says} ({check.over} is 0)."
    values = [a / b for a, b in zip(*found, strict=True)] if check.over else found[0]
    of = interval(values)
    word = _word(check, of)
    half = f" ± {_number(check, of.high - of.mean)}" if len(values) > 1 else " in one replica"
    text = f"{name} is {_number(check, of.mean)}{half}; it should be {_bounds(check)}"
    return word == HOLDS, f"{word}: {check.says} ({text})."


def _missing(check: Check, values: list[float], epochs: Columns, fleets: Columns) -> str:
    """What a check is about and did not happen, in words; nothing where it did."""
    if check.given:
        found = per_replica(check.given, epochs, fleets)
        mean, least = sum(found) / len(found), check.given_at_least
        if mean > 0 and (least is None or mean >= least):
            return _idle(check, fleets)
        asked = "more than 0" if least is None else f"at least {with_unit(check.given, least)}"
        return f"{check.given} is {with_unit(check.given, mean)}; it is of {asked} that this speaks"
    # A bound that allows for nothing says nothing where there was none at all, unless it is known
    # that there could have been.
    if not any(values) and _admits(check, 0.0, 0.0):
        return f"{check.metric} is 0 throughout, and no given says that it need not be"
    return _idle(check, fleets)


def _idle(check: Check, fleets: Columns) -> str:
    """A fleet of the check that never did what its behaviour says; nothing where all did."""
    for metric in filter(None, (check.metric, check.over)):
        _, colon, fleet = metric.partition(":")
        if not colon or any(per_replica(f"acted_share:{fleet}", {}, fleets)):
            continue
        behaviours = {
            behaviour
            for point, name, behaviour in zip(
                *(fleets[c] for c in ("point", "fleet", "behaviour")), strict=True
            )
            if name == fleet and point == 0
        }
        if behaviours != {Behaviour.HONEST.value}:
            return f"{fleet} never did what its behaviour says, {', '.join(sorted(behaviours))}"
    return ""


def _ends(check: Check) -> tuple[float, float]:
    least = float("-inf") if check.at_least is None else check.at_least
    return least, float("inf") if check.at_most is None else check.at_most


def _admits(check: Check, low: float, high: float) -> bool:
    least, most = _ends(check)
    return least <= low and high <= most


def _word(check: Check, of: Interval) -> str:
    least, most = _ends(check)
    if _admits(check, of.low, of.high):
        return HOLDS
    return _FAILS if of.high < least or most < of.low else _UNTOLD


def _bounds(check: Check) -> str:
    ends = [None if v is None else _number(check, v) for v in (check.at_least, check.at_most)]
    if ends[0] is None:
        return f"at most {ends[1]}"
    return f"at least {ends[0]}" if ends[1] is None else f"{ends[0]} to {ends[1]}"


def _number(check: Check, value: float) -> str:
    return f"{value:,.4f}" if check.over else with_unit(check.metric, value)


def with_unit(metric: str, value: float) -> str:
    """A metric's value as people read it: amounts in NINE, shares in percent."""
    column = metric.partition(":")[0]
    if column in _AMOUNTS:
        return f"{value / 1e6:,.4f} NINE"
    return f"{value:.2%}" if column in _SHARES else f"{value:,.4g}"
