"""The supervisor's Unix socket: one JSON request and one JSON answer a connection."""

import json
import os
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

from testnet.errors import HomeError, NetworkError

Handler = Callable[[dict[str, Any]], dict[str, Any]]
_MAX_REQUEST = 1 << 20


class ControlServer:
    """Answers requests in a thread of its own until it is closed."""

    def __init__(self, path: Path, handler: Handler) -> None:
        path.unlink(missing_ok=True)
        self._path = path
        self._handler = handler
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with _socket_name(path) as name:
            self._socket.bind(name)
        path.chmod(0o600)
        self._socket.listen(8)
        self._thread = threading.Thread(target=self._serve, name="control", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop answering and remove the socket."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(timeout=5.0)
        self._path.unlink(missing_ok=True)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        try:
            with connection.makefile("rwb") as stream:
                request = cast(dict[str, Any], json.loads(stream.readline(_MAX_REQUEST)))
                try:
                    answer = {"ok": True, **self._handler(request)}
                except NetworkError as err:
                    answer = {"ok": False, "error": str(err)}
                stream.write(json.dumps(answer).encode() + b"\n")
        except (OSError, ValueError):
            # A client that hung up or sent no JSON concerns nobody else.
            return


def request(path: Path, message: dict[str, Any], *, timeout_s: float = 120.0) -> dict[str, Any]:
    """Send one request to a supervisor.

    Raises:
        HomeError: when no supervisor runs there, or it goes down meanwhile.
        NetworkError: with the supervisor's own words when it refuses, or when it has not
            answered in time; what was asked for may still happen then.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(timeout_s)
        try:
            with _socket_name(path) as name:
                client.connect(name)
        except OSError:
            raise HomeError(f"no network runs in {path.parent}") from None
        line = _asked(client, message, path.parent)
    if not line.endswith(b"\n"):
        raise HomeError(f"the network in {path.parent} is going down")
    answer = cast(dict[str, Any], json.loads(line))
    if not answer.pop("ok"):
        raise NetworkError(str(answer["error"]))
    return answer


def _asked(client: socket.socket, message: dict[str, Any], home: Path) -> bytes:
    """The line that a supervisor answers; without an end where it was cut off."""
    try:
        client.sendall(json.dumps(message).encode() + b"\n")
        with client.makefile("rb") as stream:
            return stream.readline()
    except TimeoutError:
        raise NetworkError(
            f"the network in {home} has not answered in {client.gettimeout():g} s; "
            f"{home / 'logs' / 'supervisor.log'} may say why, `testnet down` ends it"
        ) from None
    except OSError:
        return b""


@contextmanager
def _socket_name(path: Path) -> Generator[str, None, None]:
    """A name of a socket that fits the 107 bytes a socket address has.

    A deep home folder is reached through the open descriptor of its parent.
    """
    name = str(path)
    if len(os.fsencode(name)) <= 100:
        yield name
        return
    parent = os.open(path.parent, os.O_PATH)
    try:
        yield f"/proc/self/fd/{parent}/{path.name}"
    finally:
        os.close(parent)
