"""One network through four rounds: honest, with kills, and with three cheats.

The network runs once; every test looks at what was recorded of it.

    before   a diff with unknown models is refused
    round 1  undisturbed; parameters change in the middle of it; then governance
             registers a model
    round 2  a validator, a broker and an mlnode are killed and come back
    round 3  the changed parameters act; host3 forges, host2 withholds its openings
    round 4  host2 is honest again; host3 claims nonces twice

Round 1 is the first that opens after everything is up; on a slow machine the
network may have given up an epoch or two before it.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from cosmpy.crypto.address import Address
from google.protobuf.timestamp_pb2 import Timestamp
from mlnode.poc.engines.base import load
from mlnode.poc.engines.reference import ReferenceEngine
from mlnode.service.wire import round_from_wire
from ninefold_proto.inference.v1 import participant_pb2, poc_pb2, tx_pb2
from testnet.cosmos import GovQueryStub, QueryProposalRequest
from testnet.drive import Net, observe_nodes, observe_round
from testnet.errors import ChainError
from testnet.genesis import consensus_key, node_models
from testnet.keys import load_keys
from testnet.ledger import Ledger
from testnet.nodes import node_client
from testnet.proposal import load_proposal, submit_only, vote, wait_passed
from testnet.settings import write_broker_settings

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

PROPOSALS = Path(__file__).parents[2] / "proposals"
HOSTS = ("host0", "host1", "host2", "host3")
# Two busy cores must start a killed node again within a stage, and bring every node to the maximum.
LONG_ROUNDS = ("--param=poc_exchange_blocks=13", "--param=poc_validation_exchange_blocks=13")
MAX_NONCES = 40
STRANGER = b"\xee" * 20
EXCHANGE, VALIDATION, INFERENCE = 2, 5, 9
GIB = 1 << 30


@dataclass
class Story:
    """What was recorded."""

    net: Net
    before: int = 0
    refusal: str = ""
    registry: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    asked: Any = None
    reference: Any = None
    rounds: dict[int, Any] = field(default_factory=dict[int, Any])
    nodes: dict[int, Any] = field(default_factory=dict[int, Any])
    powers: dict[int, tuple[dict[str, int], dict[str, int]]] = field(
        default_factory=dict[int, tuple[dict[str, int], dict[str, int]]]
    )
    course: dict[int, dict[int, dict[str, int]]] = field(
        default_factory=dict[int, dict[int, dict[str, int]]]
    )
    params: dict[int, Any] = field(default_factory=dict[int, Any])
    passed: int = 0
    governed: Any = None
    hashes: list[set[str]] = field(default_factory=list[set[str]])
    amounts: dict[int, dict[str, Any]] = field(default_factory=dict[int, dict[str, Any]])
    balances: tuple[int, int] = (0, 0)
    held: tuple[int, int] = (0, 0)
    replay: subprocess.CompletedProcess[str] | None = None
    interrupted: tuple[int, int, list[str]] = (-1, 0, [])
    pss: int = 0
    left: list[str] = field(default_factory=list[str])


@pytest.fixture(scope="module")
def story(make_net: Callable[[], Net]) -> Story:
    """The whole run."""
    net = make_net()
    told = Story(net)
    net.up("--block-ms", "700", *LONG_ROUNDS)
    _refused_diff(told)
    told.before = net.ask(_rounds_before)
    _honest_round(told)
    _register_model(told)
    _round_with_kills(told)
    _round_with_cheats(told)
    _cheat(told, host2=None, host3="repeat")
    _rewards(told)
    _replay(told)
    net.wait_effective(told.before + 4)
    _observe(told, 4)
    processes = _own(net)
    net.cli("down")
    told.left = _running(processes)
    told.interrupted = _interrupt(net)
    return told


def _interrupt(net: Net) -> tuple[int, int, list[str]]:
    """Continue the network in the foreground and press Ctrl-C.

    Returns the exit status, the processes there were and the ones that are left.
    """
    up = subprocess.Popen(
        [sys.executable, "-m", "testnet", "up", "--home", str(net.home.root)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    everybody = len(net.network.hosts) * 2 + sum(len(host.nodes) for host in net.network.hosts)
    deadline = time.monotonic() + 120.0
    own: list[psutil.Process] = []
    while len(own) <= everybody and up.poll() is None and time.monotonic() < deadline:
        own = _own(net)
        time.sleep(0.1)
    # As a terminal does it: everybody in the foreground is told, not the supervisor alone.
    os.killpg(up.pid, signal.SIGINT)
    return up.wait(60.0), len(own) - 1, _running(own)


def _own(net: Net) -> list[psutil.Process]:
    """The processes that are told the network's home."""
    return [p for p in psutil.process_iter() if str(net.home.root) in _command(p)]


