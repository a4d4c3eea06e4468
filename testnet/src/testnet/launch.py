"""Becomes another program that ends with the process that started it.

    python launch.py PARENT_PID GROUP SIGNAL PROGRAM [ARGUMENT ...]

GROUP is the file of a control group that takes process ids, or `-` for none.
SIGNAL is the number of the signal that ends it when its parent is gone.

A step of its own because the alternative, code between fork and exec, runs the
fork handlers of libraries with threads (gRPC's abort there).
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask the kernel for the signal, then become the program."""
    parent, group, number, argv = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4:]
    if group != "-":
        # Before any socket is made: a socket stays in the group it was made in.
        with open(group, "w") as file:  # noqa: PTH123 (pathlib is slow to import)
            file.write(str(os.getpid()))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)
        # The parent may have ended before the request.
        if os.getppid() != parent:
            sys.exit(1)
    os.execvp(argv[0], argv)


if __name__ == "__main__":
    main()
