"""A folder of results: a manifest and Parquet parts, each written whole or not at all.

The parts are the checkpoint: one that is there is done.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from simulation import parquet
from simulation.errors import ResultError
from simulation.scenario import Scenario

FORMAT = "1"
_KINDS = ("epochs", "fleets")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Rows of one replica of one point."""

    point: int
    replica: int
    epochs: list[dict[str, Any]]
    fleets: list[dict[str, Any]]


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
        manifest: dict[str, Any] = {
            "format": FORMAT,
            "version": version,
            "mode": mode,
            "points": [
                {"changes": c, "digest": s.digest, "scenario": s.model_dump(mode="json")}
                for c, s in points
            ],
        }
        if self._manifest_path.exists():
            known = self.manifest()
            same = [p["digest"] for p in known["points"]] == [
                p["digest"] for p in manifest["points"]
            ] and (known["mode"], known["version"]["core"]) == (mode, version["core"])
            if not resume or not same:
                hint = "add --resume to go on" if same else "they are of something else"
                raise ResultError(f"{self.folder} holds results already; {hint}")
            if known["version"]["commit"] != version["commit"]:
                raise ResultError(
                    f"{self.folder} was begun at commit {known['version']['commit']}, and this is "
                    f"{version['commit']}: numbers of both would stand side by side; "
                    "go on at that commit, or choose another folder"
                )
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            _write(self._manifest_path, json.dumps(manifest, indent=2).encode())
        except OSError as error:
            raise ResultError(f"cannot write to {self.folder}: {error}") from error

    @property
    def _manifest_path(self) -> Path:
        return self.folder / "manifest.json"

    def manifest(self) -> dict[str, Any]:
        """What was run. Raises ResultError when the folder is none of ours."""
        try:
            tree: Any = json.loads(self._manifest_path.read_text())
        except (OSError, ValueError) as error:
            raise ResultError(f"{self.folder} holds no results: {error}") from error
        read = cast("dict[str, Any]", tree) if isinstance(tree, dict) else {}
        found = read.get("format")
        if found != FORMAT:
            raise ResultError(f"{self._manifest_path} is of format {found}, not {FORMAT}")
        missing = [key for key in ("version", "mode", "points") if not read.get(key)]
        if missing:
            raise ResultError(f"{self._manifest_path} has no {', '.join(missing)}")
        return read

    def has(self, point: int, replica: int) -> bool:
        """Whether a part is done: both of its files are there."""
        return all(self._path(kind, point, replica).exists() for kind in _KINDS)

    def done(self) -> list[tuple[int, int]]:
        """Point and replica of every part that is done, ascending."""
        named = (path.stem.split("-")[1:] for path in self.folder.glob(f"{_KINDS[-1]}-*.parquet"))
        found = sorted((int(point), int(replica)) for point, replica in named)
        return [one for one in found if self.has(*one)]

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
        """All rows of a kind, "epochs" or "fleets", as columns. Raises ResultError."""
        paths = [self._path(kind, *one) for one in self.done()]
        if not paths:
            raise ResultError(f"{self.folder} has no finished part")
        out: dict[str, list[Any]] = {}
        for path in paths:
            columns, metadata = parquet.read(path)
            found = metadata.get("ninefold_sim", "none")
            if found != FORMAT:
                raise ResultError(f"{path} is of version {found}, not {FORMAT}")
            for name, values in columns.items():
                out.setdefault(name, []).extend(values)
        return out

    def _path(self, kind: str, point: int, replica: int) -> Path:
        return self.folder / f"{kind}-{point:05d}-{replica:05d}.parquet"


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
