"""A scenario: who takes part, under which parameters. Read from TOML, validated at this edge."""

import difflib
import hashlib
import json
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from simulation import fixed
from simulation.columns import what_is_wrong
from simulation.errors import DecimalError, ParameterError, ScenarioError, shown
from simulation.params import Params, flat, preset, suggestion, table

# Groups under which the command line accepts a parameter: reward.coverage_bonus.
_GROUPS = (
    "params",
    "reward",
    "poc",
    "epoch",
    "timeslot",
    "price",
    "weight",
    "commit",
    "throughput",
)

# Nodes of all fleets together: with their hosts some ten to 45 GB (size.py tells it before a run).
MAX_NODES = 50_000_000

# What the chain knows of a model and nothing here follows from.
_NO_PLACE = {
    "units_of_compute_per_token": "it prices receipts, and no receipts are modelled",
}

_TOO_DEEP = "values hold others too many levels deep"

Share = Annotated[float, Field(ge=0, le=1)]


class Behaviour(StrEnum):
    """What a fleet does. `strength` means what the second half of the line says."""

    HONEST = "honest"  # –
    OFFLINE = "offline"  # share of epochs in which it neither proves nor judges
    SYBIL = "sybil"  # – ; `parts` hosts instead of one
    MODEL_HOPPER = "model_hopper"  # – ; moves its nodes to another model every epoch
    COVERAGE_MINIMALIST = "coverage_minimalist"  # – ; the least weight that covers
    THROUGHPUT_OVERCLAIMER = "throughput_overclaimer"  # share of its GPUs' tokens not served
    NONCE_OVERCLAIMER = "nonce_overclaimer"  # forged claims for each honest one
    LAZY_VALIDATOR = "lazy_validator"  # – ; finds nothing without looking
    FALSE_ACCUSER = "false_accuser"  # – ; finds everything invalid
    CARTEL = "cartel"  # forged claims for each honest one; its judges see none of its own
    SEED_GRINDER = "seed_grinder"  # forged claims for each honest one; best of `parts` seeds
    SLOT_FARMER = "slot_farmer"  # – ; each GPU is declared as two nodes
    FREE_RIDER = "free_rider"  # – ; proves, but casts no verdict
    NON_OPENER = "non_opener"  # – ; never opens a commitment
    DUPLICATE_COMMITTER = "duplicate_committer"  # repeated claims for each honest one
    DUST_FORGER = "dust_forger"  # – ; forges as much as no sample can prove, below the minimum


# Behaviours that `strength` decides, and those that `parts` does.
OF_STRENGTH = (
    Behaviour.OFFLINE,
    Behaviour.THROUGHPUT_OVERCLAIMER,
    Behaviour.NONCE_OVERCLAIMER,
    Behaviour.CARTEL,
    Behaviour.SEED_GRINDER,
    Behaviour.DUPLICATE_COMMITTER,
)
OF_PARTS = (Behaviour.SYBIL, Behaviour.SEED_GRINDER)

# Those whose strength is a share of a whole.
OF_SHARE = (Behaviour.OFFLINE, Behaviour.THROUGHPUT_OVERCLAIMER)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelSpec(_Strict):
    """A model that is served. demand is the share of what its nodes serve at first.

    throughput_per_nonce is what the chain takes a node's weight for, in 10⁻⁶ tokens a block; the
    default is what the H100 of gpus.toml really serves.
    """

    id: Annotated[str, Field(min_length=1, max_length=128)]
    throughput_per_nonce: Annotated[int, Field(ge=1, le=2**63 - 1)] = 5_714_285
    demand: Annotated[float, Field(ge=0, le=1000)] = 0.5


