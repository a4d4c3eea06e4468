"""Engines that fail in one way each; a worker imports these functions by name."""

import os
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from typing_extensions import override

from mlnode.poc.arrays import U64
from mlnode.poc.decision import Decisions
from mlnode.poc.engines.base import LoadProgress
from mlnode.poc.engines.exact import ExactEngine
from mlnode.poc.engines.reference import ReferenceKernel
from mlnode.poc.rounds import Round

# Where a batch of four begins, of the second of three nodes.
WRONG_FROM = 997


class WrongLater(ExactEngine):
    """Digests of nonces from some number on are of nothing."""

    @override
    def batch(self, nonces_B: U64, public_key: bytes | None = None) -> Decisions:
        came = super().batch(nonces_B, public_key)
        wrong_B = (nonces_B >= WRONG_FROM) & (nonces_B < 2**32 - 1)
        return replace(came, digests=np.where(wrong_B[:, None], 0, came.digests).astype(np.uint8))


class FlipsABitOnce(ExactEngine):
    """The first network that is not of the self-test loses a bit after its fingerprint."""

    flipped = False

    @override
    def weights_fingerprint(self) -> bytes:
        before = super().weights_fingerprint()
        if not self.flipped:
            self.flipped = True
            self.network.weights["head"][0, 0] ^= 1
        return before


class Dies(ExactEngine):
    """The process ends as soon as a round is loaded that is not the self-test's."""

    @override
    def start(self, round_: Round) -> Iterator[LoadProgress]:
        if round_.params.n_layers == 3:
            os._exit(7)
        return super().start(round_)


class Inexact(ExactEngine):
    """Every digest is off by a bit."""

    @override
    def batch(self, nonces_B: U64, public_key: bytes | None = None) -> Decisions:
        came = super().batch(nonces_B, public_key)
        return replace(came, digests=came.digests ^ 1)


def inexact(_: str) -> tuple[ExactEngine, ...]:
    return (Inexact("inexact", ReferenceKernel()),)


def wrong_later(name: str) -> tuple[ExactEngine, ...]:
    return WrongLater(name, ReferenceKernel()), ExactEngine("spare", ReferenceKernel())


def flips_a_bit_once(_: str) -> tuple[ExactEngine, ...]:
    return (FlipsABitOnce("flips", ReferenceKernel()),)


def dies(_: str) -> tuple[ExactEngine, ...]:
    return (Dies("dies", ReferenceKernel()),)
