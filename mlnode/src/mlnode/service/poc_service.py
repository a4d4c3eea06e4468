"""The gRPC service of the proofs, over ParallelController."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import grpc
import numpy as np
from ninefold_proto.mlnode.v1 import poc_pb2, poc_pb2_grpc
from typing_extensions import override

from mlnode.poc.batch import ProofBatch
from mlnode.service.commands import CommandOrder
from mlnode.service.errors import RequestError
from mlnode.service.generation import Generation
from mlnode.service.parallel import ParallelController
from mlnode.service.refusal import refusing
from mlnode.service.wire import (
    batch_to_wire,
    checked_to_wire,
    public_key_from_wire,
    round_from_wire,
    status_to_wire,
)
from mlnode.serving.host import ModelHost

_CHECKS_AT_ONCE = 8
# How long a broker may take to acknowledge the last batches after a Stop.
_LAST_ACKS_S = 10.0
Context = grpc.aio.ServicerContext[Any, Any]


class PocService(poc_pb2_grpc.PocServiceServicer):
    """Opens rounds, streams proofs, recomputes those of others."""

    def __init__(
        self, controller: ParallelController, models: ModelHost, order: CommandOrder
    ) -> None:
        self._controller = controller
        self._models = models
        self._order = order

    @override
    @refusing
    async def StartRound(
        self, request: poc_pb2.StartRoundRequest, context: Context
    ) -> AsyncIterator[poc_pb2.StartRoundResponse]:
        """Open a round; its weights take the place of a served model."""
        round_ = round_from_wire(request.round)
        self._order.accept(request.generation)
        # Reserved first, so that no model is loaded while the present one makes room.
        self._controller.reserve(round_)
        await self._models.unload()
        began = time.monotonic()
        async for done, total in self._controller.load(round_):
            spent = time.monotonic() - began
            yield poc_pb2.StartRoundResponse(
                fraction=done / total if total else 0.0,
                bytes=done,
                seconds_left=spent * (total - done) / done if done else 0.0,
            )
        able = [group for group in self._controller.groups if group.loaded]
        yield poc_pb2.StartRoundResponse(
            fraction=1.0,
            bytes=sum(group.total_bytes for group in able),
            ready=True,
            engine=", ".join(dict.fromkeys(group.engines[0] for group in able)),
        )

    @override
    @refusing
    async def Generate(
        self, request_iterator: AsyncIterator[poc_pb2.GenerateRequest], context: Context
    ) -> AsyncIterator[poc_pb2.GenerateResponse]:
        """Stream batches; what the broker acknowledges is counted as stored."""
        first = await anext(request_iterator, None)
        if first is None or first.WhichOneof("body") != "start":
            raise RequestError("the first message of Generate is a start")
        start = first.start
        self._order.accept(start.generation)
        generation = self._controller.begin(list(start.lane_next), window=start.window)
        acks = asyncio.create_task(self._take_acks(request_iterator, generation))
        try:
            batches = self._controller.batches(generation, max_valid=start.max_valid)
            async with contextlib.aclosing(_until(batches, acks)) as stream:
                async for sequence, batch in stream:
                    yield poc_pb2.GenerateResponse(sequence=sequence, batch=batch_to_wire(batch))
            # Stopped, or the limit is reached: what was sent last is to count as well.
            await _last_acks(generation, acks)
        finally:
            acks.cancel()

    async def _take_acks(
        self, requests: AsyncIterator[poc_pb2.GenerateRequest], generation: Generation
    ) -> None:
        async for request in requests:
            if request.WhichOneof("body") != "ack":
                raise RequestError("after the start, Generate takes acknowledgements only")
            self._controller.acknowledge(generation, request.ack.sequence)

    @override
    @refusing
    async def Validate(
        self, request_iterator: AsyncIterator[poc_pb2.ValidateRequest], context: Context
    ) -> AsyncIterator[poc_pb2.ValidateResponse]:
        """Recompute nonces of others; answers come in the order of the requests."""
        tasks: asyncio.Queue[asyncio.Task[poc_pb2.ValidateResponse] | None]
        tasks = asyncio.Queue(maxsize=_CHECKS_AT_ONCE)

        async def read() -> None:
            async for request in request_iterator:
                task = asyncio.create_task(self._check(request))
                try:
                    await tasks.put(task)
                except asyncio.CancelledError:
                    # Not in the queue, where whoever cancels finds the others.
                    task.cancel()
                    raise
            await tasks.put(None)

        reader = asyncio.create_task(read())
        try:
            while (task := await tasks.get()) is not None:
                yield await task
        finally:
            reader.cancel()
            while not tasks.empty():
                left = tasks.get_nowait()
                if left is not None:
                    left.cancel()

    async def _check(self, request: poc_pb2.ValidateRequest) -> poc_pb2.ValidateResponse:
        public_key = public_key_from_wire(request.public_key)
        nonces_B = np.array(request.nonces, np.uint64)
        return checked_to_wire(request, await self._controller.check(public_key, nonces_B))

    @override
    @refusing
    async def Stop(self, request: poc_pb2.StopRequest, context: Context) -> poc_pb2.StopResponse:
        """Stop all work; with end_round forget the round."""
        self._order.accept(request.generation)
        await self._controller.stop(end_round=request.end_round)
        return poc_pb2.StopResponse()

    @override
    @refusing
    async def GetStatus(
        self, request: poc_pb2.PocServiceGetStatusRequest, context: Context
    ) -> poc_pb2.PocServiceGetStatusResponse:
        """The round, its phase and its counters."""
        return status_to_wire(self._controller)


async def _last_acks(generation: Generation, acks: "asyncio.Task[None]") -> None:
    """Wait until everything is acknowledged, or the broker half-closes, or it takes too long."""
    stored = asyncio.create_task(generation.all_stored())
    try:
        await asyncio.wait(
            {stored, acks}, timeout=_LAST_ACKS_S, return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        stored.cancel()
    if acks.done():
        await acks


async def _until(
    batches: AsyncGenerator[tuple[int, ProofBatch], None], acks: "asyncio.Task[None]"
) -> AsyncGenerator[tuple[int, ProofBatch], None]:
    """Batches until the broker half-closes; its mistakes end the stream with their words."""
    while True:
        step = asyncio.ensure_future(anext(batches, None))
        try:
            await asyncio.wait({step, acks}, return_when=asyncio.FIRST_COMPLETED)
            if not step.done():
                await acks
                return
        finally:
            if not step.done():
                step.cancel()
                await asyncio.gather(step, return_exceptions=True)
        taken = step.result()
        if taken is None:
            return
        yield taken
