"""Where a model's weights are: a local folder first, then the hub."""

import re
from pathlib import Path

from mlnode.serving.errors import ModelError

_REPO = re.compile(r"[A-Za-z0-9._-]{1,96}/[A-Za-z0-9._-]{1,96}")
_COMMIT = re.compile(r"[0-9a-f]{40}")


def find_weights(repo: str, commit: str, *, models_dir: str, offline: bool) -> Path:
    """Folder of a model's checkpoint.

    Args:
        repo: repository, "owner/name".
        commit: 40 lower-case hex digits; a branch name could change under us.
        models_dir: folder with OWNER/NAME/COMMIT; empty for none.
        offline: do not ask the hub.

    Raises:
        ModelError: what is malformed, or where the weights were looked for.
    """
    if not _REPO.fullmatch(repo) or ".." in repo:
        raise ModelError(f"hf_repo is {repo!r}; it is owner/name")
    if not _COMMIT.fullmatch(commit):
        raise ModelError(f"hf_commit is {commit!r}; it is 40 lower-case hex digits")
    local = Path(models_dir) / repo / commit if models_dir else None
    if local is not None and (local / "config.json").is_file():
        return local
    if offline:
        raise ModelError(f"{repo} at {commit} is not in {models_dir or 'serving.models_dir'}")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(repo, revision=commit))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as err:
        raise ModelError(f"{repo} at {commit} cannot be fetched: {err}") from None
