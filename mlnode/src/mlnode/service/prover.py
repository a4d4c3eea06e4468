"""One group's engine with everything that guards its results.

Axes: B nonces of a batch.
"""

import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from mlnode.poc.arrays import U64
from mlnode.poc.decision import Decisions
from mlnode.poc.engines.base import LoadProgress, SharingEngine
from mlnode.poc.engines.guard import check_fingerprint, crosscheck
from mlnode.poc.engines.selection import select_engine
from mlnode.poc.engines.sizing import find_batch_size
from mlnode.poc.rounds import Round

_REHASH_S = 60.0
# Beyond every lane: what is tried out here is not walked.
_TRIAL_NONCE = 2**62


class Prover:
    """Computes batches of the round that stands; refuses what it cannot vouch for."""

    def __init__(
        self,
        engines: Sequence[SharingEngine],
        *,
        prefer: str = "",
        batch_size: int = 0,
        check_each: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Try the engines and choose.

        Args:
            engines: to choose from.
            prefer: name of the one to use, if it is exact; empty for the fastest.
            batch_size: nonces of a batch; 0 for as many as take a quarter of a second, and no
                more than are worth it, and fit into the memory.
            check_each: recompute one nonce of each batch through a second engine.
            clock: seconds from any origin.

        Raises:
            NoEngineError: none is exact on this machine.
        """
        selection = select_engine(engines)
        passed = [selection.engine, *selection.spare]
        # Sorting is stable: the others stay in order of speed.
        passed.sort(key=lambda engine: engine.name != prefer)
        self._engine = passed[0]
        self._spare = passed[1] if passed[1:] and check_each else None
        self._wanted_size = batch_size
        self._clock = clock
        self._fingerprint = b""
        self._hashed_at = 0.0
        self._batches = 0
        self.engines = tuple(e.name for e in passed)
        self.summary = selection.summary
        self.dense = self._engine.dense_rate()
        self.batch_size = batch_size

    def load(self, round_: Round) -> Iterator[LoadProgress]:
        """Derive the round's network, unless it stands; loaded when the iterator is exhausted."""
        if self._spare is not None:
            # What it shares with the engine must be free before another network is made.
            self._spare.stop()
        yield from self._engine.start(round_)
        if self._spare is not None:
            # It shares the weights: a second copy would double the memory, and the re-hash
            # watches over the first.
            self._spare.adopt(round_, self._engine.network)
        self._fingerprint = self._engine.weights_fingerprint()
        self._hashed_at = self._clock()
        self.batch_size = self._wanted_size or find_batch_size(
            self._time_batch, self._engine.largest_batch
        )

    def batch(
        self, nonces_B: U64, public_key: bytes | None = None, *, ahead: U64 | None = None
    ) -> Decisions:
        """Evaluate nonces of a host, by default the round's own.

        Args:
            ahead: what is asked for next, to make its inputs meanwhile; None where nobody knows.

        Raises:
            FingerprintError: the weights have changed since the last look.
            CrosscheckError: another engine comes to another result.
        """
        if self._clock() - self._hashed_at > _REHASH_S:
            self.rehash()
        if ahead is not None:
            self._engine.foresee(ahead, public_key)
        came = self._engine.batch(nonces_B, public_key)
        self._batches += 1
        if self._spare is not None:
            crosscheck(self._spare, nonces_B, came, pick=self._batches, public_key=public_key)
        return came

    def rehash(self) -> None:
        """Compare the weights with their fingerprint; at least at each phase change.

        Raises:
            FingerprintError: they have changed.
        """
        check_fingerprint(self._engine, self._fingerprint)
        self._hashed_at = self._clock()

    def drop(self) -> None:
        """Let go of the round and its memory."""
        self._engine.stop()
        if self._spare is not None:
            self._spare.stop()

    def _time_batch(self, size: int) -> float:
        began = self._clock()
        self._engine.batch(np.arange(_TRIAL_NONCE, _TRIAL_NONCE + size, dtype=np.uint64))
        return self._clock() - began
