"""The process that holds a model, with `transformers` (``python -m``, by the host).

It stays when a model is unloaded: to import the libraries takes longer than to read a small
model, and a proof of compute unloads one every epoch.
"""

import gc
import os
import queue
import sys
import threading
import time
from collections import deque
from importlib import import_module
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any, Protocol, cast

from typing_extensions import override

from mlnode.service.pipe import ServicePipe
from mlnode.serving.errors import ModelFailedError, ModelNotFoundError
from mlnode.serving.messages import (
    GoAhead,
    LoadFailed,
    LoadOrder,
    LoadStep,
    MayRead,
    Order,
    Rest,
    Said,
    Unload,
    Unloaded,
)
from mlnode.serving.weights import find_weights


class Service(Protocol):
    """The service, as ``pipe.ServicePipe`` is one."""

    def receive(self) -> object:
        """The next order; EOFError when the service is gone."""
        ...

    def send(self, message: object) -> None:
        """Say something to it."""
        ...


class Gate(MetaPathFinder):
    """Lets imports wait: a thread that is in the middle of some cannot be interrupted.

    Libraries take long to import. When the order that needs them is taken back for a proof,
    they come no further, and go on from there with the next order.
    """

    def __init__(self) -> None:
        self._open = threading.Event()
        self._open.set()

    def close(self) -> None:
        """Let whoever imports wait before the next module."""
        self._open.clear()

    def open(self) -> None:
        """Let everybody through."""
        self._open.set()

    @override
    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        """Finds nothing: the finders behind it are asked once it is open."""
        self._open.wait()


class Holder:
    """Holds one model at a time, the one that was ordered last."""

    def __init__(self, service: Service, gate: Gate) -> None:
        self._service = service
        self._gate = gate
        self._inbox: queue.SimpleQueue[Order | None] = queue.SimpleQueue()
        self._next: deque[Order | None] = deque()
        self._model: object = None

    def read(self) -> None:
        """Take orders until the service is gone; for a thread, since loading takes minutes."""
        try:
            while True:
                order = cast(Order | Rest, self._service.receive())
                if isinstance(order, Rest):
                    self._gate.close()
                else:
                    self._gate.open()
                    self._inbox.put(order)
        except EOFError:
            self._inbox.put(None)

    def run(self) -> None:
        """Obey until the service is gone, or until what is left of a model cannot be freed."""
        while (order := self._take()) is not None:
            match order:
                case LoadOrder():
                    self._obey(order)
                case Unload():
                    self._drop()
                    if _device_in_use():
                        # The library's own memory on a device would lack when it proves.
                        return
                    self._say(Unloaded())
                case GoAhead():
                    # To an order that has failed meanwhile.
                    continue

    def _obey(self, order: LoadOrder) -> None:
        try:
            self._load(order)
        except ModelNotFoundError as err:
            self._fail(order, str(err), not_found=True)
        except ModelFailedError as err:
            self._fail(order, str(err))
        except Exception as err:
            what = f"{order.repo} at {order.commit} cannot be loaded"
            self._fail(order, f"{what}: {type(err).__name__}: {err}")

    def _load(self, order: LoadOrder) -> None:
        began = time.monotonic()

        def say(fraction: float, size: int) -> None:
            spent = time.monotonic() - began
            left = spent * (1 - fraction) / fraction if fraction else 0.0
            self._say(
                LoadStep(number=order.number, fraction=fraction, bytes=size, seconds_left=left)
            )

        say(0.0, 0)
        folder = find_weights(
            order.repo, order.commit, models_dir=order.models_dir, offline=order.offline
        )
        size = weigh(folder)
        say(0.1, 0)
        _import_libraries(folder)
        self._say(MayRead(number=order.number))
        answer = self._take()
        if answer != GoAhead(number=order.number):
            self._next.append(answer)
            return
        model, tokenizer = _read(folder, order.arguments.dtype)
        say(0.9, size)
        _try(model, tokenizer)
        self._model = (model, tokenizer)
        say(1.0, size)

    def _drop(self) -> None:
        self._model = None
        # Modules refer to each other in circles.
        gc.collect()

    def _fail(self, order: LoadOrder, text: str, *, not_found: bool = False) -> None:
        self._drop()
        self._say(LoadFailed(number=order.number, not_found=not_found, text=text))

    def _take(self) -> Order | None:
        return self._next.popleft() if self._next else self._inbox.get()

    def _say(self, message: Said) -> None:
        self._service.send(message)


