"""Owner of one worker process: starts it, listens to it, replaces it when it dies or hangs."""

import asyncio
import multiprocessing
import threading
import time
from collections.abc import Callable, Coroutine
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from mlnode.service.messages import Command, Event, WorkerSetup
from mlnode.service.worker import run_worker

_FIRST_DELAY_S = 0.2
_LAST_DELAY_S = 30.0
_STEADY_S = 60.0
# Importing the libraries alone takes seconds, longer on a busy machine.
_STARTING_S = 120.0


class Controller:
    """One group's worker, whichever process it is at the moment.

    All methods are called in the event loop, and so are the two callbacks; a
    thread of each process's own only moves its events over.
    """

    def __init__(
        self,
        setup: WorkerSetup,
        *,
        on_event: Callable[[int, Event], None],
        on_start: Callable[[int], None],
        hung_after_s: float,
    ) -> None:
        """Prepare a worker; nothing runs until `start`.

        Args:
            setup: how the worker computes.
            on_event: takes the group's index and an event of the current process.
            on_start: told when a new process can take commands, the first one included.
            hung_after_s: seconds of silence after which the process is replaced.
        """
        self.setup = setup
        self.restarts = 0
        self.error = ""
        self._on_event = on_event
        self._on_start = on_start
        self._hung_after_s = hung_after_s
        self._context = multiprocessing.get_context("spawn")
        self._process: BaseProcess | None = None
        self._commands: Connection | None = None
        self._heard_at = 0.0
        self._started_at = 0.0
        self._delay_s = _FIRST_DELAY_S
        self._closing = False
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def pid(self) -> int:
        """Process id of the worker; 0 while there is none."""
        process = self._process
        return process.pid or 0 if process is not None else 0

    def start(self) -> None:
        """Start the process."""
        commands_up, commands_down = self._context.Pipe(duplex=False)
        events_up, events_down = self._context.Pipe(duplex=False)
        process = self._context.Process(
            target=run_worker,
            args=(self.setup, commands_up, events_down),
            name=f"mlnode-group-{self.setup.group_index}",
            daemon=True,
        )
        process.start()
        # Our copies of the worker's ends: while they are open, its death is no end of file.
        commands_up.close()
        events_down.close()
        self._process, self._commands = process, commands_down
        self._started_at = time.monotonic()
        self._heard_at = self._started_at + _STARTING_S
        loop = asyncio.get_running_loop()
        threading.Thread(
            target=self._listen,
            args=(loop, process, events_up),
            name=f"group-{self.setup.group_index}-events",
            daemon=True,
        ).start()
        self._spawn(self._watch(process))
        self._on_start(self.setup.group_index)

    def send(self, command: Command) -> None:
        """Tell the worker; a worker that is gone is told nothing, its successor is told anew."""
        if self._commands is None:
            return
        try:
            self._commands.send(command)
        except (BrokenPipeError, ConnectionResetError):
            # The listener sees the same end and starts the successor.
            return

    def kill(self) -> None:
        """End the process at once; a successor follows."""
        if self._process is not None:
            self._process.kill()

    async def close(self) -> None:
        """End the process for good."""
        self._closing = True
        if self._commands is not None:
            # The worker leaves its loop when its commands end.
            self._commands.close()
            self._commands = None
        process = self._process
        if process is not None:
            await asyncio.to_thread(process.join, 5.0)
            if process.is_alive():
                process.kill()
                await asyncio.to_thread(process.join, 5.0)
        for task in self._tasks:
            task.cancel()

    def _listen(
        self, loop: asyncio.AbstractEventLoop, process: BaseProcess, events: Connection
    ) -> None:
        with events:
            while True:
                try:
                    event = events.recv()
                except (EOFError, OSError):
                    break
                if not _post(loop, self._hear, process, event):
                    return
        _post(loop, self._bury, process)

    def _hear(self, process: BaseProcess, event: Event) -> None:
        if process is not self._process:
            return
        self._heard_at = time.monotonic()
        self._on_event(self.setup.group_index, event)

    def _bury(self, process: BaseProcess) -> None:
        if process is not self._process or self._closing:
            return
        self._process = None
        if self._commands is not None:
            self._commands.close()
            self._commands = None
        self._spawn(self._replace(process))

    async def _replace(self, process: BaseProcess) -> None:
        await asyncio.to_thread(process.join, 5.0)
        self.restarts += 1
        self.error = f"worker {process.pid} ended with {process.exitcode}; restarted"
        if time.monotonic() - self._started_at > _STEADY_S:
            self._delay_s = _FIRST_DELAY_S
        await asyncio.sleep(self._delay_s)
        self._delay_s = min(2 * self._delay_s, _LAST_DELAY_S)
        if not self._closing:
            self.start()

    async def _watch(self, process: BaseProcess) -> None:
        while process is self._process and not self._closing:
            await asyncio.sleep(min(1.0, self._hung_after_s / 4))
            silent_s = time.monotonic() - self._heard_at
            if process is self._process and silent_s > self._hung_after_s:
                self.error = f"worker {process.pid} was silent for {silent_s:.0f} s; replaced"
                process.kill()
                return

    def _spawn(self, coroutine: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _post(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *args: object) -> bool:
    try:
        loop.call_soon_threadsafe(call, *args)
    except RuntimeError:
        # The loop is closed: the service is ending.
        return False
    return True
