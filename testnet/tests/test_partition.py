"""Cuts between processes of a network, with real ones where this machine can make them."""

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from testnet.child import Command, log_tail
from testnet.errors import MissingToolError, NetworkError
from testnet.layout import Home
from testnet.partition import Partitions
from testnet.ports import free_ports
from testnet.supervisor import Supervisor

SERVER = """
import http.server, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"hello")
    def log_message(self, *args): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
"""
# Asks again and again and prints what changes: heard, or not heard within a second.
ASKER = """
import sys, time, urllib.request
before = None
while True:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}", timeout=1).read()
        now = "heard"
    except OSError:
        now = "silent"
    if now != before:
        print(now, flush=True)
    before = now
    time.sleep(0.05)
"""

can = Partitions(Path("/nowhere")).missing() == []


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    home = Home(tmp_path)
    home.create()
    running = Supervisor(home, notify=print)
    yield running
    running.close()


def start(supervisor: Supervisor, home: Path, name: str, code: str, port: int) -> Path:
    log = home / "logs" / f"{name}.log"
    supervisor.start(
        Command(name=name, argv=[sys.executable, "-c", code, str(port)], env={}, cwd=home, log=log)
    )
    return log


def until(supervisor: Supervisor, name: str, log: Path, said: str) -> None:
    supervisor.wait_ready(name, lambda: log_tail(log).splitlines()[-1:] == [said], 30.0)


def answers(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}", timeout=30).close()
    except OSError:
        return False
    return True


def test_a_machine_that_cannot_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text("proc /proc proc rw 0 0\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    partitions = Partitions(tmp_path, mounts=mounts)
    assert partitions.group("host0", "host0-chain") is None
    with pytest.raises(MissingToolError) as refused:
        partitions.cut("host0", ["host0"])
    for lack in ("root", "control groups of version 2", "nft (nftables)", "unshare (util-linux)"):
        assert lack in str(refused.value)
    with pytest.raises(NetworkError, match="'host0' is not cut off; cut off is nothing"):
        partitions.heal("host0")
    partitions.close()


def test_names_that_are_wrong_are_answered_with_the_right_ones(
    tmp_path: Path, supervisor: Supervisor
) -> None:
    start(supervisor, tmp_path, "host0-chain", "import time; time.sleep(600)", 0)
    with pytest.raises(NetworkError, match=r"no host or process is named 'host9'.*hosts are host0"):
        supervisor.partition("host9")


@pytest.mark.parametrize(
    ("name", "silent", "heard"),
    [
        ("host1", "host0-asker", "host1-asker"),
        ("host1-server", "host1-asker", None),
        ("host0", "host0-asker", "host1-asker"),
    ],
)
def test_who_is_cut_off_is_heard_by_nobody_else_and_by_an_operator(
    tmp_path: Path, supervisor: Supervisor, name: str, silent: str, heard: str | None
) -> None:
    if not can:
        start(supervisor, tmp_path, "host1-server", SERVER, free_ports(1)[0])
        with pytest.raises(MissingToolError, match="a partition needs"):
            supervisor.partition("host1")
        return
    (port,) = free_ports(1)
    start(supervisor, tmp_path, "host1-server", SERVER, port)
    supervisor.wait_ready("host1-server", lambda: answers(port), 30.0)
    logs = {a: start(supervisor, tmp_path, a, ASKER, port) for a in ("host0-asker", "host1-asker")}
    for asker, log in logs.items():
        until(supervisor, asker, log, "heard")
    supervisor.partition(name)
    with pytest.raises(NetworkError, match="cut off already"):
        supervisor.partition(name)
    until(supervisor, silent, logs[silent], "silent")
    if heard is not None:
        assert "silent" not in log_tail(logs[heard])
    # This process is in none of the network's groups.
    with urllib.request.urlopen(f"http://127.0.0.1:{port}", timeout=30) as body:
        assert body.read() == b"hello"
    supervisor.heal(name)
    until(supervisor, silent, logs[silent], "heard")


def test_the_end_leaves_no_group_and_no_table_behind(
    tmp_path: Path, supervisor: Supervisor
) -> None:
    start(supervisor, tmp_path, "host0-chain", "import time; time.sleep(600)", 0)
    partitions = Partitions(tmp_path)
    group = partitions.group("host0", "host0-chain")
    if not can:
        assert group is None or partitions.missing()
        return
    assert group is not None
    pid = str(supervisor.states()["host0-chain"]["pid"])
    supervisor.wait_ready("host0-chain", lambda: group.read_text().split() == [pid], 30.0)
    supervisor.partition("host0")
    assert partitions.name in tables()
    supervisor.close()
    assert not group.exists()
    assert partitions.name not in tables()


def test_nothing_runs_on_that_a_process_left_behind(tmp_path: Path, supervisor: Supervisor) -> None:
    log = start(
        supervisor,
        tmp_path,
        "host0-node1",
        "import subprocess, sys; print(subprocess.Popen([sys.executable, '-c',"
        " 'import time; time.sleep(600)'], start_new_session=True).pid, flush=True)",
        0,
    )
    supervisor.wait_ready("host0-node1", lambda: log_tail(log).strip(), 30.0)
    pid = int(log_tail(log))
    supervisor.close()
    if not can:
        os.kill(pid, signal.SIGKILL)
        return
    status = Path(f"/proc/{pid}/status")
    # Its new parent may not have taken note of its end yet.
    assert not status.exists() or "\nState:\tZ" in status.read_text()


def tables() -> str:
    return subprocess.run(
        ["nft", "list", "tables"], capture_output=True, text=True, check=True
    ).stdout
