"""Where everything of a network lies on disk, and the record of it."""

import json
import os
import tempfile
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, cast

from testnet.errors import HomeError
from testnet.spec import CHAIN_ID, HostSpec, NetworkSpec

FORMAT = 2
# What may lie in a home before its record does: a start that was interrupted.
_OWN = frozenset({"logs", "hosts", "models.json", "control.sock", "supervisor.pid", "up"})


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRecord:
    """One mlnode: its id within the host, its ports, its token's file is in its folder."""

    node_id: str
    grpc_port: int
    metrics_port: int
    serving_port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRecord:
    """One host as it was set up: names, addresses and ports."""

    name: str
    address: str
    warm_address: str
    node_key_id: str
    p2p_port: int
    rpc_port: int
    grpc_port: int
    api_port: int
    broker_port: int
    admin_port: int
    nodes: tuple[NodeRecord, ...]
    forge: bool = False
    repeat: bool = False
    withhold: bool = False

    @property
    def ports(self) -> tuple[int, ...]:
        """Every port of the host, whether somebody listens on it now or not."""
        own = (self.p2p_port, self.rpc_port, self.grpc_port, self.api_port)
        nodes = ((n.grpc_port, n.metrics_port, n.serving_port) for n in self.nodes)
        return (*own, self.broker_port, self.admin_port, *chain.from_iterable(nodes))

    @property
    def chain_process(self) -> str:
        """Name of the validator's process."""
        return f"{self.name}-chain"

    @property
    def broker_process(self) -> str:
        """Name of the broker's process."""
        return f"{self.name}-broker"

    def node_process(self, node_id: str) -> str:
        """Name of an mlnode's process."""
        return f"{self.name}-{node_id}"

    @property
    def process_names(self) -> tuple[str, ...]:
        """Names of all processes of the host, in starting order."""
        nodes = tuple(self.node_process(n.node_id) for n in self.nodes)
        return (self.chain_process, *nodes, self.broker_process)


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """The record of a network, kept in `network.json`.

    Attributes:
        hosts: all hosts, those that joined later after the founding ones.
        block_ms: pause between two blocks, in milliseconds.
        chain_id: name of the chain.
        format: of the record.
        model_ids: governed models that the network was founded with.
        founding: what it was founded as; None in a record that was written without it.
    """

    hosts: tuple[HostRecord, ...]
    block_ms: int
    chain_id: str = CHAIN_ID
    format: int = FORMAT
    model_ids: tuple[str, ...] = field(default=())
    founding: NetworkSpec | None = None

    def host(self, name: str) -> HostRecord:
        """The host of that name; HomeError lists the names there are."""
        for host in self.hosts:
            if host.name == name:
                return host
        raise HomeError(
            f"no host is named {name!r}; the hosts are {', '.join(h.name for h in self.hosts)}"
        )


@dataclass(frozen=True, slots=True)
class Home:
    """The folder of one network."""

    root: Path

    @property
    def record_path(self) -> Path:
        """The network's record."""
        return self.root / "network.json"

    @property
    def control_path(self) -> Path:
        """Unix socket of the supervisor."""
        return self.root / "control.sock"

    @property
    def supervisor_path(self) -> Path:
        """Process id of the supervisor."""
        return self.root / "supervisor.pid"

    def host_dir(self, host: str) -> Path:
        """Folder of one host."""
        return self.root / "hosts" / host

    def chain_home(self, host: str) -> Path:
        """Home of a host's chain node."""
        return self.host_dir(host) / "chain"

    def broker_dir(self, host: str) -> Path:
        """Folder of a host's broker."""
        return self.host_dir(host) / "broker"

    def node_dir(self, host: str, node_id: str) -> Path:
        """Folder of one mlnode."""
        return self.host_dir(host) / node_id

    def keys_path(self, host: str) -> Path:
        """Keys of a host: mnemonics of the cold and the warm account."""
        return self.host_dir(host) / "keys.json"

    def log_path(self, process: str) -> Path:
        """Log of a process."""
        return self.root / "logs" / f"{process}.log"

    def exits_path(self) -> Path:
        """One JSON line for every process that ended."""
        return self.root / "logs" / "exits.jsonl"

    def create(self) -> None:
        """Make the folder.

        Raises:
            HomeError: when it holds something that is not a network's, or cannot be made.
        """
        try:
            found = (
                {path.name for path in self.root.iterdir()} if self.root.exists() else set[str]()
            )
            if found - _OWN and not self.record_path.exists():
                raise HomeError(
                    f"{self.root} is not empty and holds no network; choose another --home"
                )
            for folder in (self.root, self.root / "logs", self.root / "hosts"):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as err:
            reason = err.strerror or err
            raise HomeError(
                f"{self.root} cannot hold a network: {reason}; choose another --home"
            ) from None

    def save(self, network: Network) -> None:
        """Write the record, whole or not at all."""
        write_atomically(self.record_path, json.dumps(asdict(network), indent=2) + "\n")

    def load(self) -> Network:
        """Read the record.

        Raises:
            HomeError: when there is none, or it is of another format.
        """
        try:
            raw = cast(dict[str, Any], json.loads(self.record_path.read_text()))
        except FileNotFoundError:
            raise HomeError(
                f"{self.root} holds no network; start one with `testnet up --home {self.root}`"
            ) from None
        except OSError as err:
            raise HomeError(f"{self.root} cannot be read: {err.strerror}") from None
        except (UnicodeDecodeError, json.JSONDecodeError) as err:
            raise HomeError(f"{self.record_path} is damaged: {err}") from None
        if raw.get("format") != FORMAT:
            raise HomeError(
                f"{self.root} is of format {raw.get('format')}, this program writes {FORMAT}; "
                "remove the folder or choose another --home"
            )
        hosts = tuple(
            HostRecord(**cast(Any, {**h, "nodes": tuple(NodeRecord(**n) for n in h["nodes"])}))
            for h in cast(list[dict[str, Any]], raw["hosts"])
        )
        return Network(
            hosts=hosts,
            block_ms=raw["block_ms"],
            chain_id=raw["chain_id"],
            model_ids=tuple(raw["model_ids"]),
            founding=_founding(raw.get("founding")),
        )


def _founding(raw: dict[str, Any] | None) -> NetworkSpec | None:
    if raw is None:
        return None
    return NetworkSpec(
        hosts=tuple(HostSpec(**host) for host in raw["hosts"]),
        block_ms=raw["block_ms"],
        params=tuple((name, value) for name, value in raw["params"]),
    )


def write_atomically(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Write a file by a temporary one and a rename, so that no reader sees half of it.

    When it returns, a power cut leaves the new text; before, the old or the new one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