def _running(processes: list[psutil.Process]) -> list[str]:
    return [_command(p) for p in processes if p.is_running() and _command(p)]


def _rounds_before(ledger: Ledger) -> int:
    """Number of the last round that is open or opens too soon to be watched."""
    now = ledger.stage()
    return now.opened + int(now.stage == INFERENCE and now.blocks_left < 2)


def _refused_diff(told: Story) -> None:
    net = told.net
    host = net.network.host("host1")
    node = participant_pb2.HardwareNode(local_id="more", models=["x/one", "x/two", "x/three"])
    diff = tx_pb2.MsgSubmitHardwareDiff(creator=host.address, add=[node])
    with net.ledger() as ledger, pytest.raises(ChainError) as refused:
        ledger.send(load_keys(net.home.keys_path("host1")).cold, [diff], gas=300_000)
    told.refusal = str(refused.value)


def _honest_round(told: Story) -> None:
    net = told.net
    net.wait_stage(told.before + 1, EXCHANGE)
    number = _propose(net, "update-params-max-nonces.json")
    _compare_with_reference(told)
    with net.ledger() as ledger:
        wait_passed(ledger, number, timeout_s=60.0)
        told.governed = ledger.params()
    net.wait_effective(told.before + 1)
    told.passed = _passed_at(net, number, since=net.ask(lambda led: _heights(told, led).poc_start))
    _observe(told, 1)
    told.pss = _proportional_set(net)
    with net.ledger() as ledger:
        told.params = {i: ledger.epoch(told.before + i).params for i in (1, 2)}


def _heights(told: Story, ledger: Ledger) -> Any:
    """The heights of round 1."""
    return ledger.epoch(told.before + 1).heights


def _passed_at(net: Net, number: int, *, since: int) -> int:
    """The block at whose end a proposal was executed: the first as late as its vote's end."""
    with net.ledger() as ledger:
        request = QueryProposalRequest(proposal_id=number)
        end = GovQueryStub(ledger.channel).Proposal(request).proposal.voting_end_time
    host, height, time_of_block = net.network.hosts[0], since, Timestamp()
    while True:
        time_of_block.FromJsonString(net.rpc(host, f"header?height={height}")["header"]["time"])
        if (time_of_block.seconds, time_of_block.nanos) >= (end.seconds, end.nanos):
            return height
        height += 1


def _propose(net: Net, file: str) -> int:
    """Submit a proposal and vote for it with every host; it passes ten seconds later."""
    wallets = [load_keys(net.home.keys_path(h.name)).cold for h in net.network.hosts]
    with net.ledger() as ledger:
        number = submit_only(ledger, load_proposal(PROPOSALS / file), wallets[0])
        vote(ledger, number, wallets)
    return number


def _register_model(told: Story) -> None:
    net = told.net
    number = _propose(net, "register-model-tiny-mistral.json")
    with net.ledger() as ledger:
        wait_passed(ledger, number, timeout_s=60.0)
        told.registry["governance"] = [m.id for m in ledger.governance_models()]
        told.registry["round 1"] = _grouped(ledger, told.before + 1)
        # From here on host1 signs nothing that costs a fee.
        told.balances = (ledger.balance(net.network.host("host1").address), 0)


