"""Peers under torchrun: NCCL between GPUs, gloo between CPUs.

``torchrun --nproc-per-node 2 -m mlnode.shard.distributed`` proves a few nonces of the golden
network over all its processes and says whether they come out right.
"""

import sys
from types import TracebackType

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from mlnode.poc.engines.base import load
from mlnode.poc.engines.layers import Arithmetic
from mlnode.poc.engines.products import fp32_product
from mlnode.poc.engines.selftest import KNOWN_DIGESTS
from mlnode.poc.engines.tiles import TiledArithmetic
from mlnode.poc.golden import golden_round
from mlnode.shard.split import SplitEngine


class TorchPeers:
    """The process group that torchrun's environment describes; a context manager."""

    def __enter__(self) -> "TorchPeers":
        dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
        if torch.cuda.is_available():
            torch.cuda.set_device(dist.get_rank() % torch.cuda.device_count())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        failure: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        dist.destroy_process_group()

    @property
    def rank(self) -> int:
        return dist.get_rank()

    @property
    def size(self) -> int:
        return dist.get_world_size()

    @property
    def device(self) -> str:
        """Where this process keeps its part."""
        return f"cuda:{torch.cuda.current_device()}" if torch.cuda.is_available() else "cpu"

    def add_up(self, part: Tensor) -> None:
        dist.all_reduce(part)


def main() -> int:
    """Proves golden nonces over all processes; returns 0 where their digests are the known ones."""
    with TorchPeers() as peers:
        # For a few nonces: what is compiled takes seconds to load.
        arithmetic: Arithmetic = TiledArithmetic(fp32_product)
        if peers.device != "cpu":
            # Defined where a GPU is: importing Triton takes a second that a CPU need not spend.
            from mlnode.poc.engines.triton_ops import TritonArithmetic

            arithmetic = TritonArithmetic("int8")
        engine = SplitEngine("split", arithmetic, peers, device=peers.device)
        load(engine, golden_round())
        came = engine.batch(np.array(list(KNOWN_DIGESTS), np.uint64))
        right = [digest.tobytes().hex() for digest in came.digests] == list(KNOWN_DIGESTS.values())
        sys.stdout.write(f"rank {peers.rank} of {peers.size}: {'right' if right else 'WRONG'}\n")
        return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
