"""Guards against a machine that fails while it proves: a flipped bit makes most claims wrong.

Axes: B nonces of a batch.
"""

from typing import Protocol

import numpy as np

from mlnode.poc.arrays import U64
from mlnode.poc.decision import Decisions
from mlnode.poc.engines.base import Engine
from mlnode.poc.errors import CrosscheckError, FingerprintError


class Hashing(Protocol):
    """What of an engine a fingerprint is taken."""

    @property
    def name(self) -> str:
        """See ``base.Engine``."""
        ...

    def weights_fingerprint(self) -> bytes:
        """See ``base.Engine``."""
        ...


def crosscheck(
    other: Engine, nonces_B: U64, came: Decisions, *, pick: int, public_key: bytes | None = None
) -> None:
    """Recomputes one nonce of a batch through another engine, which stands in the same round.

    Args:
        other: not the engine that made the batch; best with weights of its own.
        nonces_B, came: the batch and what it came to.
        pick: which nonce, modulo the size of the batch; let it vary.
        public_key: the host, as the batch was asked.

    Raises:
        CrosscheckError: they differ; the batch must not be claimed.
    """
    if not len(nonces_B):
        return
    row = pick % len(nonces_B)
    again = other.batch(nonces_B[row : row + 1], public_key)
    same = (
        np.array_equal(again.digests[0], came.digests[row])
        and again.dots[0] == came.dots[row]
        and again.norms[0] == came.norms[row]
        and again.valid[0] == came.valid[row]
    )
    if not same:
        raise CrosscheckError(f"{other.name} does not confirm nonce {nonces_B[row]}")


def check_fingerprint(engine: Hashing, expected: bytes) -> None:
    """Hashes the weights again and compares with the fingerprint taken when they were made.

    Raises:
        FingerprintError: they have changed; nothing since the last good check may be claimed.
    """
    found = engine.weights_fingerprint()
    if found != expected:
        raise FingerprintError(
            f"weights of {engine.name} hash to {found.hex()[:16]}…, not {expected.hex()[:16]}…"
        )
