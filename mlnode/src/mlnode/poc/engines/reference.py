"""The kernel that is the definition: plain int64 NumPy, one nonce at a time.

Axes: B nonces, S positions, D width, V outputs, R rows, N columns and K depth of a product.
"""

from collections.abc import Mapping

import numpy as np

from mlnode.poc.arrays import I8, I32, I64
from mlnode.poc.exact8 import forward
from mlnode.poc.params import PocParams


class ReferenceKernel:
    """See ``exact.Kernel``."""

    def __init__(self) -> None:
        self._params: PocParams | None = None
        self._weights: Mapping[str, I8] = {}

    def load(self, params: PocParams, weights: Mapping[str, I8]) -> None:
        self._params, self._weights = params, weights

    def outputs(self, x_BSD: I8) -> I32:
        if self._params is None:
            raise RuntimeError("no weights are loaded")
        y_BV = np.empty((len(x_BSD), self._params.vocab_size), np.int32)
        for nonce, x_SD in enumerate(x_BSD):
            y_BV[nonce] = forward(self._weights, x_SD, self._params)
        return y_BV

    def dot(self, x_RK: I8, w_NK: I8) -> I64:
        return x_RK.astype(np.int64) @ w_NK.astype(np.int64).T

    def unload(self) -> None:
        self._params, self._weights = None, {}
