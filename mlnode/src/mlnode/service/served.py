"""One group's engine of the served kind with what guards its results.

Axes: B nonces of a batch.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import nn

from mlnode.poc.arrays import U64
from mlnode.poc.decision import Decisions
from mlnode.poc.engines.base import LoadProgress
from mlnode.poc.errors import FingerprintError, RoundError
from mlnode.poc.rounds import Round
from mlnode.poc.served.engine import ServedEngine
from mlnode.poc.served.models import load_decoder, model_folder

_REHASH_S = 60.0
_BATCH = 64


class ServedProver:
    """As ``prover.Prover``, of rounds that go through a model; holds one model at most."""

    def __init__(
        self,
        models_dir: str,
        device: str,
        *,
        batch_size: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; nothing is loaded.

        Args:
            models_dir: folder with models as OWNER/NAME/COMMIT; empty for none.
            device: where the model is loaded.
            batch_size: nonces of a batch; 0 for 64.
            clock: seconds from any origin.
        """
        self._models_dir = models_dir
        self._device = torch.device(device)
        self._engine = ServedEngine(self._model_of)
        self._held: tuple[str, nn.Module] | None = None
        self._fingerprint = b""
        self._hashed_at = 0.0
        self._clock = clock
        self.engines = (self._engine.name,)
        self.batch_size = batch_size or _BATCH

    def load(self, round_: Round) -> Iterator[LoadProgress]:
        """Load the round's model, unless it stands; loaded when the iterator is exhausted.

        Raises:
            RoundError: there is no such model.
        """
        # How large a model is shows when it is loaded: there is no share to report before.
        for _ in self._engine.start(round_):
            pass
        self._fingerprint = self._engine.weights_fingerprint()
        self._hashed_at = self._clock()
        yield from ()

    def batch(
        self, nonces_B: U64, public_key: bytes | None = None, *, ahead: U64 | None = None
    ) -> Decisions:
        """Evaluate nonces of a host, by default the round's own.

        Args:
            ahead: what is asked for next, to make its inputs meanwhile; None where nobody knows.

        Raises:
            FingerprintError: the weights have changed since the last look.
        """
        if self._clock() - self._hashed_at > _REHASH_S:
            self.rehash()
        if ahead is not None:
            self._engine.foresee(ahead, public_key)
        return self._engine.batch(nonces_B, public_key)

    def rehash(self) -> None:
        """Compare the weights with their fingerprint; at least at each phase change.

        Raises:
            FingerprintError: they have changed.
        """
        if self._engine.weights_fingerprint() != self._fingerprint:
            raise FingerprintError("the weights of the model are no longer those that were loaded")
        self._hashed_at = self._clock()

    def drop(self) -> None:
        """Let go of the round, the model and their memory."""
        self._engine.stop()
        self._held = None

    def _model_of(self, model_id: str) -> nn.Module:
        if self._held is None or self._held[0] != model_id:
            self._held = None
            if not self._models_dir:
                raise RoundError("model_id", model_id, "a model in poc.models_dir, which is empty")
            folder = model_folder(Path(self._models_dir), model_id)
            self._held = model_id, load_decoder(folder, self._device)
        return self._held[1]
