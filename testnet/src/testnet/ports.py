"""Free TCP ports on loopback."""

import random
import socket
from collections.abc import Collection
from contextlib import ExitStack

from testnet.errors import NetworkError

# Below the range from which the kernel takes ports for outgoing connections:
# such a port cannot be taken by a connection between our choice and the bind.
FIRST, LAST = 20_000, 31_999


def free_ports(count: int, *, taken: Collection[int] = ()) -> list[int]:
    """Distinct ports that were free a moment ago.

    Args:
        count: how many.
        taken: ports that are promised already, though nobody listens on them yet.

    Raises:
        NetworkError: when the range does not hold that many.
    """
    candidates = list(set(range(FIRST, LAST + 1)).difference(taken))
    random.SystemRandom().shuffle(candidates)
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
