"""The state of a network on one screen, or as JSON."""

import json
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass
from typing import Any, cast

from ninefold_proto.inference.v1 import epoch_pb2, poc_pb2
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from testnet.errors import ChainError
from testnet.layout import Home, HostRecord, Network
from testnet.ledger import Ledger

_SLOT_NAMES = ("PRE_POC_SLOT", "POC_SLOT")
_SLOT_LABELS = {"PRE_POC_SLOT": "pre", "POC_SLOT": "poc"}


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStatus:
    """One mlnode: its weight and the reason for it, its slots, what it does now."""

    node_id: str
    weight: int
    reason: str
    slots: tuple[str, ...]
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HostStatus:
    """One host: weight with reason, consensus power, balance in unine, its nodes."""

    name: str
    address: str
    weight: int
    reason: str
    power: int
    balance: int
    nodes: tuple[NodeStatus, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The whole network; `epoch` is the effective one."""

    epoch: int
    stage: str
    height: int
    blocks_left: int
    hosts: tuple[HostStatus, ...]

    def to_json(self) -> str:
        """The status as one JSON object."""
        return json.dumps(asdict(self), indent=2)


def stage_name(stage: int) -> str:
    """The stage's name without its prefix, e.g. `POC_START`."""
    return epoch_pb2.Stage.Name(cast(Any, stage)).removeprefix("STAGE_")


def reason_name(reason: int) -> str:
    """The reason's name in lower case, e.g. `accepted`; `none` when nothing is recorded."""
    name = poc_pb2.WeightReason.Name(cast(Any, reason)).removeprefix("WEIGHT_REASON_")
    return "none" if name == "UNSPECIFIED" else name.lower()


def collect(ledger: Ledger, network: Network, home: Home) -> Status:
    """Ask the chain and the brokers.

    Raises:
        ChainError: when the chain does not answer; a broker that does not
            leaves its nodes' state `unreachable`.
    """
    stage = ledger.stage()
    powers = {v.operator: v.told_power for v in ledger.validators()}
    names = {h.address: h for h in network.hosts}
    hosts: list[HostStatus] = []
    for participant in ledger.participants():
        record = names.get(participant.address)
        states = node_states(home, record) if record else {}
        hosts.append(_host(ledger, stage.effective, participant.address, record, states, powers))
    hosts.sort(key=lambda h: h.name)
    return Status(
        epoch=stage.effective,
        stage=stage_name(stage.stage),
        height=stage.height,
        blocks_left=stage.blocks_left,
        hosts=tuple(hosts),
    )


def _host(
    ledger: Ledger,
    epoch: int,
    address: str,
    record: HostRecord | None,
    states: dict[str, str],
    powers: dict[str, int],
) -> HostStatus:
    weight, reason, reasons = 0, "none", {}
    try:
        answer = ledger.weight(epoch, address)
        weight, reason = answer.host.weight, reason_name(answer.host.reason)
        reasons = {n.node_id: (n.weight, reason_name(n.reason)) for n in answer.nodes}
    except ChainError:
        # A host that registered after the formation has no outcome yet.
        pass
    slots = {n.info.node_id: n.info.timeslot_allocation for n in ledger.nodes(epoch, "", address)}
    known = sorted(set(slots) | {r.node_id for r in ledger.hardware(address)})
    nodes = tuple(
        NodeStatus(
            node_id=node_id,
            weight=reasons.get(node_id, (0, "none"))[0],
            reason=reasons.get(node_id, (0, "none"))[1],
            slots=tuple(
                name for name, on in zip(_SLOT_NAMES, slots.get(node_id, ()), strict=False) if on
            ),
            state=states.get(node_id, "unreachable"),
        )
        for node_id in known
    )
    return HostStatus(
        name=record.name if record else address[:12],
        address=address,
        weight=weight,
        reason=reason,
        power=powers.get(address, 0),
        balance=ledger.balance(address),
        nodes=nodes,
    )


def node_states(home: Home, host: HostRecord) -> dict[str, str]:
    """What each mlnode of a host does now, as its broker sees it; empty when it does not answer."""
    try:
        status = broker_status(home, host)
    except (OSError, ValueError):
        return {}
    return {str(n["id"]): str(n["state"]) for n in status.get("nodes", [])}


def broker_status(home: Home, host: HostRecord) -> dict[str, Any]:
    """A broker's status from its admin API.

    Raises:
        OSError: when the broker does not answer.
    """
    token = (home.broker_dir(host.name) / "admin.token").read_text().strip()
    request = urllib.request.Request(
        f"http://127.0.0.1:{host.admin_port}/admin/v1/status",
        headers={"Authorization": f"Bearer {token}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=3.0) as response:
            return cast(dict[str, Any], json.load(response))
    except urllib.error.HTTPError as err:
        raise OSError(f"admin API answers {err.code}") from None


def render(status: Status) -> RenderableType:
    """The status for a terminal."""
    head = Text.assemble(
        ("epoch ", "dim"),
        (str(status.epoch), "bold"),
        ("  stage ", "dim"),
        (status.stage, "bold cyan"),
        ("  height ", "dim"),
        str(status.height),
        ("  blocks left ", "dim"),
        str(status.blocks_left),
    )
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column, right in (
        ("host", False),
        ("weight", True),
        ("power", True),
        ("reason", False),
        ("NINE", True),
        ("node", False),
        ("weight", True),
        ("slots", False),
        ("state", False),
    ):
        table.add_column(column, justify="right" if right else "left", no_wrap=True)
    for host in status.hosts:
        first = (
            host.name,
            f"{host.weight:,}",
            f"{host.power:,}",
            host.reason,
            nine(host.balance, decimals=2),
        )
        for i, node in enumerate(host.nodes or (None,)):
            left = first if i == 0 else ("",) * len(first)
            right = _node_cells(node) if node else ("",) * 4
            table.add_row(*left, *right)
    return Group(head, table)


def _node_cells(node: NodeStatus) -> tuple[str, str, str, str]:
    slots = " ".join(_SLOT_LABELS[slot] for slot in node.slots)
    return node.node_id, f"{node.weight:,}", slots, node.state


def nine(unine: int, *, decimals: int = 6) -> str:
    """An amount in NINE, cut off after that many of its six decimals."""
    return f"{unine // 1_000_000:,}.{f'{unine % 1_000_000:06d}'[:decimals]}"
