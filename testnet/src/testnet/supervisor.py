"""Starts the processes of a network in order, watches them, stops them."""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from testnet.child import Child, Command, log_tail, record_exit, stop_all
from testnet.control import ControlServer
from testnet.errors import HomeError, NetworkError, ProcessFailedError
from testnet.layout import Home, write_atomically
from testnet.partition import Partitions

Ready = Callable[[], bool]
Notify = Callable[[str], None]
# What a chain node says of a home that another build wrote (app.ErrOtherVersion).
_OTHER_VERSION = "the state is of another version of this program"
_POLL_S = 0.1


class Supervisor:
    """Owner of every process of one network.

    All state is behind one lock; the control socket's thread and the main
    thread call the same methods.
    """

    def __init__(self, home: Home, *, notify: Notify) -> None:
        self._home = home
        self._notify = notify
        self._lock = threading.RLock()
        self._children: dict[str, Child] = {}
        self._commands: dict[str, Command] = {}
        self._ended: dict[str, int] = {}
        self._expected: set[str] = set()
        self._paused: set[str] = set()
        self._partitions = Partitions(home.root)
        self._control: ControlServer | None = None
        self.stopping = threading.Event()

    def open(self, extend: Callable[[str], None] | None = None) -> None:
        """Claim the home and listen for requests.

        Args:
            extend: starts the processes of a host that joined, by its name.

        Raises:
            HomeError: when another supervisor runs there.
        """
        pid = running_supervisor(self._home)
        if pid is not None:
            raise HomeError(
                f"a network already runs in {self._home.root} (process {pid}); "
                f"stop it with `testnet down --home {self._home.root}`"
            )
        self._extend = extend
        write_atomically(self._home.supervisor_path, f"{os.getpid()} {_birth(os.getpid())}\n")
        self._control = ControlServer(self._home.control_path, self._handle)

    def start(self, command: Command) -> None:
        """Start a process; NetworkError when it runs already."""
        with self._lock:
            if command.name in self._children:
                raise NetworkError(f"{command.name} is running")
            self._commands[command.name] = command
            group = self._partitions.group(host_of(command.name), command.name)
            self._children[command.name] = Child(replace(command, group=group))
            self._expected.discard(command.name)
            self._ended.pop(command.name, None)

    def wait_ready(self, name: str, ready: Ready, timeout_s: float) -> None:
        """Poll until a process is ready.

        Raises:
            ProcessFailedError: with the log's tail when it ends or takes too long.
        """
        deadline = time.monotonic() + timeout_s
        while not ready():
            self.reap()
            if name in self._ended:
                raise ProcessFailedError(self._fault(name, f"ended with {self._ended[name]}"))
            if time.monotonic() > deadline:
                raise ProcessFailedError(self._fault(name, f"was not ready after {timeout_s:g} s"))
            if self.stopping.wait(_POLL_S):
                raise NetworkError("stopped while starting")

    def reap(self) -> list[str]:
        """Note processes that ended; returns messages about those nobody killed."""
        faults: list[str] = []
        with self._lock:
            for name, child in list(self._children.items()):
                code = child.exit_code()
                if code is None:
                    continue
                # What it ran would go on without it, and hold its ports.
                child.kill()
                del self._children[name]
                self._ended[name] = code
                record_exit(self._home.exits_path(), child)
                if name not in self._expected and not self.stopping.is_set():
                    faults.append(self._fault(name, f"ended with {code}"))
        for fault in faults:
            self._notify(fault)
        return faults

    def close(self) -> None:
        """Stop every process, brokers first and validators last, and leave nothing behind."""
        self.stopping.set()
        with self._lock:
            children = dict(self._children)
            for name in self._paused:
                # Who is stopped hears no request to end.
                if name in children:
                    children[name].resume()
            self._paused.clear()
        brokers = [c for n, c in children.items() if n.endswith("-broker")]
        stop_all(brokers)
        stop_all([c for c in children.values() if c not in brokers])
        self.reap()
        self._partitions.close()
        if self._control is not None:
            self._control.close()
        self._home.supervisor_path.unlink(missing_ok=True)

    def states(self) -> dict[str, dict[str, Any]]:
        """Each process with its id and how it ended, for the status."""
        with self._lock:
            running = {
                n: {"pid": c.pid, "state": "paused" if n in self._paused else "running"}
                for n, c in self._children.items()
            }
            ended = {
                n: {"pid": None, "state": "ended", "exit_code": code}
                for n, code in self._ended.items()
                if n not in running
            }
        return running | ended

    def kill(self, name: str) -> None:
        """End a process at once and leave it down."""
        with self._lock:
            child = self._find(name)
            self._expected.add(name)
            if name in self._paused:
                # Its children notice its end only when they run.
                self._paused.discard(name)
                child.resume()
        child.kill()
        child.wait(10.0)
        self.reap()

    def pause(self, name: str) -> None:
        """Stop a process with all it started, until `resume`."""
        with self._lock:
            child = self._find(name)
            if name in self._paused:
                raise NetworkError(f"{name} is paused already")
            self._paused.add(name)
            child.pause()

    def resume(self, name: str) -> None:
        """Let a paused process go on."""
        with self._lock:
            child = self._find(name)
            if name not in self._paused:
                raise NetworkError(f"{name} is not paused")
            self._paused.discard(name)
            child.resume()

    def partition(self, name: str) -> None:
        """Cut a process, or all of a host, off from the rest of the network until `heal`."""
        with self._lock:
            hosts = {host_of(process) for process in self._commands}
            if name in hosts:
                self._partitions.cut(name, [name])
                return
            if name not in self._commands:
                raise NetworkError(
                    f"no host or process is named {name!r}; {self._names()}, "
                    f"hosts are {', '.join(sorted(hosts)) or 'none'}"
                )
            self._partitions.cut(name, [host_of(name), name])

    def heal(self, name: str) -> None:
        """End a partition."""
        with self._lock:
            self._partitions.heal(name)

    def restart(self, name: str) -> None:
        """Start a process that is down again, with the command it had."""
        self.reap()
        with self._lock:
            if name not in self._commands:
                raise NetworkError(f"no process is named {name!r}; {self._names()}")
            if name in self._children:
                raise NetworkError(f"{name} is running; kill it first")
            self.start(self._commands[name])

    def _find(self, name: str) -> Child:
        child = self._children.get(name)
        if child is None:
            known = "is down" if name in self._commands else "is not of this network"
            raise NetworkError(f"{name!r} {known}; {self._names()}")
        return child

    def _names(self) -> str:
        return "running are " + (", ".join(sorted(self._children)) or "none")

    def _fault(self, name: str, what: str) -> str:
        log = self._home.log_path(name)
        tail = log_tail(log)
        fault = f"{name} {what}; its log {log} ends with\n{indent(tail)}"
        if _OTHER_VERSION in tail:
            fault += (
                f"\n{self._home.root} was founded by another build of this program: remove the "
                "folder to found a network anew, choose another --home, or go on with that build"
            )
        return fault

    def _handle(self, message: dict[str, Any]) -> dict[str, Any]:
        match message.get("op"):
            case "status":
                self.reap()
                return {"processes": self.states()}
            case "kill":
                self.kill(str(message.get("name")))
            case "start":
                self.restart(str(message.get("name")))
            case "pause":
                self.pause(str(message.get("name")))
            case "resume":
                self.resume(str(message.get("name")))
            case "partition":
                self.partition(str(message.get("name")))
            case "heal":
                self.heal(str(message.get("name")))
            case "join":
                if self._extend is None:
                    raise NetworkError("this network takes no further hosts")
                self._extend(str(message.get("host")))
            case "down":
                self.stopping.set()
            case other:
                raise NetworkError(f"unknown request {other!r}")
        return {}


def host_of(process: str) -> str:
    """The host of a process: `host0` of `host0-chain`."""
    return process.partition("-")[0]


def running_supervisor(home: Home) -> int | None:
    """Process id of the supervisor that runs in a home, or None."""
    try:
        pid, birth = (int(word) for word in home.supervisor_path.read_text().split())
        # A recycled id of another program is not our supervisor.
        return pid if _birth(pid) == birth else None
    except (FileNotFoundError, ValueError, ProcessLookupError):
        return None


def _birth(pid: int) -> int:
    """When a process was started, in clock ticks since the machine was."""
    # proc(5): the 22nd field, and the 2nd is a name that may hold spaces and parentheses.
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


def indent(text: str) -> str:
    """The text with four spaces before each line."""
    return "\n".join(f"    {line}" for line in text.splitlines())
