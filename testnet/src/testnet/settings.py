"""Configuration files of the processes."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from testnet.errors import HomeError
from testnet.layout import Home, HostRecord, Network, write_atomically
from testnet.spec import DENOM

Toml = str | int | bool | Sequence[str]
SNAPSHOT_BLOCKS = 20
"""Blocks between two snapshots of a chain node's state."""


def write_chain_settings(home: Home, network: Network, host: HostRecord) -> None:
    """Point a chain home at its ports and peers, and set the pace of its blocks."""
    config = home.chain_home(host.name) / "config"
    peers = ",".join(
        f"{h.node_key_id}@127.0.0.1:{h.p2p_port}" for h in network.hosts if h.name != host.name
    )
    set_toml(
        config / "config.toml",
        {
            "rpc.laddr": f"tcp://127.0.0.1:{host.rpc_port}",
            "rpc.pprof_laddr": "",
            "p2p.laddr": f"tcp://127.0.0.1:{host.p2p_port}",
            "p2p.persistent_peers": peers,
            "p2p.addr_book_strict": False,
            "p2p.allow_duplicate_ip": True,
            "p2p.flush_throttle_timeout": "10ms",
            "consensus.peer_gossip_sleep_duration": "10ms",
            "consensus.timeout_commit": f"{network.block_ms}ms",
            # A dead proposer costs this each time it is its turn.
            "consensus.timeout_propose": "1s",
        },
    )
    set_toml(
        config / "app.toml",
        {
            "minimum-gas-prices": f"0.01{DENOM}",
            "api.enable": True,
            "api.address": f"tcp://127.0.0.1:{host.api_port}",
            "grpc.enable": True,
            "grpc.address": f"127.0.0.1:{host.grpc_port}",
            # Often enough that who joins a short network finds one, and kept while it is fetched.
            "state-sync.snapshot-interval": SNAPSHOT_BLOCKS,
            "state-sync.snapshot-keep-recent": 3,
        },
    )
    set_toml(config / "client.toml", {"node": f"tcp://127.0.0.1:{host.rpc_port}"})


def write_node_settings(home: Home, host: HostRecord, node_id: str, *, models_dir: Path) -> None:
    """Write `mlnode.toml` of one mlnode; its token file must be there."""
    node = next(n for n in host.nodes if n.node_id == node_id)
    folder = home.node_dir(host.name, node_id)
    write_toml(
        folder / "mlnode.toml",
        {
            "service": {
                "listen": f"127.0.0.1:{node.grpc_port}",
                "token_file": str(folder / "node.token"),
                "metrics_listen": f"127.0.0.1:{node.metrics_port}",
                "state_dir": str(folder / "state"),
            },
            "poc": {"threads": 1},
            "serving": {
                "models_dir": str(models_dir),
                "listen": f"127.0.0.1:{node.serving_port}",
                "offline": True,
            },
        },
    )


def write_broker_settings(
    home: Home, network: Network, host: HostRecord, models: Mapping[str, Sequence[str]]
) -> None:
    """Write `dapi.toml` of a host's broker.

    Args:
        home: folder of the network.
        network: all hosts; their chain nodes are the endpoints, the own one first.
        host: the host.
        models: governance ids that each node serves, by node id.
    """
    folder = home.broker_dir(host.name)
    own = [h for h in network.hosts if h.name == host.name]
    others = [h for h in network.hosts if h.name != host.name]
    testing = {
        "forge_nonces": host.forge,
        "repeat_nonces": host.repeat,
        "withhold_openings": host.withhold,
    }
    sections: dict[str, Mapping[str, Toml]] = {
        "host": {"address": host.address},
        "warm_key": {"backend": "hex", "file": "warm.key"},
        "chain": {"rpc": [f"http://127.0.0.1:{h.rpc_port}" for h in own + others]},
        "public": {"listen": f"127.0.0.1:{host.broker_port}"},
        "admin": {"listen": f"127.0.0.1:{host.admin_port}", "token_file": "admin.token"},
        "network": {"allow_private_addresses": True},
    }
    if any(testing.values()):
        sections["testing"] = testing
    text = _render({"chain_id": network.chain_id, "home": "state"}, sections)
    for node in host.nodes:
        body: Mapping[str, Toml] = {
            "id": node.node_id,
            "address": f"127.0.0.1:{node.grpc_port}",
            "token_file": str(home.node_dir(host.name, node.node_id) / "node.token"),
            "models": list(models[node.node_id]),
        }
        text += "\n[[nodes]]\n" + _lines(body)
        text += '\n[[nodes.hardware]]\ntype = "CPU"\ncount = 1\n'
    write_atomically(folder / "dapi.toml", text)


def write_toml(path: Path, sections: Mapping[str, Mapping[str, Toml]]) -> None:
    """Write a TOML file of sections."""
    write_atomically(path, _render({}, sections))


def set_toml(path: Path, values: Mapping[str, Toml]) -> None:
    """Replace values in an existing TOML file and leave its comments alone.

    Args:
        path: the file.
        values: by `section.key`, or `key` at the top.

    Raises:
        HomeError: when a key is not in the file; a program that renamed it
            would otherwise ignore what we set.
    """
    left = dict(values)
    section, lines = "", list[str]()
    for line in path.read_text().splitlines():
        header = re.fullmatch(r"\s*\[([A-Za-z0-9_.-]+)\]\s*", line)
        entry = re.match(r"\s*([A-Za-z0-9_-]+)\s*=", line)
        if header:
            section = header[1] + "."
        elif entry and section + entry[1] in left:
            line = f"{entry[1]} = {_value(left.pop(section + entry[1]))}"
        lines.append(line)
    if left:
        raise HomeError(f"{path} has no {', '.join(sorted(left))}")
    write_atomically(path, "\n".join(lines) + "\n")


def _render(top: Mapping[str, Toml], sections: Mapping[str, Mapping[str, Toml]]) -> str:
    parts = [_lines(top)] if top else []
    parts += [f"[{name}]\n{_lines(body)}" for name, body in sections.items()]
    return "\n".join(parts)


def _lines(body: Mapping[str, Toml]) -> str:
    return "".join(f"{key} = {_value(value)}\n" for key, value in body.items())


def _value(value: Toml) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        # A JSON string is a TOML basic string.
        return json.dumps(value, ensure_ascii=False)
    return "[" + ", ".join(_value(item) for item in value) + "]"
