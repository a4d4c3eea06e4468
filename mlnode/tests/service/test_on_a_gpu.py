"""The whole service on a machine's GPUs, grouped and driven as it finds best; needs one."""

import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from ninefold_proto.mlnode.v1 import node_pb2, poc_pb2

from mlnode.poc.params import MODEL_PARAMS, MODEL_PARAMS_TEST
from mlnode.service.config import Config
from mlnode.serving.tiny import TINY_MODELS, make_tiny_models

pytestmark = [pytest.mark.gpu, pytest.mark.asyncio(loop_scope="package")]
NETWORKS = {"TEST": MODEL_PARAMS_TEST, "MAIN": MODEL_PARAMS}


@pytest.fixture
def unset(config: Config) -> Config:
    """What an operator has who configures nothing about proofs."""
    return replace(config, poc=type(config.poc)())


def free_bytes() -> int:
    return sum(torch.cuda.mem_get_info(i)[0] for i in range(torch.cuda.device_count()))


async def validated(client: Any, kit: Any, nonces: list[int]) -> Any:
    call = client.poc.Validate()
    await call.write(poc_pb2.ValidateRequest(request_id=1, public_key=kit.key, nonces=nonces))
    answer = await call.read()
    await call.done_writing()
    return answer


@pytest.mark.timeout(900)
@pytest.mark.parametrize("params", sorted(NETWORKS))
async def test_what_is_streamed_is_found_valid_by_another_engine(
    running: Any, unset: Config, kit: Any, params: str
) -> None:
    round_ = kit.round(params=NETWORKS[params])
    async with running(unset) as client:
        engine = (await client.open(round_))[-1].engine
        batches = await client.stream(max_valid=300).rest_until_acknowledged()
        status = await client.status()
        nonces = [nonce for response in batches for nonce in response.batch.nonces]
        assert len(nonces) == len(set(nonces)) == status.acknowledged_nonces
        assert all(nonce % 3 == 1 for nonce in nonces)
        own = await validated(client, kit, nonces[:64])
        assert all(own.valid)
    other = next(name for name in ("bf16", "fp16") if name != engine)
    judge = replace(unset, poc=replace(unset.poc, engine=other))
    async with running(judge) as client:
        assert (await client.open(replace(round_, node_index=0)))[-1].engine == other
        few = nonces[:64] + [nonce + 1 for nonce in nonces[:64]]
        answer = await validated(client, kit, few)
        assert all(answer.valid[:64])
        assert not all(answer.valid[64:])
        assert list(answer.digests[:64]) == list(own.digests)
    if params == "TEST":
        came = kit.expected(round_, few)
        assert list(answer.digests) == [bytes(row) for row in came.digests]
        assert list(answer.valid) == came.valid.tolist()


async def test_a_worker_that_dies_at_its_gpu_is_replaced_and_nothing_is_missing(
    running: Any, unset: Config, kit: Any
) -> None:
    async with running(unset) as client:
        await client.open(kit.round())
        stream = client.stream()
        batches = await stream.take(3, acknowledge=True)
        dead = (await client.status()).groups[0].worker_pid
        os.kill(dead, signal.SIGKILL)

        def replaced(status: Any) -> bool:
            return status.groups[0].worker_pid not in (0, dead)

        await client.until(replaced)
        batches += await stream.take(12, acknowledge=True)
        stream.call.cancel()
        nonces = [nonce for response in batches for nonce in response.batch.nonces]
        lane_next = list(batches[-1].batch.lane_next)
        assert sorted(nonces) == kit.valid_before(kit.round(), lane_next)


async def test_a_model_and_a_round_leave_each_other_the_memory(
    running: Any, unset: Config, kit: Any
) -> None:
    make_tiny_models(Path(unset.serving.models_dir))
    model = TINY_MODELS[0]
    async with running(unset) as client:
        await client.open(kit.round(params=MODEL_PARAMS))
        stream = client.stream()
        await stream.take(1, acknowledge=True)
        stream.call.cancel()
        held = free_bytes()
        await client.stop(end_round=True)
        assert free_bytes() - held > 2_500_000_000  # the weights of the round
        load = node_pb2.LoadModelRequest(
            generation=client.next(), model_id="m", hf_repo=model.repo, hf_commit=model.commit
        )
        steps = [step async for step in client.node.LoadModel(load)]
        assert steps[-1].ready
        pid = client.server.models.pid
        await client.open(kit.round())
        assert not psutil.pid_exists(pid)
        stream = client.stream()
        await stream.take(2, acknowledge=True)
        stream.call.cancel()
