"""What a run takes is told before it takes it."""

import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from simulation import size
from simulation.cli import app
from simulation.errors import SimulationError
from simulation.network import build
from simulation.randomness import streams
from simulation.run import Point, run_points, run_replica
from simulation.scenario import Scenario, parse


def network(hosts: int, nodes: int = 1, **rest: Any) -> Scenario:
    fleet = {"name": "a", "hosts": hosts, "nodes": nodes, "models": ["m"]} | rest
    tree = {"name": "x", "epochs": 2, "replicas": 2, "fleets": [fleet]}
    # Without demand no slot is drawn, which takes long and no memory.
    world = {"models": [{"id": "m", "demand": 0}], "faults": {"share": 0.01}}
    return parse(tree | world)


@pytest.mark.parametrize(
    "made",
    [
        network(150_000),
        network(40_000, 8),
        network(30_000, behaviour="lazy_validator"),
        network(20_000, 4, behaviour="sybil", parts=4),
    ],
    ids=["hosts", "nodes", "seats", "parts"],
)
def test_a_replica_takes_what_is_told_and_no_less_than_half(made: Scenario) -> None:
    tracemalloc.start()
    try:
        run_replica(made, 0)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    told = size.memory(made) - size.memory(network(1))
    assert 0.5 * told < peak < 1.1 * told


@pytest.mark.parametrize("behaviour", ["honest", "sybil", "slot_farmer"])
def test_hosts_and_nodes_are_those_that_are_built(behaviour: str) -> None:
    parts = {"parts": 3} if behaviour == "sybil" else {}
    made = network(5, 4, behaviour=behaviour, **parts)
    built = build(made, streams(1, 0).sizes)
    assert size.hosts_and_nodes(made) == (built.hosts, built.nodes)


def test_what_does_not_fit_is_refused_before_it_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    made = network(10_000_000, 4)
    monkeypatch.setattr(size, "free", lambda: 20 * 10**9)
    assert size.told([network(5), made]) == (
        "building a network: 10,000,000 hosts with 40,000,000 nodes take about 15.2 GB of memory"
    )
    assert size.told([network(5)]) == ""
    words = (
        "take about 30.4 GB of memory in 2 processes, and this machine has 20.0 GB to give: take "
        "fewer hosts, nodes or --jobs"
    )
    with pytest.raises(SimulationError, match=words):
        size.told([made], jobs=2)
    assert size.told([made], jobs=0), "what workers elsewhere have to give is not known here"
    monkeypatch.setattr(size, "free", lambda: None)
    assert size.told([made], jobs=64)


def test_the_shell_tells_the_size_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "large.toml"
    file.write_text('name = "x"\n[[fleets]]\nname = "a"\nhosts = 10_000_000\nnodes = 4\n')
    order: list[str] = []
    monkeypatch.setattr(size, "free", lambda: 20 * 10**9)
    monkeypatch.setattr("simulation.cli.run_points", lambda *_, **__: order.append("run"))
    monkeypatch.setattr("simulation.cli._errors.print", lambda text, **_: order.append(text))
    CliRunner().invoke(app, ["run", str(file), "-o", str(tmp_path / "out")])
    assert order[0].startswith("building a network: 10,000,000 hosts with 40,000,000 nodes")
    assert order[1] == "run"


def test_every_epoch_is_told_when_it_is_done(tmp_path: Path) -> None:
    for jobs, steps in ((1, [0, 1, 1, 1, 1]), (2, [0, 2, 2])):
        done: list[int] = []
        points = [Point(index=0, changes={}, scenario=network(5))]
        run_points(points, tmp_path / str(jobs), jobs=jobs, done=done.append)
        assert done == steps
