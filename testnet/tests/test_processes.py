"""Starting, watching and ending processes; small real ones."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from testnet.binaries import repository
from testnet.child import Child, Command, log_tail, stop_all
from testnet.control import ControlServer, request
from testnet.errors import HomeError, NetworkError, ProcessFailedError
from testnet.layout import Home
from testnet.ports import FIRST, LAST, free_ports
from testnet.supervisor import Supervisor, running_supervisor

SLEEPER = "import time; print('up', flush=True); time.sleep(600)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('up', flush=True); time.sleep(600)"
)


def command(home: Path, name: str, code: str, grace_s: float = 5.0) -> Command:
    return Command(
        name=name,
        argv=[sys.executable, "-c", code],
        env={},
        cwd=home,
        log=home / "logs" / f"{name}.log",
        grace_s=grace_s,
    )


def wait(done: Callable[[], object], timeout_s: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not done():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.02)


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    # A zombie of another parent counts as ended.
    return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()


@pytest.fixture
def notes() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, notes: list[str]) -> Iterator[Supervisor]:
    home = Home(tmp_path)
    home.create()
    running = Supervisor(home, notify=notes.append)
    yield running
    running.close()


def test_all_are_asked_to_end_and_the_stubborn_one_is_killed(tmp_path: Path) -> None:
    children = [
        Child(command(tmp_path, "polite", SLEEPER)),
        Child(command(tmp_path, "stubborn", STUBBORN, grace_s=0.3)),
    ]
    for child in children:
        wait(lambda c=child: "up" in log_tail(c.command.log))
    stop_all(children)
    assert [c.exit_code() for c in children] == [-15, -9]


def test_a_child_ends_with_its_parent_whatever_ends_the_parent(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time; from pathlib import Path; from testnet.child import *;"
            f"c = Child(Command(name='c', argv=[sys.executable, '-c', {SLEEPER!r}], env={{}},"
            f" cwd=Path('.'), log=Path({str(tmp_path / 'c.log')!r})));"
            "print(c.pid, flush=True); time.sleep(600)",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait(lambda: gone(pid))


def test_a_process_that_ends_while_starting_is_reported_with_its_log(
    tmp_path: Path, supervisor: Supervisor
) -> None:
    supervisor.start(command(tmp_path, "bad", "raise SystemExit('port 1 is in use')"))
    with pytest.raises(ProcessFailedError, match=r"(?s)bad ended with 1.*port 1 is in use"):
        supervisor.wait_ready("bad", lambda: False, 20.0)


def test_a_home_of_another_build_is_named_with_what_to_do(
    tmp_path: Path, supervisor: Supervisor
) -> None:
    versions = (repository() / "inference-chain" / "app" / "versions.go").read_text()
    found = re.search(r'ErrOtherVersion = errors\.New\("(.+)"\)', versions)
    assert found is not None
    supervisor.start(command(tmp_path, "chain", f"raise SystemExit('Error: home: {found[1]}')"))
    with pytest.raises(ProcessFailedError, match="remove the folder to found a network anew"):
        supervisor.wait_ready("chain", lambda: False, 20.0)


def test_a_process_that_never_becomes_ready_is_reported(
    tmp_path: Path, supervisor: Supervisor
) -> None:
    supervisor.start(command(tmp_path, "slow", SLEEPER))
    with pytest.raises(ProcessFailedError, match=r"was not ready after 0\.3 s"):
        supervisor.wait_ready("slow", lambda: False, 0.3)


def test_a_kill_is_no_fault_and_the_process_comes_back(
    tmp_path: Path, supervisor: Supervisor, notes: list[str]
) -> None:
    supervisor.start(command(tmp_path, "node", SLEEPER))
    first = supervisor.states()["node"]["pid"]
    supervisor.kill("node")
    assert supervisor.states()["node"] == {"pid": None, "state": "ended", "exit_code": -9}
    supervisor.restart("node")
    assert supervisor.states()["node"]["pid"] != first
    assert notes == []
    exits = [
        json.loads(line) for line in (tmp_path / "logs" / "exits.jsonl").read_text().splitlines()
    ]
    assert [(e["name"], e["exit_code"]) for e in exits] == [("node", -9)]


def test_an_end_that_nobody_asked_for_is_told(
    tmp_path: Path, supervisor: Supervisor, notes: list[str]
) -> None:
    supervisor.start(command(tmp_path, "crash", "print('why'); raise SystemExit(3)"))
    wait(supervisor.reap)
    assert "crash ended with 3" in notes[0]
    assert "why" in notes[0]


def test_names_that_are_wrong_are_answered_with_the_right_ones(
    tmp_path: Path, supervisor: Supervisor
) -> None:
    supervisor.start(command(tmp_path, "node", SLEEPER))
    with pytest.raises(NetworkError, match="'nod' is not of this network; running are node"):
        supervisor.kill("nod")
    with pytest.raises(NetworkError, match="node is running; kill it first"):
        supervisor.restart("node")


def test_a_home_takes_one_supervisor_and_is_free_again_afterwards(
    tmp_path: Path, supervisor: Supervisor
) -> None:
    home = Home(tmp_path)
    supervisor.open()
    assert running_supervisor(home) == os.getpid()
    with pytest.raises(HomeError, match="already runs"):
        Supervisor(home, notify=print).open()
    assert request(home.control_path, {"op": "status"}) == {"processes": {}}
    with pytest.raises(NetworkError, match="unknown request 'dance'"):
        request(home.control_path, {"op": "dance"})
    supervisor.close()
    assert running_supervisor(home) is None
    with pytest.raises(HomeError, match="no network runs"):
        request(home.control_path, {"op": "status"})


def test_a_deep_home_still_has_a_control_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    server = ControlServer(deep / "control.sock", lambda message: {"heard": message["word"]})
    try:
        assert request(deep / "control.sock", {"word": "hello"}) == {"heard": "hello"}
    finally:
        server.close()


def test_a_supervisor_that_does_not_answer_in_time_is_said_plainly(tmp_path: Path) -> None:
    go_on = threading.Event()
    server = ControlServer(tmp_path / "control.sock", lambda _: {"waited": go_on.wait(30.0)})
    try:
        with pytest.raises(NetworkError, match=r"has not answered in 0\.1 s; .*supervisor\.log"):
            request(tmp_path / "control.sock", {"op": "status"}, timeout_s=0.1)
    finally:
        go_on.set()
        server.close()


@pytest.mark.parametrize("said", [b"", b'{"ok": tr'])
def test_a_supervisor_that_goes_down_meanwhile_is_said_plainly(tmp_path: Path, said: bytes) -> None:
    def hang_up() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1 << 16)
            connection.sendall(said)

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(tmp_path / "control.sock"))
        listener.listen()
        thread = threading.Thread(target=hang_up)
        thread.start()
        with pytest.raises(HomeError, match="is going down"):
            request(tmp_path / "control.sock", {"op": "status"})
        thread.join()


def test_free_ports_are_distinct_and_below_the_ephemeral_range() -> None:
    ports = free_ports(40)
    assert len(set(ports)) == 40
    assert all(FIRST <= port <= LAST for port in ports)


def test_a_port_that_is_promised_is_not_given_again() -> None:
    all_but_three = range(FIRST, LAST - 2)
    try:
        ports = free_ports(1, taken=all_but_three)
    except NetworkError:
        # All three are in use on this machine, which is an answer as well.
        return
    assert ports[0] > LAST - 3


def stopped(pid: int) -> bool:
    return "\nState:\tT" in Path(f"/proc/{pid}/status").read_text()


PARENT = (
    "import subprocess, sys, time;"
    "print(subprocess.Popen([sys.executable, '-c', 'import sys; sys.stdin.read()'],"
    " stdin=subprocess.PIPE).pid, flush=True); time.sleep(600)"
)


def test_a_paused_process_stands_still_with_its_children_and_goes_on(
    tmp_path: Path, supervisor: Supervisor, notes: list[str]
) -> None:
    supervisor.start(command(tmp_path, "node", PARENT))
    wait(lambda: log_tail(tmp_path / "logs" / "node.log").strip())
    pids = [
        supervisor.states()["node"]["pid"],
        int(log_tail(tmp_path / "logs" / "node.log")),
    ]
    supervisor.pause("node")
    wait(lambda: all(stopped(pid) for pid in pids))
    assert supervisor.states()["node"]["state"] == "paused"
    with pytest.raises(NetworkError, match="node is paused already"):
        supervisor.pause("node")
    supervisor.resume("node")
    wait(lambda: not any(stopped(pid) for pid in pids))
    assert supervisor.states()["node"]["state"] == "running"
    with pytest.raises(NetworkError, match="node is not paused"):
        supervisor.resume("node")
    assert notes == []


def test_a_paused_process_can_be_killed_and_does_not_hold_up_the_end(
    tmp_path: Path, supervisor: Supervisor
) -> None:
    for name in ("one", "two"):
        supervisor.start(command(tmp_path, name, SLEEPER, grace_s=60.0))
        wait(lambda n=name: "up" in log_tail(tmp_path / "logs" / f"{n}.log"))
        supervisor.pause(name)
    supervisor.kill("one")
    assert supervisor.states()["one"]["exit_code"] == -9
    supervisor.close()
    # It heard the request to end, which one that is stopped does not.
    assert supervisor.states()["two"]["exit_code"] == -15


NESTING = (
    "import subprocess, sys, time;"
    f"print(subprocess.Popen([sys.executable, '-c', {STUBBORN!r}]).pid, flush=True);"
    "time.sleep(600)"
)


@pytest.mark.parametrize("ended_by", ["kill", "close", "its own end"])
def test_what_a_nested_command_runs_does_not_outlive_it(
    tmp_path: Path, supervisor: Supervisor, ended_by: str
) -> None:
    supervisor.start(replace(command(tmp_path, "node", NESTING, grace_s=0.5), nested=True))
    wait(lambda: len(log_tail(tmp_path / "logs" / "node.log").split()) == 2)
    inner = int(log_tail(tmp_path / "logs" / "node.log").split()[0])
    if ended_by == "its own end":
        os.kill(supervisor.states()["node"]["pid"], signal.SIGKILL)
        wait(supervisor.reap)
        wait(lambda: gone(inner))
    elif ended_by == "kill":
        supervisor.kill("node")
    supervisor.close()
    wait(lambda: gone(inner))


def test_another_process_with_a_recycled_id_is_no_supervisor(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for record in (f"{os.getpid()} 1\n", f"{os.getpid()}\n", "no number\n", ""):
        home.supervisor_path.write_text(record)
        assert running_supervisor(home) is None
