"""The gRPC server: who may call, what is offered, how it ends."""

from __future__ import annotations

import asyncio
import hmac
import logging
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from ninefold_proto.mlnode.v1 import node_pb2, node_pb2_grpc, poc_pb2, poc_pb2_grpc

from mlnode.service.commands import CommandOrder
from mlnode.service.config import Config, ConfigError, ServiceConfig, split_address
from mlnode.service.metrics import serve_metrics
from mlnode.service.node_service import NodeService
from mlnode.service.parallel import ParallelController
from mlnode.service.poc_service import PocService
from mlnode.serving.host import ModelHost

MAX_MESSAGE_BYTES = 4 << 20
_GRACE_S = 2.0
_log = logging.getLogger("mlnode")


class TokenInterceptor(grpc.aio.ServerInterceptor):
    """Refuses calls without the bearer token; health checks need none."""

    def __init__(self, token: str) -> None:
        self._want = f"Bearer {token}".encode()

    async def intercept_service(
        self,
        continuation: Callable[
            [grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any]]
        ],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any]:
        """Let the call through, or answer UNAUTHENTICATED."""
        handler = await continuation(handler_call_details)
        if handler_call_details.method.startswith("/grpc.health."):
            return handler
        given = dict(handler_call_details.invocation_metadata or ()).get("authorization", "")
        text = given.encode() if isinstance(given, str) else given
        if hmac.compare_digest(text, self._want):
            return handler
        return _refusal(handler)


class Server:
    """Everything of one mlnode, in the event loop it is started in."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self.controller = ParallelController(config.poc, Path(config.service.state_dir))
        self.models = ModelHost(config.serving)
        self._grpc: grpc.aio.Server | None = None
        self.port = 0

    async def start(self) -> None:
        """Start the workers and listen.

        Raises:
            ConfigError: the address is in use, or a file of the configuration is missing.
        """
        service = self._config.service
        server = grpc.aio.server(
            interceptors=_interceptors(service),
            options=[
                ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
                ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
                # Without this a second server on the same port would share it silently.
                ("grpc.so_reuseport", 0),
            ],
        )
        order = CommandOrder()
        poc_pb2_grpc.add_PocServiceServicer_to_server(
            PocService(self.controller, self.models, order), server
        )
        node_pb2_grpc.add_NodeServiceServicer_to_server(
            NodeService(self.controller, self.models, order), server
        )
        checker = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(checker, server)
        names = (
            poc_pb2.DESCRIPTOR.services_by_name["PocService"].full_name,
            node_pb2.DESCRIPTOR.services_by_name["NodeService"].full_name,
        )
        reflection.enable_server_reflection(
            (*names, health.SERVICE_NAME, reflection.SERVICE_NAME), server
        )
        self.port = _bind(server, service)
        self.controller.start()
        if service.metrics_listen:
            host, port = split_address("service.metrics_listen", service.metrics_listen)
            serve_metrics(self.controller, host, port)
        await server.start()
        for name in ("", *names):
            await checker.set(name, health_pb2.HealthCheckResponse.SERVING)
        self._grpc = server

    async def close(self) -> None:
        """Stop listening, end the workers and the model's process."""
        if self._grpc is not None:
            await self._grpc.stop(_GRACE_S)
        await self.controller.close()
        await self.models.unload()


async def serve(config: Config) -> None:
    """Run a server until SIGTERM or Ctrl-C."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = Server(config)
    try:
        await server.start()
        _log.info("listening on %s", config.service.listen)
        await stop.wait()
        _log.info("stopping")
    finally:
        await server.close()


def _bind(server: grpc.aio.Server, service: ServiceConfig) -> int:
    try:
        if service.tls_cert:
            return server.add_secure_port(service.listen, _credentials(service))
        return server.add_insecure_port(service.listen)
    except RuntimeError:
        raise ConfigError(
            f'service.listen is "{service.listen}", which another program has in use'
        ) from None


def _credentials(service: ServiceConfig) -> grpc.ServerCredentials:
    return grpc.ssl_server_credentials(
        [(_read("tls_key", service.tls_key), _read("tls_cert", service.tls_cert))],
        root_certificates=_read("tls_client_ca", service.tls_client_ca),
        require_client_auth=True,
    )


def _interceptors(service: ServiceConfig) -> list[grpc.aio.ServerInterceptor]:
    if not service.token_file:
        return []
    token = _read("token_file", service.token_file).decode().strip()
    if len(token) < 16:
        raise ConfigError("service.token_file holds fewer than 16 characters")
    return [TokenInterceptor(token)]


def _read(key: str, path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as err:
        raise ConfigError(f"service.{key} {path}: {err.strerror}") from None


def _refusal(handler: grpc.RpcMethodHandler[Any, Any]) -> grpc.RpcMethodHandler[Any, Any]:
    async def unary(_: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        await context.abort(
            grpc.StatusCode.UNAUTHENTICATED, "send the node's token as authorization: Bearer …"
        )

    async def stream(_: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        await unary(_, context)
        yield

    if handler.request_streaming:
        if handler.response_streaming:
            return grpc.stream_stream_rpc_method_handler(stream)
        return grpc.stream_unary_rpc_method_handler(unary)
    if handler.response_streaming:
        return grpc.unary_stream_rpc_method_handler(stream)
    return grpc.unary_unary_rpc_method_handler(unary)
