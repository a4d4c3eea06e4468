"""One side of the cross-configuration test, in a process of its own.

``python cross_side.py JOB``: proves with its groups, devices and engine, and writes its batches
as protobuf; then reads the other side's from standard input, computes every nonce that those
walked in its own way, and writes what differs.
"""

import json
import sys
from base64 import b64decode, b64encode
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import numpy as np
from ninefold_proto.mlnode.v1 import poc_pb2

from mlnode.bench.work import PARAMS
from mlnode.poc.batch import ProofBatch, merge
from mlnode.poc.engines.base import SharingEngine, load
from mlnode.poc.engines.reference import ReferenceEngine
from mlnode.poc.nonces import LaneWalk, NonceIterator, deal_lanes
from mlnode.poc.rounds import Round, new_round
from mlnode.service.wire import batch_to_wire

LANES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """How a side computes, and the round: ``r_target`` is a decimal, empty for p = 10 %."""

    groups: int
    devices: tuple[str, ...]
    engine: str
    params: str
    shape: dict[str, int]
    r_target: str
    batches: int
    size: int


def main() -> None:
    job = Job(**json.loads(sys.argv[1]))
    round_ = new_round(
        block_hash="c5" * 32,
        public_key=b"\x05" * 20,
        params=replace(PARAMS[job.params], **job.shape),
        node_index=1,
        node_count=2,
        lanes=LANES,
        r_target=Decimal(job.r_target) if job.r_target else None,
    )
    engine = _engine(job)
    load(engine, round_)
    for line in _prove(job, round_, engine):
        sys.stdout.write(line + "\n")
    sys.stdout.write("\n")
    sys.stdout.flush()
    theirs = [_from_wire(b64decode(line)) for line in iter(sys.stdin.readline, "\n")]
    sys.stdout.write(json.dumps(_differences(round_, engine, merge(theirs).sort_by_nonce())))


def _engine(job: Job) -> SharingEngine:
    if job.engine == "numpy":
        return ReferenceEngine()
    # The reference needs no PyTorch, which takes seconds to import.
    from mlnode.shard.gpu import group_engines

    return {engine.name: engine for engine in group_engines(tuple(job.devices))}[job.engine]


def _prove(job: Job, round_: Round, engine: SharingEngine) -> list[str]:
    """Walks as so many groups do, each its share of the lanes, one after the other."""
    lines: list[str] = []
    for lanes in deal_lanes(LANES, job.groups):
        walk = LaneWalk(round_.node_index, round_.node_count, LANES, lanes, (0,) * LANES)
        for _ in range(job.batches):
            nonces_B = walk.take(job.size)
            came = engine.batch(nonces_B)
            batch = ProofBatch(
                public_key=round_.public_key,
                block_hash=round_.block_hash,
                block_height=round_.block_height,
                node_index=round_.node_index,
                nonces=nonces_B,
                distances=came.distances,
                valid=came.valid,
                lane_next=walk.lane_next,
            )
            lines.append(b64encode(batch_to_wire(batch.sub_batch()).SerializeToString()).decode())
    return lines


def _from_wire(raw: bytes) -> ProofBatch:
    message = poc_pb2.ProofBatch.FromString(raw)
    return ProofBatch(
        public_key=message.public_key,
        block_hash=message.block_hash,
        block_height=message.block_height,
        node_index=message.node_index,
        nonces=np.array(message.nonces, np.uint64),
        distances=np.array(message.distances),
        valid=np.ones(len(message.nonces), np.bool_),
        lane_next=tuple(message.lane_next),
    )


def _differences(round_: Round, engine: SharingEngine, theirs: ProofBatch) -> dict[str, Any]:
    """Computes every nonce that the lanes have passed, also those that were not claimed."""
    walked_B = np.concatenate(
        [
            NonceIterator(round_.node_index, round_.node_count, lane, LANES).at(np.arange(step))
            for lane, step in enumerate(theirs.lane_next)
        ]
    )
    walked_B.sort()
    came = engine.batch(walked_B)
    mine_B, mine_distances = walked_B[came.valid], came.distances[came.valid]
    same = np.array_equal(mine_B, theirs.nonces)
    return {
        "walked": len(walked_B),
        "valid": len(mine_B),
        "decisions": np.setxor1d(mine_B, theirs.nonces).tolist(),
        "distances": bool(same and np.array_equal(mine_distances, theirs.distances)),
    }


if __name__ == "__main__":
    main()
