"""A chain node that belongs to no host: it follows the network, and validates nothing.

It can begin at a snapshot, its own or the network's, instead of at the first block.
"""

import shutil

from testnet.binaries import Binaries
from testnet.genesis import create_host
from testnet.keys import new_keys
from testnet.layout import Home, HostRecord, Network
from testnet.settings import set_toml, write_chain_settings
from testnet.spec import HostSpec


def create_follower(
    home: Home,
    network: Network,
    name: str,
    binaries: Binaries,
    *,
    others: tuple[HostRecord, ...] = (),
) -> HostRecord:
    """Make the home of a node that follows the network; nothing is started.

    Args:
        home: folder of the network; the node's is beside those of the hosts.
        network: whom it connects to.
        name: name of the node.
        binaries: the programs.
        others: further followers, whose ports are promised already.
    """
    spec = HostSpec(name=name, nodes=1)
    follower = create_host(home, spec, new_keys(), binaries, others=(*network.hosts, *others))
    shutil.copyfile(
        home.chain_home(network.hosts[0].name) / "config" / "genesis.json",
        home.chain_home(name) / "config" / "genesis.json",
    )
    write_chain_settings(home, network, follower)
    return follower


def trust(
    home: Home, follower: HostRecord, peers: tuple[HostRecord, ...], *, height: int, block_hash: str
) -> None:
    """Name a block that a node believes without having seen those before it.

    Args:
        home: folder of the network.
        follower: the node.
        peers: two or more nodes whose light blocks it asks for and compares.
        height: height of the block.
        block_hash: its hash, in hexadecimal.
    """
    servers = ",".join(f"http://127.0.0.1:{peer.rpc_port}" for peer in peers)
    set_toml(
        home.chain_home(follower.name) / "config" / "config.toml",
        {
            "statesync.rpc_servers": servers,
            "statesync.trust_height": height,
            "statesync.trust_hash": block_hash,
            "statesync.trust_period": "168h0m0s",
        },
    )


def use_state_sync(home: Home, follower: HostRecord) -> None:
    """Let a node without blocks begin at a snapshot that its peers offer."""
    set_toml(
        home.chain_home(follower.name) / "config" / "config.toml",
        {"statesync.enable": True, "statesync.discovery_time": "5s"},
    )
