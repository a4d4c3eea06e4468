"""A chain node whose disk is full in the middle of a round, and has room again.

One network runs. The data of host2's chain node lie on a small disk in memory, which is filled
while proofs are committed: the node stands still and says why, the others go on. Then there is
room, the operator starts it again, and the round is judged. Mounting needs root.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ninefold_proto.inference.v1 import poc_pb2
from testnet.drive import Net, Round, observe_nodes, observe_round
from testnet.layout import HostRecord

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.long,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(os.geteuid() != 0, reason="mounting a disk needs root"),
]

VICTIM = "host2"
EXCHANGE = 2
DISK_MIB = 64
# What is left of the round must do for a node that comes back.
LONG_ROUNDS = ("--param=poc_exchange_blocks=18", "--param=inference_blocks=35")


@dataclass
class Story:
    """What was recorded."""

    net: Net
    said: str = ""
    stood_at: int = 0
    others_at: int = 0
    signed: int = 0
    round: Round | None = None
    nodes: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    hashes: dict[int, set[str]] = field(default_factory=dict[int, set[str]])


@pytest.fixture(scope="module")
def story(make_net: Callable[[], Net]) -> Iterator[Story]:
    """The whole run."""
    net = make_net()
    told = Story(net)
    net.up("--block-ms", "1500", "--nodes", "1,1,1,1", *LONG_ROUNDS)
    victim = net.network.host(VICTIM)
    net.kill(victim.chain_process)
    try:
        with small_disk(net.home.chain_home(VICTIM) / "data") as disk:
            net.start(victim.chain_process)
            _caught_up(net, victim)
            _fill(told, victim, disk)
            _compare_hashes(told)
            # What keeps the disk busy ends first.
            net.cli("down")
            yield told
    finally:
        net.cli("down")


@contextmanager
def small_disk(folder: Path) -> Generator[Path, None, None]:
    """Puts a folder with all that is in it on a disk of its own."""
    kept = folder.rename(folder.with_name("data.before"))
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", folder], check=True)
    try:
        shutil.copytree(kept, folder, dirs_exist_ok=True)
        yield folder
    finally:
        # Lazily: a process that is about to end may still have a file open there.
        subprocess.run(["umount", "--lazy", folder], check=True)


def _fill(told: Story, victim: HostRecord, disk: Path) -> None:
    """Fill the disk, look at what happens, make room and start the node again."""
    net = told.net
    epoch = net.ask(lambda led: led.stage().opened) + 1
    net.wait_stage(epoch, EXCHANGE)
    log = net.home.log_path(victim.chain_process)
    quiet = log.stat().st_size
    ballast = disk / "ballast"
    with ballast.open("wb") as file:
        while _takes(file.fileno()):
            pass

    def said(_: Any) -> str:
        with log.open("rb") as file:
            file.seek(quiet)
            lines = file.read().decode(errors="replace").splitlines()
        return next((line for line in lines if "no space left on device" in line), "")

    told.said = net.wait("the node says that its disk is full", said, timeout_s=60.0)
    told.stood_at = _height(net, victim)
    told.others_at = net.wait(
        "three blocks of the others",
        lambda led: h if (h := led.stage().height) >= told.stood_at + 3 else 0,
    )
    ballast.unlink()
    net.kill(victim.chain_process)
    net.start(victim.chain_process)
    _caught_up(net, victim)
    net.wait_effective(epoch)
    told.nodes, told.round = observe_nodes(net), observe_round(net, epoch)
    told.signed = _signatures(net, victim, told.stood_at + 1)


def _takes(file: int) -> bool:
    """Write as much as there is room for; whether there was any."""
    try:
        return os.write(file, bytes(4096)) > 0
    except OSError:
        return False


def _height(net: Net, host: HostRecord) -> int:
    return int(net.rpc(host, "status")["sync_info"]["latest_block_height"])


def _caught_up(net: Net, host: HostRecord) -> None:
    # A node that starts answers nothing for a while.
    def there(ledger: Any) -> bool:
        try:
            return _height(net, host) >= ledger.stage().height
        except OSError:
            return False

    net.wait(f"{host.name} caught up", there)


def _signatures(net: Net, host: HostRecord, since: int) -> int:
    """In how many blocks since a height a host's validator signed."""
    own = net.rpc(host, "status")["validator_info"]["address"]
    newest = _height(net, net.network.hosts[0])
    return sum(
        own == signature["validator_address"]
        for height in range(since, newest + 1)
        for signature in net.rpc(net.network.hosts[0], f"commit?height={height}")["signed_header"][
            "commit"
        ]["signatures"]
    )


def _compare_hashes(told: Story) -> None:
    net = told.net
    last = net.ask(lambda led: led.stage().height)
    for host in net.network.hosts:
        _caught_up(net, host)
    for height in range(1, last + 1):
        told.hashes[height] = {net.app_hash(host, height) for host in net.network.hosts}


def test_the_node_says_that_its_disk_is_full_and_stands_still(story: Story) -> None:
    assert "ERR" in story.said
    assert "no space left on device" in story.said


def test_the_others_go_on(story: Story) -> None:
    assert story.others_at >= story.stood_at + 3


def test_with_room_again_it_has_every_block_and_the_same_state(story: Story) -> None:
    assert len(story.hashes) > story.others_at
    assert [h for h, found in story.hashes.items() if len(found) != 1] == []


def test_it_signs_again(story: Story) -> None:
    assert story.signed > 0


def test_what_its_host_proved_meanwhile_is_credited(story: Story) -> None:
    assert story.round is not None
    for host in story.net.network.hosts:
        outcome = story.round.outcomes[host.name]
        assert outcome.outcome == poc_pb2.OUTCOME_ACCEPTED, (host.name, outcome)
        assert outcome.credited == outcome.claimed > 0, (host.name, outcome)
        told = story.nodes[host.name]["node1"].acknowledged_nonces
        assert story.round.nodes[host.name]["node1"].weight == told, host.name
