"""How fast the model is, in CPU time of one process."""

import resource
import time
from dataclasses import dataclass
from typing import Any

from simulation import compiler, fixed
from simulation.metrics import epoch_row
from simulation.network import build, start
from simulation.randomness import streams
from simulation.run import Mode
from simulation.scenario import Scenario, parse
from simulation.step import fast_floor_each, step

# Hosts of the measured scenario that forge; all others are honest.
FORGERS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One number."""

    name: str
    value: float
    unit: str


def measured_scenario(hosts: int, **changes: Any) -> Scenario:
    """Every stage has something to do: two models, three in ten hosts cover both, one in a
    hundred is away, and some forge so much that juries differ over them.
    """
    models = ["org/large", "org/small"]
    covering = max(1, hosts * 3 // 10)
    forgers = max(1, min(FORGERS, hosts // 10))
    single = max(1, hosts - covering - forgers)
    forging = {"behaviour": "nonce_overclaimer", "strength": 0.02}
    return parse(
        {
            "name": "benchmark",
            "models": [{"id": models[0], "demand": 0.5}, {"id": models[1], "demand": 0.3}],
            "fleets": [
                {"name": "covering", "hosts": covering, "nodes": 2, "models": models},
                {"name": "single", "hosts": single, "models": models[:1]},
                {"name": "forgers", "hosts": forgers, "models": models[:1]} | forging,
            ],
            "faults": {"share": 0.01},
        }
        | changes
    )


def warm_up() -> float:
    """CPU seconds of loading the compiler and every loop that the measured scenario calls."""
    started = time.process_time()
    compiler.load()
    _run(20, 2, "exact")
    return time.process_time() - started


def measure(hosts: int, epochs: int, modes: tuple[Mode, ...] = ("exact", "fast")) -> list[Measured]:
    """CPU seconds an epoch with its metrics, by mode; the compiler's; and the peak of memory.

    The compiler is loaded first: it costs a process once what its row says, however long the run.
    """
    loading = warm_up()
    seconds = {mode: _run(hosts, epochs, mode) for mode in modes}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [
        *(Measured(name=mode, value=s, unit="s an epoch") for mode, s in seconds.items()),
        Measured(name="compiler", value=loading, unit="s a process"),
        Measured(name="peak", value=peak, unit="MiB"),
    ]


def _run(hosts: int, epochs: int, mode: Mode) -> float:
    chance = streams(1, 0)
    network = build(measured_scenario(hosts), chance.sizes)
    state = start(network)
    floor = fixed.floor_each if mode == "exact" else fast_floor_each
    # Genesis has no slots and pays nothing: it is no epoch to measure.
    step(network, state, chance, floor=floor)
    started = time.process_time()
    for _ in range(epochs):
        epoch_row(state, step(network, state, chance, floor=floor))
    return (time.process_time() - started) / epochs
