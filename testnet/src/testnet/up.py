"""The verb `up`: a network from nothing, shown until it is told to stop."""

import signal
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from types import FrameType

from rich.console import Console, RenderableType

from testnet.binaries import Binaries, find_binaries
from testnet.cosmovisor import set_up
from testnet.errors import ChainError, NetworkError, ProcessFailedError
from testnet.genesis import found, lay_out, make_models
from testnet.layout import Home, Network
from testnet.ledger import Ledger
from testnet.network import Say, start_host, start_network, start_nodes
from testnet.report import collect, render
from testnet.spec import NetworkSpec
from testnet.supervisor import Supervisor
from testnet.watch import Watcher, watch


def run_up(
    home: Home,
    spec: NetworkSpec | None,
    console: Console,
    *,
    epochs: int | None,
    cosmovisor: bool = False,
) -> int:
    """Start or continue a network and show it.

    Args:
        home: folder of the network.
        spec: what a new network consists of; None continues the one in the home.
        console: where to show it.
        epochs: stop once that many further epochs are settled; None never stops.
        cosmovisor: run the chain nodes under cosmovisor; who does already goes on so.

    Returns:
        The exit code: 0 when it was asked to stop or the epochs went by.
    """
    binaries = find_binaries()
    began = time.monotonic()

    def say(text: str) -> None:
        console.print(f"[dim]{time.monotonic() - began:6.1f} s[/]  {text}")

    def fault(text: str) -> None:
        console.print(text, style="red", markup=False)

    supervisor = Supervisor(home, notify=fault)
    home.create()
    up_marker = home.root / "up"
    up_marker.unlink(missing_ok=True)
    watcher: Watcher | None = None

    def extend(name: str) -> None:
        network = home.load()
        start_host(supervisor, home, network.host(name), binaries)
        if watcher is not None:
            watcher.rename(network)

    supervisor.open(extend)
    _stop_on_signals(supervisor)
    try:
        network = _network(supervisor, home, spec, binaries, cosmovisor=cosmovisor, say=say)
        start_network(supervisor, home, network, binaries, say=say)
        say(f"everything is up; Ctrl-C stops it, `testnet status --home {home.root}` looks closer")
        up_marker.touch()
        watcher = Watcher(network, console)
        with ExitStack() as stack:
            ledgers = [
                stack.enter_context(Ledger(host, chain_id=network.chain_id))
                for host in network.hosts
            ]
            whole = watch(
                ledgers,
                watcher,
                stop=lambda: _stopped(supervisor, epochs),
                epochs=epochs,
                say=fault,
            )
            if whole:
                console.print(_summary(ledgers, home))
        return 0 if epochs is None or whole else 1
    except (ChainError, ProcessFailedError) as err:
        if supervisor.stopping.is_set():
            return 0
        fault(f"testnet: {err}")
        return 1
    except NetworkError:
        if supervisor.stopping.is_set():
            return 0
        raise
    finally:
        up_marker.unlink(missing_ok=True)
        supervisor.close()


def _network(
    supervisor: Supervisor,
    home: Home,
    spec: NetworkSpec | None,
    binaries: Binaries,
    *,
    cosmovisor: bool,
    say: Say,
) -> Network:
    """The network of the home, with its mlnodes started: they import while genesis is written."""
    make_models(binaries)
    network = home.load() if spec is None else lay_out(home, spec, binaries)
    for host in network.hosts if cosmovisor else ():
        set_up(home, host, binaries)
    for host in network.hosts:
        start_nodes(supervisor, home, host, binaries)
    if spec is not None:
        found(home, network, spec, binaries)
        say(f"a new network of {len(network.hosts)} hosts in {home.root}")
    else:
        say(f"continuing the network in {home.root}")
    return network


def _summary(ledgers: Sequence[Ledger], home: Home) -> RenderableType:
    """The network through the first chain node that answers; ChainError when none does."""
    for ledger in ledgers[:-1]:
        with suppress(ChainError):
            return render(collect(ledger, home.load(), home))
    return render(collect(ledgers[-1], home.load(), home))


def _stopped(supervisor: Supervisor, epochs: int | None) -> bool:
    faults = supervisor.reap()
    if faults and epochs is not None:
        raise ProcessFailedError("a process ended by itself; see above")
    return supervisor.stopping.is_set()


def _stop_on_signals(supervisor: Supervisor) -> None:
    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        supervisor.stopping.set()

    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, stop)
