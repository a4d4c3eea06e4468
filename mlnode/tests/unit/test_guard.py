from dataclasses import replace

import numpy as np
import pytest
from engines import AnyEngine, fp32_engine, int8_engine, weights_of

from mlnode.poc.engines.base import load
from mlnode.poc.engines.guard import check_fingerprint, crosscheck
from mlnode.poc.errors import CrosscheckError, FingerprintError
from mlnode.poc.rounds import Round
from mlnode.poc.tensors import weight_shapes
from mlnode.shard.engine import ShardedEngine


@pytest.fixture(scope="module")
def spare(round_: Round) -> ShardedEngine:
    engine = fp32_engine()
    load(engine, round_)
    return engine


def test_a_sound_batch_is_confirmed_at_every_nonce(
    fast: ShardedEngine, spare: ShardedEngine, nonces: np.ndarray
) -> None:
    for key in (None, b"\x07" * 20):
        came = fast.batch(nonces, key)
        for pick in (0, 1, len(nonces) - 1, len(nonces), 10**9 + 7):
            crosscheck(spare, nonces, came, pick=pick, public_key=key)


@pytest.mark.parametrize("field", ["digests", "dots", "norms", "valid"])
def test_a_nonce_that_differs_in_anything_is_not_confirmed(
    field: str, fast: ShardedEngine, spare: ShardedEngine, nonces: np.ndarray
) -> None:
    came = fast.batch(nonces)
    wrong = getattr(came, field).copy()
    wrong[3] ^= True
    came = replace(came, **{field: wrong})
    crosscheck(spare, nonces, came, pick=2)
    with pytest.raises(CrosscheckError, match=f"fp32 does not confirm nonce {nonces[3]}"):
        crosscheck(spare, nonces, came, pick=3)


def test_an_empty_batch_needs_no_confirmation(fast: ShardedEngine, spare: ShardedEngine) -> None:
    none = np.empty(0, np.uint64)
    crosscheck(spare, none, fast.batch(none), pick=5)


def test_any_flipped_bit_of_a_weight_is_noticed(round_: Round) -> None:
    engine = int8_engine()
    load(engine, round_)
    made = engine.weights_fingerprint()
    check_fingerprint(engine, made)
    generator = np.random.default_rng(1)
    for name in weight_shapes(round_.params):
        flat = weights_of(engine)[name].reshape(-1).view(np.uint8)
        place, bit = generator.integers(flat.size), 1 << generator.integers(8)
        flat[place] ^= np.uint8(bit)
        with pytest.raises(FingerprintError, match="weights of int8"):
            check_fingerprint(engine, made)
        flat[place] ^= np.uint8(bit)
    check_fingerprint(engine, made)


def test_a_flipped_bit_makes_the_batch_fail_its_crosscheck(
    round_: Round, spare: ShardedEngine, nonces: np.ndarray
) -> None:
    engine = int8_engine()
    load(engine, round_)
    weights_of(engine)["layers.0.down"][5, 5] ^= 64
    with pytest.raises(CrosscheckError):
        crosscheck(spare, nonces, engine.batch(nonces), pick=0)


def test_engines_that_may_share_a_network_hash_it_alike(
    round_: Round, spare: ShardedEngine
) -> None:
    engine = int8_engine()
    load(engine, round_)
    assert engine.weights_fingerprint() == spare.weights_fingerprint()


def test_the_network_of_another_round_hashes_otherwise(engine: AnyEngine, round_: Round) -> None:
    load(engine, round_)
    made = engine.weights_fingerprint()
    load(engine, replace(round_, public_key=b"\x07" * 20))
    assert engine.weights_fingerprint() == made
    load(engine, replace(round_, block_hash="5b" * 32))
    assert engine.weights_fingerprint() != made
