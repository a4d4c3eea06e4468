"""What ``mlnode bench`` came to: the report that it writes, and reading one that was written."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn, cast

# SHA-256 of a nonce's output, as poc.decision makes it.
_DIGEST = re.compile(r"[0-9a-f]{64}")
# No count of bytes, nonces or seconds comes near it, and a float holds all below.
_BEYOND = 2**63
_SHOWN = 60


class ReportError(ValueError):
    """A file is no report of ``mlnode bench``, or two cannot be compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupResult:
    """What one group came to.

    Attributes:
        devices: of the group.
        engine: that was chosen, and what the others came to.
        batch: nonces of a batch.
        load_seconds: to generate the weights.
        nonces, seconds: that were computed, and took.
        nonces_per_minute: of this group.
        peak_bytes: of memory, on all its devices; of the process on a CPU.
        dense_tops: rate of plain exact products of large matrices on its devices, in 10¹²
            operations/s.
        share_of_dense: rate of the proof's operations as a share of it.
        digests: of the first 64 nonces, or of those that were reached, to compare machines by;
            64 hexadecimal digits each.
    """

    devices: tuple[str, ...]
    engine: str
    batch: int
    load_seconds: float
    nonces: int
    seconds: float
    nonces_per_minute: float
    peak_bytes: int
    dense_tops: float
    share_of_dense: float
    digests: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a machine came to, all of its groups at a time.

    Attributes:
        params: name of the network.
        machine: its name and kind.
        date: of the measure, e.g. "2026-11-26".
        memory: bytes of the machine's.
        nonces_per_minute: of all groups.
        groups: one or more.
    """

    params: str
    machine: str
    date: str
    memory: int
    nonces_per_minute: float
    groups: tuple[GroupResult, ...]

    def content(self) -> dict[str, Any]:
        """Returns it as JSON has it."""
        return asdict(self)


def read_report(path: Path) -> Report:
    """Reads a report.

    Raises:
        ReportError: the file is missing or is no report; names the field that is wrong, what it
            holds and what it must be.
    """
    try:
        content: object = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as failure:
        raise ReportError(f"{path}: {failure}") from None
    whole = _Object(f"{path}: ", "", content)
    return Report(
        params=whole.text("params"),
        machine=whole.text("machine"),
        date=whole.text("date"),
        memory=whole.count("memory"),
        nonces_per_minute=whole.number("nonces_per_minute"),
        groups=tuple(_group(group) for group in whole.objects("groups")),
    )


def _group(group: "_Object") -> GroupResult:
    return GroupResult(
        devices=group.texts("devices", "the name of a device"),
        engine=group.text("engine"),
        batch=group.count("batch"),
        load_seconds=group.number("load_seconds"),
        nonces=group.count("nonces"),
        seconds=group.number("seconds"),
        nonces_per_minute=group.number("nonces_per_minute"),
        peak_bytes=group.count("peak_bytes"),
        dense_tops=group.number("dense_tops"),
        share_of_dense=group.number("share_of_dense"),
        digests=group.texts("digests", "64 hexadecimal digits", _DIGEST),
    )


class _Object:
    """An object of a report, of which each field is read with what it must be."""

    def __init__(self, said: str, place: str, content: object) -> None:
        """Takes it.

        Args:
            said: begins each refusal.
            place: of the object, e.g. "groups[1]"; empty for the report itself.
        """
        self._said = said
        self._place = place
        if not isinstance(content, dict):
            self._refuse(place or "the report", content, "an object with the fields of a report")
        self._content = cast(Mapping[str, object], content)

    def text(self, name: str) -> str:
        legal = "a text that is not empty"
        value = self._value(name, legal)
        if not isinstance(value, str) or not value:
            self._refuse(self._name(name), value, legal)
        return value

    def number(self, name: str) -> float:
        legal = "a number, 0 or more"
        value = self._value(name, legal)
        # bool is an int to Python; NaN and infinity are in no range.
        if type(value) not in (int, float) or not 0 <= cast(float, value) < _BEYOND:
            self._refuse(self._name(name), value, legal)
        return float(cast(float, value))

    def count(self, name: str) -> int:
        legal = "a whole number, 0 or more"
        value = self._value(name, legal)
        if type(value) is not int or not 0 <= value < _BEYOND:
            self._refuse(self._name(name), value, legal)
        return value

    def texts(
        self, name: str, of: str, form: re.Pattern[str] = re.compile(r".+")
    ) -> tuple[str, ...]:
        legal = f"a list of one or more, each {of}"
        values = self._list(name, legal)
        for number, value in enumerate(values):
            if not isinstance(value, str) or not form.fullmatch(value):
                self._refuse(f"{self._name(name)}[{number}]", value, of)
        return cast(tuple[str, ...], values)

    def objects(self, name: str) -> tuple["_Object", ...]:
        values = self._list(name, "a list with an object for each group, one or more")
        return tuple(
            _Object(self._said, f"{self._name(name)}[{number}]", value)
            for number, value in enumerate(values)
        )

    def _list(self, name: str, legal: str) -> tuple[object, ...]:
        value = self._value(name, legal)
        if not isinstance(value, list) or not value:
            self._refuse(self._name(name), cast(object, value), legal)
        return tuple(cast(list[object], value))

    def _value(self, name: str, legal: str) -> object:
        if name not in self._content:
            raise ReportError(f"{self._said}{self._name(name)} is missing: must be {legal}")
        return self._content[name]

    def _name(self, name: str) -> str:
        return f"{self._place}.{name}" if self._place else name

    def _refuse(self, place: str, value: object, legal: str) -> NoReturn:
        shown = json.dumps(value)
        shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
        raise ReportError(f"{self._said}{place} is {shown}: must be {legal}")
