"""The command line `sim`."""

import itertools
import json
import math
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column, Table
from rich.text import Text

from simulation import (
    attack,
    benchmark,
    compare,
    fixed,
    incidents,
    page,
    proposal,
    replay,
    report,
    sensitivity,
    size,
    verdict,
)
from simulation.errors import DecimalError, ReplayDifferenceError, SimulationError, shown
from simulation.grid import MOST_SETTINGS, axis
from simulation.optimize import objective, optimize
from simulation.run import Mode, Point, run_points
from simulation.scenario import Behaviour, Scenario, canonical, group_free, load
from simulation.search import between
from simulation.store import Store

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
# Names and values are printed as they are: a bracket in one of them is no markup.
_console = Console(markup=False)
_errors = Console(stderr=True, markup=False)

# As the option takes them.
_STRENGTHS = ",".join(f"{strength:g}" for strength in compare.STRENGTHS)

ModeOption = Annotated[Mode, typer.Option(help="exact, or float64 for searches")]
Set = Annotated[list[str], typer.Option("--set", help="KEY=VALUE, as reward.coverage_bonus=11/100")]
Out = Annotated[Path, typer.Option("--out", "-o", help="folder of the results")]
Seed = Annotated[int | None, typer.Option(help="seed of all chance")]
Jobs = Annotated[int, typer.Option(min=1, max=1024, help="processes")]
Resume = Annotated[bool, typer.Option("--resume", help="go on with what is there")]


def main() -> None:
    """Run the command line; what the user can mend is said in one line, status 1."""
    try:
        app()
    except ReplayDifferenceError as error:
        _fail(str(error), 2)
    except SimulationError as error:
        _fail(str(error), 1)
    except MemoryError:
        _fail("this machine has too little memory for so many hosts and nodes", 1)


def _fail(text: str, status: int) -> NoReturn:
    _errors.print(Text.assemble(("sim:", "red"), f" {text}"), soft_wrap=True)
    raise SystemExit(status)


Setting = tuple[str, str, str]
"""How a setting was given, its key, and its value."""


def _set(given: list[str], **options: int | None) -> list[Setting]:
    """What --set gives, and the options that are short for it."""
    made: list[Setting] = []
    for text in given:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise SimulationError(f"--set takes KEY=VALUE, got {shown(text)}")
        made.append((f"--set {key}", key, value))
    made += [(f"--{o}", o, str(v)) for o, v in options.items() if v is not None]
    _once((how, key) for how, key, _ in made)
    return made


def _once(given: Iterable[tuple[str, str]]) -> None:
    """Raises SimulationError when two spellings, with their keys, are of one setting."""
    known: dict[str, str] = {}
    for how, key in given:
        name = canonical(key)
        if name in known:
            raise SimulationError(f"{known[name]} and {how} are both of {name}: give it but once")
        known[name] = how


def _changes(given: list[str], **options: int | None) -> dict[str, str]:
    return {key: value for _, key, value in _set(given, **options)}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bar:
    """How much is done, of how much; shown as soon as anything is."""

    progress: Progress
    task: TaskID

    def __call__(self, n: int) -> None:
        if n:
            self.progress.start()
            self.progress.advance(self.task, n)

    def plan(self, total: int) -> None:
        """There is more to do, or less, than it was."""
        self.progress.update(self.task, total=total)


