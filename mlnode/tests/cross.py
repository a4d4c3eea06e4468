"""Two ways to compute against each other: each proves, and judges what the other proved."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

SIDE = Path(__file__).with_name("cross_side.py")


def side(**job: Any) -> dict[str, Any]:
    """A way to compute; what is not given is one CPU that proves 4 batches of 32 nonces.

    ``shape`` replaces parts of the parameters.
    """
    usual = {
        "groups": 1,
        "devices": ["cpu"],
        "engine": "fp32",
        "params": "TEST",
        "shape": {},
        "r_target": "",
        "batches": 4,
        "size": 32,
    }
    return usual | job


def cross(one: dict[str, Any], other: dict[str, Any], *visible: str) -> list[dict[str, Any]]:
    """Returns what each side says of the other's proofs.

    Args:
        visible: CUDA_VISIBLE_DEVICES of each side; nothing for those of this process.
    """
    shown = visible or ("", "")
    sides = [_start(job, devices) for job, devices in zip((one, other), shown, strict=True)]
    proofs = [_proofs(process) for process in sides]
    for process, theirs in zip(sides, reversed(proofs), strict=True):
        assert process.stdin is not None
        process.stdin.write(theirs)
    said = [process.communicate(timeout=3_000) for process in sides]
    assert [process.returncode for process in sides] == [0, 0], said
    return [json.loads(out) for out, _ in said]


def _start(job: dict[str, Any], visible: str) -> "subprocess.Popen[str]":
    shown = {"CUDA_VISIBLE_DEVICES": visible} if visible else {}
    return subprocess.Popen(
        [sys.executable, SIDE, json.dumps(job)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # Two sides at a time, each with a thread for every core, would wait for each other.
        env={**os.environ, "OMP_NUM_THREADS": "1", **shown},
    )


def _proofs(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    lines = list(iter(process.stdout.readline, "\n"))
    assert lines, "a side ended before it proved"
    return "".join(lines) + "\n"
