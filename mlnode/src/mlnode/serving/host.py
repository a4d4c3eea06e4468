"""Holds the served model in a process of its own.

A model that runs out of memory or crashes then takes nothing with it, and
unloading gives every byte back.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import Enum

from mlnode.service.child import Child, ChildEndedError
from mlnode.service.config import ServingConfig
from mlnode.serving.arguments import parse_arguments
from mlnode.serving.errors import (
    ModelError,
    ModelFailedError,
    ModelNotFoundError,
    ModelReplacedError,
)
from mlnode.serving.messages import LoadFailed, LoadOrder, LoadStep
from mlnode.serving.weights import check_source

_PATIENCE_S = 2.0
_log = logging.getLogger("mlnode.model")


class ModelState(Enum):
    """What the host of the model does."""

    STOPPED = "stopped"
    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """The model that is wanted: governance id, repository, commit, arguments as given."""

    model_id: str
    repo: str
    commit: str
    args: tuple[str, ...]


class ModelHost:
    """One model at a time, the one asked for last. Every method is called in the event loop."""

    def __init__(self, config: ServingConfig) -> None:
        self._config = config
        self._lock = asyncio.Lock()
        self._commands = 0
        self._task: asyncio.Task[None] | None = None
        self._child: Child | None = None
        self._error: ModelError | None = None
        self._step = LoadStep(fraction=0.0, bytes=0)
        self._changed = asyncio.Event()
        self.state = ModelState.STOPPED
        self.spec: ModelSpec | None = None

    @property
    def last_error(self) -> str:
        """Why the last model failed; empty when none did."""
        return str(self._error) if self._error is not None else ""

    @property
    def pid(self) -> int:
        """Process id of the model's process; 0 while there is none."""
        return self._child.pid if self._child is not None else 0

    async def load(self, spec: ModelSpec) -> AsyncIterator[LoadStep]:
        """Load a model and yield the steps; the same again joins in, another one replaces it.

        Who stops listening does not stop the loading.

        Raises:
            ModelRequestError: the request is malformed; nothing changed.
            ModelNotFoundError, ModelFailedError: what is wrong; nothing is loaded.
            ModelReplacedError: a newer command took over.
        """
        check_source(spec.repo, spec.commit)
        order = LoadOrder(
            repo=spec.repo,
            commit=spec.commit,
            models_dir=self._config.models_dir,
            offline=self._config.offline,
            arguments=parse_arguments(spec.args),
        )
        if self.spec != spec or self.state not in (ModelState.LOADING, ModelState.READY):
            await self._replace(spec, order)
        while True:
            # Before the yield: what changes while the caller is away counts.
            changed = self._changed
            if self.spec != spec:
                raise ModelReplacedError(f"{spec.model_id} gave way to a newer command")
            if self._error is not None:
                raise self._error
            yield self._step
            if self.state is ModelState.READY:
                return
            await changed.wait()

    async def unload(self) -> None:
        """Free the model, also one that loads; nothing happens when there is none."""
        self._commands += 1
        async with self._lock:
            await self._end()

    async def _replace(self, spec: ModelSpec, order: LoadOrder) -> None:
        self._commands += 1
        mine = self._commands
        async with self._lock:
            if mine != self._commands:
                raise ModelReplacedError(f"{spec.model_id} gave way to a newer command")
            await self._end()
            if mine != self._commands:
                raise ModelReplacedError(f"{spec.model_id} gave way to a newer command")
            self._step = LoadStep(fraction=0.0, bytes=0)
            self._set(ModelState.LOADING, spec)
            self._task = asyncio.create_task(self._live(spec, order))

    async def _end(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._set(ModelState.STOPPED, None)

    async def _live(self, spec: ModelSpec, order: LoadOrder) -> None:
        """The life of one model's process, from its start to its end."""
        try:
            # The steps it reports are progress enough.
            quiet = {"HF_HUB_DISABLE_PROGRESS_BARS": "1"}
            child = await Child.start("mlnode.serving.engine", spec.model_id, environment=quiet)
        except OSError as err:
            self._fail(ModelFailedError(f"no process can be started: {err.strerror}"))
            return
        self._child = child
        try:
            child.send(order)
            await self._listen(child, spec)
        finally:
            self._child = None
            await child.end(_PATIENCE_S)

    async def _listen(self, child: Child, spec: ModelSpec) -> None:
        while True:
            try:
                said = await child.receive()
            except ChildEndedError:
                code = await child.ended(_PATIENCE_S)
                doing = "served" if self.state is ModelState.READY else "was loading"
                text = f"the process of {spec.model_id} ended with {code} while it {doing}"
                self._fail(ModelFailedError(text))
                return
            if isinstance(said, LoadFailed):
                kind = ModelNotFoundError if said.not_found else ModelFailedError
                self._fail(kind(said.text))
                return
            assert isinstance(said, LoadStep)
            self._step = said
            done = said.fraction >= 1.0
            self._set(ModelState.READY if done else ModelState.LOADING, spec)

    def _fail(self, error: ModelError) -> None:
        self._set(ModelState.FAILED, self.spec, error)

    def _set(
        self, state: ModelState, spec: ModelSpec | None, error: ModelError | None = None
    ) -> None:
        if (state, spec) != (self.state, self.spec):
            name = spec.model_id if spec is not None else "no model"
            _log.info("%s: %s%s", state.value, name, f": {error}" if error is not None else "")
        self.state, self.spec, self._error = state, spec, error
        self._changed.set()
        self._changed = asyncio.Event()