@contextmanager
def _progress(total: int, what: str) -> Generator[_Bar]:
    """A bar with the time that is left, on the standard error; none if nothing comes of it."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    progress = Progress(*columns, TimeRemainingColumn(), console=_errors)
    task = progress.add_task(what, total=total)
    if _errors.is_terminal:
        progress.start()

    try:
        yield _Bar(progress=progress, task=task)
    except BaseException:
        progress.live.transient = progress.tasks[0].completed == 0
        raise
    finally:
        if progress.live.is_started:
            progress.stop()


def _tell_size(scenarios: Iterable[Scenario], jobs: int = 1) -> None:
    """Say what is built before it is, where that takes long. Raises SimulationError."""
    words = size.told(scenarios, jobs)
    if words:
        _errors.print(words, highlight=False, soft_wrap=True)


def _run(
    points: list[Point],
    out: Path,
    mode: Mode,
    jobs: int,
    resume: bool,
    dask: str | None = None,
) -> None:
    _tell_size((p.scenario for p in points), 0 if dask else jobs)
    try:
        with _progress(sum(p.epochs for p in points), "epochs") as done:
            run_points(points, out, mode=mode, jobs=jobs, resume=resume, dask=dask, done=done)
    except KeyboardInterrupt:
        store = Store(out)
        _fail(f"stopped: {store.progress(store.manifest())} are done; --resume goes on", 130)
    _console.print(f"wrote {out}; `sim report {out} -o report.html` makes a page of it")


@app.command()
def run(
    scenario: Path,
    out: Out = Path("out"),
    mode: ModeOption = "exact",
    seed: Seed = None,
    changes: Set = [],  # noqa: B006 - typer reads the default and never changes it
    jobs: Jobs = 1,
    resume: Resume = False,
) -> None:
    """Run a scenario."""
    given = _changes(changes, seed=seed)
    made = load(scenario, given)
    _run([Point(index=0, changes=given, scenario=made)], out, mode, jobs, resume)
    store = Store(out)
    for line in report.answers(made, store.read("epochs"), store.read("fleets")):
        _console.print(f"• {line}", highlight=False)


@app.command()
def sweep(
    scenario: Path,
    grid: Annotated[list[str], typer.Option(help="KEY=FROM:TO:STEPS or KEY=A,B,C")],
    out: Out = Path("sweep"),
    replicas: Annotated[int | None, typer.Option(min=1)] = None,
    mode: ModeOption = "exact",
    seed: Seed = None,
    changes: Set = [],  # noqa: B006 - as in run
    jobs: Jobs = 1,
    dask: Annotated[str | None, typer.Option(help="address of a Dask scheduler")] = None,
    resume: Resume = False,
) -> None:
    """Run every combination of some settings."""
    given = _set(changes, seed=seed, replicas=replicas)
    axes = [axis(text) for text in grid]
    _once([(how, key) for how, key, _ in given] + [(f"--grid {key}", key) for key, _ in axes])
    settings = math.prod(len(values) for _, values in axes)
    if settings > MOST_SETTINGS:
        raise SimulationError(f"--grid makes {settings:,} settings; at most {MOST_SETTINGS:,}")
    fixed_ = {key: value for _, key, value in given}
    points: list[Point] = []
    for index, values in enumerate(itertools.product(*(values for _, values in axes))):
        setting = dict(zip((key for key, _ in axes), values, strict=True))
        made = load(scenario, fixed_ | setting)
        points.append(Point(index=index, changes=setting, scenario=made))
    _run(points, out, mode, jobs, resume, dask)


@app.command(name="compare")
def compare_(
    base: Path,
    proposal: Path,
    mode: ModeOption = "exact",
    seed: Seed = None,
    replicas: Annotated[int | None, typer.Option(min=2)] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="the page")] = Path("compare.html"),
    changes: Set = [],  # noqa: B006 - as in run
) -> None:
    """Say who gains and who loses by a proposal, on the same chance, and write a page of it."""
    given = _changes(changes, seed=seed, replicas=replicas)
    sides = load(base, given), load(proposal, given)
    page.check(out)
    _tell_size(sides)
    with _progress(sum(s.replicas * s.epochs for s in sides), "epochs") as done:
        made = compare.compare(*sides, mode, done)
    table = Table("fleet", *_numeric("base", "proposal", "change", "difference, 95 %"), "verdict")
    for c in made.changes:
        d = c.difference
        table.add_row(
            f"{c.fleet} ({c.gpu})",
            f"{c.base / 1e6:,.4f}",
            f"{c.proposal / 1e6:,.4f}",
            f"{d.mean / c.base:+.2%}" if c.base else "",
            f"{d.mean / 1e6:+,.4f} ± {(d.high - d.mean) / 1e6:,.4f}",
            c.words,
        )
    _console.print(table)
    _console.print("NINE a GPU-hour; replicas are paired")
    for line in [*verdict.gone(made), *verdict.causes(*sides)]:
        _console.print(line, highlight=False)
    _console.print(f"wrote {verdict.write_comparison(made, mode, out)}")


@app.command(name="attack")
def attack_(
    scenario: Path,
    behaviour: Annotated[Behaviour, typer.Option(help="how the fleet deviates")],
    fleet: Annotated[str | None, typer.Option(help="who deviates; the first fleet")] = None,
    strengths: Annotated[
        str | None,
        typer.Option(help=f"what to try, instead of {_STRENGTHS} and what is found around them"),
    ] = None,
    parts: Annotated[
        str | None,
        typer.Option(help="what to try, for a sybil or a grinder, instead of doubling them"),
    ] = None,
    mode: ModeOption = "exact",
    seed: Seed = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="the page")] = Path("attack.html"),
    changes: Set = [],  # noqa: B006 - as in run
) -> None:
    """Find a behaviour's best response, what it earns beyond honesty, and write a page of it."""
    made: Scenario = load(scenario, _changes(changes, seed=seed))
    who = made.fleets[0].name if fleet is None else fleet
    given = (
        None if strengths is None else _numbers("--strengths", strengths),
        None if parts is None else _wholes("--parts", parts),
    )
    page.check(out)
    _tell_size(attack.networks(made, behaviour, who, *given))
    with _progress(0, "epochs") as done:
        found = attack.search(
            made,
            behaviour,
            fleet=who,
            strengths=given[0],
            parts=given[1],
            mode=mode,
            done=done,
            plan=done.plan,
        )
    table = Table("strength", "parts", "gain, NINE an epoch, 95 %", "of its income")
    for r in found.tried:
        half = (r.gain.high - r.gain.mean) / 1e6
        gain = f"{r.gain.mean / 1e6:+,.3f} ± {half:,.3f}"
        table.add_row(f"{r.strength:g}", str(r.parts), gain, r.of_income)
    _console.print(table)
    for line in verdict.found_words(behaviour, who, found):
        _console.print(line, highlight=False)
    _console.print(f"wrote {verdict.write_attack(made, behaviour, who, found, mode, out)}")


