"""What the service and the process of a model say to each other."""

from dataclasses import dataclass

from mlnode.serving.arguments import ModelArguments


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOrder:
    """What to load, and where from: see ``weights.find_weights``."""

    repo: str
    commit: str
    models_dir: str
    offline: bool
    arguments: ModelArguments


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadStep:
    """How far a model is loaded: fraction 0 … 1, bytes in place, seconds left."""

    fraction: float
    bytes: int
    seconds_left: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadFailed:
    """The model cannot be loaded: whether its weights were not found, and why."""

    not_found: bool
    text: str
