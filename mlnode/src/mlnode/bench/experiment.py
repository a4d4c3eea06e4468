"""The experiment of the served kind, through a real service: models × block hashes × hosts.

It starts ``mlnode serve`` in a process of its own, opens a round for each combination, and
receives batches as a broker does (docs/spec/poc-served.md, "Experiment").

Axes: B nonces of a run.
"""

import asyncio
import json
import re
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import grpc
import numpy as np
from ninefold_proto.mlnode.v1 import poc_pb2, poc_pb2_grpc

from mlnode.bench.spread import BLOCKS, NODES, VALID_FRACTION, block_hash, public_key
from mlnode.poc.arrays import F64
from mlnode.poc.params import MODEL_PARAMS_TEST

Say = Callable[[str], None]
_FIRST_COMMAND = 1


class ExperimentError(RuntimeError):
    """The service did not start, or did not do what a round asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be run.

    Attributes:
        models_dir: folder with the models.
        models: their ids.
        duration: seconds of a run.
        nonces: least nonces of a run; it goes on until it has them.
        positions: of the input of a nonce, 8 to 1,024.
        r_target: radius of validity; None for the tenth percentile of the first block hash,
            of each model and host.
        out: folder for ``runs.jsonl``, the service's log and its state.
    """

    models_dir: Path
    models: tuple[str, ...]
    duration: float
    nonces: int
    positions: int
    r_target: float | None
    out: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One line of ``runs.jsonl``.

    Attributes:
        test: number of the run, from 1.
        model, block_hash, public_key: of the run; the names behind the last two.
        nonces: how many came.
        valid_rate: share within ``r_target``.
        r_target: the radius.
        mean, std, p10: of the distances.
    """

    test: int
    model: str
    block_hash: str
    public_key: str
    nonces: int
    valid_rate: float
    r_target: float
    mean: float
    std: float
    p10: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """What an experiment came to.

    Attributes:
        runs: in order.
        spreads: percentage points by (model, host).
        distances: by (model, host, block), to draw.
    """

    runs: tuple[Run, ...]
    spreads: dict[tuple[str, str], float]
    distances: dict[tuple[str, str, str], F64]


async def experiment(plan: Plan, say: Say) -> Outcome:
    """Runs everything; what is done so far stands in ``runs.jsonl`` at any time.

    Raises:
        ExperimentError: the service failed; its log says why.
    """
    plan.out.mkdir(parents=True, exist_ok=True)
    runs: list[Run] = []
    distances: dict[tuple[str, str, str], F64] = {}
    async with _service(plan) as stub, _lines(plan.out / "runs.jsonl") as write:
        command = _FIRST_COMMAND
        for model in plan.models:
            for node in NODES:
                r_target = plan.r_target
                for block in BLOCKS:
                    found_B = await _run(stub, plan, model, block, node, command)
                    command += 3
                    if r_target is None:
                        r_target = float(np.quantile(found_B, VALID_FRACTION))
                    run = _run_of(len(runs) + 1, model, block, node, found_B, r_target)
                    runs.append(run)
                    distances[model, node, block] = found_B
                    write(run)
                    say(
                        f"{run.test:2d} {model} {block} {node}: {run.nonces} nonces, "
                        f"valid {run.valid_rate:.4f}, mean {run.mean:.4f}, std {run.std:.4f}"
                    )
    return Outcome(runs=tuple(runs), spreads=_spreads(runs), distances=distances)


def _run_of(test: int, model: str, block: str, node: str, found_B: F64, r_target: float) -> Run:
    return Run(
        test=test,
        model=model,
        block_hash=block,
        public_key=node,
        nonces=len(found_B),
        valid_rate=float(np.mean(found_B < r_target)),
        r_target=r_target,
        mean=float(found_B.mean()),
        std=float(found_B.std()),
        p10=float(np.quantile(found_B, VALID_FRACTION)),
    )


def _spreads(runs: Sequence[Run]) -> dict[tuple[str, str], float]:
    rates: dict[tuple[str, str], list[float]] = {}
    for run in runs:
        rates.setdefault((run.model, run.public_key), []).append(run.valid_rate)
    return {of: 100 * (max(found) - min(found)) for of, found in rates.items()}


async def _run(stub: Any, plan: Plan, model: str, block: str, node: str, command: int) -> F64:
    """Opens a round, receives until there is enough, ends it; returns the distances [B]."""
    request = poc_pb2.StartRoundRequest(round=_round(plan, model, block, node), generation=command)
    try:
        async for _ in stub.StartRound(request):
            pass
        found = await _receive(stub, plan, command + 1)
        await stub.Stop(poc_pb2.StopRequest(generation=command + 2, end_round=True))
    except grpc.aio.AioRpcError as error:
        raise ExperimentError(f"{model}, {block}, {node}: {error.details()}") from None
    return np.array(found, np.float64)


async def _receive(stub: Any, plan: Plan, command: int) -> list[float]:
    sent: asyncio.Queue[Any] = asyncio.Queue()
    start = poc_pb2.GenerateStart(generation=command)
    sent.put_nowait(poc_pb2.GenerateRequest(start=start))

    async def requests() -> AsyncIterator[Any]:
        while (request := await sent.get()) is not None:
            yield request

    found: list[float] = []
    began, closing = time.monotonic(), False
    async for response in stub.Generate(requests()):
        found.extend(response.batch.distances)
        if closing:
            continue
        ack = poc_pb2.GenerateAck(sequence=response.sequence)
        sent.put_nowait(poc_pb2.GenerateRequest(ack=ack))
        if len(found) >= plan.nonces and time.monotonic() - began >= plan.duration:
            closing = True
            sent.put_nowait(None)
    return found


def _round(plan: Plan, model: str, block: str, node: str) -> poc_pb2.Round:
    """Returns the round; of the shape only the positions count."""
    p = MODEL_PARAMS_TEST
    return poc_pb2.Round(
        kind=poc_pb2.POC_KIND_SERVED_MODEL,
        poc_version=1,
        block_hash=block_hash(block),
        public_key=public_key(node),
        node_count=1,
        lanes=16,
        params=poc_pb2.PocParams(
            dim=p.dim,
            n_layers=p.n_layers,
            n_heads=p.n_heads,
            n_kv_heads=p.n_kv_heads,
            vocab_size=p.vocab_size,
            ffn_dim_multiplier=str(p.ffn_dim_multiplier),
            multiple_of=p.multiple_of,
            seq_len=plan.positions,
        ),
        valid_fraction="1",
        r_target="2",
        model_id=model,
    )


@asynccontextmanager
async def _service(plan: Plan) -> AsyncGenerator[Any]:
    """A server in a process of its own, which ends with the block; its log lies in ``out``."""
    config = plan.out / "mlnode.toml"
    config.write_text(
        f'[service]\nlisten = "127.0.0.1:0"\nstate_dir = {json.dumps(str(plan.out / "state"))}\n'
        f'[poc]\ngroups = [["cpu"]]\nengine = "numpy"\n'
        f"models_dir = {json.dumps(str(plan.models_dir))}\n[serving]\noffline = true\n",
        "utf-8",
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mlnode", "serve", "--config", str(config),
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    with (plan.out / "service.log").open("ab") as log:
        port = await _port(process.stderr, log)
        copying = asyncio.create_task(_copy(process.stderr, log))
        try:
            if not port:
                raise ExperimentError(f"the service did not start; see {log.name}")
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                yield poc_pb2_grpc.PocServiceStub(channel)
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()
            await copying


async def _port(stderr: asyncio.StreamReader, log: Any) -> int:
    """Returns the port that the service says it listens on; 0 when it ends before."""
    while line := await stderr.readline():
        log.write(line)
        if found := re.search(rb"listening on 127\.0\.0\.1:(\d+)", line):
            return int(found.group(1))
    return 0


async def _copy(stderr: asyncio.StreamReader, log: Any) -> None:
    while line := await stderr.readline():
        log.write(line)


@asynccontextmanager
async def _lines(path: Path) -> AsyncGenerator[Callable[[Run], None]]:
    with path.open("w", encoding="utf-8") as file:

        def write(run: Run) -> None:
            file.write(json.dumps(asdict(run)) + "\n")
            file.flush()

        yield write
