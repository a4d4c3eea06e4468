"""The service's configuration: TOML, read once, every key checked."""

import difflib
import ipaddress
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar, cast

T = TypeVar("T")

ENGINES = ("auto", "int8", "bf16", "fp16", "fp32", "numpy")
"""What poc.engine may be: "auto", or the name of an engine."""

_GPU_ENGINES = ("bf16", "fp16")
_LONGEST_S = 86_400.0
_DEVICE = re.compile(r"cpu|cuda:(0|[1-9][0-9]{0,3})")
_PORT = re.compile(r"[0-9]{1,5}")
_KINDS = {str: "a text in quotes", int: "a whole number", float: "a number", bool: "true or false"}
_EXAMPLE = '[["cuda:0"], ["cuda:1"]] or [["cpu"]]'


class ConfigError(ValueError):
    """The configuration is wrong; the text names the key and what would be right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceConfig:
    """Where the service listens and who may talk to it.

    Attributes:
        listen: host:port of the gRPC server.
        token_file: file with the bearer token callers must send; empty for none.
        tls_cert, tls_key, tls_client_ca: files of mutual TLS; all three or none.
        metrics_listen: host:port of the Prometheus endpoint; empty for none.
        state_dir: folder for what must survive a restart.
    """

    listen: str = "127.0.0.1:9100"
    token_file: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    tls_client_ca: str = ""
    metrics_listen: str = ""
    state_dir: str = "mlnode-state"


@dataclass(frozen=True, slots=True, kw_only=True)
class PocConfig:
    """How proofs are computed.

    Attributes:
        groups: devices of each group, e.g. [["cpu"]]; a worker process each. Empty groups the
            GPUs of this machine as the round's network demands, or takes the CPU.
        engine: engine to use, or "auto" for the fastest that passes its self-test.
        batch_size: nonces a batch; 0 chooses by memory and time.
        threads: threads of a worker's matrix products; 0 leaves the library's choice.
        window: batches a worker may have made that nobody has taken yet.
        hung_after_s: seconds without a sign of life after which a worker is replaced; above 0,
            at most a day.
        crosscheck: whether one nonce of each batch is recomputed by another engine.
        models_dir: folder with models as OWNER/NAME/COMMIT for rounds of kind SERVED_MODEL;
            empty refuses such rounds.
    """

    groups: tuple[tuple[str, ...], ...] = ()
    engine: str = "auto"
    batch_size: int = 0
    threads: int = 0
    window: int = 4
    hung_after_s: float = 120.0
    crosscheck: bool = True
    models_dir: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingConfig:
    """How models are served.

    Attributes:
        engine: "transformers".
        models_dir: folder with weights as OWNER/NAME/COMMIT; looked at before any hub.
        listen: host:port for the local OpenAI-compatible server.
        offline: never ask a hub.
    """

    engine: str = "transformers"
    models_dir: str = ""
    listen: str = "127.0.0.1:0"
    offline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole configuration."""

    service: ServiceConfig = field(default_factory=ServiceConfig)
    poc: PocConfig = field(default_factory=PocConfig)
    serving: ServingConfig = field(default_factory=ServingConfig)


def load_config(path: Path) -> Config:
    """Read and check a configuration file.

    Raises:
        ConfigError: naming the file, the key, and what would be right.
    """
    try:
        with path.open("rb") as file:
            raw = tomllib.load(file)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except OSError as err:
        raise ConfigError(f"{path}: {err.strerror}") from None
    except (ValueError, RecursionError) as err:
        # Of the text or its syntax; also of a number of too many digits, or of too deep a list.
        raise ConfigError(f"{path}: not TOML: {err}") from None
    try:
        config = parse_config(raw)
    except ConfigError as err:
        raise ConfigError(f"{path}: {err}") from None
    return config


def parse_config(raw: Mapping[str, Any]) -> Config:
    """Build a configuration from parsed TOML.

    Raises:
        ConfigError: naming the key and what would be right.
    """
    _refuse_unknown("", raw, {f.name for f in fields(Config)})
    config = Config(
        service=_section(ServiceConfig, "service", raw.get("service", {})),
        poc=_section(PocConfig, "poc", raw.get("poc", {})),
        serving=_section(ServingConfig, "serving", raw.get("serving", {})),
    )
    _check_service(config.service)
    _check_poc(config.poc)
    if config.serving.engine != "transformers":
        raise ConfigError(f'serving.engine is "{config.serving.engine}"; it is "transformers"')
    split_address("serving.listen", config.serving.listen)
    return config


def split_address(key: str, value: str) -> tuple[str, int]:
    """Split host:port.

    Raises:
        ConfigError: naming the key.
    """
    host, _, port = value.rpartition(":")
    if not host or not _PORT.fullmatch(port) or int(port) > 65_535:
        raise ConfigError(f'{key} is "{value}"; it is host:port, e.g. 127.0.0.1:9100')
    return host.strip("[]"), int(port)