class Fleet(_Strict):
    """Hosts of one kind. Node i of a host belongs to models[i mod len(models)]."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    hosts: Annotated[int, Field(ge=1, le=10_000_000)]
    nodes: Annotated[int, Field(ge=1, le=256)] = 1
    gpus: Annotated[int, Field(ge=1, le=64)] = 1
    gpu: str = "h100"
    models: list[str] = []
    behaviour: Behaviour = Behaviour.HONEST
    strength: Annotated[float, Field(ge=0, le=1e6)] = 0.0
    parts: Annotated[int, Field(ge=1, le=10_000)] = 1
    size_spread: Annotated[float, Field(ge=0, le=3)] = 0.0

    @property
    def declared(self) -> int:
        """Nodes of all its hosts: a slot farmer declares two for each."""
        twice = 2 if self.behaviour is Behaviour.SLOT_FARMER else 1
        return self.hosts * self.nodes * twice


class Faults(_Strict):
    """Who is offline by accident: a share of hosts, independently, together, or by daylight."""

    kind: Literal["independent", "correlated", "diurnal"] = "independent"
    share: Share = 0.0


class Market(_Strict):
    """Entry and exit by profit. speed 0 keeps everybody; coin_usd is the price of one NINE."""

    coin_usd: Annotated[float, Field(ge=0, le=1e9)] = 1.0
    speed: Share = 0.0
    price_elasticity: Annotated[float, Field(ge=0, le=10)] = 0.0
    demand_growth: Annotated[float, Field(gt=0, le=10)] = 1.0


class Check(_Strict):
    """What the verdict rests on: a metric, or its ratio over another, lies between two values.

    Where something has to happen first, `given` is its metric: without as much of it as
    given_at_least, or any, there is nothing to check.
    """

    says: Annotated[str, Field(min_length=1)]
    metric: str
    over: str = ""
    at_least: Annotated[float | None, Field(allow_inf_nan=False)] = None
    at_most: Annotated[float | None, Field(allow_inf_nan=False)] = None
    given: str = ""
    given_at_least: Annotated[float | None, Field(gt=0, allow_inf_nan=False)] = None


class Scenario(_Strict):
    """Everything that decides a run, and what its author makes of it.

    The verdict is the author's, for the scenario as written: a report holds its checks to the
    numbers, and repeats it only where all of them hold.
    """

    name: Annotated[str, Field(min_length=1, max_length=128)]
    question: str = ""
    metric: str = ""
    verdict: str = ""
    checks: Annotated[list[Check], Field(max_length=64)] = []
    rule: str = ""
    epochs: Annotated[int, Field(ge=1, le=1_000_000)] = 50
    replicas: Annotated[int, Field(ge=1, le=100_000)] = 8
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = 1
    block_seconds: Annotated[float, Field(gt=0, le=3600)] = 5.0
    preset: Literal["default", "testnet"] = "default"
    slot_rule: Literal["by_weight", "per_host_half", "fixed_share"] = "by_weight"
    params: dict[str, str] = {}
    models: Annotated[list[ModelSpec], Field(max_length=64)] = []
    fleets: Annotated[list[Fleet], Field(min_length=1, max_length=1_000)]
    faults: Faults = Faults()
    market: Market = Market()

    @property
    def parameters(self) -> Params:
        """The chain's parameters. Raises ParameterError with the chain's words."""
        return preset(self.preset).changed(self.params)

    @property
    def digest(self) -> str:
        """A hash of everything above, which results carry."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]


def load(path: Path, changes: dict[str, str] | None = None) -> Scenario:
    """Read a scenario, with changes from the command line.

    Raises:
        ScenarioError: unreadable, an unknown key (with a suggestion), a value that is not legal.
    """
    tree = read_toml(path)
    try:
        for key, value in (changes or {}).items():
            _change(tree, key, value)
        return parse(tree, str(path))
    except ValueError as error:
        raise ScenarioError(f"{path}: {error}") from error
    except RecursionError as error:
        raise ScenarioError(f"{path}: {_TOO_DEEP}") from error


