"""What a network consists of, checked before anything is started."""

import re
from dataclasses import dataclass, replace

from testnet.errors import SpecError

CHAIN_ID = "ninefold-local-1"
DENOM = "unine"
DEFAULT_HOSTS = 4
DEFAULT_BLOCK_MS = 1000
MAX_HOSTS = 16
MAX_NODES_PER_HOST = 8
HOST_NAME = re.compile(r"host[0-9]{1,2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """What a command line says of a network; what it leaves out is None or empty.

    Attributes:
        hosts: number of founding hosts, 1 to 16; by default 4.
        nodes: mlnodes of each host, e.g. `2,1,1,1`; by default two for the
            first host and one for every other.
        forge: name of a host that commits forged nonces.
        repeat: name of a host that claims nonces twice.
        withhold: name of a host that answers no openings.
        block_ms: pause between two blocks, 100 to 60,000 milliseconds; by default 1,000.
        params: `name=value` pairs of chain parameters.
    """

    hosts: int | None = None
    nodes: str | None = None
    forge: str | None = None
    repeat: str | None = None
    withhold: str | None = None
    block_ms: int | None = None
    params: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSpec:
    """One host: a validator, a broker and its mlnodes.

    Attributes:
        name: `host0`, `host1`, …
        nodes: number of mlnodes, at least 1.
        forge: commit forged nonces instead of computed ones.
        repeat: claim every second computed nonce twice.
        withhold: never answer a seat holder's request for openings.
    """

    name: str
    nodes: int
    forge: bool = False
    repeat: bool = False
    withhold: bool = False

    @property
    def node_ids(self) -> tuple[str, ...]:
        """Ids of the mlnodes within the host: `node1`, `node2`, …"""
        return tuple(f"node{i + 1}" for i in range(self.nodes))


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSpec:
    """A whole network.

    Attributes:
        hosts: founding hosts, in the order of their names.
        block_ms: pause between two blocks, in milliseconds.
        params: chain parameters that differ from the testnet preset, by name.
    """

    hosts: tuple[HostSpec, ...]
    block_ms: int = DEFAULT_BLOCK_MS
    params: tuple[tuple[str, str], ...] = ()

    def host(self, name: str) -> HostSpec:
        """The host of that name; SpecError lists the names there are."""
        for host in self.hosts:
            if host.name == name:
                return host
        names = ", ".join(h.name for h in self.hosts)
        raise SpecError(f"no host is named {name!r}; the hosts are {names}")


def parse_network(given: Arguments) -> NetworkSpec:
    """Build a spec from command-line arguments.

    Raises:
        SpecError: naming the argument and what would be right.
    """
    hosts = DEFAULT_HOSTS if given.hosts is None else given.hosts
    block_ms = DEFAULT_BLOCK_MS if given.block_ms is None else given.block_ms
    if not 1 <= hosts <= MAX_HOSTS:
        raise SpecError(f"-n is {hosts}; a network has 1 to {MAX_HOSTS} hosts")
    if not 100 <= block_ms <= 60_000:
        raise SpecError(f"--block-ms is {block_ms}; it is 100 to 60000 milliseconds")
    counts = _node_counts(hosts, given.nodes)
    spec = NetworkSpec(
        hosts=tuple(HostSpec(name=f"host{i}", nodes=count) for i, count in enumerate(counts)),
        block_ms=block_ms,
        params=tuple(parse_param(text) for text in given.params),
    )
    faults = (given.forge, "forge"), (given.repeat, "repeat"), (given.withhold, "withhold")
    for name, fault in faults:
        if name is not None:
            spec.host(name)
            spec = replace(
                spec,
                hosts=tuple(
                    replace(h, **{fault: True}) if h.name == name else h for h in spec.hosts
                ),
            )
    return spec


def _node_counts(hosts: int, nodes: str | None) -> tuple[int, ...]:
    if nodes is None:
        return (2,) + (1,) * (hosts - 1)
    parts = nodes.split(",")
    if len(parts) != hosts:
        raise SpecError(f"--nodes {nodes!r} names {len(parts)} hosts; -n asks for {hosts}")
    counts: list[int] = []
    for part in parts:
        if not part.strip().isdigit() or not 1 <= int(part) <= MAX_NODES_PER_HOST:
            raise SpecError(
                f"--nodes {nodes!r}: {part!r} is not a number from 1 to {MAX_NODES_PER_HOST}"
            )
        counts.append(int(part))
    return tuple(counts)


def parse_param(text: str) -> tuple[str, str]:
    """A chain parameter's name and value; SpecError when it is not of the form name=value."""
    name, sep, value = text.partition("=")
    if not sep or not name or not value:
        raise SpecError(f"--param {text!r} is not of the form name=value")
    return name, value
