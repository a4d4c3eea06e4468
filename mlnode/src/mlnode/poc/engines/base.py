"""What every engine is: one interface for the service, whatever computes behind it.

Axes: B nonces of a batch, R rows, N columns and K depth of a matrix product.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from mlnode.poc.arrays import I8, I64, U64
from mlnode.poc.decision import Decisions
from mlnode.poc.rounds import Round


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadProgress:
    """How far the generation of a round's weights has come.

    Attributes:
        tensor: name of the weight that was worked on.
        done_bytes, total_bytes: generated so far, and in all.
    """

    tensor: str
    done_bytes: int
    total_bytes: int

    @property
    def fraction(self) -> float:
        """Share of the bytes that are done, 0 … 1."""
        return self.done_bytes / self.total_bytes


class Engine(Protocol):
    """Evaluates the proof network exactly; engines differ in speed only.

    An engine is not safe for use by several threads at a time.
    """

    @property
    def name(self) -> str:
        """Name for status and reports."""
        ...

    def work_clock(self) -> float:
        """Returns seconds of work, from any origin.

        Of the processor where the engine computes on one thread of it, so that what else keeps
        the machine busy counts for nothing; else of the clock on the wall.
        """
        ...

    def start(self, round_: Round) -> Iterator[LoadProgress]:
        """Generates the round's network; it stands when the iterator is exhausted.

        A round with the same network as the one that stands keeps its weights, so that a
        round's verification does not load anew.
        """
        ...

    def batch(self, nonces_B: U64, public_key: bytes | None = None) -> Decisions:
        """Evaluates nonces of a host, by default the round's own; any number, any order.

        Raises:
            NotStartedError: no round stands.
            RoundError: the key is not a 20-byte account address.
        """
        ...

    def dot(self, x_RK: I8, w_NK: I8) -> I64:
        """Returns x·wᵀ as the engine's layers compute it, int64 [R, N]; for the self-test."""
        ...

    def weights_fingerprint(self) -> bytes:
        """Returns SHA-256 of the weights as they are in memory now.

        Raises:
            NotStartedError: no round stands.
        """
        ...

    def stop(self) -> None:
        """Lets go of the round and its memory; does nothing when no round stands."""
        ...


class SharingEngine(Engine, Protocol):
    """An engine of which several can stand on one network, to check each other."""

    @property
    def largest_batch(self) -> int:
        """Nonces of a batch beyond which a larger one is no faster; 0 before a round stands."""
        ...

    def foresee(self, nonces_B: U64, public_key: bytes | None = None) -> None:
        """Says which batch comes behind the next one, so that its inputs may be made meanwhile.

        Whatever batch comes then is computed right; a wrong guess costs its inputs.

        Raises:
            NotStartedError: no round stands.
            RoundError: the key is not a 20-byte account address.
        """
        ...

    def dense_rate(self) -> float:
        """Returns the operations a second of plain exact products of large matrices.

        On all devices together; 0 where it is not measured. Takes half a second a device.
        """
        ...

    @property
    def network(self) -> Any:
        """The network that stands, for an engine of the same kind to adopt.

        Raises:
            NotStartedError: no round stands.
        """
        ...

    def adopt(self, round_: Round, network: Any) -> None:
        """Starts a round on a network that another engine of the same kind generated.

        Raises:
            ValueError: it is the network of another round.
        """
        ...


def load(engine: Engine, round_: Round) -> None:
    """Starts a round where nobody watches the progress."""
    for _ in engine.start(round_):
        pass
