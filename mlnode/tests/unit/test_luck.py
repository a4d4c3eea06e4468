"""A nonce is worth the same whatever the block hash and whoever the host, and nothing that
can be known without the forward pass tells a good nonce from another.

Rounds and nonces are fixed: a limit says how unlikely the numbers would be by chance, it does
not make a test fail now and then. The samples of the default run are sized for the minute;
those marked long are the sizes of the specification.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from hashlib import sha256

import numpy as np
import pytest
from engines import MakeEngine, outputs, weights_of
from scipy import stats

from mlnode.poc.decision import decide, r_target_from_fraction
from mlnode.poc.engines.base import load
from mlnode.poc.engines.layers import Arithmetic
from mlnode.poc.exact8 import head_shift
from mlnode.poc.params import MODEL_PARAMS_TEST, PocParams
from mlnode.poc.rounds import Round, new_round
from mlnode.poc.tensors import inputs
from mlnode.shard.engine import ShardedEngine

HASHES = [sha256(f"block {number}".encode()).hexdigest() for number in range(20)]
KEYS = [sha256(f"host {number}".encode()).digest()[:20] for number in range(20)]
# The narrowest network that is legal: the norms that the control ranks by vary most in it.
NARROW = PocParams(
    dim=64,
    n_layers=2,
    n_heads=2,
    n_kv_heads=1,
    vocab_size=256,
    ffn_dim_multiplier=Decimal("0.5"),
    multiple_of=64,
    seq_len=8,
)
CHUNK = 5_000


def even(counts: list[int], size: int) -> float:
    return float(stats.chi2_contingency([counts, [size - count for count in counts]]).pvalue)


def valid_by_hash(round_: Round, size: int, make: MakeEngine) -> list[int]:
    nonces_B, counts = np.arange(size, dtype=np.uint64), list[int]()
    for block_hash in HASHES:
        engine = make()
        load(engine, replace(round_, block_hash=block_hash))
        counts.append(int(np.count_nonzero(engine.batch(nonces_B).valid)))
    return counts


def valid_by_key(fast: ShardedEngine, size: int) -> list[int]:
    nonces_B = np.arange(size, dtype=np.uint64)
    return [int(np.count_nonzero(fast.batch(nonces_B, key).valid)) for key in KEYS]


@pytest.mark.parametrize(
    "size", [1_024, pytest.param(20_000, marks=[pytest.mark.long, pytest.mark.timeout(3600)])]
)
def test_no_block_hash_is_luckier_than_another(
    size: int, round_: Round, quick_engine: MakeEngine
) -> None:
    assert even(valid_by_hash(round_, size, quick_engine), size) > 1e-4


@pytest.mark.parametrize(
    "size", [1_024, pytest.param(20_000, marks=[pytest.mark.long, pytest.mark.timeout(3600)])]
)
def test_no_host_is_luckier_than_another(size: int, fast: ShardedEngine) -> None:
    assert even(valid_by_key(fast, size), size) > 1e-4


def test_the_measure_sees_one_host_with_twice_the_luck() -> None:
    assert even([102] * 20, 1_024) == 1
    assert even([204] + [102] * 19, 1_024) < 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is known of each nonce: without the forward pass, and with it."""

    quantities: dict[str, np.ndarray]
    wrapped_valid: np.ndarray
    linear_cosines: np.ndarray


def sign_masks(nonces_B: np.ndarray, width: int) -> np.ndarray:
    """Returns a public ±1 for each output of each nonce, as the design we left permuted them."""
    return np.stack([np.random.default_rng(int(n)).integers(0, 2, width) * 2 - 1 for n in nonces_B])


def chunks(count: int) -> Iterator[np.ndarray]:
    for first in range(0, count, CHUNK):
        yield np.arange(first, min(first + CHUNK, count), dtype=np.uint64)


