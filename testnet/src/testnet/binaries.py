"""The programs a network is made of, and what to do when one is missing."""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from testnet.errors import MissingToolError


@dataclass(frozen=True, slots=True, kw_only=True)
class Binaries:
    """Paths of the three programs, the folder of the models they serve, and cosmovisor.

    The last one is there only after `make cosmovisor`.
    """

    inferenced: Path
    dapi: Path
    mlnode: Path
    models_dir: Path
    cosmovisor: Path


def repository() -> Path:
    """Root of the checkout that this package is installed from.

    Raises:
        MissingToolError: when it is not installed from a checkout.
    """
    for folder in Path(__file__).resolve().parents:
        if (folder / "go.mod").is_file():
            return folder
    raise MissingToolError("testnet runs from a checkout of the repository; run `make setup` there")


def find_binaries() -> Binaries:
    """The programs as `make setup` built them.

    Raises:
        MissingToolError: naming every one that is missing.
    """
    root = repository()
    mlnode = Path(sys.executable).with_name("mlnode")
    found = Binaries(
        inferenced=root / "build" / "inferenced",
        dapi=root / "build" / "dapi",
        mlnode=mlnode if mlnode.exists() else Path(shutil.which("mlnode") or mlnode),
        # Made once and shared by all networks: the same script gives the same bytes.
        models_dir=root / "build" / "models",
        cosmovisor=root / ".tools" / "bin" / "cosmovisor",
    )
    missing = [p for p in (found.inferenced, found.dapi, found.mlnode) if not p.is_file()]
    if missing:
        names = ", ".join(p.name for p in missing)
        raise MissingToolError(f"not built: {names}; run `make setup` in {root}")
    return found
