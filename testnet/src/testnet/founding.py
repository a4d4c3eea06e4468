"""What a home was founded with, held against the arguments of a later `up`.

Hosts, nodes, faults, the pace of blocks and the chain's parameters are fixed when a
network is founded. `--epochs`, `--detach` and `--cosmovisor` act at every start.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from testnet.errors import HomeError
from testnet.layout import Home, Network
from testnet.spec import Arguments, HostSpec, NetworkSpec, parse_param

_MODULE = "inference"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """An argument with the value that the home has and the one that was given."""

    argument: str
    there: str
    given: str


def check_arguments(home: Home, network: Network, given: Arguments) -> None:
    """Refuse arguments that the network of a home was not founded with.

    Args:
        home: folder of the network.
        network: its record.
        given: what the command line says; what it leaves out is as it is.

    Raises:
        HomeError: naming every argument that differs, or a genesis that cannot be read.
    """
    if given == Arguments():
        return
    state = _genesis(home, network)
    found = list(_differences(network.founding or _founders(network, state), state, given))
    if not found:
        return
    lines = (f"  {d.argument} is {d.there} there, {d.given} was given" for d in found)
    raise HomeError(
        "\n".join((f"{home.root} holds a network that was founded with other arguments:", *lines))
        + "\nleave them out to continue it, or start another one with --home FOLDER"
    )


def _differences(
    founded: NetworkSpec, state: dict[str, Any], given: Arguments
) -> Iterator[Difference]:
    hosts = str(len(founded.hosts))
    if given.hosts is not None and str(given.hosts) != hosts:
        yield Difference(argument="-n", there=hosts, given=str(given.hosts))
    nodes = ",".join(str(host.nodes) for host in founded.hosts)
    if given.nodes is not None and given.nodes.replace(" ", "") != nodes:
        yield Difference(argument="--nodes", there=nodes, given=given.nodes)
    for fault in ("forge", "repeat", "withhold"):
        name: str | None = getattr(given, fault)
        there = ",".join(host.name for host in founded.hosts if getattr(host, fault))
        if name is not None and name != there:
            yield Difference(argument=f"--{fault}", there=there or "nobody", given=name)
    if given.block_ms is not None and given.block_ms != founded.block_ms:
        yield Difference(
            argument="--block-ms", there=str(founded.block_ms), given=str(given.block_ms)
        )
    set_then = dict(founded.params)
    for name, value in dict(map(parse_param, given.params)).items():
        there = set_then.get(name, _parameter(state, name))
        if there is None or not _same(there, value):
            yield Difference(argument=f"--param {name}", there=there or "no parameter", given=value)


def _genesis(home: Home, network: Network) -> dict[str, Any]:
    """State of genesis by module."""
    path = home.chain_home(network.hosts[0].name) / "config" / "genesis.json"
    try:
        return cast(dict[str, Any], json.loads(path.read_text())["app_state"])
    except (OSError, json.JSONDecodeError, KeyError) as err:
        raise HomeError(f"{path} is missing or damaged: {err}") from None


def _founders(network: Network, state: dict[str, Any]) -> NetworkSpec:
    """What is known of a home whose record does not say: founding hosts stand in genesis."""
    listed = cast(list[dict[str, Any]], state.get(_MODULE, {}).get("hosts", ()))
    addresses = {host["participant"]["address"] for host in listed}
    # A chain that was started from an export lists none.
    hosts = [h for h in network.hosts if h.address in addresses] or network.hosts
    return NetworkSpec(
        hosts=tuple(
            HostSpec(
                name=h.name,
                nodes=len(h.nodes),
                forge=h.forge,
                repeat=h.repeat,
                withhold=h.withhold,
            )
            for h in hosts
        ),
        block_ms=network.block_ms,
    )


def _parameter(state: dict[str, Any], name: str) -> str | None:
    """A parameter of genesis as text, by the name `genesis set-param` takes; None for no such."""
    module, path = _MODULE, name.split(".")
    if path[0] in state and len(path) > 1:
        module, path = path[0], path[1:]
    found: Any = state.get(module, {}).get("params")
    for part in path:
        if not isinstance(found, dict) or part not in found:
            return None
        found = cast(dict[str, Any], found)[part]
    return found if isinstance(found, str) else json.dumps(found)


def _same(one: str, other: str) -> bool:
    """Whether two texts are one value: `0.5` is `0.50`, and blanks in JSON do not count."""
    return _read(one) == _read(other)


def _read(text: str) -> Any:
    for reader in (Decimal, json.loads):
        try:
            return reader(text)
        except (InvalidOperation, json.JSONDecodeError):
            continue
    return text
