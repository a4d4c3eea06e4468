"""Reads a chain node and sends transactions to it, with cosmpy."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol, TypeVar

import grpc
from cosmpy.aerial.client import LedgerClient
from cosmpy.aerial.client.utils import prepare_basic_transaction
from cosmpy.aerial.config import NetworkConfig
from cosmpy.aerial.tx import Transaction, TxFee
from cosmpy.aerial.wallet import LocalWallet
from google.protobuf.message import Message
from ninefold_proto.inference.v1 import (
    epoch_pb2,
    model_pb2,
    participant_pb2,
    poc_pb2,
    query_pb2,
    reward_pb2,
)
from ninefold_proto.inference.v1.query_pb2_grpc import QueryStub
from ninefold_proto.validators.v1 import query_pb2 as validators_query_pb2
from ninefold_proto.validators.v1 import validators_pb2
from ninefold_proto.validators.v1.query_pb2_grpc import QueryStub as ValidatorsStub

from testnet.cosmos import GetTxRequest, PageRequest
from testnet.errors import ChainError
from testnet.layout import HostRecord
from testnet.spec import CHAIN_ID, DENOM

PREFIX = "nine"
MIN_GAS_PRICE = Decimal("0.01")
_PAGE = 500
_INCLUSION_S = 30.0
_POLL_S = 0.15

T = TypeVar("T")


class _Page(Protocol):
    @property
    def pagination(self) -> Any: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TxResult:
    """A transaction that is in a block.

    Attributes:
        hash: upper-case hex of its SHA-256.
        height: block it is in.
        gas_used: gas it used.
        responses: the messages' responses, packed.
    """

    hash: str
    height: int
    gas_used: int
    responses: tuple[Any, ...]


class Ledger:
    """A client of one chain node over gRPC. Close it, or use it as a context."""

    def __init__(self, host: HostRecord, *, chain_id: str = CHAIN_ID) -> None:
        self._chain_id = chain_id
        target = f"127.0.0.1:{host.grpc_port}"
        self._channel = grpc.insecure_channel(target)
        self._query = QueryStub(self._channel)
        self._validators = ValidatorsStub(self._channel)
        self._client = LedgerClient(
            NetworkConfig(
                chain_id=chain_id,
                fee_minimum_gas_price=float(MIN_GAS_PRICE),
                fee_denomination=DENOM,
                staking_denomination=DENOM,
                url=f"grpc+http://{target}",
            )
        )

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._channel.close()

    @property
    def channel(self) -> grpc.Channel:
        """The connection, for services of the SDK that have no method here."""
        return self._channel

    # --- reading ---

    def stage(self) -> query_pb2.QueryCurrentStageResponse:
        """The stage of the latest height."""
        return self._ask(self._query.CurrentStage, query_pb2.QueryCurrentStageRequest())

    def params(self) -> Any:
        """The parameters in force."""
        return self._ask(self._query.Params, query_pb2.QueryParamsRequest()).params

    def epoch(self, index: int) -> epoch_pb2.Epoch:
        """The record of an epoch."""
        request = query_pb2.QueryEpochRequest(epoch_index=index)
        return self._ask(self._query.Epoch, request).epoch

    def round(self, index: int) -> epoch_pb2.Round:
        """The challenge and the sampling seed of an epoch."""
        request = query_pb2.QueryRoundRequest(epoch_index=index)
        return self._ask(self._query.Round, request).round

    def group(self, index: int, model_id: str = "") -> epoch_pb2.EpochGroup:
        """The root group of an epoch, or a subgroup."""
        request = query_pb2.QueryEpochGroupRequest(epoch_index=index, model_id=model_id)
        return self._ask(self._query.EpochGroup, request).group

    def participants(self) -> list[participant_pb2.Participant]:
        """All registered hosts, by address."""
        return self._all(
            lambda page: self._ask(
                self._query.Participants, query_pb2.QueryParticipantsRequest(pagination=page)
            ),
            lambda response: response.participants,
        )

    def members(self, index: int, model_id: str = "") -> list[epoch_pb2.EpochMember]:
        """The members of a group, by address."""
        return self._all(
            lambda page: self._ask(
                self._query.EpochMembers,
                query_pb2.QueryEpochMembersRequest(
                    epoch_index=index, model_id=model_id, pagination=page
                ),
            ),
            lambda response: response.members,
        )

    def nodes(self, index: int, model_id: str = "", address: str = "") -> list[epoch_pb2.EpochNode]:
        """The nodes of a group, of all hosts or of one."""
        return self._all(
            lambda page: self._ask(
                self._query.EpochNodes,
                query_pb2.QueryEpochNodesRequest(
                    epoch_index=index, model_id=model_id, address=address, pagination=page
                ),
            ),
            lambda response: response.nodes,
        )

    def fleet(self, index: int, address: str) -> list[participant_pb2.HardwareNode]:
        """A host's nodes as they stand in an epoch."""
        request = query_pb2.QueryFleetRequest(epoch_index=index, address=address)
        return list(self._ask(self._query.Fleet, request).nodes)

    def hardware(self, address: str) -> list[participant_pb2.HardwareNodeRow]:
        """A host's nodes with the changes that wait."""
        request = query_pb2.QueryHardwareNodesRequest(address=address)
        return list(self._ask(self._query.HardwareNodes, request).nodes)

    def governance_models(self) -> list[model_pb2.Model]:
        """The governance registry, by id."""
        return self._all(
            lambda page: self._ask(
                self._query.GovernanceModels,
                query_pb2.QueryGovernanceModelsRequest(pagination=page),
            ),
            lambda response: response.models,
        )

    def epoch_models(self, index: int) -> list[model_pb2.Model]:
        """The models that an epoch uses, by id."""
        return self._all(
            lambda page: self._ask(
                self._query.EpochModels,
                query_pb2.QueryEpochModelsRequest(epoch_index=index, pagination=page),
            ),
            lambda response: response.models,
        )

    def batches(self, index: int, address: str) -> list[poc_pb2.StoredPocBatch]:
        """A host's accepted batches, by node and number."""
        return self._all(
            lambda page: self._ask(
                self._query.PocBatches,
                query_pb2.QueryPocBatchesRequest(
                    epoch_index=index, address=address, pagination=page
                ),
            ),
            lambda response: response.batches,
        )

    def jury(self, index: int, address: str) -> list[poc_pb2.Seat]:
        """Who judges a host."""
        request = query_pb2.QueryJuryRequest(epoch_index=index, address=address)
        return list(self._ask(self._query.Jury, request).seats)

    def sample(self, index: int, address: str, holder: str) -> list[poc_pb2.SampleRef]:
        """A seat holder's sample of a host."""
        request = query_pb2.QuerySampleRequest(epoch_index=index, address=address, holder=holder)
        return list(self._ask(self._query.Sample, request).refs)

    def verdicts(self, index: int, address: str) -> list[poc_pb2.StoredVerdict]:
        """What seat holders found in a host's claims."""
        request = query_pb2.QueryVerdictsRequest(epoch_index=index, address=address)
        return list(self._ask(self._query.Verdicts, request).verdicts)

    def weight(self, index: int, address: str) -> query_pb2.QueryWeightResponse:
        """What a host weighs in an epoch, and why; ChainError when nothing is recorded."""
        request = query_pb2.QueryWeightRequest(epoch_index=index, address=address)
        return self._ask(self._query.Weight, request)

    def weights(self, index: int) -> list[poc_pb2.HostOutcome]:
        """What all hosts weigh in an epoch, and why."""
        return self._all(
            lambda page: self._ask(
                self._query.Weights,
                query_pb2.QueryWeightsRequest(epoch_index=index, pagination=page),
            ),
            lambda response: response.hosts,
        )

    def duties(self, index: int) -> list[poc_pb2.JuryDuty]:
        """Seats drawn and cast while an epoch was effective."""
        return self._all(
            lambda page: self._ask(
                self._query.JuryDuties,
                query_pb2.QueryJuryDutiesRequest(epoch_index=index, pagination=page),
            ),
            lambda response: response.duties,
        )

    def settlement(self, index: int) -> reward_pb2.Settlement:
        """The settlement of an ended epoch."""
        request = query_pb2.QuerySettlementRequest(epoch_index=index)
        return self._ask(self._query.Settlement, request).settlement

    def settle_amounts(self, index: int) -> list[reward_pb2.SettleAmount]:
        """The rewards of an ended epoch, by address."""
        return self._all(
            lambda page: self._ask(
                self._query.SettleAmounts,
                query_pb2.QuerySettleAmountsRequest(epoch_index=index, pagination=page),
            ),
            lambda response: response.amounts,
        )

    def treasury(self) -> reward_pb2.Treasury:
        """The state of the subsidy."""
        return self._ask(self._query.Treasury, query_pb2.QueryTreasuryRequest()).treasury

    def validators(self) -> list[validators_pb2.Validator]:
        """The consensus set's records."""
        return self._all(
            lambda page: self._ask(
                self._validators.Validators,
                validators_query_pb2.QueryValidatorsRequest(pagination=page),
            ),
            lambda response: response.validators,
        )

    def balance(self, address: str) -> int:
        """Balance of an account, in unine."""
        return int(self._client.query_bank_balance(address, DENOM))  # type: ignore[arg-type]

    def has_account(self, address: str) -> bool:
        """Whether an account exists."""
        try:
            self._client.query_account(address)  # type: ignore[arg-type]
        except (grpc.RpcError, RuntimeError):
            return False
        return True

    # --- writing ---

    def send(self, wallet: LocalWallet, messages: Iterable[Message], *, gas: int) -> TxResult:
        """Sign and send messages in one transaction, and wait until it is in a block.

        Arguments and errors are those of ``broadcast`` and ``wait_included``.
        """
        return self.wait_included(self.broadcast(wallet, messages, gas=gas))

    def broadcast(self, wallet: LocalWallet, messages: Iterable[Message], *, gas: int) -> str:
        """Sign and send messages in one transaction; returns its hash.

        Args:
            wallet: the signer of all messages.
            messages: what to do, in order; all of it or nothing.
            gas: limit; the fee is the limit times the least gas price.

        Raises:
            ChainError: with the chain's own words when it is refused.
        """
        tx = Transaction()
        for message in messages:
            tx.add_message(message)
        fee = TxFee(gas_limit=gas, amount=f"{-(-gas * MIN_GAS_PRICE // 1)}{DENOM}")
        try:
            prepare_basic_transaction(self._client, tx, wallet, fee=fee)
            submitted = self._client.broadcast_tx(tx)
        except grpc.RpcError as err:
            raise ChainError(_words(err)) from None
        except RuntimeError as err:
            raise ChainError(str(err)) from None
        return str(submitted.tx_hash)

    def wait_included(self, tx_hash: str) -> TxResult:
        """Wait until a transaction is in a block.

        Raises:
            ChainError: with the chain's own words when it failed, or when it is in no
                block after 30 seconds.
        """
        deadline = time.monotonic() + _INCLUSION_S
        while time.monotonic() < deadline:
            try:
                response = self._client.txs.GetTx(GetTxRequest(hash=tx_hash)).tx_response
            except (grpc.RpcError, RuntimeError):
                time.sleep(_POLL_S)
                continue
            if response.code != 0:
                raise ChainError(f"transaction {tx_hash} failed: {response.raw_log}")
            return TxResult(
                hash=tx_hash,
                height=int(response.height),
                gas_used=int(response.gas_used),
                responses=tuple(event for event in response.events),
            )
        raise ChainError(f"transaction {tx_hash} is in no block after {_INCLUSION_S:g} s")

    def _ask(self, call: Callable[..., T], request: Message) -> T:
        try:
            return call(request, timeout=10.0)
        except grpc.RpcError as err:
            raise ChainError(_words(err)) from None

    def _all(self, fetch: Callable[[Any], _Page], rows: Callable[[Any], Iterable[T]]) -> list[T]:
        return list(_pages(fetch, rows))


def _pages(fetch: Callable[[Any], _Page], rows: Callable[[Any], Iterable[T]]) -> Iterator[T]:
    key = b""
    while True:
        response = fetch(PageRequest(key=key, limit=_PAGE))
        yield from rows(response)
        key = response.pagination.next_key
        if not key:
            return


def _words(err: grpc.RpcError) -> str:
    details = getattr(err, "details", None)
    return str(details()) if callable(details) else str(err)
