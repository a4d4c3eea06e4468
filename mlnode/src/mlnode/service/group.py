"""What the service knows of one group's worker."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from mlnode.service.controller import Listener
from mlnode.service.messages import Command, WorkerSetup


class Handle(Protocol):
    """The worker of a group, as ``controller.Controller`` is one."""

    setup: WorkerSetup
    restarts: int

    @property
    def pid(self) -> int:
        """Process id; 0 while there is none."""
        ...

    def start(self) -> None:
        """Start it, and its successors."""
        ...

    def send(self, command: Command) -> None:
        """Tell it, if it is there."""
        ...

    async def close(self) -> None:
        """End it for good."""
        ...


MakeHandle = Callable[[WorkerSetup, Listener], Handle]


@dataclass(slots=True, kw_only=True)
class Group:
    """One group.

    Attributes:
        engines: exact engines, the one in use first; empty until they have been tried.
        load_id: the load that the present process was told last; 0 for none.
        halt_id: the halt it has not confirmed; 0 for none.
        loaded: whether the round stands.
        failures: loads or batches that went wrong in a row.
        given_up: it has failed too often in this round.
        restarts_before: restarts before this round.
        dense: operations a second of plain exact products of the engine in use; 0 where it was
            not measured.
        device_bytes: taken of its GPUs when the round stood; 0 on a CPU.
        dying: what the process said before it ended itself; empty while it lives.
    """

    handle: Handle
    engines: tuple[str, ...] = ()
    load_id: int = 0
    halt_id: int = 0
    loaded: bool = False
    failures: int = 0
    given_up: bool = False
    restarts_before: int = 0
    dying: str = ""
    done_bytes: int = 0
    total_bytes: int = 0
    batch_size: int = 0
    load_seconds: float = 0.0
    batch_seconds: float = 0.0
    dense: float = 0.0
    device_bytes: int = 0
    error: str = ""

    @property
    def index(self) -> int:
        """Number of the group."""
        return self.handle.setup.group_index

    def forget_round(self) -> None:
        """Be as before the first round."""
        self.load_id, self.loaded = 0, False
        self.failures, self.given_up, self.error = 0, False, ""
        self.restarts_before = self.handle.restarts
        self.done_bytes = self.total_bytes = 0

    def forget_process(self) -> None:
        """Be as with a process that was told nothing."""
        self.load_id = self.halt_id = 0
        self.loaded = False
