"""A bar for each group of a measure, on standard error, so that a report can be piped."""

from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    # What it measures with takes seconds to import.
    from mlnode.bench import measure


class GroupBars:
    """Shows how far each group is; a context manager."""

    def __init__(self, names: Sequence[str], console: Console | None = None) -> None:
        """Prepare.

        Args:
            names: of the groups.
            console: to draw on; standard error by default, where nothing moves in a pipe.
        """
        self._progress = Progress(
            TextColumn("{task.fields[group]}"),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            console=console or Console(stderr=True),
        )
        self._tasks = [
            self._progress.add_task("starting", total=1.0, group=name, rate="") for name in names
        ]

    def __enter__(self) -> "GroupBars":
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        failure: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def show(self, progress: "measure.Progress") -> None:
        """Move a group's bar."""
        rate = progress.nonces_per_minute
        self._progress.update(
            self._tasks[progress.group],
            description=progress.doing,
            completed=progress.fraction,
            rate=f"{rate:.0f} nonces/min" if rate else "",
        )
