"""How the service and its processes write to each other: a length, then a pickle.

Both ends are this program, and nobody else holds the pipes: what is unpickled
here was pickled here.
"""

import contextlib
import os
import pickle
import select
import signal
import struct
from pathlib import Path

HEADER = struct.Struct("<I")


def pack(message: object) -> bytes:
    """A message as it goes over the pipe."""
    body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return HEADER.pack(len(body)) + body


def unpack(body: bytes) -> object:
    """The message behind the header."""
    return pickle.loads(body)  # noqa: S301 - see the module's docstring


class ServicePipe:
    """The service as one of its processes sees it. Blocking; one thread reads, one writes."""

    def __init__(self, down: int, up: int) -> None:
        self._down, self._up = down, up
        self._poll = select.poll()
        self._poll.register(down, select.POLLIN)

    @classmethod
    def take_over(cls) -> "ServicePipe":
        """Make standard input and output the pipe; call it first thing in the process.

        What a library prints goes to standard error from here on. Ctrl-C is left
        to the service, which decides when its processes end.
        """
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        down, up = os.dup(0), os.dup(1)
        with Path(os.devnull).open() as nothing:
            os.dup2(nothing.fileno(), 0)
        os.dup2(2, 1)
        return cls(down, up)

    def poll(self, timeout_s: float) -> bool:
        """Whether a message, or the end of the pipe, is there within some seconds."""
        return bool(self._poll.poll(timeout_s * 1000))

    def receive(self) -> object:
        """The next message.

        Raises:
            EOFError: the service has hung up or is gone.
        """
        (size,) = HEADER.unpack(self._read(HEADER.size))
        return unpack(self._read(size))

    def send(self, message: object) -> None:
        """Write a message.

        Raises:
            EOFError: the service is gone.
        """
        left = memoryview(pack(message))
        try:
            while left:
                left = left[os.write(self._up, left) :]
        except BrokenPipeError:
            raise EOFError from None

    def _read(self, size: int) -> bytes:
        parts: list[bytes] = []
        while size:
            with contextlib.suppress(ConnectionResetError):
                part = os.read(self._down, size)
                if part:
                    parts.append(part)
                    size -= len(part)
                    continue
            raise EOFError
        return b"".join(parts)
