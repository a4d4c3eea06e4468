"""Nonces a second, over the last few seconds."""

import time
from collections import deque
from collections.abc import Callable

_WINDOW_S = 5.0


class Rate:
    """Counts over a sliding window."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: deque[tuple[float, int]] = deque()

    def add(self, count: int) -> None:
        """Note nonces that were computed now."""
        self._counts.append((self._clock(), count))
        self._forget()

    @property
    def per_second(self) -> float:
        """The rate now."""
        self._forget()
        return sum(count for _, count in self._counts) / _WINDOW_S

    def _forget(self) -> None:
        limit = self._clock() - _WINDOW_S
        while self._counts and self._counts[0][0] <= limit:
            self._counts.popleft()
