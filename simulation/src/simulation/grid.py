"""Axes of a sweep, as the command line writes them."""

from simulation.errors import ScenarioError
from simulation.scenario import fraction

# A point is a run: nobody waits for more.
_MOST_STEPS = 10_000


def axis(text: str) -> tuple[str, list[str]]:
    """KEY=FROM:TO:STEPS, evenly spaced with both ends, or KEY=A,B,C.

    Values are exact: 0:0.3:7 gives 0, 1/20, 1/10 … Raises ScenarioError.
    """
    key, equals, values = text.partition("=")
    if not equals or not values:
        raise ScenarioError(f"an axis is KEY=FROM:TO:STEPS or KEY=A,B,C, got {text!r}")
    if ":" not in values:
        return key, values.split(",")
    try:
        low, high, steps = values.split(":")
        first, last, count = fraction(low), fraction(high), int(steps)
    except ValueError as error:
        raise ScenarioError(f"an axis is KEY=FROM:TO:STEPS, got {text!r}") from error
    if not 2 <= count <= _MOST_STEPS:
        raise ScenarioError(f"an axis has 2 to {_MOST_STEPS:,} steps, got {text!r}")
    span = (last - first) / (count - 1)
    return key, [str(first + span * i) for i in range(count)]
