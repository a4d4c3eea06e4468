"""The search for a best response: how it moves, where it ends, which seeds it is measured on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from simulation import attack, compare, size
from simulation.attack import LEAST_STRENGTH, MOST_SEEDS, MOST_STRENGTH
from simulation.cli import app
from simulation.compare import Interval, Response, Trials
from simulation.errors import ScenarioError, SimulationError
from simulation.plots import regret_figure
from simulation.scenario import MAX_NODES, Behaviour, Scenario, parse
from simulation.verdict import found_words

Gain = Callable[[float, int, range], float]


def small(**changes: Any) -> Scenario:
    fleets = [{"name": "a", "hosts": 2, "nodes": 20}, {"name": "b", "hosts": 8}]
    return parse({"name": "x", "epochs": 3, "replicas": 2, "fleets": fleets} | changes)


def stub(monkeypatch: pytest.MonkeyPatch, gain: Gain) -> None:
    """Nothing runs: a response gains what a function says."""

    def response(self: Trials, how: compare.How) -> Response:
        self.varied(how)
        mean = gain(*how, self.replicas)
        ends = Interval(mean=mean, low=mean - 1, high=mean + 1)
        return Response(strength=how[0], parts=how[1], gain=ends, honest=1e9, abandoned=0.0)

    monkeypatch.setattr(Trials, "response", response)


@pytest.mark.parametrize("peak", [0.00052, 0.0017, 0.0057, 0.2])
def test_the_ladder_is_refined_around_its_best(
    monkeypatch: pytest.MonkeyPatch, peak: float
) -> None:
    stub(monkeypatch, lambda strength, *_: 1e6 - 1e6 * abs(strength / peak - 1))
    found = attack.search(small(), Behaviour.NONCE_OVERCLAIMER)
    assert found.best.strength == pytest.approx(peak, rel=0.2)
    assert "nothing was tried that is closer than" in found.ended[-1]
    coarse = compare.attack(small(), Behaviour.NONCE_OVERCLAIMER)
    assert abs(coarse[0].strength / peak - 1) > 2 * abs(found.best.strength / peak - 1)


def test_the_best_of_many_is_measured_on_seeds_that_did_not_choose_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A response that is no better than others, and was lucky, is found to be no better."""
    lucky = 0.03
    stub(monkeypatch, lambda s, _, of: 5e6 if s == lucky and 0 in of else -9e6 if s > 0.1 else 0.0)
    found = attack.search(small(), Behaviour.CARTEL)
    assert found.tried[0].gain.mean == 5e6
    assert (found.best.strength, found.best.gain.mean) == (lucky, 0.0)
    assert found.fresh == range(2, 4)
    words = found_words(Behaviour.CARTEL, "a", found)
    assert words[0] == "No gain of a cartel for a can be told from chance."
    told = " ".join(words)
    assert "measured on fresh seeds, of replicas 2 to 3, which had no part in the choice" in told
    assert "it gained +5.000 (95 %: +5.000 to +5.000)" in told


def test_fresh_seeds_are_other_chance_and_what_was_not_chosen_runs_once() -> None:
    made = small(fleets=[{"name": "a", "hosts": 5}, {"name": "b", "hosts": 50}], epochs=6)
    found = attack.search(made, Behaviour.NONCE_OVERCLAIMER, strengths=[0.001, 0.3])
    assert found.best.strength == found.tried[0].strength == 0.001
    assert found.best.gain.mean != found.tried[0].gain.mean
    assert found.best.honest != found.tried[0].honest
    alone = attack.search(made, Behaviour.NONCE_OVERCLAIMER, strengths=[0.001])
    assert (alone.best, alone.fresh, alone.ended) == (alone.tried[0], range(0), [])
    assert found_words(Behaviour.NONCE_OVERCLAIMER, "a", alone)[-1].startswith("The regret")


@pytest.mark.parametrize(
    ("behaviour", "best", "last", "end"),
    [
        (Behaviour.SYBIL, 16, 20, "up to 20: more than 16 gain no more."),
        (Behaviour.SYBIL, 99, 20, "up to 20, which gain most: a host has no more nodes."),
        (Behaviour.SYBIL, 2, 8, "up to 8: more than 2 gain no more."),
        (Behaviour.SEED_GRINDER, 32, 64, "up to 64: more than 32 gain no more."),
        (Behaviour.SEED_GRINDER, 999, MOST_SEEDS, "up to 64, which gain most: no more are tried."),
    ],
)
def test_parts_are_doubled_until_more_gain_no_more_or_there_are_no_more(
    monkeypatch: pytest.MonkeyPatch, behaviour: Behaviour, best: int, last: int, end: str
) -> None:
    stub(monkeypatch, lambda strength, parts, _: 1e6 - abs(parts - best) - abs(strength - 0.01))
    found = attack.search(small(), behaviour)
    assert max(r.parts for r in found.tried) == last
    assert found.best.parts == min(best, last)
    assert found.ended[-1] == f"Parts were doubled {end}"


