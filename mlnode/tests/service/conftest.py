"""A real server with real worker processes, and a client of it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
import pytest_asyncio
from ninefold_proto.mlnode.v1 import node_pb2_grpc, poc_pb2, poc_pb2_grpc

from mlnode.poc.rounds import Round
from mlnode.service.config import Config, PocConfig, ServiceConfig, ServingConfig
from mlnode.service.server import Server
from mlnode.service.wire import round_to_wire


@dataclass
class Client:
    """The stubs of one server, and the server itself."""

    server: Server
    poc: Any
    node: Any
    generation: int = 1

    def next(self) -> int:
        """The number of a new command."""
        self.generation += 1
        return self.generation

    async def open(self, round_: Round) -> list[Any]:
        """Open a round and return everything that was said on the way."""
        request = poc_pb2.StartRoundRequest(round=round_to_wire(round_), generation=self.generation)
        return [response async for response in self.poc.StartRound(request)]

    async def status(self) -> Any:
        """The status of the proofs."""
        return await self.poc.GetStatus(poc_pb2.PocServiceGetStatusRequest())


Running = Callable[[Config], AbstractAsyncContextManager[Client]]


@asynccontextmanager
async def _running(config: Config) -> AsyncIterator[Client]:
    """A server that listens, with a client, until the end of the block."""
    server = Server(config)
    await server.start()
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{server.port}")
    try:
        yield Client(
            server, poc_pb2_grpc.PocServiceStub(channel), node_pb2_grpc.NodeServiceStub(channel)
        )
    finally:
        await channel.close()
        await server.close()


def _config(folder: Path) -> Config:
    """Two groups on the CPU, one thread each, batches small enough for many of them."""
    return Config(
        service=ServiceConfig(listen="127.0.0.1:0", state_dir=str(folder / "state")),
        poc=PocConfig(
            groups=(("cpu",), ("cpu",)), engine="fp32", batch_size=24, threads=1, window=2
        ),
        serving=ServingConfig(models_dir=str(folder / "models"), offline=True),
    )


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """For a server of the test's own."""
    return _config(tmp_path)


@pytest_asyncio.fixture(loop_scope="package", scope="package")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Client]:
    """One server for all tests that do not break it: its workers take seconds to start."""
    async with _running(_config(tmp_path_factory.mktemp("shared"))) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="package")
async def client(shared: Client) -> AsyncIterator[Client]:
    """The shared server without a round."""
    yield shared
    await shared.poc.Stop(poc_pb2.StopRequest(generation=shared.next(), end_round=True))


@pytest.fixture
def running() -> Running:
    """Starts a server; use as ``async with running(config) as client``."""
    return _running
