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
from mlnode.poc.errors import RoundError
from mlnode.poc.rounds import Round
from mlnode.poc.served.engine import ServedEngine
from mlnode.poc.served.models import load_decoder, model_folder
from mlnode.service.watch import WeightWatch

_BATCH = 64
# A slow disk; what a model really takes is never announced too short.
_READ_BYTES_S = 50e6


class ServedProver:
    """As ``prover.Prover``, of rounds that go through a model; holds one model at most."""

    dense = 0.0

    def __init__(
        self,
        models_dir: str,
        device: str,
        *,
        batch_size: int = 0,
        announce: Callable[[float], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; nothing is loaded.

        Args:
            models_dir: folder with models as OWNER/NAME/COMMIT; empty for none.
            device: where the model is loaded.
            batch_size: nonces of a batch; 0 for 64.
            announce: told the seconds that what comes may take, before anything long.
            clock: seconds from any origin.
        """
        self._models_dir = models_dir
        self._device = torch.device(device)
        self._engine = ServedEngine(self._model_of)
        self._held: tuple[str, nn.Module] | None = None
        self._announce = announce
        self._clock = clock
        self._watch = WeightWatch(self._engine, clock)
        self._nonce_s = 0.0
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
        self._watch.begin()
        self._nonce_s = 0.0
        yield from ()

    def batch(
        self, nonces_B: U64, public_key: bytes | None = None, *, ahead: U64 | None = None
    ) -> Decisions:
        """Evaluate nonces of a host, by default the round's own.

        Nothing of it may be claimed before ``rehash`` was called and found the weights unchanged.

        Args:
            ahead: what is asked for next, to make its inputs meanwhile; None where nobody knows.
        """
        if ahead is not None:
            self._engine.foresee(ahead, public_key)
        self._announce(self._nonce_s * len(nonces_B))
        began = self._clock()
        came = self._engine.batch(nonces_B, public_key)
        self._nonce_s = (self._clock() - began) / max(len(nonces_B), 1)
        return came

    @property
    def rehash_due(self) -> bool:
        """As ``prover.Prover.rehash_due``."""
        return self._watch.due

    def rehash(self) -> None:
        """Compare the weights with their fingerprint.

        Raises:
            FingerprintError: they have changed; nothing since the last time may be claimed.
        """
        self._watch.look()

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
            self._announce(_bytes_of(folder) / _READ_BYTES_S)
            self._held = model_id, load_decoder(folder, self._device)
        return self._held[1]


def _bytes_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
