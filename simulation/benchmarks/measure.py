"""Measures the simulator against its peers and its goals; writes docs/benchmarks/sim.json.

    measure.py OUT.json PEERS    PEERS holds an environment for each of mesa, radcad, simpy

CPU time, but for the sweep, whose point is wall time. Run it on an idle machine.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import differential
from rows import origin, row

from simulation.arrays import total
from simulation.benchmark import measured_scenario, warm_up
from simulation.network import Network, build, start
from simulation.randomness import streams
from simulation.run import Point, run_points
from simulation.step import step

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
HOSTS, EPOCHS = 1_000, 1_000
RUNS = 64
GOALS = {"mesa": 15, "radcad": 15, "simpy": 25}


def main(out: Path, peers: Path) -> None:
    """Measure everything; each group is written as soon as it is there."""
    out.parent.mkdir(parents=True, exist_ok=True)
    # Millions of cases take too long to be put each time: differential.py CASES does.
    told: list[dict[str, Any]] = json.loads(out.read_text("utf-8")) if out.exists() else []
    whole = [row for row in told if row["name"] == differential.IN_ALL]
    rows: list[dict[str, Any]] = []
    for group in (by_size, differential.rates, lambda: against_peers(peers), sweeping):
        rows += [made | origin() for made in group()]
        out.write_text(json.dumps(rows + whole, indent=1) + "\n", encoding="utf-8")


def against_peers(peers: Path) -> list[dict[str, Any]]:
    """The same epochs by each peer's engine, which must pay the same amounts."""
    scenario = measured_scenario(HOSTS)
    chance = streams(scenario.seed, 0)
    network = build(scenario, chance.sizes)
    state = start(network)
    specification = peer_specification(network, EPOCHS)
    warm_up()
    started = time.process_time()
    paid = [total(step(network, state, chance).settled.total) for _ in range(EPOCHS)]
    ours = (time.process_time() - started) / EPOCHS * 1e3
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "specification.json"
        path.write_text(json.dumps(specification), encoding="utf-8")
        for peer, goal in GOALS.items():
            python = peers / peer / "bin" / "python"
            answer = run(python, HERE / f"peer_{peer}.py", path)
            if answer["paid"] != paid:
                raise SystemExit(f"{peer} paid other amounts: nothing is compared")
            theirs = answer["cpu_seconds"] / EPOCHS * 1e3
            version = answer["version"]
            rows.append(
                row(
                    f"an epoch of {HOSTS:,} hosts, against {peer} {version}",
                    ours,
                    "ms",
                    baseline=theirs,
                    ratio=theirs / ours,
                    goal=f"ratio >= {goal}",
                    note=f"the same stages over {EPOCHS:,} epochs, the same amounts paid",
                )
            )
    return rows


def peer_specification(network: Network, epochs: int) -> dict[str, Any]:
    """What a peer's model is made of: `rules.Rules` reads it."""
    p, scenario = network.params, network.scenario
    columns = network.model_K, network.mean_K, network.deviation_K, network.tokens_K
    nodes = list(zip(*(c.tolist() for c in columns), strict=True))
    bounds = zip(network.of.first_N.tolist(), network.of.after_N.tolist(), strict=True)
    integers = (
        "max_nonces_per_node",
        "min_host_nonces",
        "seats_per_host",
        "sample_size",
        "coverage_spread",
        "initial_epoch_subsidy",
        "initial_unit_price",
        "max_supply",
        "max_consecutive_preserved_epochs",
    )
    decimals = (
        "p_mismatch",
        "fraud_threshold",
        "coverage_bonus",
        "decay_factor",
        "max_serving_fraction",
        "min_kept_power",
    )
    windows = ("poc_exchange", "poc_validation_exchange", "model_loading", "inference")
    return {
        "seed": scenario.seed,
        "epochs": epochs,
        "models": [m.id for m in scenario.models],
        "throughput_per_nonce": [m.throughput_per_nonce for m in scenario.models],
        "poc_period": p.lengths.poc_period,
        "generation": p.lengths.generation,
        "demand": [m.demand for m in scenario.models],
        "first_capacity": start(network).first_capacity_M.tolist(),
        "offline": scenario.faults.share,
        "blocks": {w: p.integer(f"{w}_blocks") for w in windows},
        "hosts": [
            {"nodes": nodes[first:after], "strength": strength}
            for (first, after), strength in zip(bounds, network.strength_N.tolist(), strict=True)
        ],
        **{name: p.integer(name) for name in integers},
        **{name: p.decimal(name) for name in decimals},
    }


