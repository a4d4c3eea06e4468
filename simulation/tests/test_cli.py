"""The command line and its edges: right answers or one clear line, never a wrong number."""

import dataclasses
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from typer.testing import CliRunner

from simulation import compare, fixed, run, verdict
from simulation.arrays import u64
from simulation.cli import app, main
from simulation.errors import ParameterError, ResultError, ScenarioError
from simulation.grid import axis
from simulation.network import build
from simulation.randomness import streams
from simulation.run import Point, run_points, run_replica
from simulation.scenario import OF_PARTS, OF_STRENGTH, Behaviour, Scenario, load, parse
from simulation.step import fast_floor_each
from simulation.store import Store

SCENARIOS = Path(__file__).resolve().parents[1] / "scenarios"
SMALL: dict[str, Any] = {
    "name": "small",
    "epochs": 4,
    "replicas": 2,
    "models": [{"id": "org/a"}],
    "fleets": [{"name": "a", "hosts": 6, "nodes": 2, "models": ["org/a"]}],
}


def small(**changes: Any) -> Scenario:
    return parse(SMALL | changes)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"epoch": 3}, "epoch is not a key, did you mean epochs?"),
        ({"market": {"coin": 1}}, "market.coin is not a key, did you mean coin_usd?"),
        ({"params": {"coverage_bonnus": "0.1"}}, "did you mean coverage_bonus?"),
        ({"params": {"coverage_bonus": "2"}}, "coverage_bonus must be a decimal of at most 18"),
        ({"params": {"inference_blocks": "20"}}, "inference_blocks must be at least the PoC"),
        ({"epochs": 0}, "greater than or equal to 1"),
        ({"fleets": []}, "fleets"),
        ({"fleets": [{"name": "a", "hosts": 1, "gpu": "h10"}]}, "did you mean h100?"),
        ({"fleets": [{"name": "a", "hosts": 1, "models": ["org/b"]}]}, "did you mean org/a?"),
        ({"fleets": [{"name": "a", "hosts": 1}] * 2}, "names of fleets are unique, got 'a' twice"),
        ({"fleets": [{"name": "a", "hosts": 9_999_999, "nodes": 256}]}, "nodes; at most"),
        ({"fleets": [{"name": "a", "hosts": 1, "strength": 0.1}]}, "fleets.0.strength: nothing"),
        ({"fleets": [{"name": "a", "hosts": 1, "parts": 2}]}, "fleets.0.parts: nothing follows"),
        ({"metric": "payed"}, "metric: payed is no metric"),
        ({"metric": "income:b"}, "metric: no fleet 'b'"),
    ],
)
def test_a_scenario_that_is_not_legal_says_why(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        small(**given)
    assert words in str(caught.value)


LEGAL = {"strength": OF_STRENGTH, "parts": OF_PARTS}


@pytest.mark.parametrize("behaviour", Behaviour)
@pytest.mark.parametrize(("key", "value"), [("strength", 0.1), ("parts", 2)])
def test_a_key_is_taken_only_where_the_behaviour_knows_it(
    key: str, value: float, behaviour: Behaviour
) -> None:
    given = {"name": "a", "hosts": 2, "nodes": 2, "behaviour": behaviour.value, key: value}
    if behaviour in LEGAL[key]:
        assert getattr(small(fleets=[given]).fleets[0], key) == value
        return
    with pytest.raises(ScenarioError) as caught:
        small(fleets=[given])
    assert f"fleets.0.{key}: nothing follows from it for a fleet that is {behaviour.value}" in str(
        caught.value
    )


@pytest.mark.parametrize("behaviour", ["offline", "throughput_overclaimer"])
def test_a_share_above_one_is_refused_and_not_clipped(behaviour: str) -> None:
    given = {"name": "a", "hosts": 2, "behaviour": behaviour, "strength": 1.0}
    assert small(fleets=[given]).fleets[0].strength == 1
    words = rf"fleets\.0\.strength: of {behaviour} it is a share, from 0 to 1, got 1\.5"
    with pytest.raises(ScenarioError, match=words):
        small(fleets=[given | {"strength": 1.5}])


def test_a_host_is_not_split_into_more_parts_than_it_has_nodes() -> None:
    given = {"name": "a", "hosts": 2, "nodes": 3, "behaviour": "sybil", "parts": 3}
    assert build(small(fleets=[given]), streams(1, 0).sizes).hosts == 6
    words = r"fleets\.0\.parts: a host is split by nodes, so from 1 to nodes = 3, got 4"
    with pytest.raises(ScenarioError, match=words):
        small(fleets=[given | {"parts": 4}])
    honest = small(fleets=[{"name": "a", "hosts": 4, "nodes": 3}, {"name": "b", "hosts": 4}])
    with pytest.raises(ScenarioError, match="fleet a: parts: a host is split by nodes"):
        compare.attack(honest, Behaviour.SYBIL, parts=[4])
    assert [r.parts for r in compare.attack(honest, Behaviour.SYBIL)] == [2], "what fits is tried"


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("*.toml")), ids=lambda p: p.stem)
def test_every_scenario_that_ships_runs(path: Path) -> None:
    if path.stem == "gpus":
        return
    made = load(path, {"epochs": "3", "replicas": "1"})
    epochs, fleets = run_replica(made, 0)
    assert [row["epoch"] for row in epochs] == [1, 2, 3]
    assert sum(row["income"] for row in fleets) == epochs[-1]["minted"]
    assert epochs[0]["paid"] == 0, "genesis earns nothing"
    for row in epochs[1:]:
        assert 0 < row["paid"] <= row["reward"] * 11 // 10