def _grouped(ledger: Ledger, epoch: int) -> list[str]:
    """The models of an epoch's groups: its copies, and its subgroups."""
    copies = [m.id for m in ledger.epoch_models(epoch)]
    assert set(ledger.group(epoch).sub_group_models) <= set(copies)
    return copies


def _round_with_kills(told: Story) -> None:
    net = told.net
    net.wait_stage(told.before + 2, EXCHANGE)
    started = net.ask(lambda led: led.stage().height)
    victim = net.network.host("host3").address
    net.wait("host3 committed", lambda led: led.batches(told.before + 2, victim))
    net.kill("host3-node1")
    net.kill("host1-chain")
    net.start("host3-node1")
    net.wait("two blocks", lambda led: led.stage().height >= started + 2)
    killed_at = _kill_holding(told)
    net.wait("two more blocks", lambda led: led.stage().height >= killed_at + 2)
    told.held = (told.held[0], net.ask(lambda led: _committed(told, led)))
    net.start("host2-broker")
    net.start("host1-chain")
    net.wait_effective(told.before + 2)
    _observe(told, 2)
    with net.ledger() as ledger:
        told.registry["round 2"] = _grouped(ledger, told.before + 2)
    height = net.ask(lambda led: led.stage().height)
    for host in net.network.hosts:
        net.wait(
            f"{host.name} caught up",
            lambda _, h=host: (
                int(net.rpc(h, "status")["sync_info"]["latest_block_height"]) >= height
            ),
        )
    told.hashes = [
        {net.app_hash(host, h) for host in net.network.hosts} for h in range(started, height, 5)
    ]


def _kill_holding(told: Story) -> int:
    """Kill host2's broker while it holds nonces that are in no transaction yet.

    A batch is cut at each block; right behind one, what was taken since is in none.
    """
    net = told.net
    height = net.ask(lambda led: led.stage().height)
    net.wait("the next block", lambda led: led.stage().height > height)
    with node_client(net.home, net.network.host("host2"), "node1") as client:
        status = client.poc_status
        before = status().acknowledged_nonces
        deadline = time.monotonic() + 30.0
        while status().acknowledged_nonces == before and time.monotonic() < deadline:
            time.sleep(0.02)
        net.kill("host2-broker")
        told.held = (status().acknowledged_nonces, 0)
    return net.ask(lambda led: led.stage().height)


def _committed(told: Story, ledger: Ledger) -> int:
    """What the chain has of host2 while its broker is dead."""
    address = told.net.network.host("host2").address
    return sum(b.batch.count for b in ledger.batches(told.before + 2, address))


def _compare_with_reference(told: Story) -> None:
    """Ask a running mlnode for 16 nonces of a stranger while its round stands."""
    net = told.net
    host = net.network.host("host0")
    net.wait_stage(told.before + 1, VALIDATION)
    with node_client(net.home, host, "node1") as client:
        wire = client.poc_status().round
        told.asked = client.validate(STRANGER, list(range(16)))
    engine = ReferenceEngine()
    load(engine, round_from_wire(wire))
    told.reference = engine.batch(np.arange(16, dtype=np.uint64), STRANGER)


def _round_with_cheats(told: Story) -> None:
    net = told.net
    _cheat(told, host2="withhold", host3="forge")
    net.wait_effective(told.before + 3)
    _observe(told, 3)
    with net.ledger() as ledger:
        told.params[3] = ledger.epoch(told.before + 3).params


def _cheat(told: Story, **faults: str | None) -> None:
    """Start the brokers of these hosts again, each with its fault."""
    net = told.net
    network = net.network
    for name, fault in faults.items():
        host = network.host(name)
        if fault is not None:
            host = replace(host, **{fault: True})
        net.kill(host.broker_process)
        write_broker_settings(net.home, network, host, node_models(host))
        net.start(host.broker_process)


