"""The devices of this machine, asked of the driver itself: no framework, no context on a device.

The service groups its devices before any worker loads PyTorch, which takes seconds. The driver
counts as PyTorch does: in its own order, what ``CUDA_VISIBLE_DEVICES`` leaves visible.
"""

import ctypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mlnode.poc.errors import EngineError
from mlnode.poc.params import PocParams
from mlnode.shard.groups import Device, GpuGroup, Grouping, group_devices
from mlnode.shard.memory import get_min_group_vram

CPU = Device(index=-1, vram=0, model="CPU")
_LIBRARIES = ("libcuda.so.1", "nvcuda.dll")
_NAME_BYTES = 128
# What the driver calls cudaErrorNoDevice: it is installed, and there is nothing for it to drive.
_NO_DEVICE = 100


class DriverError(EngineError):
    """The driver is installed and does not work; the text says what it was asked and answered."""


class Library(Protocol):
    """The functions of ``libcuda``, each of which returns 0 where it succeeded."""

    def __getattr__(self, name: str) -> Any: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """What the driver says of this machine.

    Attributes:
        version: the CUDA version that it supports at most, e.g. "13.2".
        devices: that are visible to this process, by number.
    """

    version: str
    devices: tuple[Device, ...]


def read_driver(library: Library | None = None) -> Driver | None:
    """Returns what the driver says, None where there is none.

    Args:
        library: to ask instead of the system's.

    Raises:
        DriverError: there is one and it fails, as after an update without a reboot.
    """
    cuda = _system_library() if library is None else library
    if cuda is None:
        return None
    version, count = ctypes.c_int(), ctypes.c_int()
    if (code := int(cuda.cuInit(0))) not in (0, _NO_DEVICE):
        raise DriverError(f"the NVIDIA driver fails: cuInit came to {code}")
    _ask(cuda, "cuDriverGetVersion", ctypes.byref(version))
    if code != _NO_DEVICE:
        _ask(cuda, "cuDeviceGetCount", ctypes.byref(count))
    return Driver(
        version=f"{version.value // 1000}.{version.value % 1000 // 10}",
        devices=tuple(_device(cuda, index) for index in range(count.value)),
    )


def visible_devices() -> tuple[Device, ...]:
    """Returns the GPUs that ``CUDA_VISIBLE_DEVICES`` leaves visible; none on a machine without.

    Raises:
        DriverError: see ``read_driver``.
    """
    driver = read_driver()
    return driver.devices if driver is not None else ()


def groups_of(devices: Sequence[Device], params: PocParams) -> Grouping:
    """Returns the groups that prove with these parameters; the CPU alone where there is no GPU."""
    if devices:
        return group_devices(devices, get_min_group_vram(params))
    return Grouping(groups=(GpuGroup(devices=(CPU,), primary_device=CPU),), left_out=())


def groups_of_this_machine(params: PocParams) -> Grouping:
    """Returns the groups of the visible devices; see ``groups_of``."""
    return groups_of(visible_devices(), params)


def own_devices(devices: Sequence[str]) -> tuple[str, ...]:
    """Returns the names that a process gives to the devices of its group; see ``shown_to``."""
    numbers = iter(range(len(devices)))
    return tuple("cpu" if name == "cpu" else f"cuda:{next(numbers)}" for name in devices)


def shown_to(devices: Sequence[str], environment: Mapping[str, str]) -> dict[str, str]:
    """Returns what a process's environment must hold to see the devices of its group and no other.

    A process that cannot see the others' devices cannot take memory there either, nor suffer
    from what happens on them. It counts its own from 0.

    Args:
        devices: names in this process.
        environment: of this process, which may see a selection itself.
    """
    if "cpu" in devices:
        return {}
    chosen = environment.get("CUDA_VISIBLE_DEVICES")
    names = chosen.split(",") if chosen is not None else None
    numbers = [int(name.removeprefix("cuda:")) for name in devices]
    shown = [names[n].strip() if names is not None else str(n) for n in numbers]
    return {"CUDA_VISIBLE_DEVICES": ",".join(shown)}


def _device(cuda: Library, index: int) -> Device:
    handle, vram = ctypes.c_int(), ctypes.c_size_t()
    name = ctypes.create_string_buffer(_NAME_BYTES)
    _ask(cuda, "cuDeviceGet", ctypes.byref(handle), index)
    _ask(cuda, "cuDeviceTotalMem_v2", ctypes.byref(vram), handle)
    _ask(cuda, "cuDeviceGetName", name, _NAME_BYTES, handle)
    return Device(index=index, vram=vram.value, model=name.value.decode(errors="replace"))


def _ask(cuda: Library, function: str, *arguments: object) -> None:
    code = int(getattr(cuda, function)(*arguments))
    if code:
        raise DriverError(f"the NVIDIA driver fails: {function} came to {code}")


def _system_library() -> Library | None:
    for name in _LIBRARIES:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None
