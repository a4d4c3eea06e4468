"""The command line of the local network."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from testnet.errors import HomeError, NetworkError
from testnet.layout import Home

app = typer.Typer(
    help="Boots a whole network on one machine, shows it going by, and breaks it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
console = Console(highlight=False)
HomeOption = Annotated[Path, typer.Option("--home", help="Folder of the network.")]
DEFAULT_HOME = Path(".testnet")


def main() -> None:
    """Run a verb; what the user can mend is said in one line, without a traceback."""
    try:
        app()
    except NetworkError as err:
        Console(stderr=True, highlight=False).print(f"testnet: {err}", style="red", markup=False)
        sys.exit(1)


@app.command()
def up(
    home: HomeOption = DEFAULT_HOME,
    hosts: Annotated[int | None, typer.Option("-n", help="Founding hosts; 4 by default.")] = None,
    nodes: Annotated[str | None, typer.Option(help="mlnodes of each host: 2,1,1,1")] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Stop by itself once this many further epochs are settled.")
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Run in the background.")] = False,
    forge: Annotated[
        str | None, typer.Option(help="Host that commits forged nonces, e.g. host3.")
    ] = None,
    repeat: Annotated[
        str | None, typer.Option(help="Host that claims its nonces twice, e.g. host3.")
    ] = None,
    withhold: Annotated[
        str | None, typer.Option(help="Host that answers no openings, e.g. host3.")
    ] = None,
    block_ms: Annotated[
        int | None, typer.Option(help="Pause between two blocks, milliseconds; 1000 by default.")
    ] = None,
    param: Annotated[
        list[str] | None, typer.Option(help="Chain parameter that differs: name=value")
    ] = None,
    cosmovisor: Annotated[
        bool, typer.Option("--cosmovisor", help="Run chain nodes under cosmovisor, for upgrades.")
    ] = False,
) -> None:
    """Start a network, or continue the one in --home, and show it until Ctrl-C.

    A network keeps what it was founded with: another -n, --nodes, --forge, --repeat,
    --withhold, --block-ms or --param is refused when it is continued.
    """
    from testnet.founding import check_arguments
    from testnet.spec import Arguments, parse_network
    from testnet.up import run_up

    given = Arguments(
        hosts=hosts,
        nodes=nodes,
        forge=forge,
        repeat=repeat,
        withhold=withhold,
        block_ms=block_ms,
        params=tuple(param or ()),
    )
    place = Home(home.resolve())
    spec = None
    if place.record_path.exists():
        check_arguments(place, place.load(), given)
    else:
        spec = parse_network(given)
    if epochs is not None and epochs < 1:
        raise NetworkError(f"--epochs is {epochs}; it is 1 or more")
    if detach:
        _detach(home)
        return
    sys.exit(run_up(place, spec, console, epochs=epochs, cosmovisor=cosmovisor))


@app.command()
def status(
    home: HomeOption = DEFAULT_HOME,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show height, stage, hosts, weights, slots and balances on one screen."""
    from testnet.report import collect, render

    place = Home(home.resolve())
    network = place.load()
    with _ledger(place) as ledger:
        found = collect(ledger, network, place)
    if as_json:
        typer.echo(found.to_json())
    else:
        console.print(render(found))


@app.command()
def down(home: HomeOption = DEFAULT_HOME) -> None:
    """Stop every process of the network."""
    from testnet.control import request
    from testnet.supervisor import running_supervisor

    place = Home(home.resolve())
    place.load()
    pid = running_supervisor(place)
    if pid is None:
        console.print("nothing runs")
        return
    request(place.control_path, {"op": "down"})
    _wait(lambda: not Path(f"/proc/{pid}").exists(), 60.0, "the network does not stop")
    console.print("stopped")


@app.command()
def logs(
    name: Annotated[str, typer.Argument(help="Process, e.g. host0-chain.")],
    home: HomeOption = DEFAULT_HOME,
    lines: Annotated[int, typer.Option("-n", help="Lines to print.")] = 50,
) -> None:
    """Print the end of a process's log."""
    from testnet.child import log_tail

    place = Home(home.resolve())
    network = place.load()
    names = [n for host in network.hosts for n in host.process_names]
    if name not in names:
        raise HomeError(f"no process is named {name!r}; there are {', '.join(names)}")
    typer.echo(log_tail(place.log_path(name), lines))


