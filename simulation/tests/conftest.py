"""The chain's own core behind a pipe: builds and runs cmd/simcore."""

import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

import pytest

ROOT = Path(__file__).resolve().parents[2]
Case = Sequence[int]


class GoCore:
    """One running simcore. A batch of cases goes through in one line."""

    def __init__(self, binary: Path) -> None:
        self._process = subprocess.Popen(
            [binary], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.cases = 0
        self.pid = self._process.pid

    def ask(self, op: str, cases: Sequence[Case]) -> list[list[int] | None]:
        """Results of the cases, None where core refuses one."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"op": op, "cases": cases}) + "\n")
        self._process.stdin.flush()
        self.cases += len(cases)
        return json.loads(self._process.stdout.readline())["results"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()


@pytest.fixture(scope="session")
def go_core(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GoCore]:
    """A built and running simcore; skips, and says so, where there is no Go."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("there is no Go to build simcore with")
    binary = tmp_path_factory.mktemp("go") / "simcore"
    built = subprocess.run(
        [go, "build", "-o", binary, "./inference-chain/cmd/simcore"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if built.returncode != 0:
        pytest.fail(f"simcore does not build: {built.stderr[-400:]}")
    with GoCore(binary) as core:
        yield core
