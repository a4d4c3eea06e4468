import json
import multiprocessing
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil
import pytest
import typer
from typer.testing import CliRunner

from mlnode.bench.calibrate import histogram
from mlnode.bench.cli import mount
from mlnode.bench.doctor import Finding, examine
from mlnode.bench.measure import Job, MeasureError, Run, measure, measure_group
from mlnode.bench.report import Report, read_report
from mlnode.bench.work import PARAMS, fit
from mlnode.poc.params import MODEL_PARAMS, MODEL_PARAMS_BIG, MODEL_PARAMS_TEST
from mlnode.poc.tensors import operations

app = typer.Typer()
mount(app)
run = CliRunner().invoke


def test_a_nonce_is_as_many_operations_as_published() -> None:
    assert operations(MODEL_PARAMS) / 1e12 == pytest.approx(0.733, abs=0.03)
    assert operations(MODEL_PARAMS_BIG) / 1e12 == pytest.approx(17.1, abs=0.5)


def test_a_layer_more_is_the_operations_of_a_whole_layer() -> None:
    dim, kv, ffn, positions = 128, 64, 384, 32
    products = positions * (2 * dim * kv + 2 * dim * dim + 3 * dim * ffn)
    more = replace(MODEL_PARAMS_TEST, n_layers=4)
    attention = positions * (positions + 1) * dim
    assert operations(more) - operations(MODEL_PARAMS_TEST) == 2 * (products + attention)


def test_the_big_network_fits_40_gb_and_not_34() -> None:
    assert fit(MODEL_PARAMS_BIG, 40 * 10**9).batch >= 1
    assert fit(MODEL_PARAMS_BIG, 34 * 10**9).batch == 0
    came = run(app, ["bench", "--fit", "BIG", "--vram", "40"])
    assert came.exit_code == 0
    assert "weights      34." in came.output
    assert run(app, ["bench", "--fit", "BIG", "--vram", "34"]).exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["bench", "--fit", "BIG"], "--fit needs --vram"),
        (["bench", "--fit", "BIG", "--vram", "nan"], "it is nan"),
        (["bench", "--fit", "BIG", "--vram", "inf"], "it is inf"),
        (["bench", "--fit", "BIG", "--vram", "1e300"], "it is 1e+300"),
        (["bench", "--seconds", "-5"], "--seconds is -5"),
        (["bench", "--seconds", "0"], "--seconds is 0"),
        (["bench", "--seconds", "nan"], "--seconds is nan"),
        (["bench", "--seconds", "inf"], "--seconds is inf"),
        (["bench", "--threads", "99999"], "less than or equal to 1024"),
        (["bench", "--fit", "HUGE", "--vram", "40"], "'HUGE' is no network"),
        (["bench", "--params", "huge"], "'huge' is no network"),
        (["bench", "compare", "none.json", "none.json"], "none.json"),
        (["poc", "calibrate", "--params", "TEST", "--block-hash", "xy"], "block_hash"),
        (["poc", "calibrate", "--params", "TEST", "--fraction", "2"], "valid_fraction"),
        (["poc", "calibrate", "--params", "TEST", "--against", "x"], "--against and --device"),
        (["poc", "calibrate", "--model", "a/b", "--device", "gpu"], "--device is 'gpu'"),
    ],
)
def test_a_wrong_request_is_refused_by_name(arguments: list[str], text: str) -> None:
    came = run(app, arguments)
    assert came.exit_code == 2
    assert text in came.output


def test_a_folder_for_the_log_that_cannot_be_made_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/dev/null/x")
    came = run(app, ["bench", "--params", "TEST"])
    assert came.exit_code == 2
    assert "cannot be written: [Errno 20] Not a directory" in came.output


def test_a_group_proves_and_its_report_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    group = measure_group(Job(devices=("cpu",), params="TEST", seconds=0.05, batch=64))
    assert group.nonces > 0
    assert group.nonces_per_minute > 0
    assert 0 < group.share_of_dense < 1
    assert len(group.digests) == 64
    report = Report(
        params="TEST",
        machine="one",
        date="2026-11-26",
        memory=8 * 10**9,
        nonces_per_minute=group.nonces_per_minute,
        groups=(group,),
    )
    path = tmp_path / "one.json"
    path.write_text(json.dumps(report.content()), "utf-8")
    assert read_report(path) == report


class Timed:
    """Takes a given time a nonce; the digest of a nonce is its number."""

    def __init__(self, seconds_a_nonce: float, largest_batch: int) -> None:
        self.now = 0.0
        self.largest_batch = largest_batch
        self._seconds = seconds_a_nonce

    def batch(self, nonces_B: np.ndarray) -> Any:
        self.now += self._seconds * len(nonces_B)
        return SimpleNamespace(digests=nonces_B.astype(">u8")[:, None])


@pytest.mark.parametrize(
    ("seconds_a_nonce", "largest", "size"),
    [(1.0, 256, 1), (0.1, 256, 2), (0.001, 256, 250), (0.0, 256, 256), (0.0, 3, 3)],
)
def test_a_batch_grows_to_a_quarter_of_a_second(
    seconds_a_nonce: float, largest: int, size: int
) -> None:
    engine = Timed(seconds_a_nonce, largest)
    run_ = Run(engine, clock=lambda: engine.now)  # type: ignore[arg-type]
    assert run_.find_size() == size
    # What finding out has computed counts among the first.
    while run_.nonces < 64:
        run_.batch(7)
    assert run_.digests == [f"{nonce:016x}" for nonce in range(64)]


