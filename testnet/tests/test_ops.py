"""What dashboards and alerts ask of an mlnode, compared with one that runs.

The names of the broker and of CometBFT are compared with their registries in
decentralized-api/internal/daemon/ops_test.go.
"""

import re
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from testnet.binaries import repository
from testnet.ports import free_ports
from testnet.settings import write_toml

OPS = repository() / "ops"
NAME = re.compile(r"\bmlnode_[a-z_]+")


@pytest.fixture
def exported(tmp_path: Path, mlnode: Callable[[Path], AbstractContextManager[None]]) -> set[str]:
    grpc, metrics = free_ports(2)
    config = tmp_path / "mlnode.toml"
    write_toml(
        config,
        {
            "service": {
                "listen": f"127.0.0.1:{grpc}",
                "metrics_listen": f"127.0.0.1:{metrics}",
                "state_dir": str(tmp_path / "state"),
            }
        },
    )
    url = f"http://127.0.0.1:{metrics}/metrics"
    with mlnode(config), urllib.request.urlopen(url, timeout=60) as body:
        text = body.read().decode()
    return {re.split(r"[{ ]", line, maxsplit=1)[0] for line in text.splitlines() if line[0] != "#"}


def test_every_metric_of_an_mlnode_that_is_looked_at_is_exported(exported: set[str]) -> None:
    asked = {
        (path.name, name)
        for path in (*OPS.glob("grafana/*.json"), OPS / "prometheus" / "alerts.yml")
        for name in NAME.findall(path.read_text())
    }
    assert {path for path, _ in asked} == {"host.json", "alerts.yml"}
    assert [ask for ask in sorted(asked) if ask[1] not in exported] == []
