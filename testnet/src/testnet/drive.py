"""A network in the background, driven from a program: scripts and end-to-end tests."""

import contextlib
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

from testnet.control import request
from testnet.errors import ChainError, NetworkError
from testnet.layout import Home, HostRecord, Network
from testnet.ledger import Ledger
from testnet.nodes import node_client

T = TypeVar("T")
_POLL_S = 0.1


class Net:
    """A network that runs in the background, driven as a user drives it."""

    def __init__(self, home: Path) -> None:
        self.home = Home(home)

    def cli(self, *args: str, timeout_s: float = 240.0) -> str:
        """Run a verb of the command line and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "testnet", *args, "--home", str(self.home.root)],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        if done.returncode != 0:
            raise NetworkError(f"testnet {' '.join(args)} failed: {done.stderr or done.stdout}")
        return done.stdout

    def up(self, *args: str) -> None:
        """Start the network."""
        self.cli("up", "--detach", *args)

    @property
    def network(self) -> Network:
        """The network's record."""
        return self.home.load()

    def ledger(self, host: int = 0) -> Ledger:
        """A client of a host's chain node; close it."""
        return Ledger(self.network.hosts[host])

    def ask(self, question: Callable[[Ledger], T], host: int = 0) -> T:
        """Ask a chain node one thing."""
        with self.ledger(host) as ledger:
            return question(ledger)

    def kill(self, name: str) -> None:
        """End a process at once."""
        request(self.home.control_path, {"op": "kill", "name": name})

    def start(self, name: str) -> None:
        """Start a process that was killed."""
        request(self.home.control_path, {"op": "start", "name": name})

    def fault(self, op: str, name: str) -> None:
        """Pause, resume, partition or heal a process or a host."""
        request(self.home.control_path, {"op": op, "name": name})

    def wait(self, what: str, done: Callable[[Ledger], T | None], timeout_s: float = 180.0) -> T:
        """Poll the chain until something holds; the answer is what `done` returned."""
        deadline = time.monotonic() + timeout_s
        with self.ledger() as ledger:
            while True:
                # A node that was killed does not answer for a while.
                with contextlib.suppress(ChainError):
                    found = done(ledger)
                    if found:
                        return found
                if time.monotonic() > deadline:
                    raise NetworkError(f"{what}: not after {timeout_s:g} s; {self.where()}")
                time.sleep(_POLL_S)

    def where(self) -> str:
        """Where the network is, for a message."""
        try:
            return self.cli("status", "--json")
        except (NetworkError, subprocess.TimeoutExpired) as err:
            return str(err)

    def wait_stage(self, epoch: int, stage: int) -> int:
        """Wait for a stage of an epoch's cycle (1 … 9) and return the height; fails if missed."""

        def there(ledger: Ledger) -> int | None:
            now = ledger.stage()
            if now.opened > epoch or (now.opened == epoch and now.stage > stage):
                raise NetworkError(f"stage {stage} of epoch {epoch} is over: {now}")
            return now.height if (now.opened, now.stage) == (epoch, stage) else None

        return self.wait(f"stage {stage} of epoch {epoch}", there)

    def wait_effective(self, epoch: int) -> None:
        """Wait until an epoch is effective."""
        self.wait(f"epoch {epoch} effective", lambda led: led.stage().effective >= epoch)

    def rpc(self, host: HostRecord, path: str) -> dict[str, Any]:
        """Ask a node's CometBFT."""
        with urllib.request.urlopen(f"http://127.0.0.1:{host.rpc_port}/{path}", timeout=5) as body:
            return cast(dict[str, Any], json.load(body)["result"])

    def app_hash(self, host: HostRecord, height: int) -> str:
        """App hash in a block's header, i.e. after the block before it."""
        return str(self.rpc(host, f"block?height={height}")["block"]["header"]["app_hash"])

    def comet_powers(self, height: int) -> dict[str, int]:
        """Powers in CometBFT at a height, by consensus key in base64."""
        found = self.rpc(self.network.hosts[0], f"validators?height={height}&per_page=100")
        return {v["pub_key"]["value"]: int(v["voting_power"]) for v in found["validators"]}


@dataclass
class Round:
    """What was seen of one round, once its epoch was effective."""

    epoch: int
    record: Any = None
    outcomes: dict[str, Any] = field(default_factory=dict[str, Any])
    nodes: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    batches: dict[str, list[Any]] = field(default_factory=dict[str, list[Any]])
    juries: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])
    samples: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    verdicts: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    mlnodes: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])


def observe_nodes(net: Net) -> dict[str, dict[str, Any]]:
    """Every mlnode's round status, by host name and node id; one that is down is left out."""
    seen: dict[str, dict[str, Any]] = {}
    for host in net.network.hosts:
        seen[host.name] = {}
        for node in host.nodes:
            with (
                contextlib.suppress(NetworkError),
                node_client(net.home, host, node.node_id) as client,
            ):
                seen[host.name][node.node_id] = client.poc_status()
    return seen


def observe_round(net: Net, epoch: int) -> Round:
    """Everything the chain says of a round; names hosts by their names."""
    names = {h.address: h.name for h in net.network.hosts}
    seen = Round(epoch=epoch)
    with net.ledger() as ledger:
        seen.record = ledger.epoch(epoch)
        for outcome in ledger.weights(epoch):
            name, address = names[outcome.participant], outcome.participant
            seen.outcomes[name] = outcome
            answer = ledger.weight(epoch, address)
            seen.nodes[name] = {n.node_id: n for n in answer.nodes}
            seen.batches[name] = ledger.batches(epoch, address)
            seen.juries[name] = {names[s.holder]: s.seats for s in ledger.jury(epoch, address)}
            for seat in ledger.jury(epoch, address):
                refs = ledger.sample(epoch, address, seat.holder)
                seen.samples[name, names[seat.holder]] = len(refs)
            seen.verdicts[name] = {
                names[v.holder]: v.verdict for v in ledger.verdicts(epoch, address)
            }
    return seen
