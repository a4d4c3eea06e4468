"""The commands that measure; ``mount`` adds them to the program's command line."""

import json
import math
import platform
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import psutil
import typer
from rich.console import Console
from rich.table import Table

from mlnode.bench.bars import GroupBars

if TYPE_CHECKING:
    from mlnode.bench.calibrate import Calibration
    from mlnode.bench.report import Report

_LARGEST_GB = 1e6

bench_app = typer.Typer(help="Measure what this machine proves, and compare machines.")
poc_app = typer.Typer(help="Look into the proof.", no_args_is_help=True)


def mount(app: typer.Typer) -> None:
    """Adds ``bench``, ``poc`` and ``doctor``."""
    app.add_typer(bench_app, name="bench")
    app.add_typer(poc_app, name="poc")
    app.command()(doctor)


@bench_app.callback(invoke_without_command=True)
def bench(
    context: typer.Context,
    params: Annotated[str, typer.Option(help="Network: MAIN, BIG or TEST.")] = "MAIN",
    seconds: Annotated[float, typer.Option(help="How long to prove.")] = 120.0,
    batch: Annotated[int, typer.Option(help="Nonces of a batch; 0 is automatic.", min=0)] = 0,
    threads: Annotated[
        int, typer.Option(help="Threads of a CPU; 0 is automatic.", min=0, max=1024)
    ] = 0,
    fit: Annotated[str, typer.Option(help="Only say how this network fits --vram.")] = "",
    vram: Annotated[float, typer.Option(help="GB of one device, for --fit.")] = 0.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Measure nonces a minute; every nonce counts as valid, so that none is left unfinished."""
    if context.invoked_subcommand:
        return
    if fit:
        _print_fit(fit, vram)
        return
    _known(params)
    if not 0 < seconds < math.inf:
        _refuse(f"--seconds is {seconds:g}; it is a number above 0")
    try:
        folder = Path(tempfile.mkdtemp(prefix="mlnode-bench-"))
        report = _measured(params, seconds, batch, threads, folder / "bench.log")
        (folder / "report.json").write_text(json.dumps(report.content(), indent=1), "utf-8")
    except OSError as failure:
        _refuse(f"the log and the report cannot be written: {failure}")
    if as_json:
        typer.echo(json.dumps(report.content()))
        typer.echo(f"log: {folder}", err=True)
    else:
        _print_report(report)
        typer.echo(f"report and log: {folder}")


@bench_app.command("compare")
def compare_reports(one: Path, other: Path) -> None:
    """Set two reports of `mlnode bench --json` side by side."""
    from mlnode.bench.compare import compare
    from mlnode.bench.report import ReportError, read_report

    try:
        came = compare(read_report(one), read_report(other), (str(one), str(other)))
    except ReportError as failure:
        _refuse(str(failure))
    table = Table("", one.name, other.name)
    for row in came.rows:
        table.add_row(*row)
    table.add_row("digests", f"{came.same_digests} of {came.digests} are the same", "")
    Console().print(table)
    for note in came.notes:
        typer.echo(note)
    if not came.sound:
        raise typer.Exit(1)


@poc_app.command("calibrate")
def calibrate_rate(
    params: Annotated[str, typer.Option(help="Network: MAIN, BIG or TEST.")] = "MAIN",
    fraction: Annotated[float, typer.Option(help="Share p that should be valid.")] = 0.1,
    nonces: Annotated[
        int, typer.Option(help="How many to compute; 0 is 8,192, through a model 1,920.", min=0)
    ] = 0,
    block_hash: Annotated[str, typer.Option(help="64 hexadecimal digits.")] = "be" * 32,
    model: Annotated[str, typer.Option(help="Through this served model instead.")] = "",
    models_dir: Annotated[
        Path, typer.Option(help="Folder with models as OWNER/NAME/COMMIT.")
    ] = Path(".cache/models"),
    positions: Annotated[
        int, typer.Option(help="Of a nonce's input, through a model.", min=8, max=1024)
    ] = 32,
    device: Annotated[str, typer.Option(help="That runs the model; empty is the first.")] = "",
    against: Annotated[
        Path | None, typer.Option(help="Report of the other machine, through a model.")
    ] = None,
    sigma0: Annotated[
        float, typer.Option(help="Judge the other's distances by this σ₀ of the pair.", min=0)
    ] = 0.0,
    out: Annotated[Path, typer.Option(help="File for the report.")] = Path("calibration.json"),
) -> None:
    """Set the share of valid nonces against p, draw the distances, and write both down.

    With --model it also measures σ₀ of a pair of machines: run it on the one, then on the other
    with --against the report of the first. Without, this machine is set against itself, in
    batches of another size. With --sigma0, from such a pair, it judges the other's distances.
    """
    if sigma0 and (against is None or not math.isfinite(sigma0)):
        _refuse(f"--sigma0 {sigma0:g} judges a report; it is a number, and --against names one")
    if model:
        _calibrate_served(
            model, models_dir, nonces or 1_920, positions, fraction, device, against, sigma0, out
        )
        return
    if against is not None or device:
        _refuse("--against and --device go with --model: of integers no machine may differ")
    from mlnode.bench.calibrate import calibrate, write_report
    from mlnode.poc.errors import PocError

    _known(params)
    devices = _groups(params)[0]
    try:
        came = calibrate(
            params=params,
            valid_fraction=fraction,
            nonces=nonces or 8_192,
            block_hash=block_hash,
            devices=devices,
        )
        write_report(out, devices, came, kind="EXACT8", params=params, block_hash=block_hash)
    except (PocError, OSError) as failure:
        _refuse(str(failure))
    _print_calibration(came)
    typer.echo(f"report: {out}")
    if not came.low <= fraction <= came.high:
        raise typer.Exit(1)


def _calibrate_served(
    model: str,
    models_dir: Path,
    nonces: int,
    positions: int,
    fraction: float,
    device: str,
    against: Path | None,
    sigma0: float,
    out: Path,
) -> None:
    from mlnode.bench.sigma import (
        ReportError,
        Subject,
        calibrate_served,
        read_served,
        write_served,
    )
    from mlnode.poc.errors import PocError
    from mlnode.poc.served.judging import judge
    from mlnode.shard.devices import CPU, visible_devices

    try:
        known = [gpu.name for gpu in visible_devices()] + [CPU.name]
        if device and device not in known:
            _refuse(f"--device is {device!r}; here it is one of {', '.join(known)}")
        subject = Subject(
            models_dir=models_dir,
            model=model,
            nonces=nonces,
            positions=positions,
            fraction=fraction,
            device=device or known[0],
        )
        other = None if against is None else read_served(against, subject)
        came = calibrate_served(subject, other)
        write_served(out, subject, came)
    except (PocError, ReportError, OSError) as failure:
        _refuse(str(failure))
    pair = came.pair
    mine, theirs = (", ".join(names) for names in pair.hardware)
    typer.echo(f"sigma0    {pair.sigma0:.3g}, largest difference {pair.largest:.3g}")
    typer.echo(f"pair      {mine} and {theirs}")
    typer.echo(f"radius    {came.r_target:.6f}: the share p of directions in 8,192 dimensions")
    _print_calibration(came.calibration)
    typer.echo(f"report: {out}")
    if other is not None and sigma0:
        judgement = judge(other.distances, came.distances, sigma0)
        typer.echo(f"judgement {judgement}")
        if not judgement.accepted:
            raise typer.Exit(1)


def _print_calibration(came: "Calibration") -> None:
    share = came.valid / came.nonces
    typer.echo(f"valid     {came.valid} of {came.nonces}: {share:.4f} where p is {came.fraction}")
    typer.echo(f"99 %      {came.low:.4f} … {came.high:.4f}")
    typer.echo(f"distance  mean {came.mean:.5f}, deviation {came.std:.5f}, law p = {came.fit:.3f}")
    for line in came.histogram.lines():
        typer.echo(line)


def doctor(
    config: Annotated[
        Path | None, typer.Option(help="Configuration to look at the machine with.")
    ] = None,
) -> None:
    """Say what is wrong with this machine and how to mend it."""
    from mlnode.bench.doctor import examine

    findings = examine(config)
    for finding in findings:
        typer.echo(f"{'ok ' if finding.sound else 'BAD'} {finding.name:8} {finding.text}")
        if not finding.sound:
            typer.echo(f"             → {finding.remedy}")
    if not all(finding.sound for finding in findings):
        raise typer.Exit(1)


def _measured(params: str, seconds: float, batch: int, threads: int, log: Path) -> "Report":
    from mlnode.bench.measure import Job, MeasureError, measure
    from mlnode.bench.report import Report

    jobs = [
        Job(devices=devices, params=params, seconds=seconds, batch=batch, threads=threads)
        for devices in _groups(params)
    ]
    with GroupBars([",".join(job.devices) for job in jobs]) as bars:
        try:
            groups = measure(jobs, bars.show, log)
        except MeasureError as failure:
            _refuse(f"{failure}; log: {log}")
    return Report(
        params=params,
        machine=f"{platform.node()} ({platform.machine()})",
        date=datetime.now(UTC).date().isoformat(),
        memory=psutil.virtual_memory().total,
        nonces_per_minute=sum(group.nonces_per_minute for group in groups),
        groups=tuple(groups),
    )


def _print_report(report: "Report") -> None:
    table = Table("group", "nonces/min", "batch", "loading s", "memory GB", "of dense", "engine")
    for group in report.groups:
        table.add_row(
            ",".join(group.devices),
            f"{group.nonces_per_minute:.0f}",
            str(group.batch),
            f"{group.load_seconds:.1f}",
            f"{group.peak_bytes / 1e9:.1f}",
            f"{group.share_of_dense:.0%}",
            group.engine,
        )
    Console().print(table)
    typer.echo(f"{report.nonces_per_minute:.0f} nonces a minute in all")


def _print_fit(name: str, vram: float) -> None:
    from mlnode.bench.work import PARAMS, fit

    _known(name)
    if not 0 < vram <= _LARGEST_GB:
        _refuse(f"--fit needs --vram, in GB of one device, at most {_LARGEST_GB:g}; it is {vram:g}")
    came = fit(PARAMS[name], int(vram * 1e9))
    typer.echo(f"weights      {came.weights / 1e9:.2f} GB")
    typer.echo(f"activations  {came.activations / 1e6:.2f} MB a nonce")
    typer.echo(f"batch        {came.batch} nonces in {vram:g} GB")
    if not came.batch:
        raise typer.Exit(1)


def _groups(params: str) -> list[tuple[str, ...]]:
    from mlnode.bench.work import PARAMS
    from mlnode.shard.devices import groups_of_this_machine

    grouping = groups_of_this_machine(PARAMS[params])
    for device in grouping.left_out:
        typer.echo(f"{device.name} is not used: too small for {params}", err=True)
    if not grouping.groups:
        _refuse(f"no device holds {params}")
    return [tuple(device.name for device in group.devices) for group in grouping.groups]


def _known(params: str) -> None:
    from mlnode.bench.work import PARAMS

    if params not in PARAMS:
        _refuse(f"{params!r} is no network; it is one of {', '.join(PARAMS)}")


def _refuse(text: str) -> NoReturn:
    typer.echo(f"mlnode: {text}", err=True)
    sys.exit(2)
