"""What is wrong with this machine, and how to mend it."""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch

from mlnode.bench.work import PARAMS
from mlnode.poc.engines.selection import select_engine
from mlnode.poc.errors import NoEngineError
from mlnode.shard.devices import groups_of_this_machine
from mlnode.shard.gpu import group_engines

_FREE_DISK = 20 * 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a look at one thing found.

    Attributes:
        name: of the thing.
        sound: whether it is as it should be.
        text: what was found.
        remedy: what to do; empty where it is sound.
    """

    name: str
    sound: bool
    text: str
    remedy: str = ""


def examine(state_dir: Path = Path()) -> list[Finding]:
    """Looks at everything; no look fails because of what it finds."""
    looks: list[Callable[[], Finding]] = [
        _driver, _devices, _engines, _memory, lambda: _disk(state_dir), _threads
    ]  # fmt: skip
    return [look() for look in looks]


def _driver() -> Finding:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return Finding(name="driver", sound=True, text="no NVIDIA driver: proofs run on the CPU")
    came = subprocess.run(
        [tool, "--query-gpu=name,driver_version", "--format=csv,noheader"],
        capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    if came.returncode:
        return Finding(
            name="driver", sound=False, text=(came.stderr or came.stdout).strip(),
            remedy="reinstall the NVIDIA driver, or reboot after its update",
        )  # fmt: skip
    if not torch.cuda.is_available():
        return Finding(
            name="driver", sound=False, text=f"{came.stdout.strip()}, but PyTorch sees no GPU",
            remedy=f"install a driver for CUDA {torch.version.cuda}, or unset CUDA_VISIBLE_DEVICES",
        )  # fmt: skip
    return Finding(name="driver", sound=True, text="; ".join(came.stdout.split("\n")).strip("; "))


def _devices() -> Finding:
    grouping = groups_of_this_machine(PARAMS["MAIN"])
    groups = " | ".join(",".join(d.name for d in group.devices) for group in grouping.groups)
    if grouping.left_out:
        unused = ", ".join(device.name for device in grouping.left_out)
        return Finding(
            name="groups", sound=False, text=f"groups: {groups or 'none'}; not used: {unused}",
            remedy="these cards are too small together; free their memory or add another",
        )  # fmt: skip
    return Finding(name="groups", sound=True, text=groups)


def _engines() -> Finding:
    groups = groups_of_this_machine(PARAMS["MAIN"]).groups
    devices = tuple(device.name for device in groups[0].devices) if groups else ("cpu",)
    try:
        selection = select_engine(group_engines(devices))
    except NoEngineError as failure:
        return Finding(
            name="engines", sound=False, text=str(failure),
            remedy="the hardware or a library computes wrongly: test the memory, update PyTorch",
        )  # fmt: skip
    return Finding(name="engines", sound=True, text=selection.summary)


def _memory() -> Finding:
    free = psutil.virtual_memory().available
    needed = 4 * 10**9
    text = f"{free / 1e9:.1f} GB of memory are free"
    if free < needed and not torch.cuda.is_available():
        remedy = f"MODEL_PARAMS needs {needed / 1e9:.0f} GB: stop other programs"
        return Finding(name="memory", sound=False, text=text, remedy=remedy)
    return Finding(name="memory", sound=True, text=text)


def _disk(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    text = f"{free / 1e9:.0f} GB are free where the state is kept"
    if free < _FREE_DISK:
        remedy = "models and the journal need room: free some, or move service.state_dir"
        return Finding(name="disk", sound=False, text=text, remedy=remedy)
    return Finding(name="disk", sound=True, text=text)


def _threads() -> Finding:
    threads, cores = torch.get_num_threads(), len(os.sched_getaffinity(0))
    text = f"{threads} threads on {cores} cores"
    if threads > cores:
        remedy = f"set OMP_NUM_THREADS={cores}"
        return Finding(name="threads", sound=False, text=text, remedy=remedy)
    return Finding(name="threads", sound=True, text=text)
