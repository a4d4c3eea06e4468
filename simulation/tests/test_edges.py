"""What people get wrong at the shell: one line that names it, never a traceback, never a hang."""

import sys
from pathlib import Path

import pytest

from simulation import fixed
from simulation.cli import main
from simulation.errors import DecimalError, ScenarioError
from simulation.grid import axis
from simulation.scenario import canonical, parse

SCENARIOS = Path(__file__).resolve().parents[1] / "scenarios"
LONG = "9" * 5_000
SMALL = """
name = "small"
epochs = 2
replicas = 2
[[models]]
id = "m"
[[fleets]]
name = "a"
hosts = 3
nodes = 2
models = ["m"]
"""


class Shell:
    """`sim` in a folder that holds one small scenario."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, out: pytest.CaptureFixture[str]):
        self._patch, self._out, self.folder = patch, out, folder
        patch.chdir(folder)
        (folder / "small.toml").write_text(SMALL, encoding="utf-8")

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        """Status, standard output, standard error."""
        self._patch.setattr(sys, "argv", ["sim", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = self._out.readouterr()
        status = ended.value.code
        return (status if isinstance(status, int) else 0), said.out, said.err


@pytest.fixture
def sim(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    return Shell(tmp_path, monkeypatch, capsys)


ATTACK = ["attack", "small.toml", "--behaviour"]
OPTIMIZE = ["optimize", "small.toml", "--vary"]
SEARCH = ["--objective", "max:paid", "--trials", "1"]

# Each is refused before anything is run, in words that name what was given and what is right.
WRONG = [
    ([*ATTACK, "sybil", "--parts", "0"], "--parts takes whole numbers from 1 on, got '0'"),
    ([*ATTACK, "sybil", "--parts", "2.5"], "--parts takes whole numbers from 1 on, got '2.5'"),
    ([*ATTACK, "sybil", "--parts", "inf"], "--parts takes numbers with commas between"),
    ([*ATTACK, "sybil", "--parts", "2,,4"], "--parts takes numbers with commas between"),
    ([*ATTACK, "sybil", "--parts", "1e9"], "fleet a: parts: Input should be less than or equal to"),
    ([*ATTACK, "cartel", "--strengths", "nan"], "--strengths takes numbers with commas between"),
    ([*ATTACK, "cartel", "--strengths", "-1"], "--strengths takes numbers from 0 on, got '-1'"),
    ([*ATTACK, "cartel", "--strengths", "1e60"], "fleet a: strength: Input should be less than"),
    ([*ATTACK, "cartel", "--strengths", "1e999999999"], "an exponent of at most 64"),
    ([*ATTACK, "cartel", "--set", "replicas=1"], "one replica has no interval of confidence"),
    ([*ATTACK, "sybil", "--parts", ""], "--parts takes numbers with commas between"),
    ([*ATTACK, "cartel", "--strengths", ""], "--strengths takes numbers with commas between"),
    ([*ATTACK, "cartel", "--fleet", ""], "no fleet ''; there are a"),
    ([*ATTACK, "sybil", "--strengths", "0.1"], "--strengths: nothing follows from it for a fleet"),
    ([*ATTACK, "cartel", "--parts", "2"], "be one of sybil, seed_grinder"),
    ([*ATTACK, "free_rider", "--set", "epochs=1"], "so that nobody is paid"),
    (["compare", "small.toml", "small.toml", "--set", "epochs=1"], "so that nobody is paid"),
    (
        ["sensitivity", "small.toml", "--parameters", "coverage_bonus", "--set", "epochs=1"],
        "so that nobody is paid",
    ),
    ([*OPTIMIZE, "coverage_bonus=0:1", *SEARCH, "--set", "epochs=1"], "so that nobody is paid"),
    ([*ATTACK, "honest"], "an attack deviates"),
    ([*ATTACK, "sybil", "--set", "fleets.0.nodes=1"], "one node, and so nothing to split"),
    ([*ATTACK, "cartel", "--fleet", "b"], "no fleet 'b'; there are a"),
    (["sweep", "small.toml", "--grid", "coverage_bonus=0:1/0:3"], "1/0 divides by zero"),
    (["sweep", "small.toml", "--grid", "coverage_bonus=0:1e99999999:3"], "exponent of at most 64"),
    (["sweep", "small.toml", "--grid", "coverage_bonus=0:1"], "KEY=FROM:TO:STEPS, got"),
    (["sweep", "small.toml", "--grid", "coverage_bonus=0:1:99999999"], "2 to 10,000 steps"),
    (["sweep", "small.toml", "--grid", "coverage_bonus=0:1:1.5"], "2 to 10,000 steps"),
    (["sweep", "small.toml", "--grid", "=1,2"], "--grid takes KEY=FROM:TO:STEPS or KEY=A,B,C"),
    (["sweep", "small.toml", "--grid", "seed=1,1"], "--grid takes values that differ"),
    (
        ["sweep", "small.toml", "--grid", "seed=0:999:1000", "--grid", "epochs=1:99:99"],
        "--grid makes 99,000 settings; at most 10,000",
    ),
    (
        ["sweep", "small.toml", "--grid", "coverage_bonus=0,1", "--grid", "coverage_bonus=0.2,1"],
        "--grid coverage_bonus and --grid coverage_bonus are both of coverage_bonus: give it",
    ),
    (
        [
            "sweep",
            "small.toml",
            "--grid",
            "coverage_bonus=0,1",
            "--grid",
            "reward.coverage_bonus=0",
        ],
        "--grid coverage_bonus and --grid reward.coverage_bonus are both of coverage_bonus",
    ),
    (
        ["sweep", "small.toml", "--grid", "fleets.0.hosts=1,2", "--grid", "fleets.00.hosts=3,4"],
        "--grid fleets.0.hosts and --grid fleets.00.hosts are both of fleets.0.hosts",
    ),
    (
        ["sweep", "small.toml", "--grid", "epochs=1,2", "--set", "epochs=3"],
        "--set epochs and --grid epochs are both of epochs",
    ),
    (["run", "small.toml", "--seed", "1", "--set", "seed=2"], "--set seed and --seed are both of"),
    (["run", "small.toml", "--set", "epochs"], "--set takes KEY=VALUE, got 'epochs'"),
    (["run", "small.toml", "--set", "=3"], "--set takes KEY=VALUE, got '=3'"),
    (["run", "small.toml", "--set", "epochs=" + LONG], "epochs: Unable to parse input"),
    (["run", "small.toml", "--set", "epochs=1/2"], "epochs: Input should be a valid integer"),
    (["run", "small.toml", "--set", "max_supply=" + LONG], "max_supply must lie in [1, 92"),
    (["run", "small.toml", "--set", "coverage_bonus=" + LONG], "coverage_bonus must be a decimal"),
    (["run", "small.toml", "--set", "coverage_bonus=" + "0" * 5_000], "coverage_bonus must be a"),
    (["run", "small.toml", "--set", "coverage_bonus=1e999999999"], "got '1e999999999'"),
    (["run", "small.toml", "--set", "coverage_bonus=1e-999999999"], "got '1e-999999999'"),
    (
        ["run", "small.toml", "--set", f"coverage_bonus=1/{LONG}"],
        "coverage_bonus must be a decimal",
    ),
    (["run", "small.toml", "--set", "fleets.-1.hosts=3"], "lists count from 0"),
    (["run", "small.toml", "--set", "fleets.0.strength=NaN"], "fleets.0.strength: Input should be"),
    (["run", "small.toml", "--set", "models=" + "[" * 50_000], "models: too many levels deep, got"),
    (["run", "small.toml", "--set", "name=\udcff"], "holds what cannot be printed"),
    (["run", "small.toml", "--set", "name=[/b]", "--set", "epochs=[/i]"], "got '[/i]'"),
    (["run", "small.toml", "--seed", "-1"], "seed: Input should be greater than or equal to 0"),
    (["run", "."], "Is a directory"),
    (["run", "nowhere.toml"], "No such file"),
    (["run", "bytes.toml"], "bytes.toml: 'utf-8' codec can't decode"),
    (["run", "digits.toml"], "digits.toml: Exceeds the limit"),
    (["run", "deep.toml"], "deep.toml: values hold others too many levels deep"),
    (["run", "empty.toml"], "the scenario is empty"),
    (["run", "nameless.toml"], "nameless.toml: name is missing"),
    (["run", "small.toml", "-o", "small.toml"], "cannot write to small.toml"),
    (["run", "small.toml", "--set", "fleets.0.gpu="], "no gpu ''; known are"),
    (["report", "nowhere"], "nowhere holds no results: manifest.json is missing"),
    (["report", "small.toml"], "small.toml holds no results"),
    (["compare", "small.toml", "small.toml", "--set", "replicas=1"], "one replica has no interval"),
    (["compare", "small.toml", "small.toml", "--set", "hosts=3"], "hosts is not a key"),
    (["propose", "small.toml"], "no parameter differs"),
    ([*OPTIMIZE, "coverage_bonus=0:1e400", *SEARCH], "is NAME=LOW:HIGH"),
    ([*OPTIMIZE, "coverage_bonus=0:nan", *SEARCH], "is NAME=LOW:HIGH"),
    ([*OPTIMIZE, "coverage_bonus=0:1/0", *SEARCH], "is NAME=LOW:HIGH"),
    (
        [*OPTIMIZE, "coverage_bonus=0:1", "--vary", "reward.coverage_bonus=0:0.5", *SEARCH],
        "are both of coverage_bonus",
    ),
    ([*OPTIMIZE, "coverage_bonus=0:1", *SEARCH, "--objective", "min:paid"], "each metric but once"),
    (["sensitivity", "small.toml", "--parameters", "lanes", "--samples", "3"], "a power of two"),
    (["sensitivity", "small.toml", "--parameters", ""], "is no parameter"),
    (["sensitivity", "small.toml", "--parameters", "poc_kind"], "poc_kind is no number"),
    (["sensitivity", "small.toml", "--parameters", "lanes,poc.lanes"], "each but once"),
]


@pytest.mark.parametrize(("arguments", "words"), WRONG, ids=[" ".join(a)[:60] for a, _ in WRONG])
@pytest.mark.timeout(30)
def test_what_is_wrong_is_said_in_one_line(arguments: list[str], words: str, sim: Shell) -> None:
    files = {
        "bytes.toml": b"name = '\xff'",
        "digits.toml": b"epochs = " + LONG.encode(),
        "deep.toml": b"name = " + b"[" * 50_000,
        "empty.toml": b"",
        "nameless.toml": b"epochs = 3",
    }
    for name, held in files.items():
        (sim.folder / name).write_bytes(held)
    status, _, said = sim(*arguments)
    assert status == 1
    lines = said.strip().splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("sim: ")
    assert words in lines[0]
    assert len(lines[0]) < 700, "a long value is cut"


def test_names_are_printed_as_they_are_written(sim: Shell) -> None:
    status, said, _ = sim("run", "small.toml", "--set", "fleets.0.name=[/b]", "--set", "epochs=1")
    assert status == 0
    assert "Only the first epoch was run" in said
    status, said, _ = sim("compare", *["small.toml"] * 2, "--set", "fleets.0.name=[red]")
    assert status == 0
    assert "[red]" in said


def test_a_fraction_sets_a_key_that_is_no_parameter(sim: Shell) -> None:
    grid = ["--grid", "faults.share=0:0.5:3", "--set", "fleets.0.hosts=6/2"]
    status, _, said = sim("sweep", "small.toml", *grid, "-o", "out")
    assert status == 0, said
    assert sim("report", "out")[0] == 0
    text = Path("report.html").read_text("utf-8")
    assert "From faults.share 0 to faults.share 0.5" in text


@pytest.mark.parametrize(
    ("text", "value"),
    [("0.1", "1/10"), ("1e-7", "1/10000000"), ("11/100", "11/100"), (" 2 ", "2"), (".5", "1/2")],
)
def test_numbers_are_read_exactly(text: str, value: str) -> None:
    assert str(fixed.rational(text)) == value


@pytest.mark.parametrize("text", ["", "x", "1/", "1_0", "0x1", "inf", "1e65", "1e-65", "1" * 65])
def test_what_is_no_number_is_none(text: str) -> None:
    with pytest.raises(DecimalError, match="a number is written like"):
        fixed.rational(text)


def test_the_chains_decimals_may_start_with_as_many_zeros_as_they_like() -> None:
    assert fixed.parse("0" * 5_000 + "1.5") == 15 * 10**17
    for text in ("1" + "0" * 5_000, "9" * 21):
        with pytest.raises(DecimalError, match="lies below"):
            fixed.parse(text)


def test_a_key_has_one_name_however_it_is_spelled() -> None:
    for key in ("coverage_bonus", "reward.coverage_bonus", "params.coverage_bonus"):
        assert canonical(key) == "coverage_bonus"
    assert canonical("fleets.007.hosts") == "fleets.7.hosts"
    assert canonical("poc_model.dim") == "poc_model.dim"


def test_all_steps_of_an_axis_are_exact() -> None:
    assert axis("x=1e-3:3e-3:3") == ("x", ["1/1000", "1/500", "3/1000"])
    with pytest.raises(ScenarioError, match="2 to 10,000 steps"):
        axis("x=0:1:10001")


def test_a_missing_key_is_named() -> None:
    with pytest.raises(ScenarioError, match=r"fleets\.0\.hosts is missing"):
        parse({"name": "x", "fleets": [{"name": "a"}]})


def test_no_number_of_a_table_is_cut(sim: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    status, said, _ = sim("compare", "small.toml", "small.toml")
    assert status == 0
    assert "a (h100)" in said
    assert "…" not in said
