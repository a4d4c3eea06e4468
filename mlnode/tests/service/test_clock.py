"""A service whose wall clock jumps by years, in all of its processes: nothing of it decides by it.

The system's clock is left alone: a library that is loaded before all others moves the clock of
the service and its workers (clock.c).
"""

import mmap
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from machine import OTHER_KEY, Broker, Machine, nonces_of, stop_behind

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

YEAR_S = 365 * 24 * 3600
# There, back beyond the beginning, into the same second again, and far ahead.
JUMPS_S = (YEAR_S, -30 * YEAR_S, 0, -1, 200 * YEAR_S, 3600)
BATCHES_A_JUMP = 3


class Clock:
    """The moved clock of a service."""

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("cc")
        assert compiler is not None, "missing: a C compiler (cc)"
        library, self._path = folder / "clock.so", folder / "clock"
        source = Path(__file__).with_name("clock.c")
        subprocess.run(
            [compiler, "-shared", "-fPIC", "-Wall", "-Werror", "-o", library, source], check=True
        )
        self._path.write_bytes(bytes(16))
        self.environment = {"LD_PRELOAD": str(library), "NINEFOLD_CLOCK": str(self._path)}

    def jump(self, offset_s: int) -> None:
        """Move it to that many seconds from the right time."""
        with self._path.open("r+b") as file, mmap.mmap(file.fileno(), 16) as there:
            there[:8] = struct.pack("q", offset_s)

    def asked(self) -> int:
        """How often somebody was told a wrong time."""
        return struct.unpack("qq", self._path.read_bytes())[1]


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path)


@pytest.fixture
def machine(tmp_path: Path, clock: Clock) -> Iterator[Machine]:
    machine = Machine(tmp_path, clock.environment)
    machine.start()
    yield machine
    machine.end()


def test_whatever_the_clock_says_nothing_is_lost_doubled_or_given_up(
    machine: Machine, clock: Clock, kit: Any
) -> None:
    round_ = kit.round()
    broker = Broker(machine, round_)
    broker.open()
    workers = [group.worker_pid for group in machine.status().groups]
    jumps, told = iter(JUMPS_S), [clock.asked()]
    for count in broker.generate():
        if count % BATCHES_A_JUMP:
            continue
        # While batches are computed, sent and acknowledged.
        if (offset_s := next(jumps, None)) is None:
            break
        clock.jump(offset_s)
        broker.answers[count] = broker.ask(count)
        told.append(clock.asked())
    clock.jump(-YEAR_S)
    stop_behind(broker, batches=BATCHES_A_JUMP)
    assert next(jumps, None) is None, "the walk ended before all jumps"
    assert told == sorted(told), told
    assert told[-1] > told[0] == 0, "the service never saw a wrong time"
    counted, wanted = broker.counted()
    assert counted == wanted > 0
    assert sorted(broker.stored) == kit.valid_before(round_, list(broker.lane_next))
    for request_id, valid in broker.answers.items():
        expected = kit.expected(round_, nonces_of(request_id), OTHER_KEY).valid
        assert np.array_equal(valid, expected)
    assert [group.worker_pid for group in machine.status().groups] == workers, "none was replaced"


def test_a_service_that_starts_at_a_wrong_time_proves_as_any_other(
    tmp_path: Path, clock: Clock, kit: Any
) -> None:
    machine, round_ = Machine(tmp_path, clock.environment), kit.round()
    clock.jump(-40 * YEAR_S)
    machine.start()
    try:
        broker = Broker(machine, round_)
        broker.open()
        clock.jump(0)
        # One nonce in ten is valid: of 240, some are.
        stop_behind(broker, batches=60)
        counted, wanted = broker.counted()
    finally:
        machine.end()
    assert clock.asked() > 0
    assert counted == wanted > 0
    assert sorted(broker.stored) == kit.valid_before(round_, list(broker.lane_next))