def _rewards(told: Story) -> None:
    net = told.net
    names = {h.address: h.name for h in net.network.hosts}
    for epoch in (1, 2):
        index = told.before + epoch
        net.wait(
            f"epoch {epoch} settled",
            lambda led, e=index: led.settlement(e).done,
        )
        net.wait(
            f"rewards of epoch {epoch} claimed",
            lambda led, e=index: all(
                a.claimed or int(a.amount or 0) == 0 for a in led.settle_amounts(e)
            ),
        )
        with net.ledger() as ledger:
            told.amounts[epoch] = {names[a.participant]: a for a in ledger.settle_amounts(index)}
    address = net.network.host("host1").address
    told.balances = (told.balances[0], net.ask(lambda led: led.balance(address)))


def _replay(told: Story) -> None:
    """Let the simulator compute the settled epochs anew from what the network exports."""
    out = told.net.home.root / "epochs.parquet"
    told.net.cli("export", str(out), "--first", str(told.before + 1))
    sim = Path(sys.executable).with_name("sim")
    told.replay = subprocess.run(
        [sim, "replay", str(out)], capture_output=True, text=True, timeout=120, check=False
    )


def _observe(told: Story, epoch: int) -> None:
    net = told.net
    told.nodes[epoch] = observe_nodes(net)
    told.rounds[epoch] = seen = observe_round(net, told.before + epoch)
    switched = seen.record.heights.set_new_validators
    net.wait("the validators signed", lambda led: led.stage().height >= switched + 3)
    told.powers[epoch] = (net.comet_powers(switched + 1), net.comet_powers(switched + 2))
    if epoch - 1 in told.rounds:
        since = told.rounds[epoch - 1].record.heights.set_new_validators
        told.course[epoch - 1] = {
            height: net.comet_powers(height) for height in range(since + 2, switched + 2)
        }


def _proportional_set(net: Net) -> int:
    everything = {q.pid: q for p in _own(net) for q in (p, *p.children(recursive=True))}
    return sum(p.memory_full_info().pss for p in everything.values() if p.is_running())


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return ""


def capped(weights: dict[str, int]) -> dict[str, int]:
    """Powers by trial of every cap: the largest c with 3c < sum of min(w, c)."""
    best = 0
    for cap in range(1, max(weights.values()) + 1):
        if 3 * cap < sum(min(w, cap) for w in weights.values()):
            best = cap
    return {name: min(w, best) if best else w for name, w in weights.items()}


# --- the proof and its weights ---


def test_a_running_mlnode_computes_what_the_reference_computes(story: Story) -> None:
    assert list(story.asked.distances) == story.reference.distances.tolist()
    assert list(story.asked.digests) == [bytes(row) for row in story.reference.digests]
    assert list(story.asked.valid) == story.reference.valid.tolist()


@pytest.mark.parametrize("epoch", [1, 2])
def test_weights_equal_what_the_mlnodes_report_as_acknowledged(story: Story, epoch: int) -> None:
    killed = ("host3", "node1") if epoch == 2 else None
    for name in HOSTS:
        weights = {n: o.weight for n, o in story.rounds[epoch].nodes[name].items()}
        assert story.rounds[epoch].outcomes[name].weight == sum(weights.values()) > 0
        for node_id, weight in weights.items():
            reported = story.nodes[epoch][name][node_id].acknowledged_nonces
            if (name, node_id) == killed:
                # An acknowledgement that was on its way when it died was never read.
                assert 0 < reported <= weight
            else:
                assert weight == reported, (name, node_id)


def test_two_nodes_weigh_about_twice_one_when_time_limits_them(story: Story) -> None:
    weights = {n: o.weight for n, o in story.rounds[1].outcomes.items()}
    mean = sum(weights[name] for name in HOSTS[1:]) / len(HOSTS[1:])
    assert 1.5 <= weights["host0"] / mean <= 2.5, weights


def test_two_nodes_weigh_exactly_twice_one_when_the_maximum_limits_them(story: Story) -> None:
    outcomes = story.rounds[3].outcomes
    assert outcomes["host0"].weight == 2 * MAX_NONCES
    assert outcomes["host1"].weight == MAX_NONCES


