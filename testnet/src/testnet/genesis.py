"""Lays out a new network on disk: keys, homes, genesis, configuration files."""

import json
import shutil
import subprocess
import urllib.parse
from collections.abc import Sequence
from typing import Any, cast

from testnet.binaries import Binaries
from testnet.errors import ProcessFailedError
from testnet.keys import HostKeys, new_keys, random_token, save_keys, save_secret
from testnet.layout import Home, HostRecord, Network, NodeRecord, write_atomically
from testnet.ports import free_ports
from testnet.settings import write_broker_settings, write_chain_settings, write_node_settings
from testnet.spec import CHAIN_ID, DENOM, HostSpec, NetworkSpec

COLD_UNINE = 1_000_000_000_000
WARM_UNINE = 1_000_000_000
# Every founding node starts with the same weight; the first proof replaces it.
GENESIS_WEIGHT = 1000
_PORTS_PER_HOST = 6
_PORTS_PER_NODE = 3

MODELS: tuple[dict[str, Any], ...] = (
    {
        "id": "ninefold/tiny-llama",
        "name": "Tiny Llama",
        "version": "1",
        "hf_repo": "ninefold/tiny-llama",
        "hf_commit": "0000000000000000000000000000000000000001",
        "vram_gb": "1",
        "throughput_per_nonce": "1000",
        "units_of_compute_per_token": "1",
        "context_size": "512",
    },
    {
        "id": "ninefold/tiny-qwen",
        "name": "Tiny Qwen",
        "version": "1",
        "hf_repo": "ninefold/tiny-qwen",
        "hf_commit": "0000000000000000000000000000000000000002",
        "vram_gb": "1",
        "throughput_per_nonce": "1000",
        "units_of_compute_per_token": "1",
        "context_size": "512",
    },
)
"""Governed models of a new network; the mlnode makes weights for them by script."""


def node_models(host: HostRecord) -> dict[str, list[str]]:
    """Which models each node of a host serves: the second node prefers the second model."""
    ids = [str(m["id"]) for m in MODELS]
    return {node.node_id: ids if i % 2 == 0 else ids[::-1] for i, node in enumerate(host.nodes)}


def lay_out(home: Home, spec: NetworkSpec, binaries: Binaries) -> Network:
    """Make the folders, keys and configuration of a network that has no genesis yet.

    Raises:
        ProcessFailedError: when a program refuses, with its words.
    """
    # What an interrupted start left behind has no record and is of no use.
    shutil.rmtree(home.root / "hosts", ignore_errors=True)
    home.create()
    keys = {host.name: new_keys() for host in spec.hosts}
    records: tuple[HostRecord, ...] = ()
    for host in spec.hosts:
        records += (create_host(home, host, keys[host.name], binaries, others=records),)
    network = Network(
        hosts=records,
        block_ms=spec.block_ms,
        model_ids=tuple(str(m["id"]) for m in MODELS),
        founding=spec,
    )
    for host in records:
        write_host_settings(home, network, host, binaries)
    return network


def make_models(binaries: Binaries) -> None:
    """Make the tiny models if they are not there yet."""
    made = all(
        (binaries.models_dir / m["hf_repo"] / m["hf_commit"] / "config.json").is_file()
        for m in MODELS
    )
    if not made:
        run([str(binaries.mlnode), "tiny-models", "--out", str(binaries.models_dir)])


