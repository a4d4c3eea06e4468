"""A network that is exported in each of the nine stages, and starts again from the export.

One network goes through one cycle. In every stage all chain nodes halt at the same
height, are exported, forget their blocks, and start again with the export as their
genesis. mlnodes run all the time; the brokers are started again every second time, and
find a chain that goes on where it was the other times. Afterwards another epoch goes by
undisturbed, and the simulator computes both anew.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ninefold_proto.inference.v1 import epoch_pb2, poc_pb2
from testnet.binaries import find_binaries
from testnet.drive import Net, Round, observe_nodes, observe_round
from testnet.errors import NetworkError
from testnet.layout import HostRecord
from testnet.settings import set_toml

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(1800)]

# Windows long enough that a restart of every process leaves most of them.
PARAMS = {
    "poc_exchange_blocks": 30,
    "poc_validation_exchange_blocks": 40,
    "model_loading_blocks": 12,
    "inference_blocks": 90,
}
STAGES = tuple(range(1, 10))
HALT_S = 240.0


@dataclass
class Restart:
    """One stop and start."""

    stage: int
    height: int
    exports: dict[str, str] = field(default_factory=dict[str, str])
    halted_at: str = ""
    genesis: dict[str, Any] = field(default_factory=dict[str, Any])
    first_block: dict[str, Any] = field(default_factory=dict[str, Any])
    hashes: dict[int, set[str]] = field(default_factory=dict[int, set[str]])


@dataclass
class Story:
    """What was recorded."""

    net: Net
    epoch: int = 0
    heights: Any = None
    restarts: list[Restart] = field(default_factory=list[Restart])
    rounds: dict[int, Round] = field(default_factory=dict[int, Round])
    nodes: dict[int, Any] = field(default_factory=dict[int, Any])
    epochs: dict[int, Any] = field(default_factory=dict[int, Any])
    last: dict[int, set[str]] = field(default_factory=dict[int, set[str]])
    replay: subprocess.CompletedProcess[str] | None = None


@pytest.fixture(scope="module")
def story(make_net: Callable[[], Net]) -> Story:
    """The whole run."""
    net = make_net()
    told = Story(net)
    params = [arg for name, value in PARAMS.items() for arg in ("--param", f"{name}={value}")]
    net.up("--block-ms", "600", "--nodes", "1,1,1,1", *params)
    _choose_heights(told)
    _halt_at(told, told.restarts[0].height)
    for host in net.network.hosts:
        # One after the other: the network goes on with three of four.
        net.kill(host.chain_process)
        net.start(host.chain_process)
        net.wait(f"{host.name} is back", lambda _, h=host: _app_height(net, h) or None)
    began = 1
    for i, restart in enumerate(told.restarts):
        _until_halted(told, restart)
        restart.hashes = _hashes(net, began, restart.height + 1)
        began = restart.height + 1
        following = told.restarts[i + 1].height if i + 1 < len(told.restarts) else None
        _restart(told, restart, following, brokers=i % 2 == 1)
    for epoch in (told.epoch, told.epoch + 1):
        net.wait_effective(epoch)
        told.nodes[epoch], told.rounds[epoch] = observe_nodes(net), observe_round(net, epoch)
    _replay(told)
    last = net.ask(lambda led: led.stage().height)
    told.last = _hashes(net, began, last)
    with net.ledger() as ledger:
        told.epochs = {e: ledger.epoch(e) for e in (told.epoch, told.epoch + 1)}
    net.cli("down")
    return told


def _choose_heights(told: Story) -> None:
    """Where the network halts: at every stage that lasts a block, within every other one."""
    net = told.net
    now = net.ask(lambda led: led.stage())
    told.epoch = now.opened + 1
    start = now.heights.next_poc_start
    end = start + 1 + PARAMS["poc_exchange_blocks"]
    validation = end + 1
    validated = validation + 1 + PARAMS["poc_validation_exchange_blocks"]
    switch = validated + PARAMS["model_loading_blocks"] + 1
    heights = (
        *(start, start + 12, end, validation, validation + 14, validated),
        *(validated + 5, switch, switch + 2),
    )
    told.restarts = [Restart(s, h) for s, h in zip(STAGES, heights, strict=True)]


def _halt_at(told: Story, height: int | None) -> None:
    """Let every chain node, once it is started again, execute no block after this one."""
    net = told.net
    for host in net.network.hosts:
        config = net.home.chain_home(host.name) / "config"
        set_toml(config / "app.toml", {"halt-height": 0 if height is None else height + 1})


def _until_halted(told: Story, restart: Restart) -> None:
    net = told.net
    deadline = time.monotonic() + HALT_S
    while {_app_height(net, host) for host in net.network.hosts} != {restart.height}:
        if time.monotonic() > deadline:
            raise NetworkError(f"not halted at {restart.height}: {net.where()}")
        time.sleep(0.2)
    now = net.ask(lambda led: led.stage())
    assert (now.height, now.stage) == (restart.height, restart.stage), now
    restart.halted_at = _block(net, net.network.hosts[0], restart.height)["time"]


def _restart(told: Story, restart: Restart, following: int | None, *, brokers: bool) -> None:
    """Export every node, and start all of them from it."""
    net = told.net
    hosts = net.network.hosts
    for host in hosts:
        if brokers:
            net.kill(host.broker_process)
        net.kill(host.chain_process)
    files: dict[str, Path] = {}
    for host in hosts:
        files[host.name] = net.home.root / f"{restart.stage}-{host.name}.json"
        _inferenced(told, host, "export", "--output-document", str(files[host.name]))
        digest = hashlib.sha256(files[host.name].read_bytes()).hexdigest()
        restart.exports[host.name] = digest
    restart.genesis = json.loads(files[hosts[0].name].read_text())
    del restart.genesis["app_state"]
    _halt_at(told, following)
    for host in hosts:
        _inferenced(told, host, "comet", "unsafe-reset-all", "--keep-addr-book")
        genesis = net.home.chain_home(host.name) / "config" / "genesis.json"
        shutil.copyfile(files[host.name], genesis)
        _inferenced(told, host, "genesis", "validate")
    for host in hosts:
        net.start(host.chain_process)
    for host in hosts if brokers else ():
        net.start(host.broker_process)
    net.wait("the first block", lambda led: led.stage().height > restart.height)
    restart.first_block = _block(net, hosts[0], restart.height + 1)


def _hashes(net: Net, first: int, last: int) -> dict[int, set[str]]:
    for host in net.network.hosts:
        net.wait(f"{host.name} has block {last}", lambda _, h=host: _block_height(net, h) >= last)
    return {
        height: {net.app_hash(host, height) for host in net.network.hosts}
        for height in range(first, last + 1)
    }


def _app_height(net: Net, host: HostRecord) -> int:
    """Height of a node's application; 0 while it does not answer."""
    try:
        return int(net.rpc(host, "abci_info")["response"]["last_block_height"])
    except (OSError, KeyError):
        return 0


