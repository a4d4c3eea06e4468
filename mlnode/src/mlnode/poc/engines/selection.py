"""Chooses the engine of this machine: of those that are exact, the fastest, by measurement."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from mlnode.poc.engines.base import Engine, SharingEngine, load
from mlnode.poc.engines.kernel_cache import cache_failure
from mlnode.poc.engines.selftest import self_test
from mlnode.poc.errors import DEVICE_ERROR, NoEngineError, SelfTestError, device_lost
from mlnode.poc.golden import golden_round
from mlnode.poc.rounds import Round

_log = logging.getLogger(__name__)

E = TypeVar("E", bound=Engine)
S = TypeVar("S", bound=SharingEngine)

TRIAL_NONCE = 2**62
"""Beyond every lane: what is tried out from here on is not walked."""

_TIMED_NONCES = 64
_TIMED_BATCHES = 3
# A batch that takes longer is timed once: what disturbs a machine is short.
_LONG_S = 0.05
# An engine that is slower than that on the golden network is not the fastest on another one.
_RIVAL = 4.0
_ROWS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateReport:
    """What the self-test said of one engine.

    Attributes:
        name: the engine.
        nonces_per_second: rate on the golden network; 0 where the engine failed.
        failure: which test it failed; empty where it passed them all.
    """

    name: str
    nonces_per_second: float
    failure: str

    @property
    def passed(self) -> bool:
        """Whether the engine may prove on this machine."""
        return not self.failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection(Generic[E]):
    """The engine to use, the other exact ones, and why.

    Attributes:
        engine: the fastest that passed.
        spare: the others that passed, fastest first; a batch is cross-checked with the first.
        reports: one a candidate, fastest first, failures last.
    """

    engine: E
    spare: tuple[E, ...]
    reports: tuple[CandidateReport, ...]

    @property
    def rivals(self) -> tuple[E, ...]:
        """Those of the spare engines that may be the fastest on another network."""
        least = self.reports[0].nonces_per_second / _RIVAL
        named = zip(self.spare, self.reports[1:], strict=False)
        return tuple(engine for engine, report in named if report.nonces_per_second >= least)

    @property
    def summary(self) -> str:
        """One line for the status."""
        others = "; ".join(
            f"{report.name} {report.failure or f'{report.nonces_per_second:.0f}/s'}"
            for report in self.reports[1:]
        )
        chosen = self.reports[0]
        line = f"{chosen.name} at {chosen.nonces_per_second:.0f} golden nonces/s"
        return f"{line} ({others})" if others else line


def select_engine(
    candidates: Sequence[E], *, clock: Callable[[], float] | None = None
) -> Selection[E]:
    """Tests every candidate and returns the choice; none of them holds a round afterwards.

    Args:
        candidates: engines to try.
        clock: seconds from any origin; each engine's own for None.

    Raises:
        NoEngineError: none passed, with what each one failed.
        AcceleratorError: of PyTorch; a device fails, on which the others cannot be tried.
    """
    tried = [(_try(engine, clock), engine) for engine in candidates]
    tried.sort(key=lambda pair: -pair[0].nonces_per_second)
    reports = tuple(report for report, _ in tried)
    passed = [engine for report, engine in tried if report.passed]
    if not passed:
        failures = "; ".join(report.failure for report in reports)
        raise NoEngineError(f"no engine is exact on this machine: {failures or 'none was tried'}")
    return Selection(engine=passed[0], spare=tuple(passed[1:]), reports=reports)


def fastest_on(
    engine: S,
    rivals: Sequence[S],
    round_: Round,
    batch_size: int,
    *,
    clock: Callable[[], float] | None = None,
) -> S:
    """Returns the fastest engine on a round's network; it alone stands on it afterwards.

    On the golden network, which is small, what surrounds the products counts for more: calls
    on a CPU, launches on a GPU. Here each engine computes a quarter of a batch.

    Args:
        engine: stands on the network.
        rivals: engines of its kind that hold no round.
        batch_size: nonces of a batch of the first.
        clock: seconds from any origin; each engine's own for None.
    """
    if not rivals:
        return engine
    size = max(1, batch_size // 4)
    # Kernels are made for numbers of rows that are a multiple of 16, or for any.
    size -= size % _ROWS if size > _ROWS else 0
    nonces_B = np.arange(TRIAL_NONCE, TRIAL_NONCE + size, dtype=np.uint64)

    def seconds(one: S) -> float:
        # What is compiled at its first use is not timed.
        one.batch(nonces_B[:_ROWS])
        now = clock or one.work_clock
        began = now()
        one.batch(nonces_B)
        return now() - began

    best, best_s = engine, seconds(engine)
    for rival in rivals:
        try:
            rival.adopt(round_, best.network)
            took_s, slower = seconds(rival), rival
        except Exception as err:
            rival.stop()
            if device_lost(err):
                raise
            # A kernel that cannot be made for this network, say: the first one stands and is sound.
            named = cache_failure(err) or err
            _log.warning("%s cannot prove on this network, going on without: %s", rival.name, named)
            continue
        if took_s < best_s:
            best, best_s, slower = rival, took_s, best
        slower.stop()
    return best


def _try(engine: Engine, clock: Callable[[], float] | None) -> CandidateReport:
    try:
        self_test(engine)
        rate = _rate(engine, clock)
    except SelfTestError as error:
        return CandidateReport(name=engine.name, nonces_per_second=0.0, failure=str(error))
    except Exception as error:
        if type(error).__name__ == DEVICE_ERROR:
            raise
        # Of a library or its compiler: no reason not to try the others.
        named = cache_failure(error) or error
        failure = f"{engine.name}: {type(named).__name__}: {named}"
        _log.warning("%s; going on without", failure)
        return CandidateReport(name=engine.name, nonces_per_second=0.0, failure=failure)
    return CandidateReport(name=engine.name, nonces_per_second=rate, failure="")


def _rate(engine: Engine, clock: Callable[[], float] | None) -> float:
    """Returns nonces a second on the golden network, the best of a few batches."""
    now = clock or engine.work_clock
    load(engine, golden_round())
    nonces_B = np.arange(_TIMED_NONCES, dtype=np.uint64)
    seconds: list[float] = []
    for _ in range(_TIMED_BATCHES):
        began = now()
        engine.batch(nonces_B)
        seconds.append(now() - began)
        if seconds[-1] > _LONG_S:
            break
    engine.stop()
    return _TIMED_NONCES / min(seconds)
