"""Nodes that did not see the first blocks: one from its peers' snapshot, one from its own.

One network runs; two followers join it, which belong to no host, and a validator loses
its state. All three go through a whole epoch with the others: its opening, proofs,
formation, switch and settlement are computed from the state they were given.

    synced    finds a snapshot at its peers and fetches it (state sync)
    restored  loads a snapshot that host3's node took while it was stopped
    host3     is set up anew by state sync, with its key and what it signed, and signs again
"""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from testnet.binaries import find_binaries
from testnet.child import Child, log_tail, stop_all
from testnet.commands import chain_command, chain_height
from testnet.drive import Net
from testnet.errors import NetworkError
from testnet.follower import create_follower, trust, use_state_sync
from testnet.layout import HostRecord
from testnet.settings import SNAPSHOT_BLOCKS

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(1200)]

SOURCE = "host3"
NAMES = ("synced", "restored")
# Longer than usual: whoever weighs nothing signs nothing, and three more nodes take time.
PARAMS = {
    "poc_exchange_blocks": 16,
    "poc_validation_exchange_blocks": 16,
    "inference_blocks": 50,
}
# The format of the SDK's snapshots.
FORMAT = "3"
# The last blocks of which a validator may miss half; see x/slashing in genesis.
SIGNED_WINDOW = 20


@dataclass
class Story:
    """What was recorded."""

    net: Net
    followers: dict[str, HostRecord] = field(default_factory=dict[str, HostRecord])
    children: list[Child] = field(default_factory=list[Child])
    starts: dict[str, int] = field(default_factory=dict[str, int])
    snapshot: int = 0
    epoch: int = 0
    switched: int = 0
    settled: int = 0
    rebuilt: int = 0
    signed: list[int] = field(default_factory=list[int])
    tombstoned: dict[str, bool] = field(default_factory=dict[str, bool])
    hashes: dict[int, dict[str, str]] = field(default_factory=dict[int, dict[str, str]])
    exports: dict[str, str] = field(default_factory=dict[str, str])


@pytest.fixture(scope="module")
def story(make_net: Callable[[], Net]) -> Story:
    """The whole run."""
    net = make_net()
    told = Story(net)
    params = [arg for name, value in PARAMS.items() for arg in ("--param", f"{name}={value}")]
    # Slow blocks: who misses ten of twenty is jailed, and being set up anew takes some seconds.
    net.up("--block-ms", "1500", *params)
    # Something has happened that a snapshot has to carry: a round, rewards, other powers.
    net.wait_effective(net.ask(lambda led: led.stage().opened) + 1)
    try:
        _synced(told)
        _restored(told)
        _rebuilt(told)
        _through_an_epoch(told)
        last = min(_height(h) for h in _everybody(told))
        told.hashes = {
            h: {node.name: net.app_hash(node, h) for node in _everybody(told)}
            for h in range(max(told.starts.values()), last + 1)
        }
        told.signed = _signed_by(told, SOURCE, told.rebuilt, last)
        with net.ledger() as ledger:
            told.tombstoned = {v.operator: v.tombstoned for v in ledger.validators()}
        net.cli("down")
    finally:
        stop_all(told.children)
    told.exports = {
        node.name: _inferenced(told, node, "export", "--height", str(last - 1))
        for node in (net.network.host("host0"), net.network.host(SOURCE), *told.followers.values())
    }
    return told


def _synced(told: Story) -> None:
    net = told.net
    net.wait("a snapshot", lambda led: led.stage().height > SNAPSHOT_BLOCKS + 2)
    _start(told, _create(told, "synced"), state_sync=True)


def _restored(told: Story) -> None:
    """Take a snapshot of a stopped node, and begin another one with it."""
    net = told.net
    source = net.network.host(SOURCE)
    # There can be one snapshot of a height, and the node itself takes some.
    net.wait("a height between", lambda led: 2 <= led.stage().height % SNAPSHOT_BLOCKS <= 14)
    net.kill(source.chain_process)
    said = _inferenced(told, source, "snapshots", "export")
    told.snapshot = int(said.split("Snapshot created at height ")[1].split(",")[0])
    archive = net.home.root / "snapshot.tar.gz"
    _inferenced(
        told, source, "snapshots", "dump", str(told.snapshot), FORMAT, "--output", str(archive)
    )
    net.start(source.chain_process)
    # The light client reads the headers of the two blocks after it.
    net.wait("two blocks more", lambda led: led.stage().height >= told.snapshot + 3)
    follower = _create(told, "restored")
    _inferenced(told, follower, "snapshots", "load", str(archive))
    _inferenced(told, follower, "snapshots", "restore", str(told.snapshot), FORMAT)
    _inferenced(told, follower, "comet", "bootstrap-state", "--height", str(told.snapshot))
    _start(told, follower, state_sync=False)


