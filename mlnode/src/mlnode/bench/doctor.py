"""What is wrong with this machine, and how to mend it."""

import os
import shutil
import subprocess
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch

from mlnode.about import build, named_devices, versions
from mlnode.bench.work import PARAMS
from mlnode.poc.engines.kernel_cache import kernel_cache
from mlnode.poc.engines.selection import select_engine
from mlnode.poc.errors import KernelCacheError, PocError
from mlnode.service.config import Config, ConfigError, load_config
from mlnode.shard.devices import DriverError, groups_of, groups_of_this_machine, visible_devices
from mlnode.shard.gpu import group_engines

_FREE_DISK = 20 * 10**9
_FREE_KERNELS = 10**9
_PATIENCE_S = 30.0
Groups = Sequence[Sequence[str]]


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


def examine(path: Path | None = None) -> list[Finding]:
    """Looks at everything; no look fails because of what it finds.

    Args:
        path: configuration to look at the machine with; None for the one without any key.
    """
    config, found = Config(), list[Finding]()
    if path is not None:
        try:
            config = load_config(path)
            found.append(Finding(name="config", sound=True, text=str(path)))
        except ConfigError as failure:
            remedy = "mend it; the rest is looked at without it"
            found.append(Finding(name="config", sound=False, text=str(failure), remedy=remedy))
    looks: list[Callable[[], Finding]] = [
        _build,
        _versions,
        _driver,
        _found,
        lambda: _devices(config.poc.groups),
    ]
    more: list[Callable[[], Finding]] = [
        _memory,
        lambda: _disk(Path(config.service.state_dir)),
        lambda: _threads(config.poc.threads),
    ]
    if torch.cuda.is_available():
        more.append(_kernels)
    found += [look() for look in looks]
    return [*found, *_engines(config.poc.groups), *(look() for look in more)]


def _build() -> Finding:
    came = build()
    text = f"mlnode {came.version}, commit {came.commit or 'unknown'}"
    return Finding(name="build", sound=True, text=text)


def _versions() -> Finding:
    text = ", ".join(f"{name} {value}" for name, value in versions().items())
    return Finding(name="versions", sound=True, text=text)


def _found() -> Finding:
    try:
        gpus = visible_devices()
    except DriverError:
        # The look at the groups says so.
        gpus = ()
    text = "; ".join(
        f"{name}: {model}, {size / 1e9:.1f} GB" for name, model, size in named_devices(gpus)
    )
    return Finding(name="devices", sound=True, text=text)


