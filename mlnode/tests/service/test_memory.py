"""Memory over the life of a server."""

import sys
from dataclasses import replace
from typing import Any

import grpc
import psutil
import pytest
from ninefold_proto.mlnode.v1 import poc_pb2

ROUNDS = 30
# Allocators give back in pages; a leak of a batch a round would be above this within ten.
SLACK = 1.02
OTHER_KEY = b"\x07" * 20

pytestmark = [
    pytest.mark.asyncio(loop_scope="package"),
    pytest.mark.long,
    pytest.mark.timeout(3600),
]


async def test_memory_over_thirty_rounds_does_not_rise(
    running: Any, config: Any, new_kit: Any
) -> None:
    """Prove and check in a round of each epoch; the first ten fill caches."""
    poc = replace(config.poc, groups=(("cpu",),), engine="fp32", batch_size=24)
    used: list[int] = []
    async with running(replace(config, poc=poc)) as client:
        for number in range(ROUNDS):
            await client.open(new_kit().round())
            stream = client.stream(lane_next=[])
            await stream.take(4, acknowledge=True)
            await client.stop()
            await stream.rest()
            assert len(await _checked(client, number)) == 48
            await client.stop(end_round=True)
            used.append(_used())
    sys.stdout.write(f"bytes used: {used}\n")
    middle, last = used[ROUNDS // 3 : 2 * ROUNDS // 3], used[2 * ROUNDS // 3 :]
    assert max(last) <= SLACK * max(middle)


async def _checked(client: Any, number: int) -> list[bool]:
    call = client.poc.Validate()
    await call.write(
        poc_pb2.ValidateRequest(request_id=number, public_key=OTHER_KEY, nonces=range(48))
    )
    response = await call.read()
    assert response is not grpc.aio.EOF
    await call.done_writing()
    return list(response.valid)


def _used() -> int:
    """Memory that only this process, the server, and its workers have."""
    me = psutil.Process()
    return sum(p.memory_full_info().uss for p in (me, *me.children(recursive=True)))