def test_changes_on_the_command_line_are_exact() -> None:
    made = load(SCENARIOS / "base.toml", {"reward.coverage_bonus": "11/100", "fleets.0.hosts": "3"})
    assert made.parameters.decimal("coverage_bonus") == 11 * 10**16
    assert made.fleets[0].hosts == 3
    plain = load(SCENARIOS / "base.toml", {"coverage_bonus": "11/100"})
    assert plain == load(SCENARIOS / "base.toml", {"reward.coverage_bonus": "0.11"})
    with pytest.raises(ScenarioError, match="did you mean coverage_bonus"):
        load(SCENARIOS / "base.toml", {"reward.coverage_bonsu": "1"})
    for key, words in (
        ("fleets.9.hosts", "lists count from 0"),
        ("fleets.x.hosts", "lists count from 0"),
        ("name.of.it", "of holds no keys"),
        ("fleets.0.name.x", "name holds no keys"),
        ("coverage_bonsu", "did you mean coverage_bonus"),
    ):
        with pytest.raises(ScenarioError, match=words):
            load(SCENARIOS / "base.toml", {key: "1"})
    assert axis("reward.coverage_bonus=0:0.3:4") == (
        "reward.coverage_bonus",
        ["0", "1/10", "1/5", "3/10"],
    )
    for wrong in ("x", "x=", "x=1:2", "x=1:2:1"):
        with pytest.raises(ScenarioError):
            axis(wrong)


def test_the_number_of_workers_changes_nothing(tmp_path: Path) -> None:
    points = [Point(index=0, changes={}, scenario=small())]
    one = run_points(points, tmp_path / "one").read("fleets")
    two = run_points(points, tmp_path / "two", jobs=2).read("fleets")
    assert one == two


def test_a_killed_sweep_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: Any) -> None:
    points = [Point(index=i, changes={}, scenario=small(seed=i)) for i in range(3)]
    whole = run_points(points, tmp_path / "whole").read("epochs")
    calls: list[tuple[int, int]] = []
    real = run.run_replica

    def dies(scenario: Scenario, replica: int, mode: run.Mode, done: run.Done) -> Any:
        calls.append((scenario.seed, replica))
        if len(calls) == 4:
            raise KeyboardInterrupt
        return real(scenario, replica, mode, done)

    monkeypatch.setattr(run, "run_replica", dies)
    with pytest.raises(KeyboardInterrupt):
        run_points(points, tmp_path / "cut")
    assert not list((tmp_path / "cut").glob(".*.parquet*")), "nothing is left half-written"
    with pytest.raises(ResultError, match="--resume"):
        run_points(points, tmp_path / "cut")
    resumed = run_points(points, tmp_path / "cut", resume=True).read("epochs")
    assert resumed == whole
    assert len(calls) == 7, "what was done is not done again"
    others = [Point(index=0, changes={}, scenario=small(seed=9))]
    with pytest.raises(ResultError, match="something else"):
        run_points(others, tmp_path / "cut", resume=True)


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ResultError, match="cannot write"):
        run_points([Point(index=0, changes={}, scenario=small())], tmp_path / "file" / "x")


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path, monkeypatch: Any) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    points = [Point(index=0, changes={}, scenario=small())]
    store = Store(tmp_path / "out")
    store.open([({}, small())], run.version(), "exact", resume=False)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ResultError, match="No space left"):
        run_points(points, tmp_path / "out", resume=True)
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["manifest.json"]


