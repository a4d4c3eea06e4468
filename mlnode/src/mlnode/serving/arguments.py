"""Arguments of the serving engine: a typed allow-list.

A governance proposal reaches every host's machine through these, so nothing
that changes addresses, keys, paths or what code is trusted is on the list.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from mlnode.serving.errors import ModelRequestError

_DTYPES = ("auto", "float32", "float16", "bfloat16")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelArguments:
    """What a model is loaded with.

    Attributes:
        dtype: element type of the weights, "auto" for the checkpoint's own.
        max_model_len: context window in tokens; 0 for the model's own.
        gpu_memory_utilization: share of the device's memory the engine may take.
        tensor_parallel_size: devices one instance is spread over.
        quantization: kind of quantised weights; empty for none.
        kv_cache_dtype: element type of the cache, "auto" for the weights' own.
        enforce_eager: never capture graphs.
    """

    dtype: str = "auto"
    max_model_len: int = 0
    gpu_memory_utilization: float = 0.9
    tensor_parallel_size: int = 1
    quantization: str = ""
    kv_cache_dtype: str = "auto"
    enforce_eager: bool = False


def _one_of(*values: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in values:
            raise ValueError(f"one of {', '.join(values)}")
        return text

    return parse


def _between(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isdigit() or not low <= int(text) <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(text)

    return parse


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise ValueError("above 0 and at most 1")
    return value


_PARSERS: dict[str, Callable[[str], object]] = {
    "dtype": _one_of(*_DTYPES),
    "max-model-len": _between(16, 1 << 24),
    "gpu-memory-utilization": _share,
    "tensor-parallel-size": _between(1, 64),
    "quantization": _one_of("fp8", "awq", "gptq", "int8", "none"),
    "kv-cache-dtype": _one_of("auto", "fp8"),
}
_FLAGS = frozenset({"enforce-eager"})


def parse_arguments(args: Sequence[str]) -> ModelArguments:
    """Parse `--name value`, `--name=value` and flags.

    Raises:
        ModelRequestError: naming the argument and what would be right.
    """
    values: dict[str, object] = {}
    words = list(args)
    while words:
        word = words.pop(0)
        if not word.startswith("--"):
            raise ModelRequestError(f"argument {word!r} does not begin with --")
        name, sep, value = word[2:].partition("=")
        name = name.replace("_", "-")
        if name in _FLAGS:
            if sep:
                raise ModelRequestError(f"--{name} is a flag and takes no value")
            values[name.replace("-", "_")] = True
            continue
        if name not in _PARSERS:
            allowed = ", ".join(f"--{n}" for n in sorted((*_PARSERS, *_FLAGS)))
            raise ModelRequestError(f"--{name} is not allowed; allowed are {allowed}")
        if not sep:
            if not words:
                raise ModelRequestError(f"--{name} needs a value")
            value = words.pop(0)
        try:
            values[name.replace("-", "_")] = _PARSERS[name](value)
        except ValueError as err:
            raise ModelRequestError(f"--{name} is {value!r}; it is {err}") from None
    # Each value came out of the parser of its field.
    return ModelArguments(**cast(dict[str, Any], values))
