"""The command as its users run it: a process of its own."""

import asyncio
import os
import re
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from ninefold_proto.mlnode.v1 import node_pb2, node_pb2_grpc, poc_pb2, poc_pb2_grpc

from mlnode.service.wire import round_to_wire

MLNODE = Path(sys.executable).with_name("mlnode")


@dataclass
class Running:
    """A server that takes calls."""

    process: "subprocess.Popen[str]"
    port: int

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def end(self, number: signal.Signals) -> int:
        """Send a signal; returns the exit code."""
        self.process.send_signal(number)
        return self.process.wait(60)


def write_config(folder: Path, **service: str) -> Path:
    """A configuration on any free port; the reference starts at once."""
    lines = {"listen": "127.0.0.1:0", "state_dir": str(folder / "state")} | service
    text = "[service]\n" + "".join(f'{key} = "{value}"\n' for key, value in lines.items())
    path = folder / "mlnode.toml"
    path.write_text(f'{text}[poc]\nengine = "numpy"\nthreads = 1\n[serving]\noffline = true\n')
    return path


Start = Callable[..., Running]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a server in a process group of its own, and ends what is left of it."""
    begun: list[subprocess.Popen[str]] = []

    def begin(config: Path, *, room: int = -1, **environment: str) -> Running:
        process = subprocess.Popen(
            [MLNODE, "serve", "--config", config],
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
            env={**os.environ, **environment},
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)),
        )
        begun.append(process)
        assert process.stderr is not None
        for line in process.stderr:
            if found := re.search(r"listening on 127\.0\.0\.1:(\d+)", line):
                return Running(process, int(found.group(1)))
        raise AssertionError("the server ended before it listened")

    yield begin
    for process in begun:
        process.kill()
        process.wait(60)
        assert process.stderr is not None
        process.stderr.close()


def test_a_server_tells_its_health_and_itself_and_ends_with_all_it_started(
    start: Start, tmp_path: Path
) -> None:
    server = start(write_config(tmp_path))
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        for name in ("", "mlnode.v1.PocService", "mlnode.v1.NodeService"):
            answer = health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(service=name), timeout=60
            )
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        info = node_pb2_grpc.NodeServiceStub(channel).GetInfo(node_pb2.GetInfoRequest(), timeout=60)
    assert info.version == "0.1.0"
    assert list(info.poc_versions) == [1]
    assert info.devices[0].id == "cpu"
    assert info.devices[0].name
    assert info.devices[0].memory_bytes > 1 << 28
    assert {"python", "numpy", "torch", "transformers", "grpcio", "cuda-driver"} <= set(
        info.versions
    )
    assert {"triton", "numba", "nvidia-driver", "system"} <= set(info.versions)
    assert all(info.versions.values())
    # The tests run from a checkout, with or without git at hand.
    assert re.fullmatch(r"([0-9a-f]{40}(-dirty)?)?", info.commit)
    children = server.children()
    assert children
    assert server.end(signal.SIGTERM) == 0
    assert psutil.wait_procs(children, timeout=60)[1] == []


def test_ctrl_c_in_a_terminal_reaches_the_server_and_ends_its_workers(
    start: Start, tmp_path: Path
) -> None:
    server = start(write_config(tmp_path))
    children = server.children()
    os.killpg(server.process.pid, signal.SIGINT)
    assert server.process.wait(60) == 0
    assert psutil.wait_procs(children, timeout=60)[1] == []


def test_workers_end_when_the_server_is_killed(start: Start, tmp_path: Path) -> None:
    server = start(write_config(tmp_path))
    children = server.children()
    assert server.end(signal.SIGKILL) == -9
    assert psutil.wait_procs(children, timeout=60)[1] == []


def test_a_full_disk_is_said_before_the_server_listens(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    run = subprocess.run(
        [MLNODE, "serve", "--config", config],
        capture_output=True, text=True, timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)),
    )  # fmt: skip
    assert run.returncode == 2
    assert run.stderr == f"mlnode: service.state_dir {tmp_path}/state: File too large\n"


async def test_a_round_goes_on_where_the_disk_is_full(
    start: Start, tmp_path: Path, kit: Any
) -> None:
    config = write_config(tmp_path)
    config.write_text(config.read_text().replace('"numpy"', '"fp32"'))
    # Neither compiled code nor a journal fits.
    server = await asyncio.to_thread(start, config, room=64, NUMBA_CACHE_DIR=str(tmp_path / "code"))
    round_ = kit.round()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        poc: Any = poc_pb2_grpc.PocServiceStub(channel)
        begin = poc_pb2.StartRoundRequest(round=round_to_wire(round_), generation=1)
        assert [said async for said in poc.StartRound(begin)][-1].ready
        call = poc.Generate()
        await call.write(poc_pb2.GenerateRequest(start=poc_pb2.GenerateStart(generation=2)))
        for _ in range(3):
            came = await call.read()
            ack = poc_pb2.GenerateAck(sequence=came.sequence)
            await call.write(poc_pb2.GenerateRequest(ack=ack))
        nonces = list(came.batch.nonces)
        assert kit.expected(round_, nonces).valid.all()
        call.cancel()
        await poc.Stop(poc_pb2.StopRequest(generation=3, end_round=True))
        status = await poc.GetStatus(poc_pb2.PocServiceGetStatusRequest())
    assert status.groups[0].restarts == 0
    assert status.acknowledged_nonces > 0
    assert not (tmp_path / "state/round.json").exists()


def test_a_port_in_use_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        config = write_config(tmp_path, listen=address)
        run = subprocess.run(
            [MLNODE, "serve", "--config", config], capture_output=True, text=True, timeout=120
        )
    assert run.returncode == 2
    assert run.stdout == ""
    assert run.stderr == f'mlnode: service.listen is "{address}": Address already in use\n'


def test_the_service_process_loads_no_framework() -> None:
    script = """
import sys
import mlnode.cli, mlnode.service.server
print({"torch", "transformers", "huggingface_hub", "tokenizers"} & set(sys.modules))
"""
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120
    )
    assert (run.stdout, run.stderr) == ("set()\n", "")
