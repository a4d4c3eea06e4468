"""The engine that is the definition: plain int64 NumPy, one nonce at a time.

Axes: B nonces, V outputs, R rows, N columns and K depth of a product.
"""

from collections.abc import Iterator
from time import process_time

import numpy as np

from mlnode.poc.arrays import I8, I64, U64
from mlnode.poc.decision import Decisions, decide
from mlnode.poc.engines.base import LoadProgress
from mlnode.poc.engines.weights import Network, fingerprint, generate, network_origin
from mlnode.poc.errors import NotStartedError
from mlnode.poc.exact8 import forward, head_shift
from mlnode.poc.rounds import Round, check_public_key
from mlnode.poc.tensors import inputs

# It is as fast with a few dozen; a batch's inputs lie in memory beside the weights.
_LARGEST_BATCH = 256


class ReferenceEngine:
    """See ``base.SharingEngine`` for the contract; needs no PyTorch."""

    def __init__(self, name: str = "numpy") -> None:
        self._name = name
        self._round: Round | None = None
        self._network: Network | None = None

    @property
    def name(self) -> str:
        return self._name

    @property
    def largest_batch(self) -> int:
        return _LARGEST_BATCH if self._network is not None else 0

    def dense_rate(self) -> float:
        return 0.0

    @property
    def network(self) -> Network:
        """The network that stands, to be shared with another engine of this process."""
        return self._standing()[1]

    def work_clock(self) -> float:
        return process_time()

    def start(self, round_: Round) -> Iterator[LoadProgress]:
        if self._network is None or self._network.origin != network_origin(round_):
            self.stop()
            network = yield from generate(round_)
            self.adopt(round_, network)
        self._round = round_

    def adopt(self, round_: Round, network: Network) -> None:
        """Starts a round on a network that another engine generated.

        Raises:
            ValueError: it is the network of another round.
        """
        if network.origin != network_origin(round_):
            raise ValueError("the network is of another round")
        self._network, self._round = network, round_

    def foresee(self, nonces_B: U64, public_key: bytes | None = None) -> None:
        """Makes nothing ahead: this is the engine to compare others with."""

    def batch(self, nonces_B: U64, public_key: bytes | None = None) -> Decisions:
        round_, network = self._standing()
        key = round_.public_key if public_key is None else public_key
        check_public_key(key)
        params = round_.params
        y_BV = np.empty((len(nonces_B), params.vocab_size), np.int32)
        for row, x_SD in enumerate(inputs(round_, key, nonces_B)):
            y_BV[row] = forward(network.weights, x_SD, params)
        bits = head_shift(params)
        return decide(y_BV, bits, network.target, round_.cq, all_valid=round_.all_valid)

    def dot(self, x_RK: I8, w_NK: I8) -> I64:
        return x_RK.astype(np.int64) @ w_NK.astype(np.int64).T

    def weights_fingerprint(self) -> bytes:
        return fingerprint(self._standing()[1])

    def stop(self) -> None:
        self._round = self._network = None

    def _standing(self) -> tuple[Round, Network]:
        if self._round is None or self._network is None:
            raise NotStartedError(f"engine {self._name} holds no round")
        return self._round, self._network
