"""The GPUs that a benchmark runs on, or why it does not."""

# PyTorch does not say what its properties of a device are.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

import os
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Protocol

import torch
from rows import Origin, Work

from mlnode.poc.engines.layers import Arithmetic
from mlnode.shard.devices import DriverError, read_driver
from mlnode.shard.engine import ShardedEngine
from mlnode.shard.gpu import arithmetics, group_engines


class Machine(Protocol):
    """Devices of one kind, and what a measure has to ask of them."""

    @property
    def devices(self) -> tuple[str, ...]:
        """Names for PyTorch, one or more; what needs a single one takes the first."""
        ...

    def origin(self) -> Origin:
        """Returns what tells its rows from another machine's."""
        ...

    def arithmetic(self, kind: str) -> Arithmetic:
        """Returns the products that an engine of this name is made of."""
        ...

    def engines(self, devices: tuple[str, ...], batch_size: int = 0) -> Sequence[ShardedEngine]:
        """Returns every candidate engine for a group, none started."""
        ...

    def wait(self) -> None:
        """Returns when the devices have done what they were asked."""
        ...

    def free(self) -> int:
        """Returns the bytes that are free on the first device."""
        ...

    def peak(self, work: Work) -> int:
        """Does the work; returns the bytes that it took at most of the first device."""
        ...

    def hold(self, count: int) -> object:
        """Returns what takes so many bytes of the first device for as long as it is kept."""
        ...


class Cuda:
    """The GPUs that are visible to this process; see ``Machine``."""

    def __init__(self) -> None:
        self.devices = tuple(f"cuda:{index}" for index in range(torch.cuda.device_count()))

    def origin(self) -> Origin:
        names = [torch.cuda.get_device_name(device) for device in self.devices]
        counted = [f"{names.count(name)} × {name}" for name in dict.fromkeys(names)]
        memory = int(torch.cuda.get_device_properties(0).total_memory) / 1e9
        driver = read_driver()
        assert driver is not None
        import triton

        return Origin(
            machine=f"{', '.join(counted)}, {memory:.0f} GB each",
            versions=f"torch {torch.__version__}, triton {triton.__version__}, "
            f"driver for CUDA {driver.version}",
        )

    def arithmetic(self, kind: str) -> Arithmetic:
        return arithmetics(self.devices)[kind]

    def engines(self, devices: tuple[str, ...], batch_size: int = 0) -> Sequence[ShardedEngine]:
        return group_engines(devices, batch_size=batch_size)

    def wait(self) -> None:
        for device in self.devices:
            torch.cuda.synchronize(device)

    def free(self) -> int:
        # What PyTorch keeps of freed tensors is free, and counts as taken.
        torch.cuda.empty_cache()
        return int(torch.cuda.mem_get_info(self.devices[0])[0])

    def peak(self, work: Work) -> int:
        device = self.devices[0]
        self.wait()
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        work()
        self.wait()
        return torch.cuda.max_memory_allocated(device) - before

    def hold(self, count: int) -> object:
        return torch.empty(count, dtype=torch.int8, device=self.devices[0])


def missing() -> str:
    """Returns why nothing can be measured on a GPU here; empty where it can be."""
    try:
        driver = read_driver()
    except DriverError as failure:
        return str(failure)
    if driver is None:
        return "no NVIDIA driver on the machine that wrote this row"
    if not driver.devices:
        chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
        why = "" if chosen is None else f", with CUDA_VISIBLE_DEVICES={chosen}"
        return f"the driver shows no GPU{why}"
    if not torch.cuda.is_available():
        return f"PyTorch, built for CUDA {torch.version.cuda}, sees no GPU"
    return "" if find_spec("triton") else "Triton is not installed"
