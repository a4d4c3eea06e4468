"""The engine of kind SERVED_MODEL: a served model with its habits broken up, for a batch at a time.

Axes: B nonces, S positions, D width, V outputs.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from mlnode.poc.arrays import U64
from mlnode.poc.decision import Decisions
from mlnode.poc.engines.base import LoadProgress
from mlnode.poc.errors import NotStartedError
from mlnode.poc.rounds import Round, check_public_key
from mlnode.poc.served.gpu_random import generate_inputs
from mlnode.poc.served.layer_hooks import (
    Transform,
    decoder_layers,
    hooked,
    reflecting,
    reflection,
)
from mlnode.poc.served.models import ModelLoader, decoder, hidden_width, last_hidden, placed
from mlnode.poc.served.tail import Tail, digests
from mlnode.shard.ahead import Ahead, Part
from mlnode.shard.fingerprint import fingerprint


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Standing:
    """A round that stands.

    Attributes:
        round: the round.
        model: the served model, untouched between batches.
        transforms: what the output of each layer goes through during a batch.
        tail: random head and target.
    """

    round: Round
    model: nn.Module
    transforms: tuple[Transform, ...]
    tail: Tail


class ServedEngine:
    """Proves and verifies through a model; ``base.Engine`` but for ``dot``: floats, not integers.

    Every nonce of a round counts, so all decisions are positive; what a prover submits is the
    distance, and ``judging`` compares it. The model is the loader's: it is neither changed
    nor copied, and between batches it answers as if no round were open.
    """

    def __init__(self, load_model: ModelLoader, *, name: str = "eager") -> None:
        """Prepares; nothing is loaded.

        Args:
            load_model: returns the model of a round; the same one again where it still holds it.
            name: for status and reports.
        """
        self._load_model = load_model
        self._name = name
        self._standing: Standing | None = None
        self._ahead = Ahead(self._inputs)
        self._following: Part | None = None

    @property
    def name(self) -> str:
        return self._name

    def start(self, round_: Round) -> Iterator[LoadProgress]:
        """Takes the round's model and makes its head, target and mirrors.

        Raises:
            RoundError: there is no such model.
            EngineError: it is no decoder that we know how to go through.
        """
        self._forget()
        held = self._standing
        if held is not None and _origin(held.round) == _origin(round_):
            self._standing = Standing(
                round=round_, model=held.model, transforms=held.transforms, tail=held.tail
            )
            return
        self._standing = None
        model = self._load_model(round_.model_id)
        base, width = decoder(model), hidden_width(model)
        device, _ = placed(model)
        total = sum(p.numel() * p.element_size() for p in model.parameters())
        yield LoadProgress(tensor=round_.model_id, done_bytes=total, total_bytes=total)
        mirrors = [
            reflecting(reflection(round_.block_hash, index, width, device))
            for index in range(len(decoder_layers(base)))
        ]
        tail = Tail(round_.block_hash, width, device)
        self._standing = Standing(round=round_, model=model, transforms=tuple(mirrors), tail=tail)

    def foresee(self, nonces_B: U64, public_key: bytes | None = None) -> None:
        """See ``base.SharingEngine``."""
        self._following = self._part(nonces_B, public_key)

    def batch(self, nonces_B: U64, public_key: bytes | None = None) -> Decisions:
        """See ``base.Engine``; digests are of this machine's floats, dots and norms are 0."""
        standing = self._holds()
        part = self._part(nonces_B, public_key)
        following, self._following = self._following, None
        y_BV = self._outputs(standing, part, following)
        nothing_B = np.zeros(len(nonces_B), np.int64)
        return Decisions(
            valid=np.full(len(nonces_B), True),
            distances=standing.tail.distances(y_BV, part.public_key, nonces_B.tolist()),
            digests=digests(y_BV),
            dots=nothing_B,
            norms=nothing_B,
        )

    def weights_fingerprint(self) -> bytes:
        """Returns a hash of the model's weights, and of head and target, as they are now."""
        standing = self._holds()
        names = {name: _bytes(p) for name, p in standing.model.named_parameters()}
        tail = standing.tail
        head = {"head": _bytes(tail.head_VD)}
        return fingerprint((names, head), _bytes(tail.target_V).cpu().numpy())

    def stop(self) -> None:
        """Lets go of the round; the model is the loader's."""
        self._forget()
        self._standing = None

    def _forget(self) -> None:
        self._ahead.drop()
        self._following = None

    def _part(self, nonces_B: U64, public_key: bytes | None) -> Part:
        standing = self._holds()
        key = standing.round.public_key if public_key is None else public_key
        check_public_key(key)
        device, _ = placed(standing.model)
        return Part(public_key=key, nonces=nonces_B, device=str(device))

    def _outputs(self, standing: Standing, part: Part, following: Part | None) -> Tensor:
        if not len(part.nonces):
            return torch.empty(0, len(standing.tail.target_V))
        base = decoder(standing.model)
        with torch.inference_mode():
            x_BSD = self._ahead.take(part)
            if following is not None:
                self._ahead.begin(following)
            with hooked(decoder_layers(base), standing.transforms):
                h_BD = last_hidden(base, x_BSD)
            return standing.tail.outputs(h_BD.to(standing.tail.head_VD.device))

    def _inputs(self, part: Part) -> Tensor:
        """Returns the inputs of a part, [B, S, D]."""
        standing = self._holds()
        device, dtype = placed(standing.model)
        # Also in the thread that makes them ahead, which has modes of its own.
        with torch.inference_mode():
            return generate_inputs(
                standing.round.block_hash, part.public_key.hex(), part.nonces.tolist(),
                hidden_width(standing.model), standing.round.params.seq_len, device, dtype,
            )  # fmt: skip

    def _holds(self) -> Standing:
        if self._standing is None:
            raise NotStartedError(f"engine {self._name} holds no round")
        return self._standing


def _origin(round_: Round) -> tuple[int, str, str, int]:
    """Returns what head, target and mirrors, and the shape of a batch, depend on."""
    return round_.poc_version, round_.block_hash, round_.model_id, round_.params.seq_len


def _bytes(tensor: Tensor) -> Tensor:
    return tensor.detach().contiguous().view(-1).view(torch.int8)
