"""Which device holds which layers: whole layers, in order, by what the devices have free."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import nn

from mlnode.poc.errors import EngineError
from mlnode.poc.params import PocParams
from mlnode.poc.tensors import weight_shapes


class PlacementError(EngineError):
    """The network does not fit into the devices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A run of layers on one device.

    Attributes:
        device: name for PyTorch; several stages may stand on one.
        layers: those that the stage computes; at least one.
        head: whether the head stands here too: in the last stage, and in no other.
    """

    device: str
    layers: range
    head: bool

    @property
    def tensors(self) -> tuple[str, ...]:
        """Names of its weights, in the order in which they are generated."""
        parts = ("qkv", "o", "gate_up", "down")
        names = tuple(f"layers.{layer}.{part}" for layer in self.layers for part in parts)
        return (*names, "head") if self.head else names


class _Layer(nn.Module):
    """A layer's weights without their bytes, for accelerate to weigh."""


def skeleton(params: PocParams) -> nn.Module:
    """Returns the network on the meta device: names and shapes, no memory."""
    layers = [_Layer() for _ in range(params.n_layers)]
    root = nn.Module()
    root.layers = nn.ModuleList(layers)
    for name, shape in weight_shapes(params).items():
        empty = torch.empty(shape, dtype=torch.int8, device="meta")
        *path, leaf = name.split(".")
        owner = layers[int(path[1])] if path else root
        owner.register_buffer(leaf, empty)
    return root


def even_stages(params: PocParams, devices: Sequence[str]) -> tuple[Stage, ...]:
    """Returns stages with numbers of layers that differ by one at most, for equal devices.

    Raises:
        PlacementError: there are more devices than layers.
    """
    count = len(devices)
    if not 1 <= count <= params.n_layers:
        raise PlacementError(f"{params.n_layers} layers make 1 to that many stages, not {count}")
    ends = [params.n_layers * stage // count for stage in range(count + 1)]
    return _stages(devices, [len(range(ends[i], ends[i + 1])) for i in range(count)])


def place(params: PocParams, devices: Sequence[str], free: Sequence[int]) -> tuple[Stage, ...]:
    """Returns stages such that each device's weights fit into what it has free.

    Even stages where they fit, because a pipeline is as fast as its slowest stage; otherwise
    as accelerate fills devices that are not alike.

    Args:
        free: bytes for weights on each device.

    Raises:
        PlacementError: the network does not fit.
    """
    if len(devices) <= params.n_layers:
        even = even_stages(params, devices)
        if all(_bytes(params, s) <= room for s, room in zip(even, free, strict=True)):
            return even
    return _filled(params, devices, free)


def _filled(params: PocParams, devices: Sequence[str], free: Sequence[int]) -> tuple[Stage, ...]:
    from accelerate import infer_auto_device_map

    # accelerate counts devices by number, and the disk takes what fits nowhere.
    room: dict[int | str, int | str] = dict(enumerate(free))
    map_of = cast(Callable[..., dict[str, int | str]], infer_auto_device_map)
    where = map_of(
        skeleton(params),
        max_memory={**room, "cpu": 0},
        no_split_module_classes=["_Layer"],
        offload_buffers=True,
    )
    places = [where.get(f"layers.{layer}") for layer in range(params.n_layers)]
    if "" in where:
        places = [where[""]] * params.n_layers
    if not all(isinstance(spot, int) for spot in places):
        raise PlacementError(f"{len(devices)} devices with {sum(free)} free bytes are too small")
    counts = [places.count(number) for number in range(len(devices))]
    used = [number for number, count in enumerate(counts) if count]
    stages = _stages([devices[number] for number in used], [counts[number] for number in used])
    if any(_bytes(params, s) > free[n] for s, n in zip(stages, used, strict=True)):
        raise PlacementError(f"{len(devices)} devices with {sum(free)} free bytes are too small")
    return stages


def _stages(devices: Sequence[str], counts: Sequence[int]) -> tuple[Stage, ...]:
    stages: list[Stage] = []
    first = 0
    for number, (device, count) in enumerate(zip(devices, counts, strict=True)):
        layers = range(first, first + count)
        stages.append(Stage(device=device, layers=layers, head=number == len(counts) - 1))
        first += count
    return tuple(stages)


def _bytes(params: PocParams, stage: Stage) -> int:
    shapes = weight_shapes(params)
    return sum(shapes[name][0] * shapes[name][1] for name in stage.tensors)
