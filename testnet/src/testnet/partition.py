"""Cuts processes of a network off from the others, without touching anything else.

Every process is started in a control group of its own, below one of its host:
``<network>/<host>/<process>``. A cut is a table of nftables that looks at the
groups of the two sockets of a packet: packets between the inside and the rest
of the network are dropped, those among themselves and those of anybody else,
such as an operator who asks for the status, are not.

Packets do not carry their sender, so that it is written on them as a mark when
they leave and compared when they arrive. What the kernel sends for a connection
that is not accepted yet carries no mark; it leads nowhere, since the first
packet of the connection is dropped.
"""

import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from testnet.errors import MissingToolError, NetworkError

_INSIDE, _REST = 0x9F01, 0x9F02
_POLL_S, _END_S = 0.02, 5.0
_MOUNTS = Path("/proc/self/mounts")
# Where nft looks groups up, wherever they are mounted.
_NFT_ROOT = Path("/sys/fs/cgroup")


class Partitions:
    """The control groups of a network's processes, and the cuts between them."""

    def __init__(self, home: Path, *, mounts: Path = _MOUNTS) -> None:
        digest = hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:12]
        self.name = f"ninefold-{digest}"
        self._root = _unified(mounts)
        self._cut: dict[str, str] = {}

    def missing(self) -> list[str]:
        """What this machine lacks for cuts; empty when nothing."""
        lacks: list[str] = []
        if os.geteuid() != 0:
            lacks.append("root")
        if self._root is None:
            lacks.append("control groups of version 2 (a mounted cgroup2)")
        lacks += [
            f"{program} ({package})"
            for program, package in (("nft", "nftables"), ("unshare", "util-linux"))
            if shutil.which(program) is None
        ]
        return lacks

    def group(self, host: str, process: str) -> Path | None:
        """The file that a process is to write its id to; None when cuts cannot be made."""
        if self._root is None or os.geteuid() != 0:
            return None
        folder = self._root / self.name / host / process
        folder.mkdir(parents=True, exist_ok=True)
        return folder / "cgroup.procs"

    def cut(self, name: str, path: Sequence[str]) -> None:
        """Cut a host (`[host]`) or a process (`[host, process]`) off from the rest.

        Raises:
            MissingToolError: naming what this machine lacks.
            NetworkError: it is cut off already, or nftables refuses.
        """
        lacks = self.missing()
        if lacks:
            raise MissingToolError(f"a partition needs {', '.join(lacks)}")
        if name in self._cut:
            raise NetworkError(f"{name} is cut off already; heal it first")
        table = f"{self.name}-{name}"
        self._nft(_rules(table, self.name, "/".join((self.name, *path)), 1 + len(path)))
        self._cut[name] = table

    def heal(self, name: str) -> None:
        """End a cut; NetworkError when there is none of that name."""
        table = self._cut.pop(name, None)
        if table is None:
            cut = ", ".join(sorted(self._cut)) or "nothing"
            raise NetworkError(f"{name!r} is not cut off; cut off is {cut}")
        self._nft(f"delete table inet {table}\n")

    def close(self) -> None:
        """End every cut, and whatever still runs in a group; remove the groups."""
        for name in list(self._cut):
            with suppress(NetworkError):
                self.heal(name)
        if self._root is None:
            return
        top = self._root / self.name
        if not top.exists():
            return
        with suppress(OSError):
            # A process that a child of ours left behind; unknown to kernels before 5.14.
            (top / "cgroup.kill").write_text("1")
        deadline = time.monotonic() + _END_S
        while "populated 1" in (top / "cgroup.events").read_text() and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        for folder in sorted(top.glob("**/"), key=lambda p: len(p.parts), reverse=True):
            with suppress(OSError):
                folder.rmdir()

    def _nft(self, rules: str) -> None:
        assert self._root is not None
        done = subprocess.run(
            # In a mount namespace of its own, groups are where nft looks for them.
            [
                *("unshare", "--mount", "sh", "-c"),
                '[ "$0" = "$1" ] || mount --bind "$0" "$1" && exec nft -f -',
                *(str(self._root), str(_NFT_ROOT)),
            ],
            input=rules,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        if done.returncode != 0:
            raise NetworkError(f"nftables refused: {(done.stderr or done.stdout).strip()}")


def _unified(mounts: Path) -> Path | None:
    """Where control groups of version 2 are mounted."""
    for line in mounts.read_text().splitlines():
        fields = line.split()
        if len(fields) > 2 and fields[2] == "cgroup2":
            return Path(fields[1])
    return None


def _rules(table: str, network: str, inside: str, level: int) -> str:
    """The table of one cut. A `!=` holds only for sockets that are in a group of that level."""
    within = f'socket cgroupv2 level {level} "{inside}"'
    beside = f'socket cgroupv2 level 1 "{network}" socket cgroupv2 level {level} != "{inside}"'
    return f"""
table inet {table} {{
  chain leaves {{
    type filter hook output priority 0
    {within} meta mark set {_INSIDE}
    {beside} meta mark set {_REST}
  }}
  chain arrives {{
    type filter hook input priority 0
    meta mark {_INSIDE} {beside} drop
    meta mark {_REST} {within} drop
  }}
}}
"""
