from dataclasses import replace

import pytest

from mlnode.poc.params import MODEL_PARAMS, MODEL_PARAMS_BIG, MODEL_PARAMS_TEST, PocParams
from mlnode.poc.tensors import weight_bytes, weight_shapes
from mlnode.shard.groups import Device, GpuGroup, group_devices
from mlnode.shard.memory import (
    activation_bytes,
    get_batch_size_from_memory,
    get_min_group_vram,
    good_batch,
)
from mlnode.shard.placement import PlacementError, even_stages, place

GB = 10**9
SMALL, BIG = get_min_group_vram(MODEL_PARAMS), get_min_group_vram(MODEL_PARAMS_BIG)

# What the cards have in GB, the bytes a group needs, the groups by card, and the cards left out.
TABLE: dict[str, tuple[list[float], int, list[list[int]], list[int]]] = {
    "no card": ([], SMALL, [], []),
    "one card that is enough": ([24], SMALL, [[0]], []),
    "one card that is too small": ([24], BIG, [], [0]),
    "four cards of 23.6 GB are four groups of one": ([23.6] * 4, SMALL, [[0], [1], [2], [3]], []),
    "a big network takes two cards of 24 GB": ([24] * 4, BIG, [[0, 1], [2, 3]], []),
    "of three such cards one is left over": ([24] * 3, BIG, [[0, 1]], [2]),
    "a big network takes four cards of 12 GB": ([12] * 4, BIG, [[0, 1, 2, 3]], []),
    "and eight of 6 GB": ([6] * 8, BIG, [list(range(8))], []),
    "sixteen of 2 GB are too small": ([2] * 16, BIG, [], list(range(16))),
    "a group of three is a group of four": ([16] * 4, 45 * GB, [[0, 1, 2, 3]], []),
    "three cards make no group of four": ([16] * 3, 45 * GB, [], [0, 1, 2]),
    "a small card joins the large one behind it": ([8, 80, 80], BIG, [[0, 1], [2]], []),
    "a card too many before a large one is left out": ([8, 8, 80], BIG, [[1, 2]], [0]),
    "mixed cards": ([80, 24, 24, 48, 12], BIG, [[0], [1, 2], [3]], [4]),
    "48 cards of 80 GB": ([80] * 48, BIG, [[card] for card in range(48)], []),
    "48 cards of 24 GB": ([24] * 48, BIG, [[card, card + 1] for card in range(0, 48, 2)], []),
    "exactly the minimum": ([1, 1], 2 * GB, [[0, 1]], []),
    "a byte below the minimum": ([1, 1], 2 * GB + 1, [], [0, 1]),
}


@pytest.mark.parametrize("case", sorted(TABLE))
def test_devices_are_dealt_out_in_order(case: str) -> None:
    sizes, minimum, groups, left_out = TABLE[case]
    devices = [Device(index=index, vram=int(size * GB)) for index, size in enumerate(sizes)]
    came = group_devices(reversed(devices), minimum)
    assert [[device.index for device in group.devices] for group in came.groups] == groups
    assert [device.index for device in came.left_out] == left_out
    for group in came.groups:
        assert group.primary_device == group.devices[0]
        assert group.vram >= minimum


def test_a_device_has_the_name_that_pytorch_knows() -> None:
    cpu = Device(index=-1, vram=0)
    assert cpu.name == "cpu"
    assert Device(index=3, vram=0).name == "cuda:3"
    assert GpuGroup(devices=(cpu,), primary_device=cpu).vram == 0


def test_what_a_group_needs_is_more_than_weights_and_not_much_more() -> None:
    for params in (MODEL_PARAMS, MODEL_PARAMS_BIG):
        assert 1.1 * weight_bytes(params) < get_min_group_vram(params) < 1.6 * weight_bytes(params)
    assert get_min_group_vram(MODEL_PARAMS_BIG) < 48 * GB


def test_a_batch_is_what_fits_and_nothing_where_nothing_does() -> None:
    one = activation_bytes(MODEL_PARAMS)
    assert one == 128 * (4 * 1_024 + 28_672) + 8 * 8_196
    assert get_batch_size_from_memory(MODEL_PARAMS, 100 * one, usable=1, in_flight=1) == 100
    assert get_batch_size_from_memory(MODEL_PARAMS, 100 * one - 1, usable=1, in_flight=1) == 99
    assert get_batch_size_from_memory(MODEL_PARAMS, 100 * one) == 45
    assert get_batch_size_from_memory(MODEL_PARAMS, one) == 0
    assert good_batch(MODEL_PARAMS) == 256
    assert good_batch(replace(MODEL_PARAMS, seq_len=1_024)) == 32


def test_the_big_network_fits_40_gb_with_a_batch_of_one_or_more() -> None:
    free = 40 * GB - weight_bytes(MODEL_PARAMS_BIG)
    assert get_batch_size_from_memory(MODEL_PARAMS_BIG, free) >= 1


@pytest.mark.parametrize("params", [MODEL_PARAMS, MODEL_PARAMS_BIG, MODEL_PARAMS_TEST])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_stages_hold_every_tensor_once_in_order(params: PocParams, count: int) -> None:
    stages = even_stages(params, [f"cuda:{index}" for index in range(count)])
    assert [name for stage in stages for name in stage.tensors] == list(weight_shapes(params))
    assert [stage.head for stage in stages] == [False] * (count - 1) + [True]
    lengths = [len(stage.layers) for stage in stages]
    assert max(lengths) - min(lengths) <= 1


def test_more_stages_than_layers_are_refused() -> None:
    with pytest.raises(PlacementError, match="3 layers"):
        even_stages(MODEL_PARAMS_TEST, ["cpu"] * 4)


def test_unlike_devices_hold_what_they_have_room_for() -> None:
    devices, layer = ["cuda:0", "cuda:1"], 861_667_328
    assert place(MODEL_PARAMS_BIG, devices, [24 * GB, 24 * GB]) == even_stages(
        MODEL_PARAMS_BIG, devices
    )
    # accelerate keeps room for one more layer on the first device.
    stages = place(MODEL_PARAMS_BIG, devices, [11 * layer, 36 * layer])
    assert [name for stage in stages for name in stage.tensors] == list(
        weight_shapes(MODEL_PARAMS_BIG)
    )
    assert 8 <= len(stages[0].layers) <= 11
    assert place(MODEL_PARAMS_BIG, devices, [layer // 2, 50 * layer])[0].device == "cuda:1"


def test_a_network_that_does_not_fit_is_refused() -> None:
    with pytest.raises(PlacementError, match="too small"):
        place(MODEL_PARAMS_BIG, ["cuda:0", "cuda:1"], [12 * GB, 12 * GB])
