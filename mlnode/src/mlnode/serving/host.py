"""Holds the served model in a process of its own.

A model that runs out of memory or crashes then takes nothing with it, and
unloading gives every byte back.
"""

import asyncio
import multiprocessing
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import Enum
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from mlnode.service.config import ServingConfig
from mlnode.serving.arguments import ModelArguments, parse_arguments
from mlnode.serving.engine import LoadStep, run_engine
from mlnode.serving.errors import ModelError
from mlnode.serving.weights import find_weights


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
    """One model at a time. Every method is called in the event loop."""

    def __init__(self, config: ServingConfig) -> None:
        self._config = config
        self._lock = asyncio.Lock()
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self.state = ModelState.STOPPED
        self.spec: ModelSpec | None = None
        self.last_error = ""

    async def load(self, spec: ModelSpec) -> AsyncIterator[LoadStep]:
        """Load a model and yield the steps; the loaded one again yields the end at once.

        Raises:
            ModelError: what is wrong; nothing is loaded then.
        """
        async with self._lock:
            if self.state is ModelState.READY and self.spec == spec and self._alive():
                yield LoadStep(fraction=1.0, bytes=0, seconds_left=0.0)
                return
            await self._end()
            arguments = parse_arguments(spec.args)
            if self._config.engine != "transformers":
                raise ModelError(f"serving.engine {self._config.engine!r} is not on this machine")
            self.state, self.spec, self.last_error = ModelState.LOADING, spec, ""
            try:
                folder = await asyncio.to_thread(
                    find_weights,
                    spec.repo,
                    spec.commit,
                    models_dir=self._config.models_dir,
                    offline=self._config.offline,
                )
                self._begin(folder, arguments)
                async for step in self._steps():
                    yield step
                self.state = ModelState.READY
            except ModelError as err:
                await self._end()
                self.state, self.last_error = ModelState.FAILED, str(err)
                raise
            finally:
                if self.state is ModelState.LOADING:
                    await self._end()

    async def unload(self) -> None:
        """Free the model; nothing happens when there is none."""
        async with self._lock:
            await self._end()

    def poll(self) -> None:
        """Notice a process that died by itself."""
        if self.state is ModelState.READY and not self._alive():
            self.state, self.last_error = ModelState.FAILED, "the model's process ended by itself"

    def _alive(self) -> bool:
        return self._process is not None and self._process.is_alive()

    def _begin(self, folder: Path, arguments: ModelArguments) -> None:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(
            target=run_engine, args=(folder, arguments, theirs), name="mlnode-model", daemon=True
        )
        process.start()
        theirs.close()
        self._process, self._pipe = process, ours

    async def _steps(self) -> AsyncIterator[LoadStep]:
        pipe = self._pipe
        assert pipe is not None
        began = time.monotonic()
        while True:
            try:
                step = await asyncio.to_thread(pipe.recv)
            except (EOFError, OSError):
                raise ModelError("the model's process ended while it was loading") from None
            if isinstance(step, str):
                raise ModelError(step)
            assert isinstance(step, LoadStep)
            spent = time.monotonic() - began
            left = spent * (1 - step.fraction) / step.fraction if step.fraction else 0.0
            yield LoadStep(fraction=step.fraction, bytes=step.bytes, seconds_left=left)
            if step.fraction >= 1.0:
                return

    async def _end(self) -> None:
        process, pipe = self._process, self._pipe
        self._process = self._pipe = None
        self.state, self.spec = ModelState.STOPPED, None
        if pipe is not None:
            pipe.close()
        if process is not None:
            await asyncio.to_thread(process.join, 2.0)
            if process.is_alive():
                process.kill()
                await asyncio.to_thread(process.join, 5.0)
