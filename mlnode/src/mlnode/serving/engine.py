"""The process that holds a model, with `transformers`."""

import contextlib
import signal
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from mlnode.serving.arguments import ModelArguments


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadStep:
    """How far a model is loaded: fraction 0 … 1, bytes in place, seconds left."""

    fraction: float
    bytes: int
    seconds_left: float = 0.0


def run_engine(folder: Path, arguments: ModelArguments, pipe: Connection) -> None:
    """Entry point of the process: load, say how far, then stay until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        held = _load(folder, arguments, pipe)
    except (EOFError, BrokenPipeError):
        return
    except Exception as err:
        with contextlib.suppress(OSError):
            pipe.send(f"{folder.parent.name} cannot be loaded: {err}")
        return
    with contextlib.suppress(EOFError, OSError):
        pipe.recv()
    del held


def _load(folder: Path, arguments: ModelArguments, pipe: Connection) -> object:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    size = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    pipe.send(LoadStep(fraction=0.0, bytes=0))
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    dtype = "auto" if arguments.dtype == "auto" else getattr(torch, arguments.dtype)
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=dtype, trust_remote_code=False, local_files_only=True
    )
    model.eval()
    pipe.send(LoadStep(fraction=0.9, bytes=size))
    # One token proves that the model runs, which files that merely load do not.
    with torch.inference_mode():
        prompt = tokenizer("ready?", return_tensors="pt")
        model.generate(**prompt, max_new_tokens=1, do_sample=False, pad_token_id=0)
    pipe.send(LoadStep(fraction=1.0, bytes=size))
    return model, tokenizer
