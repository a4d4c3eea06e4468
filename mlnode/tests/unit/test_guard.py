from dataclasses import replace

import numpy as np
import pytest

from mlnode.poc.engines.base import load
from mlnode.poc.engines.cpu import fp32_engine, int8_engine
from mlnode.poc.engines.exact import ExactEngine
from mlnode.poc.engines.guard import check_fingerprint, crosscheck
from mlnode.poc.errors import CrosscheckError, FingerprintError
from mlnode.poc.rounds import Round
from mlnode.poc.tensors import weight_shapes


@pytest.fixture(scope="module")
def spare(round_: Round) -> ExactEngine:
    engine = fp32_engine()
    load(engine, round_)
    return engine


def test_a_sound_batch_is_confirmed_at_every_nonce(
    fast: ExactEngine, spare: ExactEngine, nonces: np.ndarray
) -> None:
    for key in (None, b"\x07" * 20):
        came = fast.batch(nonces, key)
        for pick in (0, 1, len(nonces) - 1, len(nonces), 10**9 + 7):
            crosscheck(spare, nonces, came, pick=pick, public_key=key)


@pytest.mark.parametrize("field", ["digests", "dots", "norms", "valid"])
def test_a_nonce_that_differs_in_anything_is_not_confirmed(
    field: str, fast: ExactEngine, spare: ExactEngine, nonces: np.ndarray
) -> None:
    came = fast.batch(nonces)
    wrong = getattr(came, field).copy()
    wrong[3] ^= True
    came = replace(came, **{field: wrong})
    crosscheck(spare, nonces, came, pick=2)
    with pytest.raises(CrosscheckError, match=f"fp32 does not confirm nonce {nonces[3]}"):
        crosscheck(spare, nonces, came, pick=3)


def test_an_empty_batch_needs_no_confirmation(fast: ExactEngine, spare: ExactEngine) -> None:
    none = np.empty(0, np.uint64)
    crosscheck(spare, none, fast.batch(none), pick=5)


def test_any_flipped_bit_of_a_weight_is_noticed(round_: Round) -> None:
    engine = int8_engine()
    load(engine, round_)
    made = engine.weights_fingerprint()
    check_fingerprint(engine, made)
    generator = np.random.default_rng(1)
    for name in weight_shapes(round_.params):
        flat = engine.network.weights[name].reshape(-1).view(np.uint8)
        place, bit = generator.integers(flat.size), 1 << generator.integers(8)
        flat[place] ^= np.uint8(bit)
        with pytest.raises(FingerprintError, match="weights of int8"):
            check_fingerprint(engine, made)
        flat[place] ^= np.uint8(bit)
    check_fingerprint(engine, made)


def test_a_flipped_bit_makes_the_batch_fail_its_crosscheck(
    round_: Round, spare: ExactEngine, nonces: np.ndarray
) -> None:
    engine = int8_engine()
    load(engine, round_)
    engine.network.weights["layers.0.down"][5, 5] ^= 64
    with pytest.raises(CrosscheckError):
        crosscheck(spare, nonces, engine.batch(nonces), pick=0)


def test_every_engine_hashes_a_network_alike_and_other_rounds_otherwise(
    engine: ExactEngine, fast: ExactEngine, round_: Round
) -> None:
    load(engine, round_)
    assert engine.weights_fingerprint() == fast.weights_fingerprint()
    load(engine, replace(round_, block_hash="5b" * 32))
    assert engine.weights_fingerprint() != fast.weights_fingerprint()
