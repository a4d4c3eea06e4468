"""What a machine lacks is said before anything is downloaded."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WANTED = (ROOT / ".python-version").read_text().strip()
GO = next(
    line.split()[1] for line in (ROOT / "go.mod").read_text().splitlines() if line[:3] == "go "
)
PLENTY = "echo head; echo 'disk 99999999 0 99999999 0% /'"


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder with the commands of a machine that lacks nothing; the only one on PATH."""
    for name in ("bash", "dirname", "sort", "head", "awk"):
        found = shutil.which(name)
        assert found is not None
        (tmp_path / name).symlink_to(found)
    fake(tmp_path, "go", f"echo go{GO}")
    fake(tmp_path, "python3.11", f'[[ "$*" == *version_info* ]] && echo {WANTED}; exit 0')
    fake(tmp_path, "git", "exit 0")
    fake(tmp_path, "df", PLENTY)
    return tmp_path


def fake(machine: Path, name: str, body: str) -> None:
    command = machine / name
    command.unlink(missing_ok=True)
    command.write_text(f"#!{machine / 'bash'}\n{body}\n")
    command.chmod(0o755)


def preflight(machine: Path, python: str = "python3.11", root: Path = ROOT) -> tuple[int, str]:
    done = subprocess.run(
        [machine / "bash", root / "tools/preflight.sh", python],
        env={"PATH": str(machine)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


def test_a_machine_that_lacks_nothing_passes(machine: Path) -> None:
    assert preflight(machine) == (0, "")


@pytest.mark.parametrize(
    ("name", "body", "missing", "remedy"),
    [
        ("go", None, f"missing: Go {GO} or newer", "install it from go.dev/dl"),
        ("go", "echo go1.20.3", f"missing: Go {GO} or newer (found 1.20.3)", "go.dev/dl"),
        ("python3.11", None, f"missing: Python {WANTED} (no command python3.11)", "make setup"),
        ("python3.11", "echo 3.9", f"missing: Python {WANTED} (python3.11 is 3.9)", "make setup"),
        (
            "python3.11",
            f'[[ "$*" == *version_info* ]] && echo {WANTED}',
            "missing: the venv module of python3.11",
            f"install the package python{WANTED}-venv",
        ),
        ("git", None, "missing: git", "install the package git"),
    ],
)
def test_what_is_missing_is_named_with_its_remedy(
    machine: Path, name: str, body: str | None, missing: str, remedy: str
) -> None:
    (machine / name).unlink()
    if body is not None:
        fake(machine, name, body)
    status, said = preflight(machine)
    assert status == 1
    assert missing in said
    assert remedy in said


def test_everything_that_is_missing_is_said_at_once(machine: Path) -> None:
    for name in ("go", "git"):
        (machine / name).unlink()
    status, said = preflight(machine, python="/no/such/python")
    assert status == 1
    for missing in ("Go", "git", "no command /no/such/python"):
        assert missing in said


def test_a_disk_that_is_too_small_is_named_before_the_environment_is_there(
    machine: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    fake(machine, "df", "echo head; echo 'disk 1 0 2097152 0% /'")
    clone = tmp_path_factory.mktemp("clone")
    for name in ("go.mod", ".python-version", "tools/preflight.sh"):
        (clone / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, clone / name)
    status, said = preflight(machine, root=clone)
    assert status == 1
    assert "missing: 12 GiB of free disk (found 2)" in said
