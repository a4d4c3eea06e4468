"""What the service refuses, and in which words."""

import re
from typing import Any

import grpc
import pytest
from ninefold_proto.mlnode.v1 import poc_pb2

from mlnode.service.wire import round_from_wire, round_to_wire

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def refused_generation(client: Any, *requests: Any) -> grpc.aio.AioRpcError:
    """The error that a Generate stream of these messages ends with."""
    call = client.poc.Generate()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await _write(call, requests)
    return refused.value


async def refused_check(client: Any, **fields: Any) -> grpc.aio.AioRpcError:
    """The error that a Validate stream with this request ends with."""
    call = client.poc.Validate()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await _write(call, [poc_pb2.ValidateRequest(**fields)])
    return refused.value


async def _write(call: Any, requests: Any) -> None:
    for request in requests:
        await call.write(request)
    while await call.read() is not grpc.aio.EOF:
        pass


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("block_hash", "AB" * 32, "64 lower-case hexadecimal digits"),
        ("poc_version", 9, "poc_version = 9: must be 1"),
        ("kind", poc_pb2.POC_KIND_UNSPECIFIED, "round.kind is not set; it is POC_KIND_EXACT8 (1)"),
        ("kind", 99, "round.kind is 99, which is no kind; it is POC_KIND_EXACT8 (1) or"),
        ("kind", poc_pb2.POC_KIND_SERVED_MODEL, "in a round of kind SERVED_MODEL"),
        ("public_key", b"short", "public_key"),
        ("node_index", 3, "node_index = 3: must be from 0 to 2"),
        ("lanes", 0, "lanes = 0"),
        ("r_target", "abc", "r_target"),
        ("r_target", "nan", "r_target"),
        ("r_target", "1" * 100_000, "at most 64 are possible"),
        ("r_target", "1e-12000000", "a finite decimal"),
        ("valid_fraction", "", "valid_fraction"),
        ("cq", 1, "cq = 1"),
        ("params.dim", 63, "dim = 63"),
        ("params.n_layers", 1, "n_layers = 1"),
        ("params.n_kv_heads", 3, "n_kv_heads = 3"),
        ("params.ffn_dim_multiplier", "x", "params.ffn_dim_multiplier"),
        ("params.seq_len", 4, "seq_len = 4"),
    ],
)
async def test_a_malformed_round_is_refused_by_field_and_the_next_one_opens(
    client: Any, kit: Any, field: str, value: Any, words: str
) -> None:
    message = round_to_wire(kit.round())
    *inner, name = field.split(".")
    setattr(getattr(message, inner[0]) if inner else message, name, value)
    request = poc_pb2.StartRoundRequest(round=message, generation=client.next())
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await client.poc.StartRound(request).read()
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert words in str(refused.value.details())
    assert not (await client.status()).HasField("round")
    # What is refused counts for nothing, not even as a command.
    client.generation -= 1
    assert (await client.open(kit.round()))[-1].ready


async def test_a_round_survives_the_wire(kit: Any) -> None:
    assert round_from_wire(round_to_wire(kit.round())) == kit.round()


async def test_work_without_a_round_is_refused(client: Any, kit: Any) -> None:
    start = poc_pb2.GenerateStart(generation=client.next())
    for refused in (
        await refused_generation(client, poc_pb2.GenerateRequest(start=start)),
        await refused_check(client, public_key=kit.key, nonces=[1]),
    ):
        assert refused.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert "call StartRound first" in str(refused.details())


async def test_a_command_older_than_the_last_is_refused(client: Any, kit: Any) -> None:
    await client.open(kit.round())
    last = client.generation
    with pytest.raises(grpc.aio.AioRpcError, match=f"{last} was seen") as stale:
        await client.poc.Stop(poc_pb2.StopRequest(generation=last - 1))
    assert stale.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    start = poc_pb2.GenerateStart(generation=last - 1)
    refused = await refused_generation(client, poc_pb2.GenerateRequest(start=start))
    assert f"{last} was seen" in str(refused.details())


@pytest.mark.parametrize(
    ("start", "words"),
    [
        ({"lane_next": [0] * 15}, "lane_next has 15 entries; it has 16 or none"),
        ({"lane_next": [2**48] * 16}, "steps are from 0 to 281474976710655"),
        ({"window": 1025}, r"window is 1025; it is 0 \(default\) to 1024"),
    ],
)
async def test_a_malformed_start_is_refused_by_field(
    client: Any, kit: Any, start: Any, words: str
) -> None:
    await client.open(kit.round())
    begin = poc_pb2.GenerateStart(generation=client.next(), **start)
    refused = await refused_generation(client, poc_pb2.GenerateRequest(start=begin))
    assert refused.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert re.search(words, str(refused.details()))


async def test_a_stream_is_a_start_and_then_acknowledgements(client: Any, kit: Any) -> None:
    await client.open(kit.round())
    start = poc_pb2.GenerateRequest(start=poc_pb2.GenerateStart(generation=client.next()))
    ack = poc_pb2.GenerateRequest(ack=poc_pb2.GenerateAck(sequence=10**6))
    for requests, words in (
        ([ack], "the first message of Generate is a start"),
        ([poc_pb2.GenerateRequest()], "the first message of Generate is a start"),
        ([start, start], "after the start, Generate takes acknowledgements only"),
        ([start, ack], "ack.sequence is 1000000; the last that was sent is"),
    ):
        refused = await refused_generation(client, *requests)
        assert refused.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert words in str(refused.details())


async def test_a_malformed_check_is_refused_by_field(client: Any, kit: Any) -> None:
    await client.open(kit.round())
    for fields, words in (
        ({"public_key": kit.key, "nonces": [4, 4]}, "nonces names one twice"),
        ({"public_key": kit.key, "nonces": []}, "nonces has 0 entries; it has 1 to 4096"),
        ({"public_key": kit.key, "nonces": range(4097)}, "nonces has 4097 entries"),
        ({"public_key": b"\x01" * 19, "nonces": [1]}, "public_key has 19 bytes"),
    ):
        refused = await refused_check(client, request_id=1, **fields)
        assert refused.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert words in str(refused.details())


async def test_a_message_above_the_cap_is_refused(client: Any, kit: Any) -> None:
    await client.open(kit.round())
    refused = await refused_check(client, public_key=b"\x01" * (5 << 20), nonces=[1])
    assert refused.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert (await client.status()).groups[0].error == ""
