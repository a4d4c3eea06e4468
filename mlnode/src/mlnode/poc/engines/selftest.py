"""What an engine must get right before it may prove anything on this machine.

Libraries choose their kernels by CPU, and some are inexact on some: AVX2 without VNNI adds
pairs of int8 products in saturating int16. So nothing is trusted that was not tried here.

Axes: R rows, N columns and K depth of a product; P patterns; B nonces.
"""

import numpy as np

from mlnode.poc.arrays import F64, I8, I64
from mlnode.poc.engines.base import Engine, load
from mlnode.poc.errors import SelfTestError
from mlnode.poc.golden import golden_round

# Of proto/vectors/exact8.json, which an installed package does not carry; a test compares.
KNOWN_DIGESTS = {
    0: "09c44929010b6c0909bf25d2adba3c3504f384f4e98bac712a6c39ce3ba685ca",
    1: "b2349e2cdd11bbe73a728f3009990c500a15110d0a04f2a613633bb2de4e0277",
    2: "95207cd99ab8246c97604244704e27b9afd24687c44f797939f1bd87b77abb00",
    2**32: "44e0f918d14f0cec2ef150682797678f26e16dbc4a4151801a7cc4f278757a6d",
    2**63 - 1: "f58059ccfbf8d4b02b863da5508199f92e4988e358fd64b5e7c1bc8319f7408d",
}
# One block of fp32's exact integers and its borders, and sums far beyond 2²⁴.
_WORST_DEPTHS = (64, 1_023, 1_024, 1_025, 8_192)
_REPEATS = 16
_RANDOM_SIDE = 1_024
_RANDOM_DEPTH = 512
_SEED = 8


def self_test(engine: Engine) -> None:
    """Puts an engine through every test; it holds no round afterwards.

    Raises:
        SelfTestError: says which test failed, and on how much of it.
    """
    try:
        _golden_digests(engine)
    finally:
        engine.stop()
    for depth in _WORST_DEPTHS:
        x_PK, w_PK = _worst_patterns(depth)
        # Repeated, because a library's main loop only sees matrices of some size.
        _same_products(engine, np.repeat(x_PK, _REPEATS, 0), np.repeat(w_PK, _REPEATS, 0))
    generator = np.random.default_rng(_SEED)
    shape = (_RANDOM_SIDE, _RANDOM_DEPTH)
    x_RK = generator.integers(-128, 128, shape, np.int8)
    w_NK = generator.integers(-127, 128, shape, np.int8)
    _same_products(engine, x_RK, w_NK)


def _golden_digests(engine: Engine) -> None:
    load(engine, golden_round())
    came = engine.batch(np.array(list(KNOWN_DIGESTS), np.uint64))
    for digest, (nonce, known) in zip(came.digests, KNOWN_DIGESTS.items(), strict=True):
        if digest.tobytes().hex() != known:
            raise SelfTestError(f"{engine.name}: wrong digest of golden nonce {nonce}")


def _worst_patterns(depth: int) -> tuple[I8, I8]:
    """Returns the rows that drive sums furthest and make neighbours cancel, int8 [P, K]."""
    k = np.arange(depth)
    low, high, odd = np.full(depth, -128), np.full(depth, 127), k % 2 == 1
    pairs = np.where(k % 4 < 2, low, high)
    x_PK = [low, high, np.where(odd, low, high), np.where(odd, high, low), pairs]
    w_PK = [np.maximum(row_K, -127) for row_K in x_PK]
    return np.array(x_PK, np.int8), np.array(w_PK, np.int8)


def _same_products(engine: Engine, x_RK: I8, w_NK: I8) -> None:
    # Products of integers below 2⁵³ are exact in float64, and its product is fast everywhere.
    wanted_RN: F64 = x_RK.astype(np.float64) @ w_NK.astype(np.float64).T
    came_RN: I64 = engine.dot(x_RK, w_NK)
    wrong = int(np.count_nonzero(came_RN != wanted_RN))
    if wrong:
        raise SelfTestError(
            f"{engine.name}: {wrong} of {wanted_RN.size} products wrong at depth {x_RK.shape[1]}"
        )
