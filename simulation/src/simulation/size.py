"""How much memory a run takes, told before it is taken."""

import os
from collections.abc import Iterable
from pathlib import Path

from simulation.claims import FORGERS
from simulation.errors import SimulationError
from simulation.judging import SEEN_AT_ONCE
from simulation.scenario import Behaviour, Scenario

# Bytes at the peak of an epoch, measured with 300,000 to 4,000,000 nodes; tests/test_size.py
# holds them to what NumPy asks for. A process itself takes some 200 MB, numba included.
_A_PROCESS = 200_000_000
_A_HOST, _A_NODE, _A_SEAT = 700, 200, 150

# Who makes it matter who holds a seat, so that seats are drawn one by one.
_SEEN = frozenset(
    (*FORGERS, Behaviour.FALSE_ACCUSER, Behaviour.LAZY_VALIDATOR, Behaviour.NON_OPENER)
)

# Nodes from which building them takes long enough to be told.
_LARGE = 1_000_000


def hosts_and_nodes(scenario: Scenario) -> tuple[int, int]:
    """How many there will be: a splitter has a host for each part, a farmer two nodes a GPU."""
    hosts = nodes = 0
    for fleet in scenario.fleets:
        hosts += fleet.hosts * (fleet.parts if fleet.behaviour is Behaviour.SYBIL else 1)
        nodes += fleet.declared
    return hosts, nodes


def memory(scenario: Scenario) -> int:
    """Bytes that a replica takes at its peak, at most: it may be half as many."""
    hosts, nodes = hosts_and_nodes(scenario)
    seats = 0
    if any(fleet.behaviour in _SEEN for fleet in scenario.fleets):
        seats = min(hosts, SEEN_AT_ONCE) * scenario.parameters.integer("seats_per_host")
    return _A_PROCESS + _A_HOST * hosts + _A_NODE * nodes + _A_SEAT * seats


def free() -> int | None:
    """Bytes that this machine has to give; nothing where it does not tell."""
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return None


def told(scenarios: Iterable[Scenario], jobs: int = 1) -> str:
    """What is about to be built, in words; nothing where that is no matter.

    Args:
        scenarios: of which each process holds one at a time.
        jobs: processes on this machine; 0 where others do the work.

    Raises:
        SimulationError: when this machine has too little memory for them.
    """
    scenario = max(scenarios, key=memory)
    hosts, nodes = hosts_and_nodes(scenario)
    needed, there = memory(scenario) * max(1, jobs), free() if jobs else None
    words = f"{hosts:,} hosts with {nodes:,} nodes take about {needed / 1e9:.1f} GB of memory"
    words += f" in {jobs} processes" if jobs > 1 else ""
    if there is not None and needed > there:
        less = "hosts, nodes or --jobs" if jobs > 1 else "hosts or nodes"
        raise SimulationError(
            f"{words}, and this machine has {there / 1e9:.1f} GB to give: take fewer {less}"
        )
    return f"building a network: {words}" if nodes >= _LARGE else ""
