"""Holds the served model in a process of its own.

A model that runs out of memory or crashes then takes nothing with it. The process stays when
the model is unloaded, with its libraries and nothing else, so that the next model need not
wait for them; it ends where that would leave memory on a GPU taken.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
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
from mlnode.serving.messages import (
    GoAhead,
    LoadFailed,
    LoadOrder,
    LoadStep,
    MayRead,
    Rest,
    Unload,
    Unloaded,
)
from mlnode.serving.weights import check_source

_PATIENCE_S = 2.0
# To free a model takes a fraction of a second; what takes longer hangs.
_UNLOAD_S = 10.0
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


class _Doing(Enum):
    """What the process is at: what can be taken back, and how."""

    NOTHING = "holds no model"
    FINDING = "looks for the weights, perhaps fetches them"
    IMPORTING = "imports the libraries; the model takes no memory yet"
    READING = "reads the weights"
    HOLDING = "holds the model"


class ModelHost:
    """One model at a time, the one asked for last. Every method is called in the event loop."""

    def __init__(self, config: ServingConfig) -> None:
        self._config = config
        self._lock = asyncio.Lock()
        self._commands = 0
        self._number = 0
        self._doing = _Doing.NOTHING
        self._task: asyncio.Task[None] | None = None
        self._child: Child | None = None
        self._error: ModelError | None = None
        self._step = LoadStep(number=0, fraction=0.0, bytes=0)
        self._changed = asyncio.Event()
        self._freed = asyncio.Event()
        self.state = ModelState.STOPPED
        self.spec: ModelSpec | None = None

    @property
    def last_error(self) -> str:
        """Why the last model failed; empty when none did."""
        return str(self._error) if self._error is not None else ""

    @property
    def pid(self) -> int:
        """Process id of the process for models, which stays between them; 0 while there is none."""
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
            number=0,
            repo=spec.repo,
            commit=spec.commit,
            models_dir=self._config.models_dir,
            offline=self._config.offline,
            arguments=parse_arguments(spec.args),
        )
        if self.spec != spec or self.state not in (ModelState.LOADING, ModelState.READY):
            await _to_its_end(self._replace(spec, order))
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
        await _to_its_end(self._unload())

    async def close(self) -> None:
        """End the process for good."""
        self._commands += 1
        async with self._lock:
            await self._end_process()
            self._set(ModelState.STOPPED, None)

    async def _unload(self) -> None:
        async with self._lock:
            await self._free()

    async def _replace(self, spec: ModelSpec, order: LoadOrder) -> None:
        self._commands += 1
        mine = self._commands
        async with self._lock:
            if mine != self._commands:
                raise ModelReplacedError(f"{spec.model_id} gave way to a newer command")
            await self._free()
            if mine != self._commands:
                raise ModelReplacedError(f"{spec.model_id} gave way to a newer command")
            self._number += 1
            self._step = LoadStep(number=self._number, fraction=0.0, bytes=0)
            self._set(ModelState.LOADING, spec)
            if (child := await self._process()) is not None:
                self._doing = _Doing.FINDING
                child.send(replace(order, number=self._number))

    async def _free(self) -> None:
        """Take back what was ordered last; its memory is free on return."""
        doing = self._doing
        # From here on the end of the process is nobody's misfortune.
        self._doing = _Doing.NOTHING
        self._set(ModelState.STOPPED, None)
        if doing in (_Doing.FINDING, _Doing.READING):
            # Libraries that load and fetch cannot be interrupted.
            await self._end_process()
        elif doing is _Doing.IMPORTING and self._child is not None:
            self._child.send(Rest())
        elif doing is _Doing.HOLDING and self._child is not None:
            freed = self._freed = asyncio.Event()
            self._child.send(Unload())
            with suppress(TimeoutError):
                async with asyncio.timeout(_UNLOAD_S):
                    await freed.wait()
                return
            await self._end_process()

    async def _process(self) -> Child | None:
        """The process for models, started if there is none; None if it cannot be."""
        if self._child is None:
            try:
                # The steps it reports are progress enough.
                quiet = {"HF_HUB_DISABLE_PROGRESS_BARS": "1"}
                child = await Child.start("mlnode.serving.engine", environment=quiet)
            except OSError as err:
                self._fail(ModelFailedError(f"no process can be started: {err.strerror}"))
                return None
            self._child = child
            self._task = asyncio.create_task(self._live(child))
        return self._child

    async def _end_process(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _live(self, child: Child) -> None:
        """The life of the process, from its start to its end."""
        try:
            await self._listen(child)
        finally:
            self._child, self._doing = None, _Doing.NOTHING
            try:
                await child.end(_PATIENCE_S)
            finally:
                self._freed.set()

    async def _listen(self, child: Child) -> None:
        while True:
            try:
                said = await child.receive()
            except ChildEndedError:
                code = await child.ended(_PATIENCE_S)
                if self._doing is not _Doing.NOTHING and self.spec is not None:
                    doing = "served" if self._doing is _Doing.HOLDING else "was loading"
                    text = f"the process of {self.spec.model_id} ended with {code} while it {doing}"
                    self._fail(ModelFailedError(text))
                return
            if isinstance(said, Unloaded):
                self._freed.set()
                continue
            assert isinstance(said, LoadStep | MayRead | LoadFailed)
            if said.number != self._number or self._doing is _Doing.NOTHING:
                # Of an order that was taken back.
                continue
            match said:
                case MayRead():
                    self._doing = _Doing.READING
                    child.send(GoAhead(number=said.number))
                case LoadStep():
                    self._on_step(said)
                case LoadFailed():
                    kind = ModelNotFoundError if said.not_found else ModelFailedError
                    broken, self._doing = self._doing is _Doing.READING, _Doing.NOTHING
                    self._fail(kind(said.text))
                    if broken:
                        # Nobody knows what the half of it holds on to.
                        return

    def _on_step(self, step: LoadStep) -> None:
        self._step = step
        done = step.fraction >= 1.0
        if done:
            self._doing = _Doing.HOLDING
        elif step.fraction and self._doing is _Doing.FINDING:
            self._doing = _Doing.IMPORTING
        self._set(ModelState.READY if done else ModelState.LOADING, self.spec)

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


async def _to_its_end(work: Coroutine[None, None, None]) -> None:
    """Waits for work that goes on when the caller is cancelled: half of it would be lost."""
    await asyncio.shield(asyncio.create_task(work))
