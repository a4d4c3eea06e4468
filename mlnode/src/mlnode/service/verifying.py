"""Verification over all groups: each check goes to the group with the least to do."""

import logging
from collections.abc import Callable

import numpy as np

from mlnode.poc.arrays import U64
from mlnode.poc.statistics import judge_sample
from mlnode.service.checks import Checks
from mlnode.service.crew import Crew
from mlnode.service.group import Group
from mlnode.service.ledger import Ledger
from mlnode.service.messages import Check, Checked

_log = logging.getLogger("mlnode.verifying")


class Verifying:
    """Hands checks out, and on to others when a group is lost."""

    def __init__(self, crew: Crew, ledger: Ledger, *, changed: Callable[[], None]) -> None:
        """Prepare; ``changed`` is told when a check comes or goes."""
        self._crew = crew
        self._ledger = ledger
        self._changed = changed
        self._checks = Checks()
        self._last_id = 0

    @property
    def active(self) -> bool:
        """Whether a check is pending."""
        return len(self._checks) > 0

    async def check(self, public_key: bytes, nonces_B: U64) -> Checked:
        """See ``ParallelController.check``."""
        round_ = self._ledger.standing()
        self._crew.check_formed(round_)
        able = [group.index for group in self._crew.able]
        self._last_id += 1
        check = Check(request_id=self._last_id, public_key=public_key, nonces=nonces_B)
        pending = self._checks.add(check, able)
        self._send(self._crew.groups[pending.group], check)
        self._changed()
        try:
            checked = await pending.answer
        finally:
            self._checks.remove(pending)
            self._changed()
        self._ledger.verified(round_, public_key, len(nonces_B))
        invalid = len(nonces_B) - int(np.count_nonzero(checked.valid))
        if invalid:
            # The chain judges what its jurors report; this is for who reads the log.
            # A request may hold a part of a sample only.
            finding = judge_sample(invalid, len(nonces_B))
            _log.warning("host %s, in one request: %s", public_key.hex(), finding)
        return checked

    def answer(self, event: Checked) -> None:
        """Hand a worker's answer to whoever asked."""
        self._ledger.rate.add(len(event.valid))
        self._checks.answer(event)

    def send_all(self, group: Group) -> None:
        """Give a group that has loaded what waits for it."""
        for pending in self._checks.of(group.index):
            self._send(group, pending.check)

    def move(self, group: Group) -> None:
        """Give what a lost group will not answer to others, of which there is at least one."""
        for pending in self._checks.move(group.index, [g.index for g in self._crew.able]):
            self._send(self._crew.groups[pending.group], pending.check)

    def fail(self, why: Exception) -> None:
        """Tell every asker that no answer comes."""
        self._checks.fail(why)

    def _send(self, group: Group, check: Check) -> None:
        # A group that loads is given its checks when it has loaded.
        if group.loaded:
            group.handle.send(check)