def observe(round_: Round, count: int, make: MakeEngine, arithmetic: Arithmetic) -> Seen:
    engine = make()
    load(engine, round_)
    network, params, weights = engine.network, round_.params, weights_of(engine)
    target_V = network.target.values.astype(np.float32)
    head_VD = weights["head"].astype(np.float32)
    through_head_D = target_V @ head_VD
    parts: list[Seen] = []
    for nonces_B in chunks(count):
        x_BSD = inputs(round_, round_.public_key, nonces_B)
        mask_BV = sign_masks(nonces_B, params.vocab_size).astype(np.float32)
        y_BV = outputs(arithmetic, params, weights, x_BSD)
        came = decide(y_BV, head_shift(params), network.target, round_.cq)
        assert np.array_equal(came.digests[:64], engine.batch(nonces_B[:64]).digests)
        wide_BV = y_BV.astype(np.float32)
        linear_B = (mask_BV * wide_BV) @ target_V / np.linalg.norm(wide_BV, axis=1)
        last_BD = x_BSD[:, -1].astype(np.float32)
        quantities = {
            "sum of the input": x_BSD.sum((1, 2), np.int64).astype(np.float32),
            "energy of the last position": np.square(last_BD).sum(1),
            "last position through head and target": last_BD @ through_head_D,
            "its magnitude": np.abs(last_BD @ through_head_D),
            "masked target through the head": np.linalg.norm(
                (mask_BV * target_V) @ head_VD, axis=1
            ),
        }
        parts.append(Seen(quantities=quantities, wrapped_valid=came.valid, linear_cosines=linear_B))
    return Seen(
        quantities={
            name: np.concatenate([part.quantities[name] for part in parts])
            for name in parts[0].quantities
        },
        wrapped_valid=np.concatenate([part.wrapped_valid for part in parts]),
        linear_cosines=np.concatenate([part.linear_cosines for part in parts]),
    )


def excess(valid_B: np.ndarray, quantity_B: np.ndarray) -> float:
    """Returns how far the top tenth's valid nonces are from chance, in standard deviations."""
    top_B = np.argsort(-quantity_B, kind="stable")[: len(quantity_B) // 10]
    rate = float(np.mean(valid_B))
    expected = rate * len(top_B)
    deviation = np.sqrt(expected * (1 - rate) * 0.9)
    return float((np.count_nonzero(valid_B[top_B]) - expected) / deviation)


SIZES: list[object] = [
    pytest.param(NARROW, id="narrow"),
    pytest.param(MODEL_PARAMS_TEST, id="test", marks=[pytest.mark.long, pytest.mark.timeout(3600)]),
]


@pytest.fixture(scope="module", params=SIZES)
def seen(
    request: pytest.FixtureRequest, quick_engine: MakeEngine, quick_arithmetic: Arithmetic
) -> Seen:
    params: PocParams = request.param
    round_ = new_round(block_hash="5a" * 32, public_key=KEYS[0], params=params)
    return observe(round_, 100_000, quick_engine, quick_arithmetic)


def test_the_top_tenth_by_what_is_free_to_know_holds_the_base_rate(seen: Seen) -> None:
    for name, quantity_B in seen.quantities.items():
        assert abs(excess(seen.wrapped_valid, quantity_B)) < 4, name


def test_behind_a_linear_head_the_same_measure_finds_better_nonces(seen: Seen) -> None:
    quantity_B = seen.quantities["masked target through the head"]
    for share in (0.1, 0.01478):
        valid_B = seen.linear_cosines > np.quantile(seen.linear_cosines, 1 - share)
        assert excess(valid_B, quantity_B) > 4, share


def test_the_share_of_valid_nonces_is_p_in_the_narrowest_network(quick_engine: MakeEngine) -> None:
    round_ = new_round(block_hash="5a" * 32, public_key=KEYS[1], params=NARROW)
    assert round_.r_target == r_target_from_fraction(0.1, 256)
    engine = quick_engine()
    load(engine, round_)
    valid = sum(int(np.count_nonzero(engine.batch(part).valid)) for part in chunks(50_000))
    # Four standard errors.
    assert valid / 50_000 == pytest.approx(0.1, abs=0.0054)
