"""Compiled loops: numba is loaded once a process has much to do, for that takes two seconds.

A kernel makes, number for number, what the arrays make beside it; tests hold each to them. Where
numba is not installed, or not worth loading yet, the arrays do all of the work.
"""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

# Nodes stepped through an epoch, in one process, from which loading pays; an epoch itself costs
# as much as so many nodes.
_LOAD_FROM, _AN_EPOCH = 1_000_000, 500

_numba: Any = None
_spent = 0
_parts: list[Callable[..., Any]] = []


@cache
def installed() -> bool:
    """Whether numba is there."""
    return find_spec("numba") is not None


def ready() -> bool:
    """Whether kernels may be called."""
    return _numba is not None


def load() -> None:
    """Load the compiler now, instead of when it begins to pay; nothing without numba."""
    global _numba
    if not installed() or ready():
        return
    compiler: Any = import_module("numba")
    for function in _parts:
        function.__globals__[function.__name__] = compiler.njit(function)
    _numba = compiler


def spend(nodes: int) -> None:
    """Note that an epoch of so many nodes begins; loads the compiler once that pays."""
    global _spent
    if _numba is None and _spent < _LOAD_FROM:
        _spent += nodes + _AN_EPOCH
        if _spent >= _LOAD_FROM:
            load()


def part(function: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a function that kernels of its module call: they get it compiled."""
    _parts.append(function)
    return function if _numba is None else _numba.njit(function)


class Kernel:
    """A loop over arrays, compiled at its first call and kept on disk; a decorator."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._compiled: Any = None

    def __call__(self, *facts: Any) -> Any:
        """Call it; only when `ready`."""
        if self._compiled is None:
            self._compiled = _numba.njit(cache=True, error_model="numpy")(self._function)
        return self._compiled(*facts)
