"""Rounds over gRPC, with real worker processes."""

import asyncio
from typing import Any

import grpc
import pytest
from ninefold_proto.mlnode.v1 import node_pb2, poc_pb2

from mlnode.poc.rounds import Round
from mlnode.service.config import Config

pytestmark = pytest.mark.asyncio(loop_scope="package")


def positions(round_: Round, nonces: list[int]) -> list[tuple[int, int]]:
    """Lane and step of each nonce."""
    walked = [(n - round_.node_index) // round_.node_count for n in nonces]
    return [(w % round_.lanes, w // round_.lanes) for w in walked]


def nonces_of(responses: list[Any]) -> list[int]:
    return [n for response in responses for n in response.batch.nonces]


async def exhaust(call: Any) -> None:
    """Read a stream to its end."""
    while await call.read() is not grpc.aio.EOF:
        pass


async def test_batches_of_two_groups_are_valid_and_complete_together(rough: Any, kit: Any) -> None:
    await rough.open(kit.round())
    stream = rough.stream()
    batches = await stream.take(8)
    stream.call.cancel()
    # The groups take turns as they please; none walks the other's lanes.
    lane_next = list(batches[-1].batch.lane_next)
    assert len({*lane_next[0::2]}) <= 2
    assert len({*lane_next[1::2]}) <= 2
    assert sorted(nonces_of(batches)) == kit.valid_before(kit.round(), lane_next)


async def test_streamed_nonces_are_valid_of_this_node_and_complete(client: Any, kit: Any) -> None:
    await client.open(kit.round())
    stream = client.stream()
    batches = await stream.take(8)
    stream.call.cancel()
    assert [b.sequence for b in batches] == list(range(1, 9))
    nonces = nonces_of(batches)
    assert all(n % 3 == 1 for n in nonces)
    assert sorted(nonces) == kit.valid_before(kit.round(), list(batches[-1].batch.lane_next))


async def test_a_resumed_stream_goes_on_after_the_stored_batches(client: Any, kit: Any) -> None:
    await client.open(kit.round())
    first = client.stream()
    kept = (await first.take(4))[:2]
    first.call.cancel()
    lane_next = list(kept[-1].batch.lane_next)
    second = client.stream(lane_next=lane_next)
    more = await second.take(4)
    second.call.cancel()
    assert not set(nonces_of(kept)) & set(nonces_of(more))
    assert all(k >= lane_next[lane] for lane, k in positions(kit.round(), nonces_of(more)))


async def test_what_a_broker_resumes_behind_counts_as_acknowledged(client: Any, kit: Any) -> None:
    await client.open(kit.round())
    first = client.stream()
    stored = (await first.take(3))[:2]
    # The broker stored two batches and died before it could say so.
    first.call.cancel()
    second = client.stream(lane_next=list(stored[-1].batch.lane_next))
    await second.take(1)
    second.call.cancel()
    status = await client.status()
    assert status.acknowledged_nonces == len(nonces_of(stored))
    assert list(status.acknowledged_lane_next) == list(stored[-1].batch.lane_next)


async def test_acknowledged_nonces_are_counted_and_survive_a_restart_of_the_service(
    running: Any, config: Config, kit: Any
) -> None:
    async with running(config) as client:
        await client.open(kit.round())
        stream = client.stream()
        batches = await stream.take(5)
        stream.acknowledge(3)
        stream.half_close()
        await stream.rest()
        acknowledged = (await client.status()).acknowledged_nonces
    assert acknowledged == len(nonces_of(batches[:3]))
    async with running(config) as client:
        await client.open(kit.round())
        status = await client.status()
    assert status.acknowledged_nonces == acknowledged
    assert list(status.acknowledged_lane_next) == list(batches[2].batch.lane_next)


async def test_a_stream_with_a_limit_ends_by_itself_once_it_is_acknowledged(
    client: Any, kit: Any
) -> None:
    await client.open(kit.round())
    stream = client.stream(max_valid=20)
    made = 0
    while made < 20:
        response = (await stream.take(1, acknowledge=True))[0]
        made += len(response.batch.nonces)
    assert await stream.rest() == []
    status = await client.status()
    assert status.acknowledged_nonces == made
    assert status.phase == poc_pb2.POC_PHASE_IDLE


async def test_a_stop_ends_the_stream_in_order_and_the_last_acknowledgements_count(
    client: Any, kit: Any
) -> None:
    await client.open(kit.round())
    stream = client.stream()
    batches = await stream.take(2)
    await client.stop()
    batches += await stream.rest_until_acknowledged()
    assert (await client.status()).acknowledged_nonces == len(nonces_of(batches))


async def test_validation_equals_the_reference_in_the_order_asked(client: Any, kit: Any) -> None:
    other = bytes(reversed(range(20)))
    asked = [[7, 3, 11], [5], list(range(100, 160)), [2**64 - 1]]
    await client.open(kit.round())
    call = client.poc.Validate()
    for i, nonces in enumerate(asked):
        await call.write(poc_pb2.ValidateRequest(request_id=i, public_key=other, nonces=nonces))
    await call.done_writing()
    answers = [response async for response in call]
    status = await client.status()
    assert [a.request_id for a in answers] == [0, 1, 2, 3]
    for nonces, answer in zip(asked, answers, strict=True):
        came = kit.expected(kit.round(), nonces, other)
        assert list(answer.nonces) == nonces
        assert list(answer.valid) == came.valid.tolist()
        assert list(answer.digests) == [bytes(row) for row in came.digests]
        assert list(answer.distances) == came.distances.tolist()
        assert answer.valid_count == int(came.valid.sum())
    assert status.verified_nonces == 65
    assert {h.public_key: h.nonces for h in status.verified_hosts} == {other: 65}
    assert status.walked_nonces == 0


async def test_generation_and_validation_share_the_workers(client: Any, kit: Any) -> None:
    await client.open(kit.round())
    stream = client.stream()
    await stream.take(2, acknowledge=True)
    call = client.poc.Validate()
    await call.write(poc_pb2.ValidateRequest(request_id=1, public_key=kit.key, nonces=range(50)))
    await stream.take(4, acknowledge=True)
    answer = await call.read()
    await call.done_writing()
    stream.call.cancel()
    assert list(answer.valid) == kit.expected(kit.round(), list(range(50))).valid.tolist()


async def test_the_same_round_again_changes_nothing_and_another_one_is_refused(
    client: Any, kit: Any
) -> None:
    said = await client.open(kit.round())
    assert said[-1].ready
    assert said[-1].engine == "fp32"
    assert [r.fraction for r in said] == sorted(r.fraction for r in said)
    pid = (await client.status()).groups[0].worker_pid
    assert (await client.open(kit.round()))[-1].ready
    assert (await client.status()).groups[0].worker_pid == pid
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await client.open(kit.round(block_hash="cd" * 32))
    assert refused.value.code() is grpc.StatusCode.ALREADY_EXISTS
    await client.stop(end_round=True)
    assert (await client.open(kit.round(block_hash="cd" * 32)))[-1].ready


async def test_the_newer_of_two_streams_wins(client: Any, kit: Any) -> None:
    await client.open(kit.round())
    older = client.stream()
    await older.take(1)
    newer = client.stream()
    with pytest.raises(grpc.aio.AioRpcError, match="another Generate took over") as ended:
        await older.rest()
    assert ended.value.code() is grpc.StatusCode.ABORTED
    assert (await newer.take(1))[0].sequence == 1
    newer.call.cancel()


async def test_a_broker_that_does_not_acknowledge_holds_the_workers_back(
    client: Any, kit: Any
) -> None:
    await client.open(kit.round())
    stream = client.stream(window=3)
    await stream.take(3)
    # Three are on their way, two more are held, and then nothing is computed.
    status = await client.until(lambda s: s.walked_nonces == 5 * 24)
    assert status.phase == poc_pb2.POC_PHASE_GENERATE
    pause = asyncio.create_task(stream.call.read())
    assert (await client.status()).walked_nonces == 5 * 24
    assert not pause.done()
    stream.acknowledge(1)
    assert (await pause).sequence == 4
    stream.call.cancel()


async def test_a_broker_that_does_not_read_hinders_nobody_else(client: Any, kit: Any) -> None:
    await client.open(kit.round(r_target=2.0))
    silent = client.stream(window=3)
    # What was sent to it and what is held for it: then its workers stand still.
    await client.until(lambda s: s.walked_nonces == 5 * 24)
    call = client.poc.Validate()
    await call.write(poc_pb2.ValidateRequest(request_id=1, public_key=kit.key, nonces=[1]))
    assert list((await call.read()).valid) == [True]
    await call.done_writing()
    newer = client.stream()
    await newer.take(1)
    await client.stop()
    assert (await client.status()).phase == poc_pb2.POC_PHASE_IDLE
    silent.call.cancel()
    newer.call.cancel()


async def test_a_broker_that_disconnects_stops_the_generation(client: Any, kit: Any) -> None:
    await client.open(kit.round())
    stream = client.stream()
    batches = await stream.take(2)
    stream.call.cancel()
    await client.until(lambda s: s.phase == poc_pb2.POC_PHASE_IDLE)
    resumed = client.stream(lane_next=list(batches[0].batch.lane_next))
    again = await resumed.take(2)
    resumed.call.cancel()
    nonces = nonces_of([batches[0], *again])
    assert sorted(nonces) == kit.valid_before(kit.round(), list(again[-1].batch.lane_next))


async def test_a_call_past_its_deadline_is_ended_and_gives_its_work_up(
    client: Any, kit: Any
) -> None:
    await client.open(kit.round())
    call = client.poc.Generate(timeout=0.5)
    start = poc_pb2.GenerateStart(generation=client.next())
    await call.write(poc_pb2.GenerateRequest(start=start))
    with pytest.raises(grpc.aio.AioRpcError) as late:
        await exhaust(call)
    assert late.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await client.until(lambda s: s.phase == poc_pb2.POC_PHASE_IDLE)


async def test_the_state_follows_the_round(client: Any, kit: Any) -> None:
    ask = node_pb2.GetStatusRequest()
    assert (await client.node.GetStatus(ask)).state == node_pb2.NODE_STATE_STOPPED
    await client.open(kit.round())
    stream = client.stream()
    await stream.take(1)
    assert (await client.node.GetStatus(ask)).state == node_pb2.NODE_STATE_POC_GENERATING
    await client.stop()
    assert (await client.node.GetStatus(ask)).state == node_pb2.NODE_STATE_POC_VALIDATING
    await client.stop(end_round=True)
    assert (await client.node.GetStatus(ask)).state == node_pb2.NODE_STATE_STOPPED
