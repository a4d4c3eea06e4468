"""Triton kernels without a GPU."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


def interpreted(*arguments: str, path: Sequence[Path] = ()) -> list[str]:
    """What Python says, word by word, where Triton's interpreter runs the kernels.

    The interpreter is chosen when a kernel is defined, so it takes a process of its own.

    Args:
        path: folders to import from.
    """
    environment = {**os.environ, "TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
    if path:
        environment["PYTHONPATH"] = os.pathsep.join(map(str, path))
    came = subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert came.returncode == 0, came.stdout + came.stderr
    return came.stdout.split()
