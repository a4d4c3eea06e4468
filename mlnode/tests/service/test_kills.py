"""Fifty kills of workers and of the service, at moments of a seed that is printed.

Each falls at some instant of work that is under way: a walk, a check, a load, a stop. A broker
that keeps what it has stored goes on after each: of its nonces none is missing, none is there
twice, and what the service counts as acknowledged is stored. The service comes back with
another number of groups now and then.
"""

import os
import random
import signal
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from machine import BATCH, GROUPS, OTHER_KEY, Broker, Machine, nonces_of, stop_behind

KILLS = 50
GROUPS_AFTER_A_RESTART = (1, 2, 3)

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]


@contextmanager
def printed_seed() -> Generator[random.Random, None, None]:
    """Gives out chance whose seed is told when it matters; NINEFOLD_SEED repeats a run."""
    seed = int(os.environ.get("NINEFOLD_SEED", random.SystemRandom().randrange(2**32)))
    sys.stdout.write(f"NINEFOLD_SEED={seed}\n")
    yield random.Random(seed)


def test_fifty_kills_lose_nothing_and_double_nothing(tmp_path: Path, kit: Any) -> None:
    machine, round_ = Machine(tmp_path), kit.round()
    broker = Broker(machine, round_)
    with printed_seed() as chance:
        machine.start()
        try:
            broker.open()
            for number in range(KILLS):
                WORK[number % len(WORK)](machine, broker, chance, number)
            # In peace every acknowledgement counts, once, whatever came before.
            recover(machine, broker, chance)
            stop_behind(broker, batches=5)
            counted, wanted = broker.counted()
        finally:
            machine.end()
    assert counted == wanted > 0
    assert len(broker.stored) == len(set(broker.stored))
    assert sorted(broker.stored) == kit.valid_before(round_, list(broker.lane_next))
    assert min(broker.lane_next) > 0
    assert len(broker.answers) >= KILLS // len(WORK)
    for request_id, valid in broker.answers.items():
        wanted_valid = kit.expected(round_, nonces_of(request_id), OTHER_KEY).valid
        assert np.array_equal(valid, wanted_valid)


Work = Callable[[Machine, Broker, random.Random, int], None]


@contextmanager
def struck(
    machine: Machine, broker: Broker, chance: random.Random, *, within_s: float
) -> Generator[threading.Event, None, None]:
    """Kills at some instant of the work inside, and brings back what the work needs.

    Yields a flag that is set when it has struck.
    """
    whole, victim = chance.random() < 0.5, chance.randrange(GROUPS)
    fallen, deed = (
        threading.Event(),
        machine.kill if whole else partial(machine.kill_worker, victim),
    )

    def strike() -> None:
        try:
            deed()
        finally:
            fallen.set()

    timer = threading.Timer(chance.uniform(0.0, within_s), strike)
    timer.start()
    try:
        yield fallen
    except grpc.RpcError:
        # A worker's death is the service's to mend; only its own cuts a call off.
        timer.join()
        assert whole
    timer.join()
    if whole:
        recover(machine, broker, chance)


def during_a_walk(machine: Machine, broker: Broker, chance: random.Random, _: int) -> None:
    with struck(machine, broker, chance, within_s=1.0) as fallen:
        left = 6
        for _ in broker.generate():
            # Enough behind it for the successor of a worker to contribute.
            left -= fallen.is_set()
            if not left:
                break


def during_checks(machine: Machine, broker: Broker, chance: random.Random, number: int) -> None:
    request_id = 1000 * number
    with struck(machine, broker, chance, within_s=0.5) as fallen:
        last = False
        while not last:
            last = fallen.is_set()
            broker.answers[request_id] = broker.ask(request_id)
            request_id += 1
    # The one that was cut off is asked again.
    broker.answers[request_id] = broker.ask(request_id)


def during_a_load(machine: Machine, broker: Broker, chance: random.Random, _: int) -> None:
    broker.stop(end_round=True)
    with struck(machine, broker, chance, within_s=0.2):
        broker.open()
    broker.open()


def during_a_stop(machine: Machine, broker: Broker, chance: random.Random, _: int) -> None:
    with struck(machine, broker, chance, within_s=0.1):
        stop_behind(broker, batches=2)


WORK: tuple[Work, ...] = (during_a_walk, during_checks, during_a_walk, during_a_load, during_a_stop)


def recover(machine: Machine, broker: Broker, chance: random.Random) -> None:
    """What a broker does when its mlnode is gone: it waits for it, and opens the round again."""
    machine.end()
    machine.start(chance.choice(GROUPS_AFTER_A_RESTART))
    broker.open()
    # The journal: nothing that is not stored, and nothing twice.
    assert machine.status().acknowledged_nonces <= len(broker.stored)


def test_a_group_that_stands_still_takes_nothing_from_the_others(tmp_path: Path, kit: Any) -> None:
    """A counting: every batch that comes is of the other group, which waits for nobody."""
    machine, round_, batches = Machine(tmp_path), kit.round(), 40
    broker = Broker(machine, round_)
    machine.start()
    try:
        broker.open()
        still = machine.status().groups[0].worker_pid
        os.kill(still, signal.SIGSTOP)
        for count in broker.generate():
            if count == batches:
                break
        os.kill(still, signal.SIGCONT)
    finally:
        machine.end()
    assert set(broker.lane_next[0::GROUPS]) == {0}
    assert sum(broker.lane_next[1::GROUPS]) == batches * BATCH
    assert sorted(broker.stored) == kit.valid_before(round_, list(broker.lane_next))