def create_host(
    home: Home,
    host: HostSpec,
    keys: HostKeys,
    binaries: Binaries,
    *,
    others: tuple[HostRecord, ...],
) -> HostRecord:
    """Make a host's folders, keys and ports, and initialise its chain home.

    Args:
        home: folder of the network.
        host: what it consists of.
        keys: its accounts.
        binaries: the programs.
        others: hosts whose ports are promised already.
    """
    save_keys(home.keys_path(host.name), keys)
    broker = home.broker_dir(host.name)
    save_secret(broker / "warm.key", keys.warm.signer().private_key_bytes.hex())
    save_secret(broker / "admin.token", random_token())
    chain_home = home.chain_home(host.name)
    run(
        [
            str(binaries.inferenced),
            "init",
            host.name,
            f"--chain-id={CHAIN_ID}",
            f"--home={chain_home}",
        ]
    )
    node_key = run([str(binaries.inferenced), "comet", "show-node-id", f"--home={chain_home}"])
    taken = [port for other in others for port in other.ports]
    ports = iter(free_ports(_PORTS_PER_HOST + _PORTS_PER_NODE * host.nodes, taken=taken))
    nodes: list[NodeRecord] = []
    p2p, rpc, grpc, api, public, admin = (next(ports) for _ in range(_PORTS_PER_HOST))
    for node_id in host.node_ids:
        save_secret(home.node_dir(host.name, node_id) / "node.token", random_token())
        nodes.append(
            NodeRecord(
                node_id=node_id,
                grpc_port=next(ports),
                metrics_port=next(ports),
                serving_port=next(ports),
            )
        )
    return HostRecord(
        name=host.name,
        address=str(keys.cold.address()),
        warm_address=str(keys.warm.address()),
        node_key_id=node_key.strip(),
        p2p_port=p2p,
        rpc_port=rpc,
        grpc_port=grpc,
        api_port=api,
        broker_port=public,
        admin_port=admin,
        nodes=tuple(nodes),
        forge=host.forge,
        repeat=host.repeat,
        withhold=host.withhold,
    )


def write_host_settings(home: Home, network: Network, host: HostRecord, binaries: Binaries) -> None:
    """Write every configuration file of a host."""
    write_chain_settings(home, network, host)
    write_broker_settings(home, network, host, node_models(host))
    for node in host.nodes:
        write_node_settings(home, host, node.node_id, models_dir=binaries.models_dir)


def found(home: Home, network: Network, spec: NetworkSpec, binaries: Binaries) -> None:
    """Write genesis in the first host's home with the program's own commands, then copy it.

    The network's record comes last: a home that has one can be continued.

    Raises:
        ProcessFailedError: when a program refuses, with its words.
    """
    first = home.chain_home(network.hosts[0].name)

    def genesis(*args: str) -> None:
        run([str(binaries.inferenced), "genesis", *args, f"--home={first}"])

    genesis("set-param", "--preset", "testnet")
    if spec.params:
        # In one command: some are legal only together.
        genesis("set-param", *(word for pair in spec.params for word in pair))
    for model in MODELS:
        path = home.root / "models.json"
        write_atomically(path, json.dumps(model))
        genesis("add-model", str(path))
        path.unlink()
    for host in network.hosts:
        genesis("add-account", host.address, f"{COLD_UNINE}{DENOM}")
        genesis("add-account", host.warm_address, f"{WARM_UNINE}{DENOM}")
        genesis("add-host", *_host_arguments(home, host))
    genesis("validate")
    text = (first / "config" / "genesis.json").read_text()
    for host in network.hosts[1:]:
        write_atomically(home.chain_home(host.name) / "config" / "genesis.json", text)
    home.save(network)


def _host_arguments(home: Home, host: HostRecord) -> list[str]:
    """A founding host for `inferenced genesis add-host`."""
    models = node_models(host)
    arguments = [
        host.address,
        f"--url={broker_url(host)}",
        f"--metadata={host.name}",
        f"--consensus-key={consensus_key(home, host.name)}",
    ]
    for node in host.nodes:
        listed = ",".join(models[node.node_id])
        arguments.append(f"--node={node.node_id}:{GENESIS_WEIGHT}:{listed}")
        arguments.append(f"--hardware={node.node_id}:CPU:1")
    return arguments


def broker_url(host: HostRecord) -> str:
    """Public URL of a host's broker."""
    return urllib.parse.urlunsplit(("http", f"127.0.0.1:{host.broker_port}", "", "", ""))


def consensus_key(home: Home, host: str) -> str:
    """A host's consensus public key, base64, from its chain home."""
    path = home.chain_home(host) / "config" / "priv_validator_key.json"
    raw = cast(dict[str, Any], json.loads(path.read_text()))
    return str(raw["pub_key"]["value"])


def run(argv: Sequence[str], *, stdin: str | None = None) -> str:
    """Run a program to its end and return its output.

    Raises:
        ProcessFailedError: with what it wrote, when it fails.
    """
    done = subprocess.run(
        argv, input=stdin, capture_output=True, text=True, check=False, timeout=120
    )
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        raise ProcessFailedError(f"`{' '.join(argv)}` ended with {done.returncode}: {said}")
    return done.stdout
