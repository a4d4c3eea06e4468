"""Axes of a sweep, as the command line writes them."""

from simulation import fixed
from simulation.errors import DecimalError, ScenarioError, shown

MOST_SETTINGS = 10_000
"""Settings of a sweep: each is a scenario of its own in the manifest."""


def axis(text: str) -> tuple[str, list[str]]:
    """KEY=FROM:TO:STEPS, evenly spaced with both ends, or KEY=A,B,C.

    Values are exact: 0:0.3:7 gives 0, 1/20, 1/10 … Raises ScenarioError.
    """
    key, _, values = text.partition("=")
    if not key or not values:
        raise ScenarioError(f"--grid takes KEY=FROM:TO:STEPS or KEY=A,B,C, got {shown(text)}")
    made = _spaced(text, values) if ":" in values else values.split(",")
    if len(set(made)) != len(made):
        raise ScenarioError(f"--grid takes values that differ, got {shown(text)}")
    return key, made


def _spaced(text: str, values: str) -> list[str]:
    parts = values.split(":")
    if len(parts) != 3:
        raise ScenarioError(f"--grid takes KEY=FROM:TO:STEPS, got {shown(text)}")
    try:
        first, last, count = (fixed.rational(part) for part in parts)
    except DecimalError as error:
        raise ScenarioError(f"--grid {shown(text)}: {error}") from error
    if count.denominator != 1 or not 2 <= count <= MOST_SETTINGS:
        raise ScenarioError(
            f"--grid takes KEY=FROM:TO:STEPS with 2 to {MOST_SETTINGS:,} steps, got {shown(text)}"
        )
    span = (last - first) / (count - 1)
    return [str(first + span * i) for i in range(int(count))]
