"""Shows a network going by: one line a stage, a table an epoch."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ninefold_proto.inference.v1 import epoch_pb2
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from testnet.errors import ChainError
from testnet.layout import Network
from testnet.ledger import Ledger
from testnet.report import nine, reason_name, stage_name

_POLL_S = 0.25
_STALL_S = 10.0
_PATIENCE_S = 30.0
_STAGE_NUMBERS = {
    name: i + 1
    for i, name in enumerate(
        (
            "POC_START",
            "POC_EXCHANGE",
            "POC_END",
            "POC_VALIDATION_START",
            "POC_VALIDATION_EXCHANGE",
            "POC_VALIDATION_END",
            "MODEL_LOADING",
            "SET_NEW_VALIDATORS",
            "INFERENCE",
        )
    )
}


@dataclass(slots=True)
class Seen:
    """What was shown so far."""

    height: int = 0
    opened: int = -1
    stage: str = ""
    effective: int = -1
    settled: int = -1
    abandoned: set[int] = field(default_factory=set[int])


class Watcher:
    """Prints what changes; ask `step` as often as you like."""

    def __init__(self, network: Network, console: Console) -> None:
        self._names = {h.address: h.name for h in network.hosts}
        self._console = console
        self._seen = Seen()

    def rename(self, network: Network) -> None:
        """Take over the names of hosts that joined."""
        self._names = {h.address: h.name for h in network.hosts}

    @property
    def height(self) -> int:
        """Height of the newest block that was seen."""
        return self._seen.height

    def step(self, ledger: Ledger) -> None:
        """Look once and print what is new."""
        now = ledger.stage()
        if now.height < self._seen.height:
            return  # a node that catches up tells what was shown
        self._seen.height = now.height
        stage = stage_name(now.stage)
        if (now.opened, stage) != (self._seen.opened, self._seen.stage):
            self._seen.opened, self._seen.stage = now.opened, stage
            number = _STAGE_NUMBERS.get(stage, 0)
            cycle = now.opened if now.height >= now.heights.poc_start else now.effective
            self._console.print(
                f"[dim]{now.height:>6}[/]  epoch {cycle}  [cyan]{number} {stage}[/]"
                f"[dim]  {now.blocks_left + 1} blocks[/]"
            )
        if now.opened_status == epoch_pb2.EPOCH_STATUS_ABANDONED:
            self._print_abandoned(ledger, now.opened)
        if now.effective != self._seen.effective:
            if self._seen.effective >= 0:
                self._print_epoch(ledger, now.effective)
            self._seen.effective = now.effective
        self._print_settled(ledger, now.effective)

    @property
    def settled(self) -> int:
        """The last epoch whose settlement was shown; -1 when none was."""
        return self._seen.settled

    def _print_abandoned(self, ledger: Ledger, epoch: int) -> None:
        if epoch in self._seen.abandoned:
            return
        reason = ledger.epoch(epoch).abandoned_reason
        self._seen.abandoned.add(epoch)
        self._console.print(f"[red]epoch {epoch} is abandoned:[/] {escape(reason)}")

    def _print_epoch(self, ledger: Ledger, epoch: int) -> None:
        table = Table(title=f"epoch {epoch} is effective", box=None, title_style="bold")
        for column in ("host", "weight", "power", "claimed", "credited", "reason", "seats"):
            table.add_column(column, justify="left" if column in ("host", "reason") else "right")
        powers = {v.operator: v.power for v in ledger.validators()}
        outcomes = ledger.weights(epoch)
        outcomes.sort(key=lambda o: self._names.get(o.participant, o.participant))
        for host in outcomes:
            table.add_row(
                self._names.get(host.participant, host.participant[:12]),
                f"{host.weight:,}",
                f"{powers.get(host.participant, 0):,}",
                f"{host.claimed:,}",
                f"{host.credited:,}",
                reason_name(host.reason),
                f"{host.seats_honest}/{host.seats_drawn}",
            )
        self._console.print(table)

    def _print_settled(self, ledger: Ledger, effective: int) -> None:
        epoch = effective - 1
        if epoch <= self._seen.settled or epoch < 0:
            return
        try:
            settlement = ledger.settlement(epoch)
        except ChainError:
            return
        if not settlement.done:
            return
        amounts = ledger.settle_amounts(epoch)
        self._seen.settled = epoch
        amounts.sort(key=lambda a: self._names.get(a.participant, a.participant))
        if not any(int(a.amount or 0) for a in amounts):
            return
        table = Table(title=f"rewards of epoch {epoch}", box=None, title_style="bold")
        for column in ("host", "NINE", "bonus", "seats cast"):
            table.add_column(column, justify="left" if column == "host" else "right")
        for amount in amounts:
            table.add_row(
                self._names.get(amount.participant, amount.participant[:12]),
                nine(int(amount.amount or 0))
                + (f" ({amount.forfeited})" if amount.forfeited else ""),
                nine(int(amount.bonus or 0)),
                f"{amount.seats_cast}/{amount.seats_drawn}",
            )
        self._console.print(table)


def watch(
    ledgers: Sequence[Ledger],
    watcher: Watcher,
    *,
    stop: Callable[[], bool],
    epochs: int | None,
    say: Callable[[str], None],
) -> bool:
    """Watch until asked to stop or until the next `epochs` epochs have been settled.

    Args:
        ledgers: of the chain nodes, at least one; while one does not answer, or has no new
            block, the next is asked.
        stop: says whether to end.
        epochs: how many; None goes on whatever happens, since who looks on may be breaking it.
        say: told once when no node has had a block for half a minute.

    Returns:
        Whether the wanted epochs were all settled.

    Raises:
        ChainError: epochs are wanted, and no node has had a block for half a minute.
    """
    moved = time.monotonic()
    last: int | None = None
    asked, silent = 0, False
    while not stop():
        before, said = watcher.height, "no new block"
        try:
            ledger = ledgers[asked % len(ledgers)]
            if last is None and epochs is not None:
                last = ledger.stage().effective + epochs
            watcher.step(ledger)
        except ChainError as err:
            asked, said = asked + 1, str(err)
        now = time.monotonic()
        if watcher.height > before:
            moved, silent = now, False
        elif now - moved > _STALL_S:
            # It may answer and stand still: cut off from the others, or catching up.
            asked += 1
        if now - moved > _PATIENCE_S:
            if epochs is not None:
                raise ChainError(f"the chain stands still: {said}")
            if not silent:
                say(f"the chain stands still: {said}")
            silent = True
        if last is not None and watcher.settled >= last:
            return True
        time.sleep(_POLL_S)
    return False
