"""What is printed first follows from the numbers: checks, comparisons, and unfinished results."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from simulation import compare, page, plots, report, store, verdict
from simulation.checks import held
from simulation.cli import app
from simulation.errors import ResultError, ScenarioError
from simulation.run import Point, run_points
from simulation.scenario import Behaviour, Check, Scenario, differences, load, parse
from simulation.store import Store

SCENARIOS = Path(__file__).resolve().parents[1] / "scenarios"
CHECKED = [p for p in sorted(SCENARIOS.glob("*.toml")) if "[[checks]]" in p.read_text("utf-8")]
TREE: dict[str, Any] = {
    "name": "small",
    "epochs": 3,
    "replicas": 2,
    "models": [{"id": "a"}, {"id": "b"}],
    "fleets": [
        {"name": "both", "hosts": 5, "nodes": 2, "models": ["a", "b"]},
        {"name": "one", "hosts": 3, "nodes": 2, "models": ["a"]},
    ],
}
BONUS = {
    "says": "Covering pays a tenth more",
    "metric": "income_per_gpu_hour:both",
    "over": "income_per_gpu_hour:one",
    "at_least": 1.05,
    "at_most": 1.15,
}
WORDS = {"verdict": "Everybody covers", "rule": "the bonus", "checks": [BONUS]}


def small(**changes: Any) -> Scenario:
    return parse(TREE | changes)


def answers(made: Scenario, folder: Path) -> list[str]:
    done = run_points([Point(index=0, changes={}, scenario=made)], folder)
    return report.answers(made, done.read("epochs"), done.read("fleets"))


def test_a_verdict_is_repeated_only_where_its_checks_hold(tmp_path: Path) -> None:
    lines = answers(small(**WORDS), tmp_path / "as it is")
    assert lines[0].startswith("Holds: Covering pays a tenth more (")
    assert "it should be 1.0500 to 1.1500" in lines[0]
    assert lines[-2] == "The file's own verdict, whose checks all hold: Everybody covers"
    none = small(**WORDS, params={"coverage_bonus": "0"})
    lines = answers(none, tmp_path / "without a bonus")
    assert lines[0].startswith("Does not hold here: Covering pays a tenth more (")
    assert "1 of the 1 checks" in lines[-1]
    assert not any("Everybody covers" in line or "the bonus." in line for line in lines)


def test_a_verdict_without_checks_is_told_last_and_as_what_it_is(tmp_path: Path) -> None:
    lines = answers(small(verdict="Everybody covers"), tmp_path)
    assert lines[-1].endswith("to which no number here was held: Everybody covers")
    assert "Everybody covers" not in lines[0]


def columns(*values: float) -> dict[str, list[Any]]:
    replicas = list(range(len(values)))
    return {
        "point": [0] * len(values),
        "replica": replicas,
        "fleet": ["both"] * len(values),
        "behaviour": ["honest"] * len(values),
        "acted_share": [0.0] * len(values),
        "income": list(values),
    }


@pytest.mark.parametrize(
    ("values", "bounds", "word"),
    [
        ((1e6, 1e6), {"at_least": 1e6}, "Holds"),
        ((1e6, 1e6), {"at_most": 1e6}, "Holds"),
        ((1e6, 1e6), {"at_least": 1e6 + 1}, "Does not hold here"),
        ((1e6, 1e6), {"at_most": 1e6 - 1}, "Does not hold here"),
        ((0.9e6, 1.1e6), {"at_least": 1e6}, "Cannot be told from chance"),
        ((1e6,), {"at_least": 1.0}, "Cannot be told from chance"),
    ],
)
def test_a_check_holds_where_its_whole_interval_does(
    values: tuple[float, ...], bounds: dict[str, float], word: str
) -> None:
    check = Check(says="It is so", metric="income:both", **bounds)
    holds, line = held(check, {}, columns(*values))
    assert line.startswith(f"{word}: It is so (income:both is ")
    assert holds == (word == "Holds")


def test_a_ratio_to_nothing_is_not_told() -> None:
    check = Check(says="It is so", metric="income:both", over="income:both", at_least=1)
    assert held(check, {}, columns(1.0, 0.0)) == (
        False,
        "Cannot be told from chance: It is so (income:both is 0).",
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"at_least": 2}, "checks.0: at_least lies below at_most, got 2.0 and 1.15"),
        ({"at_least": None, "at_most": None}, "checks.0: at_least, at_most or both"),
        ({"over": "incom:one"}, "checks.0: incom:one is no metric"),
        ({"metric": "income:three"}, "checks.0: no fleet 'three'"),
        ({"given": "paied"}, "checks.0: paied is no metric"),
        ({"given_at_least": 1}, "checks.0: given_at_least is of the metric that given names"),
        ({"at_mots": 1}, "checks.0.at_mots is not a key, did you mean at_most?"),
    ],
)
def test_a_check_that_is_none_is_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        small(checks=[BONUS | change])
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "fraud_hosts is 0 throughout, and no given says that it need not be"),
        ({"given": "absent_share"}, "absent_share is 0.00%; it is of more than 0 that this speaks"),
        (
            {"given": "absent_share", "given_at_least": 0.25, "faults": {"share": 0.05}},
            "it is of at least 25.00% that this speaks",
        ),
    ],
)
def test_where_nothing_happened_there_is_nothing_to_check(
    change: dict[str, Any], words: str, tmp_path: Path
) -> None:
    faults = change.pop("faults", {})
    check = {"says": "Absence accuses few", "metric": "fraud_hosts", "at_most": 3} | change
    made = small(checks=[check], faults=faults, verdict="Nobody is accused")
    lines = answers(made, tmp_path)
    assert lines[0].startswith("Nothing to check: Absence accuses few (")
    assert words in lines[0]
    assert not any("Nobody is accused" in line for line in lines)


@pytest.mark.parametrize("bounds", [{"at_most": 0}, {"at_least": 0}, {"at_most": 5}])
@pytest.mark.parametrize("over", ["", "paid"])
def test_zero_throughout_needs_a_given_whatever_the_bounds(
    bounds: dict[str, float], over: str, tmp_path: Path
) -> None:
    check = {"says": "Nobody is accused", "metric": "fraud_hosts", "over": over} | bounds
    line = answers(small(checks=[check]), tmp_path)[0]
    assert line.startswith("Nothing to check: Nobody is accused (fraud_hosts is 0 throughout")


@pytest.mark.parametrize(
    ("deviant", "told"),
    [
        ({"behaviour": "nonce_overclaimer"}, "nonce_overclaimer"),
        ({"behaviour": "sybil"}, "sybil"),
        ({"behaviour": "offline"}, "offline"),
        ({"behaviour": "duplicate_committer"}, "duplicate_committer"),
        ({"behaviour": "slot_farmer"}, "slot_farmer"),
    ],
)
def test_a_fleet_that_did_nothing_of_its_behaviour_leaves_nothing_to_check(
    deviant: dict[str, Any], told: str, tmp_path: Path
) -> None:
    check = {
        "says": "It earns the same",
        "metric": "income_per_gpu_hour:both",
        "over": "income_per_gpu_hour:one",
        "at_least": 0.5,
    }
    fleets = [TREE["fleets"][0] | deviant, TREE["fleets"][1]]
    made = small(checks=[check], fleets=fleets, models=[{"id": m, "demand": 0} for m in "ab"])
    line = answers(made, tmp_path)[0]
    assert line.startswith("Nothing to check: It earns the same (both never did what")
    assert line.endswith(f"{told}).")


def test_what_was_given_is_checked(tmp_path: Path) -> None:
    never = {"says": "Nobody is accused", "metric": "fraud_hosts", "at_most": 0}
    never |= {"given": "absent_share", "given_at_least": 0.01}
    few = never | {"at_most": 3}
    lines = answers(small(checks=[never, few], epochs=30, faults={"share": 0.2}), tmp_path)
    assert all(line.startswith("Holds: Nobody is accused") for line in lines[:2]), lines


def named(check: Check) -> set[str]:
    """Fleets that a check speaks of."""
    metrics = (check.metric, check.over, check.given)
    return {fleet for _, colon, fleet in (m.partition(":") for m in metrics) if colon}


def silenced(made: Scenario, how: str, fleets: set[str]) -> Scenario:
    """The scenario without what fleets do, or without what makes it matter.

    how: "honest" lets them follow the rules, "weak" lets them do nothing worth the name, and
    "still" takes the world around them: faults, demand, the bonus and the market.
    """
    tree = made.model_dump()
    for fleet in tree["fleets"]:
        if fleet["name"] in fleets and how != "still":
            fleet |= {"strength": 0.0, "parts": 1}
            fleet |= {"behaviour": "honest"} if how == "honest" else {}
    if how == "still":
        tree |= {"faults": {}, "market": {}, "params": {"coverage_bonus": "0"}}
        tree["models"] = [model | {"demand": 0.0} for model in tree["models"]]
    return parse(tree | {"replicas": 3})


# What nothing around a fleet is needed for.
ALONE = {"nonce_overclaimer", "cartel", "sybil"}
SHIPPED = [
    pytest.param(path, at, id=f"{path.stem} {at}")
    for path in CHECKED
    for at in range(len(load(path).checks))
]


@pytest.mark.parametrize(("path", "at"), SHIPPED)
def test_no_check_that_ships_holds_where_what_it_is_about_does_not_happen(
    path: Path, at: int, tmp_path: Path
) -> None:
    made = load(path)
    check = made.checks[at]
    behaviours = {f.name: f.behaviour.value for f in made.fleets if f.name in named(check)}
    deviants = {name for name, behaviour in behaviours.items() if behaviour != "honest"}
    ways = ["honest"] if deviants else []
    if any(f.name in deviants and (f.strength or f.parts > 1) for f in made.fleets):
        ways.append("weak")
    if not deviants & {name for name, behaviour in behaviours.items() if behaviour in ALONE}:
        ways.append("still")
    assert ways
    for how in ways:
        changed = silenced(made, how, deviants)
        line = answers(changed, tmp_path / how)[at]
        assert not line.startswith("Holds"), (how, line)


@pytest.mark.parametrize(
    ("share", "least", "why"),
    [
        (1.0, "0.333333333333333333", "in 12 nobody who held weight formed any anew."),
        (0.5, "1", " of the weight before, and min_kept_power asks for 100.0%."),
    ],
)
def test_epochs_that_were_abandoned_are_counted_with_their_reason(
    share: float, least: str, why: str, tmp_path: Path
) -> None:
    given = {"faults": {"share": share}, "params": {"min_kept_power": least}, "epochs": 6}
    made = small(**given, fleets=[{"name": "one", "hosts": 40}])
    lines = answers(made, tmp_path / "out")
    gone = sum(Store(tmp_path / "out").read("epochs")["abandoned"])
    assert gone == 12
    assert lines[0].startswith(f"{gone} of 12 epochs were abandoned, so that nothing was paid")
    assert lines[0].endswith(why)
    assert any("nor do those that were abandoned" in line for line in lines)
    text = report.write(tmp_path / "out", tmp_path / "r.html").read_text("utf-8")
    assert f"{gone} of 12 epochs were abandoned" in text
    other = made.model_copy(update={"faults": made.faults.model_copy(update={"share": 0.0})})
    words = verdict.comparison_words(compare.compare(other, made))
    assert any(line.startswith("Proposal: 12 of 12 epochs were abandoned") for line in words)
    assert not any(line.startswith("Base: ") for line in words)
    points = [
        Point(index=i, changes={"x": str(i)}, scenario=s) for i, s in enumerate((other, made))
    ]
    run_points(points, tmp_path / "sweep")
    text = report.write(tmp_path / "sweep", tmp_path / "s.html").read_text("utf-8")
    assert "Epochs that were abandoned, and paid nothing: 12 of 12 with x 1." in text


def test_a_run_without_abandoned_epochs_says_that_none_was(tmp_path: Path) -> None:
    lines = answers(small(), tmp_path)
    assert any("the first pays nothing, none was abandoned)" in line for line in lines)


def test_without_models_there_is_nothing_to_cover(tmp_path: Path) -> None:
    lines = answers(small(models=[], fleets=[{"name": "one", "hosts": 5}]), tmp_path)
    assert "There are no models, and so nothing to cover and nothing that keeps serving." in lines
    assert not any("covers every model" in line for line in lines)
    with_, without = (
        plots.epoch_figures(Store(tmp_path).read("epochs"), [""], m) for m in (True, False)
    )
    titles = [{figure.layout.title.text for figure in figures} for figures in (with_, without)]
    assert titles[0] - titles[1] == {
        "Weight that covers every model",
        "Serving during PoC",
        "Unit price",
    }


def test_every_verdict_that_ships_has_checks() -> None:
    told = {p for p in SCENARIOS.glob("*.toml") if "\nverdict = " in p.read_text("utf-8")}
    # What has no effect is answered by `sim sensitivity`, and checked by its notebook.
    assert told - set(CHECKED) == {SCENARIOS / "parameters.toml"}


@pytest.mark.parametrize("path", CHECKED, ids=lambda p: p.stem)
def test_the_checks_that_ship_hold(path: Path, tmp_path: Path) -> None:
    made = load(path, {"replicas": "3"})
    lines = answers(made, tmp_path)[: len(made.checks)]
    assert all(line.startswith("Holds: ") for line in lines), lines


def test_one_epoch_answers_nothing_and_says_so(tmp_path: Path) -> None:
    lines = answers(small(epochs=1, checks=[BONUS | {"metric": "paid", "over": ""}]), tmp_path)
    assert "needs an epoch after the first" in lines[0]
    assert lines[1].startswith("Only the first epoch was run, which pays nothing")


def test_two_networks_are_never_one_rules_difference(tmp_path: Path) -> None:
    fleets = [TREE["fleets"][0] | {"hosts": 6, "gpu": "rtx4090"}, TREE["fleets"][1]]
    other = small(fleets=fleets, params={"coverage_bonus": "0.05"}, name="other")
    assert [str(d) for d in differences(small(), other)] == [
        "coverage_bonus from 0.1 to 0.05",
        "fleets.0.hosts from 5 to 6",
        "fleets.0.gpu from h100 to rtx4090",
    ]
    made = compare.compare(small(), other)
    assert [c.gpu for c in made.changes] == ["h100 → rtx4090", "h100"]
    words = verdict.comparison_words(made)
    assert "The proposal changes coverage_bonus from 0.1 to 0.05." in words
    assert "fleets.0.hosts from 5 to 6; fleets.0.gpu from h100 to rtx4090." in words[-1]
    assert not any("is the rule's." in line for line in words)
    text = verdict.write_comparison(made, "exact", tmp_path / "page.html").read_text("utf-8")
    assert "<td>h100 → rtx4090</td>" in text
    figure = plots.income_figure(made.fleets, ["base", "proposal"])
    assert figure.data[0].x[0] == "both<br>h100 → rtx4090"


def test_a_changed_rule_alone_is_the_rules_difference() -> None:
    made = compare.compare(small(), small(params={"coverage_bonus": "0"}, slot_rule="fixed_share"))
    words = verdict.comparison_words(made)
    changed = "coverage_bonus from 0.1 to 0, slot_rule from by_weight to fixed_share"
    assert words[-2] == f"The proposal changes {changed}."
    assert words[-1].endswith("so a difference is the rule's.")
    assert "changes nothing" in verdict.causes(small(), small(name="other"))[0]


def test_what_cannot_be_compared_is_said_with_both_values() -> None:
    with pytest.raises(ScenarioError, match="same epochs: the base has 3, the proposal 4"):
        compare.compare(small(), small(epochs=4))
    fleets = [TREE["fleets"][0] | {"name": "all"}, TREE["fleets"][1]]
    with pytest.raises(ScenarioError, match="the base has both, one; the proposal all, one"):
        compare.compare(small(), small(fleets=fleets))


@pytest.mark.parametrize(
    ("ends", "first", "regret"),
    [
        ((-2e6, -1e6), "No tried cartel pays for a.", "is 0.000 NINE an epoch"),
        (
            (1e6, 3e6),
            "A cartel pays for a: +2.000 NINE an epoch, +0.200% of its income.",
            "is 2.000 NINE an epoch",
        ),
        ((-1e6, 3e6), "No gain of a cartel for a can be told from chance.", "cannot be told from"),
    ],
)
def test_the_regret_of_honesty_is_told_where_it_is_sure(
    ends: tuple[float, float], first: str, regret: str
) -> None:
    gain = compare.Interval(mean=sum(ends) / 2, low=ends[0], high=ends[1])
    best = compare.Response(strength=0.1, parts=1, gain=gain, honest=1e9, abandoned=0.0)
    words = verdict.attack_words(Behaviour.CARTEL, "a", [best])
    assert words[0] == first
    assert f"The regret of being honest {regret}" in words[-1]


def sweep(folder: Path) -> list[Point]:
    """Four settings of two replicas each, of which one and a half are there."""
    points = [
        Point(index=i, changes={"coverage_bonus": v}, scenario=small(params={"coverage_bonus": v}))
        for i, v in enumerate(("0", "0.1", "0.2", "0.3"))
    ]
    run_points(points, folder)
    for part in ("00000-00000", "00001-00000", "00001-00001", "00003-00001", "00003-00000"):
        (folder / f"fleets-{part}.parquet").unlink()
    return points


def test_a_report_of_an_unfinished_sweep_says_how_much_is_done(tmp_path: Path) -> None:
    folder = tmp_path / "cut"
    points = sweep(folder)
    text = report.write(folder, tmp_path / "r.html").read_text("utf-8")
    assert (
        "Unfinished: 3 of 8 replicas are done, and none of 2 of 4 settings (coverage_bonus 0.1, "
        "coverage_bonus 0.3). The same command with --resume goes on"
    ) in text
    assert "unfinished: 3 of 8 replicas" in text
    assert "From coverage_bonus 0 to coverage_bonus 0.2" in text
    with pytest.raises(ResultError, match="3 of 8 replicas; add --resume"):
        run_points(points, folder)
    run_points(points, folder, resume=True)
    text = report.write(folder, tmp_path / "r.html").read_text("utf-8")
    assert "nfinished" not in text
    assert "From coverage_bonus 0 to coverage_bonus 0.3" in text


@pytest.mark.parametrize("kind", ["epochs", "fleets"])
def test_half_a_part_is_done_again(kind: str, tmp_path: Path) -> None:
    points = [Point(index=0, changes={}, scenario=small())]
    whole = run_points(points, tmp_path).read("epochs")
    (tmp_path / f"{kind}-00000-00001.parquet").unlink()
    assert set(Store(tmp_path).read("epochs")["replica"]) == {0}
    assert run_points(points, tmp_path, resume=True).read("epochs") == whole


def test_a_sweep_killed_before_its_first_part_says_so(tmp_path: Path) -> None:
    points = [Point(index=0, changes={}, scenario=small())]
    run_points(points, tmp_path)
    for part in tmp_path.glob("*.parquet"):
        part.unlink()
    with pytest.raises(ResultError, match="no finished part, 0 of 2 replicas are done"):
        report.write(tmp_path, tmp_path / "r.html")


def test_parts_of_other_code_or_another_setting_do_not_mix(
    tmp_path: Path, monkeypatch: Any
) -> None:
    points = [Point(index=0, changes={}, scenario=small())]
    run_points(points, tmp_path)
    others = [Point(index=0, changes={}, scenario=small(epochs=4))]
    with pytest.raises(ResultError, match=r"epochs from 3 to 4 in setting 1; choose another --out"):
        run_points(others, tmp_path, resume=True)
    with pytest.raises(ResultError, match="1 settings, not 2"):
        run_points([*points, *others], tmp_path, resume=True)
    with pytest.raises(ResultError, match="--mode exact, not fast"):
        run_points(points, tmp_path, mode="fast", resume=True)
    monkeypatch.setattr(store, "code", lambda: "another")
    with pytest.raises(ResultError, match=r"made by other code, at commit .*; here is "):
        run_points(points, tmp_path, resume=True)


MANIFESTS = [
    (b"[]", "is no manifest"),
    (b"null", "is no manifest"),
    (b"", "manifest.json: Expecting value"),
    (b"\xff\xfe", "can't decode"),
    (b"[" * 100_000, "recursion"),
    (b'{"format": "3"}', "written by something else, .* version: Field required"),
    (b'{"format": "3", "version": {"commit": "abc"}}', "code at commit 'abc', and is none of this"),
    (b'{"format": 2}', "format 2, not '3'"),
    (b'{"format": "3", "version": {}, "mode": "exact", "points": []}', "points: List should have"),
]


@pytest.mark.parametrize(("held_", "words"), MANIFESTS)
def test_a_manifest_that_is_none_is_said(held_: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_bytes(held_)
    for resume in (False, True):
        with pytest.raises(ResultError, match=words):
            run_points([Point(index=0, changes={}, scenario=small())], tmp_path, resume=resume)
    with pytest.raises(ResultError, match=words):
        report.write(tmp_path, tmp_path / "r.html")


def test_a_part_that_is_none_is_said(tmp_path: Path) -> None:
    run_points([Point(index=0, changes={}, scenario=small())], tmp_path / "out")
    first, second = sorted((tmp_path / "out").glob("epochs-*"))
    shutil.copy(tmp_path / "out/fleets-00000-00000.parquet", first)
    with pytest.raises(ResultError, match=r"00000.parquet lacks .*delete it, and go on with"):
        Store(tmp_path / "out").read("epochs")
    first.write_bytes(second.read_bytes()[:50])
    with pytest.raises(ResultError, match="is no Parquet file"):
        report.write(tmp_path / "out", tmp_path / "r.html")


def test_a_stopped_sweep_says_how_to_go_on(tmp_path: Path, monkeypatch: Any) -> None:
    def stops(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("simulation.run.run_replica", stops)
    out = tmp_path / "out"
    ran = CliRunner().invoke(app, ["run", str(SCENARIOS / "splitting.toml"), "-o", str(out)])
    assert ran.exit_code == 130
    assert "stopped: 0 of 8 replicas are done; --resume goes on" in ran.output


@pytest.mark.parametrize(("figures", "wide"), [(1, 1), (2, 2), (3, 1), (7, 1), (8, 2)])
def test_no_plot_of_a_page_stands_beside_a_gap(figures: int, wide: int) -> None:
    figure = plots.income_figure(
        {"fleet": [], "gpu": [], "point": [], "income_per_gpu_hour": []}, []
    )
    made = page.Page(
        title="x",
        question="",
        answers=[],
        figures=[figure] * figures,
        tables=[],
        facts="",
        scenarios=[],
    )
    text = page.render(made)
    assert text.count("<div class='card wide'>") == wide
    assert "Plotly.Plots.resize" in text
