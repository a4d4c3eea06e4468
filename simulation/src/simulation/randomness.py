"""One Philox stream per purpose, keyed by scenario, point and replica.

So the number of workers cannot change a result, and two scenarios that are compared draw the
same nonces, faults and demand.
"""

import hashlib
from dataclasses import dataclass

import numpy as np

_PURPOSES = ("sizes", "nonces", "faults", "demand", "juries", "samples")


@dataclass(frozen=True, slots=True, kw_only=True)
class Streams:
    """The generators of one run."""

    sizes: np.random.Generator
    nonces: np.random.Generator
    faults: np.random.Generator
    demand: np.random.Generator
    juries: np.random.Generator
    samples: np.random.Generator


def streams(seed: int, replica: int) -> Streams:
    """The streams of a replica. What is compared shares seed and replica, and so its chance."""
    return Streams(**{purpose: _generator(seed, replica, purpose) for purpose in _PURPOSES})


def _generator(seed: int, replica: int, purpose: str) -> np.random.Generator:
    digest = hashlib.sha256(f"{seed}/{replica}/{purpose}".encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "big")))


def block_hash(seed: int, replica: int, epoch: int) -> bytes:
    """A block's hash, for draws that are the chain's own."""
    return hashlib.sha256(f"block/{seed}/{replica}/{epoch}".encode()).digest()
