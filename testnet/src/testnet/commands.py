"""What each process of a host runs, and how to tell that it is ready."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any, cast

from testnet.binaries import Binaries
from testnet.child import Command
from testnet.cosmovisor import environment, runs_under_cosmovisor
from testnet.errors import ChainError
from testnet.layout import Home, HostRecord
from testnet.nodes import node_client

Ready = Callable[[], bool]


def chain_command(home: Home, host: HostRecord, binaries: Binaries) -> Command:
    """A host's validator."""
    chain_home = home.chain_home(host.name)
    name = host.chain_process
    start = ["start", "--home", str(chain_home), "--log_no_color"]
    # The garbage collector's default trades memory for time; several nodes share a machine.
    env = {"GOMEMLIMIT": "256MiB", "GOMAXPROCS": "2"}
    upgrades = runs_under_cosmovisor(home, host)
    return Command(
        name=name,
        argv=[str(binaries.cosmovisor), "run", *start]
        if upgrades
        else [str(binaries.inferenced), *start],
        env={**env, **environment(home, host)} if upgrades else env,
        cwd=chain_home,
        log=home.log_path(name),
        nested=upgrades,
    )


def node_command(home: Home, host: HostRecord, node_id: str, binaries: Binaries) -> Command:
    """One mlnode."""
    folder = home.node_dir(host.name, node_id)
    name = host.node_process(node_id)
    return Command(
        name=name,
        argv=[str(binaries.mlnode), "serve", "--config", str(folder / "mlnode.toml")],
        env={"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1"},
        cwd=folder,
        log=home.log_path(name),
    )


def broker_command(home: Home, host: HostRecord, binaries: Binaries) -> Command:
    """A host's broker."""
    folder = home.broker_dir(host.name)
    name = host.broker_process
    return Command(
        name=name,
        argv=[str(binaries.dapi), "start", "--config", str(folder / "dapi.toml")],
        env={"GOMEMLIMIT": "128MiB", "GOMAXPROCS": "2"},
        cwd=folder,
        log=home.log_path(name),
    )


def host_commands(home: Home, host: HostRecord, binaries: Binaries) -> Iterator[Command]:
    """All processes of a host, in starting order."""
    yield chain_command(home, host, binaries)
    for node in host.nodes:
        yield node_command(home, host, node.node_id, binaries)
    yield broker_command(home, host, binaries)


def chain_height(host: HostRecord) -> int | None:
    """Latest height of a chain node; None while it does not answer."""
    try:
        with urllib.request.urlopen(
            f"http://127.0.0.1:{host.rpc_port}/status", timeout=1.0
        ) as response:
            body = cast(dict[str, Any], json.load(response))
        return int(body["result"]["sync_info"]["latest_block_height"])
    except (OSError, ValueError, KeyError):
        return None


def chain_ready(host: HostRecord) -> bool:
    """Whether a chain node has a block."""
    height = chain_height(host)
    return height is not None and height >= 1


def broker_ready(host: HostRecord) -> bool:
    """Whether a broker follows the chain."""
    return _answers(f"http://127.0.0.1:{host.broker_port}/readyz")


def node_ready(home: Home, host: HostRecord, node_id: str) -> bool:
    """Whether an mlnode takes calls and every group of it has chosen an engine."""
    try:
        with node_client(home, host, node_id) as client:
            groups = client.poc_status().groups
    except ChainError:
        return False
    return all(group.engine for group in groups)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1.0) as response:
            return response.status == 200
    except (urllib.error.URLError, OSError):
        return False
