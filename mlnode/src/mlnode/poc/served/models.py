"""Decoders that a round of the served kind goes through.

Anything that Transformers loads and that takes embeddings as its input will do.
"""

# Transformers' own types are unknown in places.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from mlnode.poc.errors import EngineError, RoundError

ModelLoader = Callable[[str], nn.Module]
"""(model id) → the causal language model of that name, ready to compute, or a RoundError."""


def model_folder(models_dir: Path, model_id: str) -> Path:
    """Returns the checkpoint "owner/name", or "owner/name@commit" where there are several.

    Raises:
        RoundError: it is not below the folder, or the name leaves it open which one is meant.
    """
    name, _, commit = model_id.partition("@")
    parts = [*name.split("/"), commit or "any"]
    if len(parts) != 3 or any(not part or part.startswith(".") for part in parts):
        raise RoundError("model_id", model_id, "owner/name or owner/name@commit")
    found = sorted(
        path.parent
        for path in (models_dir / name).glob("*/config.json")
        if not commit or path.parent.name == commit
    )
    if len(found) != 1:
        legal = "owner/name@commit, for it has several" if found else f"a model in {models_dir}"
        raise RoundError("model_id", model_id, legal)
    return found[0]


def load_decoder(folder: Path, device: torch.device) -> nn.Module:
    """Returns the causal language model of a checkpoint; nothing is fetched and no code is run."""
    import transformers

    loader = cast(Any, transformers).AutoModelForCausalLM
    model = loader.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    return cast(nn.Module, model).to(device).eval()


def decoder(model: nn.Module) -> nn.Module:
    """Returns the part of a causal language model below its head.

    Raises:
        EngineError: it has no such part.
    """
    base = getattr(model, "base_model", None)
    if not isinstance(base, nn.Module) or base is model:
        raise EngineError(f"{type(model).__name__} has no decoder apart from its head")
    return base


def hidden_width(model: nn.Module) -> int:
    """Returns the width of a model's hidden state."""
    config = cast(Any, model).config
    return int(config.get_text_config().hidden_size)


def last_hidden(base: nn.Module, x_BSD: Tensor) -> Tensor:
    """Returns a decoder's last hidden state at the last position, [B, D].

    Args:
        base: decoder without its head.
        x_BSD: embeddings, in the type of the decoder.
    """
    came = base(inputs_embeds=x_BSD, use_cache=False)
    return cast(Tensor, came.last_hidden_state)[:, -1]


def placed(model: nn.Module) -> tuple[torch.device, torch.dtype]:
    """Returns where a model takes its input, and in which type."""
    first = next(p for p in model.parameters() if p.is_floating_point())
    return first.device, first.dtype
