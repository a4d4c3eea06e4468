"""From a decoder's last hidden state to a distance (docs/spec/poc-served.md, "Tail").

Axes: B nonces, D width, V outputs.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mlnode.poc.arrays import F64, U8
from mlnode.poc.served.gpu_random import (
    compute_distances,
    generate_permutations,
    generate_target,
    random_matrix,
)

POC_OUTPUT_DIM = 8_192
"""Outputs V of the random head, whatever the vocabulary of the model."""


class Tail:
    """The random head and the target of a round. The model's own head is not looked at."""

    def __init__(self, block_hash: str, width: int, device: torch.device) -> None:
        """Makes both, in float32.

        Args:
            width: of the model's hidden state.
            device: where the model's last hidden state lies.
        """
        self._block_hash = block_hash
        self.head_VD = random_matrix(
            f"{block_hash}_head", POC_OUTPUT_DIM, width, device, torch.float32
        )
        self.target_V = generate_target(block_hash, POC_OUTPUT_DIM, device, torch.float32)

    def outputs(self, hidden_BD: Tensor) -> Tensor:
        """Returns the output of each nonce, float32 [B, V]."""
        return hidden_BD.to(torch.float32) @ self.head_VD.t()

    def distances(self, y_BV: Tensor, public_key: bytes, nonces: Sequence[int]) -> F64:
        """Returns the distance of each unit output from the target, float64 [B], 0 … 2.

        Every nonce has its outputs in an order of its own: what the hidden states of a model
        have in common is then near to the target for some nonces and far for others, and not
        for a whole round.

        Args:
            public_key: account address of the host.
            nonces: of the rows.
        """
        order_BV = generate_permutations(
            self._block_hash, public_key.hex(), nonces, POC_OUTPUT_DIM, y_BV.device
        )
        return compute_distances(y_BV, order_BV, self.target_V).cpu().numpy()


def digests(y_BV: Tensor) -> U8:
    """Returns SHA-256 of each row as little-endian float32, uint8 [B, 32].

    It tells two runs of one machine apart; between machines the last bits differ.
    """
    rows_BV = np.ascontiguousarray(y_BV.cpu().numpy(), dtype="<f4")
    raw = b"".join(hashlib.sha256(row.data).digest() for row in rows_BV)
    return np.frombuffer(raw, np.uint8).reshape(len(rows_BV), 32)