def _numeric(*names: str) -> list[Column]:
    """Columns of a table whose numbers are never cut: a narrow terminal folds them."""
    return [Column(name, justify="right", overflow="fold") for name in names]


def _numbers(option: str, text: str) -> list[float]:
    """Numbers with commas between, not negative."""
    try:
        made = [float(fixed.rational(part)) for part in text.split(",")]
    except DecimalError as error:
        raise SimulationError(f"{option} takes numbers with commas between: {error}") from error
    if min(made) < 0:
        raise SimulationError(f"{option} takes numbers from 0 on, got {shown(text)}")
    return made


def _wholes(option: str, text: str) -> list[int]:
    made = _numbers(option, text)
    if not all(value.is_integer() and value >= 1 for value in made):
        raise SimulationError(f"{option} takes whole numbers from 1 on, got {shown(text)}")
    return [int(value) for value in made]


@app.command(name="sensitivity")
def sensitivity_(
    scenario: Path,
    parameters: Annotated[str, typer.Option(help="names, with commas between")],
    metric: Annotated[str, typer.Option(help="a column of epochs, or COLUMN:FLEET")] = "paid",
    trajectories: Annotated[int, typer.Option(min=2, max=10_000, help="of Morris' screening")] = 6,
    samples: Annotated[
        int, typer.Option(min=0, max=2**16, help="of Sobol's indices; 0 for none")
    ] = 32,
    replicas: Annotated[int | None, typer.Option(min=1)] = None,
    jobs: Jobs = 1,
    changes: Set = [],  # noqa: B006 - as in run
) -> None:
    """Rank parameters by their effect on a metric (Morris), and name those without any; then say
    how much of its variance each of the others explains (Sobol).
    """
    given = _changes(changes, replicas=replicas)
    made = load(scenario, given)
    if samples:
        sensitivity.check_samples(samples)
    _tell_size([made], jobs)
    names = [group_free(name.strip()) for name in parameters.split(",")]
    with _progress(sensitivity.morris_runs(names, trajectories), "Morris") as done:
        effects = sensitivity.morris(
            made, names, metric=metric, trajectories=trajectories, jobs=jobs, done=done
        )
    table = Table("parameter", "effect", "spread", "", title=f"Morris: effect on {metric}")
    for e in effects:
        table.add_row(e.parameter, f"{e.mean:.3%}", f"{e.spread:.3%}", e.words)
    _console.print(table)
    left = [e.parameter for e in effects if e.matters]
    if not left or samples == 0:
        return
    with _progress(sensitivity.sobol_runs(left, samples), "Sobol") as done:
        indices = sensitivity.sobol(
            made, left, metric=metric, samples=samples, jobs=jobs, done=done
        )
    table = Table(
        "parameter", "alone", "with all others", title=f"Sobol: share of the variance of {metric}"
    )
    for i in indices:
        alone, whole = f"{i.first:.2f} ± {i.first_half:.2f}", f"{i.total:.2f} ± {i.total_half:.2f}"
        table.add_row(i.parameter, alone, whole)
    _console.print(table)
    _console.print("± is half of the 95 % interval; more --samples make it narrower")


