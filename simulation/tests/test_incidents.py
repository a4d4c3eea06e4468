"""Incidents of earlier networks: their numbers under the rule that failed, and under ours."""

import json
import math
from fractions import Fraction
from pathlib import Path

import pytest
from typer.testing import CliRunner

from simulation import incidents
from simulation.cli import app
from simulation.errors import ScenarioError

FILE = Path(__file__).resolve().parents[1] / "scenarios/incidents/incidents.toml"
PARAMS = Path(__file__).resolve().parents[2] / "proto/vectors/params.json"
TEXT = FILE.read_text(encoding="utf-8")
TOLD = {one.name: one for one in incidents.tell(FILE)}

# What is told of each, and what ours comes to.
WANTED = {
    "power_cap_to_ones": ("[1, 1, 1, 1]", "[1, 27000, 27000, 27000]"),
    "zero_weight_neighbour": ("[0, 0, 0, 0]", "[0, 27000, 27300, 27400]"),
    "cap_split_in_three": (
        "25.0% of the reward whole, 60.0% in parts",
        "60.0% of the reward whole, 60.0% in parts",
    ),
    "one_gpu_two_nodes": (
        "nodes weigh [50, 100], of a GPU of 100",
        "nodes weigh [33, 66], of a GPU of 100",
    ),
    "dead_node_preserved": (
        "weighs in 10 of 10 epochs after its death",
        "weighs in 2 of 10 epochs after its death",
    ),
    "one_nonce_in_many_batches": (
        "300 nonces count",
        "60 nonces count, the others are refused: count_of_range",
    ),
    "settlement_of_100": ("100 of 250 hosts are paid", "250 of 250 hosts are paid"),
    "stuck_price": ("49 becomes 49", "49 becomes 50"),
    "flagged_honest_host": (
        "flagged from 6 errors of 100 on: a host that errs in 0.05 of its claims in 0.38 of checks",
        "flagged from 5 errors of 200 on: a host that errs in 0.0005 of its claims in 7.3e-08 of "
        "checks",
    ),
    "remainders": (
        "of 1000, 1000 are minted and 1006 are paid",
        "of 1000, 994 are minted and 994 are paid",
    ),
}


def changed(tmp_path: Path, name: str, old: str, new: str) -> Path:
    """The pack with something of one incident changed."""
    at, path = TEXT.index(f"[{name}]"), tmp_path / "incidents.toml"
    assert old in TEXT[at:]
    path.write_text(TEXT[:at] + TEXT[at:].replace(old, new, 1), encoding="utf-8")
    return path


def test_every_incident_that_is_known_is_in_the_file_and_passes() -> None:
    assert set(TOLD) == set(incidents.KINDS)
    assert {one.verdict for one in TOLD.values()} == {"passes"}


@pytest.mark.parametrize("name", sorted(WANTED))
def test_both_rules_make_of_the_numbers_what_is_told(name: str) -> None:
    assert (TOLD[name].theirs.text, TOLD[name].ours.text) == WANTED[name]


def test_seats_counted_by_weight_let_one_host_decide_four_fifths() -> None:
    told = TOLD["juries_by_weight_squared"]
    assert told.ours.text == "a host of 5.0% decides 0.0% of the verdicts alone"
    share = told.theirs.text.removeprefix("a host of 5.0% decides ").partition("%")[0]
    assert float(share) == pytest.approx(82, abs=5)


def test_a_cap_at_a_share_leaves_nobody_with_more_where_that_can_be() -> None:
    weights = [6000, 1000, 1000, 1000, 1000]
    made = incidents.capped(weights, Fraction(1, 4))
    assert made == [1333, 1000, 1000, 1000, 1000]
    assert 4 * max(made) <= sum(made)
    assert incidents.capped([3, 3, 3, 3], Fraction(1, 4)) == [3, 3, 3, 3]


def test_a_host_of_two_thirds_rules_the_juries_and_the_verdict_says_so(tmp_path: Path) -> None:
    path = changed(tmp_path, "juries_by_weight_squared", "weight = 5000", "weight = 190000")
    told = incidents.tell(path)[-1]
    assert told.verdict == "fails"
    done = CliRunner().invoke(app, ["incidents", str(path)])
    assert done.exit_code == 2
    assert "juries_by_weight_squared: fails" in done.output
    assert "10 of 11 incidents do no harm under our rules" in done.output


