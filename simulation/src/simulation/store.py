"""A folder of results: a manifest and Parquet parts, each written whole or not at all.

The parts are the checkpoint: one that is there is done.
"""

import hashlib
import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from simulation import parquet
from simulation.columns import EPOCH_COLUMNS, FLEET_COLUMNS
from simulation.errors import ResultError, shown
from simulation.scenario import Scenario, differences

FORMAT = "3"
_KINDS = ("epochs", "fleets")
_KEYS = {
    "epochs": {"point", "replica", *EPOCH_COLUMNS},
    "fleets": {"point", "replica", "fleet", "gpu", "gpu_hours", *FLEET_COLUMNS},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Rows of one replica of one point."""

    point: int
    replica: int
    epochs: list[dict[str, Any]]
    fleets: list[dict[str, Any]]


class Setting(BaseModel):
    """One point of a sweep as the manifest holds it."""

    model_config = ConfigDict(frozen=True)

    changes: dict[str, str]
    digest: str
    scenario: Scenario


class Manifest(BaseModel):
    """What was run, by which code. `code` is empty where a version wrote it that did not tell."""

    model_config = ConfigDict(frozen=True)

    format: str
    version: dict[str, str]
    code: str = ""
    mode: str
    points: Annotated[list[Setting], Field(min_length=1)]

    @property
    def parts(self) -> list[tuple[int, int]]:
        """Every point and replica that makes the results whole."""
        return [(i, r) for i, p in enumerate(self.points) for r in range(p.scenario.replicas)]


class Store:
    """Results in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(
        self,
        points: list[tuple[dict[str, str], Scenario]],
        version: dict[str, str],
        mode: str,
        *,
        resume: bool,
    ) -> None:
        """Write the manifest, or check that it is the same.

        Raises:
            ResultError: when the folder holds other results, or any without resume.
        """
        manifest = Manifest(
            format=FORMAT,
            version=version,
            code=code(),
            mode=mode,
            points=[Setting(changes=c, digest=s.digest, scenario=s) for c, s in points],
        )
        try:
            if not self._manifest_path.exists():
                self.folder.mkdir(parents=True, exist_ok=True)
                _write(self._manifest_path, manifest.model_dump_json(indent=2).encode())
                return
        except OSError as error:
            raise ResultError(f"cannot write to {self.folder}: {error}") from error
        known = self.manifest()
        other = _difference(known, manifest)
        if other:
            raise ResultError(
                f"{self.folder} holds results of something else: {other}; choose another --out"
            )
        if not resume:
            raise ResultError(
                f"{self.folder} holds results already, {self.progress(known)}; "
                "add --resume to go on, or choose another --out"
            )

    @property
    def _manifest_path(self) -> Path:
        return self.folder / "manifest.json"

    def manifest(self) -> Manifest:
        """What was run. Raises ResultError when the folder is none of ours."""
        path = self._manifest_path
        try:
            read: Any = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise ResultError(f"{self.folder} holds no results: {path.name} is missing") from error
        except (OSError, ValueError, RecursionError) as error:
            raise ResultError(f"{self.folder} holds no results: {path.name}: {error}") from error
        if not isinstance(read, dict):
            raise ResultError(f"{self.folder} holds no results: {path.name} is no manifest")
        found = cast("dict[str, Any]", read).get("format")
        if found != FORMAT:
            raise ResultError(f"{self.folder} is of format {shown(found)}, not {FORMAT!r}")
        try:
            return Manifest.model_validate(read)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            told = cast("dict[str, Any]", read).get("version")
            commit = cast("dict[str, Any]", told).get("commit") if isinstance(told, dict) else None
            by = f"code at commit {shown(commit)}" if commit else "something else"
            raise ResultError(
                f"{path} was written by {by}, and is none of this version: {where}: {first['msg']}"
            ) from error

    def has(self, point: int, replica: int) -> bool:
        """Whether a part is done: both of its files are there, and each was written whole."""
        return all(self._path(kind, point, replica).exists() for kind in _KINDS)

    def progress(self, manifest: Manifest) -> str:
        """How much is done, in words."""
        done = sum(self.has(*part) for part in manifest.parts)
        return f"{done:,} of {len(manifest.parts):,} replicas"

    def write(self, part: Part) -> None:
        """Write a part. Raises ResultError, and leaves nothing half-written, on a full disk."""
        for kind, rows in zip(_KINDS, (part.epochs, part.fleets), strict=True):
            keyed = [{"point": part.point, "replica": part.replica} | row for row in rows]
            data = parquet.to_bytes(keyed, {"ninefold_sim": FORMAT})
            try:
                _write(self._path(kind, part.point, part.replica), data)
            except OSError as error:
                raise ResultError(f"cannot write to {self.folder}: {error}") from error

    def read(self, kind: str) -> dict[str, list[Any]]:
        """All rows of a kind, "epochs" or "fleets", of the parts that are done, as columns.

        Raises ResultError.
        """
        manifest = self.manifest()
        done = [part for part in manifest.parts if self.has(*part)]
        if not done:
            raise ResultError(
                f"{self.folder} has no finished part, {self.progress(manifest)} are done; "
                "go on with --resume"
            )
        out: dict[str, list[Any]] = {}
        for point, replica in done:
            path = self._path(kind, point, replica)
            columns, metadata = parquet.read(path)
            found = metadata.get("ninefold_sim", "none")
            if found != FORMAT:
                raise ResultError(f"{path} is of version {found}, not {FORMAT}")
            keys = set(out) or _KEYS[kind] | set(columns)
            if keys != set(columns) or not columns["point"]:
                lacking = ", ".join(sorted(keys ^ set(columns))) or "rows"
                raise ResultError(f"{path} lacks {lacking}: delete it, and go on with --resume")
            for name, values in columns.items():
                out.setdefault(name, []).extend(values)
        return out

    def _path(self, kind: str, point: int, replica: int) -> Path:
        return self.folder / f"{kind}-{point:05d}-{replica:05d}.parquet"


@cache
def code() -> str:
    """A hash of what decides a number beside the scenario: this package, and the GPU types.

    A commit says less: most change no number, and one that is not clean may be any.
    """
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for path in (*sorted(here.glob("*.py")), here.parents[1] / "scenarios" / "gpus.toml"):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _difference(known: Manifest, ours: Manifest) -> str:
    """Why parts of two runs do not belong together, or nothing."""
    if known.mode != ours.mode:
        return f"they were run with --mode {known.mode}, not {ours.mode}"
    if len(known.points) != len(ours.points):
        return f"they are of {len(known.points)} settings, not {len(ours.points)}"
    for i, (theirs, mine) in enumerate(zip(known.points, ours.points, strict=True)):
        if theirs.digest != mine.digest:
            found = [str(d) for d in differences(theirs.scenario, mine.scenario)]
            return f"{'; '.join(found[:3]) or 'texts have changed'} in setting {i + 1}"
    if known.version.get("core") != ours.version["core"]:
        return "they were held to other golden vectors of the chain"
    if known.code != ours.code:
        commits = known.version.get("commit", "unknown"), ours.version["commit"]
        return "they were made by other code, at commit {}; here is {}".format(*commits)
    return ""


def _write(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