def _block_height(net: Net, host: HostRecord) -> int:
    return int(net.rpc(host, "status")["sync_info"]["latest_block_height"])


def _block(net: Net, host: HostRecord, height: int) -> dict[str, Any]:
    return net.rpc(host, f"block?height={height}")["block"]["header"]


def _inferenced(told: Story, host: HostRecord, *args: str) -> None:
    done = subprocess.run(
        [find_binaries().inferenced, *args, "--home", told.net.home.chain_home(host.name)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    if done.returncode != 0:
        raise NetworkError(f"inferenced {' '.join(args)}: {done.stderr or done.stdout}")


def _replay(told: Story) -> None:
    """Let the simulator compute the settled epochs anew from what the network exports."""
    net = told.net
    net.wait("settled", lambda led: led.settlement(told.epoch).done)
    out = net.home.root / "epochs.parquet"
    net.cli("export", str(out), "--first", str(told.epoch), "--last", str(told.epoch))
    sim = Path(sys.executable).with_name("sim")
    told.replay = subprocess.run(
        [sim, "replay", str(out)], capture_output=True, text=True, timeout=120, check=False
    )


def test_the_network_was_exported_in_each_stage(story: Story) -> None:
    assert [r.stage for r in story.restarts] == list(STAGES)


def test_all_nodes_export_the_same_bytes(story: Story) -> None:
    for restart in story.restarts:
        assert len(restart.exports) == 4
        assert len(set(restart.exports.values())) == 1, restart.stage


def test_the_chain_goes_on_at_the_next_height_and_its_time_does_not_go_back(
    story: Story,
) -> None:
    for restart in story.restarts:
        assert restart.genesis["initial_height"] == restart.height + 1
        assert restart.genesis["chain_id"] == restart.first_block["chain_id"]
        assert restart.first_block["time"] == restart.halted_at, restart.stage


def test_all_nodes_have_the_same_app_hash_at_every_height(story: Story) -> None:
    for hashes in (*(r.hashes for r in story.restarts), story.last):
        assert hashes
        assert [h for h, found in hashes.items() if len(found) != 1] == []


def test_no_epoch_is_lost_and_each_keeps_its_heights(story: Story) -> None:
    for epoch in story.epochs.values():
        assert epoch.status != epoch_pb2.EPOCH_STATUS_ABANDONED, epoch.abandoned_reason
    heights = story.epochs[story.epoch].heights
    by_stage = {r.stage: r.height for r in story.restarts}
    assert heights.poc_start == by_stage[1]
    assert heights.poc_end == by_stage[3]
    assert heights.poc_validation_start == by_stage[4]
    assert heights.poc_validation_end == by_stage[6]
    assert heights.set_new_validators == by_stage[8]


@pytest.mark.parametrize("later", [0, 1])
def test_every_host_is_accepted_with_all_it_proved(story: Story, later: int) -> None:
    seen = story.rounds[story.epoch + later]
    assert len(seen.outcomes) == 4
    for name, outcome in seen.outcomes.items():
        assert outcome.outcome == poc_pb2.OUTCOME_ACCEPTED, (name, outcome)
        assert outcome.credited == outcome.claimed > 0, (name, outcome)
        for node_id, status in story.nodes[story.epoch + later][name].items():
            assert seen.nodes[name][node_id].weight == status.acknowledged_nonces, (name, node_id)


def test_the_simulator_computes_every_integer_of_the_cycle_anew(story: Story) -> None:
    assert story.replay is not None
    assert story.replay.returncode == 0, story.replay.stdout + story.replay.stderr
