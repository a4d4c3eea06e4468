"""What a controller and its worker say to each other, over two pipes.

Commands go down, events come up; both are plain frozen data, so that pickling
them cannot run anything of theirs. A worker holds back when its credits are
spent, so that no queue between the two grows without bound.

Axes: B nonces of a batch.
"""

from dataclasses import dataclass

from mlnode.poc.arrays import F64, U8, U64, Bool
from mlnode.poc.rounds import Round


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSetup:
    """How a worker computes: see the keys of the same names in the configuration."""

    group_index: int
    devices: tuple[str, ...]
    engine: str
    batch_size: int
    threads: int
    crosscheck: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadRound:
    """Derive a round's network, or keep the one that stands if it is the same."""

    round: Round


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """Generate: walk these lanes from here.

    Attributes:
        walk_id: stamped on every batch, so that one of an earlier walk is recognised.
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
    """Stop walking; keep the round."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndRound:
    """Stop walking and let go of the round."""


Command = LoadRound | Walk | Credit | Check | Pause | EndRound


@dataclass(frozen=True, slots=True, kw_only=True)
class Alive:
    """A sign of life, at least once a second while the worker waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loading:
    """Progress of a round's network, in bytes."""

    done_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The round stands.

    Attributes:
        engine: name of the engine in use.
        summary: what every candidate came to, for the log.
        batch_size: nonces a batch.
    """

    engine: str
    summary: str
    batch_size: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Walked:
    """A batch of a walk: the valid nonces in it, ascending, and how far the lanes came.

    Attributes:
        walked: nonces computed, valid or not.
        nonces: uint64 [B], the valid ones; distances float64 [B].
        lane_next: next step of this group's lanes, in the order of Walk.lanes.
    """

    walk_id: int
    walked: int
    nonces: U64
    distances: F64
    lane_next: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Checked:
    """Answers one Check, in its order: valid bool [B], distances [B], digests uint8 [B, 32]."""

    request_id: int
    valid: Bool
    distances: F64
    digests: U8


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The worker could not do what it was told; it lives and holds no round.

    Attributes:
        error: name of the exception's class.
        text: what is wrong.
    """

    error: str
    text: str


Event = Alive | Loading | Loaded | Walked | Checked | Failed
