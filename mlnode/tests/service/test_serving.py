"""Models in their process, through `transformers`."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
import pytest_asyncio
from ninefold_proto.mlnode.v1 import node_pb2

from mlnode.service.config import ServingConfig
from mlnode.serving.errors import (
    ModelFailedError,
    ModelNotFoundError,
    ModelReplacedError,
    ModelRequestError,
)
from mlnode.serving.host import ModelHost, ModelSpec, ModelState
from mlnode.serving.tiny import TINY_MODELS, make_tiny_models

pytestmark = pytest.mark.asyncio(loop_scope="package")
LLAMA = TINY_MODELS[0]


@pytest.fixture(scope="module")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all tiny models."""
    folder = tmp_path_factory.mktemp("models")
    make_tiny_models(folder)
    return folder


def spec(**changes: Any) -> ModelSpec:
    fields: dict[str, Any] = {
        "model_id": "tiny",
        "repo": LLAMA.repo,
        "commit": LLAMA.commit,
        "args": (),
    }
    return ModelSpec(**(fields | changes))


@asynccontextmanager
async def hosting(models_dir: Path) -> AsyncIterator[ModelHost]:
    host = ModelHost(ServingConfig(models_dir=str(models_dir), offline=True))
    try:
        yield host
    finally:
        await host.close()


async def load(host: ModelHost, wanted: ModelSpec) -> list[float]:
    return [step.fraction async for step in host.load(wanted)]


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid)


# --- the host ---


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda weights: weights.write_bytes(b"junk"), "model.safetensors: "),
        (lambda weights: weights.unlink(), "no *.safetensors in "),
    ],
)
async def test_weights_that_cannot_be_read_are_said_to_be_damaged(
    tmp_path: Path, damage: Any, words: str
) -> None:
    make_tiny_models(tmp_path)
    damage(tmp_path / LLAMA.repo / LLAMA.commit / "model.safetensors")
    async with hosting(tmp_path) as host:
        with pytest.raises(ModelFailedError) as failed:
            await load(host, spec())
        assert words in str(failed.value)
        assert (host.state, host.last_error) == (ModelState.FAILED, str(failed.value))


async def test_weights_that_are_nowhere_are_said_to_be_nowhere(models_dir: Path) -> None:
    async with hosting(models_dir) as host:
        with pytest.raises(ModelNotFoundError, match=f"is not in {models_dir}, and"):
            await load(host, spec(commit="f" * 40))
        assert host.state is ModelState.FAILED
        with pytest.raises(ModelNotFoundError):
            await load(host, spec(repo="ninefold/other"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"commit": "main"}, 'hf_commit is "main"; it is 40 lower-case hex digits'),
        ({"commit": "F" * 40}, "hf_commit is"),
        ({"repo": "llama"}, 'hf_repo is "llama"; it is owner/name'),
        ({"repo": "../../etc"}, "hf_repo is"),
        ({"repo": "../etc"}, "hf_repo is"),
        ({"args": ("--trust-remote-code",)}, "--trust-remote-code is not allowed; allowed are"),
        ({"args": ("--host", "0.0.0.0")}, "--host is not allowed"),
        ({"args": ("--dtype", "int3")}, "--dtype is 'int3'; it is one of auto, float32"),
        ({"args": ("--max-model-len", "-1")}, "it is a whole number from 16 to 16777216"),
        ({"args": ("--gpu-memory-utilization=2",)}, "it is above 0 and at most 1"),
        ({"args": ("--dtype",)}, "--dtype needs a value"),
        ({"args": ("--enforce-eager=1",)}, "--enforce-eager is a flag and takes no value"),
        ({"args": ("dtype",)}, "argument 'dtype' does not begin with --"),
    ],
)
async def test_a_malformed_request_is_refused_and_changes_nothing(
    models_dir: Path, changes: Any, words: str
) -> None:
    async with hosting(models_dir) as host:
        with pytest.raises(ModelRequestError) as refused:
            await load(host, spec(**changes))
        assert words in str(refused.value)
        assert host.state is ModelState.STOPPED


async def test_a_newer_command_takes_the_place_of_a_load(models_dir: Path) -> None:
    other = TINY_MODELS[1]
    async with hosting(models_dir) as host:
        async with aclosing(host.load(spec())) as first:
            await anext(first)
            async with aclosing(
                host.load(spec(model_id="b", repo=other.repo, commit=other.commit))
            ) as second:
                await anext(second)
                with pytest.raises(ModelReplacedError, match="tiny gave way to a newer command"):
                    await exhaust(first)
                await host.unload()
                with pytest.raises(ModelReplacedError, match="b gave way to a newer command"):
                    await exhaust(second)
        assert host.state is ModelState.STOPPED


async def exhaust(steps: Any) -> None:
    async for _ in steps:
        pass


# --- over gRPC ---


def request(client: Any, wanted: ModelSpec) -> node_pb2.LoadModelRequest:
    return node_pb2.LoadModelRequest(
        generation=client.next(),
        model_id=wanted.model_id,
        hf_repo=wanted.repo,
        hf_commit=wanted.commit,
        args=wanted.args,
    )


