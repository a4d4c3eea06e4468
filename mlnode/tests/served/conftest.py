"""Tiny decoders with random weights: what is done to a model does not depend on its size."""

from dataclasses import replace
from typing import Any

import pytest
import torch
import transformers
from torch import nn

from mlnode.bench.trained import RECIPES, new_model, quick, randomise
from mlnode.poc.params import MODEL_PARAMS_TEST
from mlnode.poc.rounds import Round, new_round

# Three ways of building a decoder beside the two of the experiment: other names, a tuple or a
# tensor as a layer's output, learnt positions, sliding windows.
OTHERS: dict[str, dict[str, Any]] = {
    "gpt2": {"n_embd": 48, "n_layer": 2, "n_head": 2, "n_positions": 64},
    "mistral": {
        "hidden_size": 48, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 2, "num_key_value_heads": 1, "sliding_window": 8,
    },
    "gemma2": {
        "hidden_size": 48, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 24,
    },
}  # fmt: skip
KINDS = ("qwen3", "llama", *OTHERS)


def make(kind: str) -> nn.Module:
    """A decoder of a kind, the same each time."""
    generator = torch.Generator().manual_seed(3)
    for recipe in RECIPES:
        if recipe.model_type == kind:
            tied = kind == "qwen3"
            return new_model(replace(quick(recipe), tied=tied), generator).eval()
    config = transformers.AutoConfig.for_model(
        kind, vocab_size=256, bos_token_id=0, eos_token_id=0, pad_token_id=0, **OTHERS[kind]
    )
    model = transformers.AutoModelForCausalLM.from_config(config)
    randomise(model, generator)
    return model.eval()


@pytest.fixture(params=KINDS, scope="session")
def model(request: pytest.FixtureRequest) -> nn.Module:
    """A decoder of each kind in turn."""
    return make(request.param)


@pytest.fixture(scope="session")
def qwen() -> nn.Module:
    """One whose head is its embedding."""
    return make("qwen3")


@pytest.fixture(scope="session")
def served_round() -> Round:
    """A round through a model, of 32 positions."""
    return new_round(
        kind="SERVED_MODEL",
        model_id="ninefold/tiny",
        block_hash="5a" * 32,
        public_key=b"\x01" * 20,
        params=MODEL_PARAMS_TEST,
    )
