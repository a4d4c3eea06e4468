"""The end of a process of the service."""

import asyncio
import os
import signal

import psutil
import pytest

from mlnode.service.child import Child


async def _stopped() -> Child:
    """A process that cannot follow a request to end: it does not run."""
    child = await Child.start("mlnode.service.worker", "test")
    os.kill(child.pid, signal.SIGSTOP)
    await asyncio.to_thread(os.waitid, os.P_PID, child.pid, os.WSTOPPED)
    return child


async def test_a_process_that_does_not_follow_is_killed() -> None:
    child = await _stopped()
    assert await child.end(0.01) == -signal.SIGKILL


@pytest.mark.parametrize("times", [1, 3])
async def test_who_is_cancelled_while_ending_a_process_still_sees_it_gone(times: int) -> None:
    child = await _stopped()
    ending = asyncio.create_task(child.end(0.2))
    for _ in range(times):
        await asyncio.sleep(0)
        ending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ending
    assert not psutil.pid_exists(child.pid)
