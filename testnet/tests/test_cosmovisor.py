"""Where cosmovisor finds the programs of a chain node, and what it is told."""

from dataclasses import replace
from pathlib import Path

import pytest
from testnet.binaries import Binaries
from testnet.commands import chain_command
from testnet.cosmovisor import runs_under_cosmovisor, set_up, set_up_like, stage
from testnet.errors import HomeError, MissingToolError
from testnet.layout import Home, HostRecord, Network


def host(name: str) -> HostRecord:
    return HostRecord(
        name=name,
        address="nine1cold",
        warm_address="nine1warm",
        node_key_id="id",
        p2p_port=1,
        rpc_port=2,
        grpc_port=3,
        api_port=4,
        broker_port=5,
        admin_port=6,
        nodes=(),
    )


@pytest.fixture
def network() -> Network:
    return Network(hosts=(host("host0"), host("host1")), block_ms=1000)


@pytest.fixture
def home(tmp_path: Path, network: Network) -> Home:
    home = Home(tmp_path / "net")
    for each in (*network.hosts, host("host2")):
        home.chain_home(each.name).mkdir(parents=True)
    return home


@pytest.fixture
def binaries(tmp_path: Path) -> Binaries:
    for name in ("inferenced", "second", "cosmovisor"):
        (tmp_path / name).touch()
    return Binaries(
        inferenced=tmp_path / "inferenced",
        dapi=tmp_path / "dapi",
        mlnode=tmp_path / "mlnode",
        models_dir=tmp_path / "models",
        cosmovisor=tmp_path / "cosmovisor",
    )


def test_a_chain_node_runs_by_itself_unless_it_was_set_up(
    home: Home, network: Network, binaries: Binaries
) -> None:
    first, second = network.hosts
    set_up(home, first, binaries)
    under, alone = (chain_command(home, h, binaries) for h in (first, second))
    assert list(alone.argv[:2]) == [str(binaries.inferenced), "start"]
    assert not alone.nested
    assert list(under.argv[:3]) == [str(binaries.cosmovisor), "run", "start"]
    assert under.argv[3:] == [
        *("--home", str(home.chain_home("host0"))),
        "--log_no_color",
    ]
    assert under.nested
    assert under.env["DAEMON_HOME"] == str(home.chain_home("host0"))
    # What the program takes for its home when none is named is the same one.
    named = Path(under.env["HOME"]) / ".inferenced"
    assert named.resolve() == home.chain_home("host0").resolve()


def test_setting_up_again_takes_the_program_of_now(
    home: Home, network: Network, binaries: Binaries, tmp_path: Path
) -> None:
    first = network.hosts[0]
    set_up(home, first, binaries)
    set_up(home, first, replace(binaries, inferenced=tmp_path / "second"))
    link = home.chain_home("host0") / "cosmovisor" / "genesis" / "bin" / "inferenced"
    assert link.resolve() == (tmp_path / "second").resolve()


def test_the_program_of_an_upgrade_is_put_in_place_for_every_host_and_who_joins(
    home: Home, network: Network, binaries: Binaries, tmp_path: Path
) -> None:
    for each in network.hosts:
        set_up(home, each, binaries)
    stage(home, network, "next", tmp_path / "second")
    set_up_like(home, network.hosts[0], host("host2"), binaries)
    for name in ("host0", "host1", "host2"):
        upgrades = home.chain_home(name) / "cosmovisor" / "upgrades"
        assert (upgrades / "next" / "bin" / "inferenced").resolve() == tmp_path / "second"


def test_who_joins_a_network_without_cosmovisor_runs_without_it(
    home: Home, network: Network, binaries: Binaries
) -> None:
    set_up_like(home, network.hosts[0], host("host2"), binaries)
    assert not runs_under_cosmovisor(home, host("host2"))


def test_what_cannot_be_is_refused_with_what_would_be_right(
    home: Home, network: Network, binaries: Binaries, tmp_path: Path
) -> None:
    with pytest.raises(MissingToolError, match="make cosmovisor"):
        set_up(home, network.hosts[0], replace(binaries, cosmovisor=tmp_path / "none"))
    with pytest.raises(HomeError, match="no such file"):
        stage(home, network, "next", tmp_path / "none")
    with pytest.raises(HomeError, match="lower case"):
        stage(home, network, "Next", tmp_path / "second")
    set_up(home, network.hosts[0], binaries)
    with pytest.raises(HomeError, match="host1 does not run under cosmovisor"):
        stage(home, network, "next", tmp_path / "second")
    assert not (home.chain_home("host0") / "cosmovisor" / "upgrades").exists()
