"""Worker processes that die, fall silent, or cannot do their work."""

import os
import signal
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest
from ninefold_proto.mlnode.v1 import node_pb2, poc_pb2

from mlnode.service.config import Config
from mlnode.service.controller import Controller, Listener
from mlnode.service.group import MakeHandle
from mlnode.service.messages import WorkerSetup

pytestmark = pytest.mark.asyncio(loop_scope="package")


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def nonces_of(responses: list[Any]) -> list[int]:
    return [n for response in responses for n in response.batch.nonces]


async def test_a_killed_worker_is_replaced_and_nothing_is_lost_or_doubled(
    rough: Any, kit: Any
) -> None:
    await rough.open(kit.round())
    stream = rough.stream()
    batches = await stream.take(3, acknowledge=True)
    before = (await rough.status()).groups[0]
    pid = before.worker_pid
    kill(pid)
    status = await rough.until(lambda s: s.groups[0].worker_pid not in (0, pid))
    # Group 0 walks the even lanes: go on until its new worker has contributed.
    reached = batches[-1].batch.lane_next[0]
    while batches[-1].batch.lane_next[0] < reached + 2:
        batches += await stream.take(1, acknowledge=True)
    stream.call.cancel()
    assert status.groups[0].restarts == before.restarts + 1
    assert f"worker {pid} ended with -9" in status.groups[0].error
    lane_next = list(batches[-1].batch.lane_next)
    assert sorted(nonces_of(batches)) == kit.valid_before(kit.round(), lane_next)


async def test_validation_survives_the_death_of_the_workers(rough: Any, kit: Any) -> None:
    await rough.open(kit.round())
    call = rough.poc.Validate()
    nonces = list(range(60))
    await call.write(poc_pb2.ValidateRequest(request_id=1, public_key=kit.key, nonces=nonces))
    status = await rough.until(lambda s: s.phase == poc_pb2.POC_PHASE_VALIDATE)
    for group in status.groups:
        kill(group.worker_pid)
    answer = await call.read()
    await call.done_writing()
    assert list(answer.valid) == kit.expected(kit.round(), nonces).valid.tolist()
    assert (await rough.status()).verified_nonces == 60


