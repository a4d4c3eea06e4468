"""What breaks up a trained model's habits during a round (docs/spec/poc-served.md, "Layers").

A trained model sends random inputs into few directions, so that all nonces of a round would
lie near the target or all far from it. During a round every decoder layer's output is brought
to length one and mirrored in a plane that the block hash chooses, layer by layer.

Axes: any leading axes, D width.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn

from mlnode.poc.errors import EngineError
from mlnode.poc.served.gpu_random import unit_vector

EPS = 1e-8
"""Added to a length before it divides."""

_LISTS = ("layers", "h", "blocks")

Transform = Callable[[Tensor], Tensor]
"""What is done to a hidden state, [..., D] to [..., D]."""


class LayersNotFoundError(EngineError):
    """The model has no list of decoder layers that we know of."""


def normalise(x_D: Tensor) -> Tensor:
    """Returns x on the unit sphere, in the type of x; lengths are taken in float32."""
    wide_D = x_D.to(torch.float32)
    length = torch.sqrt((wide_D * wide_D).sum(dim=-1, keepdim=True))
    return (wide_D / (length + EPS)).to(x_D.dtype)


def householder(x_D: Tensor, v_D: Tensor) -> Tensor:
    """Returns the reflection x − 2(v·x)v, in the type of x.

    Args:
        v_D: unit vector [D], float32.
    """
    wide_D = x_D.to(torch.float32)
    along = (wide_D * v_D).sum(dim=-1, keepdim=True)
    return (wide_D - 2 * along * v_D).to(x_D.dtype)


def reflection(block_hash: str, layer: int, width: int, device: torch.device) -> Tensor:
    """Returns the normal v of a layer's mirror, a unit vector [D] in float32."""
    return unit_vector(f"{block_hash}_layer_{layer}_householder", width, device, torch.float32)


def decoder_layers(model: nn.Module) -> Sequence[nn.Module]:
    """Returns a decoder's layers in order.

    Raises:
        LayersNotFoundError: none of the places where decoders keep them holds any.
    """
    # The longest list of modules called so: vision towers and adapters have shorter ones.
    places = cast(Iterator[tuple[str, nn.Module]], model.named_modules())
    lists = [
        module
        for name, module in places
        if isinstance(module, nn.ModuleList) and name.rpartition(".")[2] in _LISTS
    ]
    if not lists or not len(longest := max(lists, key=len)):
        raise LayersNotFoundError(f"{type(model).__name__} has no decoder layers that we know of")
    return list(longest)


def transformed(output: object, transform: Transform) -> object:
    """Returns a layer's output with its hidden state, and residual where it has one, changed.

    A layer returns the hidden state, or a tuple that begins with it. In vLLM a residual that
    has not been added yet comes second; in Hugging Face's older decoders, weights or caches.

    Raises:
        EngineError: it returns something else.
    """
    if isinstance(output, Tensor):
        return transform(output)
    if isinstance(output, tuple) and output:
        first, *rest = cast(tuple[object, ...], output)
        if isinstance(first, Tensor):
            second = rest[0] if rest else None
            if isinstance(second, Tensor) and second.shape == first.shape:
                return (transform(first), transform(second), *rest[1:])
            return (transform(first), *rest)
    kind = type(cast(object, output)).__name__
    raise EngineError(f"a layer returns {kind}, not a hidden state")


@contextmanager
def hooked(layers: Sequence[nn.Module], transforms: Sequence[Transform]) -> Generator[None]:
    """Changes the output of each layer by its transform until the block ends, however it ends.

    Raises:
        ValueError: there is not one transform for each layer.
    """
    with ExitStack() as stack:
        for layer, transform in zip(layers, transforms, strict=True):
            stack.callback(layer.register_forward_hook(_hook(transform)).remove)
        yield


@contextmanager
def layer_hooks(
    layers: Sequence[nn.Module], block_hash: str, width: int, device: torch.device
) -> Generator[None]:
    """Normalises and reflects the output of every layer until the block ends."""
    transforms = [
        reflecting(reflection(block_hash, index, width, device)) for index in range(len(layers))
    ]
    with hooked(layers, transforms):
        yield


def reflecting(v_D: Tensor) -> Transform:
    """Returns what brings a hidden state to length one and mirrors it.

    Layers may lie on different devices; the vector follows, once for each.
    """
    there = {v_D.device: v_D}

    def transform(x_D: Tensor) -> Tensor:
        if x_D.device not in there:
            there[x_D.device] = v_D.to(x_D.device)
        return householder(normalise(x_D), there[x_D.device])

    return transform


def _hook(transform: Transform) -> Callable[[nn.Module, Any, Any], object]:
    def hook(_: nn.Module, __: Any, output: Any) -> object:
        return transformed(output, transform)

    return hook
