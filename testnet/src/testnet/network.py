"""Starting a network and its further hosts, in an order in which each finds what it needs."""

from collections.abc import Callable

from google.protobuf.any_pb2 import Any as ProtoAny

from testnet.binaries import Binaries
from testnet.commands import (
    broker_command,
    broker_ready,
    chain_command,
    chain_ready,
    node_command,
    node_ready,
)
from testnet.cosmos import (
    AuthzQueryStub,
    GenericAuthorization,
    Grant,
    MsgGrant,
    QueryGrantsRequest,
)
from testnet.errors import ChainError
from testnet.keys import HostKeys, load_keys
from testnet.layout import Home, HostRecord, Network
from testnet.ledger import Ledger
from testnet.supervisor import Supervisor

FREE_MESSAGES = (
    "/inference.v1.MsgSubmitHardwareDiff",
    "/inference.v1.MsgSubmitPocBatch",
    "/inference.v1.MsgSubmitPocValidation",
    "/inference.v1.MsgSettleUsage",
    "/inference.v1.MsgClaimReward",
)
"""What a broker's warm key may do for its host."""

_FIRST_BLOCK_S = 60.0
_READY_S = 120.0
_GRANT_GAS = 400_000
Say = Callable[[str], None]


def start_network(
    supervisor: Supervisor, home: Home, network: Network, binaries: Binaries, *, say: Say
) -> None:
    """Start the validators and the brokers of a network whose mlnodes have been started.

    The first epoch's clock runs from the first block on; the mlnodes are
    therefore waited for before, so that the first proof is a whole one.

    Raises:
        ProcessFailedError: with the tail of the log of the one that was not ready.
    """
    for host in network.hosts:
        wait_nodes(supervisor, home, host)
    say(f"{sum(len(h.nodes) for h in network.hosts)} mlnodes have chosen their engines")
    for host in network.hosts:
        supervisor.start(chain_command(home, host, binaries))
    for host in network.hosts:
        wait_chain(supervisor, host)
    say(f"{len(network.hosts)} validators make blocks")
    for host in network.hosts:
        # A network that is continued has its grants, and epochs that do not wait for new ones.
        if not has_grants(host, chain_id=network.chain_id):
            grant_warm_key(host, load_keys(home.keys_path(host.name)), chain_id=network.chain_id)
    say("the brokers' keys are granted")
    for host in network.hosts:
        supervisor.start(broker_command(home, host, binaries))
    for host in network.hosts:
        wait_broker(supervisor, host)
    say(f"{len(network.hosts)} brokers follow the chain")


def start_host(supervisor: Supervisor, home: Home, host: HostRecord, binaries: Binaries) -> None:
    """Start the processes of one host and wait for them."""
    supervisor.start(chain_command(home, host, binaries))
    start_nodes(supervisor, home, host, binaries)
    wait_chain(supervisor, host)
    wait_nodes(supervisor, home, host)
    supervisor.start(broker_command(home, host, binaries))
    wait_broker(supervisor, host)


def start_nodes(supervisor: Supervisor, home: Home, host: HostRecord, binaries: Binaries) -> None:
    """Start a host's mlnodes without waiting."""
    for node in host.nodes:
        supervisor.start(node_command(home, host, node.node_id, binaries))


def wait_chain(supervisor: Supervisor, host: HostRecord) -> None:
    """Wait for a chain node's first block since it was started: before it none of it is asked."""
    supervisor.wait_ready(
        host.chain_process, lambda: chain_ready(host) and _state_ready(host), _FIRST_BLOCK_S
    )


def _state_ready(host: HostRecord) -> bool:
    with Ledger(host) as ledger:
        try:
            ledger.stage()
        except ChainError:
            return False
    return True


def wait_nodes(supervisor: Supervisor, home: Home, host: HostRecord) -> None:
    """Wait until a host's mlnodes can prove: they take calls and have chosen an engine."""
    for node in host.nodes:
        name, node_id = host.node_process(node.node_id), node.node_id
        supervisor.wait_ready(name, lambda n=node_id: node_ready(home, host, n), _READY_S)


def wait_broker(supervisor: Supervisor, host: HostRecord) -> None:
    """Wait until a host's broker follows the chain."""
    supervisor.wait_ready(host.broker_process, lambda: broker_ready(host), _READY_S)


def grant_warm_key(host: HostRecord, keys: HostKeys, *, chain_id: str) -> None:
    """Let a host's warm key send the free messages in its name."""
    grants = [
        MsgGrant(
            granter=host.address,
            grantee=host.warm_address,
            grant=Grant(authorization=_generic(type_url)),
        )
        for type_url in FREE_MESSAGES
    ]
    with Ledger(host, chain_id=chain_id) as ledger:
        ledger.send(keys.cold, grants, gas=_GRANT_GAS)


def has_grants(host: HostRecord, *, chain_id: str) -> bool:
    """Whether a host's warm key may send all the free messages in its name."""
    request = QueryGrantsRequest(granter=host.address, grantee=host.warm_address)
    with Ledger(host, chain_id=chain_id) as ledger:
        found = AuthzQueryStub(ledger.channel).Grants(request).grants
    authorized: set[str] = set()
    for grant in found:
        generic = GenericAuthorization()
        if grant.authorization.Unpack(generic):
            authorized.add(str(generic.msg))
    return authorized.issuperset(FREE_MESSAGES)


def _generic(type_url: str) -> ProtoAny:
    packed = ProtoAny()
    packed.Pack(GenericAuthorization(msg=type_url), type_url_prefix="/")
    return packed
