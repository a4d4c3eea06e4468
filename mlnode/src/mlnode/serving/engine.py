"""The process that holds a model, with `transformers` (``python -m``, by the host)."""

import os
import threading
import time
from pathlib import Path
from typing import Any, cast

from mlnode.service.pipe import ServicePipe
from mlnode.serving.errors import ModelFailedError, ModelNotFoundError
from mlnode.serving.messages import LoadFailed, LoadOrder, LoadStep
from mlnode.serving.weights import find_weights


def main() -> None:
    """Load what is ordered, say how far, then stay until the service hangs up."""
    service = ServicePipe.take_over()
    order = cast(LoadOrder, service.receive())
    # Loading blocks for minutes in libraries; the end of the service must not wait for it.
    threading.Thread(target=_end_with, args=(service,), name="end-with-service").start()
    try:
        model = _load(order, service)
    except EOFError:
        return
    except ModelNotFoundError as err:
        service.send(LoadFailed(not_found=True, text=str(err)))
    except ModelFailedError as err:
        service.send(LoadFailed(not_found=False, text=str(err)))
    except Exception as err:
        text = f"{order.repo} at {order.commit} cannot be loaded: {type(err).__name__}: {err}"
        service.send(LoadFailed(not_found=False, text=text))
    else:
        # The thread keeps the process, and this name the model, until the pipe ends.
        threading.Event().wait()
        del model


def _end_with(service: ServicePipe) -> None:
    while True:
        try:
            service.receive()
        except EOFError:
            os._exit(0)


def _load(order: LoadOrder, service: ServicePipe) -> object:
    began = time.monotonic()

    def say(fraction: float, size: int) -> None:
        spent = time.monotonic() - began
        left = spent * (1 - fraction) / fraction if fraction else 0.0
        service.send(LoadStep(fraction=fraction, bytes=size, seconds_left=left))

    say(0.0, 0)
    folder = find_weights(
        order.repo, order.commit, models_dir=order.models_dir, offline=order.offline
    )
    size = weigh(folder)
    # From here on everything is in the folder: nothing may ask the hub.
    os.environ["HF_HUB_OFFLINE"] = "1"
    say(0.1, 0)
    model, tokenizer = _read(folder, order.arguments.dtype)
    say(0.9, size)
    _try(model, tokenizer)
    say(1.0, size)
    return model, tokenizer


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

    auto_model, auto_tokenizer = cast(Any, AutoModelForCausalLM), cast(Any, AutoTokenizer)
    tokenizer = auto_tokenizer.from_pretrained(folder, trust_remote_code=False)
    model, report = auto_model.from_pretrained(
        folder,
        output_loading_info=True,
        dtype="auto" if dtype == "auto" else getattr(torch, dtype),
        trust_remote_code=False,
        use_safetensors=True,
        local_files_only=True,
    )
    # transformers only warns, and serves with random weights in their place.
    wrong = {*report["missing_keys"], *report["mismatched_keys"]}
    if wrong:
        raise ModelFailedError(f"the checkpoint lacks {', '.join(sorted(map(str, wrong))[:4])}")
    return model.eval(), tokenizer


def _try(model: Any, tokenizer: Any) -> None:
    """One token proves that the model runs, which files that merely load do not."""
    import torch

    with torch.inference_mode():
        prompt = tokenizer("ready?", return_tensors="pt")
        model.generate(**prompt, max_new_tokens=1, do_sample=False, pad_token_id=0)


if __name__ == "__main__":
    main()
