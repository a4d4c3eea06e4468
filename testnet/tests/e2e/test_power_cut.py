"""A machine whose power goes, at random moments, with all that one host runs on it.

Everything of host2 (its chain node, its broker, its mlnode) lies on a disk of its own, an ext4
in a file. At random moments of three rounds that file system is shut down as a power cut would
leave it: what was not synced is gone, CometBFT's log and its record of what it signed, LevelDB's
trees and SQLite's store alike. The processes are killed, the disk is mounted again, and all is
started anew, often before it had recovered from the time before. The seed of the moments is
printed (NINEFOLD_SEED repeats a run). Mounting needs root.
"""

import contextlib
import fcntl
import os
import random
import shutil
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ninefold_proto.inference.v1 import poc_pb2
from testnet.drive import Net, Round, observe_round
from testnet.errors import ChainError, NetworkError
from testnet.layout import HostRecord
from testnet.nodes import node_client

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.long,
    pytest.mark.timeout(2400),
    pytest.mark.skipif(os.geteuid() != 0, reason="mounting a disk needs root"),
    pytest.mark.skipif(shutil.which("mkfs.ext4") is None, reason="needs mkfs.ext4 (e2fsprogs)"),
]

VICTIM = "host2"
NODE = "node1"
ROUNDS = 3
EXCHANGE, VALIDATION_EXCHANGE = 2, 5
# So many blocks before a deadline no power goes: a machine needs them to start, and what it could
# not send in time is late and not lost.
SPARE_BLOCKS = 18
# How often an exchange is cut before the mlnode has been told of anything; were it always, nothing
# would ever be proved.
EARLY = 0.25
# From everything started to the next cut: within the start as well as long after it.
CALM_S = (0.5, 15.0)
DISK_MIB = 512
EPOCH_TIMEOUT_S = 600.0
PARAMS = (
    "--param=poc_exchange_blocks=40",
    "--param=poc_validation_exchange_blocks=30",
    "--param=inference_blocks=79",
    # It is away most of the time, for which others are jailed.
    "--param=slashing.signed_blocks_window=1000",
)

# EXT4_IOC_SHUTDOWN of Linux's include/uapi/linux/ext4.h, and its flag to write nothing more,
# not even the journal.
SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = 2


@dataclass(frozen=True)
class Cut:
    """A moment in which the power went.

    Attributes:
        epoch: whose cycle it was.
        stage: 1 … 9.
        height: of the chain.
        acknowledged: nonces of the round that the mlnode knew to be safe.
    """

    epoch: int
    stage: int
    height: int
    acknowledged: int


@dataclass
class Story:
    """What was recorded."""

    net: Net
    seed: int
    cuts: list[Cut] = field(default_factory=list[Cut])
    rounds: dict[int, Round] = field(default_factory=dict[int, Round])
    hashes: dict[int, set[str]] = field(default_factory=dict[int, set[str]])
    evidence: int = 0
    signed: int = 0
    tombstoned: dict[str, bool] = field(default_factory=dict[str, bool])


