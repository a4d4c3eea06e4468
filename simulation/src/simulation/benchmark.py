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


# Hosts of the measured scenario that forge; all others are honest.
FORGERS = 20


def measured_scenario(hosts: int) -> Scenario:
    """Every stage has something to do: two models, three in ten hosts cover both, one in a
    hundred is away, and some forge so much that juries differ over them.
    """
    models = ["org/large", "org/small"]
    covering = hosts * 3 // 10
    forgers = min(FORGERS, hosts // 10)
    return parse(
        {
            "name": "benchmark",
            "models": [{"id": models[0], "demand": 0.5}, {"id": models[1], "demand": 0.3}],
            "fleets": [
                {"name": "covering", "hosts": covering, "nodes": 2, "models": models},
                {"name": "single", "hosts": hosts - covering - forgers, "models": models[:1]},
                {
                    "name": "forgers",
                    "hosts": forgers,
                    "models": models[:1],
                    "behaviour": "nonce_overclaimer",
                    "strength": 0.02,
                },
            ],
            "faults": {"share": 0.01},
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
