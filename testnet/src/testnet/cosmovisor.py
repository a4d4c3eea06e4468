"""Chain nodes under cosmovisor, which changes their program at the height of an upgrade.

A chain home that has a folder `cosmovisor` runs under it, also when the network is
continued later:

    cosmovisor/genesis/bin/inferenced           the program the network began with
    cosmovisor/upgrades/NAME/bin/inferenced     the program of an upgrade, put there before
    cosmovisor/current                          link to the folder of the one that runs
"""

import shutil
from pathlib import Path

from testnet.binaries import Binaries
from testnet.errors import HomeError, MissingToolError
from testnet.layout import Home, HostRecord, Network

PROGRAM = "inferenced"
_FOLDER = "cosmovisor"


def runs_under_cosmovisor(home: Home, host: HostRecord) -> bool:
    """Whether a host's chain node does."""
    return (home.chain_home(host.name) / _FOLDER).is_dir()


def set_up(home: Home, host: HostRecord, binaries: Binaries) -> None:
    """Let a host's chain node run under cosmovisor from its next start on.

    Raises:
        MissingToolError: when cosmovisor is not built.
    """
    if not binaries.cosmovisor.is_file():
        raise MissingToolError(f"not built: {binaries.cosmovisor}; run `make cosmovisor`")
    _link(home.chain_home(host.name) / _FOLDER / "genesis", binaries.inferenced)
    # cosmovisor asks the program for its height without naming a home, and would
    # have it make one in the user's.
    default = _user_home(home, host) / f".{PROGRAM}"
    if not default.is_symlink():
        default.symlink_to(home.chain_home(host.name))


def set_up_like(home: Home, peer: HostRecord, host: HostRecord, binaries: Binaries) -> None:
    """Let a host that joined run under cosmovisor if its peer does, with the same upgrades.

    It starts at the first block, with the program of that time.
    """
    if not runs_under_cosmovisor(home, peer):
        return
    set_up(home, host, binaries)
    upgrades = home.chain_home(peer.name) / _FOLDER / "upgrades"
    if upgrades.is_dir():
        shutil.copytree(upgrades, home.chain_home(host.name) / _FOLDER / "upgrades", symlinks=True)


def stage(home: Home, network: Network, name: str, program: Path) -> None:
    """Put the program of an upgrade where every host's cosmovisor looks for it.

    Args:
        home: folder of the network.
        network: its record.
        name: the upgrade's name in its plan, in lower case.
        program: the program; it is linked, not copied.

    Raises:
        HomeError: when the network does not run under cosmovisor, or there is no program.
    """
    if not program.is_file():
        raise HomeError(f"{program}: no such file; an upgrade needs its program")
    if name != name.lower():
        raise HomeError(f"upgrade {name!r}: cosmovisor takes names in lower case only")
    for host in network.hosts:
        if not runs_under_cosmovisor(home, host):
            raise HomeError(
                f"{host.name} does not run under cosmovisor; "
                f"`testnet up --cosmovisor --home {home.root}` starts it so"
            )
    for host in network.hosts:
        upgrades = home.chain_home(host.name) / _FOLDER / "upgrades"
        _link(upgrades / name, program)


def environment(home: Home, host: HostRecord) -> dict[str, str]:
    """Variables that cosmovisor reads its configuration from."""
    return {
        "HOME": str(_user_home(home, host)),
        "DAEMON_NAME": PROGRAM,
        "DAEMON_HOME": str(home.chain_home(host.name)),
        "DAEMON_ALLOW_DOWNLOAD_BINARIES": "false",
        "DAEMON_RESTART_AFTER_UPGRADE": "true",
        # Time to close the databases; without it the program is killed.
        "DAEMON_SHUTDOWN_GRACE": "10s",
        "COSMOVISOR_COLOR_LOGS": "false",
    }


def _user_home(home: Home, host: HostRecord) -> Path:
    return home.host_dir(host.name)


def _link(folder: Path, program: Path) -> None:
    link = folder / "bin" / PROGRAM
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(program.resolve())
