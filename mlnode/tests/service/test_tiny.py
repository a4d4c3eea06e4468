"""The tiny models made by script, and the arguments that models are loaded with."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mlnode.serving.arguments import ModelArguments, parse_arguments
from mlnode.serving.tiny import TINY_MODELS, make_tiny_models

LLAMA = TINY_MODELS[0]


@pytest.fixture(scope="module")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all tiny models."""
    folder = tmp_path_factory.mktemp("models")
    make_tiny_models(folder)
    return folder


def test_the_same_names_always_give_the_same_bytes(models_dir: Path, tmp_path: Path) -> None:
    make_tiny_models(tmp_path)
    files = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    assert len(files) == 5 * len(TINY_MODELS)
    for file in files:
        assert (tmp_path / file).read_bytes() == (models_dir / file).read_bytes()
    weights = tmp_path / LLAMA.repo / LLAMA.commit / "model.safetensors"
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    assert digest == "8581cf02194611a0242a9bc0662683c4e205c1197ba7b32efa11effb4fbaa2c5"


def test_every_file_is_as_open_as_the_umask_allows(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        make_tiny_models(tmp_path)
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.rglob("*.*")}
    assert modes["model.safetensors"] == modes["config.json"] == 0o644


def test_a_model_that_is_there_is_not_made_again(models_dir: Path) -> None:
    weights = models_dir / LLAMA.repo / LLAMA.commit / "model.safetensors"
    before = weights.stat().st_mtime_ns
    make_tiny_models(models_dir)
    assert weights.stat().st_mtime_ns == before


@pytest.mark.long
@pytest.mark.parametrize("model", TINY_MODELS, ids=lambda model: model.model_type)
def test_transformers_reads_every_tensor_and_speaks(models_dir: Path, model: Any) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = models_dir / model.repo / model.commit
    loaded, report = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    assert not any(report[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    assert type(loaded).__name__ == model.architecture
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer.decode(tokenizer("héllo\n")["input_ids"]) == "héllo\n"
    chat = [{"role": "user", "content": "hi"}]
    text = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    assert text == "user: hi\nassistant: "


def test_arguments_may_be_written_in_every_usual_way() -> None:
    for args in (["--max-model-len", "512"], ["--max-model-len=512"], ["--max_model_len=512"]):
        assert parse_arguments(args) == ModelArguments(max_model_len=512)
    assert parse_arguments(["--enforce-eager", "--dtype", "bfloat16"]) == ModelArguments(
        enforce_eager=True, dtype="bfloat16"
    )


READ = """
import sys
from pathlib import Path
from mlnode.serving import engine

folder = Path(sys.argv[1])
engine._import_libraries(folder)
before = set(sys.modules)
engine._try(*engine._read(folder, "auto"))
print(*sorted(set(sys.modules) - before))
"""


def test_a_models_code_is_imported_before_its_weights_are_read(models_dir: Path) -> None:
    """Up to there the process survives that its order is taken back, and the imports with it."""
    folder = models_dir / LLAMA.repo / LLAMA.commit
    done = subprocess.run(
        [sys.executable, "-c", READ, folder], capture_output=True, text=True, check=True
    )
    late = done.stdout.split()
    assert len(late) < 30, late
    assert not [name for name in late if name.startswith("transformers.models")]
