"""Which devices prove together (docs/spec/poc.md, "Groups")."""

from collections.abc import Iterable
from dataclasses import dataclass

SIZES = (1, 2, 4, 8)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Device:
    """A device of this machine.

    Attributes:
        index: its number, as the driver counts what is visible; −1 is the CPU.
        vram: bytes of memory.
        model: product name.
    """

    index: int
    vram: int
    model: str = ""

    @property
    def name(self) -> str:
        """Its name for PyTorch."""
        return "cpu" if self.index < 0 else f"cuda:{self.index}"


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuGroup:
    """Devices that hold one network between them.

    Attributes:
        devices: in order of their numbers.
        primary_device: where inputs are made and from where the group is driven.
    """

    devices: tuple[Device, ...]
    primary_device: Device

    @property
    def vram(self) -> int:
        """Bytes of all its devices."""
        return sum(device.vram for device in self.devices)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """How a machine's devices were dealt out.

    Attributes:
        groups: none shares anything with another.
        left_out: devices that could not join one; to be reported, never dropped in silence.
    """

    groups: tuple[GpuGroup, ...]
    left_out: tuple[Device, ...]


def group_devices(devices: Iterable[Device], min_vram: int) -> Grouping:
    """Deals devices out, in order of their numbers: the first 1, 2, 4 or 8 that reach the minimum.

    A device with which no such run reaches it is left out, and the next one is tried.

    Args:
        devices: each once, in any order.
        min_vram: bytes that a group needs in all; see ``memory.get_min_group_vram``.
    """
    waiting = sorted(devices)
    groups: list[GpuGroup] = []
    left_out: list[Device] = []
    while waiting:
        fit = [
            size
            for size in SIZES
            if size <= len(waiting) and sum(d.vram for d in waiting[:size]) >= min_vram
        ]
        if fit:
            members, waiting = tuple(waiting[: fit[0]]), waiting[fit[0] :]
            groups.append(GpuGroup(devices=members, primary_device=members[0]))
        else:
            left_out.append(waiting.pop(0))
    return Grouping(groups=tuple(groups), left_out=tuple(left_out))
