"""Two small decoders that have learnt something, for experiments with the served kind.

A random model cannot show what training does to a proof, and no weights are downloaded: these
are trained on the text of this repository, one shaped as Qwen3 and one as Llama. The same text,
seed and versions give the same weights on one machine; they are a cache, not an artefact.
"""

# PyTorch's and Transformers' own types are unknown in places.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import hashlib
import json
import math
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from mlnode.poc.arrays import U8

HELD_OUT = 0.1
"""Share of the text that is not trained on: every tenth block."""

_BLOCK = 4_096
_TEXT = ("*.md", "*.proto", "*.py", "*.go", "LICENSE")
_FOLDERS = ("docs", "proto", "mlnode/src", "simulation/src", "inference-chain", "decentralized-api")
_GENERATED = (".pb.go", ".pb.gw.go", "_pb2.py", "_pb2_grpc.py")
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that a trained model is a function of, but for the text.

    Attributes:
        model_type: of Transformers, "qwen3" or "llama".
        tied: whether the head is the embedding.
        steps, batch, context: steps of training, sequences of a step, bytes of a sequence.
        rate: peak learning rate of embedding, last norm and head.
        layer_rate: the same of the layers, as a share of it.
        gain: of the layers' norms before training. With both small, what a layer adds stays
            small beside an embedding of length one, and the model shows little of the effect.
        seed: of weights and of the order of the text.
    """

    model_type: str
    tied: bool
    hidden: int = 256
    ffn: int = 640
    layers: int = 4
    heads: int = 4
    kv_heads: int = 2
    steps: int = 400
    batch: int = 8
    context: int = 80
    rate: float = 3e-3
    layer_rate: float = 1.0
    gain: float = 1.0
    seed: int = 1

    @property
    def repo(self) -> str:
        """Name of the model, "owner/name"."""
        return f"ninefold/trained-{self.model_type}"


RECIPES = (Recipe(model_type="qwen3", tied=True), Recipe(model_type="llama", tied=False))
"""The two models of the experiment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A model that has been trained.

    Attributes:
        repo: name, "owner/name".
        folder: checkpoint for Transformers.
        parameters: how many.
        cross_entropy: of held-out bytes, in nats.
        unigram: the same of a model that knows the frequency of each byte alone.
    """

    repo: str
    folder: Path
    parameters: int
    cross_entropy: float
    unigram: float


def repository_text(root: Path) -> U8:
    """Returns the text of a checkout, uint8: documents, schemas and sources, in order of path.

    Raises:
        OSError: there is none, or it cannot be read.
    """
    paths = {path for folder in _FOLDERS for kind in _TEXT for path in (root / folder).rglob(kind)}
    paths |= {path for kind in _TEXT for path in root.glob(kind)}
    chosen = sorted(p for p in paths if not p.name.endswith(_GENERATED))
    if not chosen:
        raise FileNotFoundError(f"{root} is no checkout: it holds no text to learn")
    return np.frombuffer(b"\n".join(path.read_bytes() for path in chosen), np.uint8)


def split_text(text_N: U8) -> tuple[U8, U8]:
    """Returns what is trained on, and the tenth that is held out."""
    blocks = [text_N[first : first + _BLOCK] for first in range(0, len(text_N), _BLOCK)]
    every = round(1 / HELD_OUT)
    kept = [block for i, block in enumerate(blocks) if i % every]
    held = [block for i, block in enumerate(blocks) if not i % every]
    return np.concatenate(kept), np.concatenate(held)


def unigram_entropy(train_N: U8, held_N: U8) -> float:
    """Returns the nats a byte that the frequencies of the one text give on the other."""
    counts = np.bincount(train_N, minlength=256) + 1.0
    return float(-np.log(counts / counts.sum())[held_N].mean())


def make_trained_models(
    folder: Path, root: Path, *, recipes: tuple[Recipe, ...] = RECIPES, say: Say = print
) -> list[Trained]:
    """Trains every model that is not there yet, below folder/OWNER/NAME/COMMIT.

    Args:
        folder: cache.
        root: checkout whose text is learnt.
        say: hears of the progress.

    Raises:
        OSError: there is no text, or the folder does not take files.
    """
    text_N = repository_text(root)
    return [_made(recipe, folder, text_N, say) for recipe in recipes]


def _made(recipe: Recipe, folder: Path, text_N: U8, say: Say) -> Trained:
    origin = json.dumps(asdict(recipe)).encode() + hashlib.sha256(text_N.data).digest()
    place = folder / recipe.repo / hashlib.sha256(origin).hexdigest()[:40]
    report = place / "training.json"
    if not report.is_file():
        new = place.with_name(f"{place.name}.new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        result = train(recipe, text_N, new, say)
        (new / report.name).write_text(json.dumps(result, indent=1) + "\n", "utf-8")
        shutil.rmtree(place, ignore_errors=True)
        # Whole or not at all.
        new.rename(place)
    return Trained(repo=recipe.repo, folder=place, **json.loads(report.read_text("utf-8")))


def train(recipe: Recipe, text_N: U8, folder: Path, say: Say) -> dict[str, Any]:
    """Trains one model, writes its checkpoint, and returns what came of it."""
    train_N, held_N = split_text(text_N)
    unigram = unigram_entropy(train_N, held_N)
    generator = torch.Generator().manual_seed(recipe.seed)
    model = new_model(recipe, generator)
    settle(model, recipe, generator)
    optimizer, peaks = _optimizer(model, recipe)
    model.train()
    for step, batch_BS in enumerate(_batches(recipe, train_N, generator)):
        for group, peak in zip(optimizer.param_groups, peaks, strict=True):
            group["lr"] = peak * _schedule(step / recipe.steps)
        loss = _loss(model, batch_BS)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 50 == 0:
            say(f"{recipe.repo}: step {step} of {recipe.steps}, {float(loss.detach()):.3f} nats")
    model.eval()
    held = cross_entropy(model, held_N, recipe.context)
    say(f"{recipe.repo}: {held:.3f} nats held out, unigram {unigram:.3f}")
    cast(Any, model).save_pretrained(folder)
    # Weights are written for their owner alone; another user may run the service.
    shutil.copymode(folder / "config.json", folder / "model.safetensors")
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "cross_entropy": held,
        "unigram": unigram,
    }


def new_model(recipe: Recipe, generator: torch.Generator) -> nn.Module:
    """Returns the model before training: normal weights, norms one."""
    import transformers

    config = transformers.AutoConfig.for_model(
        recipe.model_type,
        vocab_size=256,
        hidden_size=recipe.hidden,
        intermediate_size=recipe.ffn,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.kv_heads,
        head_dim=recipe.hidden // recipe.heads,
        max_position_embeddings=512,
        tie_word_embeddings=recipe.tied,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=None,
    )
    model = cast(nn.Module, cast(Any, transformers).AutoModelForCausalLM.from_config(config))
    randomise(model, generator)
    return model


def settle(model: nn.Module, recipe: Recipe, generator: torch.Generator) -> None:
    """Makes embeddings of length one, and what layers add to them small, before training."""
    with torch.no_grad():
        embedding = cast(nn.Embedding, cast(Any, model).get_input_embeddings())
        nn.init.normal_(embedding.weight, 0.0, recipe.hidden**-0.5, generator=generator)
        for name, parameter in model.named_parameters():
            if name.endswith("layernorm.weight"):
                parameter.fill_(recipe.gain)
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                parameter.mul_((2 * recipe.layers) ** -0.5)


def randomise(model: nn.Module, generator: torch.Generator) -> None:
    """Sets matrices to normal deviates as before training, and leaves norms as they are."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, 0.0, 0.02, generator=generator)


