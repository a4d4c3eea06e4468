"""One group's engine with everything that guards its results.

Axes: B nonces of a batch.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from mlnode.poc.arrays import U64
from mlnode.poc.decision import Decisions
from mlnode.poc.engines.base import LoadProgress, SharingEngine
from mlnode.poc.engines.guard import crosscheck
from mlnode.poc.engines.kernel_cache import naming_the_cache
from mlnode.poc.engines.selection import TRIAL_NONCE, fastest_on, select_engine
from mlnode.poc.engines.sizing import BATCH_S, find_batch_size
from mlnode.poc.golden import golden_round
from mlnode.poc.params import PocParams
from mlnode.poc.rounds import Round
from mlnode.poc.tensors import operations
from mlnode.service.watch import WeightWatch

# Of a worker's time, for a second engine that takes longer for a nonce than the first for a batch.
_SLOW_SHARE = 0.1
_WORTH_SAYING_S = 1.0
# What is compiled at its first use takes seconds, and much longer on a busy machine.
_FIRST_S = 60.0


def _nobody(_: float) -> None:
    """Hears that something takes so many seconds."""


class Prover:
    """Computes batches of the round that stands; refuses what it cannot vouch for."""

    def __init__(
        self,
        engines: Sequence[SharingEngine],
        *,
        prefer: str = "",
        batch_size: int = 0,
        check_each: bool = True,
        announce: Callable[[float], None] = _nobody,
        clock: Callable[[], float] | None = None,
    ) -> None:
        """Try the engines and choose.

        Args:
            engines: to choose from.
            prefer: name of the one to use, if it is exact; empty for the fastest.
            batch_size: nonces of a batch; 0 for as many as take a quarter of a second, and no
                more than are worth it, and fit into the memory.
            check_each: recompute one nonce of each batch through a second engine; where that
                takes longer than the batch, of as many batches as a tenth of the time allows.
            announce: told the seconds that what comes may take, before anything long.
            clock: seconds from any origin; None for the wall's, and to choose by the engines'.

        Raises:
            NoEngineError: none is exact on this machine.
        """
        selection = select_engine(engines)
        passed = [selection.engine, *selection.spare]
        # Who names an engine gets it on every network.
        named = any(engine.name == prefer for engine in passed)
        self._rivals = () if named else (selection.engine, *selection.rivals)
        self._check_each = check_each
        self._wanted_size = batch_size
        self._announce = announce
        self._choose_by, self._clock = clock, clock or time.monotonic
        self._use(passed, prefer)
        self._watch = WeightWatch(self._engine, self._clock)
        self._batches = 0
        # Seconds of a nonce on the golden network: what is known before a round stands.
        self._golden_s = {r.name: 1 / r.nonces_per_second for r in selection.reports if r.passed}
        self._nonce_s = self._spare_s = 0.0
        self._crosschecked_at = 0.0
        self._fresh = True
        self._sized_for: PocParams | None = None
        # Of the batches of that size; none yet.
        self._shortest_s = math.inf
        self._chosen_for: PocParams | None = None
        self.summary = selection.summary
        # Of every engine that may come into use, while no network takes the memory.
        self._dense = {
            engine.name: engine.dense_rate() for engine in self._rivals or (self._engine,)
        }
        self.batch_size = batch_size

    def load(self, round_: Round) -> Iterator[LoadProgress]:
        """Derive the round's network, unless it stands; loaded when the iterator is exhausted."""
        if self._spare is not None:
            # What it shares with the engine must be free before another network is made.
            self._spare.stop()
        if self._fresh:
            self._announce(_FIRST_S)
        with naming_the_cache():
            yield from self._engine.start(round_)
        self._watch.begin()
        self._nonce_s = self._guess(self._engine, round_)
        self.batch_size = self._wanted_size or self._size_for(round_.params)
        if self._chosen_for != round_.params:
            self._choose_on(round_)
        if self._spare is not None:
            # It shares the weights: a second copy would double the memory, and the hash before
            # anything is said watches over the first.
            self._spare.adopt(round_, self._engine.network)
            self._spare_s = self._guess(self._spare, round_)
        self._crosschecked_at = self._clock()

    @property
    def dense(self) -> float:
        """Operations a second of plain exact products of the engine in use; 0 where unmeasured."""
        return self._dense.get(self._engine.name, 0.0)

    def _use(self, passed: Sequence[SharingEngine], name: str) -> None:
        """Prove with the engine of that name, and with the fastest of the others as its spare."""
        # Sorting is stable: the others stay in order of speed.
        self._passed = sorted(passed, key=lambda engine: engine.name != name)
        self._engine, *others = self._passed
        self._spare = others[0] if others and self._check_each else None
        self.engines = tuple(engine.name for engine in self._passed)

    def _choose_on(self, round_: Round) -> None:
        """Go on with the engine that is fastest on the network that stands."""
        rivals = [engine for engine in self._rivals if engine is not self._engine]
        if rivals:
            self._announce(_FIRST_S)
        best = fastest_on(self._engine, rivals, round_, self.batch_size, clock=self._choose_by)
        self._chosen_for = round_.params
        if best is not self._engine:
            self._use(self._passed, best.name)
            self._watch.go_on(best)
            self._sized_for = None
            self.batch_size = self._wanted_size or self._size_for(round_.params)

    def _size_for(self, params: PocParams) -> int:
        """Returns the nonces of a batch: those of the last round, where the network is as large.

        Where other work takes its share of the machine, trying takes seconds, and a round has few.
        It is tried again where batches took less than half of the time that is meant for them.
        """
        largest = self._engine.largest_batch
        quick = self._shortest_s < BATCH_S / 2 and self.batch_size < largest
        if self._sized_for != params or quick:
            self._sized_for, self._shortest_s = params, math.inf
            return find_batch_size(self._time_batch, largest)
        return min(self.batch_size, largest)

    def batch(
        self, nonces_B: U64, public_key: bytes | None = None, *, ahead: U64 | None = None
    ) -> Decisions:
        """Evaluate nonces of a host, by default the round's own.

        Nothing of it may be claimed before ``rehash`` was called and found the weights unchanged.

        Args:
            ahead: what is asked for next, to make its inputs meanwhile; None where nobody knows.

        Raises:
            CrosscheckError: another engine comes to another result.
        """
        if ahead is not None:
            self._engine.foresee(ahead, public_key)
        came, took_s = self._timed(nonces_B, public_key)
        self._batches += 1
        if len(nonces_B) == self.batch_size:
            self._shortest_s = min(self._shortest_s, took_s)
        if self._spare is not None and self._crosscheck_due(took_s):
            self._say_if_long(self._spare_s)
            began = self._clock()
            crosscheck(self._spare, nonces_B, came, pick=self._batches, public_key=public_key)
            self._crosschecked_at = self._clock()
            self._spare_s = self._crosschecked_at - began
        return came

    @property
    def rehash_due(self) -> bool:
        """Whether the weights are to be hashed now, by the time since the last hash and its own."""
        return self._watch.due

    def rehash(self) -> None:
        """Compare the weights with their fingerprint.

        Raises:
            FingerprintError: they have changed; nothing since the last time may be claimed.
        """
        self._watch.look()

    def drop(self) -> None:
        """Let go of the round and its memory."""
        for engine in self._passed:
            engine.stop()

    def _crosscheck_due(self, batch_s: float) -> bool:
        if self._spare_s <= batch_s:
            return True
        return self._clock() - self._crosschecked_at >= self._spare_s / _SLOW_SHARE

    def _guess(self, engine: SharingEngine, round_: Round) -> float:
        """Returns the seconds of a nonce, from those of the golden network; 0 where untimed."""
        share = operations(round_.params) / operations(golden_round().params)
        return self._golden_s.get(engine.name, 0.0) * share

    def _time_batch(self, size: int) -> float:
        nonces_B = np.arange(TRIAL_NONCE, TRIAL_NONCE + size, dtype=np.uint64)
        return self._timed(nonces_B, None)[1]

    def _timed(self, nonces_B: U64, public_key: bytes | None) -> tuple[Decisions, float]:
        """Returns what a batch came to, and its seconds."""
        self._say_if_long(_FIRST_S if self._fresh else self._nonce_s * len(nonces_B))
        self._fresh = False
        began = self._clock()
        with naming_the_cache():
            came = self._engine.batch(nonces_B, public_key)
        took_s = self._clock() - began
        self._nonce_s = took_s / max(len(nonces_B), 1)
        return came, took_s

    def _say_if_long(self, seconds: float) -> None:
        if seconds >= _WORTH_SAYING_S:
            self._announce(seconds)
