"""Fifty kills of workers and of the service, at moments of a seed that is printed.

A broker that keeps what it has stored goes on after each: of its nonces none is missing, none
is there twice, and what the service counts as acknowledged is stored.
"""

import os
import queue
import random
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
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
BATCH = 4
CHECKED = 40
OTHER_KEY = b"\x07" * 20

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]


class Machine:
    """The command as its users run it, started anew after each death."""

    def __init__(self, folder: Path) -> None:
        self._config = folder / "mlnode.toml"
        groups = ", ".join(['["cpu"]'] * GROUPS)
        self._config.write_text(
            f'[service]\nlisten = "127.0.0.1:0"\nstate_dir = "{folder}/state"\n'
            f'[poc]\nengine = "numpy"\nthreads = 1\nbatch_size = {BATCH}\ngroups = [{groups}]\n'
        )
        self.process: subprocess.Popen[str] | None = None
        self.poc: Any = None
        self.workers: list[psutil.Process] = []
        self._channel: Any = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [MLNODE, "serve", "--config", self._config],
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

    def kill_worker(self, group: int) -> None:
        pid = self.poc.GetStatus(poc_pb2.PocServiceGetStatusRequest()).groups[group].worker_pid
        if pid:
            os.kill(pid, signal.SIGKILL)


class Broker:
    """Stores what it gets, then acknowledges; goes on behind what it has stored."""

    def __init__(self, machine: Machine, round_: Any) -> None:
        self._machine = machine
        self._round = round_
        self._generation = 0
        self.stored: list[int] = []
        self.lane_next: tuple[int, ...] = (0,) * round_.lanes
        self.answers: dict[int, list[bool]] = {}

    def open(self) -> None:
        self._generation += 1
        request = poc_pb2.StartRoundRequest(
            round=round_to_wire(self._round), generation=self._generation
        )
        for _ in self._machine.poc.StartRound(request):
            pass

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
def printed_seed() -> Iterator[random.Random]:
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
            for kill in range(KILLS):
                one_kill(machine, broker, chance, kill)
            acknowledged = machine.poc.GetStatus(
                poc_pb2.PocServiceGetStatusRequest()
            ).acknowledged_nonces
        finally:
            machine.end()
    assert len(broker.stored) == len(set(broker.stored))
    assert sorted(broker.stored) == kit.valid_before(round_, list(broker.lane_next))
    assert min(broker.lane_next) > 0
    assert acknowledged <= len(broker.stored)
    assert len(broker.answers) > 0
    for request_id, valid in broker.answers.items():
        wanted = kit.expected(round_, nonces_of(request_id), OTHER_KEY)
        assert np.array_equal(valid, wanted.valid)


def one_kill(machine: Machine, broker: Broker, chance: random.Random, number: int) -> None:
    """Works until a moment of chance, kills, and works on until the same work is done again."""
    whole, moment = chance.random() < 0.5, chance.randrange(1, 12)
    victim, validating = chance.randrange(GROUPS), chance.random() < 0.4
    if validating:
        try:
            for step in range(chance.randrange(1, 4)):
                request_id = 10 * number + step
                broker.answers[request_id] = broker.ask(request_id)
            kill(machine, whole, victim)
            request_id = 10 * number + 9
            broker.answers[request_id] = broker.ask(request_id)
        except grpc.RpcError:
            recover(machine, broker)
            broker.answers[request_id] = broker.ask(request_id)
        return
    try:
        for count in broker.generate():
            if count == moment:
                kill(machine, whole, victim)
            # Enough for the successor of a worker to contribute.
            if count >= moment + 6:
                break
    except grpc.RpcError:
        recover(machine, broker)
        for count in broker.generate():
            if count >= 3:
                break


def kill(machine: Machine, whole: bool, victim: int) -> None:
    if whole:
        assert machine.process is not None
        machine.workers = psutil.Process(machine.process.pid).children(recursive=True)
        machine.process.kill()
    else:
        machine.kill_worker(victim)


def recover(machine: Machine, broker: Broker) -> None:
    """What a broker does when its mlnode is gone: it waits for it, and opens the round again."""
    machine.end()
    machine.start()
    counted = machine.poc.GetStatus(poc_pb2.PocServiceGetStatusRequest())
    assert counted.acknowledged_nonces <= len(broker.stored)
    broker.open()
    counted = machine.poc.GetStatus(poc_pb2.PocServiceGetStatusRequest())
    # The journal: nothing that is not stored, and nothing twice.
    assert counted.acknowledged_nonces <= len(broker.stored)


def test_a_group_that_stands_still_takes_nothing_from_the_others(tmp_path: Path, kit: Any) -> None:
    """A counting: every batch that comes is of the other group, which waits for nobody."""
    machine, round_, batches = Machine(tmp_path), kit.round(), 40
    broker = Broker(machine, round_)
    machine.start()
    try:
        broker.open()
        still = machine.poc.GetStatus(poc_pb2.PocServiceGetStatusRequest()).groups[0].worker_pid
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