def test_a_fixed_batch_is_kept_and_what_is_done_is_told() -> None:
    told: list[tuple[str, float]] = []
    job = Job(devices=("cpu",), params="TEST", seconds=0.01, batch=5, threads=1)
    came = measure_group(job, lambda doing, fraction, *_: told.append((doing, fraction)))
    assert came.batch == 5
    assert came.nonces % 5 == 0
    assert ("loading", 1.0) in told
    assert told[-1] == ("measuring the dense rate", 1.0)
    assert came.peak_bytes > 10**7


def test_the_command_measures_in_processes_that_end_and_keeps_its_log() -> None:
    came = run(app, ["bench", "--params", "TEST", "--seconds", "0.1", "--threads", "1", "--json"])
    assert came.exit_code == 0, came.output
    content = json.loads(came.stdout)
    assert content["nonces_per_minute"] > 0
    folder = Path(came.stderr.rpartition("log: ")[2].strip())
    assert json.loads((folder / "report.json").read_text("utf-8")) == content
    assert "group 0 INFO loaded in" in (folder / "bench.log").read_text("utf-8")
    assert started_here() == []


def started_here() -> list[str]:
    """Names of the processes of a measure; other tests of this process may keep their own."""
    names = [process.name for process in multiprocessing.active_children()]
    return [name for name in names if name.startswith("group-")]


def test_a_group_that_fails_ends_the_others_and_is_named(tmp_path: Path) -> None:
    jobs = [Job(devices=("cpu",), params=name, seconds=600.0) for name in ("TEST", "NONE")]
    with pytest.raises(MeasureError, match="group 1: KeyError: 'NONE'"):
        measure(jobs, lambda _: None, tmp_path / "log")
    assert "group 1 ERROR failed" in (tmp_path / "log").read_text("utf-8")
    assert started_here() == []


def test_what_a_measure_started_ends_with_it_however_it_ends() -> None:
    command = [Path(sys.executable).with_name("mlnode"), "bench", "--params", "TEST"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        while not (children := psutil.Process(process.pid).children(recursive=True)):
            assert process.poll() is None
        process.kill()
    assert psutil.wait_procs(children, timeout=120)[1] == []


def test_calibration_finds_p_draws_the_distances_and_writes_them_down(tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    came = run(app, ["poc", "calibrate", "--params", "TEST", "--nonces", "1024", "--out", str(out)])
    assert came.exit_code == 0, came.output
    assert "of 1024: 0." in came.output
    assert came.output.count("█") > 16
    report = json.loads(out.read_text("utf-8"))
    found = report["calibration"]
    assert (report["kind"], report["params"], found["nonces"]) == ("EXACT8", "TEST", 1024)
    assert 0 < found["low"] <= found["valid"] / 1024 <= found["high"] < 0.2
    assert found["low"] <= found["fraction"] == 0.1 <= found["high"]
    assert sum(found["histogram"]["counts"]) == 1024
    assert len(found["histogram"]["edges"]) == len(found["histogram"]["counts"]) + 1
    assert all(report["hardware"]["devices"])
    assert report["hardware"]["versions"]["torch"]


def test_a_histogram_has_a_line_for_each_bin() -> None:
    came = histogram(np.array([0.0, 0.0, 1.0]), bins=2)
    assert came.counts == (2, 1)
    assert came.edges == (0.0, 0.5, 1.0)
    lines = came.lines()
    assert [line.split()[-1] for line in lines] == ["2", "1"]
    assert lines[0].count("█") == 2 * lines[1].count("█")


def test_the_doctor_finds_something_to_say_of_everything() -> None:
    findings = examine()
    assert [f.name for f in findings] == [
        "build", "versions", "driver", "devices", "groups", "engines", "memory", "disk", "threads"
    ]  # fmt: skip
    assert all(finding.text for finding in findings)
    assert all(bool(finding.remedy) != finding.sound for finding in findings)
    assert isinstance(findings[0], Finding)
    assert set(PARAMS) == {"MAIN", "BIG", "TEST"}


def test_the_doctor_looks_at_the_machine_as_it_is_configured(tmp_path: Path) -> None:
    path = tmp_path / "mlnode.toml"
    path.write_text(
        f'[service]\nstate_dir = "{tmp_path}/not/yet"\n'
        '[poc]\ngroups = [["cpu", "cpu"], ["cuda:99"]]\nthreads = 999\n'
    )
    findings = examine(path)
    found = {finding.name: finding for finding in findings}
    assert found["config"].sound
    assert found["devices"].text.startswith("cpu: ")
    assert found["groups"].text == "cpu,cpu | cuda:99; not here: cuda:99"
    tried = [finding for finding in findings if finding.name == "engines"]
    assert [finding.sound for finding in tried] == [True, False]
    assert tried[0].text.startswith("group 0 (cpu,cpu): ")
    assert found["disk"].text
    assert found["threads"].remedy.startswith("set poc.threads to ")
    path.write_text("[pok]")
    came = run(app, ["doctor", "--config", str(path)])
    assert came.exit_code == 1
    assert "BAD config" in came.output
    assert "unknown key pok; did you mean poc" in came.output
