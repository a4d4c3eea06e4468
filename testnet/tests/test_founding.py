"""`up` on a home that exists: what it was founded with stays, and another value is refused."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from testnet.cli import app
from testnet.errors import HomeError, SpecError
from testnet.founding import check_arguments
from testnet.layout import Home, HostRecord, Network, NodeRecord
from testnet.spec import Arguments, NetworkSpec, parse_network
from typer.testing import CliRunner

FOUNDED = Arguments(
    hosts=3,
    nodes="2,1,1",
    forge="host1",
    withhold="host2",
    block_ms=700,
    params=("lanes=8", "min_kept_power=0.50"),
)
GENESIS: dict[str, Any] = {
    "app_state": {
        "gov": {"params": {"voting_period": "10s", "min_deposit": [{"denom": "unine"}]}},
        "inference": {
            "params": {
                "lanes": "8",
                "min_kept_power": "0.500000000000000000",
                "sample_size": "200",
                "throughput_validation_enabled": False,
                "poc_model": {"dim": "128"},
            },
            "hosts": [{"participant": {"address": f"nine1cold{i}"}} for i in range(3)],
        },
    }
}


def host(i: int, spec: NetworkSpec) -> HostRecord:
    of = spec.hosts[i]
    return HostRecord(
        name=of.name,
        address=f"nine1cold{i}",
        warm_address=f"nine1warm{i}",
        node_key_id="id",
        p2p_port=1,
        rpc_port=2,
        grpc_port=3,
        api_port=4,
        broker_port=5,
        admin_port=6,
        nodes=tuple(
            NodeRecord(node_id=n, grpc_port=1, metrics_port=2, serving_port=3) for n in of.node_ids
        ),
        forge=of.forge,
        repeat=of.repeat,
        withhold=of.withhold,
    )


@pytest.fixture(params=["with", "without"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Home:
    """A home whose fourth host joined later; its record says what it was founded with, or not."""
    spec = parse_network(FOUNDED)
    home = Home(tmp_path / "net")
    home.create()
    hosts = tuple(host(i, spec) for i in range(3))
    joined = replace(hosts[2], name="host3", address="nine1cold3", forge=True)
    home.save(
        Network(
            hosts=(*hosts, joined),
            block_ms=700,
            founding=spec if request.param == "with" else None,
        )
    )
    write_genesis(home, GENESIS)
    return home


def write_genesis(home: Home, document: dict[str, Any]) -> None:
    config = home.chain_home("host0") / "config"
    config.mkdir(parents=True, exist_ok=True)
    (config / "genesis.json").write_text(json.dumps(document))


@pytest.mark.parametrize(
    "given",
    [
        Arguments(),
        FOUNDED,
        Arguments(hosts=3),
        Arguments(nodes="2, 1, 1"),
        Arguments(forge="host1"),
        Arguments(withhold="host2"),
        Arguments(block_ms=700),
        Arguments(params=("lanes=8",)),
        Arguments(params=("min_kept_power=0.5",)),
        Arguments(params=("sample_size=200", "throughput_validation_enabled=false")),
        Arguments(params=("poc_model.dim=128", "gov.voting_period=10s")),
        Arguments(params=('gov.min_deposit=[{"denom": "unine"}]',)),
        Arguments(params=("lanes=9", "lanes=8")),
    ],
    ids=str,
)
def test_the_same_values_again_are_fine(home: Home, given: Arguments) -> None:
    check_arguments(home, home.load(), given)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (Arguments(hosts=2), "-n is 3 there, 2 was given"),
        (Arguments(hosts=4), "-n is 3 there, 4 was given"),
        (Arguments(nodes="2,1,2"), "--nodes is 2,1,1 there, 2,1,2 was given"),
        (Arguments(nodes="2,1,1,1"), "--nodes is 2,1,1 there, 2,1,1,1 was given"),
        (Arguments(forge="host3"), "--forge is host1 there, host3 was given"),
        (Arguments(repeat="host1"), "--repeat is nobody there, host1 was given"),
        (Arguments(withhold="host0"), "--withhold is host2 there, host0 was given"),
        (Arguments(block_ms=1000), "--block-ms is 700 there, 1000 was given"),
        (Arguments(params=("lanes=16",)), "--param lanes is 8 there, 16 was given"),
        (Arguments(params=("sample_size=50",)), "--param sample_size is 200 there, 50 was given"),
        (Arguments(params=("poc_model.dim=64",)), "--param poc_model.dim is 128 there, 64"),
        (Arguments(params=("gov.voting_period=9s",)), "--param gov.voting_period is 10s there, 9s"),
        (Arguments(params=("nonsense=1",)), "--param nonsense is no parameter there, 1 was given"),
    ],
    ids=str,
)
def test_another_value_is_refused_with_both_and_the_remedy(
    home: Home, given: Arguments, words: str
) -> None:
    with pytest.raises(HomeError) as caught:
        check_arguments(home, home.load(), given)
    first, differs, remedy = str(caught.value).splitlines()
    assert first == f"{home.root} holds a network that was founded with other arguments:"
    assert words in differs
    assert remedy == "leave them out to continue it, or start another one with --home FOLDER"


def test_every_argument_that_differs_is_named_at_once(home: Home) -> None:
    given = Arguments(hosts=2, forge="host1", block_ms=500, params=("lanes=8", "sample_size=1"))
    with pytest.raises(HomeError) as caught:
        check_arguments(home, home.load(), given)
    assert [line.split()[0] for line in str(caught.value).splitlines()[1:-1]] == [
        "-n",
        "--block-ms",
        "--param",
    ]


def test_a_param_that_is_no_pair_is_refused_here_too(home: Home) -> None:
    with pytest.raises(SpecError, match="name=value"):
        check_arguments(home, home.load(), Arguments(params=("lanes",)))


def test_a_home_without_genesis_is_said_plainly_once_it_matters(home: Home) -> None:
    (home.chain_home("host0") / "config" / "genesis.json").unlink()
    check_arguments(home, home.load(), Arguments())
    with pytest.raises(HomeError, match=r"genesis\.json is missing or damaged"):
        check_arguments(home, home.load(), Arguments(hosts=3))


def test_a_chain_that_was_started_from_an_export_lists_no_founders(home: Home) -> None:
    exported = {**GENESIS["app_state"]["inference"], "hosts": []}
    write_genesis(home, {"app_state": {"inference": exported}})
    network = replace(home.load(), founding=None)
    check_arguments(home, network, Arguments(hosts=4))


def test_the_founding_is_recorded_and_survives_a_join(tmp_path: Path) -> None:
    spec = parse_network(FOUNDED)
    home = Home(tmp_path / "net")
    network = Network(hosts=(host(0, spec),), block_ms=700, founding=spec)
    home.save(replace(network, hosts=(*network.hosts, host(1, spec))))
    assert home.load().founding == spec


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """What `up` did in the end, instead of doing it."""
    done: list[tuple[str, Any]] = []

    def run_up(home: Home, spec: NetworkSpec | None, *_: Any, **options: Any) -> int:
        del home
        done.append(("up", (spec, options)))
        return 0

    monkeypatch.setattr("testnet.up.run_up", run_up)
    monkeypatch.setattr("testnet.cli._detach", lambda home: done.append(("detach", home)))
    return done


@pytest.mark.parametrize("detach", [(), ("--detach",)])
def test_up_refuses_before_anything_is_started(
    home: Home, started: list[tuple[str, Any]], detach: tuple[str, ...]
) -> None:
    result = CliRunner().invoke(app, ["up", "--home", str(home.root), "-n", "5", *detach])
    assert isinstance(result.exception, HomeError)
    assert "-n is 3 there, 5 was given" in str(result.exception)
    assert started == []


def test_up_without_arguments_continues_whatever_the_home_holds(
    home: Home, started: list[tuple[str, Any]]
) -> None:
    given = ["up", "--home", str(home.root), "--epochs", "2", "--cosmovisor"]
    result = CliRunner().invoke(app, given)
    assert result.exit_code == 0, result.output
    assert started == [("up", (None, {"epochs": 2, "cosmovisor": True}))]


def test_up_in_a_new_home_takes_every_argument(
    tmp_path: Path, started: list[tuple[str, Any]]
) -> None:
    given = ["up", "--home", str(tmp_path / "new"), "-n", "2", "--param", "lanes=8"]
    result = CliRunner().invoke(app, given)
    assert result.exit_code == 0, result.output
    expected = parse_network(Arguments(hosts=2, params=("lanes=8",)))
    assert started == [("up", (expected, {"epochs": None, "cosmovisor": False}))]