def test_fast_pays_at_most_one_unine_less_for_each_share_and_bonus() -> None:
    made = load(SCENARIOS / "base.toml", {"epochs": "10", "replicas": "1"})
    exact, fast = (run_replica(made, 0, mode)[1] for mode in ("exact", "fast"))
    for ours, theirs in zip(exact, fast, strict=True):
        assert 0 <= ours["income"] - theirs["income"] <= 2 * 10 * ours["hosts"]


@given(
    a=st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=8),
    b=st.integers(0, 2**63 - 1),
    c=st.integers(1, 2**63 - 1),
)
def test_a_fast_quotient_is_never_above_and_at_most_one_below(a: list[int], b: int, c: int) -> None:
    exact = [x * b // c for x in a]
    assume(max(exact) < 2**64)
    found = fast_floor_each(u64(a), b, c).tolist()
    assert all(0 <= e - f <= 1 for e, f in zip(exact, found, strict=True))


def test_fast_never_pays_more_than_an_epoch_has() -> None:
    """The largest legal amounts: float64 cannot hold them, so that they go through exact ones."""
    most = str(2**63 - 1)
    params = {"max_supply": most, "initial_epoch_subsidy": most}
    made = small(params=params, fleets=[{"name": "a", "hosts": 3}])
    exact, fast = (run_replica(made, 0, mode)[0] for mode in ("exact", "fast"))
    assert [row["paid"] for row in exact] == [row["paid"] for row in fast]
    assert all(row["paid"] <= row["reward"] for row in fast)


@pytest.mark.parametrize("hosts", [1, 2, 3])
def test_the_smallest_networks_run(hosts: int) -> None:
    made = small(fleets=[{"name": "a", "hosts": hosts}])
    epochs, _ = run_replica(made, 0)
    assert epochs[-1]["paid"] > 0
    assert not any(row["abandoned"] for row in epochs)


def test_a_network_that_all_leave_keeps_its_old_epoch() -> None:
    epochs, _ = run_replica(small(faults={"share": 1.0}), 0)
    assert all(row["abandoned"] for row in epochs)
    assert epochs[-1]["total_weight"] > 0
    assert {row["paid"] for row in epochs} == {row["reward"] for row in epochs} == {0}
    assert epochs[-1]["minted"] == 0


def test_demand_that_grows_beyond_all_bounds_is_served_as_far_as_it_can_be() -> None:
    made = small(market={"demand_growth": 10.0, "price_elasticity": 1.0}, epochs=400, replicas=1)
    epochs, _ = run_replica(made, 0)
    assert 0 < epochs[-1]["unit_price"] <= 2**63 - 1
    assert epochs[-1]["paid"] > 0


def test_more_claims_than_can_be_drawn_from_without_replacement_are_judged() -> None:
    forging = {"behaviour": "nonce_overclaimer", "strength": 1000.0, "nodes": 200}
    made = small(
        params={"max_nonces_per_node": "4294967295"},
        fleets=[{"name": "a", "hosts": 5}, {"name": "b", "hosts": 1} | forging],
    )
    epochs, fleets = run_replica(made, 0)
    assert epochs[0]["fraud_hosts"] == 1
    assert fleets[1]["income"] == 0


def test_quotients_at_the_edge_of_the_guess() -> None:
    edge = [2**61 - 1, 2**61, 2**61 + 1, 2**63, 2**64 - 1]
    for c in edge:
        a = u64([0, 1, c - 1, c, 2**50 - 1, 2**50, 2**50 + 1])
        made = fixed.floor_each(a, 2**11 + 1 if c > 2**62 else 1, c)
        factor = 2**11 + 1 if c > 2**62 else 1
        assert made.tolist() == [int(v) * factor // c for v in a.tolist()]
    assert np.array_equal(
        fixed.floor_each(u64([2**50 - 1] * 3), 2**60, 2**60 - 1), u64([2**50 - 1] * 3)
    )


def test_nobody_gains_when_nothing_is_proposed() -> None:
    found = compare.compare(small(), small())
    assert [c.words for c in found.changes] == ["unchanged"]
    with pytest.raises(ScenarioError, match="same seed"):
        compare.compare(small(), small(seed=3))


def test_a_missing_bonus_costs_whoever_covers() -> None:
    base = load(SCENARIOS / "base.toml", {"epochs": "6", "replicas": "3"})
    none = load(SCENARIOS / "no_bonus.toml", {"epochs": "6", "replicas": "3"})
    found = {c.fleet: c for c in compare.compare(base, none).changes}
    assert found["farms"].words == "loses"
    assert found["farms"].proposal / found["farms"].base == pytest.approx(1 / 1.1, abs=1e-3)
    assert found["single cards"].words in ("unchanged", "not distinguishable")


def test_splitting_has_no_best_response() -> None:
    made = small(
        fleets=[{"name": "a", "hosts": 1, "nodes": 8}, {"name": "b", "hosts": 9, "nodes": 8}]
    )
    found = compare.attack(made, Behaviour.SYBIL, parts=[2, 8])
    assert [r.strength for r in found] == [0.0, 0.0], "a sybil knows no strength"
    assert found[0].gain.mean <= 0
    with pytest.raises(ScenarioError, match="at least one"):
        compare.attack(made, Behaviour.CARTEL, strengths=[])


@pytest.mark.parametrize(("demand", "pays"), [(0.8, True), (0.0, False)])
def test_splitting_pays_a_little_where_nodes_are_preserved(demand: float, pays: bool) -> None:
    """A host of one node that served is not cut to its last full round; others lose noise by it."""
    fleet = {"nodes": 8, "gpu": "rtx4090", "models": ["org/a"]}
    made = small(
        epochs=20,
        replicas=6,
        models=[{"id": "org/a", "demand": demand}],
        fleets=[fleet | {"name": "a", "hosts": 10}, fleet | {"name": "b", "hosts": 40}],
    )
    (found,) = compare.attack(made, Behaviour.SYBIL, parts=[8])
    assert (found.gain.low > 0) is pays
    assert found.gain.mean < (0.002 * found.honest if pays else 1)


@pytest.mark.parametrize(("option", "knowing"), [("strengths", OF_STRENGTH), ("parts", OF_PARTS)])
def test_what_an_attack_tries_is_refused_where_nothing_follows_from_it(
    option: str, knowing: tuple[Behaviour, ...]
) -> None:
    words = f"--{option}: nothing follows .* one of {', '.join(knowing)}"
    for behaviour in Behaviour:
        if behaviour is Behaviour.HONEST or behaviour in knowing:
            continue
        with pytest.raises(ScenarioError, match=words):
            compare.attack(small(), behaviour, **{option: [1]})


def test_an_attack_where_nothing_is_paid_says_so() -> None:
    made = small(params={"initial_epoch_subsidy": "1"})  # no share of it is a whole unine
    found = compare.attack(made, Behaviour.FREE_RIDER)
    assert [(r.honest, r.paid) for r in found] == [(0.0, False)]
    words, *_ = verdict.attack_words(Behaviour.FREE_RIDER, "a", found)
    assert words.startswith("Nothing was paid to anybody")
    others = [dataclasses.replace(r, paid=True) for r in found]
    words, *_ = verdict.attack_words(Behaviour.FREE_RIDER, "a", others)
    assert words == "Nothing was paid to a, honest or not."


OFFLINE_PAGE = ("Plotly.newPlot", "viewport", "core ")


def assert_offline(page: Path, *parts: str) -> None:
    text = page.read_text()
    for part in (*OFFLINE_PAGE, *parts):
        assert part in text
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=", text), "read without a network"


def test_run_report_and_wrong_input_from_the_shell(tmp_path: Path, monkeypatch: Any) -> None:
    shell = CliRunner()
    out = tmp_path / "out"
    base = str(SCENARIOS / "coverage_bonus.toml")
    ran = shell.invoke(
        app, ["run", base, "-o", str(out), "--set", "epochs=3", "--set", "replicas=2"]
    )
    assert ran.exit_code == 0, ran.output
    assert "covers every model" in ran.output
    page = tmp_path / "report.html"
    assert shell.invoke(app, ["report", str(out), "-o", str(page)]).exit_code == 0
    digest = load(SCENARIOS / "coverage_bonus.toml", {"epochs": "3", "replicas": "2"}).digest
    assert_offline(page, "Does 10 % make hosts serve every model?", digest)
    monkeypatch.setattr("sys.argv", ["sim", "run", base, "-o", str(out)])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 1


def test_a_comparison_says_on_one_page_who_gains_and_who_loses(tmp_path: Path) -> None:
    sides = [str(SCENARIOS / name) for name in ("base.toml", "no_bonus.toml")]
    page = tmp_path / "compare.html"
    quick = ["--set", "epochs=4", "--replicas", "2"]
    ran = CliRunner().invoke(app, ["compare", *sides, *quick, "-o", str(page)])
    assert ran.exit_code == 0, ran.output
    text = ("farms: loses 9.09% of its income", "with 95 % confidence", "single cards: unchanged")
    assert_offline(page, *text, "coverage_bonus from 0.1 to 0")
    for side in sides:
        assert load(Path(side), {"epochs": "4", "replicas": "2"}).digest in page.read_text()


def test_an_attack_says_on_one_page_what_honesty_costs(tmp_path: Path) -> None:
    page = tmp_path / "attack.html"
    base = str(SCENARIOS / "overclaimers.toml")
    quick = ["--set", "epochs=3", "--set", "replicas=2", "--strengths", "0.05,0.3"]
    how = ["--behaviour", "nonce_overclaimer", "--fleet", "one percent"]
    ran = CliRunner().invoke(app, ["attack", base, *how, *quick, "-o", str(page)])
    assert ran.exit_code == 0, ran.output
    assert_offline(page, "regret of being honest is 0.000 NINE an epoch")


def test_an_attack_finds_that_forging_very_little_gains_a_little(tmp_path: Path) -> None:
    """With 32 seats of 200 leaves a thousandth gains at most 0.09 % of the credit, less what of
    it the forgers lose again to the total; three thousandths lose already.
    """
    made = small(
        models=[],
        epochs=10,
        replicas=3,
        fleets=[{"name": "others", "hosts": 190}, {"name": "mine", "hosts": 10}],
    )
    found = compare.attack(made, Behaviour.NONCE_OVERCLAIMER, fleet="mine")
    assert min(compare.STRENGTHS) < 0.001 < max(compare.STRENGTHS)
    gains = {r.strength: r.gain for r in found}
    assert found[0].strength == 0.001
    assert gains[0.001].low > 0
    assert gains[0.001].high < 0.0009 * found[0].honest
    assert gains[0.003].high < 0
    path = tmp_path / "small.toml"
    path.write_text(
        'name = "x"\nepochs = 10\nreplicas = 3\n'
        '[[fleets]]\nname = "mine"\nhosts = 10\n[[fleets]]\nname = "others"\nhosts = 190\n'
    )
    page = str(tmp_path / "a.html")
    how = ["attack", str(path), "--behaviour", "nonce_overclaimer", "-o", page]
    ran = CliRunner().invoke(app, how, env={"COLUMNS": "200"})
    assert ran.exit_code == 0, ran.output
    assert "A nonce_overclaimer pays for mine: +" in ran.output
    best = re.search(r"The best response \(strength ([0-9.]+), 1 parts\) gains \+", ran.output)
    assert best
    assert 0.0005 < float(best[1]) < 0.002
    assert_offline(
        Path(page),
        "A nonce_overclaimer pays for mine",
        "measured on fresh seeds, of replicas 3 to 5",
    )


def test_results_of_another_version_are_refused(tmp_path: Path) -> None:
    store = run_points([Point(index=0, changes={}, scenario=small())], tmp_path / "out")
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    (tmp_path / "out/manifest.json").write_text(json.dumps(manifest | {"format": "0"}))
    with pytest.raises(ResultError, match="format '0', not '3'"):
        store.manifest()
    with pytest.raises(ParameterError):
        small().parameters.changed({"nonsense": "1"})


def test_a_sweep_compares_rules_in_one_command(tmp_path: Path) -> None:
    shell = CliRunner()
    axis_ = "slot_rule=by_weight,per_host_half,fixed_share"
    base = str(SCENARIOS / "serving_rule.toml")
    arguments = ["sweep", base, "--grid", axis_, "--replicas", "1", "--set", "epochs=4"]
    ran = shell.invoke(app, [*arguments, "-o", str(tmp_path / "s")])
    assert ran.exit_code == 0, ran.output
    rows = Store(tmp_path / "s").read("epochs")
    assert set(rows["point"]) == {0, 1, 2}
    page = tmp_path / "s.html"
    assert shell.invoke(app, ["report", str(tmp_path / "s"), "-o", str(page)]).exit_code == 0
    assert_offline(page, "From slot_rule by_weight to slot_rule fixed_share")


def test_a_shell_that_knows_ascii_alone_reads_what_the_chain_wrote() -> None:
    ascii_ = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    code = "from simulation.params import table; print(len(table()))"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | ascii_,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) > 40


def test_every_command_has_its_help() -> None:
    shell = CliRunner()
    listed = shell.invoke(app, ["--help"])
    assert listed.exit_code == 0
    names = [c.name or c.callback.__name__ for c in app.registered_commands if c.callback]
    assert len(names) == 11
    for name in names:
        assert name in listed.output
        assert shell.invoke(app, [name, "--help"]).exit_code == 0, name
