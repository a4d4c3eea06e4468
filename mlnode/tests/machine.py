"""An mlnode as its users run it, in a process of its own, and a broker that drives it."""

import os
import queue
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import grpc
import psutil
from ninefold_proto.mlnode.v1 import poc_pb2, poc_pb2_grpc

from mlnode.service.wire import round_to_wire

MLNODE = Path(sys.executable).with_name("mlnode")
GROUPS = 2
BATCH = 4
CHECKED = 40
OTHER_KEY = b"\x07" * 20


class Machine:
    """The command as its users run it, started anew after each death."""

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        *,
        engine: str = "numpy",
        stages: int = 1,
    ) -> None:
        self._folder = folder
        self._environment = environment or {}
        self._engine = engine
        self._group = "[" + ", ".join(['"cpu"'] * stages) + "]"
        # The most that any status has said to be acknowledged.
        self.acknowledged = 0
        self.process: subprocess.Popen[str] | None = None
        self.poc: Any = None
        self.workers: list[psutil.Process] = []
        self._channel: Any = None

    def start(self, groups: int = GROUPS) -> None:
        config, listed = self._folder / "mlnode.toml", ", ".join([self._group] * groups)
        config.write_text(
            f'[service]\nlisten = "127.0.0.1:0"\nstate_dir = "{self._folder}/state"\n'
            f'[poc]\nengine = "{self._engine}"\nthreads = 1\nbatch_size = {BATCH}\n'
            f"groups = [{listed}]\n"
        )
        self.process = subprocess.Popen(
            [MLNODE, "serve", "--config", config],
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
            env={**os.environ, **self._environment},
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

    def kill(self) -> bool:
        """End the service at once, its workers with it; returns that it was there."""
        assert self.process is not None
        self.status()
        self.workers = psutil.Process(self.process.pid).children(recursive=True)
        self.process.kill()
        return True

    def kill_worker(self, group: int) -> bool:
        """End one worker at once; returns whether it was there to be ended just now."""
        groups = self.status().groups
        pid = groups[group % len(groups)].worker_pid
        try:
            there = pid > 0 and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False
        if there:
            os.kill(pid, signal.SIGKILL)
        return there

    def status(self) -> Any:
        """The status of the proofs."""
        status = self.poc.GetStatus(poc_pb2.PocServiceGetStatusRequest())
        self.acknowledged = max(self.acknowledged, status.acknowledged_nonces)
        return status


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

    def generate(self) -> Generator[int, None, None]:
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
    """The nonces that a request asks for: no two ask for the same."""
    return list(range(CHECKED * request_id, CHECKED * (request_id + 1)))


def stop_behind(broker: Broker, *, batches: int) -> None:
    """Stops a walk behind some batches, and stores what still comes of it."""
    for count in broker.generate():
        if count == batches:
            broker.stop()