def _driver() -> Finding:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return Finding(name="driver", sound=True, text="no NVIDIA driver: proofs run on the CPU")
    try:
        came = subprocess.run(
            [tool, "--query-gpu=name,driver_version", "--format=csv,noheader"],
            capture_output=True, text=True, check=False, timeout=_PATIENCE_S,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as failure:
        return Finding(
            name="driver", sound=False, text=str(failure),
            remedy="reboot: a card or its driver hangs; see dmesg",
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


def _devices(configured: Groups) -> Finding:
    try:
        gpus = visible_devices()
    except DriverError as failure:
        return Finding(
            name="groups", sound=False, text=str(failure),
            remedy="restart the machine after an update of the driver",
        )  # fmt: skip
    if configured:
        here = {"cpu", *(device.name for device in gpus)}
        missing = [name for group in configured for name in group if name not in here]
        text = _in_words(configured)
        if missing:
            return Finding(
                name="groups", sound=False, text=f"{text}; not here: {', '.join(missing)}",
                remedy=f"poc.groups may name {', '.join(sorted(here))}",
            )  # fmt: skip
        return Finding(name="groups", sound=True, text=f"{text}, as configured")
    grouping = groups_of(gpus, PARAMS["MAIN"])
    groups = _in_words([[d.name for d in group.devices] for group in grouping.groups])
    if grouping.left_out:
        unused = ", ".join(device.name for device in grouping.left_out)
        return Finding(
            name="groups", sound=False, text=f"groups: {groups or 'none'}; not used: {unused}",
            remedy="these cards are too small together; free their memory or add another",
        )  # fmt: skip
    return Finding(name="groups", sound=True, text=groups)


def _in_words(groups: Sequence[Sequence[str]]) -> str:
    return " | ".join(",".join(group) for group in groups)


def _engines(configured: Groups) -> list[Finding]:
    """Tries every engine on every group: a card that computes wrongly may be any of them."""
    try:
        here = {"cpu", *(device.name for device in visible_devices())}
        groups = configured or [
            [device.name for device in group.devices]
            for group in groups_of_this_machine(PARAMS["MAIN"]).groups
        ]
    except DriverError as failure:
        remedy = "mend the driver first"
        return [Finding(name="engines", sound=False, text=f"not tried: {failure}", remedy=remedy)]
    if not groups:
        remedy = "form a group first"
        text = "not tried: there is no group"
        return [Finding(name="engines", sound=False, text=text, remedy=remedy)]
    return [
        _engines_of(tuple(group), here, f"group {number} ({','.join(group)}): " * (len(groups) > 1))
        for number, group in enumerate(groups)
    ]


def _engines_of(group: tuple[str, ...], here: Collection[str], said: str) -> Finding:
    """Tries the engines of one group.

    Args:
        said: begins the text: which group it is, where there are several.
    """
    missing = ", ".join(dict.fromkeys(name for name in group if name not in here))
    if missing:
        text = f"{said}not tried: {missing} not here"
        return Finding(name="engines", sound=False, text=text, remedy="mend poc.groups first")
    try:
        selection = select_engine(group_engines(group))
    except (PocError, RuntimeError, OSError) as failure:
        return Finding(
            name="engines", sound=False, text=f"{said}{failure}",
            remedy="free room for Triton's kernels, or set TRITON_CACHE_DIR to where there is some"
            if KernelCacheError.__name__ in str(failure)
            else "the hardware or a library computes wrongly: test the memory, update PyTorch",
        )  # fmt: skip
    return Finding(name="engines", sound=True, text=f"{said}{selection.summary}")


def _memory() -> Finding:
    free = psutil.virtual_memory().available
    needed = 4 * 10**9
    text = f"{free / 1e9:.1f} GB of memory are free"
    if free < needed and not torch.cuda.is_available():
        remedy = f"MODEL_PARAMS needs {needed / 1e9:.0f} GB: stop other programs"
        return Finding(name="memory", sound=False, text=text, remedy=remedy)
    return Finding(name="memory", sound=True, text=text)


def _disk(folder: Path) -> Finding:
    while not folder.exists():
        # It is made when the service starts.
        folder = folder.absolute().parent
    free = shutil.disk_usage(folder).free
    text = f"{free / 1e9:.0f} GB are free where the state is kept"
    if free < _FREE_DISK:
        remedy = "models and the journal need room: free some, or move service.state_dir"
        return Finding(name="disk", sound=False, text=text, remedy=remedy)
    return Finding(name="disk", sound=True, text=text)


def _kernels() -> Finding:
    folder = kernel_cache()
    while not folder.exists():
        # It is made with the first kernel.
        folder = folder.absolute().parent
    free = shutil.disk_usage(folder).free
    text = f"{free / 1e9:.1f} GB are free where Triton keeps its kernels, {kernel_cache()}"
    if free < _FREE_KERNELS or not os.access(folder, os.W_OK):
        return Finding(
            name="kernels", sound=False, text=text,
            remedy="free some room there and let it be written to, or set TRITON_CACHE_DIR",
        )  # fmt: skip
    return Finding(name="kernels", sound=True, text=text)


def _threads(configured: int) -> Finding:
    threads, cores = configured or torch.get_num_threads(), len(os.sched_getaffinity(0))
    text = f"{threads} threads on {cores} cores"
    if threads > cores:
        remedy = f"set {'poc.threads' if configured else 'OMP_NUM_THREADS'} to {cores}"
        return Finding(name="threads", sound=False, text=text, remedy=remedy)
    return Finding(name="threads", sound=True, text=text)
