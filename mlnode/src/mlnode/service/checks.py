"""Verifications that were asked for and are not answered yet."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from mlnode.service.errors import RequestError
from mlnode.service.messages import Check, Checked

LARGEST = 4096


@dataclass(slots=True, kw_only=True)
class Pending:
    """A check with the group that was given it; ``answer`` is what the asker waits for."""

    check: Check
    group: int
    answer: "asyncio.Future[Checked]"


class Checks:
    """What is pending, by request number."""

    def __init__(self) -> None:
        self._pending: dict[int, Pending] = {}

    def __len__(self) -> int:
        return len(self._pending)

    def add(self, check: Check, groups: Iterable[int]) -> Pending:
        """Note a check and give it to the group with the least to do.

        Raises:
            RequestError: it is too large, empty, or names a nonce twice.
        """
        size = len(check.nonces)
        if not 1 <= size <= LARGEST:
            raise RequestError(f"nonces has {size} entries; it has 1 to {LARGEST}")
        if len(np.unique(check.nonces)) != size:
            raise RequestError("nonces names one twice; each is asked once")
        pending = Pending(
            check=check,
            group=min(groups, key=self._load),
            answer=asyncio.get_running_loop().create_future(),
        )
        self._pending[check.request_id] = pending
        return pending

    def remove(self, pending: Pending) -> None:
        """Forget a check: its asker has the answer, or is gone."""
        self._pending.pop(pending.check.request_id, None)

    def of(self, group: int) -> list[Pending]:
        """What a group has not answered."""
        return [p for p in self._pending.values() if p.group == group and not p.answer.done()]

    def move(self, group: int, others: Iterable[int]) -> list[Pending]:
        """Give what a group will not answer to others, of which there is at least one."""
        others = tuple(others)
        moved = self.of(group)
        for pending in moved:
            pending.group = min(others, key=self._load)
        return moved

    def answer(self, event: Checked) -> None:
        """Hand an answer to its asker."""
        pending = self._pending.get(event.request_id)
        if pending is not None and not pending.answer.done():
            pending.answer.set_result(event)

    def fail(self, why: Exception) -> None:
        """Tell every asker that no answer comes."""
        for pending in self._pending.values():
            if not pending.answer.done():
                pending.answer.set_exception(why)

    def _load(self, group: int) -> int:
        return sum(p.group == group for p in self._pending.values())
