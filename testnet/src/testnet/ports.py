"""Free TCP ports on loopback."""

import random
import socket
from contextlib import ExitStack

from testnet.errors import NetworkError

# Below the range from which the kernel takes ports for outgoing connections:
# such a port cannot be taken by a connection between our choice and the bind.
FIRST, LAST = 20_000, 31_999


def free_ports(count: int, *, rng: random.Random | None = None) -> list[int]:
    """Distinct ports that were free a moment ago.

    All are held open until the last one is found, so that none is given twice.

    Raises:
        NetworkError: when the range does not hold that many.
    """
    candidates = list(range(FIRST, LAST + 1))
    (rng or random.SystemRandom()).shuffle(candidates)
    ports: list[int] = []
    with ExitStack() as stack:
        for port in candidates:
            if len(ports) == count:
                return ports
            sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
            ports.append(port)
    if len(ports) == count:
        return ports
    raise NetworkError(
        f"{count} free ports are needed between {FIRST} and {LAST}; {len(ports)} are"
    )