class Disk:
    """An ext4 in a file, under a folder, that can lose its power."""

    def __init__(self, image: Path, folder: Path) -> None:
        self.image = image
        self.folder = folder

    def mount(self) -> None:
        """Mount it; after a cut this plays the journal back."""
        # Without auto_da_alloc, as on other file systems, a rename does not sync what it names.
        options = "loop,noauto_da_alloc"
        subprocess.run(["mount", "-o", options, self.image, self.folder], check=True)

    def unmount(self) -> bool:
        """Unmount it; False while a process has a file open there."""
        done = subprocess.run(["umount", self.folder], check=False, capture_output=True)
        return done.returncode == 0

    def cut(self) -> None:
        """From now on nothing reaches the disk, and every write says so."""
        folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(folder, SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(folder)


@contextmanager
def own_disk(image: Path, folder: Path) -> Generator[Disk, None, None]:
    """Puts a folder with all that is in it on a disk of its own."""
    with image.open("wb") as file:
        file.truncate(DISK_MIB << 20)
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    kept = folder.rename(folder.with_name(f"{folder.name}.before"))
    folder.mkdir()
    disk = Disk(image, folder)
    disk.mount()
    try:
        shutil.copytree(kept, folder, dirs_exist_ok=True)
        os.sync()
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture(scope="module")
def story(make_net: Callable[[], Net]) -> Iterator[Story]:
    """The whole run."""
    net = make_net()
    seed = int(os.environ.get("NINEFOLD_SEED", random.SystemRandom().randrange(2**32)))
    sys.stdout.write(f"NINEFOLD_SEED={seed}\n")
    told = Story(net, seed)
    net.up("--block-ms", "1500", "--nodes", "1,1,1,1", *PARAMS)
    victim = net.network.host(VICTIM)
    for process in victim.process_names:
        net.kill(process)
    try:
        with own_disk(net.home.root / "disk.img", net.home.host_dir(VICTIM)) as disk:
            for process in victim.process_names:
                net.start(process)
            _caught_up(net, victim)
            before = net.ask(lambda led: led.stage().opened)
            chance = random.Random(seed)
            net.wait(
                "the next round",
                lambda led: led.stage().opened > before,
                timeout_s=EPOCH_TIMEOUT_S,
            )
            while (epoch := net.ask(lambda led: led.stage().opened)) <= before + ROUNDS:
                _disturb(told, victim, disk, chance)
                if epoch not in told.rounds and net.ask(lambda led: led.stage().effective) >= epoch:
                    told.rounds[epoch] = observe_round(net, epoch)
            _look(told, victim)
            # What keeps the disk busy ends first.
            net.cli("down")
            yield told
    finally:
        net.cli("down")


def _disturb(told: Story, victim: HostRecord, disk: Disk, chance: random.Random) -> None:
    """Wait for a while; cut the power, where it is fair; start everything again."""
    net = told.net
    time.sleep(chance.uniform(*CALM_S))
    now = net.ask(lambda led: led.stage())
    acknowledged = _acknowledged(net, victim, now.heights.poc_start)
    if now.stage in (EXCHANGE, VALIDATION_EXCHANGE) and now.blocks_left < SPARE_BLOCKS:
        return
    if now.stage == EXCHANGE and acknowledged == 0 and chance.random() > EARLY:
        return
    disk.cut()
    for process in victim.process_names:
        # A node whose writes fail may have ended by itself.
        with contextlib.suppress(NetworkError):
            net.kill(process)
    net.wait("nobody has a file open on the disk", lambda _: disk.unmount())
    disk.mount()
    for process in victim.process_names:
        net.start(process)
    told.cuts.append(Cut(now.opened, now.stage, now.height, acknowledged))


def _acknowledged(net: Net, victim: HostRecord, challenge: int) -> int:
    """Nonces that the mlnode was told are safe in the round of a challenge's height."""
    # One that has not started yet was told nothing.
    with contextlib.suppress(ChainError), node_client(net.home, victim, NODE) as client:
        status = client.poc_status()
        if status.round.block_height == challenge:
            return int(status.acknowledged_nonces)
    return 0


def _look(told: Story, victim: HostRecord) -> None:
    """Compare what the nodes have, block by block."""
    net = told.net
    _caught_up(net, victim)
    last_cut = told.cuts[-1].height
    last = net.wait(
        "blocks after the last cut",
        lambda led: h if (h := led.stage().height) > last_cut + 30 else 0,
    )
    for host in net.network.hosts:
        net.wait(f"{host.name} at the end", lambda _, h=host: _height(net, h) >= last)
    own = net.rpc(victim, "status")["validator_info"]["address"]
    for height in range(1, last + 1):
        told.hashes[height] = {net.app_hash(host, height) for host in net.network.hosts}
        block = net.rpc(net.network.hosts[0], f"block?height={height}")["block"]
        told.evidence += len(block["evidence"]["evidence"])
        signatures: list[dict[str, Any]] = block["last_commit"]["signatures"]
        if height > last_cut:
            told.signed += any(s["validator_address"] == own for s in signatures)
    with net.ledger() as ledger:
        told.tombstoned = {v.operator: v.tombstoned for v in ledger.validators()}


def _height(net: Net, host: HostRecord) -> int:
    try:
        return int(net.rpc(host, "status")["sync_info"]["latest_block_height"])
    except OSError:
        return 0


def _caught_up(net: Net, host: HostRecord) -> None:
    net.wait(f"{host.name} caught up", lambda led: _height(net, host) >= led.stage().height)


def test_the_power_went_in_every_round_while_proofs_and_verdicts_were_sent(story: Story) -> None:
    seen = Counter((cut.epoch, cut.stage) for cut in story.cuts)
    assert len(story.rounds) == ROUNDS
    for epoch in story.rounds:
        assert seen[epoch, EXCHANGE] > 0, (story.seed, seen)
        assert seen[epoch, VALIDATION_EXCHANGE] > 0, (story.seed, seen)


def test_its_node_comes_to_the_same_state_at_every_height(story: Story) -> None:
    assert len(story.hashes) > story.cuts[-1].height
    assert [h for h, found in story.hashes.items() if len(found) != 1] == [], story.seed


def test_its_validator_signs_again_and_nothing_twice(story: Story) -> None:
    assert story.signed > 0, story.seed
    assert story.evidence == 0, story.seed
    assert len(story.tombstoned) == len(story.net.network.hosts)
    assert not any(story.tombstoned.values()), story.seed


def test_what_its_mlnode_was_told_is_safe_is_credited(story: Story) -> None:
    # It writes down what it was told, so that it mostly knows it after a cut as well.
    told = dict.fromkeys(story.rounds, 0)
    for cut in story.cuts:
        if cut.stage == EXCHANGE and cut.epoch in told:
            told[cut.epoch] = max(told[cut.epoch], cut.acknowledged)
    assert any(told.values()), (story.seed, story.cuts)
    for epoch, seen in story.rounds.items():
        outcome = seen.outcomes[VICTIM]
        assert outcome.credited >= told[epoch], (story.seed, epoch, told, outcome)


def test_every_host_is_accepted_whole_and_nobody_is_called_a_fraud(story: Story) -> None:
    for seen in story.rounds.values():
        assert set(seen.outcomes) == {h.name for h in story.net.network.hosts}
        for name, outcome in seen.outcomes.items():
            assert outcome.outcome == poc_pb2.OUTCOME_ACCEPTED, (story.seed, name, outcome)
            assert outcome.seats_fraud == 0, (story.seed, name, outcome)
            assert outcome.credited == outcome.claimed > 0, (story.seed, name, outcome)
            assert outcome.credited == sum(s.batch.count for s in seen.batches[name])


def test_it_casts_every_verdict_once_it_is_back(story: Story) -> None:
    for seen in story.rounds.values():
        judged = {name for name, holders in seen.juries.items() if VICTIM in holders}
        assert judged
        for name in judged:
            assert VICTIM in seen.verdicts[name], (story.seed, seen.epoch, name)