async def test_a_silent_worker_is_noticed_and_replaced(rough: Any, kit: Any) -> None:
    await rough.open(kit.round())
    pid = (await rough.status()).groups[1].worker_pid
    os.kill(pid, signal.SIGSTOP)
    # The service answers while a worker reads nothing of what it is told.
    status = await rough.until(lambda s: s.groups[1].worker_pid not in (0, pid))
    assert f"worker {pid} was silent for 5 s" in status.groups[1].error
    assert (await rough.open(kit.round()))[-1].ready


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes the servers of a test use one of the functions of broken_engines.py."""
    folder = str(Path(__file__).parent)
    monkeypatch.syspath_prepend(folder)
    # The workers import the function by name.
    monkeypatch.setenv("PYTHONPATH", folder)
    import broken_engines

    def make(name: str) -> MakeHandle:
        def controller(setup: WorkerSetup, listener: Listener) -> Controller:
            changed = replace(setup, candidates=getattr(broken_engines, name))
            return partial(Controller, hung_after_s=60.0)(changed, listener)

        return controller

    return make


async def test_a_batch_that_is_not_confirmed_is_never_claimed(
    running: Any, config: Config, kit: Any, broken: Any
) -> None:
    # Right at first, wrong from some nonce on.
    async with running(config, make=broken("wrong_later")) as client:
        await client.open(kit.round(r_target=2.0))
        stream = client.stream()
        claimed: list[Any] = []
        with pytest.raises(grpc.aio.AioRpcError, match="CrosscheckError") as ended:
            await _collect(stream, claimed)
        status = await client.status()
    assert ended.value.code() is grpc.StatusCode.UNAVAILABLE
    assert nonces_of(claimed)
    assert max(nonces_of(claimed)) < 97
    assert "CrosscheckError: spare does not confirm nonce" in status.last_error
    assert status.groups[0].restarts == 0


async def _collect(stream: Any, claimed: list[Any]) -> None:
    while True:
        claimed += await stream.take(1, acknowledge=True)


async def test_a_machine_without_an_exact_engine_fails_the_round_with_the_reason(
    running: Any, config: Config, kit: Any, broken: Any
) -> None:
    async with running(config, make=broken("inexact")) as client:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await client.open(kit.round())
        status = await client.status()
        state = (await client.node.GetStatus(node_pb2.GetStatusRequest())).state
        call = client.poc.Generate()
        start = poc_pb2.GenerateStart(generation=client.next())
        await call.write(poc_pb2.GenerateRequest(start=start))
        with pytest.raises(grpc.aio.AioRpcError, match="no engine is exact"):
            await call.read()
    assert failed.value.code() is grpc.StatusCode.UNAVAILABLE
    assert "wrong digest of golden nonce" in str(failed.value.details())
    assert "no engine is exact on this machine" in status.last_error
    assert state == node_pb2.NODE_STATE_FAILED


async def test_a_machine_that_is_mended_takes_the_next_start_of_the_round(
    running: Any,
    config: Config,
    kit: Any,
    broken: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("MENDED", str(tmp_path / "mended"))
    what_to_do = "mend what `mlnode doctor` finds, then start the round again"
    async with running(config, make=broken("inexact_until_mended")) as client:
        # Seen before any round.
        status = await client.until(lambda s: s.groups[0].error)
        assert what_to_do in status.groups[0].error
        with pytest.raises(grpc.aio.AioRpcError, match="no engine is exact") as failed:
            await client.open(kit.round())
        assert what_to_do in str(failed.value.details())
        pid = (await client.status()).groups[0].worker_pid
        (tmp_path / "mended").touch()
        assert (await client.open(kit.round()))[-1].ready
        assert await client.stream().take(1)
        assert (await client.status()).groups[0].worker_pid == pid


async def test_weights_that_change_in_memory_are_noticed_and_loaded_again(
    running: Any, config: Config, kit: Any, broken: Any
) -> None:
    # One bit flips in the first network of each process, before the walk begins.
    async with running(config, make=broken("flips_a_bit_once")) as client:
        await client.open(kit.round())
        stream = client.stream()
        batches = await stream.take(6, acknowledge=True)
        status = await client.status()
        stream.call.cancel()
    assert "FingerprintError" in status.last_error
    assert sorted(nonces_of(batches)) == kit.valid_before(
        kit.round(), list(batches[-1].batch.lane_next)
    )


async def test_nothing_is_claimed_of_weights_that_change_in_mid_walk(
    running: Any, config: Config, kit: Any, broken: Any
) -> None:
    round_ = kit.round(r_target=2.0)
    async with running(config, make=broken("flips_a_bit_in_mid_walk")) as client:
        await client.open(round_)
        stream = client.stream()
        batches = await stream.take(24, acknowledge=True)
        asked = list(range(40))
        call = client.poc.Validate()
        await call.write(poc_pb2.ValidateRequest(request_id=1, public_key=kit.key, nonces=asked))
        answer = await call.read()
        status = await client.status()
        stream.call.cancel()
    assert "FingerprintError" in status.last_error
    lane_next = list(batches[-1].batch.lane_next)
    # Far behind the nonce at which the bit flipped.
    assert max(nonces_of(batches)) > 200
    assert sorted(nonces_of(batches)) == kit.valid_before(round_, lane_next)
    assert list(answer.valid) == kit.expected(round_, asked).valid.tolist()


async def test_a_device_that_is_lost_ends_its_worker_and_the_walk_goes_on_in_another(
    running: Any,
    config: Config,
    kit: Any,
    broken: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LOST_DEVICE", str(tmp_path / "lost"))
    async with running(config, make=broken("loses_its_device")) as client:
        await client.open(kit.round())
        stream = client.stream()
        batches = await stream.take(12, acknowledge=True)
        status = await client.status()
        stream.call.cancel()
    assert status.groups[0].restarts == 1
    assert "ended with 3: AcceleratorError: CUDA error: the device fell" in status.groups[0].error
    lane_next = list(batches[-1].batch.lane_next)
    assert sorted(nonces_of(batches)) == kit.valid_before(kit.round(), lane_next)


async def test_a_worker_that_dies_while_it_loads_fails_the_round_after_a_few_tries(
    running: Any, config: Config, kit: Any, broken: Any
) -> None:
    async with running(config, make=broken("dies")) as client:
        with pytest.raises(grpc.aio.AioRpcError, match="ended with 7") as failed:
            await client.open(kit.round())
        assert failed.value.code() is grpc.StatusCode.UNAVAILABLE
        assert (await client.status()).groups[0].restarts == 3


async def test_a_worker_that_cannot_try_its_engines_fails_the_round_with_the_reason(
    running: Any, config: Config, kit: Any, broken: Any
) -> None:
    async with running(config, make=broken("cannot_be_imported")) as client:
        with pytest.raises(grpc.aio.AioRpcError, match="ended with 3: ImportError: libcuda") as why:
            await client.open(kit.round())
        assert why.value.code() is grpc.StatusCode.UNAVAILABLE
