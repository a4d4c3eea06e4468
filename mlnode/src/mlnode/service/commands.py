"""Command numbers: a command older than the last one seen is refused."""

from mlnode.service.errors import StaleCommandError


class CommandOrder:
    """Remembers the largest number; shared by both gRPC services of a server."""

    def __init__(self) -> None:
        self._last = 0

    @property
    def last(self) -> int:
        """Largest number seen."""
        return self._last

    def accept(self, generation: int) -> None:
        """Note a command.

        Raises:
            StaleCommandError: a later command was seen, so the sender is behind.
        """
        if generation < self._last:
            raise StaleCommandError(
                f"generation is {generation}; {self._last} was seen, send at least that"
            )
        self._last = generation
