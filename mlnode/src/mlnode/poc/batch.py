"""A batch of proofs as it leaves a node (docs/spec/poc.md, "Batches").

Axes: B nonces of the batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from mlnode.poc.arrays import F64, U64, Bool
from mlnode.poc.errors import BatchError, MixedRoundsError, UnequalLengthsError


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ProofBatch:
    """Nonces of one node in one round, with what they came to.

    The arrays are copied and frozen: a batch that was handed over does not change.

    Attributes:
        public_key: 20-byte account address of the host.
        block_hash: challenge of the round, 64 hexadecimal digits.
        block_height: height of the block with that hash.
        node_index: rank of the node in the host's fleet.
        nonces: uint64 [B].
        distances: float64 [B], for reports.
        valid: bool [B], the decisions.
        lane_next: how far each lane has come: all its steps below this have been walked.
            Also told by a batch without a valid nonce.

    Raises:
        UnequalLengthsError: an array has not one entry for each nonce.
        BatchError: a lane has a negative step.
    """

    public_key: bytes
    block_hash: str
    block_height: int
    node_index: int
    nonces: U64
    distances: F64
    valid: Bool
    lane_next: tuple[int, ...]

    def __post_init__(self) -> None:
        self._freeze("nonces", self.nonces, np.uint64)
        self._freeze("distances", self.distances, np.float64)
        self._freeze("valid", self.valid, np.bool_)
        for name in ("distances", "valid"):
            size = len(getattr(self, name))
            if size != len(self.nonces):
                raise UnequalLengthsError(
                    f"{name} has {size} entries for {len(self.nonces)} nonces"
                )
        if any(k < 0 for k in self.lane_next):
            raise BatchError(f"lane_next = {self.lane_next}: steps are 0 or more")

    def __len__(self) -> int:
        return len(self.nonces)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ProofBatch):
            return NotImplemented
        return (
            _origin(self) == _origin(other)
            and self.lane_next == other.lane_next
            and np.array_equal(self.nonces, other.nonces)
            and np.array_equal(self.distances, other.distances)
            and np.array_equal(self.valid, other.valid)
        )

    __hash__ = None  # pyright: ignore[reportAssignmentType]

    def sub_batch(self) -> "ProofBatch":
        """Returns the valid nonces, by decision; how far the lanes have come stays."""
        return self._pick(self.valid)

    def sort_by_nonce(self) -> "ProofBatch":
        """Returns the same proofs in increasing order of nonce."""
        return self._pick(np.argsort(self.nonces, kind="stable"))

    def split(self, size: int) -> list["ProofBatch"]:
        """Returns parts of at most ``size`` nonces, in order, of which merging makes the whole.

        Only the last part says how far the lanes have come; the others say zero. To
        acknowledge an earlier part then never acknowledges nonces of a later one.

        Raises:
            BatchError: size is below 1.
        """
        if size < 1:
            raise BatchError(f"size = {size}: a part holds 1 nonce or more")
        starts = range(0, max(len(self), 1), size)
        parts = [self._pick(slice(start, start + size)) for start in starts]
        unwalked = (0,) * len(self.lane_next)
        return [replace(part, lane_next=unwalked) for part in parts[:-1]] + parts[-1:]

    def _pick(self, where: Bool | NDArray[np.intp] | slice) -> "ProofBatch":
        return replace(
            self,
            nonces=self.nonces[where],
            distances=self.distances[where],
            valid=self.valid[where],
        )

    def _freeze(self, name: str, values: ArrayLike, dtype: DTypeLike) -> None:
        array = np.array(values, dtype)
        if array.ndim != 1:
            raise UnequalLengthsError(f"{name} has {array.ndim} axes, one is wanted")
        array.flags.writeable = False
        object.__setattr__(self, name, array)


def merge(batches: Sequence[ProofBatch]) -> ProofBatch:
    """Returns one batch of all proofs, in the order given, at the furthest step of each lane.

    Raises:
        BatchError: there is nothing to merge.
        MixedRoundsError: the batches are not of one host, node and round.
    """
    if not batches:
        raise BatchError("nothing to merge")
    first = batches[0]
    for other in batches[1:]:
        if _origin(other) != _origin(first):
            raise MixedRoundsError(f"{_origin(other)} cannot join {_origin(first)}")
    return replace(
        first,
        nonces=np.concatenate([batch.nonces for batch in batches]),
        distances=np.concatenate([batch.distances for batch in batches]),
        valid=np.concatenate([batch.valid for batch in batches]),
        lane_next=tuple(map(max, zip(*(batch.lane_next for batch in batches), strict=True))),
    )


def _origin(batch: ProofBatch) -> tuple[str, str, int, int, int]:
    key, lanes = batch.public_key.hex(), len(batch.lane_next)
    return key, batch.block_hash, batch.block_height, batch.node_index, lanes
