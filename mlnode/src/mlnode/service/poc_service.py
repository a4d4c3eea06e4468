"""The gRPC service of the proofs, over ParallelController."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
import numpy as np
from ninefold_proto.mlnode.v1 import poc_pb2, poc_pb2_grpc

from mlnode.poc.rounds import PUBLIC_KEY_BYTES
from mlnode.service.commands import CommandOrder
from mlnode.service.errors import RequestError
from mlnode.service.parallel import ParallelController, Phase
from mlnode.service.refusal import refusing
from mlnode.service.wire import batch_to_wire, checked_to_wire, round_from_wire, round_to_wire
from mlnode.serving.host import ModelHost

_PHASES = {
    Phase.IDLE: poc_pb2.POC_PHASE_IDLE,
    Phase.LOADING: poc_pb2.POC_PHASE_LOADING,
    Phase.GENERATE: poc_pb2.POC_PHASE_GENERATE,
    Phase.VALIDATE: poc_pb2.POC_PHASE_VALIDATE,
}
_CHECKS_AT_ONCE = 8
Context = grpc.aio.ServicerContext[Any, Any]


class PocService(poc_pb2_grpc.PocServiceServicer):
    """Opens rounds, streams proofs, recomputes those of others."""

    def __init__(
        self, controller: ParallelController, models: ModelHost, order: CommandOrder
    ) -> None:
        self._controller = controller
        self._models = models
        self._order = order

    @refusing
    async def StartRound(
        self, request: poc_pb2.StartRoundRequest, context: Context
    ) -> AsyncIterator[poc_pb2.StartRoundResponse]:
        """Open a round; its weights take the place of a served model."""
        round_ = round_from_wire(request.round)
        self._order.accept(request.generation)
        await self._models.unload()
        began = time.monotonic()
        async for done, total in self._controller.open(round_):
            spent = time.monotonic() - began
            yield poc_pb2.StartRoundResponse(
                fraction=done / total if total else 0.0,
                bytes=done,
                seconds_left=spent * (total - done) / done if done else 0.0,
            )
        groups = self._controller.groups
        yield poc_pb2.StartRoundResponse(
            fraction=1.0,
            bytes=sum(g.total_bytes for g in groups),
            ready=True,
            engine=groups[0].engine,
        )

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
        sent: dict[int, tuple[int, tuple[int, ...]]] = {}
        acks = asyncio.ensure_future(self._take_acks(request_iterator, sent))
        try:
            sequence = 0
            batches = self._controller.generate(
                list(start.lane_next), max_valid=start.max_valid, window=start.window
            )
            async with contextlib.aclosing(batches):
                async for batch in _until(batches, acks):
                    sequence += 1
                    sent[sequence] = (len(batch), batch.lane_next)
                    yield poc_pb2.GenerateResponse(sequence=sequence, batch=batch_to_wire(batch))
            # The limit is reached: wait for the last acknowledgement, so that it counts.
            await acks
        finally:
            acks.cancel()

    async def _take_acks(
        self,
        requests: AsyncIterator[poc_pb2.GenerateRequest],
        sent: dict[int, tuple[int, tuple[int, ...]]],
    ) -> None:
        async for request in requests:
            if request.WhichOneof("body") != "ack":
                raise RequestError("after the start, Generate takes acknowledgements only")
            for sequence in sorted(s for s in sent if s <= request.ack.sequence):
                valid, lane_next = sent.pop(sequence)
                self._controller.acknowledge(valid, lane_next)

    @refusing
    async def Validate(
        self, request_iterator: AsyncIterator[poc_pb2.ValidateRequest], context: Context
    ) -> AsyncIterator[poc_pb2.ValidateResponse]:
        """Recompute nonces of others; answers come in the order of the requests."""
        waiting: asyncio.Queue[asyncio.Task[poc_pb2.ValidateResponse] | None]
        waiting = asyncio.Queue(maxsize=_CHECKS_AT_ONCE)

        async def read() -> None:
            try:
                async for request in request_iterator:
                    await waiting.put(asyncio.create_task(self._check(request)))
            finally:
                await waiting.put(None)

        reader = asyncio.create_task(read())
        try:
            while (task := await waiting.get()) is not None:
                yield await task
            await reader
        finally:
            reader.cancel()
            while not waiting.empty():
                left = waiting.get_nowait()
                if left is not None:
                    left.cancel()

    async def _check(self, request: poc_pb2.ValidateRequest) -> poc_pb2.ValidateResponse:
        if len(request.public_key) != PUBLIC_KEY_BYTES:
            raise RequestError(
                f"public_key has {len(request.public_key)} bytes; an address has {PUBLIC_KEY_BYTES}"
            )
        nonces = np.array(request.nonces, np.uint64)
        return checked_to_wire(request, await self._controller.check(request.public_key, nonces))

    @refusing
    async def Stop(self, request: poc_pb2.StopRequest, context: Context) -> poc_pb2.StopResponse:
        """Stop generating; with end_round forget the round."""
        self._order.accept(request.generation)
        self._controller.stop(end_round=request.end_round)
        return poc_pb2.StopResponse()

    @refusing
    async def GetStatus(
        self, request: poc_pb2.PocServiceGetStatusRequest, context: Context
    ) -> poc_pb2.PocServiceGetStatusResponse:
        """The round, its phase and its counters."""
        controller = self._controller
        counters = controller.counters
        return poc_pb2.PocServiceGetStatusResponse(
            phase=_PHASES[controller.phase],
            round=round_to_wire(controller.round) if controller.round is not None else None,
            generated_nonces=counters.generated,
            acknowledged_nonces=counters.acknowledged,
            verified_nonces=sum(counters.verified.values()),
            walked_nonces=counters.walked,
            acknowledged_lane_next=counters.acknowledged_lane_next,
            nonces_per_second=controller.nonces_per_second,
            groups=[
                poc_pb2.GroupStatus(
                    group_index=index,
                    devices=group.controller.setup.devices,
                    engine=group.engine,
                    batch_size=group.batch_size,
                    worker_pid=group.controller.pid,
                    restarts=group.controller.restarts,
                    error=group.controller.error,
                )
                for index, group in enumerate(controller.groups)
            ],
            last_error=controller.last_error,
            verified_hosts=[
                poc_pb2.VerifiedHost(public_key=bytes.fromhex(name), nonces=count)
                for name, count in sorted(counters.verified.items())
            ],
        )


async def _until(batches: AsyncIterator[Any], acks: "asyncio.Future[None]") -> AsyncIterator[Any]:
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
                with contextlib.suppress(asyncio.CancelledError):
                    await step
        batch = step.result()
        if batch is None:
            return
        yield batch
