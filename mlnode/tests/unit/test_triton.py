"""The Triton kernels, run by Triton's interpreter: the same code as on a GPU, bit for bit."""

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parent / "triton_cases.py"


def test_every_kernel_equals_the_reference_in_the_interpreter() -> None:
    # The interpreter is chosen when a kernel is defined, so it takes a process of its own.
    environment = {**os.environ, "TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
    came = subprocess.run(
        [sys.executable, "-W", "error", str(SCRIPT)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert came.returncode == 0, came.stdout + came.stderr
    assert came.stdout.split() == ["int8", "fp16", "fill", "network"]
