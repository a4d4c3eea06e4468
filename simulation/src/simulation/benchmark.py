"""How fast the model is, in CPU time of one process."""

import resource
import time
from dataclasses import dataclass

from simulation import fixed
from simulation.network import build, start
from simulation.randomness import streams
from simulation.scenario import Scenario, parse
from simulation.step import fast_floor_each, step


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One number."""

    name: str
    value: float
    unit: str


def measured_scenario(hosts: int) -> Scenario:
    """Honest hosts of one node each, one model that is served, nobody offline."""
    return parse(
        {
            "name": "benchmark",
            "models": [{"id": "org/model", "demand": 0.5}],
            "fleets": [{"name": "all", "hosts": hosts, "models": ["org/model"]}],
        }
    )


def measure(hosts: int, epochs: int) -> list[Measured]:
    """CPU seconds an epoch in both modes, their ratio, and the peak of memory."""
    seconds = {mode: _run(hosts, epochs, mode) for mode in ("exact", "fast")}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    label = f"{hosts:,} hosts"
    return [
        *(Measured(name=f"{label}, {m}", value=s, unit="s an epoch") for m, s in seconds.items()),
        Measured(
            name=f"{label}, exact against fast",
            value=seconds["fast"] / seconds["exact"],
            unit="of its speed",
        ),
        Measured(name=f"{label}, peak of the process", value=peak, unit="MiB"),
    ]


def _run(hosts: int, epochs: int, mode: str) -> float:
    chance = streams(1, 0)
    network = build(measured_scenario(hosts), chance.sizes)
    state = start(network)
    floor = fixed.floor_each if mode == "exact" else fast_floor_each
    step(network, state, chance, floor=floor)  # warms up, compiles, leaves genesis
    started = time.process_time()
    for _ in range(epochs):
        step(network, state, chance, floor=floor)
    return (time.process_time() - started) / epochs
