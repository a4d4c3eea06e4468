"""A real server with real worker processes, and a client of it."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import pytest_asyncio
from engines import fp32_engine
from ninefold_proto.mlnode.v1 import node_pb2_grpc, poc_pb2, poc_pb2_grpc

from mlnode.poc.engines.base import load
from mlnode.poc.params import MODEL_PARAMS_TEST
from mlnode.poc.rounds import Round, new_round
from mlnode.service.config import Config, PocConfig, ServiceConfig, ServingConfig
from mlnode.service.controller import Listener
from mlnode.service.group import MakeHandle
from mlnode.service.messages import Command, WorkerSetup
from mlnode.service.server import Server
from mlnode.service.wire import round_to_wire
from mlnode.shard.groups import Device

KEY = bytes(range(20))


class Kit:
    """Rounds, and what they come to; each test has blocks of its own."""

    key = KEY
    _numbers = itertools.count()

    def __init__(self) -> None:
        self._block_hash = f"{next(self._numbers):064x}"

    def round(self, **changes: Any) -> Round:
        """A round of the test parameters at p = 10 %, of the second of three nodes."""
        fields: dict[str, Any] = {
            "block_hash": self._block_hash,
            "public_key": KEY,
            "params": MODEL_PARAMS_TEST,
            "node_index": 1,
            "node_count": 3,
            "lanes": 16,
        }
        return new_round(**(fields | changes))

    def expected(self, round_: Round, nonces: list[int], key: bytes = KEY) -> Any:
        """What an engine of this process makes of some nonces."""
        engine = fp32_engine()
        load(engine, round_)
        return engine.batch(np.array(nonces, np.uint64), key)

    def valid_before(self, round_: Round, lane_next: list[int]) -> list[int]:
        """The valid nonces of a node's lanes below some steps, ascending."""
        index, count, lanes = round_.node_index, round_.node_count, round_.lanes
        walked = sorted(
            index + count * (lane + lanes * k)
            for lane in range(lanes)
            for k in range(lane_next[lane])
        )
        came = self.expected(round_, walked)
        return np.array(walked, np.uint64)[came.valid].tolist()


@pytest.fixture
def kit() -> Kit:
    """Rounds, and what they come to; each test has blocks of its own."""
    return Kit()


@pytest.fixture
def new_kit() -> type[Kit]:
    """Makes kits, each with blocks of its own."""
    return Kit


@dataclass
class Client:
    """The stubs of one server, and the server itself."""

    server: Server
    poc: Any
    node: Any
    models_dir: str
    generation: int = 1

    def next(self) -> int:
        """The number of a new command."""
        self.generation += 1
        return self.generation

    async def open(self, round_: Round) -> list[Any]:
        """Open a round and return everything that was said on the way."""
        request = poc_pb2.StartRoundRequest(round=round_to_wire(round_), generation=self.next())
        return [response async for response in self.poc.StartRound(request)]

    def stream(self, **start: Any) -> "Stream":
        """Begin a Generate stream; the arguments are those of GenerateStart."""
        return Stream(self, **start)

    async def stop(self, *, end_round: bool = False) -> None:
        """Stop, with the number of a new command."""
        await self.poc.Stop(poc_pb2.StopRequest(generation=self.next(), end_round=end_round))

    async def status(self) -> Any:
        """The status of the proofs."""
        return await self.poc.GetStatus(poc_pb2.PocServiceGetStatusRequest())

    async def until(self, condition: Callable[[Any], bool]) -> Any:
        """The first status of which something is true."""
        async with asyncio.timeout(100):
            while True:
                status = await self.status()
                if condition(status):
                    return status
                await asyncio.sleep(0.02)


