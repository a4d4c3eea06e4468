"""What a server tells of itself, over its real door."""

from dataclasses import replace
from typing import Any

import psutil
import pytest
from ninefold_proto.mlnode.v1 import node_pb2

from mlnode.service.config import Config
from mlnode.service.group import MakeHandle
from mlnode.shard.groups import Device

pytestmark = pytest.mark.asyncio(loop_scope="package")
GB = 10**9


def cards(*sizes: int) -> tuple[Device, ...]:
    return tuple(Device(index=i, vram=size * GB, model="Card") for i, size in enumerate(sizes))


def groups_of(info: Any) -> list[tuple[int, list[str], str, int]]:
    return [
        (group.group_index, list(group.devices), group.primary_device, group.memory_bytes)
        for group in info.groups
    ]


async def test_stages_on_a_cpu_are_one_group_of_its_memory(client: Any) -> None:
    info = await client.node.GetInfo(node_pb2.GetInfoRequest())
    total = psutil.virtual_memory().total
    assert groups_of(info) == [(0, ["cpu", "cpu"], "cpu", total)]
    assert list(info.unused_devices) == []
    assert [(d.id, d.memory_bytes) for d in info.devices] == [("cpu", total)]
    assert info.versions["nvidia-driver"]


async def test_gpus_are_told_with_their_groups_and_one_that_is_in_none(
    config: Config, running: Any, idle: MakeHandle
) -> None:
    alone = replace(config, poc=replace(config.poc, groups=(), engine="auto"))
    async with running(alone, make=idle, devices=cards(80, 2, 24)) as client:
        info = await client.node.GetInfo(node_pb2.GetInfoRequest())
    assert [device.id for device in info.devices] == ["cpu", "cuda:0", "cuda:1", "cuda:2"]
    assert [device.name for device in info.devices[1:]] == ["Card"] * 3
    assert groups_of(info) == [
        (0, ["cuda:0"], "cuda:0", 80 * GB),
        (1, ["cuda:1", "cuda:2"], "cuda:1", 26 * GB),
    ]
    assert list(info.unused_devices) == []


async def test_a_card_that_no_group_takes_is_named(
    config: Config, running: Any, idle: MakeHandle
) -> None:
    alone = replace(config, poc=replace(config.poc, groups=(), engine="auto"))
    async with running(alone, make=idle, devices=cards(80, 2)) as client:
        info = await client.node.GetInfo(node_pb2.GetInfoRequest())
    assert [names for _, names, _, _ in groups_of(info)] == [["cuda:0"]]
    assert list(info.unused_devices) == ["cuda:1"]
    chosen = replace(config, poc=replace(config.poc, groups=(("cuda:1",),), engine="auto"))
    async with running(chosen, make=idle, devices=cards(80, 24)) as client:
        info = await client.node.GetInfo(node_pb2.GetInfoRequest())
    assert groups_of(info) == [(0, ["cuda:1"], "cuda:1", 24 * GB)]
    assert list(info.unused_devices) == ["cuda:0"]


async def test_where_no_group_holds_the_network_every_card_is_unused(
    config: Config, running: Any, idle: MakeHandle
) -> None:
    alone = replace(config, poc=replace(config.poc, groups=(), engine="auto"))
    async with running(alone, make=idle, devices=cards(1)) as client:
        info = await client.node.GetInfo(node_pb2.GetInfoRequest())
    assert list(info.groups) == []
    assert list(info.unused_devices) == ["cuda:0"]