def read_toml(path: Path) -> dict[str, Any]:
    """The tree of values of a file. Raises ScenarioError when it cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    # Beside TOML's own errors, ValueError stands for text that is not UTF-8 and for an integer
    # of thousands of digits, which Python refuses to read.
    except (OSError, ValueError) as error:
        raise ScenarioError(f"{path}: {error}") from error
    except RecursionError as error:
        raise ScenarioError(f"{path}: {_TOO_DEEP}") from error


def parse(tree: dict[str, Any], where: str = "scenario") -> Scenario:
    """A scenario from its tree of values. Raises ScenarioError."""
    if not tree:
        raise ScenarioError(f"{where}: the scenario is empty")
    tree = dict(tree)
    given = tree.get("params", {})
    if not isinstance(given, dict):
        raise ScenarioError(f"{where}: params is a table of the chain's parameters")
    tree["params"] = {k: decimal(v) for k, v in flat(given).items()}  # pyright: ignore[reportUnknownArgumentType]
    try:
        made = Scenario.model_validate(tree)
        made.parameters  # noqa: B018 - raises with the chain's words
    except ValidationError as error:
        raise ScenarioError(f"{where}: {_explain(error)}") from error
    except ParameterError as error:
        raise ScenarioError(f"{where}: {error}") from error
    _check_references(made, where)
    return made


def with_fleet(scenario: Scenario, at: int, **told: object) -> Scenario:
    """The scenario with other values in one of its fleets. Raises ScenarioError."""
    name = scenario.fleets[at].name
    try:
        changed = Fleet.model_validate(scenario.fleets[at].model_dump() | told)
    except ValidationError as error:
        raise ScenarioError(f"fleet {name}: {_explain(error)}") from error
    _check_behaviour(changed, f"fleet {name}: ")
    fleets = [*scenario.fleets[:at], changed, *scenario.fleets[at + 1 :]]
    made = scenario.model_copy(update={"fleets": fleets})
    _check_nodes(made, f"fleet {name} as {changed.behaviour.value}")
    return made


def _check_nodes(scenario: Scenario, where: str) -> None:
    nodes = sum(fleet.declared for fleet in scenario.fleets)
    if nodes > MAX_NODES:
        raise ScenarioError(f"{where}: {nodes:,} nodes; at most {MAX_NODES:,} are simulated")


def decimal(value: str) -> str:
    """A parameter's value as the chain reads it: 11/100 and 1e-7 become plain decimals.

    A fraction that 18 digits cannot hold is rounded down.
    """
    if "/" in value or "e" in value.lower():
        try:
            return fixed.text(int(fixed.rational(value) * fixed.ONE))
        except DecimalError:
            return value
    return value


def group_free(key: str) -> str:
    """A parameter's own name: reward.coverage_bonus is coverage_bonus."""
    head, _, rest = key.partition(".")
    return rest if head in _GROUPS and rest else key


def canonical(key: str) -> str:
    """A key of a scenario however it is spelled: a parameter's own name, or a path."""
    name = group_free(key)
    if name in table():
        return name
    return ".".join(str(int(part)) if _is_index(part) else part for part in key.split("."))


def _is_index(part: str) -> bool:
    return part.isascii() and part.isdigit() and len(part) <= fixed.LONGEST_DECIMAL


def _change(tree: dict[str, Any], key: str, value: str) -> None:
    name = group_free(key)
    if name != key and name not in table():
        raise ScenarioError(f"{name} is no parameter{suggestion(name)}")
    if not (key + value).isprintable():
        raise ScenarioError(f"{shown(key)} holds what cannot be printed, got {shown(value)}")
    if name in table():
        given = tree.setdefault("params", {})
        if not isinstance(given, dict):
            raise ScenarioError("params is a table of the chain's parameters")
        cast("dict[str, Any]", given)[name] = decimal(value)
        return
    at: Any = tree
    *path, last = key.split(".")
    try:
        for step in path:
            at = cast("Any", at[_index(step)] if isinstance(at, list) else at.setdefault(step, {}))
        at[_index(last) if isinstance(at, list) else last] = _read(value)
    except RecursionError as error:
        raise ScenarioError(f"{key}: too many levels deep, got {shown(value)}") from error
    except (IndexError, ValueError) as error:
        raise ScenarioError(f"{key} is not there to be set: lists count from 0") from error
    except (AttributeError, TypeError) as error:
        raise ScenarioError(f"{key} is not there to be set: {path[-1]} holds no keys") from error