@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_powers_in_cometbft_are_the_capped_weights_from_two_blocks_after_the_switch(
    story: Story, epoch: int
) -> None:
    net = story.net
    keys = {consensus_key(net.home, name): name for name in HOSTS}
    weights = {n: o.weight for n, o in story.rounds[epoch].outcomes.items() if o.weight}
    before, after = story.powers[epoch]
    assert {keys[k]: p for k, p in after.items()} == capped(weights)
    assert before != after


@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_powers_stay_the_weights_of_their_epoch_until_the_next_one_signs(
    story: Story, epoch: int
) -> None:
    keys = {consensus_key(story.net.home, name): name for name in HOSTS}
    weights = {n: o.weight for n, o in story.rounds[epoch].outcomes.items() if o.weight}
    course = story.course[epoch]
    heights = story.rounds[epoch + 1].record.heights
    assert set(range(heights.poc_start, heights.set_new_validators + 2)) < set(course)
    changed = {
        height: powers
        for height, powers in course.items()
        if {keys[k]: p for k, p in powers.items()} != capped(weights)
    }
    assert changed == {}


@pytest.mark.parametrize("epoch", [1, 2])
def test_every_seat_holder_recomputed_its_samples(story: Story, epoch: int) -> None:
    seen = story.rounds[epoch]
    addresses = {h.name: h.address for h in story.net.network.hosts}
    for judged in HOSTS:
        assert set(seen.verdicts[judged]) == set(seen.juries[judged]), judged
        for holder in seen.juries[judged]:
            assert holder != judged
            key = bytes(Address(addresses[judged]))
            verified = sum(
                host.nonces
                for status in story.nodes[epoch][holder].values()
                for host in status.verified_hosts
                if host.public_key == key
            )
            assert verified >= seen.samples[judged, holder] > 0, (holder, judged)
            verdict = seen.verdicts[judged][holder]
            assert (verdict.sampled, verdict.invalid) == (seen.samples[judged, holder], 0)
            assert len(verdict.work_proof) == 32


# --- kills ---


def test_all_nodes_agree_on_the_app_hash_after_the_rejoin(story: Story) -> None:
    assert story.hashes
    assert [h for h in story.hashes if len(h) != 1] == []


def test_the_broker_was_killed_between_streaming_and_submitting(story: Story) -> None:
    taken, committed = story.held
    assert 0 <= committed < taken
    assert story.rounds[2].outcomes["host2"].credited >= taken


def test_kills_lose_no_batch_and_count_none_twice(story: Story) -> None:
    for name in HOSTS:
        outcome = story.rounds[2].outcomes[name]
        assert outcome.outcome == poc_pb2.OUTCOME_ACCEPTED, name
        assert outcome.credited == outcome.claimed
        for node_id in story.rounds[2].nodes[name]:
            ids = [
                b.batch.batch_id
                for b in story.rounds[2].batches[name]
                if b.batch.node_id == node_id
            ]
            assert ids == list(range(1, len(ids) + 1))


# --- cheats ---


def test_the_forging_host_is_fraud_and_out(story: Story) -> None:
    outcome = story.rounds[3].outcomes["host3"]
    assert outcome.outcome == poc_pb2.OUTCOME_FRAUD
    assert outcome.reason == poc_pb2.WEIGHT_REASON_FRAUD
    assert (outcome.weight, outcome.claimed > 0) == (0, True)


def test_the_repeating_host_is_fraud_by_the_shape_of_its_trees(story: Story) -> None:
    outcome = story.rounds[4].outcomes["host3"]
    assert outcome.outcome == poc_pb2.OUTCOME_FRAUD
    assert (outcome.weight, outcome.claimed > 0) == (0, True)
    verdicts = story.rounds[4].verdicts["host3"]
    assert verdicts
    for holder, verdict in verdicts.items():
        assert verdict.structural, holder


def test_the_withholding_host_is_unavailable(story: Story) -> None:
    outcome = story.rounds[3].outcomes["host2"]
    assert outcome.outcome == poc_pb2.OUTCOME_UNAVAILABLE
    assert outcome.weight == 0


