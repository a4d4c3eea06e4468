"""What a new network's genesis is made with."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from testnet.binaries import Binaries
from testnet.genesis import found
from testnet.layout import Home, HostRecord, Network
from testnet.spec import Arguments, parse_network


def test_parameters_that_belong_together_are_set_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[Sequence[str]] = []

    def run(argv: Sequence[str]) -> str:
        ran.append(argv)
        return ""

    monkeypatch.setattr("testnet.genesis.run", run)
    host = HostRecord(
        name="host0",
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
    home, network = Home(tmp_path), Network(hosts=(host,), block_ms=1000)
    config = home.chain_home("host0") / "config"
    config.mkdir(parents=True)
    (config / "genesis.json").write_text("{}")
    (config / "priv_validator_key.json").write_text('{"pub_key": {"value": "key"}}')
    spec = parse_network(Arguments(hosts=1, params=("valid_fraction=0.2", "r_target=1.39", "cq=7")))
    names = ("inferenced", "dapi", "mlnode", "models_dir", "cosmovisor")
    found(home, network, spec, Binaries(**{name: tmp_path / name for name in names}))
    set_params = [argv[3:-1] for argv in ran if argv[2] == "set-param"]
    assert set_params == [
        ["--preset", "testnet"],
        ["valid_fraction", "0.2", "r_target", "1.39", "cq", "7"],
    ]
