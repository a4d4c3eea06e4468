"""Owner of one worker process: starts it, listens to it, replaces it when it dies or hangs."""

import asyncio
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from mlnode.service.backoff import Backoff
from mlnode.service.child import Child, ChildEndedError
from mlnode.service.messages import Alive, Command, Event, Ready, WorkerSetup
from mlnode.shard.devices import shown_to

# Libraries take seconds to import, and engines to try, longer on a busy machine.
_STARTING_S = 300.0
_PATIENCE_S = 3.0
# What a worker expects is a guess, and never that long.
_SLACK = 4.0
_LONGEST_S = 3600.0
_log = logging.getLogger("mlnode.worker")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """What a controller calls, always in the event loop and with its group's index.

    Attributes:
        started: a new process takes commands, the first one included.
        heard: an event of the current process.
        ended: the current process is gone, and why.
    """

    started: Callable[[int], None]
    heard: Callable[[int, Event], None]
    ended: Callable[[int, str], None]


class Controller:
    """One group's worker, whichever process it is at the moment."""

    def __init__(self, setup: WorkerSetup, listener: Listener, *, hung_after_s: float) -> None:
        """Prepare a worker; nothing runs until ``start``.

        Args:
            setup: how the worker computes.
            listener: hears of it.
            hung_after_s: seconds of silence after which the process is replaced.
        """
        self.setup = setup
        self.restarts = 0
        self._listener = listener
        self._hung_after_s = hung_after_s
        self._child: Child | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        """Process id of the worker; 0 while there is none."""
        return self._child.pid if self._child is not None else 0

    def start(self) -> None:
        """Start the process, and its successors."""
        self._task = asyncio.create_task(self._run())

    def send(self, command: Command) -> None:
        """Tell the worker; while there is none nobody is told, its successor is told anew."""
        if self._child is not None:
            self._child.send(command)

    def kill(self) -> None:
        """End the process at once; a successor follows."""
        if self._child is not None:
            self._child.kill()

    async def close(self) -> None:
        """End the process for good."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        index, backoff = self.setup.group_index, Backoff()
        while True:
            began = time.monotonic()
            reason = await self._one_process()
            self.restarts += 1
            wait_s = backoff.after(time.monotonic() - began)
            _log.warning("group %d: %s; restarting in %.1f s", index, reason, wait_s)
            self._listener.ended(index, reason)
            await asyncio.sleep(wait_s)

    async def _one_process(self) -> str:
        """Run one process to its end; returns why it ended."""
        index = self.setup.group_index
        try:
            child = await Child.start(
                "mlnode.service.worker", f"group-{index}", environment=_environment(self.setup)
            )
        except OSError as err:
            return f"no worker can be started: {err.strerror}"
        self._child = child
        try:
            child.send(self.setup)
            self._listener.started(index)
            return await self._listen(child)
        finally:
            self._child = None
            await child.end(_PATIENCE_S)

    async def _listen(self, child: Child) -> str:
        index = self.setup.group_index
        usual_s = limit_s = max(_STARTING_S, self._hung_after_s)
        while True:
            try:
                async with asyncio.timeout(limit_s):
                    event = await child.receive()
            except TimeoutError:
                child.kill()
                return f"worker {child.pid} was silent for {limit_s:g} s"
            except ChildEndedError:
                code = await child.ended(_PATIENCE_S)
                return f"worker {child.pid} ended with {code}"
            if isinstance(event, Ready):
                usual_s = self._hung_after_s
            limit_s = usual_s
            if isinstance(event, Alive):
                limit_s += min(_SLACK * event.expected_s, _LONGEST_S)
            assert isinstance(event, Event)
            try:
                self._listener.heard(index, event)
            except Exception as err:
                # A fault of ours. Without a listener the group would stand still for good; a
                # fresh process is told everything anew.
                _log.exception("group %d: %s", index, type(event).__name__)
                child.kill()
                name = type(err).__name__
                return f"worker {child.pid} said what the service could not take: {name}"


def _environment(setup: WorkerSetup) -> dict[str, str]:
    # Set before the libraries are loaded: they size their pools once.
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    threads = dict.fromkeys(names, str(setup.threads)) if setup.threads else {}
    return {**threads, **shown_to(setup.devices, os.environ)}
