"""What a request may ask, checked before anything is computed (mlnode/serverless/README.md)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from reprlib import repr as short
from typing import Any, NoReturn, cast

import numpy as np

from mlnode.poc.arrays import U64
from mlnode.poc.errors import FieldError
from mlnode.poc.params import LONGEST_DECIMAL, PocParams, is_of_bounded_size
from mlnode.poc.rounds import PUBLIC_KEY_BYTES, Round, new_round

MAX_NONCES = 4_096
MAX_DEVICES = 8
DEFAULT_PARAMS = PocParams(
    dim=4096,
    n_layers=32,
    n_heads=32,
    n_kv_heads=8,
    vocab_size=128_256,
    ffn_dim_multiplier=Decimal("1.3"),
    multiple_of=1024,
    seq_len=1024,
)
"""The shape where a request names none: F = 14,336, 7.5 GB of weights."""

_FLOAT_ONLY = frozenset({"norm_eps", "rope_theta"})
"""Parameters of float networks, which callers may send; an integer one has no use for them."""

_REQUIRED = ("block_hash", "block_height", "public_key", "nonces", "r_target")
_OPTIONAL = ("params", "devices", "poc_version", "cq")


class RequestError(FieldError):
    """The request is malformed, or asks for more than one request may."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Request:
    """A checked request.

    Attributes:
        round: the round, whose host is the one that is judged.
        nonces: uint64 [B], each once, in the order of the answer.
        devices: as the caller named them; empty leaves the choice to this machine.
    """

    round: Round
    nonces: U64
    devices: tuple[str, ...]


def read_request(event: object) -> Request:
    """Returns the request in an event ``{"input": {…}}``.

    Raises:
        RequestError, RoundError, ParamsError: names the field and what is legal.
    """
    given = _object("input", _object("event", event).get("input"))
    known = {*_REQUIRED, *_OPTIONAL}
    _refuse_unknown("input", given, known)
    for field in _REQUIRED:
        if field not in given:
            raise RequestError(f"input.{field}", None, "given")
    cq = given.get("cq")
    round_ = new_round(
        block_hash=_block_hash(given["block_hash"]),
        block_height=_integer("block_height", given["block_height"], 0, 2**63 - 1),
        public_key=_public_key(given["public_key"]),
        params=_params(given.get("params")),
        poc_version=_integer("poc_version", given.get("poc_version", 1), 1, 2**63 - 1),
        r_target=_decimal("r_target", given["r_target"]),
        cq=None if cq is None else _integer("cq", cq, 1, 2**32),
    )
    return Request(
        round=round_, nonces=_nonces(given["nonces"]), devices=_devices(given.get("devices"))
    )


def _block_hash(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch("[0-9a-f]{64}", value):
        _refuse("block_hash", value, "64 lower-case hexadecimal digits")
    return value


def _public_key(value: object) -> bytes:
    digits = 2 * PUBLIC_KEY_BYTES
    if not isinstance(value, str) or not re.fullmatch(f"[0-9a-f]{{{digits}}}", value):
        _refuse("public_key", value, f"an account address, {digits} lower-case hexadecimal digits")
    return bytes.fromhex(value)


def _nonces(value: object) -> U64:
    nonces = _list("nonces", value)
    if not 1 <= len(nonces) <= MAX_NONCES:
        raise RequestError("nonces", f"{len(nonces)} of them", f"1 to {MAX_NONCES:,}")
    checked = [_integer(f"nonces[{i}]", nonce, 0, 2**64 - 1) for i, nonce in enumerate(nonces)]
    if len(set(checked)) != len(checked):
        twice = next(nonce for i, nonce in enumerate(checked) if nonce in checked[:i])
        raise RequestError("nonces", twice, "each there once")
    return np.array(checked, np.uint64)


def _params(value: object) -> PocParams:
    """Returns the shape; what a request leaves out is as in ``DEFAULT_PARAMS``."""
    if value is None:
        return DEFAULT_PARAMS
    given = _object("params", value)
    names = [field.name for field in fields(PocParams)]
    _refuse_unknown("params", given, {*names, *_FLOAT_ONLY})
    for name in _FLOAT_ONLY & given.keys():
        _decimal(f"params.{name}", given[name])
    shape: dict[str, Any] = {name: getattr(DEFAULT_PARAMS, name) for name in names}
    for name in given.keys() - _FLOAT_ONLY:
        field = f"params.{name}"
        if name == "ffn_dim_multiplier":
            shape[name] = _decimal(field, given[name])
        else:
            shape[name] = _integer(field, given[name], 1, 2**31)
    return PocParams(**shape)


def _devices(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    names = _list("devices", value)
    if not 1 <= len(names) <= MAX_DEVICES:
        raise RequestError("devices", f"{len(names)} of them", f"1 to {MAX_DEVICES}")
    for name in names:
        if not isinstance(name, str) or not re.fullmatch(r"cpu|cuda:[0-9]{1,3}", name):
            _refuse("devices", name, '"cpu" or "cuda:" and a number')
    return tuple(cast(Sequence[str], names))


def _integer(field: str, value: object, low: int, high: int) -> int:
    # JSON's true is an int to Python.
    if type(value) is not int or not low <= value <= high:
        _refuse(field, value, f"an integer from {low} to {high}")
    return value


def _decimal(field: str, value: object) -> Decimal:
    """Returns the decimal that a number or a text spells, exactly."""
    legal = "a finite number, or a text that spells one"
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        _refuse(field, value, legal)
    text = value if isinstance(value, str) else repr(value)
    if len(text) > LONGEST_DECIMAL:
        _refuse(field, value, f"at most {LONGEST_DECIMAL} characters")
    try:
        number = Decimal(text)
    except InvalidOperation:
        _refuse(field, value, legal)
    if not is_of_bounded_size(number):
        _refuse(field, value, legal)
    return number


def _object(field: str, value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        _refuse(field, value, "an object")
    return cast(Mapping[str, object], value)


def _list(field: str, value: object) -> Sequence[object]:
    if not isinstance(value, list):
        _refuse(field, value, "a list")
    return cast(Sequence[object], value)


def _refuse_unknown(where: str, given: Mapping[str, object], known: set[str]) -> None:
    unknown = sorted(str(name) for name in given.keys() - known)
    if unknown:
        raise RequestError(where, short(unknown[0]), f"made of {', '.join(sorted(known))}")


def _refuse(field: str, value: object, legal: str) -> NoReturn:
    # A megabyte that came in does not go out again.
    raise RequestError(field, short(value), legal)
