"""Becomes another program that ends with the process that started it.

    python launch.py PARENT_PID PROGRAM [ARGUMENT ...]

A step of its own because the alternative, code between fork and exec, runs the
fork handlers of libraries with threads (gRPC's abort there).
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask the kernel for the signal, then become the program."""
    parent, argv = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        # The parent may have ended before the request.
        if os.getppid() != parent:
            sys.exit(1)
    os.execvp(argv[0], argv)


if __name__ == "__main__":
    main()
