"""Calls to the mlnodes of a network, as their broker makes them."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import grpc
from ninefold_proto.mlnode.v1 import node_pb2, node_pb2_grpc, poc_pb2, poc_pb2_grpc

from testnet.errors import ChainError
from testnet.layout import Home, HostRecord


class NodeClient:
    """One mlnode with its token."""

    def __init__(self, channel: grpc.Channel, token: str) -> None:
        self._poc: Any = poc_pb2_grpc.PocServiceStub(channel)
        self._node: Any = node_pb2_grpc.NodeServiceStub(channel)
        self._metadata = (("authorization", f"Bearer {token}"),)

    def poc_status(self) -> poc_pb2.PocServiceGetStatusResponse:
        """The round and its counters."""
        return self._call(self._poc.GetStatus, poc_pb2.PocServiceGetStatusRequest())

    def status(self) -> node_pb2.GetStatusResponse:
        """The state and the loaded model."""
        return self._call(self._node.GetStatus, node_pb2.GetStatusRequest())

    def validate(self, public_key: bytes, nonces: Sequence[int]) -> poc_pb2.ValidateResponse:
        """Recompute nonces of a host in the open round."""
        request = poc_pb2.ValidateRequest(request_id=1, public_key=public_key, nonces=nonces)
        try:
            answers = list(
                self._poc.Validate(iter([request]), metadata=self._metadata, timeout=60.0)
            )
        except grpc.RpcError as err:
            raise ChainError(str(err)) from None
        return answers[0]

    def _call(self, method: Any, request: Any) -> Any:
        try:
            return method(request, metadata=self._metadata, timeout=10.0)
        except grpc.RpcError as err:
            raise ChainError(str(err)) from None


@contextmanager
def node_client(home: Home, host: HostRecord, node_id: str) -> Generator[NodeClient, None, None]:
    """A client of one mlnode, closed at the end of the block."""
    node = next(n for n in host.nodes if n.node_id == node_id)
    token = (home.node_dir(host.name, node_id) / "node.token").read_text().strip()
    with grpc.insecure_channel(f"127.0.0.1:{node.grpc_port}") as channel:
        yield NodeClient(channel, token)
