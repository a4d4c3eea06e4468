"""One process of the network: its start, its log, its end."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from testnet import launch


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What a process runs.

    Attributes:
        name: name within the network, e.g. `host0-chain`.
        argv: program and arguments.
        env: variables added to the environment.
        cwd: working folder.
        log: file that takes standard output and error.
        grace_s: seconds between SIGTERM and SIGKILL.
        group: file of the control group it starts in, or None.
        nested: it only runs another program, which would outlive its sudden end.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    log: Path
    grace_s: float = 10.0
    group: Path | None = None
    nested: bool = False


class Child:
    """A running process. It ends with its parent, whatever ends the parent."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self.started = time.monotonic()
        command.log.parent.mkdir(parents=True, exist_ok=True)
        with command.log.open("ab") as log:
            self._process = subprocess.Popen(
                # -I and -S: the launcher needs nothing but the standard library, at once.
                [
                    *(sys.executable, "-I", "-S", launch.__file__, str(os.getpid())),
                    str(command.group or "-"),
                    # Who runs another program has to hear of it, to pass it on.
                    str(int(signal.SIGTERM if command.nested else signal.SIGKILL)),
                    *command.argv,
                ],
                env={**os.environ, **command.env},
                cwd=command.cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A group of its own keeps Ctrl-C in a terminal from reaching the children
                # behind the supervisor's back, which stops them in order.
                process_group=0,
            )

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def exit_code(self) -> int | None:
        """Exit code, negative for a signal, or None while it runs."""
        return self._process.poll()

    def terminate(self) -> None:
        """Ask it to end."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self._signal(signal.SIGKILL)

    def pause(self) -> None:
        """Stop it with all it started, as a machine that hangs; nothing is lost."""
        for process in self._family():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()

    def resume(self) -> None:
        """Let it go on."""
        for process in self._family():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()

    def _family(self) -> list[psutil.Process]:
        """The process and what it started, itself first: who is stopped starts nobody."""
        try:
            own = psutil.Process(self.pid)
            return [own, *own.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def wait(self, timeout_s: float) -> int | None:
        """Wait for its end; None when it, or what it runs, still does after the timeout."""
        deadline = time.monotonic() + timeout_s
        try:
            code = self._process.wait(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            return None
        _, alive = psutil.wait_procs(self._nested(), timeout=max(0.0, deadline - time.monotonic()))
        return None if alive else code

    def _nested(self) -> list[psutil.Process]:
        """What a nested command runs, as long as that does.

        It is found by its process group: its parent may have ended before it.
        """
        found: list[psutil.Process] = []
        for process in psutil.process_iter() if self.command.nested else ():
            with contextlib.suppress(psutil.Error, ProcessLookupError):
                own = os.getpgid(process.pid) == self.pid and process.pid != self.pid
                if own and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def _signal(self, number: signal.Signals) -> None:
        nested = self._nested()
        if self._process.poll() is None:
            # Popen.send_signal polls first, so a recycled process id is never hit.
            self._process.send_signal(number)
        for process in nested:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)


def stop_all(children: Sequence[Child]) -> None:
    """End processes: all are asked, then those that do not follow are killed."""
    for child in children:
        child.terminate()
    for child in children:
        if child.wait(child.command.grace_s) is None:
            child.kill()
            child.wait(5.0)


def record_exit(path: Path, child: Child) -> None:
    """Append one line about a process that ended."""
    line = {
        "name": child.command.name,
        "pid": child.pid,
        "exit_code": child.exit_code(),
        "ran_s": round(time.monotonic() - child.started, 3),
    }
    with path.open("a") as file:
        file.write(json.dumps(line) + "\n")


def log_tail(path: Path, lines: int = 20) -> str:
    """The last lines of a log, for a message; empty when there is none."""
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 64 * 1024))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