def _index(step: str) -> int:
    if not _is_index(step):
        raise ValueError(step)
    return int(step)


def _read(value: str) -> object:
    """A value of a key that is no parameter: JSON, a fraction, or text."""
    try:
        # An integer of thousands of digits is a ValueError too; it stays text, and so is refused.
        return json.loads(value)
    except ValueError:
        pass
    try:
        number = fixed.rational(value) if "/" in value else None
    except DecimalError:
        number = None
    if number is None:
        return value
    return int(number) if number.denominator == 1 else float(number)


def _explain(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        if first["loc"][-1] in _NO_PLACE:
            return f"{where} has no place in a scenario: {_NO_PLACE[str(first['loc'][-1])]}"
        legal = _keys_at(first["loc"][:-1])
        if len(first["loc"]) == 1:
            legal = [*legal, *table()]
        near = difflib.get_close_matches(str(first["loc"][-1]), legal, n=1, cutoff=0.5)
        keys = ", ".join(_keys_at(first["loc"][:-1]))
        hint = f", did you mean {near[0]}?" if near else f"; legal are {keys}"
        return f"{where} is not a key{hint}"
    if first["type"] == "missing":
        return f"{where} is missing: a scenario needs it"
    return f"{where}: {first['msg']}, got {shown(first['input'])}"


def _keys_at(loc: tuple[int | str, ...]) -> list[str]:
    kinds: dict[str, type[BaseModel]] = {
        "checks": Check,
        "models": ModelSpec,
        "fleets": Fleet,
        "faults": Faults,
        "market": Market,
    }
    return list((kinds[str(loc[0])] if loc else Scenario).model_fields)


def _check_references(scenario: Scenario, where: str) -> None:
    ids = [m.id for m in scenario.models]
    names = [f.name for f in scenario.fleets]
    known = gpus()
    for what, given in (("ids of models", ids), ("names of fleets", names)):
        twice = sorted({one for one in given if given.count(one) > 1})
        if twice:
            raise ScenarioError(f"{where}: {what} are unique, got {shown(twice[0])} twice")
    _check_nodes(scenario, where)
    wrong = what_is_wrong(scenario.metric, names) if scenario.metric else None
    if wrong:
        raise ScenarioError(f"{where}: metric: {wrong}")
    for i, check in enumerate(scenario.checks):
        _check_check(check, names, f"{where}: checks.{i}")
    for i, fleet in enumerate(scenario.fleets):
        _check_behaviour(fleet, f"{where}: fleets.{i}.")
        for kind, value, legal in (
            *(("model", m, ids) for m in fleet.models),
            ("gpu", fleet.gpu, list(known)),
        ):
            if value not in legal:
                near = difflib.get_close_matches(value, legal, n=1)
                hint = f", did you mean {near[0]}?" if near else f"; known are {', '.join(legal)}"
                raise ScenarioError(f"{where}: fleet {fleet.name}: no {kind} {value!r}{hint}")


def check_pays(scenario: Scenario) -> None:
    """Raises ScenarioError when a run is too short to pay anybody, so that nothing follows."""
    if scenario.epochs < 2:
        raise ScenarioError(
            f"epochs is {scenario.epochs}: what ends in the first is genesis, which earns nothing, "
            "so that nobody is paid and nothing can be compared; set epochs to 2 or more"
        )


def _check_behaviour(fleet: Fleet, where: str) -> None:
    """Raises ScenarioError when strength or parts say what the behaviour cannot do."""
    behaviour, strength, parts = fleet.behaviour, fleet.strength, fleet.parts
    for key, told, knowing in (
        ("strength", strength != 0, OF_STRENGTH),
        ("parts", parts != 1, OF_PARTS),
    ):
        if told and behaviour not in knowing:
            raise ScenarioError(
                f"{where}{key}: nothing follows from it for a fleet that is {behaviour.value}; "
                f"leave it out, or let the behaviour be one of {', '.join(knowing)}"
            )
    if behaviour in OF_SHARE and strength > 1:
        raise ScenarioError(
            f"{where}strength: of {behaviour.value} it is a share, from 0 to 1, got {strength:g}"
        )
    if behaviour is Behaviour.SYBIL and parts > fleet.nodes:
        raise ScenarioError(
            f"{where}parts: a host is split by nodes, so from 1 to nodes = {fleet.nodes}, "
            f"got {parts}"
        )


def _check_check(check: Check, fleets: list[str], where: str) -> None:
    for metric in filter(None, (check.metric, check.over, check.given)):
        wrong = what_is_wrong(metric, fleets)
        if wrong:
            raise ScenarioError(f"{where}: {wrong}")
    least, most = check.at_least, check.at_most
    if least is None and most is None:
        raise ScenarioError(f"{where}: at_least, at_most or both say what it should be")
    if least is not None and most is not None and least > most:
        raise ScenarioError(f"{where}: at_least lies below at_most, got {least} and {most}")
    if check.given_at_least is not None and not check.given:
        raise ScenarioError(f"{where}: given_at_least is of the metric that given names")


# Keys that only tell people about a scenario.
_TEXTS = ("name", "question", "metric", "verdict", "checks", "rule")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A key in which two scenarios differ, and what each of them holds; nothing where it is not."""

    key: str
    before: str
    after: str

    @property
    def is_rule(self) -> bool:
        """Whether the chain's rules differ, rather than who takes part in what world."""
        return self.key in table() or self.key == "slot_rule"

    def __str__(self) -> str:
        return f"{self.key} from {self.before or 'nothing'} to {self.after or 'nothing'}"


def differences(before: Scenario, after: Scenario) -> list[Difference]:
    """Every key in which two scenarios differ, texts aside: the chain's parameters first."""
    values = [_by_key(scenario) for scenario in (before, after)]
    keys = dict.fromkeys(key for of in values for key in of)
    made = ((key, *(of.get(key, "") for of in values)) for key in keys)
    return [Difference(key=k, before=b, after=a) for k, b, a in made if b != a]


def _by_key(scenario: Scenario) -> dict[str, str]:
    out = dict(scenario.parameters)
    told = scenario.model_dump(mode="json", exclude={*_TEXTS, "params", "preset"})

    def walk(value: Any, path: str) -> None:
        if isinstance(value, dict | list):
            held = cast("dict[str, Any] | list[Any]", value)
            for key, inner in held.items() if isinstance(held, dict) else enumerate(held):
                walk(inner, f"{path}.{key}" if path else str(key))
        else:
            out[path] = str(value)

    walk(told, "")
    return out


class Gpu(_Strict):
    """A GPU type: valid nonces and tokens a second, price, and where the numbers come from."""

    nonces_per_second: Annotated[float, Field(gt=0)]
    tokens_per_second: Annotated[float, Field(gt=0)]
    usd_per_hour: Annotated[float, Field(ge=0)]
    source: Annotated[str, Field(min_length=1)]


def gpus() -> dict[str, Gpu]:
    """The GPU types of scenarios/gpus.toml."""
    path = Path(__file__).resolve().parents[2] / "scenarios" / "gpus.toml"
    tree = tomllib.loads(path.read_text(encoding="utf-8"))
    return {name: Gpu.model_validate(row) for name, row in tree.items()}
