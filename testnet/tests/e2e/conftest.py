"""Networks for the end-to-end tests."""

import contextlib
import subprocess
from collections.abc import Callable, Iterator

import pytest
from testnet.drive import Net
from testnet.errors import NetworkError


@pytest.fixture(scope="session")
def make_net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Net]]:
    """Makes networks and takes them down at the end, whatever happened."""
    made: list[Net] = []

    def make() -> Net:
        made.append(Net(tmp_path_factory.mktemp("net") / "home"))
        return made[-1]

    yield make
    for net in made:
        with contextlib.suppress(NetworkError, subprocess.TimeoutExpired):
            net.cli("down")
