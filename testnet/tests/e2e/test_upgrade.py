"""A network under cosmovisor, upgraded by governance in the middle of a proof.

One network runs; the tests look at what was recorded of it.

    before   the second program is put in place, an upgrade is proposed and voted for
    round 1  in its exchange, at the height of the plan, every node stops, cosmovisor
             starts the second program, and the round goes on
    round 2  undisturbed, but that one node is killed and comes back under cosmovisor
"""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from ninefold_proto.inference.v1 import epoch_pb2, poc_pb2
from testnet.binaries import repository
from testnet.drive import Net, Round, observe_nodes, observe_round

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(1200)]

# What `make build-upgrade` builds; see inference-chain/app/upgrade_trial.go.
PROGRAM = repository() / "build" / "upgradetest" / "inferenced"
NAME = "trial"
EXCHANGE = 2
VICTIM = "host1-chain"


@dataclass
class Story:
    """What was recorded."""

    net: Net
    before: int = 0
    plan: int = 0
    versions: tuple[set[str], set[str]] = (set(), set())
    stored: dict[str, tuple[bytes, bytes]] = field(default_factory=dict[str, tuple[bytes, bytes]])
    rounds: dict[int, Round] = field(default_factory=dict[int, Round])
    nodes: dict[int, Any] = field(default_factory=dict[int, Any])
    epochs: dict[int, Any] = field(default_factory=dict[int, Any])
    hashes: dict[int, set[str]] = field(default_factory=dict[int, set[str]])


@pytest.fixture(scope="module")
def story(make_net: Callable[[], Net]) -> Story:
    """The whole run."""
    net = make_net()
    told = Story(net)
    net.up("--cosmovisor", "--block-ms", "700")
    net.cli("stage-upgrade", NAME, str(PROGRAM))
    before = _versions(net)
    _propose(told)
    stored = {h.name: _stored(net, h) for h in net.network.hosts}
    net.wait("the upgrade", lambda led: led.stage().height > told.plan)
    told.versions = (before, _versions(net))
    told.stored = {h.name: (stored[h.name], _stored(net, h)) for h in net.network.hosts}
    net.wait_effective(told.before + 1)
    _observe(told, 1)
    net.wait_stage(told.before + 2, EXCHANGE)
    net.kill(VICTIM)
    net.start(VICTIM)
    net.wait_effective(told.before + 2)
    _observe(told, 2)
    _compare_hashes(told)
    with net.ledger() as ledger:
        told.epochs = {i: ledger.epoch(i) for i in range(1, told.before + 3)}
    net.cli("down")
    return told


def _propose(told: Story) -> None:
    """Schedule the upgrade for the middle of the next exchange, with time to vote before."""
    net = told.net
    # A new cycle: voting takes ten seconds, which the rest of one may not have.
    net.wait_effective(net.ask(lambda led: led.stage().opened) + 1)
    now = net.ask(lambda led: led.stage())
    told.before, told.plan = now.opened, now.heights.next_poc_start + 4
    file = net.home.root / "upgrade.json"
    message = {
        "@type": "/cosmos.upgrade.v1beta1.MsgSoftwareUpgrade",
        "plan": {"name": NAME, "height": str(told.plan)},
    }
    body = {"title": "Upgrade", "summary": "To try it.", "messages": [message]}
    file.write_text(json.dumps(body))
    net.cli("propose", str(file))
    assert net.ask(lambda led: led.stage().height) < told.plan


def _versions(net: Net) -> set[str]:
    """Versions of the programs that the nodes run."""
    return {net.rpc(h, "abci_info")["response"]["version"] for h in net.network.hosts}


def _stored(net: Net, host: Any) -> bytes:
    """What a node's new store holds; empty when it has no such store."""
    path, key = f'"/store/{NAME}/key"', f"0x{b'height'.hex()}"
    found = net.rpc(host, f"abci_query?path={path}&data={key}")["response"]
    return base64.b64decode(found["value"] or "")


def _observe(told: Story, number: int) -> None:
    told.nodes[number] = observe_nodes(told.net)
    told.rounds[number] = observe_round(told.net, told.before + number)


def _compare_hashes(told: Story) -> None:
    net = told.net
    last = net.ask(lambda led: led.stage().height)
    for host in net.network.hosts:
        net.wait(
            f"{host.name} caught up",
            lambda _, h=host: int(net.rpc(h, "status")["sync_info"]["latest_block_height"]) >= last,
        )
    for height in range(1, last + 1):
        told.hashes[height] = {net.app_hash(host, height) for host in net.network.hosts}


def test_every_node_runs_the_second_program(story: Story) -> None:
    before, after = story.versions
    assert len(before) == len(after) == 1
    assert before != after


def test_the_upgrade_wrote_into_its_new_store_at_its_height_on_every_node(story: Story) -> None:
    expected = story.plan.to_bytes(8, "big")
    assert story.stored == {h.name: (b"", expected) for h in story.net.network.hosts}


def test_all_nodes_have_the_same_app_hash_at_every_height(story: Story) -> None:
    assert len(story.hashes) > story.plan
    assert [h for h, found in story.hashes.items() if len(found) != 1] == []


def test_the_upgrade_fell_into_the_exchange_of_a_round(story: Story) -> None:
    heights = story.epochs[story.before + 1].heights
    assert heights.poc_start < story.plan < heights.poc_end


def test_no_epoch_is_lost(story: Story) -> None:
    lost = {
        i: epoch.abandoned_reason
        for i, epoch in story.epochs.items()
        if epoch.status == epoch_pb2.EPOCH_STATUS_ABANDONED and i > story.before
    }
    assert lost == {}


@pytest.mark.parametrize("number", [1, 2])
def test_every_host_is_accepted_with_all_it_proved(story: Story, number: int) -> None:
    seen = story.rounds[number]
    assert len(seen.outcomes) == len(story.net.network.hosts)
    for name, outcome in seen.outcomes.items():
        assert outcome.outcome == poc_pb2.OUTCOME_ACCEPTED, (name, outcome)
        assert outcome.credited == outcome.claimed > 0, (name, outcome)
        for node_id, status in story.nodes[number][name].items():
            assert seen.nodes[name][node_id].weight == status.acknowledged_nonces, (name, node_id)
