"""The command as a container starts it: a process of its own under Runpod's SDK."""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from mlnode.poc.params import MODEL_PARAMS_TEST
from mlnode.serverless.handler import answer
from mlnode.serverless.machine import Machine

# A process that loads PyTorch and tries every engine takes ten seconds or more.
pytestmark = pytest.mark.long

FOLDER = Path(__file__).parents[2] / "serverless"
EXAMPLE: dict[str, Any] = json.loads((FOLDER / "test_input.json").read_text("utf-8"))
COMMAND = [sys.executable, "-m", "mlnode.serverless.handler"]
ENVIRONMENT = {**os.environ, "LOG_LEVEL": "WARNING", "OMP_NUM_THREADS": "1"}


def run(*arguments: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=cwd,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=280,
    )


def test_the_example_beside_the_dockerfile_runs_and_ends_well() -> None:
    came = run(cwd=FOLDER)
    assert came.returncode == 0, came.stderr
    found = re.search(r"Job result: (\{.*\})", came.stdout)
    assert found is not None
    wanted = answer(EXAMPLE, Machine())
    assert found.group(1) == str({"output": wanted})


def test_a_wrong_input_ends_the_command_with_its_name(tmp_path: Path) -> None:
    event = {"input": {**EXAMPLE["input"], "block_hash": "xy"}}
    came = run("--test_input", json.dumps(event), cwd=tmp_path)
    assert came.returncode == 1
    assert "block_hash = \"'xy'\": must be 64 lower-case hexadecimal digits" in came.stdout


def test_the_module_can_be_imported_without_the_sdk() -> None:
    script = """
import sys
sys.modules["runpod"] = None
from mlnode.serverless.handler import handler
print(sorted(handler({})))
"""
    came = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=280
    )
    assert (came.returncode, came.stdout) == (0, "['error', 'error_type']\n"), came.stderr


@pytest.fixture
def served() -> Iterator[str]:
    """The URL of a local endpoint, as the SDK serves it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    arguments = ["--rp_serve_api", "--rp_api_host", "127.0.0.1", "--rp_api_port", str(port)]
    with subprocess.Popen(
        [*COMMAND, *arguments],
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            assert any("Uvicorn running" in line for line in process.stderr)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


def test_an_endpoint_answers_a_broker(served: str) -> None:
    job = httpx.post(f"{served}/runsync", json=EXAMPLE, timeout=240).json()
    assert job["status"] == "COMPLETED"
    assert job["output"] == answer(EXAMPLE, Machine())
    assert MODEL_PARAMS_TEST.dim == EXAMPLE["input"]["params"]["dim"]
    wrong = {"input": {**EXAMPLE["input"], "nonces": [1, 1]}}
    job = httpx.post(f"{served}/runsync", json=wrong, timeout=240).json()
    assert job["status"] == "FAILED"
    assert job["error"] == "nonces = 1: must be each there once"
