"""What the service and the process of a model say to each other.

Orders are numbered, and what is said of one carries its number: an answer to something older
is then told from one to the last order.
"""

from dataclasses import dataclass

from mlnode.serving.arguments import ModelArguments


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOrder:
    """What to load, and where from: see ``weights.find_weights``."""

    number: int
    repo: str
    commit: str
    models_dir: str
    offline: bool
    arguments: ModelArguments


@dataclass(frozen=True, slots=True, kw_only=True)
class GoAhead:
    """Answers ``MayRead``: the model is still wanted."""

    number: int


@dataclass(frozen=True, slots=True)
class Rest:
    """Import nothing more until the next order: a proof may want the processor meanwhile."""


@dataclass(frozen=True, slots=True)
class Unload:
    """Free the model and stay."""


Order = LoadOrder | GoAhead | Unload


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadStep:
    """How far a model is loaded: fraction 0 … 1, bytes in place, seconds left."""

    number: int
    fraction: float
    bytes: int
    seconds_left: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MayRead:
    """The weights are found and the libraries are there; nothing of the model takes memory yet.

    Until here an order can be taken back without ending the process, which would have to
    import the libraries anew.
    """

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadFailed:
    """The model cannot be loaded: whether its weights were not found, and why."""

    number: int
    not_found: bool
    text: str


@dataclass(frozen=True, slots=True)
class Unloaded:
    """The model's memory is free."""


Said = LoadStep | MayRead | LoadFailed | Unloaded
