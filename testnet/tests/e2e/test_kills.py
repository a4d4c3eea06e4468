"""A validator, a broker and an mlnode of a host, killed in each of the nine stages.

One network runs; in three rounds one kind of process of host1 is killed in every
stage of the cycle and started again a block later. The tests look at what was
recorded.

    round 1  host1's validator
    round 2  host1's broker
    round 3  host1's mlnode
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from ninefold_proto.inference.v1 import poc_pb2
from testnet.drive import Net, Round, observe_nodes, observe_round

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(1800)]

VICTIM = "host1"
KINDS = {1: f"{VICTIM}-chain", 2: f"{VICTIM}-broker", 3: f"{VICTIM}-node1"}
STAGES = range(1, 10)
# A block that does not come for so long means that the chain stood still.
PATIENCE_S = 60.0


@dataclass
class Campaign:
    """What was recorded."""

    net: Net
    before: int = 0
    killed: list[tuple[int, int, int]] = field(default_factory=list[tuple[int, int, int]])
    rounds: dict[int, Round] = field(default_factory=dict[int, Round])
    nodes: dict[int, Any] = field(default_factory=dict[int, Any])
    first: int = 0
    last: int = 0
    hashes: dict[int, set[str]] = field(default_factory=dict[int, set[str]])


@pytest.fixture(scope="module")
def campaign(make_net: Callable[[], Net]) -> Campaign:
    """The whole run: 27 kills."""
    net = make_net()
    told = Campaign(net)
    net.up("--block-ms", "1500", "--nodes", "1,1,1,1")
    told.before = net.ask(lambda led: led.stage().opened) + 1
    told.first = net.ask(lambda led: led.stage().height)
    for number, process in KINDS.items():
        _kill_in_every_stage(told, number, process)
    told.last = net.ask(lambda led: led.stage().height)
    _compare_hashes(told)
    net.cli("down")
    return told


def _kill_in_every_stage(told: Campaign, number: int, process: str) -> None:
    net, epoch = told.net, told.before + number
    for stage in STAGES:
        height = net.wait_stage(epoch, stage)
        net.kill(process)
        net.wait(
            f"a block while {process} is dead",
            lambda led, h=height: led.stage().height > h,
            timeout_s=PATIENCE_S,
        )
        net.start(process)
        told.killed.append((number, stage, height))
        if stage == 8:
            net.wait_effective(epoch)
            told.nodes[number] = observe_nodes(net)
            told.rounds[number] = observe_round(net, epoch)


def _compare_hashes(told: Campaign) -> None:
    net = told.net
    for host in net.network.hosts:
        net.wait(
            f"{host.name} caught up",
            lambda _, h=host: (
                int(net.rpc(h, "status")["sync_info"]["latest_block_height"]) >= told.last
            ),
        )
    for height in range(told.first, told.last + 1):
        told.hashes[height] = {net.app_hash(host, height) for host in net.network.hosts}


def test_each_kind_of_process_was_killed_in_each_stage(campaign: Campaign) -> None:
    assert {(number, stage) for number, stage, _ in campaign.killed} == {
        (number, stage) for number in KINDS for stage in STAGES
    }


def test_all_nodes_have_the_same_app_hash_at_every_height(campaign: Campaign) -> None:
    assert len(campaign.hashes) > 27
    assert [h for h, found in campaign.hashes.items() if len(found) != 1] == []


@pytest.mark.parametrize("number", KINDS)
def test_no_host_is_judged_a_fraud(campaign: Campaign, number: int) -> None:
    accepted = {poc_pb2.OUTCOME_ACCEPTED}
    for name, outcome in campaign.rounds[number].outcomes.items():
        allowed = accepted
        if (name, number) == (VICTIM, 3):
            # An mlnode that never came to prove claims little or nothing.
            allowed = accepted | {poc_pb2.OUTCOME_NO_BATCH, poc_pb2.OUTCOME_BELOW_MINIMUM}
        assert outcome.outcome in allowed, (name, outcome)
        assert outcome.seats_fraud == 0, (name, outcome)


@pytest.mark.parametrize("number", KINDS)
def test_final_weights_are_the_acknowledged_nonces(campaign: Campaign, number: int) -> None:
    seen = campaign.rounds[number]
    for name, nodes in campaign.nodes[number].items():
        if (name, number) == (VICTIM, 3):
            # Its counters died with it; what the broker stored was claimed, each once.
            outcome = seen.outcomes[name]
            assert outcome.credited == outcome.claimed
            continue
        for node_id, status in nodes.items():
            assert seen.nodes[name][node_id].weight == status.acknowledged_nonces, (name, node_id)
            assert seen.nodes[name][node_id].weight > 0