def _rebuilt(told: Story) -> None:
    """Set a validator up anew: it keeps its key, and the record of what it signed."""
    net = told.net
    host = net.network.host(SOURCE)
    height = net.ask(lambda led: led.stage().height)
    net.wait("blocks it signs", lambda led: led.stage().height > height + SIGNED_WINDOW)
    net.kill(host.chain_process)
    record = net.home.chain_home(SOURCE) / "data" / "priv_validator_state.json"
    kept = record.read_text()
    _inferenced(told, host, "comet", "unsafe-reset-all", "--keep-addr-book")
    record.write_text(kept)
    _trust_a_block(told, host)
    use_state_sync(net.home, host)
    net.start(host.chain_process)
    net.wait(f"{SOURCE} caught up", lambda _: _caught_up(net, host))
    told.starts[SOURCE] = int(_sync_info(net, host)["earliest_block_height"])
    told.rebuilt = _height(host)


def _create(told: Story, name: str) -> HostRecord:
    net = told.net
    others = tuple(told.followers.values())
    follower = create_follower(net.home, net.network, name, find_binaries(), others=others)
    _trust_a_block(told, follower)
    told.followers[name] = follower
    return follower


def _trust_a_block(told: Story, node: HostRecord) -> None:
    """Let a node trust a block of two hosts."""
    net = told.net
    hosts = net.network.hosts
    height = net.ask(lambda led: led.stage().height) - 5
    commit = net.rpc(hosts[0], f"commit?height={height}")["signed_header"]["commit"]
    trust(net.home, node, hosts[:2], height=height, block_hash=commit["block_id"]["hash"])


def _start(told: Story, follower: HostRecord, *, state_sync: bool) -> None:
    net = told.net
    if state_sync:
        use_state_sync(net.home, follower)
    child = Child(chain_command(net.home, follower, find_binaries()))
    told.children.append(child)

    def caught_up(_: object) -> bool:
        if child.exit_code() is not None:
            raise NetworkError(f"{follower.name} ended:\n{log_tail(child.command.log)}")
        return _caught_up(net, follower)

    net.wait(f"{follower.name} caught up", caught_up)
    told.starts[follower.name] = int(_sync_info(net, follower)["earliest_block_height"])


def _through_an_epoch(told: Story) -> None:
    """Wait until an epoch that opens from now on is effective and the one before is settled."""
    net = told.net
    told.epoch = net.ask(lambda led: led.stage().opened) + 1
    net.wait_effective(told.epoch)
    net.wait("settled", lambda led: led.settlement(told.epoch - 1).done)
    with net.ledger() as ledger:
        told.switched = ledger.epoch(told.epoch).heights.set_new_validators
        told.settled = ledger.stage().height
    for node in _everybody(told):
        net.wait(f"{node.name} at the end", lambda _, n=node: _height(n) > told.settled)


def _everybody(told: Story) -> tuple[HostRecord, ...]:
    return (*told.net.network.hosts, *told.followers.values())


def _height(node: HostRecord) -> int:
    return chain_height(node) or 0


def _caught_up(net: Net, node: HostRecord) -> bool:
    return _height(node) > 0 and not _sync_info(net, node)["catching_up"]


def _signed_by(told: Story, name: str, first: int, last: int) -> list[int]:
    """Heights of blocks that a host's validator signed."""
    net = told.net
    own = net.rpc(net.network.host(name), "status")["validator_info"]["address"]

    def signers(height: int) -> set[str]:
        found = net.rpc(net.network.hosts[0], f"commit?height={height}")["signed_header"]["commit"]
        return {s["validator_address"] for s in found["signatures"] if s["block_id_flag"] == 2}

    return [height for height in range(first, last + 1) if own in signers(height)]


def _sync_info(net: Net, node: HostRecord) -> dict[str, str]:
    return net.rpc(node, "status")["sync_info"]


def _inferenced(told: Story, node: HostRecord, *args: str) -> str:
    home = Path(told.net.home.chain_home(node.name))
    done = subprocess.run(
        [find_binaries().inferenced, *args, "--home", home],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    if done.returncode != 0:
        raise NetworkError(f"inferenced {' '.join(args)}: {done.stderr or done.stdout}")
    return done.stdout + (done.stderr if args[0] == "snapshots" else "")


def test_the_nodes_did_not_begin_at_the_first_block(story: Story) -> None:
    assert story.starts["synced"] % SNAPSHOT_BLOCKS == 1
    assert story.starts["synced"] > SNAPSHOT_BLOCKS
    assert story.starts["restored"] == story.snapshot + 1
    assert story.starts[SOURCE] % SNAPSHOT_BLOCKS == 1
    assert story.starts[SOURCE] > SNAPSHOT_BLOCKS


def test_all_nodes_have_the_same_app_hash_at_every_height_of_an_epoch(story: Story) -> None:
    first, last = min(story.hashes), max(story.hashes)
    assert first < story.switched < story.settled <= last
    assert len(story.hashes[first]) == len(story.net.network.hosts) + len(NAMES)
    assert [h for h, found in story.hashes.items() if len(set(found.values())) != 1] == []


def test_a_validator_without_its_state_signs_again_and_nothing_twice(story: Story) -> None:
    assert story.signed
    assert story.tombstoned[story.net.network.host(SOURCE).address] is False


@pytest.mark.parametrize("name", [*NAMES, SOURCE])
def test_a_node_exports_what_one_exports_that_saw_every_block(story: Story, name: str) -> None:
    assert '"inference":{' in story.exports["host0"]
    assert story.exports[name] == story.exports["host0"]
