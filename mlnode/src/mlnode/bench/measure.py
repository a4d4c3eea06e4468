"""Measures what a group of devices proves: one process a group, none outlives the measure."""

import logging
import multiprocessing
import os
import queue
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.context import SpawnContext, SpawnProcess
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from mlnode.bench.report import GroupResult
from mlnode.bench.work import PARAMS
from mlnode.poc.engines.base import Engine, SharingEngine
from mlnode.poc.engines.selection import fastest_on, select_engine
from mlnode.poc.engines.sizing import find_batch_size
from mlnode.poc.rounds import Round, new_round
from mlnode.poc.tensors import operations

BLOCK_HASH = "be" * 32
PUBLIC_KEY = b"\xbe" * 20
DIGESTS = 64
log = logging.getLogger(__name__)


class MeasureError(RuntimeError):
    """A group's process failed; the text says which and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What one group is asked to do.

    Attributes:
        devices: of the group.
        params: name of a published set.
        seconds: how long to prove.
        batch: nonces of a batch; 0 for as many as take a quarter of a second, and no more
            than are worth it and fit into the memory.
        threads: of a CPU's products; 0 leaves the library's choice.
    """

    devices: tuple[str, ...]
    params: str
    seconds: float
    batch: int = 0
    threads: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a group is.

    Attributes:
        group: number of the group.
        doing: in a few words.
        fraction: share of it that is done, 0 … 1.
        nonces_per_minute: 0 before it proves.
    """

    group: int
    doing: str
    fraction: float
    nonces_per_minute: float = 0.0


Watch = Callable[[Progress], None]


def measure(jobs: Sequence[Job], watch: Watch, log_path: Path) -> list[GroupResult]:
    """Runs all jobs at a time, each in a process of its own, which ends before this returns.

    Args:
        watch: told how far each group is, in this thread.
        log_path: file that every process appends to.

    Raises:
        MeasureError: a group failed; the others are ended.
    """
    context = multiprocessing.get_context("spawn")
    said: Any = context.Queue()
    groups = [_start(context, number, job, said, log_path) for number, job in enumerate(jobs)]
    results: dict[int, GroupResult] = {}
    try:
        while len(results) < len(jobs):
            match _next(said, groups, results):
                case Progress() as progress:
                    watch(progress)
                case (int() as number, GroupResult() as result):
                    results[number] = result
                case (int() as number, str() as failure):
                    raise MeasureError(f"group {number}: {failure}")
                case other:
                    raise AssertionError(other)
    finally:
        for process in groups:
            process.terminate()
            process.join()
    return [results[number] for number in range(len(jobs))]


def _start(context: SpawnContext, number: int, job: Job, said: Any, log_path: Path) -> SpawnProcess:
    process = context.Process(
        target=_work, args=(number, job, said, log_path), name=f"group-{number}", daemon=True
    )
    process.start()
    return process


def _next(said: Any, groups: Sequence[SpawnProcess], results: dict[int, GroupResult]) -> object:
    """Returns the next thing that is said; a process that dies says that it did."""
    while True:
        try:
            return said.get(timeout=1.0)
        except queue.Empty:
            for number, process in enumerate(groups):
                if number not in results and process.exitcode is not None:
                    return number, f"its process ended with {process.exitcode}"


def _work(number: int, job: Job, said: Any, log_path: Path) -> None:
    """Runs a job in the process of its own."""
    # However the command ends, this process ends as well.
    threading.Thread(target=_end_with_parent, daemon=True).start()
    logging.basicConfig(
        filename=log_path,
        level=logging.INFO,
        format=f"%(asctime)s group {number} %(levelname)s %(message)s",
    )

    def tell(doing: str, fraction: float, rate: float = 0.0) -> None:
        said.put(Progress(group=number, doing=doing, fraction=fraction, nonces_per_minute=rate))

    try:
        said.put((number, measure_group(job, tell)))
    except Exception as failure:
        log.exception("failed")
        said.put((number, f"{type(failure).__name__}: {failure}"))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _tell_nobody(doing: str, fraction: float, rate: float = 0.0) -> None: ...


def measure_group(job: Job, tell: Callable[..., None] = _tell_nobody) -> GroupResult:
    """Runs a job in this process: every nonce counts, so every nonce is computed to its end.

    Args:
        tell: called with what is done, its fraction, and the nonces a minute.
    """
    params = PARAMS[job.params]
    import torch

    from mlnode.shard.gpu import group_engines

    if job.threads:
        torch.set_num_threads(job.threads)
    tell("trying engines", 0.0)
    selection = select_engine(group_engines(job.devices))
    log.info("%s on %s", selection.summary, ", ".join(job.devices))
    engine = selection.engine
    round_ = new_round(
        block_hash=BLOCK_HASH, public_key=PUBLIC_KEY, params=params, r_target=5.0, valid_fraction=1
    )
    loaded = _load(engine, round_, tell)
    run = Run(engine)
    size = job.batch or run.find_size()
    tell("trying engines on the network", 0.0)
    best, chosen = fastest_on(engine, selection.rivals, round_, size), selection.summary
    if best is not engine:
        engine, run = best, Run(best)
        size = job.batch or run.find_size()
        chosen = f"{engine.name} on {job.params}; {chosen}"
    log.info("loaded in %.1f s; %s; batches of %d", loaded, chosen, size)
    began, before = perf_counter(), run.nonces
    while (seconds := perf_counter() - began) < job.seconds or run.nonces == before:
        run.batch(size, go_on=True)
        passed = perf_counter() - began
        rate = 60 * (run.nonces - before) / passed
        tell("proving", min(1.0, passed / job.seconds), rate)
    nonces = run.nonces - before
    tell("measuring the dense rate", 1.0, 60 * nonces / seconds)
    dense = engine.dense_rate()
    result = GroupResult(
        devices=job.devices,
        engine=chosen,
        batch=size,
        load_seconds=loaded,
        nonces=nonces,
        seconds=seconds,
        nonces_per_minute=60 * nonces / seconds,
        peak_bytes=_peak(job.devices),
        dense_tops=dense / 1e12,
        share_of_dense=operations(params) * nonces / seconds / dense,
        digests=tuple(run.digests),
    )
    log.info("%d nonces in %.1f s: %.1f a minute", nonces, seconds, result.nonces_per_minute)
    return result


class Run:
    """Walks nonces from 0 and keeps the first digests."""

    def __init__(self, engine: SharingEngine, *, clock: Callable[[], float] = perf_counter) -> None:
        """Begin.

        Args:
            engine: stands in a round.
            clock: seconds from any origin.
        """
        self.nonces = 0
        self.digests: list[str] = []
        self._engine = engine
        self._clock = clock

    def batch(self, size: int, *, go_on: bool = False) -> float:
        """Computes the next nonces; returns the seconds that it took.

        Args:
            go_on: as many are computed next.
        """
        began = self._clock()
        if go_on:
            after = self.nonces + size
            self._engine.foresee(np.arange(after, after + size, dtype=np.uint64))
        came = self._engine.batch(np.arange(self.nonces, self.nonces + size, dtype=np.uint64))
        self.nonces += size
        for digest in came.digests[: DIGESTS - len(self.digests)]:
            self.digests.append(digest.tobytes().hex())
        return self._clock() - began

    def find_size(self) -> int:
        """Returns the nonces of a batch, as the service finds them."""
        return find_batch_size(self.batch, self._engine.largest_batch)


def _load(engine: Engine, round_: Round, tell: Callable[..., None]) -> float:
    began = perf_counter()
    for progress in engine.start(round_):
        tell("loading", progress.fraction)
    return perf_counter() - began


def _peak(devices: Sequence[str]) -> int:
    import torch

    if "cpu" not in devices:
        return sum(torch.cuda.max_memory_allocated(device) for device in set(devices))
    import resource

    # Linux counts in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
