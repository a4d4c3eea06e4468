"""A validator, a broker and an mlnode of a host, killed in each of the nine stages.

One network runs; in three rounds one kind of process of host1 is killed in every
stage of the cycle and started again a block later. The tests look at what was
recorded.

    round 1  host1's validator
    round 2  host1's broker
    round 3  host1's mlnode; in POC_EXCHANGE not before the chain has a batch of it
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from ninefold_proto.inference.v1 import poc_pb2
from testnet.drive import Net, Round, observe_nodes, observe_round
from testnet.errors import NetworkError
from testnet.ledger import Ledger
from testnet.nodes import node_client

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(1800)]

VICTIM = "host1"
KINDS = {1: f"{VICTIM}-chain", 2: f"{VICTIM}-broker", 3: f"{VICTIM}-node1"}
MLNODE = 3
STAGES = range(1, 10)
EXCHANGE, END = 2, 3
# A node that was killed must prove again, or judge again, within the stage, on two busy cores.
LONG_ROUNDS = (
    "--param=poc_exchange_blocks=16",
    "--param=poc_validation_exchange_blocks=14",
    "--param=inference_blocks=39",
)
# A block that does not come for so long means that the chain stood still.
BLOCK_TIMEOUT_S = 60.0
# An epoch is longer than other tests wait for something.
EPOCH_TIMEOUT_S = 600.0


@dataclass
class Campaign:
    """What was recorded."""

    net: Net
    before: int = 0
    killed: list[tuple[int, int, int]] = field(default_factory=list[tuple[int, int, int]])
    rounds: dict[int, Round] = field(default_factory=dict[int, Round])
    nodes: dict[int, Any] = field(default_factory=dict[int, Any])
    # What the victim's mlnode had been told was safe, and what was committed of it, when it was
    # killed in POC_EXCHANGE; and what it knew to be safe at POC_END, of which a kill can cost it
    # the last lines.
    acknowledged: int = 0
    later: int = 0
    committed: tuple[bytes, ...] = ()
    first: int = 0
    last: int = 0
    hashes: dict[int, set[str]] = field(default_factory=dict[int, set[str]])


@pytest.fixture(scope="module")
def campaign(make_net: Callable[[], Net]) -> Campaign:
    """The whole run: 27 kills."""
    net = make_net()
    told = Campaign(net)
    net.up("--block-ms", "1500", "--nodes", "1,1,1,1", *LONG_ROUNDS)
    told.before = net.ask(lambda led: led.stage().opened) + 1
    net.wait(
        "the epoch before the first of the rounds",
        lambda led: led.stage().opened == told.before,
        timeout_s=EPOCH_TIMEOUT_S,
    )
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
        if (number, stage) == (MLNODE, EXCHANGE):
            height = _wait_for_a_batch(told, epoch)
        if (number, stage) == (MLNODE, END):
            told.later = _acknowledged(told)
        net.kill(process)
        net.wait(
            f"a block while {process} is dead",
            lambda led, h=height: led.stage().height > h,
            timeout_s=BLOCK_TIMEOUT_S,
        )
        net.start(process)
        told.killed.append((number, stage, height))
        if stage == 8:
            net.wait_effective(epoch)
            told.nodes[number] = observe_nodes(net)
            told.rounds[number] = observe_round(net, epoch)


def _wait_for_a_batch(told: Campaign, epoch: int) -> int:
    """Wait until the chain has a batch of the victim; notes it, and what its mlnode says."""
    net = told.net
    victim = net.network.host(VICTIM)

    def there(ledger: Ledger) -> int | None:
        now = ledger.stage()
        if (now.opened, now.stage) != (epoch, EXCHANGE):
            raise NetworkError(f"{VICTIM} committed nothing before {now}")
        told.committed = _batches(ledger.batches(epoch, victim.address))
        return now.height if told.committed else None

    height = net.wait("a batch of the victim", there)
    told.acknowledged = _acknowledged(told)
    return height


def _acknowledged(told: Campaign) -> int:
    """What the victim's mlnode knows to be safe; it writes down what it was told."""
    with node_client(told.net.home, told.net.network.host(VICTIM), "node1") as client:
        return int(client.poc_status().acknowledged_nonces)


def _batches(stored: list[Any]) -> tuple[bytes, ...]:
    return tuple(s.batch.SerializeToString(deterministic=True) for s in stored)


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
def test_every_host_is_accepted_and_nobody_calls_it_a_fraud(
    campaign: Campaign, number: int
) -> None:
    assert set(campaign.rounds[number].outcomes) == {h.name for h in campaign.net.network.hosts}
    for name, outcome in campaign.rounds[number].outcomes.items():
        assert outcome.outcome == poc_pb2.OUTCOME_ACCEPTED, (name, outcome)
        assert outcome.seats_fraud == 0, (name, outcome)
        assert outcome.credited == outcome.claimed > 0, (name, outcome)


@pytest.mark.parametrize("number", KINDS)
def test_final_weights_are_the_acknowledged_nonces(campaign: Campaign, number: int) -> None:
    seen = campaign.rounds[number]
    compared: set[str] = set()
    for name, nodes in campaign.nodes[number].items():
        if (name, number) == (VICTIM, MLNODE):
            # Of its counters a kill may cost the last lines: the next test.
            continue
        assert nodes, name
        compared.add(name)
        for node_id, status in nodes.items():
            assert seen.nodes[name][node_id].weight == status.acknowledged_nonces, (name, node_id)
            assert seen.nodes[name][node_id].weight > 0
    assert compared | {VICTIM} == {h.name for h in campaign.net.network.hosts}


def test_what_an_mlnode_had_proved_before_it_was_killed_is_credited(campaign: Campaign) -> None:
    """It loses its unsent batch at most: what was acknowledged is claimed and credited."""
    seen = campaign.rounds[MLNODE]
    outcome, final = seen.outcomes[VICTIM], _batches(seen.batches[VICTIM])
    assert campaign.acknowledged > 0
    assert campaign.committed
    # Those of before the kill are still the first, and what is credited is the sum of all.
    assert final[: len(campaign.committed)] == campaign.committed
    counts = [s.batch.count for s in seen.batches[VICTIM]]
    assert outcome.credited == sum(counts) >= campaign.later >= campaign.acknowledged
    assert seen.nodes[VICTIM]["node1"].weight == outcome.credited


def test_an_mlnode_that_was_killed_proves_nothing_twice(campaign: Campaign) -> None:
    """Batches of one node follow each other without a gap, and each lane only forwards."""
    batches = [s.batch for s in campaign.rounds[MLNODE].batches[VICTIM]]
    assert [b.batch_id for b in batches] == list(range(1, len(batches) + 1))
    lanes = [list(b.lane_next) for b in batches]
    for before, after in itertools.pairwise(lanes):
        assert all(x <= y for x, y in zip(before, after, strict=True))
