"""What the doctor says of a machine with several groups; the machine is of the tests' making."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from engines import of_kind
from typing_extensions import override

from mlnode.bench import doctor
from mlnode.bench.doctor import Finding, examine
from mlnode.poc.arrays import I8, I64, U64
from mlnode.poc.decision import Decisions
from mlnode.shard.devices import DriverError
from mlnode.shard.engine import ShardedEngine
from mlnode.shard.groups import Device, GpuGroup, Grouping

GB = 10**9


class WrongDigests(ShardedEngine):
    """A card that computes wrongly."""

    @override
    def batch(self, nonces_B: U64, public_key: bytes | None = None) -> Decisions:
        came = super().batch(nonces_B, public_key)
        return replace(came, digests=np.zeros_like(came.digests))


class FullDisk(ShardedEngine):
    """A driver that cannot write what it compiles."""

    @override
    def dot(self, x_RK: I8, w_NK: I8) -> I64:
        raise OSError(28, "No space left on device")


class Lost(ShardedEngine):
    """A card that fell off the bus."""

    @override
    def batch(self, nonces_B: U64, public_key: bytes | None = None) -> Decisions:
        raise torch.AcceleratorError("CUDA error: unspecified launch failure")


CARDS: dict[str, type[ShardedEngine]] = {
    "cuda:0": ShardedEngine,
    "cuda:1": WrongDigests,
    "cuda:2": Lost,
    "cuda:3": ShardedEngine,
}


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """A machine with four cards, each a group, of which two are ill; says what was tried."""
    asked: list[tuple[str, ...]] = []
    gpus = tuple(Device(index=number, vram=24 * GB, model="card") for number in range(4))

    def engines(devices: tuple[str, ...]) -> tuple[ShardedEngine, ...]:
        asked.append(devices)
        kinds = {CARDS[name] for name in devices}
        kind = (kinds - {ShardedEngine} or kinds).pop()
        return (of_kind(kind, "fp32"),)

    groups = tuple(GpuGroup(devices=(gpu,), primary_device=gpu) for gpu in gpus)
    monkeypatch.setattr(doctor, "visible_devices", lambda: gpus)
    monkeypatch.setattr(doctor, "group_engines", engines)
    grouping = Grouping(groups=groups, left_out=())
    monkeypatch.setattr(doctor, "groups_of_this_machine", lambda _: grouping)
    return asked


def engines(path: Path | None = None) -> list[Finding]:
    return [finding for finding in examine(path) if finding.name == "engines"]


def test_every_group_is_tried_and_the_ill_ones_are_named(tried: list[tuple[str, ...]]) -> None:
    found = engines()
    assert tried == [("cuda:0",), ("cuda:1",), ("cuda:2",), ("cuda:3",)]
    assert [finding.sound for finding in found] == [True, False, False, True]
    assert found[0].text.startswith("group 0 (cuda:0): fp32 at ")
    assert found[1].text.startswith("group 1 (cuda:1): no engine is exact on this machine: fp32: ")
    assert "wrong digest of golden nonce 0" in found[1].text
    assert found[2].text.startswith("group 2 (cuda:2): CUDA error: unspecified launch failure")
    assert all(bool(finding.remedy) != finding.sound for finding in found)


def test_configured_groups_are_tried_as_they_are_and_one_that_is_not_here_is_not(
    tried: list[tuple[str, ...]], tmp_path: Path
) -> None:
    path = tmp_path / "mlnode.toml"
    path.write_text('[poc]\ngroups = [["cuda:0", "cuda:3"], ["cuda:2", "cuda:9"], ["cuda:1"]]\n')
    found = engines(path)
    assert tried == [("cuda:0", "cuda:3"), ("cuda:1",)]
    assert [finding.sound for finding in found] == [True, False, False]
    assert found[0].text.startswith("group 0 (cuda:0,cuda:3): fp32 at ")
    assert found[1].text == "group 1 (cuda:2,cuda:9): not tried: cuda:9 not here"
    assert found[1].remedy == "mend poc.groups first"


def test_a_full_disk_is_a_finding(
    tried: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(CARDS, "cuda:3", FullDisk)
    path = tmp_path / "mlnode.toml"
    path.write_text('[poc]\ngroups = [["cuda:3"]]\n')
    (found,) = engines(path)
    assert not found.sound
    assert "fp32: KernelCacheError: no kernel can be kept in " in found.text
    assert "No space left on device" in found.text
    assert "TRITON_CACHE_DIR" in found.remedy

    def nothing(_: tuple[str, ...]) -> tuple[ShardedEngine, ...]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(doctor, "group_engines", nothing)
    (found,) = engines(path)
    assert found.text == "[Errno 28] No space left on device"


def test_a_single_group_needs_no_number(tried: list[tuple[str, ...]], tmp_path: Path) -> None:
    path = tmp_path / "mlnode.toml"
    path.write_text('[poc]\ngroups = [["cuda:3"]]\n')
    (found,) = engines(path)
    assert found.text.startswith("fp32 at ")


def test_without_a_group_or_a_driver_nothing_is_called_sound(
    tried: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = Grouping(groups=(), left_out=())
    monkeypatch.setattr(doctor, "groups_of_this_machine", lambda _: empty)
    (found,) = engines()
    assert (found.sound, found.text) == (False, "not tried: there is no group")

    def broken() -> tuple[Device, ...]:
        raise DriverError("the NVIDIA driver fails: cuInit came to 803")

    monkeypatch.setattr(doctor, "visible_devices", broken)
    (found,) = engines()
    assert not found.sound
    assert found.text == "not tried: the NVIDIA driver fails: cuInit came to 803"
    assert tried == []


@pytest.mark.parametrize(
    ("script", "text"), [("exec sleep 60", "timed out"), ("echo lost; exit 9", "lost")]
)
def test_a_driver_that_hangs_or_fails_is_a_finding(
    script: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(doctor, "_PATIENCE_S", 0.5)
    found = {finding.name: finding for finding in examine()}["driver"]
    assert not found.sound
    assert text in found.text
    assert found.remedy


def test_a_folder_for_kernels_without_room_is_a_finding_where_there_is_a_gpu(
    tried: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "kernels"))
    for available, free, sound in ((False, 0, []), (True, 10**12, [True]), (True, 10**8, [False])):
        usage = type("Usage", (), {"free": free})
        monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _, usage=usage: usage)
        monkeypatch.setattr(doctor.torch.cuda, "is_available", lambda here=available: here)
        found = [finding for finding in examine() if finding.name == "kernels"]
        assert [finding.sound for finding in found] == sound
        assert all(str(tmp_path / "kernels") in finding.text for finding in found)
