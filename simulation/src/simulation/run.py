"""Running scenarios: one replica, or points times replicas over workers, as Parquet parts."""

import functools
import hashlib
import importlib
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from simulation import fixed
from simulation.acting import acted
from simulation.errors import ClusterError
from simulation.extras import extra
from simulation.metrics import epoch_row, fleet_rows
from simulation.network import build, start
from simulation.params import vectors_folder
from simulation.randomness import streams
from simulation.scenario import Behaviour, Scenario
from simulation.step import fast_floor_each, step
from simulation.store import Part, Store
from simulation.weight import zeroing

Mode = Literal["exact", "fast"]

# How long a scheduler may take to answer.
_PATIENCE = "10s"
Rows = list[dict[str, Any]]
Done = Callable[[int], None]


def _nobody(_: int) -> None:
    """Nobody asks how much is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One setting of a sweep: what was changed, and the scenario that results."""

    index: int
    changes: dict[str, str]
    scenario: Scenario

    @property
    def epochs(self) -> int:
        """Of all of its replicas."""
        return self.scenario.replicas * self.scenario.epochs


def run_replica(
    scenario: Scenario,
    replica: int,
    mode: Mode = "exact",
    done: Done = _nobody,
) -> tuple[Rows, Rows]:
    """Rows of epochs and rows of fleets of one replica; done is called with 1 after each epoch."""
    chance = streams(scenario.seed, replica)
    network = build(scenario, chance.sizes)
    state = start(network)
    floor = fixed.floor_each if mode == "exact" else fast_floor_each
    epochs: Rows = []
    zeroed_N = np.zeros(network.hosts, np.uint64)
    acted_N = np.zeros(network.hosts, np.uint64)
    honest = network.masks.keys() <= {Behaviour.HONEST}
    for _ in range(scenario.epochs):
        report = step(network, state, chance, replica=replica, floor=floor)
        zeroed_N += zeroing(report.round.judged)
        if not honest:
            acted_N += acted(network, report)
        epochs.append(epoch_row(state, report))
        done(1)
    fleets: Rows = [dict(r) for r in fleet_rows(network, state, zeroed_N, acted_N)]
    return epochs, fleets


def run_points(
    points: list[Point],
    out: Path,
    *,
    mode: Mode = "exact",
    jobs: int = 1,
    resume: bool = False,
    dask: str | None = None,
    done: Done = _nobody,
) -> Store:
    """Run every replica of every point that is not there yet.

    Args:
        points: what to run.
        out: folder of the results.
        mode: exact, or float64 for searches.
        jobs: processes.
        resume: keep parts that are there; otherwise a folder with parts is refused.
        dask: address of a scheduler to use instead of processes.
        done: called with the number of epochs whenever some are done.

    Raises:
        ResultError: when the folder holds results of something else.
    """
    store = Store(out)
    store.open([(p.changes, p.scenario) for p in points], version(), mode, resume=resume)
    todo = [
        (p, replica)
        for p in points
        for replica in range(p.scenario.replicas)
        if not store.has(p.index, replica)
    ]
    done(sum(p.epochs for p in points) - sum(p.scenario.epochs for p, _ in todo))
    if dask:
        _on_cluster(store, mode, todo, dask, done)
    else:
        _here(store, mode, todo, jobs, done)
    return store


Task = tuple[Point, int]


def _part(mode: Mode, task: Task, done: Done = _nobody) -> Part:
    point, replica = task
    epochs, fleets = run_replica(point.scenario, replica, mode, done)
    return Part(point=point.index, replica=replica, epochs=epochs, fleets=fleets)


def _write_part(store: Store, mode: Mode, task: Task) -> int:
    """Returns how many epochs were run."""
    store.write(_part(mode, task))
    return task[0].scenario.epochs


def _here(store: Store, mode: Mode, todo: list[Task], jobs: int, done: Done) -> None:
    """Each process writes what it ran. One alone tells of every epoch, others of replicas."""
    if jobs == 1:
        for task in todo:
            store.write(_part(mode, task, done))
        return
    work = functools.partial(_write_part, store, mode)
    joblib: Any = importlib.import_module("joblib")
    parallel = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered")
    for epochs in parallel(joblib.delayed(work)(task) for task in todo):
        done(epochs)


def _on_cluster(store: Store, mode: Mode, todo: list[Task], address: str, done: Done) -> None:
    """Workers may have no disk in common with this machine, so that it writes what they ran."""
    distributed: Any = extra("distributed", "dask")
    try:
        client: Any = distributed.Client(address, timeout=_PATIENCE)
    except (OSError, ValueError) as error:
        raise ClusterError(f"no Dask scheduler answers at {address}: {error}") from error
    with client:
        futures = client.map(functools.partial(_part, mode), todo, pure=False)
        for future in distributed.as_completed(futures):
            made = future.result()
            store.write(made)
            future.release()
            done(len(made.epochs))


def version() -> dict[str, str]:
    """The commit of this checkout and a hash of the golden vectors it is held to."""

    digest = hashlib.sha256()
    for path in sorted(vectors_folder().glob("*.json")):
        digest.update(path.read_bytes())
    root = vectors_folder().parent.parent
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    return {"commit": described.stdout.strip() or "unknown", "core": digest.hexdigest()[:16]}
