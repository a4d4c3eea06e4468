"""Makes tiny decoders with random weights, so that a laptop can run the whole network.

Their text is noise; everything else about them is real: configuration,
tokenizer, safetensors, loading through `transformers`. The same name always
gives the same bytes.
"""

import shutil
from pathlib import Path
from typing import Any, cast

TINY_COMMITS = {
    "ninefold/tiny-llama": "0000000000000000000000000000000000000001",
    "ninefold/tiny-qwen": "0000000000000000000000000000000000000002",
    "ninefold/tiny-mistral": "0000000000000000000000000000000000000003",
}
"""Repositories this module makes, with the commit each stands under."""

_FAMILIES = {"tiny-llama": "Llama", "tiny-qwen": "Qwen3", "tiny-mistral": "Mistral"}

_CHAT_TEMPLATE = (
    "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)


def make_tiny_models(models_dir: Path) -> list[Path]:
    """Make every tiny model that is not there yet; returns their folders."""
    folders: list[Path] = []
    for repo, commit in TINY_COMMITS.items():
        folder = models_dir / repo / commit
        if not (folder / "config.json").is_file():
            _make(repo, folder)
        folders.append(folder)
    return folders


def _make(repo: str, folder: Path) -> None:
    import torch
    import transformers

    # transformers is typed in part, and not where classes are looked up.
    classes = cast(Any, transformers)
    name = repo.partition("/")[2]
    shape = {
        "vocab_size": 260,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "bos_token_id": 256,
        "eos_token_id": 257,
        "pad_token_id": 258,
    }
    family = _FAMILIES[name]
    config = getattr(classes, f"{family}Config")(**shape)
    generators = cast(Any, torch).random
    with generators.fork_rng():
        generators.manual_seed(int(TINY_COMMITS[repo], 16))
        model = getattr(classes, f"{family}ForCausalLM")(config)
    # Beside its place first: a folder that is there is a whole one.
    new = folder.with_name(f"{folder.name}.new")
    new.mkdir(parents=True, exist_ok=True)
    _write_tokenizer(new)
    model.save_pretrained(new)
    # What is there was not finished by whoever began it.
    shutil.rmtree(folder, ignore_errors=True)
    new.rename(folder)


def _write_tokenizer(folder: Path) -> None:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast as Tokenization

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: i for i, letter in enumerate(letters)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = cast(Any, Tokenization)(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = _CHAT_TEMPLATE
    fast.save_pretrained(folder)
