"""Packages that only some commands need."""

import importlib
from typing import Any

from simulation.errors import MissingExtraError


def extra(module: str, name: str) -> Any:
    """A module of an optional extra of this package. Raises MissingExtraError."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"this needs {module.partition('.')[0]}: install simulation[{name}]"
        ) from error
