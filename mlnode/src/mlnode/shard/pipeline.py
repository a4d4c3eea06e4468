"""Micro-batches on their way through the stages, so that no device waits for the whole batch.

A thread a stage: PyTorch lets go of the interpreter's lock inside its operations, and on a GPU
they return before they are done, so that threads are enough to keep every device busy.
"""

import queue
import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")

_HELD = 1
"""Finished micro-batches that wait before a stage; more would take memory and save no time."""


def run_pipeline(stages: Sequence[Callable[[T], T]], micro_batches: Sequence[T]) -> list[T]:
    """Returns what each micro-batch came to after all stages, in the order given.

    Every stage sees the micro-batches in order. A stage that fails ends the run: the others
    finish what they hold, and the first failure is raised.
    """
    if len(stages) == 1:
        # Nothing to overlap: no thread, no queue.
        return [stages[0](part) for part in micro_batches]
    return _Line(stages).run(micro_batches)


class _End:
    """Follows the last micro-batch."""


class _Line(Generic[T]):
    def __init__(self, stages: Sequence[Callable[[T], T]]) -> None:
        self._stages = stages
        self._queues = [queue.Queue[T | _End](_HELD) for _ in stages]
        self._done: list[T] = []
        self._failures: list[BaseException] = []

    def run(self, parts: Sequence[T]) -> list[T]:
        threads = [
            threading.Thread(target=self._work, args=(number,), name=f"stage {number}")
            for number in range(len(self._stages))
        ]
        for thread in threads:
            thread.start()
        for part in (*parts, _End()):
            self._queues[0].put(part)
        for thread in threads:
            thread.join()
        if self._failures:
            raise self._failures[0]
        return self._done

    def _work(self, number: int) -> None:
        while not isinstance(part := self._queues[number].get(), _End):
            if self._failures:
                # Whoever waits to hand something over must get rid of it.
                continue
            try:
                self._hand_on(number, self._stages[number](part))
            except BaseException as failure:
                self._failures.append(failure)
        if number + 1 < len(self._stages):
            self._queues[number + 1].put(part)

    def _hand_on(self, number: int, part: T) -> None:
        if number + 1 < len(self._stages):
            self._queues[number + 1].put(part)
        else:
            self._done.append(part)