def cross_entropy(model: nn.Module, held_N: U8, context: int) -> float:
    """Returns the nats a byte on held-out text, each byte but the first of a sequence."""
    whole = len(held_N) // context
    rows = torch.as_tensor(held_N[: whole * context].astype(np.int64)).view(whole, context)
    total = 0.0
    with torch.inference_mode():
        for part_BS in rows.split(32):
            total += float(_loss(model, part_BS)) * len(part_BS)
    return total / whole


def _optimizer(model: nn.Module, recipe: Recipe) -> tuple[torch.optim.AdamW, tuple[float, ...]]:
    """Returns the optimiser and the peak rate of each of its groups."""
    inside = [p for name, p in model.named_parameters() if ".layers." in name]
    outside = [p for name, p in model.named_parameters() if ".layers." not in name]
    groups = [{"params": inside}, {"params": outside}]
    made = torch.optim.AdamW(groups, lr=recipe.rate, betas=(0.9, 0.95), weight_decay=0.1)
    return made, (recipe.rate * recipe.layer_rate, recipe.rate)


def _loss(model: nn.Module, batch_BS: Tensor) -> Tensor:
    logits = cast(Tensor, model(input_ids=batch_BS, use_cache=False).logits)
    return nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), batch_BS[:, 1:].flatten())


def _batches(recipe: Recipe, train_N: U8, generator: torch.Generator) -> Iterator[Tensor]:
    text_N = torch.as_tensor(train_N.astype(np.int64))
    spread = torch.arange(recipe.context)
    for _ in range(recipe.steps):
        last = len(text_N) - recipe.context
        first_B = torch.randint(last, (recipe.batch,), generator=generator)
        yield text_N[first_B[:, None] + spread]


def _schedule(done: float) -> float:
    """Returns the share of the peak rate: up over the first twentieth, then down a cosine."""
    return min(done * 20 + 0.05, 0.5 + 0.5 * math.cos(math.pi * done))


def quick(recipe: Recipe) -> Recipe:
    """Returns a recipe that takes a second, for tests of what handles models."""
    return replace(recipe, hidden=64, ffn=96, layers=2, heads=2, kv_heads=1, steps=3, context=32)