def is_loopback(host: str) -> bool:
    """Whether an address is reachable from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_service(service: ServiceConfig) -> None:
    host, _ = split_address("service.listen", service.listen)
    tls = (service.tls_cert, service.tls_key, service.tls_client_ca)
    if any(tls) and not all(tls):
        raise ConfigError(
            "service.tls_cert, service.tls_key and service.tls_client_ca go together; "
            "give all three or none"
        )
    if not is_loopback(host) and not all(tls) and not service.token_file:
        raise ConfigError(
            f'service.listen is "{service.listen}", which others can reach; '
            "set service.token_file, or the three tls keys, or listen on 127.0.0.1"
        )
    if service.metrics_listen:
        split_address("service.metrics_listen", service.metrics_listen)


def _check_group(group: tuple[str, ...]) -> None:
    if not group:
        raise ConfigError(f"poc.groups has a group without devices; it is e.g. {_EXAMPLE}")
    for device in group:
        if not _DEVICE.fullmatch(device):
            raise ConfigError(f'poc.groups names "{device}"; a device is cpu or e.g. cuda:0')
    if "cpu" in group and len(set(group)) > 1:
        raise ConfigError(f"poc.groups joins {', '.join(group)}; a group is of GPUs or of the CPU")


def _check_poc(poc: PocConfig) -> None:
    for group in poc.groups:
        _check_group(group)
    named = [device for group in poc.groups for device in group if device != "cpu"]
    for device in named:
        if named.count(device) > 1:
            raise ConfigError(f'poc.groups names "{device}" twice; groups share nothing')
    if poc.engine not in ENGINES:
        raise ConfigError(f'poc.engine is "{poc.engine}"; it is one of {", ".join(ENGINES)}')
    only = "GPUs" if poc.engine in _GPU_ENGINES else "a single CPU"
    for group in poc.groups:
        if (poc.engine in _GPU_ENGINES and "cpu" in group) or (
            poc.engine == "numpy" and group != ("cpu",)
        ):
            raise ConfigError(
                f'poc.engine is "{poc.engine}", which runs on {only}, not on {", ".join(group)}'
            )
    if poc.batch_size < 0 or poc.batch_size > 65_536:
        raise ConfigError(f"poc.batch_size is {poc.batch_size}; it is 0 (automatic) to 65536")
    if not 1 <= poc.window <= 64:
        raise ConfigError(f"poc.window is {poc.window}; it is 1 to 64")
    if not 0 <= poc.threads <= 1024:
        raise ConfigError(f"poc.threads is {poc.threads}; it is 0 (automatic) to 1024")
    # Written so that nan, which is in no order with anything, is refused as well.
    if not 0 < poc.hung_after_s <= _LONGEST_S:
        raise ConfigError(
            f"poc.hung_after_s is {poc.hung_after_s:g}; it is above 0, at most {_LONGEST_S:g}"
        )


def _section(kind: type[T], name: str, raw: object) -> T:
    if not isinstance(raw, dict):
        raise ConfigError(f"[{name}] is a section, not a value")
    values = cast(dict[str, Any], raw)
    known = {f.name: f for f in fields(cast(Any, kind))}
    _refuse_unknown(f"{name}.", values, set(known))
    checked: dict[str, Any] = {}
    for key, value in values.items():
        default: Any = known[key].default
        assert default is not MISSING
        checked[key] = _typed(f"{name}.{key}", value, default)
    return kind(**checked)


def _typed(key: str, value: Any, default: Any) -> Any:
    if isinstance(default, tuple):
        return _device_groups(key, value)
    if isinstance(default, float) and type(value) is int:
        try:
            return float(value)
        except OverflowError:
            return math.inf
    if type(value) is not type(default):
        raise ConfigError(f"{key} is {value!r}; it is {_KINDS[type(default)]}")
    return value


def _device_groups(key: str, value: Any) -> tuple[tuple[str, ...], ...]:
    wrong = ConfigError(f'{key} is {value!r}; it is a list of lists of devices, e.g. [["cpu"]]')
    if not isinstance(value, list):
        raise wrong
    groups: list[tuple[str, ...]] = []
    for group in cast(list[object], value):
        if not isinstance(group, list):
            raise wrong
        devices = cast(list[object], group)
        if not all(isinstance(device, str) for device in devices):
            raise wrong
        groups.append(tuple(cast(list[str], devices)))
    return tuple(groups)


def _refuse_unknown(prefix: str, raw: Mapping[str, Any], known: set[str]) -> None:
    for key in raw:
        if key not in known:
            near = difflib.get_close_matches(key, sorted(known), n=1)
            hint = f"; did you mean {prefix}{near[0]}" if near else ""
            raise ConfigError(f"unknown key {prefix}{key}{hint}")
