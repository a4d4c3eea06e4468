"""A process of the service, as the service sees it."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from contextlib import suppress

from mlnode.service.pipe import HEADER, pack, unpack


class ChildEndedError(Exception):
    """The process has closed its end of the pipe: it is gone, or about to be."""


class Child:
    """A fresh interpreter that runs one of our modules.

    It is started, not forked: the service has threads, and an accelerator's
    libraries do not survive a fork. It sees the end of its input when the
    service dies by whatever means, and ends then.
    """

    def __init__(self, process: Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._down, self._up = process.stdin, process.stdout

    @classmethod
    async def start(
        cls, module: str, *names: str, environment: Mapping[str, str] | None = None
    ) -> "Child":
        """Start ``python -m module``.

        Args:
            module: runs ``ServicePipe.take_over`` first thing.
            names: shown in the list of processes, of no other use.
            environment: set on top of our own.

        Raises:
            OSError: the system cannot start another process.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            # Never import from the working directory.
            "-P",
            "-m",
            module,
            *names,
            stdin=PIPE,
            stdout=PIPE,
            env={**os.environ, **(environment or {})},
            # Out of the reach of the terminal's Ctrl-C, also before the module runs.
            process_group=0,
        )
        return cls(process)

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def send(self, message: object) -> None:
        """Write a message without waiting; to a process that is gone, write nothing."""
        if not self._down.is_closing():
            self._down.write(pack(message))

    async def receive(self) -> object:
        """The next message of the process.

        Raises:
            ChildEndedError: there is none any more.
        """
        try:
            (size,) = HEADER.unpack(await self._up.readexactly(HEADER.size))
            return unpack(await self._up.readexactly(size))
        except (asyncio.IncompleteReadError, ConnectionResetError):
            raise ChildEndedError from None

    def kill(self) -> None:
        """End the process at once."""
        self._signal(signal.SIGKILL)

    async def ended(self, patience_s: float) -> int:
        """Wait for a process that has closed its pipe; returns as ``end``."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                return await self._gone()
        return await self.end(patience_s)

    async def end(self, patience_s: float) -> int:
        """End the process: it holds nothing that is not made anew from its orders.

        A caller who is cancelled meanwhile is cancelled when the process is gone, not
        before: nobody else would wait for it.

        Args:
            patience_s: after this it is killed, as a stopped process has to be.

        Returns:
            The exit code; minus the signal's number for a process that was killed.
        """
        ending = asyncio.create_task(self._end(patience_s))
        cancelled: asyncio.CancelledError | None = None
        while not ending.done():
            try:
                await asyncio.shield(ending)
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            raise cancelled
        return ending.result()

    async def _end(self, patience_s: float) -> int:
        self._down.close()
        self._signal(signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                return await self._gone()
        self.kill()
        return await self._gone()

    def _signal(self, number: signal.Signals) -> None:
        # Not through Popen, which first collects the exit code that we wait for.
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    async def _gone(self) -> int:
        # Its end is only seen behind what it still said.
        _, code = await asyncio.gather(self._up.read(), self._process.wait())
        return code