@app.command(name="optimize")
def optimize_(
    scenario: Path,
    vary: Annotated[list[str], typer.Option(help="NAME=LOW:HIGH, a parameter that may move")],
    objectives: Annotated[
        list[str], typer.Option("--objective", help="max:METRIC or min:METRIC, one or several")
    ],
    trials: Annotated[int, typer.Option(min=1)] = 60,
    mode: ModeOption = "fast",
    seed: Seed = None,
    replicas: Annotated[int | None, typer.Option(min=1)] = None,
    changes: Set = [],  # noqa: B006 - as in run
) -> None:
    """Search parameters for one or several objectives, and show the settings nothing beats."""
    given = _changes(changes, seed=seed, replicas=replicas)
    made = load(scenario, given)
    ranges = [between(text) for text in vary]
    _once((f"--vary {text}", text.partition("=")[0]) for text in vary)
    wanted = [objective(text) for text in objectives]
    _tell_size([made])
    with _progress(trials, "trials") as done:
        front = optimize(made, ranges, wanted, trials=trials, mode=mode, done=done)
    table = Table(*(r.name for r in ranges), *(f"{o.direction}:{o.metric}" for o in wanted))
    for f in front:
        table.add_row(*(f.changes[r.name] for r in ranges), *(f"{v:,.6g}" for v in f.values))
    _console.print(table)
    _console.print("none of these is beaten in every objective; check one with `sim compare`")


@app.command()
def propose(
    scenario: Path,
    out: Annotated[Path, typer.Option("--out", "-o", help="the file")] = Path("proposal.json"),
    title: Annotated[str, typer.Option(help="a line for voters; made from the changes")] = "",
    summary: Annotated[str, typer.Option(help="why; made from the question")] = "",
    changes: Set = [],  # noqa: B006 - as in run
) -> None:
    """Write a scenario's parameters as the proposal file that `testnet propose` takes."""
    made = load(scenario, _changes(changes))
    _console.print(f"wrote {proposal.write(made, out, title, summary)}")


@app.command(name="report")
def report_(
    folder: Path, out: Annotated[Path, typer.Option("-o", "--out")] = Path("report.html")
) -> None:
    """Write one offline page of a folder of results."""
    page.check(out)
    _console.print(f"wrote {report.write(folder, out)}")


@app.command(name="incidents")
def incidents_(pack: Path) -> None:
    """Put incidents of earlier networks to the rule that failed, and to ours; status 2 if a
    number of the file does harm under ours.
    """
    told = incidents.tell(pack)
    for one in told:
        lines = (
            f"{one.name}: {one.verdict}",
            one.what,
            f"rule that failed: {one.theirs.text}",
            f"ours: {one.ours.text}",
            f"because {one.rule}",
        )
        _console.print("\n  ".join(lines), highlight=False, soft_wrap=True)
    failed = sum(one.ours.harms for one in told)
    words = f"{len(told) - failed} of {len(told)} incidents do no harm under our rules"
    if failed:
        _fail(words, 2)
    _console.print(words, highlight=False)


@app.command(name="replay")
def replay_(exports: list[Path]) -> None:
    """Recompute epochs that a network exported, in one file or several; status 2 at the first
    difference.
    """
    _console.print(replay.replay(*exports).words, highlight=False, soft_wrap=True)


@app.command()
def bench(
    hosts: Annotated[int, typer.Option(min=3)] = 1_000,
    epochs: Annotated[int, typer.Option(min=1)] = 100,
    mode: Annotated[Literal["exact", "fast", "both"], typer.Option()] = "both",
    as_json: Annotated[bool, typer.Option("--json", help="one object, for programs")] = False,
) -> None:
    """Measure an epoch of so many hosts, in CPU time."""
    modes: tuple[Mode, ...] = ("exact", "fast") if mode == "both" else (mode,)
    _tell_size([benchmark.measured_scenario(hosts)])
    rows = benchmark.measure(hosts, epochs, modes)
    if as_json:
        print(json.dumps({row.name: row.value for row in rows}))
        return
    for row in rows:
        _console.print(f"{row.name}: {row.value:,.4f} {row.unit}", highlight=False)
