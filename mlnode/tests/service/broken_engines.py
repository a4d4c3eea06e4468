"""Engines that fail in one way each; a worker imports these functions by name."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from typing_extensions import override

from mlnode.poc.arrays import U64
from mlnode.poc.decision import Decisions
from mlnode.poc.engines.base import LoadProgress
from mlnode.poc.engines.reference import ReferenceEngine
from mlnode.poc.rounds import Round

# Where a batch of four begins, of the second of three nodes.
WRONG_FROM = 97
LOST_FROM = 97


class WrongLater(ReferenceEngine):
    """Digests of nonces from some number on are of nothing."""

    @override
    def batch(self, nonces_B: U64, public_key: bytes | None = None) -> Decisions:
        came = super().batch(nonces_B, public_key)
        wrong_B = (nonces_B >= WRONG_FROM) & (nonces_B < 2**32 - 1)
        return replace(came, digests=np.where(wrong_B[:, None], 0, came.digests).astype(np.uint8))


class FlipsABitOnce(ReferenceEngine):
    """The first network that is not of the self-test loses a bit after its fingerprint."""

    flipped = False

    @override
    def weights_fingerprint(self) -> bytes:
        before = super().weights_fingerprint()
        if not self.flipped:
            self.flipped = True
            self.network.weights["head"][0, 0] ^= 1
        return before


class FlipsABitInMidWalk(ReferenceEngine):
    """The network of the first walk loses a bit behind its first batches."""

    flipped = False

    @override
    def batch(self, nonces_B: U64, public_key: bytes | None = None) -> Decisions:
        if not self.flipped and np.any((nonces_B >= WRONG_FROM) & (nonces_B < 2**32 - 1)):
            self.flipped = True
            self.network.weights["head"][0, 0] ^= 1
        return super().batch(nonces_B, public_key)


class Dies(ReferenceEngine):
    """The process ends as soon as a round is loaded that is not the self-test's."""

    @override
    def start(self, round_: Round) -> Iterator[LoadProgress]:
        if round_.params.n_layers == 3:
            os._exit(7)
        return super().start(round_)


class AcceleratorError(RuntimeError):
    """Named as PyTorch's error of a device that fails."""


class LosesItsDevice(ReferenceEngine):
    """The device is lost in the middle of the first walk of each process."""

    @override
    def batch(self, nonces_B: U64, public_key: bytes | None = None) -> Decisions:
        if np.any((nonces_B >= LOST_FROM) & (nonces_B < LOST_FROM + 12)) and not _tried():
            raise AcceleratorError("CUDA error: the device fell off the bus")
        return super().batch(nonces_B, public_key)


def _tried() -> bool:
    """Whether a process before this one has lost the device; the service's folder remembers."""
    try:
        Path(os.environ["LOST_DEVICE"]).touch(exist_ok=False)
    except FileExistsError:
        return True
    return False


class Inexact(ReferenceEngine):
    """Every digest is off by a bit."""

    @override
    def batch(self, nonces_B: U64, public_key: bytes | None = None) -> Decisions:
        came = super().batch(nonces_B, public_key)
        return replace(came, digests=came.digests ^ 1)


def inexact(_: str, __: tuple[str, ...]) -> tuple[ReferenceEngine, ...]:
    return (Inexact("inexact"),)


def inexact_until_mended(name: str, _: tuple[str, ...]) -> tuple[ReferenceEngine, ...]:
    # Somebody mends the machine while its process goes on.
    mended = Path(os.environ["MENDED"]).exists()
    return (ReferenceEngine(name) if mended else Inexact("inexact"),)


def wrong_later(name: str, _: tuple[str, ...]) -> tuple[ReferenceEngine, ...]:
    return WrongLater(name), ReferenceEngine("spare")


def flips_a_bit_once(_: str, __: tuple[str, ...]) -> tuple[ReferenceEngine, ...]:
    return (FlipsABitOnce("flips"),)


def flips_a_bit_in_mid_walk(name: str, _: tuple[str, ...]) -> tuple[ReferenceEngine, ...]:
    # The second engine shares the weights: it confirms what was made of changed ones.
    return FlipsABitInMidWalk(name), ReferenceEngine("spare")


def dies(_: str, __: tuple[str, ...]) -> tuple[ReferenceEngine, ...]:
    return (Dies("dies"),)


def loses_its_device(_: str, __: tuple[str, ...]) -> tuple[ReferenceEngine, ...]:
    return (LosesItsDevice("lost"),)


def cannot_be_imported(_: str, __: tuple[str, ...]) -> tuple[ReferenceEngine, ...]:
    raise ImportError("libcuda.so.1: cannot open shared object file")
