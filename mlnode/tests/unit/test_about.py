"""What an installation says of itself."""

import os
import subprocess
from pathlib import Path

import pytest

from mlnode.about import LIBRARIES, build, named_devices, versions
from mlnode.shard.groups import Device


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    command = ("git", "-C", str(folder), *identity, *words)
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file of a checkout with one commit."""
    file = tmp_path / "package" / "__init__.py"
    file.parent.mkdir()
    file.write_text("one = 1\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "package")
    git(tmp_path, "commit", "-q", "-m", "one")
    return file


def test_the_commit_is_that_of_the_checkout_and_says_when_files_were_changed(source: Path) -> None:
    head = git(source.parent, "rev-parse", "HEAD")
    git(source.parent, "tag", "v9.9.9")
    assert build(source, "").commit == head
    source.write_text("one = 2\n")
    assert build(source, "").commit == f"{head}-dirty"
    assert build(source, "").version == "0.1.0"


def test_who_looks_at_a_checkout_writes_nothing_there(source: Path) -> None:
    index = source.parents[1] / ".git/index"
    # What git notes in its index if it may: the file is another one, with the same text.
    os.utime(source, (1, 1))
    before = index.read_bytes()
    assert not build(source, "").commit.endswith("-dirty")
    assert index.read_bytes() == before


def test_a_checkout_of_something_else_around_it_says_nothing(source: Path) -> None:
    installed = source.parent / "site-packages" / "mlnode" / "__init__.py"
    installed.parent.mkdir(parents=True)
    installed.write_text("")
    assert build(installed, "").commit == ""


def test_without_a_checkout_the_environment_says_it_or_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = tmp_path / "__init__.py"
    alone.write_text("")
    assert build(alone, "").commit == ""
    monkeypatch.setenv("NINEFOLD_COMMIT", "ab" * 20)
    assert build(alone).commit == "ab" * 20
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("NINEFOLD_COMMIT")
    assert build(alone).commit == ""


@pytest.mark.parametrize(
    ("line", "version"),
    [
        ("NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 2024", "550.54.15"),
        (
            "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build",
            "580.65.06",
        ),
        ("something else", "something else"),
    ],
)
def test_the_drivers_version_is_read_from_its_file(tmp_path: Path, line: str, version: str) -> None:
    file = tmp_path / "version"
    assert versions(file)["nvidia-driver"] == "not installed"
    file.write_text(f"{line}\nGCC version:  gcc 13\n")
    assert versions(file)["nvidia-driver"] == version


def test_every_library_has_a_version() -> None:
    found = versions()
    assert set(LIBRARIES) <= set(found)
    assert all(found[library][0].isdigit() for library in LIBRARIES)


def test_the_processor_comes_first_then_each_gpu() -> None:
    card = Device(index=0, vram=80 * 10**9, model="NVIDIA H100")
    processor, gpu = named_devices((card,))
    assert processor[0] == "cpu"
    assert processor[1]
    assert processor[2] > 1 << 28
    assert gpu == ("cuda:0", "NVIDIA H100", 80 * 10**9)
