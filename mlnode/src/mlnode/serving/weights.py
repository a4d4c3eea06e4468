"""Where a model's weights are: a local folder first, then the hub."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from mlnode.serving.errors import ModelNotFoundError, ModelRequestError

_REPO = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,95}/[A-Za-z0-9_][A-Za-z0-9._-]{0,95}")
_COMMIT = re.compile(r"[0-9a-f]{40}")
# No program code and no pickles: what a checkpoint may bring along.
_WANTED = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"]


def check_source(repo: str, commit: str) -> None:
    """Check the name of a checkpoint before anything is done with it.

    Raises:
        ModelRequestError: naming the field and what would be right.
    """
    if not _REPO.fullmatch(repo):
        raise ModelRequestError(f'hf_repo is "{repo}"; it is owner/name')
    if not _COMMIT.fullmatch(commit):
        # A branch or a tag could change under us.
        raise ModelRequestError(f'hf_commit is "{commit}"; it is 40 lower-case hex digits')


def find_weights(repo: str, commit: str, *, models_dir: str, offline: bool) -> Path:
    """Folder of a model's checkpoint; this may take as long as a download.

    Args:
        repo: repository, "owner/name".
        commit: 40 lower-case hex digits.
        models_dir: folder with OWNER/NAME/COMMIT; empty for none.
        offline: do not ask the hub.

    Raises:
        ModelNotFoundError: where the weights were looked for.
    """
    if models_dir:
        local = Path(models_dir) / repo / commit
        if (local / "config.json").is_file():
            return local
    if offline:
        where = f"in {models_dir}" if models_dir else "here: serving.models_dir is not set"
        raise ModelNotFoundError(f"{repo} at {commit} is not {where}, and serving.offline is true")
    import huggingface_hub
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    # Its overloads leave parts of their types unknown.
    download = cast(Callable[..., str], cast(Any, huggingface_hub).snapshot_download)
    try:
        return Path(download(repo, revision=commit, allow_patterns=_WANTED))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as err:
        raise ModelNotFoundError(f"{repo} at {commit} cannot be fetched: {err}") from None
