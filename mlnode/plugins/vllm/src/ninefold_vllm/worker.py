"""What a worker of vLLM learns: to go through a round and to hand over last hidden states.

Axes: B requests of a step, D width.
"""

import importlib
from contextlib import ExitStack
from typing import Any, cast

from mlnode.poc.errors import EngineError
from mlnode.poc.served.layer_hooks import decoder_layers, hooked, reflecting, reflection
from torch import Tensor

WORKER = ("vllm.v1.worker.gpu_worker", "Worker")
"""Module and class of the worker that learns the calls."""

CALLS = ("poc_start", "poc_take", "poc_stop")
"""Names for ``LLM.collective_rpc``."""

# Where a pipeline rank lacks a layer, vLLM puts a module of this class in its place.
_MISSING = "PPMissingLayer"


class PluginError(EngineError):
    """vLLM is not as the plugin knows it, or not started as a round needs it."""


class PocRound:
    """One worker in a round: its layers are hooked, and its model's head is listened at."""

    def __init__(self, worker: Any, block_hash: str) -> None:
        """Hooks the layers and listens.

        Raises:
            PluginError: the worker captures graphs, which call no hooks.
            EngineError: its model is no decoder that we know of.
        """
        if not worker.vllm_config.model_config.enforce_eager:
            raise PluginError("a round needs enforce_eager: captured graphs call no hooks")
        self._runner = worker.model_runner
        model = self._runner.get_model()
        device = next(model.parameters()).device
        width = int(worker.vllm_config.model_config.get_hidden_size())
        layers = {
            index: layer
            for index, layer in enumerate(decoder_layers(model))
            if type(layer).__name__ != _MISSING
        }
        mirrors = [reflecting(reflection(block_hash, index, width, device)) for index in layers]
        self._hidden: dict[str, list[float]] = {}
        self._stack = ExitStack()
        self._stack.enter_context(hooked(list(layers.values()), mirrors))
        self._listen(model)

    def take(self) -> dict[str, list[float]]:
        """Returns the last hidden state of each request since the last call, and forgets them."""
        taken, self._hidden = self._hidden, {}
        return taken

    def close(self) -> None:
        """Makes the worker as it was before."""
        self._stack.close()

    def _listen(self, model: Any) -> None:
        # On the object, not its class: taking it away again uncovers the method.
        plain = model.compute_logits

        def compute_logits(hidden_BD: Tensor, *args: Any, **named: Any) -> Any:
            self._note(hidden_BD)
            return plain(hidden_BD, *args, **named)

        model.compute_logits = compute_logits
        self._stack.callback(delattr, model, "compute_logits")

    def _note(self, hidden_BD: Tensor) -> None:
        names = self._runner.input_batch.req_ids
        if len(names) != len(hidden_BD):
            # A warm-up, or a step with several positions of a request: not a round's.
            return
        # Of a prompt that is worked off in parts, the last part counts.
        self._hidden.update(zip(names, hidden_BD.float().tolist(), strict=True))


def poc_start(self: Any, block_hash: str) -> None:
    """Begins a round; one that is open ends first."""
    poc_stop(self)
    self._poc_round = PocRound(self, block_hash)


def poc_take(self: Any) -> dict[str, list[float]]:
    """Returns the last hidden states of the requests since the last call, by request id."""
    open_ = cast(PocRound | None, getattr(self, "_poc_round", None))
    if open_ is None:
        raise PluginError("no round is open")
    return open_.take()


def poc_stop(self: Any) -> None:
    """Ends the round; does nothing when none is open."""
    open_ = cast(PocRound | None, getattr(self, "_poc_round", None))
    self._poc_round = None
    if open_ is not None:
        open_.close()


def install() -> None:
    """Adds the calls to vLLM's worker; a second time changes nothing.

    Raises:
        PluginError: vLLM has no such class, or calls of these names that are not ours.
    """
    module, name = WORKER
    try:
        worker = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise PluginError(f"this vLLM has no {module}.{name}") from error
    for call in (poc_start, poc_take, poc_stop):
        present = getattr(worker, call.__name__, call)
        if present is not call:
            raise PluginError(f"{name}.{call.__name__} is taken")
        setattr(worker, call.__name__, call)
