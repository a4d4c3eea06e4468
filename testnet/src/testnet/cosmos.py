"""The messages of the Cosmos SDK that a network uses, from cosmpy.

cosmpy ships no types for them, so each is `Any` here and nowhere else. Importing
this module also puts cosmpy's protos where ours look for the ones they import.
"""

from importlib import import_module
from typing import Any


def _message(module: str, name: str) -> Any:
    return getattr(import_module(f"cosmpy.protos.cosmos.{module}"), name)


Coin = _message("base.v1beta1.coin_pb2", "Coin")
PageRequest = _message("base.query.v1beta1.pagination_pb2", "PageRequest")
GetTxRequest = _message("tx.v1beta1.service_pb2", "GetTxRequest")

MsgSend = _message("bank.v1beta1.tx_pb2", "MsgSend")

AuthzQueryStub = _message("authz.v1beta1.query_pb2_grpc", "QueryStub")
GenericAuthorization = _message("authz.v1beta1.authz_pb2", "GenericAuthorization")
Grant = _message("authz.v1beta1.authz_pb2", "Grant")
MsgGrant = _message("authz.v1beta1.tx_pb2", "MsgGrant")
QueryGrantsRequest = _message("authz.v1beta1.query_pb2", "QueryGrantsRequest")

GovQueryStub = _message("gov.v1.query_pb2_grpc", "QueryStub")
MsgSubmitProposal = _message("gov.v1.tx_pb2", "MsgSubmitProposal")
MsgVote = _message("gov.v1.tx_pb2", "MsgVote")
ProposalStatus = _message("gov.v1.gov_pb2", "ProposalStatus")
QueryProposalRequest = _message("gov.v1.query_pb2", "QueryProposalRequest")
QueryProposalsRequest = _message("gov.v1.query_pb2", "QueryProposalsRequest")
VoteOption = _message("gov.v1.gov_pb2", "VoteOption")

MsgSoftwareUpgrade = _message("upgrade.v1beta1.tx_pb2", "MsgSoftwareUpgrade")
