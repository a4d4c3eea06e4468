"""The gRPC server: what is offered, how it starts and ends."""

import asyncio
import logging
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from ninefold_proto.mlnode.v1 import node_pb2, node_pb2_grpc, poc_pb2, poc_pb2_grpc

from mlnode.service.access import bind, interceptors
from mlnode.service.commands import CommandOrder
from mlnode.service.config import Config, split_address
from mlnode.service.errors import SupersededError
from mlnode.service.group import MakeHandle
from mlnode.service.metrics import MetricsServer
from mlnode.service.node_service import NodeService
from mlnode.service.parallel import ParallelController
from mlnode.service.poc_service import PocService
from mlnode.serving.host import ModelHost
from mlnode.shard.groups import Device

MAX_MESSAGE_BYTES = 4 << 20
_GRACE_S = 2.0
# Streams of one broker and a few that ask for the status; more is a mistake or worse.
_CALLS_AT_ONCE = 64
_log = logging.getLogger("mlnode")


class Server:
    """Everything of one mlnode, in the event loop it is started in."""

    def __init__(
        self,
        config: Config,
        *,
        make: MakeHandle | None = None,
        devices: Sequence[Device] | None = None,
    ) -> None:
        """Prepare; nothing runs until ``start``. ``make``, ``devices``: as of ParallelController.

        Raises:
            StateError: the state folder does not take files.
        """
        self._config = config
        self.controller = ParallelController(
            config.poc, Path(config.service.state_dir), make=make, devices=devices
        )
        self.models = ModelHost(config.serving)
        self._grpc: grpc.aio.Server | None = None
        # The package's types do not know its asynchronous half.
        self._health = cast(Any, health).aio.HealthServicer()
        self._metrics: MetricsServer | None = None
        self.port = 0

    async def start(self) -> None:
        """Start the workers and listen.

        Raises:
            ConfigError: an address is in use, or a file of the configuration is of no use.
        """
        service = self._config.service
        server = grpc.aio.server(
            interceptors=interceptors(service),
            maximum_concurrent_rpcs=_CALLS_AT_ONCE,
            options=[
                ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
                ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
                # Without this a second server on the same port would share it silently.
                ("grpc.so_reuseport", 0),
            ],
        )
        names = self._register(server)
        self.port = bind(server, service)
        if service.metrics_listen:
            self._metrics = MetricsServer(self.controller, service.metrics_listen)
        self._grpc = server
        self.controller.start()
        await server.start()
        for name in names:
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)

    async def close(self) -> None:
        """Stop listening, end the workers and the model's process."""
        await self._health.enter_graceful_shutdown()
        self.controller.interrupt(SupersededError("the service is ending"))
        if self._grpc is not None:
            await self._grpc.stop(_GRACE_S)
        await asyncio.gather(self.controller.close(), self.models.close())
        if self._metrics is not None:
            self._metrics.close()

    def _register(self, server: grpc.aio.Server) -> tuple[str, ...]:
        """Offer every service; returns the names that health is asked for."""
        order = CommandOrder()
        poc = PocService(self.controller, self.models, order)
        node = NodeService(self.controller, self.models, order)
        poc_pb2_grpc.add_PocServiceServicer_to_server(poc, server)
        node_pb2_grpc.add_NodeServiceServicer_to_server(node, server)
        cast(Any, health_pb2_grpc).add_HealthServicer_to_server(self._health, server)
        ours = (
            poc_pb2.DESCRIPTOR.services_by_name["PocService"].full_name,
            node_pb2.DESCRIPTOR.services_by_name["NodeService"].full_name,
        )
        reflection.enable_server_reflection(
            (*ours, health.SERVICE_NAME, reflection.SERVICE_NAME), server
        )
        return ("", *ours)


async def serve(config: Config) -> None:
    """Run a server until SIGTERM or Ctrl-C.

    Raises:
        ConfigError, StateError: what has to be mended before it can run.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = Server(config)
    try:
        await server.start()
        host, _ = split_address("service.listen", config.service.listen)
        _log.info("listening on %s:%d", host, server.port)
        await stop.wait()
        _log.info("stopping")
    finally:
        await server.close()