class Stream:
    """A Generate stream as a broker drives it."""

    def __init__(self, client: Client, **start: Any) -> None:
        self.seen = 0
        self._requests: asyncio.Queue[Any] = asyncio.Queue()
        begin = poc_pb2.GenerateStart(generation=client.next(), **start)
        self._requests.put_nowait(poc_pb2.GenerateRequest(start=begin))
        self.call = client.poc.Generate(self._send())

    async def _send(self) -> AsyncIterator[Any]:
        while (request := await self._requests.get()) is not None:
            yield request

    def acknowledge(self, sequence: int) -> None:
        """Say that a batch and all before it are stored."""
        ack = poc_pb2.GenerateAck(sequence=sequence)
        self._requests.put_nowait(poc_pb2.GenerateRequest(ack=ack))

    def half_close(self) -> None:
        """Say that nothing more is said."""
        self._requests.put_nowait(None)

    async def take(self, count: int, *, acknowledge: bool = False) -> list[Any]:
        """The next batches."""
        taken: list[Any] = []
        for _ in range(count):
            response = await self.call.read()
            assert response is not grpc.aio.EOF
            taken.append(response)
            self.seen = response.sequence
            if acknowledge:
                self.acknowledge(response.sequence)
        return taken

    async def rest_until_acknowledged(self) -> list[Any]:
        """Everything until the stream ends in order, all of it acknowledged."""
        taken: list[Any] = []
        self.acknowledge(self.seen)
        while (response := await self.call.read()) is not grpc.aio.EOF:
            taken.append(response)
            self.acknowledge(response.sequence)
        return taken

    async def rest(self) -> list[Any]:
        """Everything until the stream ends in order."""
        taken: list[Any] = []
        while (response := await self.call.read()) is not grpc.aio.EOF:
            taken.append(response)
        return taken


Running = Callable[..., AbstractAsyncContextManager[Client]]


@asynccontextmanager
async def _running(
    config: Config, *, make: MakeHandle | None = None, devices: Sequence[Device] | None = None
) -> AsyncIterator[Client]:
    """A server that listens, with a client, until the end of the block."""
    server = Server(config, make=make, devices=devices)
    await server.start()
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{server.port}")
    try:
        yield Client(
            server,
            poc_pb2_grpc.PocServiceStub(channel),
            node_pb2_grpc.NodeServiceStub(channel),
            config.serving.models_dir,
        )
    finally:
        await channel.close()
        await server.close()


def _config(folder: Path) -> Config:
    """One group of two stages on the CPU, one thread, batches small enough for many of them."""
    return Config(
        service=ServiceConfig(listen="127.0.0.1:0", state_dir=str(folder / "state")),
        poc=PocConfig(groups=(("cpu", "cpu"),), engine="fp32", batch_size=24, threads=1, window=2),
        serving=ServingConfig(models_dir=str(folder / "models"), offline=True),
    )


def _on_reference(config: Config) -> Config:
    return replace(
        config, poc=replace(config.poc, groups=(("cpu",),), engine="numpy", batch_size=4)
    )


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """For a server of the test's own: on the reference, whose worker starts at once."""
    return _on_reference(_config(tmp_path))


@pytest_asyncio.fixture(loop_scope="package", scope="package")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Client]:
    """One server for all tests that do not break it: its workers take seconds to start."""
    async with _running(_config(tmp_path_factory.mktemp("shared"))) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="package")
async def client(shared: Client) -> AsyncIterator[Client]:
    """The shared server without a round."""
    yield shared
    await shared.stop(end_round=True)


@pytest_asyncio.fixture(loop_scope="package", scope="package")
async def shared_rough(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Client]:
    """One server of two groups whose workers may be killed: they start at once."""
    config = _on_reference(_config(tmp_path_factory.mktemp("rough")))
    poc = replace(config.poc, groups=(("cpu",), ("cpu",)), hung_after_s=5.0)
    hasty = replace(config, poc=poc)
    async with _running(hasty) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="package")
async def rough(shared_rough: Client) -> AsyncIterator[Client]:
    """The server whose workers may be killed, without a round."""
    yield shared_rough
    await shared_rough.stop(end_round=True)


class _Idle:
    """A worker that is never there."""

    pid = restarts = 0

    def __init__(self, setup: WorkerSetup, _: Listener) -> None:
        self.setup = setup

    def start(self) -> None: ...

    def send(self, command: Command) -> None: ...

    async def close(self) -> None: ...


@pytest.fixture
def idle() -> MakeHandle:
    """For a server of which only the door is of interest: it has no workers."""
    return _Idle


@pytest.fixture
def running() -> Running:
    """Starts a server; use as ``async with running(config) as client``."""
    return _running
