"""A host whose mlnode holds the network on two CPU stages, judged by hosts whose mlnodes do not."""

from collections.abc import Callable

import pytest
from ninefold_proto.inference.v1 import poc_pb2
from testnet.drive import Net, observe_nodes, observe_round
from testnet.nodes import NodeClient, node_client

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(1200)]

EXCHANGE = 2
HOST, NODE = "host1", "node1"
STAGES = ["cpu", "cpu"]


def ask(net: Net, question: Callable[[NodeClient], object]) -> object:
    with node_client(net.home, net.network.host(HOST), NODE) as client:
        return question(client)


def test_proofs_of_two_stages_are_accepted_by_judges_of_one(make_net: Callable[[], Net]) -> None:
    net = make_net()
    net.up("--block-ms", "700")
    net.kill(f"{HOST}-{NODE}")
    settings = net.home.node_dir(HOST, NODE) / "mlnode.toml"
    text = settings.read_text()
    assert text.count("[poc]\n") == 1
    settings.write_text(text.replace("[poc]\n", f"[poc]\ngroups = [{STAGES}]\n".replace("'", '"')))
    net.start(f"{HOST}-{NODE}")
    net.wait("the stages have an engine", lambda _: ask(net, _has_engine) or None)
    opened = net.ask(lambda ledger: ledger.stage().opened)
    net.wait_stage(opened + 1, EXCHANGE)
    assert ask(net, lambda client: list(client.poc_status().groups[0].devices)) == STAGES
    net.wait_effective(opened + 1)
    seen, nodes = observe_round(net, opened + 1), observe_nodes(net)
    outcome = seen.outcomes[HOST]
    assert outcome.outcome == poc_pb2.OUTCOME_ACCEPTED
    assert outcome.credited == outcome.claimed > 0
    assert seen.nodes[HOST][NODE].weight == nodes[HOST][NODE].acknowledged_nonces
    # Every one of its judges recomputed a sample, on one device.
    assert seen.verdicts[HOST]
    assert set(seen.verdicts[HOST]) == set(seen.juries[HOST])
    assert all(seen.samples[HOST, judge] > 0 for judge in seen.juries[HOST])


def _has_engine(client: NodeClient) -> bool:
    groups = client.poc_status().groups
    return list(groups[0].devices) == STAGES and bool(groups[0].engine)
