"""Hooks change a round's forward pass, and nothing behind it."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mlnode.poc.errors import EngineError
from mlnode.poc.served.layer_hooks import (
    LayersNotFoundError,
    decoder_layers,
    hooked,
    householder,
    layer_hooks,
    normalise,
    reflection,
    transformed,
)
from mlnode.poc.served.models import decoder, hidden_width, last_hidden

BLOCK = "c3" * 32
CPU = torch.device("cpu")


def embeddings(model: nn.Module, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(3, 12, hidden_width(model), generator=generator)


def served(model: Any) -> Tensor:
    """What a user is answered: logits of some tokens."""
    with torch.inference_mode():
        return model(input_ids=torch.arange(40).view(2, 20), use_cache=False).logits


def test_a_hidden_state_is_brought_to_length_one() -> None:
    x = torch.randn(4, 5, 33) * torch.tensor([1e-3, 1.0, 1e3, 5.0, 7.0])[None, :, None]
    # ε of 10⁻⁸ moves a length of 6·10⁻³ by 2·10⁻⁶ of it.
    assert torch.allclose(normalise(x).norm(dim=-1), torch.ones(4, 5), atol=1e-5)
    assert torch.equal(normalise(torch.zeros(2, 8)), torch.zeros(2, 8))
    assert normalise(x.to(torch.bfloat16)).dtype == torch.bfloat16


def test_a_reflection_keeps_lengths_and_undoes_itself() -> None:
    v = reflection(BLOCK, 3, 65, CPU)
    x = torch.randn(4, 65)
    mirrored = householder(x, v)
    assert torch.allclose(mirrored.norm(dim=-1), x.norm(dim=-1), rtol=1e-5)
    assert torch.allclose(householder(mirrored, v), x, atol=1e-5)
    assert torch.allclose(mirrored @ v, -(x @ v), atol=1e-5)
    assert torch.allclose(householder(v, v), -v, atol=1e-6)


def test_mirrors_differ_by_layer_and_block_hash() -> None:
    vectors = [
        reflection(block, layer, 1024, CPU) for block in (BLOCK, "c4" * 32) for layer in range(3)
    ]
    cosines = np.abs(np.corrcoef(torch.stack(vectors).numpy()) - np.eye(6))
    # Random directions: 1/√1024 = 0.031.
    assert cosines.max() < 0.16


def test_serving_is_the_same_bits_before_and_after(model: nn.Module) -> None:
    before, x = served(model), embeddings(model)
    base = decoder(model)
    with torch.inference_mode():
        plain = last_hidden(base, x)
        with layer_hooks(decoder_layers(base), BLOCK, hidden_width(model), CPU):
            changed = last_hidden(base, x)
        again = last_hidden(base, x)
    assert not torch.allclose(changed, plain, atol=1e-2)
    assert torch.equal(again, plain)
    assert torch.equal(served(model), before)


def test_hooks_go_when_the_block_fails(qwen: nn.Module) -> None:
    before = served(qwen)
    layers = decoder_layers(qwen)
    with pytest.raises(ZeroDivisionError), layer_hooks(layers, BLOCK, hidden_width(qwen), CPU):
        raise ZeroDivisionError
    assert all(not layer._forward_hooks for layer in layers)
    assert torch.equal(served(qwen), before)


def test_hooks_go_when_a_layer_fails_inside(qwen: nn.Module) -> None:
    before, layers = served(qwen), decoder_layers(qwen)

    def broken(_: Tensor) -> Tensor:
        raise FloatingPointError

    with pytest.raises(FloatingPointError), hooked(layers, [broken] * len(layers)):
        served(qwen)
    assert torch.equal(served(qwen), before)


def test_hooks_see_every_layer_in_order(model: nn.Module) -> None:
    seen: list[int] = []

    def noting(index: int) -> Any:
        def note(x: Tensor) -> Tensor:
            seen.append(index)
            return x

        return note

    layers, before = decoder_layers(model), served(model)
    with hooked(layers, [noting(index) for index in range(len(layers))]):
        assert torch.equal(served(model), before)
    assert seen == list(range(len(layers)))


def test_every_layers_output_has_length_one_in_a_round(model: nn.Module) -> None:
    lengths: list[Tensor] = []
    base, x = decoder(model), embeddings(model)
    layers = decoder_layers(base)
    after = [
        layer.register_forward_pre_hook(
            lambda _, inputs, named: lengths.append(
                (inputs[0] if inputs else named["hidden_states"]).norm(dim=-1)
            ),
            with_kwargs=True,
        )
        for layer in layers[1:]
    ]
    with torch.inference_mode(), layer_hooks(layers, BLOCK, hidden_width(model), CPU):
        last_hidden(base, x)
    for handle in after:
        handle.remove()
    assert len(lengths) == len(layers) - 1
    assert all(torch.allclose(one, torch.ones_like(one), atol=1e-4) for one in lengths)


def test_the_residual_of_a_pair_is_changed_and_what_follows_is_kept() -> None:
    def double(x: Tensor) -> Tensor:
        return 2 * x

    hidden, residual, weights = torch.ones(2, 3), torch.full((2, 3), 5.0), torch.ones(7)
    one, two, rest = transformed((hidden, residual, weights), double)  # type: ignore[misc]
    assert torch.equal(one, 2 * hidden)
    assert torch.equal(two, 2 * residual)
    assert rest is weights
    one, rest = transformed((hidden, weights), double)  # type: ignore[misc]
    assert torch.equal(one, 2 * hidden)
    assert rest is weights
    assert transformed((hidden, None), double)[1] is None  # type: ignore[index]
    assert torch.equal(transformed(hidden, double), 2 * hidden)  # type: ignore[arg-type]


@pytest.mark.parametrize("output", [None, (), (None,), {"hidden": 1}, [torch.ones(2)]])
def test_what_is_no_hidden_state_is_refused(output: object) -> None:
    with pytest.raises(EngineError, match="not a hidden state"):
        transformed(output, normalise)


def test_a_model_without_layers_is_refused() -> None:
    with pytest.raises(LayersNotFoundError, match="Linear has no decoder layers"):
        decoder_layers(nn.Linear(2, 2))
    with pytest.raises(EngineError, match="no decoder apart from its head"):
        decoder(nn.Linear(2, 2))
