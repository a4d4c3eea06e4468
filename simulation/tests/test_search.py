"""Sensitivity, optimisation, Dask: effects are the formula's, and workers change nothing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from simulation import extras, optimize, search, sensitivity
from simulation.cli import app
from simulation.errors import ClusterError, MissingExtraError, ScenarioError
from simulation.network import MODELLED, build, start
from simulation.optimize import objective
from simulation.params import Params
from simulation.randomness import streams
from simulation.run import Point, run_points
from simulation.scenario import Scenario, parse
from simulation.search import around, between, metrics
from simulation.step import step

SCENARIOS = Path(__file__).resolve().parents[1] / "scenarios"
TREE: dict[str, Any] = {
    "name": "small",
    "epochs": 3,
    "replicas": 1,
    "models": [{"id": "org/a"}, {"id": "org/b"}],
    "fleets": [
        {"name": "both", "hosts": 3, "nodes": 2, "models": ["org/a", "org/b"]},
        {"name": "one", "hosts": 3, "models": ["org/a"]},
    ],
}

# SALib warns of pandas' future, which it uses and we do not.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def small(**changes: Any) -> Scenario:
    return parse(TREE | changes)


def test_parameters_without_effect_are_named() -> None:
    names = ["coverage_bonus", "serving_burn", "max_nonces_per_node", "initial_epoch_subsidy"]
    found = sensitivity.morris(small(), names, metric="paid", trajectories=3)
    assert {e.parameter for e in found if e.matters} == {"coverage_bonus", "initial_epoch_subsidy"}
    assert {e.parameter: e.words for e in found if e.words} == {
        "serving_burn": "not modelled",
        "max_nonces_per_node": "no effect",
    }
    with pytest.raises(ScenarioError, match="did you mean coverage_bonus"):
        sensitivity.morris(small(), ["coverage_bonas"], metric="paid")


def test_what_is_said_to_be_modelled_is_what_a_run_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = streams(1, 0)
    params = {"throughput_validation_enabled": "true"}
    forgers = {"name": "forgers", "hosts": 2, "behaviour": "nonce_overclaimer", "strength": 0.5}
    network = build(small(fleets=[*TREE["fleets"], forgers], params=params), chance.sizes)
    read: set[str] = set()
    for kind in ("integer", "decimal", "switch"):
        real = getattr(Params, kind)

        def recorded(self: Params, name: str, real: Any = real) -> Any:
            read.add(name)
            return real(self, name)

        monkeypatch.setattr(Params, kind, recorded)
    state = start(network)
    for _ in range(4):
        step(network, state, chance)
    assert read == MODELLED


def test_sobol_gives_the_variance_to_whom_it_belongs_with_its_confidence() -> None:
    # What is paid is subsidy·(1 + bonus·share that covers): nearly a product, so that the
    # squares of the relative ranges share out the variance.
    names = ["coverage_bonus", "initial_epoch_subsidy"]
    few, many = (
        {i.parameter: i for i in sensitivity.sobol(small(), names, metric="paid", samples=n)}
        for n in (8, 32)
    )
    subsidy, bonus = many["initial_epoch_subsidy"], many["coverage_bonus"]
    assert subsidy.total == pytest.approx(1.0, abs=subsidy.total_half + 0.01)
    assert 0 <= bonus.total < 0.05
    assert 0 < subsidy.total_half < few["initial_epoch_subsidy"].total_half
    with pytest.raises(ScenarioError, match="power of two"):
        sensitivity.sobol(small(), names, metric="paid", samples=12)
    with pytest.raises(ScenarioError, match="does not vary"):
        sensitivity.sobol(small(), ["max_models"], metric="paid", samples=2)


@pytest.mark.long
def test_workers_change_no_index() -> None:
    found = [
        sensitivity.morris(small(), ["coverage_bonus"], metric="paid", trajectories=2, jobs=n)
        for n in (1, 2)
    ]
    assert found[0] == found[1]


def test_one_objective_is_driven_to_its_end() -> None:
    found = optimize.optimize(
        small(),
        [between("reward.coverage_bonus=0:0.5")],
        [objective("max:income_per_gpu_hour:both")],
        trials=25,
    )
    assert len(found) == 1
    assert float(found[0].changes["coverage_bonus"]) > 0.4


def test_a_front_of_two_objectives_holds_no_setting_that_another_beats() -> None:
    found = optimize.optimize(
        small(),
        [between("coverage_bonus=0:0.5")],
        [objective("max:income_per_gpu_hour:both"), objective("min:paid")],
        trials=25,
    )
    assert len(found) > 3
    incomes, paid = zip(*(f.values for f in found), strict=True)
    assert list(incomes) == sorted(incomes, reverse=True)
    assert list(paid) == sorted(paid, reverse=True), "more income for them is paid for"


def test_illegal_searches_say_why() -> None:
    for text, words in (
        ("coverage_bonus=0:2", "coverage_bonus must be a decimal"),
        ("coverage_bonus=0.3:0.1", "a range ascends"),
        ("coverage_bonus=x:1", "NAME=LOW:HIGH"),
        ("coverage_bonus=1", "NAME=LOW:HIGH"),
        ("poc_kind=0:1", "is no number"),
        ("reward.coverage_bonsu=0:1", "did you mean coverage_bonus"),
    ):
        with pytest.raises(ScenarioError) as caught:
            between(text)
        assert words in str(caught.value)
    for text in ("paid", "most:paid", "max:"):
        with pytest.raises(ScenarioError, match="min:METRIC or max:METRIC"):
            objective(text)
    for metric, words in (("payed", "no metric"), ("income:three", "no fleet 'three'")):
        with pytest.raises(ScenarioError, match=words):
            optimize.optimize(
                small(),
                [between("coverage_bonus=0:1")],
                [objective(f"max:{metric}")],
                trials=1,
            )
    with pytest.raises(
        ScenarioError, match=r"no trial was legal, so the ranges contradict .*inference_blocks"
    ):
        optimize.optimize(
            small(),
            [between("inference_blocks=14:100")],
            [objective("max:paid")],
            trials=2,
        )


def test_values_of_a_search_are_short_and_stay_in_their_range() -> None:
    of = around(small(), "fraud_threshold", 0.2)
    assert of.text(1.00000123e-7) == "0.0000001"
    assert of.text(1.0) == search.fixed.text(12 * 10**10)
    assert between("coverage_bonus=0.1:0.3").text(0.123456789) == "0.1235"


def test_metrics_are_means_of_what_a_run_prints() -> None:
    made = small(replicas=2)
    paid, income = metrics(made, ["paid", "income:one"])
    assert paid > income > 0


def test_a_missing_extra_is_named() -> None:
    with pytest.raises(MissingExtraError, match=r"needs nowhere: install simulation\[search\]"):
        extras.extra("nowhere.to_be_found", "search")


def test_search_from_the_shell() -> None:
    shell = CliRunner()
    base = str(SCENARIOS / "coverage_bonus.toml")
    quick = ["--replicas", "1", "--set", "epochs=2", "--set", "fleets.0.hosts=3"]
    names = ["--parameters", "reward.coverage_bonus,max_models,max_nonces_per_node"]
    ran = shell.invoke(
        app, ["sensitivity", base, *names, *quick, "--samples", "2", "--trajectories", "2"]
    )
    assert ran.exit_code == 0, ran.output
    assert "no effect" in ran.output
    assert "not modelled" in ran.output
    assert "Sobol" in ran.output
    vary = ["--vary", "coverage_bonus=0:0.2", "--objective", "max:paid", "--trials", "3"]
    ran = shell.invoke(app, ["optimize", base, *vary, *quick])
    assert ran.exit_code == 0, ran.output
    assert "max:paid" in ran.output


@pytest.fixture
def cluster() -> Iterator[Any]:
    distributed: Any = extras.extra("distributed", "dask")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, processes=True
    ) as made:
        yield made


def test_a_cluster_of_two_workers_changes_nothing(cluster: Any, tmp_path: Path) -> None:
    points = [Point(index=i, changes={}, scenario=small(seed=i, replicas=2)) for i in range(3)]
    here = run_points(points, tmp_path / "here")
    there = run_points(points, tmp_path / "there", dask=cluster.scheduler_address)
    for kind in ("epochs", "fleets"):
        assert here.read(kind) == there.read(kind)
    done: list[int] = []
    run_points(
        points,
        tmp_path / "there",
        dask=cluster.scheduler_address,
        resume=True,
        done=done.append,
    )
    assert done == [6 * 3], "a sweep on a cluster resumes as well"


def test_a_scheduler_that_is_not_there_is_said(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("simulation.run._PATIENCE", "200ms")
    points = [Point(index=0, changes={}, scenario=small())]
    with pytest.raises(ClusterError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        run_points(points, tmp_path / "out", dask="tcp://127.0.0.1:9")
    with pytest.raises(ClusterError, match="no Dask scheduler"):
        run_points(points, tmp_path / "other", dask="nonsense://here")