@app.command()
def propose(
    file: Annotated[Path, typer.Argument(help="Proposal, JSON.")],
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Submit a proposal, vote for it with every host, and wait until it passed."""
    from testnet.keys import load_keys
    from testnet.proposal import load_proposal, submit

    proposal = load_proposal(file)
    place = Home(home.resolve())
    network = place.load()
    wallets = [load_keys(place.keys_path(h.name)).cold for h in network.hosts]
    with _ledger(place) as ledger:
        number = submit(ledger, proposal, wallets[0], wallets)
    console.print(f"proposal {number} passed: {proposal.title}", markup=False)


@app.command("stage-upgrade")
def stage_upgrade(
    name: Annotated[str, typer.Argument(help="Name of the upgrade, as in its plan.")],
    program: Annotated[Path, typer.Argument(help="The program that knows the upgrade.")],
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Put the program of an upgrade where every host's cosmovisor looks for it."""
    from testnet.cosmovisor import stage

    place = Home(home.resolve())
    stage(place, place.load(), name, program)
    console.print(
        f"{program} is in place; a proposal with MsgSoftwareUpgrade names the height",
        markup=False,
    )


@app.command()
def join(
    home: HomeOption = DEFAULT_HOME,
    nodes: Annotated[int, typer.Option(help="mlnodes of the host.")] = 1,
    forge: Annotated[bool, typer.Option("--forge", help="Commit forged nonces.")] = False,
) -> None:
    """Add a host to the running network; it proves from the next PoC on."""
    from testnet.binaries import find_binaries
    from testnet.control import request
    from testnet.join import join as add

    place = Home(home.resolve())
    joined = add(place, place.load(), find_binaries(), nodes=nodes, forge=forge)
    name = joined.hosts[-1].name
    request(place.control_path, {"op": "join", "host": name}, timeout_s=300.0)
    console.print(f"{name} joined; it is counted from the next PoC")


@app.command()
def kill(
    name: Annotated[str, typer.Argument(help="Process, e.g. host0-chain.")],
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """End a process at once, as a power cut would."""
    from testnet.control import request

    request(Home(home.resolve()).control_path, {"op": "kill", "name": name})
    console.print(f"{name} is dead; `testnet start {name}` brings it back")


@app.command()
def start(
    name: Annotated[str, typer.Argument(help="Process, e.g. host0-chain.")],
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Start a process that was killed again."""
    from testnet.control import request

    request(Home(home.resolve()).control_path, {"op": "start", "name": name})
    console.print(f"{name} runs")


@app.command()
def pause(
    name: Annotated[str, typer.Argument(help="Process, e.g. host0-broker.")],
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Stop a process with all it started, as a machine that hangs."""
    from testnet.control import request

    request(Home(home.resolve()).control_path, {"op": "pause", "name": name})
    console.print(f"{name} stands still; `testnet resume {name}` lets it go on")


@app.command()
def resume(
    name: Annotated[str, typer.Argument(help="Process that was paused.")],
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Let a paused process go on."""
    from testnet.control import request

    request(Home(home.resolve()).control_path, {"op": "resume", "name": name})
    console.print(f"{name} goes on")


@app.command()
def partition(
    name: Annotated[str, typer.Argument(help="Host or process, e.g. host1 or host1-chain.")],
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Cut a host or a process off from the rest of the network (root and nftables)."""
    from testnet.control import request

    request(Home(home.resolve()).control_path, {"op": "partition", "name": name})
    console.print(f"{name} is cut off; `testnet heal {name}` ends it")


@app.command()
def heal(
    name: Annotated[str, typer.Argument(help="What was cut off.")],
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """End a partition."""
    from testnet.control import request

    request(Home(home.resolve()).control_path, {"op": "heal", "name": name})
    console.print(f"{name} is connected again")


@app.command("export")
def export_epochs(
    out: Annotated[Path, typer.Argument(help="Parquet file to write.")],
    home: HomeOption = DEFAULT_HOME,
    first: Annotated[
        int | None,
        typer.Option(help="First epoch; by default the oldest whose proofs are kept."),
    ] = None,
    last: Annotated[
        int | None, typer.Option(help="Last epoch; by default the last settled one.")
    ] = None,
) -> None:
    """Write epochs as Parquet, for `sim replay`; their proofs are kept for two epochs."""
    from testnet.export import export

    place = Home(home.resolve())
    with _ledger(place) as ledger:
        end = last if last is not None else ledger.stage().effective - 1
        if end < (first or 1):
            raise NetworkError(f"no epoch from {first or 1} on is settled yet")
        begin = export(ledger, out, first=first, last=end)
    console.print(f"epochs {begin} to {end} are in {out}", markup=False)


def _ledger(home: Home):
    from testnet.commands import chain_height
    from testnet.errors import ChainError
    from testnet.ledger import Ledger

    network = home.load()
    for host in network.hosts:
        if chain_height(host) is not None:
            return Ledger(host, chain_id=network.chain_id)
    raise ChainError(f"no chain node of {home.root} answers; start it with `testnet up`")


def _detach(home: Path) -> None:
    """Run the same command in a session of its own and wait until it is up."""
    place = Home(home.resolve())
    place.create()
    argv = [sys.executable, "-m", "testnet", *(a for a in sys.argv[1:] if a != "--detach")]
    log = place.log_path("supervisor")
    with log.open("ab") as file:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    from testnet.child import log_tail

    marker = place.root / "up"
    try:
        while not marker.exists():
            if process.poll() is not None:
                raise NetworkError(f"the network did not start:\n{log_tail(log)}")
            time.sleep(0.2)
    except KeyboardInterrupt:
        os.kill(process.pid, signal.SIGTERM)
        process.wait()
        raise
    console.print(f"running in the background; its log is {log}", markup=False)


def _wait(done: Callable[[], bool], timeout_s: float, otherwise: str) -> None:
    deadline = time.monotonic() + timeout_s
    while not done():
        if time.monotonic() > deadline:
            raise NetworkError(otherwise)
        time.sleep(0.1)
