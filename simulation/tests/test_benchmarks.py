"""The peers of the benchmarks follow the same rules; the page is made from the rows."""

import importlib.util
import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from simulation.benchmark import measure, measured_scenario
from simulation.network import build, start
from simulation.randomness import streams
from simulation.step import step

ROOT = Path(__file__).resolve().parents[2]


def module(path: Path, name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec
    assert spec.loader
    made = importlib.util.module_from_spec(spec)
    sys.modules[name] = made
    spec.loader.exec_module(made)
    return made


@pytest.fixture(scope="module")
def rules() -> Any:
    return module(ROOT / "simulation/benchmarks/rules.py", "rules")


@pytest.fixture(scope="module")
def differential() -> Any:
    module(ROOT / "simulation/benchmarks/rows.py", "rows")
    return module(ROOT / "simulation/benchmarks/differential.py", "differential")


@pytest.fixture(scope="module")
def driver(differential: Any) -> Any:
    assert differential
    return module(ROOT / "simulation/benchmarks/measure.py", "measure")


def test_the_peers_rules_pay_what_the_arrays_pay(rules: Any, driver: Any) -> None:
    epochs = 40
    scenario = measured_scenario(120)
    chance = streams(scenario.seed, 0)
    network = build(scenario, chance.sizes)
    state = start(network)
    made = rules.Rules(json.loads(json.dumps(driver.peer_specification(network, epochs))))
    hosts, ledger = made.hosts(), made.ledger()
    serving = forfeited = 0
    for _ in range(epochs):
        report = step(network, state, chance)
        assert play(made, hosts, ledger) == report.settled.total.tolist()
        serving += int(state.serves_K.sum())
        forfeited += int((report.settled.hosts.forfeited > 0).sum())
        assert [n.serves for h in hosts for n in h.nodes] == state.serves_K.tolist()
        assert [h.weight for h in hosts] == state.weight_N.tolist()
        assert ledger.price == state.price
    assert serving, "the epochs had slots"
    assert forfeited, "and a fraud that was found"


def play(rules: Any, hosts: list[Any], ledger: Any) -> list[int]:
    """One epoch of the peers' rules, without an engine."""
    for host in hosts:
        rules.prove(host)
    rules.proven()
    whole, ends = 0, []
    for host in hosts:
        whole += host.weight
        ends.append(whole)
    silent = sum(h.weight for h in hosts if not h.online)
    for host in hosts:
        rules.count_silence(host, whole, silent)
    silent_ends = rules.silent_ends(hosts)
    for rank, host in enumerate(hosts):
        if host.silence:
            rules.seat_silence(host, hosts, silent_ends, rank)
    for rank, host in enumerate(hosts):
        if host.forged and rules.is_heard(host):
            rules.hear(host, hosts, ends, rank)
    for host in hosts:
        rules.judge(host)
    amount = rules.reward(ledger)
    paid = [rules.settle(host, amount, whole) for host in hosts]
    ledger.minted += sum(paid)
    for host in hosts:
        rules.form(host)
    assert rules.is_kept(hosts, whole)
    for host in hosts:
        rules.switch(host)
    rules.serve(ledger, hosts)
    rules.allocate(ledger, hosts)
    ledger.epoch += 1
    return paid


def test_every_operation_of_the_core_has_a_rate(
    differential: Any, go_core: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tests = module(ROOT / "simulation/tests/test_differential.py", "cases")
    monkeypatch.setattr(differential, "SECONDS", 0.02)
    monkeypatch.setattr(differential, "core", lambda: nullcontext(go_core))
    rows = differential.rates()
    assert [row["name"] for row in rows] == [f"differential {name}" for name in tests.OPERATIONS]
    for row in rows:
        assert row["value"] > 0
        assert ("goal" in row) == (row["name"].split()[1] in tests.BATCHED)
    (whole,) = differential.in_all(200)
    assert whole["value"] >= 200
    assert "of each of 25 operations, none differs" in whole["note"]
    recorded = json.loads((ROOT / "docs/benchmarks/sim.json").read_text())
    assert {row["name"] for row in rows} | {whole["name"]} <= {row["name"] for row in recorded}


def test_a_twin_that_differs_ends_the_measuring(
    differential: Any, go_core: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(differential, "core", lambda: nullcontext(go_core))
    tests = module(ROOT / "simulation/tests/test_differential.py", "cases")
    wrong = {"fixed.floor": (tests.floors, lambda cases: [[0]] * len(cases))}
    monkeypatch.setattr(tests, "OPERATIONS", wrong)
    monkeypatch.setattr(differential, "_module", lambda _: tests)
    with pytest.raises(SystemExit, match=r"fixed\.floor, seed 0: a twin differs from the core"):
        differential.in_all(10)


def test_rows_of_one_kind_take_the_place_of_those_before(differential: Any) -> None:
    def named(*names: str) -> list[dict[str, Any]]:
        return [{"name": name} for name in names]

    whole = differential.IN_ALL
    old = named("a", "differential cases of x", "b", "differential y", whole, "c")
    rates = differential.replaced(old, named("differential x", "differential z"))
    assert rates == named("a", "differential x", "differential z", "b", whole, "c")
    assert differential.replaced(old, named(whole)) == old
    assert differential.replaced(named("a"), named(whole)) == named("a", whole)


def test_the_benchmark_names_what_it_measured() -> None:
    rows = {row.name: row for row in measure(30, 2)}
    assert set(rows) == {"exact", "fast", "compiler", "peak"}
    assert rows["exact"].value > 0
    assert rows["peak"].unit == "MiB"


def test_the_page_of_benchmarks_shows_a_missed_goal(tmp_path: Path) -> None:
    tool = module(ROOT / "tools/benchmarks.py", "benchmarks")
    origin = {"date": "2026-01-02", "machine": "m", "versions": "v 1"}
    rows = [
        {"name": "a", "value": 2.0, "unit": "s", "baseline": 40.0, "ratio": 20.0} | origin,
        {"name": "b", "value": 2.0, "unit": "s", "baseline": 20.0, "ratio": 10.0} | origin,
        {"name": "c", "value": None, "unit": "s", "baseline": None, "ratio": None} | origin,
        {"name": "d", "value": 0.4, "unit": "s", "baseline": None, "ratio": None} | origin,
    ]
    goals = ["ratio >= 15", "ratio >= 15", "value <= 1", None]
    given = [r | ({"goal": g} if g else {}) for r, g in zip(rows, goals, strict=True)]
    (tmp_path / "x.json").write_text(json.dumps(given))
    lines = [line for line in tool.page(tmp_path).splitlines() if line[:3] in ("| a", "| b", "| c")]
    assert [line.split("|")[-2].strip() for line in lines] == ["met", "**missed**", "not measured"]
    assert "2026-01-02, m; v 1" in tool.page(tmp_path)


def test_the_page_of_benchmarks_is_made_from_the_rows_that_are_committed() -> None:
    tool = module(ROOT / "tools/benchmarks.py", "benchmarks")
    if tool.FOLDER.exists():
        assert tool.main(["--check"]) == 0
