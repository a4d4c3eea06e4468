"""What several test files start from."""

import signal
import subprocess
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from testnet.binaries import find_binaries


@contextmanager
def _running(config: Path) -> Generator[None]:
    with subprocess.Popen(
        [str(find_binaries().mlnode), "serve", "--config", str(config)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        try:
            for line in process.stderr:
                if "listening" in line:
                    break
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.stderr.close()


@pytest.fixture
def mlnode() -> Callable[[Path], AbstractContextManager[None]]:
    """Runs an mlnode that listens; use as ``with mlnode(config)``."""
    return _running