@pytest.mark.parametrize(
    ("behaviour", "sign", "end"),
    [
        (Behaviour.NONCE_OVERCLAIMER, 1, MOST_STRENGTH),
        (Behaviour.NONCE_OVERCLAIMER, -1, LEAST_STRENGTH),
        (Behaviour.OFFLINE, 1, 1.0),
        (Behaviour.OFFLINE, -1, LEAST_STRENGTH),
    ],
)
def test_strengths_go_beyond_the_ladder_while_the_gain_grows(
    monkeypatch: pytest.MonkeyPatch, behaviour: Behaviour, sign: int, end: float
) -> None:
    stub(monkeypatch, lambda strength, *_: sign * strength)
    found = attack.search(small(), behaviour)
    assert found.best.strength == end
    assert found.ended[0].endswith(f"still grew at {end:g}, where the search ends.")


@pytest.mark.parametrize(("worst", "cut"), [(-1e9, True), (-3e6, False)])
def test_ruin_does_not_hide_on_the_plot_what_is_gained(
    monkeypatch: pytest.MonkeyPatch, worst: float, cut: bool
) -> None:
    stub(monkeypatch, lambda strength, *_: 1e6 if strength < 0.1 else worst)
    found = attack.search(small(), Behaviour.CARTEL, strengths=[0.01, 0.3])
    layout = regret_figure(found.tried, found.best).layout
    assert ("great losses are not shown" in layout.title.text) is cut
    assert (layout.yaxis.range is not None) is cut
    if cut:
        assert layout.yaxis.range[0] < 0 < found.best.gain.high / 1e6 < layout.yaxis.range[1]


def test_what_is_given_is_tried_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    stub(monkeypatch, lambda strength, parts, _: strength + parts)
    found = attack.search(small(), Behaviour.SEED_GRINDER, strengths=[0.1, 0.2, 0.1], parts=[3, 5])
    tried = [(r.strength, r.parts) for r in found.tried]
    assert tried == [(0.2, 5), (0.1, 5), (0.2, 3), (0.1, 3)]
    assert found.ended == []


@pytest.mark.parametrize("behaviour", [Behaviour.SYBIL, Behaviour.OFFLINE, Behaviour.FREE_RIDER])
def test_every_epoch_of_a_search_is_told_and_was_planned(behaviour: Behaviour) -> None:
    done, planned = list[int](), list[int]()
    attack.search(small(), behaviour, done=done.append, plan=planned.append)
    assert set(done) == {1}
    assert sum(done) == planned[-1]
    assert planned == sorted(planned)


def test_every_epoch_of_a_comparison_is_told() -> None:
    done = list[int]()
    compare.compare(small(), small(params={"coverage_bonus": "0.2"}), done=done.append)
    assert done == [1] * 12


def test_nodes_are_counted_as_they_are_declared() -> None:
    most = {"name": "a", "hosts": MAX_NODES // 10, "nodes": 10}
    honest = parse({"name": "x", "fleets": [most]})
    words = f"{2 * MAX_NODES:,} nodes; at most {MAX_NODES:,} are simulated"
    with pytest.raises(ScenarioError, match=words):
        parse({"name": "x", "fleets": [most | {"behaviour": "slot_farmer"}]})
    with pytest.raises(ScenarioError, match=f"fleet a as slot_farmer: {words}"):
        attack.networks(honest, Behaviour.SLOT_FARMER)


@pytest.mark.parametrize(
    ("behaviour", "hosts", "nodes"),
    [("slot_farmer", 1_000_000, 20_000_000), ("sybil", 10_000_000, 10_000_000)],
)
def test_the_size_of_what_deviates_is_told(
    monkeypatch: pytest.MonkeyPatch, behaviour: str, hosts: int, nodes: int
) -> None:
    monkeypatch.setattr(size, "free", lambda: 10**12)
    fleet = {"name": "a", "hosts": 1_000_000, "nodes": 10}
    made = parse({"name": "x", "fleets": [fleet]})
    told = size.told(attack.networks(made, Behaviour(behaviour)))
    assert told.startswith(f"building a network: {hosts:,} hosts with {nodes:,} nodes")


@pytest.mark.parametrize("verb", ["compare", "attack", "report"])
@pytest.mark.parametrize("out", ["none/page.html", ".", "file/page.html"])
def test_a_page_that_cannot_be_written_is_refused_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str, out: str
) -> None:
    def run(*_: Any) -> None:
        raise AssertionError("the work began")

    monkeypatch.setattr("simulation.compare.run_replica", run)
    monkeypatch.setattr("simulation.report.write", run)
    file = tmp_path / "s.toml"
    file.write_text('name = "x"\nepochs = 2\nreplicas = 2\n[[fleets]]\nname = "a"\nhosts = 3\n')
    (tmp_path / "file").write_text("")
    more = {"compare": [str(file)], "attack": ["--behaviour", "free_rider"], "report": []}[verb]
    ran = CliRunner().invoke(app, [verb, str(file), *more, "-o", str(tmp_path / out)])
    assert isinstance(ran.exception, SimulationError), ran.exception
    assert str(ran.exception).startswith(f"cannot write {tmp_path / out}: ")


def test_a_page_that_is_there_stays_until_there_is_another(tmp_path: Path) -> None:
    file, page = tmp_path / "s.toml", tmp_path / "old.html"
    file.write_text('name = "x"\nepochs = 1\nreplicas = 2\n[[fleets]]\nname = "a"\nhosts = 3\n')
    page.write_text("old")
    ran = CliRunner().invoke(
        app, ["attack", str(file), "--behaviour", "free_rider", "-o", str(page)]
    )
    assert isinstance(ran.exception, ScenarioError)
    assert page.read_text() == "old"
