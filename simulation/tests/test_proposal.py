"""A scenario's parameters become a proposal that the testnet's own checker accepts."""

import json
from pathlib import Path
from typing import Any

import pytest
from ninefold_proto.inference.v1 import params_pb2
from testnet.proposal import build_messages, load_proposal
from typer.testing import CliRunner

from simulation.cli import app
from simulation.errors import ScenarioError
from simulation.params import preset, table
from simulation.proposal import proposal, write
from simulation.scenario import load, parse

SCENARIOS = Path(__file__).resolve().parents[1] / "scenarios"
FLEETS = [{"name": "a", "hosts": 1}]


def built(path: Path) -> Any:
    in_force = params_pb2.Params(coverage_bonus="0.1", coverage_spread=4, lanes=16)
    (message,) = build_messages(load_proposal(path), in_force)
    return message


def test_the_tutorials_proposal_is_what_testnet_propose_takes(tmp_path: Path) -> None:
    path = tmp_path / "proposal.json"
    ran = CliRunner().invoke(
        app, ["propose", str(SCENARIOS / "smaller_bonus.toml"), "-o", str(path)]
    )
    assert ran.exit_code == 0, ran.output
    message = built(path)
    assert message.params.coverage_bonus == "0.05"
    assert message.params.coverage_spread == 4, "what is not proposed stays in force"
    assert json.loads(path.read_text())["title"] == "Set coverage_bonus"


def test_the_tutorials_proposal_is_its_base_with_one_table_more() -> None:
    base, made = (load(SCENARIOS / f"{n}.toml") for n in ("coverage_bonus", "smaller_bonus"))
    told = {"name", "question", "metric", "verdict", "checks", "rule", "params"}
    assert base.model_dump(exclude=told) == made.model_dump(exclude=told)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("coverage_bonus", "0"),
        ("max_consecutive_preserved_epochs", "0"),
        ("throughput_validation_enabled", "true"),
        ("poc_model.n_layers", "4"),
        ("initial_epoch_subsidy", "7"),
    ],
)
def test_every_kind_of_parameter_arrives(tmp_path: Path, name: str, value: str) -> None:
    made = parse({"name": "x", "fleets": FLEETS, "params": {name: value}})
    message = built(write(made, tmp_path / "p.json"))
    at: Any = message.params
    for part in name.split("."):
        at = getattr(at, part)
    assert str(at).lower() == value


def test_every_parameter_has_a_field_of_its_name() -> None:
    fields = params_pb2.Params.DESCRIPTOR.fields_by_name
    shape = params_pb2.PocModel.DESCRIPTOR.fields_by_name
    for name in table():
        head, _, rest = name.partition(".")
        assert head in fields
        assert not rest or rest in shape


def test_nothing_is_no_proposal() -> None:
    with pytest.raises(ScenarioError, match="nothing to propose"):
        proposal(parse({"name": "x", "fleets": FLEETS}))
    same = {"coverage_bonus": preset("default")["coverage_bonus"]}
    with pytest.raises(ScenarioError, match="nothing to propose"):
        proposal(parse({"name": "x", "fleets": FLEETS, "params": same}))
