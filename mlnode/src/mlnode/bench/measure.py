"""Measures what a group of devices proves: one process a group, none outlives the measure."""

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any

import numpy as np

from mlnode.bench.work import PARAMS, operations
from mlnode.poc.engines.base import Engine
from mlnode.poc.engines.selection import select_engine
from mlnode.poc.rounds import new_round

BLOCK_HASH = "be" * 32
PUBLIC_KEY = b"\xbe" * 20
DIGESTS = 64
_DENSE_S = 0.3
_DENSE_SIDE = 2_048


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What one group is asked to do.

    Attributes:
        devices: of the group.
        params: name of a published set.
        seconds: how long to prove.
        batch: nonces of a batch.
        threads: of a CPU's products; 0 leaves the library's choice.
    """

    devices: tuple[str, ...]
    params: str
    seconds: float
    batch: int = 256
    threads: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupResult:
    """What one group came to.

    Attributes:
        devices: of the group.
        engine: that was chosen, and what the others came to.
        load_seconds: to generate the weights.
        nonces, seconds: that were computed, and took.
        nonces_per_minute: of this group.
        dense_tops: rate of the engine's plain product of large matrices, in 10¹² operations/s.
        share_of_dense: rate of the proof's operations as a share of it.
        digests: of the first 64 nonces, to compare machines by.
    """

    devices: tuple[str, ...]
    engine: str
    load_seconds: float
    nonces: int
    seconds: float
    nonces_per_minute: float
    dense_tops: float
    share_of_dense: float
    digests: tuple[str, ...]

    def row(self) -> dict[str, Any]:
        """Returns it as JSON has it."""
        return asdict(self)


def measure(jobs: Sequence[Job]) -> list[GroupResult]:
    """Runs all jobs at a time, each in a process of its own."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=len(jobs), mp_context=context) as pool:
        return list(pool.map(measure_group, jobs))


def measure_group(job: Job) -> GroupResult:
    """Runs a job in this process: every nonce counts, so every nonce is computed to its end."""
    import torch

    from mlnode.shard.gpu import group_engines

    if job.threads:
        torch.set_num_threads(job.threads)
    params = PARAMS[job.params]
    selection = select_engine(group_engines(job.devices))
    engine = selection.engine
    round_ = new_round(
        block_hash=BLOCK_HASH, public_key=PUBLIC_KEY, params=params, r_target=5.0, valid_fraction=1
    )
    began = perf_counter()
    for _ in engine.start(round_):
        pass
    loaded = perf_counter() - began
    first = engine.batch(np.arange(DIGESTS, dtype=np.uint64))
    nonces, began = 0, perf_counter()
    while (seconds := perf_counter() - began) < job.seconds:
        engine.batch(np.arange(nonces, nonces + job.batch, dtype=np.uint64))
        nonces += job.batch
    dense = dense_rate(engine)
    return GroupResult(
        devices=job.devices,
        engine=selection.summary,
        load_seconds=loaded,
        nonces=nonces,
        seconds=seconds,
        nonces_per_minute=60 * nonces / seconds,
        dense_tops=dense / 1e12,
        share_of_dense=operations(params) * nonces / seconds / dense,
        digests=tuple(digest.tobytes().hex() for digest in first.digests),
    )


def dense_rate(engine: Engine) -> float:
    """Returns the operations a second of an engine's product of square matrices."""
    generator = np.random.default_rng(1)
    x_RK = generator.integers(-128, 128, (_DENSE_SIDE, _DENSE_SIDE), np.int8)
    w_NK = generator.integers(-127, 128, (_DENSE_SIDE, _DENSE_SIDE), np.int8)
    engine.dot(x_RK, w_NK)
    fastest, began = float("inf"), perf_counter()
    while perf_counter() - began < _DENSE_S:
        start = perf_counter()
        engine.dot(x_RK, w_NK)
        fastest = min(fastest, perf_counter() - start)
    return 2 * _DENSE_SIDE**3 / fastest