def main() -> None:
    """Hold models until the service hangs up."""
    service = ServicePipe.take_over()
    gate = Gate()
    sys.meta_path.insert(0, gate)
    holder = Holder(service, gate)
    # The end of the service must not wait for a library that loads.
    threading.Thread(target=_end_with, args=(holder,), name="end-with-service").start()
    try:
        holder.run()
    except EOFError:
        pass
    finally:
        os._exit(0)


def _end_with(holder: Holder) -> None:
    holder.read()
    os._exit(0)


def _import_libraries(folder: Path) -> None:
    """Imports all that the checkpoint's model needs, which takes longer than a small one's weights.

    Done before the weights are read, for what is imported stays when the order is taken back.
    """
    transformers = import_module("transformers")
    # Its parts are imported when they are named, and a model's only when its class is.
    for name in ("AutoModelForCausalLM", "AutoTokenizer"):
        getattr(transformers, name)
    config = transformers.AutoConfig.from_pretrained(
        folder, trust_remote_code=False, local_files_only=True
    )
    transformers.MODEL_FOR_CAUSAL_LM_MAPPING.get(type(config), None)


def _device_in_use() -> bool:
    torch = cast(Any, sys.modules.get("torch"))
    return torch is not None and bool(torch.cuda.is_initialized())


def weigh(folder: Path) -> int:
    """Bytes of a checkpoint's weights, whose headers are read: in milliseconds, not minutes.

    Raises:
        ModelFailedError: there are none, or one is damaged.
    """
    from safetensors import SafetensorError, safe_open

    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ModelFailedError(f"no *.safetensors in {folder}")
    for path in files:
        try:
            with cast(Any, safe_open)(path, framework="np"):
                pass
        except SafetensorError as err:
            raise ModelFailedError(f"{path}: {err}") from None
    return sum(path.stat().st_size for path in files)


def _read(folder: Path, dtype: str) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    # Everything is in the folder: nothing may ask the hub, and no code comes from it.
    auto_model, auto_tokenizer = cast(Any, AutoModelForCausalLM), cast(Any, AutoTokenizer)
    tokenizer = auto_tokenizer.from_pretrained(
        folder, trust_remote_code=False, local_files_only=True
    )
    model, report = auto_model.from_pretrained(
        folder,
        output_loading_info=True,
        dtype="auto" if dtype == "auto" else getattr(torch, dtype),
        trust_remote_code=False,
        use_safetensors=True,
        local_files_only=True,
        # accelerate spreads the layers over the GPUs.
        device_map="auto" if torch.cuda.is_available() else None,
    )
    # What fits on no GPU is put where it would be a hundred times slower.
    places = set(map(str, getattr(model, "hf_device_map", {}).values())) & {"cpu", "disk"}
    if places:
        raise ModelFailedError(f"the GPUs are too small: layers would be on {', '.join(places)}")
    # transformers only warns, and serves with random weights in their place.
    wrong = {*report["missing_keys"], *report["mismatched_keys"]}
    if wrong:
        raise ModelFailedError(f"the checkpoint lacks {', '.join(sorted(map(str, wrong))[:4])}")
    return model.eval(), tokenizer


def _try(model: Any, tokenizer: Any) -> None:
    """One token proves that the model runs, which files that merely load do not."""
    import torch

    with torch.inference_mode():
        prompt = tokenizer("ready?", return_tensors="pt").to(model.device)
        model.generate(**prompt, max_new_tokens=1, do_sample=False, pad_token_id=0)


if __name__ == "__main__":
    main()
