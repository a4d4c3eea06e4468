"""How many nonces a batch has: as many as take a given time, found by trying."""

from collections.abc import Callable

BATCH_S = 0.25
"""Seconds of a batch: a change of phase waits for one, and larger ones are hardly faster."""

_GROWTH = 4
_TRIES = 3
# Above, a second try tells a compiler or a hiccup from a slow machine; a third is too dear.
_DEAR_S = 8 * BATCH_S
# Above, a nonce is slow by itself, and not because of what surrounds it.
_SLOW_S = 4 * BATCH_S

TimeBatch = Callable[[int], float]
"""Computes so many nonces and returns the seconds that it took."""


def find_batch_size(time_batch: TimeBatch, largest: int) -> int:
    """Returns the nonces that take a quarter of a second, tried on ever larger batches.

    What disturbs a machine only adds to a time: a batch that seems too slow is tried again, and
    the shortest of the times counts. Where a single nonce takes too long because threads wait
    for each other, more take hardly longer; then it is as many as do not double that.

    Args:
        largest: nonces beyond which a batch is no faster, 1 or more.
    """
    size, took = 1, _shortest(time_batch, 1)
    first = took
    while size < largest and (took < BATCH_S or took < min(2 * first, _SLOW_S)):
        before, size = (size, took), min(_GROWTH * size, largest)
        took = _shortest(time_batch, size)
        if took >= max(BATCH_S, 2 * first):
            return _between(before, (size, took), max(BATCH_S, first))
    return size


def _shortest(time_batch: TimeBatch, size: int) -> float:
    took = time_batch(size)
    for tries in range(1, _TRIES):
        if took < BATCH_S or (tries > 1 and took > _DEAR_S):
            break
        took = min(took, time_batch(size))
    return took


def _between(low: tuple[int, float], high: tuple[int, float], wanted: float) -> int:
    """Returns the size that takes the wanted seconds, on the line through two that were timed."""
    (small, fast), (large, slow) = low, high
    share = (wanted - fast) / (slow - fast)
    return small + int((large - small) * min(max(share, 0.0), 1.0))
