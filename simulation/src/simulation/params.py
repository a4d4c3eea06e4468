"""Twin of core/params (docs/spec/params.md): the chain's parameters, its ranges and its words.

The table is read from `proto/vectors/params.json`, which the chain's own table writes.
"""

import difflib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, cast

from simulation import fixed, poc
from simulation.epoch import Lengths
from simulation.errors import DecimalError, ParameterError, shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What the table says of one parameter. `legal` is an interval, a choice or a switch."""

    name: str
    kind: str
    default: str
    testnet: str
    legal: str
    unit: str
    error: str
    doc: str

    def allows(self, value: str) -> bool:
        """Whether a value, as text, is legal."""
        if len(value) > fixed.LONGEST_DECIMAL:
            return False
        if self.kind == "bool":
            return value in ("true", "false")
        if self.kind == "choice":
            return value == self.legal
        low, high = self.legal[1:-1].split(", ")
        if self.kind == "integer":
            return value.isascii() and value.isdigit() and int(low) <= int(value) <= int(high)
        try:
            units = fixed.parse(value)
        except DecimalError:
            return False
        above = units > fixed.parse(low) or (self.legal[0] == "[" and units == fixed.parse(low))
        below = units < fixed.parse(high) or (self.legal[-1] == "]" and units == fixed.parse(high))
        return above and below


def vectors_folder() -> Path:
    """The folder of golden vectors of the checkout that this package is installed from.

    Raises ParameterError when the package was torn out of it.
    """
    for parent in Path(__file__).resolve().parents:
        folder = parent / "proto" / "vectors"
        if (folder / "params.json").is_file():
            return folder
    raise ParameterError("proto/vectors/params.json was not found: install with `make setup`")


@cache
def _document() -> dict[str, Any]:
    return json.loads((vectors_folder() / "params.json").read_text(encoding="utf-8"))


@cache
def table() -> dict[str, Row]:
    """Every parameter by its name, in the order of documents."""
    rows = _document()["parameters"]
    return {
        r["name"]: Row(
            **{k: r[k] for k in ("name", "kind", "default", "testnet", "unit", "error", "doc")},
            legal=r["range"],
        )
        for r in rows
    }


class Params(Mapping[str, str]):
    """All parameters as text, under the chain's names; legal together."""

    def __init__(self, values: Mapping[str, str]) -> None:
        """Raises ParameterError with the chain's words."""
        unknown = sorted(set(values) - set(table()))
        if unknown:
            raise ParameterError(f"{unknown[0]} is no parameter{suggestion(unknown[0])}")
        self._values = {name: row.default for name, row in table().items()} | dict(values)
        self._decimals: dict[str, int] = {}
        self._validate()

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __iter__(self):
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def integer(self, name: str) -> int:
        """An integer parameter."""
        return int(self._values[name])

    def decimal(self, name: str) -> int:
        """A fraction, in units of 10⁻¹⁸."""
        if name not in self._decimals:
            self._decimals[name] = fixed.parse(self._values[name])
        return self._decimals[name]

    def switch(self, name: str) -> bool:
        """A switch."""
        return self._values[name] == "true"

    @property
    def lengths(self) -> Lengths:
        """The parameters that decide an epoch's heights."""
        names = Lengths.__dataclass_fields__
        return Lengths(**{name: self.integer(name) for name in names})

    def changed(self, values: Mapping[str, str]) -> "Params":
        """These parameters with others in place. Raises ParameterError."""
        return Params(self._values | dict(values))

    def _validate(self) -> None:
        for name, row in table().items():
            if not row.allows(self._values[name]):
                raise ParameterError(f"{row.error}, got {shown(self._values[name])}")
        for rule in _document()["rules"]:
            if not _RULES[rule["name"]](self):
                raise ParameterError(f"{rule['error']}, got {self._values[rule['name']]!r}")


def suggestion(name: str) -> str:
    """The end of an error text that names the nearest parameter, or nothing."""
    near = difflib.get_close_matches(name, table(), n=1, cutoff=0.5)
    return f", did you mean {near[0]}?" if near else ""


def preset(name: str) -> Params:
    """The parameters of "default" or "testnet"."""
    return Params({row.name: getattr(row, name) for row in table().values()})


def flat(values: Mapping[str, Any]) -> dict[str, str]:
    """The chain's nested JSON as parameters by name."""
    out: dict[str, str] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            nested = cast("dict[str, Any]", value)
            out |= {f"{name}.{k}": v for k, v in flat(nested).items()}
        else:
            out[name] = str(value).lower() if isinstance(value, bool) else str(value)
    return out


def ffn_width(model: Mapping[str, str]) -> int:
    """The FFN's width of a proof network: ⌊8·dim/3⌋ times the multiplier, rounded up."""
    base = int(model["dim"]) * 8 // 3
    width = base * fixed.parse(model["ffn_dim_multiplier"]) // fixed.ONE
    multiple = int(model["multiple_of"])
    if multiple == 0:
        raise ParameterError("multiple_of is at least 1")
    return -(-width // multiple) * multiple


def _ffn_fits(p: Params) -> bool:
    names = ("dim", "ffn_dim_multiplier", "multiple_of")
    return 64 <= ffn_width({n: p[f"poc_model.{n}"] for n in names}) <= 131_072


def _cq_follows(p: Params) -> bool:
    try:
        return fixed.cq_from_r_target(p["r_target"]) == p.integer("cq")
    except DecimalError:
        return False


R_TARGET_TOLERANCE = 10**9
"""How far r_target may lie from what valid_fraction gives, in units of 10⁻¹⁸."""


def _r_target_follows(p: Params) -> bool:
    r, n = p.decimal("r_target"), p.integer("poc_model.vocab_size")
    fewer = fixed.fraction_from_r_target(max(r - R_TARGET_TOLERANCE, 0), n)
    more = fixed.fraction_from_r_target(r + R_TARGET_TOLERANCE, n)
    return fewer <= p.decimal("valid_fraction") <= more


def _fraud_can_be_found(p: Params) -> bool:
    sample = p.integer("sample_size")
    return poc.fraud_limit(sample, p.decimal("p_mismatch"), p.decimal("fraud_threshold")) <= sample


def _heads_fit(p: Params) -> bool:
    dim, heads = p.integer("poc_model.dim"), p.integer("poc_model.n_heads")
    return dim % heads == 0 and Fraction(32) <= Fraction(dim, heads) <= 1024


_RULES: dict[str, Callable[[Params], bool]] = {
    "inference_blocks": lambda p: p.lengths.inference_blocks >= p.lengths.poc_period,
    "allocation_blocks": lambda p: p.integer("allocation_blocks") <= p.integer("inference_blocks"),
    "poc_model.n_heads": _heads_fit,
    "poc_model.n_kv_heads": lambda p: (
        p.integer("poc_model.n_heads") % p.integer("poc_model.n_kv_heads") == 0
    ),
    "poc_model.ffn_dim_multiplier": _ffn_fits,
    "cq": _cq_follows,
    "r_target": _r_target_follows,
    "sample_size": _fraud_can_be_found,
}