def run(*command: str | Path) -> dict[str, Any]:
    """The object that a program prints last."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def by_size() -> list[dict[str, Any]]:
    """A million hosts, how an epoch grows with its hosts, and what exactness costs."""

    def bench(hosts: int, epochs: int, mode: str) -> dict[str, Any]:
        sizes = ("--hosts", str(hosts), "--epochs", str(epochs), "--mode", mode)
        return run(Path(sys.executable).parent / "sim", "bench", "--json", *sizes)

    # Two epochs touch a large network's memory for the first time, and take twice as long.
    many = bench(1_000_000, 48, "exact")
    few = bench(10_000, 300, "both")
    a_host = few["exact"] / 10_000 * 1e6, many["exact"] / 1_000_000 * 1e6
    return [
        row("an epoch of a million hosts", many["exact"], "s", goal="value <= 0.5"),
        row("memory of a million hosts, peak", many["peak"], "MiB", goal="value <= 1024"),
        row(
            "a host's part of an epoch, of a million against of 10,000",
            a_host[1],
            "µs",
            baseline=a_host[0],
            ratio=a_host[1] / a_host[0],
            goal="ratio <= 1.3",
        ),
        row(
            "an epoch of 10,000 hosts, exact, as a part of fast's speed",
            few["exact"] * 1e3,
            "ms",
            baseline=few["fast"] * 1e3,
            ratio=few["fast"] / few["exact"],
            goal="ratio >= 0.95",
        ),
        row("loading the compiler, once a process", few["compiler"], "s"),
    ]


def sweeping() -> list[dict[str, Any]]:
    """What two processes gain over one, and what it costs to resume a sweep that is done.

    Each in a fresh process, whose own start does not count; that of its workers does.
    """

    def wall(folder: str, jobs: int) -> float:
        command = (sys.executable, __file__, "--sweep", f"{HOSTS}", f"{EPOCHS}", folder, f"{jobs}")
        return run(*command)["seconds"]

    with tempfile.TemporaryDirectory() as folder:
        taken = [wall(f"{folder}/{jobs}", jobs) for jobs in (1, 2)]
        resumed = wall(f"{folder}/2", 2)
    return [
        row(
            f"a sweep of {RUNS} runs by two processes, efficiency a core",
            taken[1],
            "s",
            baseline=taken[0],
            ratio=taken[0] / (2 * taken[1]),
            goal="ratio >= 0.9",
            note=f"{HOSTS:,} hosts, {EPOCHS:,} epochs a run; the baseline is one process",
        ),
        row(
            "resuming that sweep when it is done, as a part of it",
            resumed,
            "s",
            baseline=taken[1],
            ratio=resumed / taken[1],
            goal="ratio <= 0.02",
        ),
    ]


def sweep(hosts: int, epochs: int, out: Path, jobs: int) -> float:
    """Wall seconds of a sweep over the coverage bonus, resumed if it is there."""
    bonuses = [{"coverage_bonus": f"0.{i:02}"} for i in range(8)]
    replicas = RUNS // len(bonuses)
    made = [
        measured_scenario(hosts, epochs=epochs, replicas=replicas, params=bonus)
        for bonus in bonuses
    ]
    points = [Point(index=i, changes={}, scenario=s) for i, s in enumerate(made)]
    started = time.perf_counter()
    run_points(points, out, jobs=jobs, resume=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    if sys.argv[1] == "--sweep":
        hosts, epochs, out, jobs = sys.argv[2:]
        seconds = sweep(int(hosts), int(epochs), Path(out), int(jobs))
        print(json.dumps({"seconds": seconds}))  # noqa: T201 - `sweeping` reads it
        sys.exit()
    if shutil.which("go") is None:
        raise SystemExit("missing: go, which builds the chain's core for the differential cases")
    main(Path(sys.argv[1]), Path(sys.argv[2]))