@pytest.mark.parametrize(
    ("errs", "verdict"), [("0.0005", "passes"), ("0.002", "passes"), ("0.05", "fails")]
)
def test_an_honest_host_is_held_to_the_parameters_that_ship(
    errs: str, verdict: str, tmp_path: Path
) -> None:
    """The limit and the probability from the binomial distribution itself."""
    rows = json.loads(PARAMS.read_text("utf-8"))["parameters"]
    p = {row["name"]: row["default"] for row in rows}
    sample, mismatch = int(p["sample_size"]), Fraction(p["p_mismatch"])

    def tail(share: Fraction, least: int) -> Fraction:
        few = (math.comb(sample, i) * share**i * (1 - share) ** (sample - i) for i in range(least))
        return 1 - sum(few, Fraction(0))

    limit = next(x for x in range(sample) if tail(mismatch, x) < Fraction(p["fraud_threshold"]))
    path = changed(tmp_path, "flagged_honest_host", '"0.0005"', f'"{errs}"')
    told = {one.name: one for one in incidents.tell(path)}["flagged_honest_host"]
    flagged = f"in {float(tail(Fraction(errs), limit)):.2g} of checks"
    assert told.ours.text.startswith(f"flagged from {limit} errors of {sample} on")
    assert told.ours.text.endswith(flagged)
    assert told.verdict == verdict


def test_numbers_that_hurt_nobody_show_nothing(tmp_path: Path) -> None:
    path = changed(tmp_path, "stuck_price", "price = 49", "price = 100")
    told = {one.name: one for one in incidents.tell(path)}["stuck_price"]
    assert told.theirs.text == told.ours.text == "100 becomes 102"
    assert told.verdict == "not shown by these numbers"


def test_the_command_prints_each_with_its_reason() -> None:
    done = CliRunner().invoke(app, ["incidents", str(FILE)])
    assert done.exit_code == 0
    for one in TOLD.values():
        assert f"{one.name}: passes\n" in done.output
        assert f"  because {one.rule}\n" in done.output
    assert done.output.endswith("11 of 11 incidents do no harm under our rules\n")


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("stuck_price", "[stuck_price]", "[stuck_prize]", "stuck_prize is no incident"),
        ("stuck_price", "price = 49", "prize = 49", "stuck_price.prize is not a key; legal are"),
        ("stuck_price", "price = 49", "", "stuck_price.price is missing"),
        ("stuck_price", "price = 49", "price = 0", "stuck_price.price: .*, got 0"),
        ("stuck_price", "price = 49", 'price = "49"', "stuck_price.price: .*, got '49'"),
        ("remainders", "[1, 1, 1, 1, 1, 1, 1]", "[]", "remainders.weights: .*at least 1"),
        ("remainders", "[1, 1, 1, 1, 1, 1, 1]", "[0]", "remainders: "),
        ("remainders", "[1, 1, 1, 1, 1, 1, 1]", "[1, -1]", "remainders.weights.1: .*, got -1"),
        ("power_cap_to_ones", '"0.25"', '"1.25"', "a share lies between 0 and 1, got '1.25'"),
        ("power_cap_to_ones", '"0.25"', '"1e9999"', "power_cap_to_ones: "),
        ("zero_weight_neighbour", "[0, 27000, 27300, 27400]", "[0, 0]", "cannot be empty"),
        ("flagged_honest_host", '"0.05"', '"1.6"', "flagged_honest_host: a share lies"),
        ("one_nonce_in_many_batches", "[400, 400]", "[]", "lane_next: .*at least 1"),
    ],
)
def test_numbers_that_are_not_legal_are_named(
    tmp_path: Path, name: str, old: str, new: str, words: str
) -> None:
    path = changed(tmp_path, name, old, new)
    with pytest.raises(ScenarioError, match=words):
        incidents.tell(path)


def test_a_file_without_incidents_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "none.toml"
    path.write_text("", encoding="utf-8")
    with pytest.raises(ScenarioError, match="there is no incident in it"):
        incidents.tell(path)
    path.write_text("[stuck_price", encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"none\.toml"):
        incidents.tell(path)
    with pytest.raises(ScenarioError, match="No such file"):
        incidents.tell(tmp_path / "absent.toml")
