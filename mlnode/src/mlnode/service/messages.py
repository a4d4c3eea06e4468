"""What a controller and its worker say to each other.

Commands go down, events come up; both are plain frozen data. A worker holds
back when its credits are spent, so that no queue between the two grows without
bound. Commands that an event answers carry a number which it repeats: an answer
to something older is then told from one to the last command.

Axes: B nonces of a batch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mlnode.poc.arrays import F64, U8, U64, Bool
from mlnode.poc.engines.base import SharingEngine
from mlnode.poc.rounds import Round


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSetup:
    """How a worker computes: see the keys of the same names in the configuration.

    Attributes:
        candidates: makes the engines to choose from, given ``engine`` and the devices as
            the worker numbers them; a function of a module, since it is called in the worker.
    """

    group_index: int
    devices: tuple[str, ...]
    engine: str
    batch_size: int
    threads: int
    crosscheck: bool
    models_dir: str
    candidates: Callable[[str, tuple[str, ...]], Sequence[SharingEngine]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadRound:
    """Derive a round's network, or keep the one that stands if it is the same."""

    load_id: int
    round: Round


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """Generate: walk these lanes from here.

    Attributes:
        walk_id: stamped on every batch.
        lanes: lanes of this group.
        lane_next: next step of every lane of the node.
        credits: batches that may be made before more credits come.
    """

    walk_id: int
    lanes: tuple[int, ...]
    lane_next: tuple[int, ...]
    credits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """One batch of a walk was taken; another may be made."""

    walk_id: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Check:
    """Validate: recompute nonces of a host; uint64 [B]."""

    request_id: int
    public_key: bytes
    nonces: U64


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Stop walking; go on checking."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """Stop walking and checking; with ``end_round`` let go of the round as well."""

    halt_id: int
    end_round: bool


Command = LoadRound | Walk | Credit | Check | Pause | Halt


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """The worker has tried its engines.

    Attributes:
        engines: those that are exact here, the fastest first; empty when none is.
        summary: what every candidate came to, or what is wrong.
    """

    engines: tuple[str, ...]
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Alive:
    """A sign of life, at least once a second while the worker waits.

    Attributes:
        expected_s: seconds that may pass before the next event, as far as the worker knows; 0
            where it expects nothing long.
    """

    expected_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Loading:
    """Progress of a round's network, in bytes."""

    load_id: int
    done_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The round stands.

    Attributes:
        engine: name of the engine in use.
        batch_size: nonces a batch.
        seconds: how long it took.
        device_bytes: taken of the GPUs at its peak, trials included; 0 on a CPU.
        dense: operations a second of the engine's plain exact products; 0 where it was not
            measured.
    """

    load_id: int
    engine: str
    batch_size: int
    seconds: float
    device_bytes: int = 0
    dense: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Walked:
    """A batch of a walk: the valid nonces in it, ascending, and how far the lanes came.

    Attributes:
        walked: nonces computed, valid or not.
        nonces: uint64 [B], the valid ones; distances float64 [B].
        lane_next: next step of this group's lanes, in the order of Walk.lanes.
        seconds: how long it took.
    """

    walk_id: int
    walked: int
    nonces: U64
    distances: F64
    lane_next: tuple[int, ...]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Checked:
    """Answers one Check, in its order: valid bool [B], distances [B], digests uint8 [B, 32]."""

    request_id: int
    valid: Bool
    distances: F64
    digests: U8


@dataclass(frozen=True, slots=True, kw_only=True)
class Halted:
    """Nothing is computed any more; what end_round gave back is free."""

    halt_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The worker could not do what it was told; it holds no round, and lives unless ``fatal``.

    Attributes:
        load_id: the round it held or was to load; 0 for none.
        error: name of the exception's class.
        text: what is wrong.
        fatal: the process ends itself, since nothing works on a device that was lost.
        hopeless: trying again at once would change nothing; somebody has to mend something.
    """

    load_id: int
    error: str
    text: str
    fatal: bool = False
    hopeless: bool = False


Event = Ready | Alive | Loading | Loaded | Walked | Checked | Halted | Failed
