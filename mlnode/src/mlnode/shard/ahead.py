"""Inputs of the part that comes next, made while the present one is computed.

On a CPU a thread makes them, in compiled code that holds no lock; on a GPU they are made on a
stream of their own, beside that of the layers.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import torch
from torch import Tensor

from mlnode.poc.arrays import U64


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """Nonces of a host, uint64 [B], whose inputs are wanted on a device."""

    public_key: bytes
    nonces: U64
    device: str

    @property
    def name(self) -> tuple[bytes, bytes, str]:
        """What tells it from other parts of a round."""
        return self.public_key, self.nonces.tobytes(), self.device


Make = Callable[[Part], Tensor]


class Ahead:
    """Holds the inputs of one part; those of any other are made when they are asked for.

    Not for several threads at a time.
    """

    def __init__(self, make: Make) -> None:
        """Prepares.

        Args:
            make: returns the inputs of a part; called in another thread as well.
        """
        self._make = make
        self._name: tuple[bytes, bytes, str] | None = None
        self._made: Callable[[], Tensor] | None = None
        self._pool: ThreadPoolExecutor | None = None
        self._streams: dict[str, torch.cuda.Stream] = {}

    def begin(self, part: Part) -> None:
        """Begins to make the inputs of a part; what was begun before is forgotten."""
        self._name = part.name
        on_gpu = part.device.startswith("cuda")
        self._made = self._on_stream(part) if on_gpu else self._on_thread(part)

    def take(self, part: Part) -> Tensor:
        """Returns the inputs of a part, whether they were begun or not; they are held no more."""
        made = self._made if self._name == part.name else None
        self.drop()
        return self._make(part) if made is None else made()

    def drop(self) -> None:
        """Forgets what was begun."""
        self._name = self._made = None

    def _on_thread(self, part: Part) -> Callable[[], Tensor]:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="inputs")
        future: Future[Tensor] = self._pool.submit(self._make, part)
        return future.result

    def _on_stream(self, part: Part) -> Callable[[], Tensor]:
        if part.device not in self._streams:
            # Its few blocks go first: the layers of the present part fill the device for long.
            self._streams[part.device] = torch.cuda.Stream(part.device, priority=-1)
        side = self._streams[part.device]
        with torch.cuda.stream(side):
            inputs = self._make(part)
            ready = side.record_event()

        def made() -> Tensor:
            stream = torch.cuda.current_stream(part.device)
            stream.wait_event(ready)
            # Its memory belongs to the side stream, which may not reuse it before the layers did.
            inputs.record_stream(stream)
            return inputs

        return made
