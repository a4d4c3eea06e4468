"""Fifty kills of workers and of the service, at moments of a seed that is printed.

Each falls at some instant of work that is under way: a walk, a check, a load, a stop. A broker
that keeps what it has stored goes on after each: of its nonces none is missing, none is there
twice, and what the service counts as acknowledged is stored. The service comes back with
another number of groups now and then.
"""

import os
import queue
import random
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import psutil
import pytest
from ninefold_proto.mlnode.v1 import poc_pb2, poc_pb2_grpc

from mlnode.service.wire import round_to_wire

MLNODE = Path(sys.executable).with_name("mlnode")
KILLS = 50
GROUPS = 2
GROUPS_AFTER_A_RESTART = (1, 2, 3)
BATCH = 4
CHECKED = 40
OTHER_KEY = b"\x07" * 20

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]


class Machine:
    """The command as its users run it, started anew after each death."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.process: subprocess.Popen[str] | None = None
        self.poc: Any = None
        self.workers: list[psutil.Process] = []
        self._channel: Any = None

    def start(self, groups: int = GROUPS) -> None:
        config, listed = self._folder / "mlnode.toml", ", ".join(['["cpu"]'] * groups)
        config.write_text(
            f'[service]\nlisten = "127.0.0.1:0"\nstate_dir = "{self._folder}/state"\n'
            f'[poc]\nengine = "numpy"\nthreads = 1\nbatch_size = {BATCH}\ngroups = [{listed}]\n'
        )
        self.process = subprocess.Popen(
            [MLNODE, "serve", "--config", config],
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if found := re.search(r"listening on \S+:(\d+)", line):
                break
        else:
            raise AssertionError("the server ended before it listened")
        # What it says from here on must not fill the pipe.
        self._drain = threading.Thread(target=self.process.stderr.read)
        self._drain.start()
        self._channel = grpc.insecure_channel(f"127.0.0.1:{int(found.group(1))}")
        self.poc = poc_pb2_grpc.PocServiceStub(self._channel)

    def end(self) -> None:
        """Kill the service and wait for its workers, which see the end of their pipe."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.workers = psutil.Process(self.process.pid).children(recursive=True)
        self.process.kill()
        self.process.wait(60)
        assert psutil.wait_procs(self.workers, timeout=60)[1] == []
        self._drain.join()
        assert self.process.stderr is not None
        self.process.stderr.close()
        self._channel.close()
        self.process = None

    def kill(self) -> None:
        """End the service at once, its workers with it."""
        assert self.process is not None
        self.workers = psutil.Process(self.process.pid).children(recursive=True)
        self.process.kill()

    def kill_worker(self, group: int) -> None:
        """End one worker at once, if it is there just now."""
        groups = self.status().groups
        if pid := groups[group % len(groups)].worker_pid:
            os.kill(pid, signal.SIGKILL)

    def status(self) -> Any:
        """The status of the proofs."""
        return self.poc.GetStatus(poc_pb2.PocServiceGetStatusRequest())


class Broker:
    """Stores what it gets, then acknowledges; goes on behind what it has stored."""

    def __init__(self, machine: Machine, round_: Any) -> None:
        self._machine = machine
        self._round = round_
        self._generation = 0
        self.stored: list[int] = []
        # When the present process of the service opened the round: what it had
        # counted by then, and what was stored.
        self._opened_at = (0, 0)
        self.lane_next: tuple[int, ...] = (0,) * round_.lanes
        self.answers: dict[int, list[bool]] = {}

    def open(self) -> None:
        self._generation += 1
        request = poc_pb2.StartRoundRequest(
            round=round_to_wire(self._round), generation=self._generation
        )
        for _ in self._machine.poc.StartRound(request):
            pass
        self._opened_at = (self._machine.status().acknowledged_nonces, len(self.stored))

    def stop(self, *, end_round: bool = False) -> None:
        self._generation += 1
        request = poc_pb2.StopRequest(generation=self._generation, end_round=end_round)
        self._machine.poc.Stop(request)

    def counted(self) -> tuple[int, int]:
        """What the service has counted since the round was opened, and what it should have."""
        before, stored = self._opened_at
        return self._machine.status().acknowledged_nonces - before, len(self.stored) - stored

    def generate(self) -> Iterator[int]:
        """Stores batch after batch; yields how many came on this stream."""
        self._generation += 1
        requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
        start = poc_pb2.GenerateStart(generation=self._generation, lane_next=self.lane_next)
        requests.put(poc_pb2.GenerateRequest(start=start))
        call = self._machine.poc.Generate(iter(requests.get, None))
        try:
            for count, response in enumerate(call, 1):
                self.stored += response.batch.nonces
                self.lane_next = tuple(response.batch.lane_next)
                ack = poc_pb2.GenerateAck(sequence=response.sequence)
                requests.put(poc_pb2.GenerateRequest(ack=ack))
                yield count
        finally:
            requests.put(None)
            call.cancel()

    def ask(self, request_id: int) -> list[bool]:
        """Asks for some nonces of another host until they are answered."""
        request = poc_pb2.ValidateRequest(
            request_id=request_id, public_key=OTHER_KEY, nonces=nonces_of(request_id)
        )
        for response in self._machine.poc.Validate(iter([request])):
            assert response.request_id == request_id
            return list(response.valid)
        raise AssertionError("the stream ended without an answer")


def nonces_of(request_id: int) -> list[int]:
    return list(range(CHECKED * request_id, CHECKED * (request_id + 1)))


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


def stop_behind(broker: Broker, *, batches: int) -> None:
    """Stops a walk behind some batches, and stores what still comes of it."""
    for count in broker.generate():
        if count == batches:
            broker.stop()


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
