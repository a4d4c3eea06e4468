"""Rounds over gRPC, with real worker processes."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import grpc
import numpy as np
import pytest
from ninefold_proto.mlnode.v1 import node_pb2, poc_pb2

from mlnode.poc.engines.base import load
from mlnode.poc.engines.cpu import fp32_engine
from mlnode.poc.params import MODEL_PARAMS_TEST
from mlnode.poc.rounds import Round, new_round
from mlnode.service.config import Config
from mlnode.service.errors import RequestError
from mlnode.service.wire import round_from_wire, round_to_wire

pytestmark = pytest.mark.asyncio(loop_scope="package")
KEY = bytes(range(20))


def some_round(**changes: Any) -> Round:
    """A round of the test parameters at p = 10 %."""
    fields: dict[str, Any] = {
        "block_hash": "ab" * 32,
        "public_key": KEY,
        "params": MODEL_PARAMS_TEST,
        "node_index": 1,
        "node_count": 3,
        "lanes": 16,
    }
    return new_round(**(fields | changes))


def expected(round_: Round, nonces: list[int], key: bytes = KEY) -> Any:
    engine = fp32_engine()
    load(engine, round_)
    return engine.batch(np.array(nonces, np.uint64), key)


class Generation:
    """A Generate stream as a broker drives it."""

    def __init__(self, client: Any, **start: Any) -> None:
        self._requests: asyncio.Queue[Any] = asyncio.Queue()
        self._requests.put_nowait(
            poc_pb2.GenerateRequest(start=poc_pb2.GenerateStart(generation=client.next(), **start))
        )
        self.call = client.poc.Generate(self._send())

    async def _send(self) -> AsyncIterator[Any]:
        while (request := await self._requests.get()) is not None:
            yield request

    def acknowledge(self, sequence: int) -> None:
        self._requests.put_nowait(
            poc_pb2.GenerateRequest(ack=poc_pb2.GenerateAck(sequence=sequence))
        )

    def half_close(self) -> None:
        self._requests.put_nowait(None)

    async def take(self, count: int) -> list[Any]:
        taken = [await self.call.read() for _ in range(count)]
        assert all(response is not grpc.aio.EOF for response in taken)
        return taken


def positions(round_: Round, nonces: list[int]) -> list[tuple[int, int]]:
    walked = [(n - round_.node_index) // round_.node_count for n in nonces]
    return [(w % round_.lanes, w // round_.lanes) for w in walked]


async def test_streamed_nonces_are_valid_of_this_node_and_complete(client: Any) -> None:
    round_ = some_round()
    await client.open(round_)
    stream = Generation(client)
    batches = await stream.take(8)
    stream.call.cancel()
    assert [b.sequence for b in batches] == list(range(1, 9))
    nonces = [n for b in batches for n in b.batch.nonces]
    assert len(set(nonces)) == len(nonces)
    assert all(n % 3 == 1 for n in nonces)
    last = list(batches[-1].batch.lane_next)
    walked = [1 + 3 * (lane + 16 * k) for lane in range(16) for k in range(last[lane])]
    came = expected(round_, sorted(walked))
    assert sorted(nonces) == np.array(sorted(walked), np.uint64)[came.valid].tolist()


async def test_a_resumed_stream_goes_on_after_the_stored_batches(client: Any) -> None:
    await client.open(some_round())
    first = Generation(client)
    kept = (await first.take(4))[:2]
    first.call.cancel()
    lane_next = list(kept[-1].batch.lane_next)
    second = Generation(client, lane_next=lane_next)
    more = await second.take(4)
    second.call.cancel()
    before = {n for b in kept for n in b.batch.nonces}
    after = [n for b in more for n in b.batch.nonces]
    assert not before & set(after)
    assert all(k >= lane_next[lane] for lane, k in positions(some_round(), after))


async def test_a_killed_worker_is_replaced_and_nothing_is_lost_or_doubled(
    running: Any, config: Config
) -> None:
    round_ = some_round()
    async with running(config) as client:
        await client.open(round_)
        stream = Generation(client)
        batches = await stream.take(3)
        client.server.controller.groups[0].controller.kill()
        batches += await stream.take(12)
        status = await client.status()
        stream.call.cancel()
    assert status.groups[0].restarts == 1
    assert "ended with -9" in status.groups[0].error
    nonces = [n for b in batches for n in b.batch.nonces]
    assert len(set(nonces)) == len(nonces)
    last = list(batches[-1].batch.lane_next)
    walked = sorted(1 + 3 * (lane + 16 * k) for lane in range(16) for k in range(last[lane]))
    came = expected(round_, walked)
    assert sorted(nonces) == np.array(walked, np.uint64)[came.valid].tolist()


async def test_acknowledged_nonces_are_counted_and_survive_a_restart_of_the_service(
    running: Any,
    config: Config,
) -> None:
    async with running(config) as client:
        await client.open(some_round())
        stream = Generation(client)
        batches = await stream.take(5)
        stream.acknowledge(3)
        stream.half_close()
        assert await stream.call.read() is not None
        while await stream.call.read() is not grpc.aio.EOF:
            pass
        acknowledged = (await client.status()).acknowledged_nonces
    assert acknowledged == sum(len(b.batch.nonces) for b in batches[:3])
    async with running(config) as client:
        await client.open(some_round())
        status = await client.status()
    assert status.acknowledged_nonces == acknowledged
    assert list(status.acknowledged_lane_next) == list(batches[2].batch.lane_next)


async def test_a_stream_with_a_limit_ends_by_itself_once_it_is_acknowledged(client: Any) -> None:
    await client.open(some_round())
    stream = Generation(client, max_valid=20)
    made, sequence = 0, 0
    while made < 20:
        response = (await stream.take(1))[0]
        made, sequence = made + len(response.batch.nonces), response.sequence
    stream.acknowledge(sequence)
    stream.half_close()
    assert await stream.call.read() is grpc.aio.EOF
    status = await client.status()
    assert status.acknowledged_nonces == made
    assert status.phase == poc_pb2.POC_PHASE_IDLE


async def test_validation_equals_the_reference_in_the_order_asked(client: Any) -> None:
    other = bytes(reversed(range(20)))
    asked = [[7, 3, 11], [5], list(range(100, 160))]
    await client.open(some_round())
    call = client.poc.Validate()
    for i, nonces in enumerate(asked):
        await call.write(poc_pb2.ValidateRequest(request_id=i, public_key=other, nonces=nonces))
    await call.done_writing()
    answers = [response async for response in call]
    status = await client.status()
    assert [a.request_id for a in answers] == [0, 1, 2]
    for nonces, answer in zip(asked, answers, strict=True):
        came = expected(some_round(), nonces, other)
        assert list(answer.nonces) == nonces
        assert list(answer.valid) == came.valid.tolist()
        assert list(answer.digests) == [bytes(row) for row in came.digests]
        assert list(answer.distances) == came.distances.tolist()
        assert answer.valid_count == int(came.valid.sum())
    assert status.verified_nonces == 64
    assert {h.public_key: h.nonces for h in status.verified_hosts} == {other: 64}


async def test_validation_survives_the_death_of_a_worker(running: Any, config: Config) -> None:
    async with running(config) as client:
        await client.open(some_round())
        call = client.poc.Validate()
        nonces = list(range(400))
        await call.write(poc_pb2.ValidateRequest(request_id=1, public_key=KEY, nonces=nonces))
        for group in client.server.controller.groups:
            group.controller.kill()
        answer = await call.read()
        await call.done_writing()
    assert list(answer.valid) == expected(some_round(), nonces).valid.tolist()


async def test_the_same_round_again_changes_nothing_and_another_one_is_refused(
    client: Any,
) -> None:
    said = await client.open(some_round())
    assert said[-1].ready
    assert said[-1].engine == "fp32"
    assert [r.fraction for r in said] == sorted(r.fraction for r in said)
    pid = (await client.status()).groups[0].worker_pid
    assert (await client.open(some_round()))[-1].ready
    assert (await client.status()).groups[0].worker_pid == pid
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await client.open(some_round(block_hash="cd" * 32))
    assert refused.value.code() is grpc.StatusCode.ALREADY_EXISTS
    await client.poc.Stop(poc_pb2.StopRequest(generation=client.next(), end_round=True))
    assert (await client.open(some_round(block_hash="cd" * 32)))[-1].ready


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("block_hash", "AB" * 32, "64 lower-case hexadecimal digits"),
        ("poc_version", 9, "poc_version"),
        ("kind", poc_pb2.POC_KIND_UNSPECIFIED, "kind"),
        ("kind", poc_pb2.POC_KIND_SERVED_MODEL, "kind"),
        ("public_key", b"short", "public_key"),
        ("node_index", 3, "node_index"),
        ("lanes", 0, "lanes"),
        ("r_target", "abc", "r_target"),
    ],
)
async def test_a_malformed_round_is_refused_by_field(field: str, value: Any, words: str) -> None:
    message = round_to_wire(some_round())
    setattr(message, field, value)
    with pytest.raises(RequestError, match=words):
        round_from_wire(message)


async def test_commands_without_a_round_and_stale_ones_are_refused(client: Any) -> None:
    stream = Generation(client)
    with pytest.raises(grpc.aio.AioRpcError, match="call StartRound first"):
        await stream.take(1)
    await client.open(some_round())
    last = client.generation
    with pytest.raises(grpc.aio.AioRpcError, match=f"{last} was seen") as stale:
        await client.poc.Stop(poc_pb2.StopRequest(generation=last - 1))
    assert stale.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    call = client.poc.Validate()
    await call.write(poc_pb2.ValidateRequest(request_id=1, public_key=KEY, nonces=[4, 4]))
    with pytest.raises(grpc.aio.AioRpcError, match="names one twice") as twice:
        await call.read()
        await call.read()
    assert twice.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_silent_worker_is_noticed_and_replaced(running: Any, config: Config) -> None:
    hasty = replace(config, poc=replace(config.poc, hung_after_s=3.0))
    async with running(hasty) as client:
        await client.open(some_round())
        stopped = (await client.status()).groups[1].worker_pid
        os.kill(stopped, signal.SIGSTOP)
        async with asyncio.timeout(60):
            while (status := await client.status()).groups[1].restarts == 0:
                await asyncio.sleep(0.1)
        assert "was silent" in status.groups[1].error or "ended with" in status.groups[1].error
        assert (await client.open(some_round()))[-1].ready


async def test_the_state_follows_the_round(client: Any) -> None:
    ask = node_pb2.GetStatusRequest()
    assert (await client.node.GetStatus(ask)).state == node_pb2.NODE_STATE_STOPPED
    await client.open(some_round())
    stream = Generation(client)
    await stream.take(1)
    assert (await client.node.GetStatus(ask)).state == node_pb2.NODE_STATE_POC_GENERATING
    await client.poc.Stop(poc_pb2.StopRequest(generation=client.next()))
    assert (await client.node.GetStatus(ask)).state == node_pb2.NODE_STATE_POC_VALIDATING
    await client.poc.Stop(poc_pb2.StopRequest(generation=client.next(), end_round=True))
    assert (await client.node.GetStatus(ask)).state == node_pb2.NODE_STATE_STOPPED
