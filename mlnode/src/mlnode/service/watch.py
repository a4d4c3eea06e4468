"""Watches over weights: what was computed leaves a worker once they are seen to be unchanged."""

from collections.abc import Callable

from mlnode.poc.engines.guard import Hashing, check_fingerprint

_SHARE = 0.01
"""Of a worker's time, for hashes while it works."""

_LONGEST_S = 60.0


class WeightWatch:
    """Hashes an engine's weights when it is asked, and knows when that is worth its time."""

    def __init__(self, engine: Hashing, clock: Callable[[], float]) -> None:
        """Prepare; the weights are there when ``begin`` is called.

        Args:
            clock: seconds from any origin.
        """
        self._engine = engine
        self._clock = clock
        self._expected = b""
        self._looked_at = self._took_s = 0.0

    def begin(self) -> None:
        """Take the fingerprint of weights that were just made."""
        began = self._clock()
        self._expected = self._engine.weights_fingerprint()
        self._note(began)

    def go_on(self, engine: Hashing) -> None:
        """Watch over the same weights, which another engine has taken over."""
        self._engine = engine

    def look(self) -> None:
        """Compare the weights with their fingerprint.

        Raises:
            FingerprintError: they have changed since the last look.
        """
        began = self._clock()
        check_fingerprint(self._engine, self._expected)
        self._note(began)

    @property
    def due(self) -> bool:
        """Whether a look now keeps looks to a hundredth of the time, or a minute has passed."""
        return self._clock() - self._looked_at >= min(self._took_s / _SHARE, _LONGEST_S)

    def _note(self, began: float) -> None:
        self._looked_at = self._clock()
        self._took_s = self._looked_at - began
