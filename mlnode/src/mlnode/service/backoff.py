"""How long to wait before a process is started again."""

_FIRST_S = 0.2
_LAST_S = 30.0
_STEADY_S = 60.0


class Backoff:
    """Twice as long each time, until a process has lived for a minute."""

    def __init__(self) -> None:
        self._next_s = _FIRST_S

    def after(self, lived_s: float) -> float:
        """Seconds to wait after a process that lived so long."""
        if lived_s > _STEADY_S:
            self._next_s = _FIRST_S
        wait_s = self._next_s
        self._next_s = min(2 * wait_s, _LAST_S)
        return wait_s
