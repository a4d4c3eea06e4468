"""Governance proposals from files: checked, submitted, voted for, waited for."""

import hashlib
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import grpc
from cosmpy.aerial.wallet import LocalWallet
from cosmpy.crypto.address import Address
from google.protobuf import json_format
from google.protobuf.any_pb2 import Any as ProtoAny
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from ninefold_proto.inference.v1 import params_pb2, tx_pb2

from testnet.cosmos import (
    Coin,
    GovQueryStub,
    MsgSoftwareUpgrade,
    MsgSubmitProposal,
    MsgVote,
    ProposalStatus,
    QueryProposalRequest,
    QueryProposalsRequest,
    VoteOption,
)
from testnet.errors import ChainError, SpecError
from testnet.ledger import PREFIX, Ledger
from testnet.spec import DENOM

_DEPOSIT_UNINE = 10_000_000
_GAS = 600_000
_KEYS = {"title", "summary", "messages"}
_KINDS: dict[str, type[Message]] = {
    "inference.v1.MsgRegisterModel": tx_pb2.MsgRegisterModel,
    "inference.v1.MsgRemoveModel": tx_pb2.MsgRemoveModel,
    "inference.v1.MsgUpdateParams": tx_pb2.MsgUpdateParams,
    "cosmos.upgrade.v1beta1.MsgSoftwareUpgrade": MsgSoftwareUpgrade,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A proposal as its file states it; parameters that the file leaves out are absent."""

    title: str
    summary: str
    messages: tuple[dict[str, Any], ...]


def gov_address() -> str:
    """Address of the governance module's account: SHA-256 of its name, first 20 bytes."""
    return str(Address(hashlib.sha256(b"gov").digest()[:20], PREFIX))


def load_proposal(path: Path) -> Proposal:
    """Read and check a proposal file.

    Raises:
        SpecError: naming the file, the key, and what would be right.
    """
    try:
        raw = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise SpecError(f"{path}: no such file") from None
    except OSError as err:
        raise SpecError(f"{path}: {err.strerror}") from None
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as err:
        raise SpecError(f"{path}: not JSON: {err}") from None
    if not isinstance(raw, dict) or set(cast(dict[str, Any], raw)) != _KEYS:
        raise SpecError(f"{path}: a proposal has exactly the keys {', '.join(sorted(_KEYS))}")
    body = cast(dict[str, Any], raw)
    for key in ("title", "summary"):
        if not isinstance(body[key], str) or not body[key].strip():
            raise SpecError(f"{path}: {key} is a text that is not empty, got {body[key]!r}")
    messages = body["messages"]
    if not isinstance(messages, list) or not messages:
        raise SpecError(f"{path}: messages is a list of at least one message")
    proposal = Proposal(
        title=body["title"],
        summary=body["summary"],
        messages=tuple(cast(list[dict[str, Any]], messages)),
    )
    for i, message in enumerate(proposal.messages):
        _parse(message, where=f"{path}: messages[{i}]")
    return proposal


def build_messages(proposal: Proposal, params: params_pb2.Params) -> list[Message]:
    """The proposal's messages for the chain.

    Args:
        proposal: a checked proposal.
        params: parameters in force; they fill what a MsgUpdateParams leaves out.
    """
    built: list[Message] = []
    for raw in proposal.messages:
        message = _parse(raw, where=proposal.title)
        if isinstance(message, tx_pb2.MsgUpdateParams):
            merged = params_pb2.Params()
            merged.CopyFrom(params)
            merged.MergeFrom(message.params)
            # MergeFrom cannot set a field to its zero value; the file can.
            for key, value in (raw.get("params") or {}).items():
                field = _parameter(key)
                if value in (0, "0", False, "") and field.type != field.TYPE_STRING:
                    merged.ClearField(field.name)
            message.params.CopyFrom(merged)
        message.authority = gov_address()  # type: ignore[attr-defined]
        built.append(message)
    return built


def _parameter(key: str) -> FieldDescriptor:
    """A parameter by either of the names that the JSON of protobuf has for it.

    One in a string is a decimal, whose zero is "0" and not empty.
    """
    return next(f for f in params_pb2.Params.DESCRIPTOR.fields if key in (f.name, f.json_name))


def submit(
    ledger: Ledger,
    proposal: Proposal,
    proposer: LocalWallet,
    voters: list[LocalWallet],
    *,
    timeout_s: float = 60.0,
) -> int:
    """Submit a proposal, vote yes with every member, and wait until it passed.

    Returns:
        The number of the proposal.

    Raises:
        ChainError: when it is refused, rejected, or fails in execution.
    """
    number = submit_only(ledger, proposal, proposer)
    vote(ledger, number, members(ledger, voters))
    wait_passed(ledger, number, timeout_s=timeout_s)
    return number


def submit_only(ledger: Ledger, proposal: Proposal, proposer: LocalWallet) -> int:
    """Submit a proposal and return its number."""
    messages: list[ProtoAny] = []
    for message in build_messages(proposal, ledger.params()):
        packed = ProtoAny()
        packed.Pack(message, type_url_prefix="/")
        messages.append(packed)
    before = _newest(ledger)
    ledger.send(
        proposer,
        [
            MsgSubmitProposal(
                messages=messages,
                initial_deposit=[Coin(denom=DENOM, amount=str(_DEPOSIT_UNINE))],
                proposer=str(proposer.address()),
                title=proposal.title,
                summary=proposal.summary,
            )
        ],
        gas=_GAS,
    )
    newest = _newest(ledger)
    if newest == before:
        raise ChainError("the proposal was included, but governance lists no new one")
    return newest


def vote(ledger: Ledger, number: int, voters: Iterable[LocalWallet]) -> None:
    """Vote yes with everybody, side by side: the time to vote is a few blocks."""
    sent: list[str] = []
    for voter in voters:
        message = MsgVote(
            proposal_id=number, voter=str(voter.address()), option=VoteOption.VOTE_OPTION_YES
        )
        sent.append(ledger.broadcast(voter, [message], gas=_GAS))
    for tx_hash in sent:
        ledger.wait_included(tx_hash)


def wait_passed(ledger: Ledger, number: int, *, timeout_s: float) -> None:
    """Wait until a proposal passed; ChainError says how it ended otherwise."""
    gov = GovQueryStub(ledger.channel)
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        found = gov.Proposal(QueryProposalRequest(proposal_id=number)).proposal
        if found.status == ProposalStatus.PROPOSAL_STATUS_PASSED:
            return
        if found.status in (
            ProposalStatus.PROPOSAL_STATUS_REJECTED,
            ProposalStatus.PROPOSAL_STATUS_FAILED,
        ):
            how = ProposalStatus.Name(found.status).removeprefix("PROPOSAL_STATUS_").lower()
            raise ChainError(f"proposal {number} was {how}: {found.failed_reason or 'by vote'}")
        time.sleep(0.25)
    raise ChainError(f"proposal {number} is not decided after {timeout_s:g} s")


def members(ledger: Ledger, wallets: Iterable[LocalWallet]) -> list[LocalWallet]:
    """Those who may vote: a host that has just joined or was judged weighs nothing yet."""
    weights = ledger.weights(ledger.stage().effective)
    addresses = {outcome.participant for outcome in weights if outcome.weight}
    return [wallet for wallet in wallets if str(wallet.address()) in addresses]


def _parse(raw: Any, *, where: str) -> Any:
    if not isinstance(raw, dict):
        raise SpecError(f'{where} is an object with "@type", got {raw!r}')
    raw = cast(dict[str, Any], raw)
    kind = str(raw.get("@type", "")).removeprefix("/")
    if kind not in _KINDS:
        raise SpecError(f"{where}: @type {kind!r} is not one of {', '.join(sorted(_KINDS))}")
    body = {k: v for k, v in raw.items() if k != "@type"}
    message = _KINDS[kind]()
    try:
        json_format.ParseDict(body, message)
    except json_format.ParseError as err:
        raise SpecError(f"{where}: {err}") from None
    return message


def _newest(ledger: Ledger) -> int:
    request = QueryProposalsRequest()
    request.pagination.reverse = True
    request.pagination.limit = 1
    try:
        found = GovQueryStub(ledger.channel).Proposals(request).proposals
    except grpc.RpcError as err:
        raise ChainError(str(err)) from None
    return int(found[0].id) if found else 0
