"""What the driver is asked, and what a worker sees of the answer."""

import ctypes
from typing import Any

import pytest

from mlnode.poc.params import MODEL_PARAMS_BIG, MODEL_PARAMS_TEST
from mlnode.shard import devices
from mlnode.shard.devices import (
    DriverError,
    groups_of,
    own_devices,
    read_driver,
    shown_to,
    visible_devices,
)
from mlnode.shard.groups import Device

CARDS = (("NVIDIA H100", 80 * 10**9), ("NVIDIA L4", 24 * 10**9))


class Cuda:
    """Answers as libcuda does, through the pointers that it is given."""

    def __init__(self, *, cards: Any = CARDS, fails: dict[str, int] | None = None) -> None:
        self._cards = cards
        self._fails = fails or {}

    def __getattr__(self, name: str) -> Any:
        answer = getattr(type(self), f"{name}_")
        return lambda *arguments: self._fails.get(name, 0) or answer(self, *arguments)

    def cuInit_(self, _: int) -> int:
        return 0

    def cuDriverGetVersion_(self, version: Any) -> int:
        return self._set(version, ctypes.c_int, 13_020)

    def cuDeviceGetCount_(self, count: Any) -> int:
        return self._set(count, ctypes.c_int, len(self._cards))

    def cuDeviceGet_(self, handle: Any, index: int) -> int:
        return self._set(handle, ctypes.c_int, 70 + index)

    def cuDeviceTotalMem_v2_(self, size: Any, handle: ctypes.c_int) -> int:
        return self._set(size, ctypes.c_size_t, self._cards[handle.value - 70][1])

    def cuDeviceGetName_(self, name: Any, size: int, handle: ctypes.c_int) -> int:
        name.value = self._cards[handle.value - 70][0].encode()[: size - 1]
        return 0

    @staticmethod
    def _set(pointer: Any, kind: Any, value: int) -> int:
        ctypes.cast(pointer, ctypes.POINTER(kind))[0] = value
        return 0


def test_the_driver_tells_its_version_and_the_devices_by_number() -> None:
    driver = read_driver(Cuda())
    assert driver is not None
    assert driver.version == "13.2"
    assert driver.devices == (
        Device(index=0, vram=80 * 10**9, model="NVIDIA H100"),
        Device(index=1, vram=24 * 10**9, model="NVIDIA L4"),
    )


def test_a_driver_without_a_device_is_one_with_none() -> None:
    driver = read_driver(Cuda(fails={"cuInit": 100}))
    assert driver is not None
    assert driver.devices == ()


@pytest.mark.parametrize("call", ["cuInit", "cuDeviceGetCount", "cuDeviceTotalMem_v2"])
def test_a_driver_that_fails_is_no_machine_without_a_gpu(call: str) -> None:
    with pytest.raises(DriverError, match=f"{call} came to 803"):
        read_driver(Cuda(fails={call: 803}))


def test_a_machine_without_a_driver_has_no_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "_LIBRARIES", ("libnone.so.7",))
    assert read_driver() is None
    assert visible_devices() == ()
    grouping = groups_of(visible_devices(), MODEL_PARAMS_BIG)
    assert [d.name for group in grouping.groups for d in group.devices] == ["cpu"]


def test_devices_that_are_too_small_are_not_replaced_by_the_cpu() -> None:
    card = Device(index=0, vram=10**9)
    assert groups_of([card], MODEL_PARAMS_BIG).groups == ()
    assert groups_of([card], MODEL_PARAMS_BIG).left_out == (card,)
    assert len(groups_of([card], MODEL_PARAMS_TEST).groups) == 1


def test_a_worker_sees_its_own_devices_only_and_counts_them_from_zero() -> None:
    group = ("cuda:2", "cuda:3")
    assert shown_to(group, {}) == {"CUDA_VISIBLE_DEVICES": "2,3"}
    assert own_devices(group) == ("cuda:0", "cuda:1")
    # Where this process sees a selection, its numbers are places in that.
    chosen = {"CUDA_VISIBLE_DEVICES": "7, 5,GPU-1a2b,0"}
    assert shown_to(group, chosen) == {"CUDA_VISIBLE_DEVICES": "GPU-1a2b,0"}
    assert shown_to(("cpu", "cpu"), chosen) == {}
    assert own_devices(("cpu", "cpu")) == ("cpu", "cpu")
