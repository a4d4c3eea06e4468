"""Makes tiny decoders with random weights, so that a laptop can run the whole network.

Their text is noise; everything else about them is real: configuration,
tokenizer, safetensors, loading through `transformers`. The same name always
gives the same bytes. They are written without PyTorch, which alone takes
longer to import than all of them to make.
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class TinyModel:
    """A decoder to make: where it is found, and which architecture it is of."""

    repo: str
    commit: str
    model_type: str
    architecture: str


TINY_MODELS = (
    TinyModel(
        repo="ninefold/tiny-llama",
        commit=f"{1:040x}",
        model_type="llama",
        architecture="LlamaForCausalLM",
    ),
    TinyModel(
        repo="ninefold/tiny-qwen",
        commit=f"{2:040x}",
        model_type="qwen3",
        architecture="Qwen3ForCausalLM",
    ),
    TinyModel(
        repo="ninefold/tiny-mistral",
        commit=f"{3:040x}",
        model_type="mistral",
        architecture="MistralForCausalLM",
    ),
)
"""Every model this module makes."""

_DIM, _FFN, _LAYERS, _HEADS, _KV_HEADS, _HEAD_DIM = 64, 128, 2, 4, 2, 16
_CONTEXT = 512
_BYTES = 256
_SPECIAL = ("<s>", "</s>", "<pad>", "<unk>")
_VOCAB = _BYTES + len(_SPECIAL)
_CHAT_TEMPLATE = (
    "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)


def make_tiny_models(models_dir: Path) -> list[Path]:
    """Make every tiny model that is not there yet; returns their folders."""
    folders: list[Path] = []
    for model in TINY_MODELS:
        folder = models_dir / model.repo / model.commit
        if not (folder / "config.json").is_file():
            _make(model, folder)
        folders.append(folder)
    return folders


def _make(model: TinyModel, folder: Path) -> None:
    from safetensors import numpy as safetensors

    # Beside its place first: a folder that is there is a whole one.
    new = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    _write(new / "config.json", _config(model))
    _write(
        new / "generation_config.json",
        {"bos_token_id": _BYTES, "eos_token_id": _BYTES + 1, "pad_token_id": _BYTES + 2},
    )
    _write_tokenizer(new)
    # Its own writer of files lets nobody but their owner read them, whatever the umask.
    packed = cast(Any, safetensors).save(_weights(model), metadata={"format": "pt"})
    (new / "model.safetensors").write_bytes(packed)
    shutil.rmtree(folder, ignore_errors=True)
    new.rename(folder)


def _config(model: TinyModel) -> dict[str, object]:
    return {
        "architectures": [model.architecture],
        "model_type": model.model_type,
        "dtype": "float32",
        "vocab_size": _VOCAB,
        "hidden_size": _DIM,
        "intermediate_size": _FFN,
        "num_hidden_layers": _LAYERS,
        "num_attention_heads": _HEADS,
        "num_key_value_heads": _KV_HEADS,
        "head_dim": _HEAD_DIM,
        "max_position_embeddings": _CONTEXT,
        "tie_word_embeddings": False,
        "bos_token_id": _BYTES,
        "eos_token_id": _BYTES + 1,
        "pad_token_id": _BYTES + 2,
    }


def _weights(model: TinyModel) -> dict[str, F32]:
    """Weights by the names of the checkpoint, drawn one after the other; norms are one."""
    generator = np.random.default_rng(int(model.commit, 16))

    def drawn(*shape: int) -> F32:
        return generator.standard_normal(shape, np.float32) * np.float32(0.02)

    def ones(size: int) -> F32:
        return np.ones(size, np.float32)

    tensors = {"model.embed_tokens.weight": drawn(_VOCAB, _DIM)}
    for index in range(_LAYERS):
        layer = f"model.layers.{index}"
        tensors |= {
            f"{layer}.self_attn.q_proj.weight": drawn(_HEADS * _HEAD_DIM, _DIM),
            f"{layer}.self_attn.k_proj.weight": drawn(_KV_HEADS * _HEAD_DIM, _DIM),
            f"{layer}.self_attn.v_proj.weight": drawn(_KV_HEADS * _HEAD_DIM, _DIM),
            f"{layer}.self_attn.o_proj.weight": drawn(_DIM, _HEADS * _HEAD_DIM),
            f"{layer}.mlp.gate_proj.weight": drawn(_FFN, _DIM),
            f"{layer}.mlp.up_proj.weight": drawn(_FFN, _DIM),
            f"{layer}.mlp.down_proj.weight": drawn(_DIM, _FFN),
            f"{layer}.input_layernorm.weight": ones(_DIM),
            f"{layer}.post_attention_layernorm.weight": ones(_DIM),
        }
        if model.model_type == "qwen3":
            tensors[f"{layer}.self_attn.q_norm.weight"] = ones(_HEAD_DIM)
            tensors[f"{layer}.self_attn.k_norm.weight"] = ones(_HEAD_DIM)
    tensors["model.norm.weight"] = ones(_DIM)
    tensors["lm_head.weight"] = drawn(_VOCAB, _DIM)
    return tensors


def _write_tokenizer(folder: Path) -> None:
    """One token for each byte, and four special ones."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: i for i, letter in enumerate(letters)}
    # The package is typed in part.
    tokenizer = cast(Any, Tokenizer(models.BPE(vocab=vocabulary, merges=[])))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(text, special=True) for text in _SPECIAL])
    tokenizer.save(str(folder / "tokenizer.json"))
    bos, eos, pad, unknown = _SPECIAL
    _write(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": bos,
            "eos_token": eos,
            "pad_token": pad,
            "unk_token": unknown,
            "model_max_length": _CONTEXT,
            "clean_up_tokenization_spaces": False,
            "chat_template": _CHAT_TEMPLATE,
        },
    )


def _write(path: Path, content: dict[str, object]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n")
