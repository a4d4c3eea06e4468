"""What this installation is and stands on: build, versions, devices.

Nothing here loads a framework: the service answers before any worker has.
"""

import os
import platform
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from mlnode.shard.devices import CPU, DriverError, read_driver
from mlnode.shard.groups import Device

COMMIT_VARIABLE = "NINEFOLD_COMMIT"
"""Environment variable with the commit, for an image that brings no checkout."""

LIBRARIES = ("numpy", "torch", "triton", "numba", "transformers", "accelerate", "grpcio")
_KERNEL_MODULE = Path("/proc/driver/nvidia/version")
_SOURCE = Path(__file__).with_name("__init__.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """Which software this is.

    Attributes:
        version: of the package.
        commit: 40 hexadecimal digits, with "-dirty" where files were changed since; empty
            where it is not known.
    """

    version: str
    commit: str


def build(source: Path = _SOURCE, environment: str | None = None) -> Build:
    """Returns the build of this process.

    Args:
        source: a file of the package.
        environment: the commit that the environment names; None looks there.
    """
    named = os.environ.get(COMMIT_VARIABLE, "") if environment is None else environment
    return Build(version=_version("mlnode"), commit=named.strip() or _commit(source))


def versions(kernel_module: Path = _KERNEL_MODULE) -> dict[str, str]:
    """Returns the versions of drivers and libraries by name; "not installed" where one is not.

    Args:
        kernel_module: file in which the NVIDIA driver tells its version.
    """
    try:
        driver = read_driver()
        cuda = driver.version if driver is not None else "not installed"
    except DriverError as failure:
        cuda = str(failure)
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "nvidia-driver": _nvidia_driver(kernel_module),
        "cuda-driver": cuda,
        **{library: _version(library) for library in LIBRARIES},
    }


def named_devices(gpus: Sequence[Device]) -> tuple[tuple[str, str, int], ...]:
    """Returns (id, product name, bytes of memory) of the processor, then of each GPU."""
    processor = (CPU.name, _processor(), psutil.virtual_memory().total)
    return (processor, *((gpu.name, gpu.model, gpu.vram) for gpu in gpus))


def _commit(source: Path) -> str:
    """Returns the commit of the checkout that a file belongs to; empty where there is none.

    A package that is installed into an environment may lie inside of a checkout of something
    else, which does not know its files.
    """
    # Who only looks takes no lock on somebody's checkout, which a death would leave behind.
    git = ("git", "--no-optional-locks", "-C", str(source.parent))
    commands = (
        (*git, "ls-files", "--error-unmatch", source.name),
        (*git, "rev-parse", "HEAD"),
        (*git, "status", "--porcelain", "--untracked-files=no"),
    )
    said: list[str] = []
    for command in commands:
        try:
            came = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
        except (OSError, subprocess.TimeoutExpired):
            return ""
        if came.returncode:
            return ""
        said.append(came.stdout.strip())
    _, head, changed = said
    return f"{head}-dirty" if changed else head


def _nvidia_driver(path: Path) -> str:
    try:
        first = path.read_text().partition("\n")[0]
    except OSError:
        return "not installed"
    found = re.search(r"\b\d{3,}\.\d+(\.\d+)?\b", first)
    return found.group() if found else first.strip()


def _processor() -> str:
    """Product name of the processor, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"