def test_a_host_that_is_honest_again_is_back(story: Story) -> None:
    outcome = story.rounds[4].outcomes["host2"]
    assert outcome.outcome == poc_pb2.OUTCOME_ACCEPTED
    assert 0 < outcome.weight == outcome.claimed <= MAX_NONCES


def test_the_others_are_not_disturbed(story: Story) -> None:
    for epoch, name in ((3, "host0"), (3, "host1"), (4, "host0"), (4, "host1")):
        outcome = story.rounds[epoch].outcomes[name]
        assert outcome.outcome == poc_pb2.OUTCOME_ACCEPTED
        assert outcome.credited == outcome.claimed


def test_the_fraud_forfeits_and_the_honest_are_paid(story: Story) -> None:
    amounts = story.amounts[2]
    assert amounts["host3"].forfeited == "fraud"
    assert int(amounts["host3"].amount or 0) == 0
    for name in ("host0", "host1"):
        assert int(amounts[name].amount) > 0
        assert amounts[name].forfeited == ""


# --- rewards ---


def test_the_claims_arrive_on_the_account(story: Story) -> None:
    before, after = story.balances
    paid = sum(int(story.amounts[epoch]["host1"].amount) for epoch in (1, 2))
    assert after - before == paid > 0


def test_the_simulator_computes_every_integer_of_the_settled_epochs_anew(story: Story) -> None:
    assert story.replay is not None
    assert story.replay.returncode == 0, story.replay.stdout + story.replay.stderr
    said = re.match(
        r"epochs (\d+) … (\d+): ([\d,]+) values compared, 0 differ\b", story.replay.stdout
    )
    assert said is not None, story.replay.stdout
    first, last = int(said[1]), int(said[2])
    assert (first, last >= story.before + 2) == (story.before + 1, True)
    # At least a value of each batch and each verdict, and two of each host and node.
    seen = sum(
        sum(map(len, r.batches.values()))
        + sum(map(len, r.verdicts.values()))
        + sum(2 + 2 * len(nodes) for nodes in r.nodes.values())
        for r in (story.rounds[1], story.rounds[2])
    )
    assert int(said[3].replace(",", "")) >= seen, (said[0], seen)


# --- governance ---


def test_a_diff_with_unknown_models_is_refused_naming_all(story: Story) -> None:
    for model in ("x/one", "x/two", "x/three"):
        assert model in story.refusal


def test_a_registered_model_is_governed_at_once_and_in_the_group_from_the_next_formation(
    story: Story,
) -> None:
    assert "ninefold/tiny-mistral" in story.registry["governance"]
    assert "ninefold/tiny-mistral" not in story.registry["round 1"]
    assert "ninefold/tiny-mistral" in story.registry["round 2"]


def test_parameters_changed_in_the_middle_of_poc_act_from_the_start_after_next(
    story: Story,
) -> None:
    heights = story.rounds[1].record.heights
    assert heights.poc_start < story.passed < heights.set_new_validators
    assert story.governed.max_nonces_per_node == MAX_NONCES
    # The round under way, and the one that was frozen with it, took more than that.
    for epoch in (1, 2):
        assert max(n.weight for n in story.rounds[epoch].nodes["host0"].values()) > MAX_NONCES
        assert all(o.credited == o.claimed for o in story.rounds[epoch].outcomes.values())
    seen = [story.params[e].max_nonces_per_node for e in (1, 2, 3)]
    assert seen == [100_000, 100_000, MAX_NONCES]
    for epoch in (2, 3):
        same = type(story.params[1])()
        same.CopyFrom(story.params[epoch])
        same.max_nonces_per_node = story.params[1].max_nonces_per_node
        assert same == story.params[1]


# --- the machine ---


def test_the_network_left_nothing_behind(story: Story) -> None:
    assert story.left == []


def test_an_interrupted_network_ends_and_leaves_nothing_behind(story: Story) -> None:
    status, processes, left = story.interrupted
    assert status == 0
    assert processes == 13
    assert left == []


def test_thirteen_processes_fit_in_six_gibibytes(story: Story) -> None:
    assert 0 < story.pss <= 6 * GIB