async def state_of(client: Any) -> Any:
    return await client.node.GetStatus(node_pb2.GetStatusRequest())


async def test_a_model_loads_once_and_the_death_of_its_process_is_noticed(serving: Any) -> None:
    wanted = spec(args=("--dtype", "float32"))
    steps = [step async for step in serving.node.LoadModel(request(serving, wanted))]
    assert [step.fraction for step in steps] == sorted(step.fraction for step in steps)
    assert steps[-1].ready
    assert steps[-1].bytes > 400_000
    pid = serving.server.models.pid
    other = spec(model_id="b", repo=TINY_MODELS[1].repo, commit=TINY_MODELS[1].commit)
    await serving.node.UnloadModel(node_pb2.UnloadModelRequest(generation=serving.next()))
    assert (await state_of(serving)).state == node_pb2.NODE_STATE_STOPPED
    # The libraries stay for the next model, whichever it is.
    for next_one in (other, wanted):
        loaded = [step async for step in serving.node.LoadModel(request(serving, next_one))]
        assert loaded[-1].ready
        assert serving.server.models.pid == pid
    again = [step async for step in serving.node.LoadModel(request(serving, wanted))]
    assert [step.ready for step in again] == [True]
    assert serving.server.models.pid == pid
    status = await state_of(serving)
    assert (status.state, status.model_id) == (node_pb2.NODE_STATE_INFERENCE, "tiny")
    assert list(status.model_args) == ["--dtype", "float32"]
    os.kill(pid, signal.SIGKILL)
    while (status := await state_of(serving)).state != node_pb2.NODE_STATE_FAILED:
        assert status.state == node_pb2.NODE_STATE_INFERENCE
    assert status.last_error == "the process of tiny ended with -9 while it served"
    generation = serving.next()
    await serving.node.UnloadModel(node_pb2.UnloadModelRequest(generation=generation))
    status = await state_of(serving)
    assert (status.state, status.last_error) == (node_pb2.NODE_STATE_STOPPED, "")
    assert status.generation == generation


async def test_a_round_takes_the_place_of_a_model_and_keeps_it(serving: Any, kit: Any) -> None:
    loading = serving.node.LoadModel(request(serving, spec()))
    steps = aiter(loading)
    await anext(steps)
    while not (pid := serving.server.models.pid):
        await state_of(serving)
    assert (await state_of(serving)).state == node_pb2.NODE_STATE_LOADING
    await serving.open(kit.round())
    # The process was still looking for the weights, and that cannot be interrupted.
    assert serving.server.models.state is ModelState.STOPPED
    assert is_gone(pid)
    with pytest.raises(grpc.aio.AioRpcError, match="tiny gave way to a newer command") as ended:
        await exhaust(steps)
    assert ended.value.code() is grpc.StatusCode.ABORTED
    status = await state_of(serving)
    assert (status.state, status.model_id) == (node_pb2.NODE_STATE_POC_VALIDATING, "")
    with pytest.raises(grpc.aio.AioRpcError, match="a round is open; stop it") as refused:
        await exhaust(serving.node.LoadModel(request(serving, spec())))
    assert refused.value.code() is grpc.StatusCode.ALREADY_EXISTS


async def test_a_model_whose_process_dies_while_it_loads_fails_with_the_reason(
    models_dir: Path,
) -> None:
    async with hosting(models_dir) as host, aclosing(host.load(spec())) as steps:
        async for _ in steps:
            if host.pid:
                break
        os.kill(host.pid, signal.SIGKILL)
        with pytest.raises(ModelFailedError, match="ended with -9 while it was loading"):
            await exhaust(steps)


async def test_a_broker_that_stops_listening_does_not_stop_the_load(serving: Any) -> None:
    call = serving.node.LoadModel(request(serving, spec()))
    await call.read()
    call.cancel()
    assert (await state_of(serving)).state == node_pb2.NODE_STATE_LOADING
    generation = serving.next()
    await serving.node.UnloadModel(node_pb2.UnloadModelRequest(generation=generation))


async def test_errors_of_models_have_their_codes(serving: Any) -> None:
    for wanted, code in (
        (spec(commit="f" * 40), grpc.StatusCode.NOT_FOUND),
        (spec(commit="main"), grpc.StatusCode.INVALID_ARGUMENT),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await exhaust(serving.node.LoadModel(request(serving, wanted)))
        assert refused.value.code() is code
    stale = request(serving, spec())
    serving.next()
    await serving.stop()
    with pytest.raises(grpc.aio.AioRpcError, match="was seen, send at least that"):
        await exhaust(serving.node.LoadModel(stale))


@pytest_asyncio.fixture(loop_scope="package")
async def serving(rough: Any) -> AsyncIterator[Any]:
    """The shared server of few demands, with the tiny models in its folder."""
    make_tiny_models(Path(rough.models_dir))
    yield rough
    generation = rough.next()
    await rough.node.UnloadModel(node_pb2.UnloadModelRequest(generation=generation))
