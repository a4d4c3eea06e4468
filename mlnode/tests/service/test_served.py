"""A round through a model, over a real server and a real worker."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import torch
from ninefold_proto.mlnode.v1 import poc_pb2

from mlnode.bench.trained import RECIPES, new_model, quick
from mlnode.poc.engines.base import load
from mlnode.poc.params import MODEL_PARAMS_TEST
from mlnode.poc.rounds import Round, new_round
from mlnode.poc.served.engine import ServedEngine
from mlnode.service.config import Config

# The worker loads PyTorch and Transformers.
pytestmark = pytest.mark.long

KEY, MODEL = bytes(range(20)), "ninefold/tiny"


@pytest.fixture
def model(tmp_path: Path) -> Any:
    """The model of the round, which lies where the server looks."""
    made = new_model(quick(RECIPES[0]), torch.Generator().manual_seed(3)).eval()
    made.save_pretrained(tmp_path / "models" / MODEL / ("1" * 40))
    return made


@pytest.fixture
def served(tmp_path: Path, config: Config) -> Config:
    """A server that knows the folder of models."""
    return replace(config, poc=replace(config.poc, models_dir=str(tmp_path / "models")))


def served_round(**changes: Any) -> Round:
    return new_round(
        kind="SERVED_MODEL",
        block_hash="6b" * 32,
        public_key=KEY,
        params=MODEL_PARAMS_TEST,
        **{"model_id": MODEL, **changes},
    )


async def test_every_nonce_is_sent_with_the_distance_that_a_verifier_finds(
    running: Any, served: Config, model: Any
) -> None:
    round_ = served_round()
    engine = ServedEngine(lambda _: model)
    load(engine, round_)
    async with running(served) as client:
        said = await client.open(round_)
        assert said[-1].ready
        stream = client.stream()
        batches = [r.batch for r in await stream.take(3, acknowledge=True)]
        nonces = [nonce for batch in batches for nonce in batch.nonces]
        # Every nonce of the walked range, whatever its distance.
        assert nonces == list(range(len(nonces)))
        assert len(nonces) == sum(batches[-1].lane_next)
        wanted = engine.batch(np.array(nonces, np.uint64)).distances
        came = np.array([d for batch in batches for d in batch.distances])
        # Another process, and batches of another size.
        assert np.abs(came - wanted).max() < 1e-6
        stream.half_close()
        await stream.rest()

        other = bytes(20)

        async def asked() -> AsyncIterator[Any]:
            yield poc_pb2.ValidateRequest(request_id=1, public_key=other, nonces=[5, 3])

        answers = [answer async for answer in client.poc.Validate(asked())]
        found = engine.batch(np.array([5, 3], np.uint64), other).distances
        assert np.abs(np.array(answers[0].distances) - found).max() < 1e-6
        assert (await client.status()).round.model_id == MODEL
        await client.stop(end_round=True)

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.open(served_round(model_id="ninefold/none"))
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
        assert "ninefold/none" in refused.value.details()
        await client.stop(end_round=True)

        exact = new_round(block_hash="6b" * 32, public_key=KEY, params=MODEL_PARAMS_TEST)
        assert (await client.open(exact))[-1].ready
