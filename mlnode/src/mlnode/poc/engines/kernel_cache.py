"""Where Triton keeps what it compiles, and what its failures to write there are called."""

import errno
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from mlnode.poc.errors import KernelCacheError

_REASONS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


def kernel_cache(environment: Mapping[str, str] = os.environ) -> Path:
    """Returns the folder of Triton's compiled kernels, as Triton finds it."""
    if folder := environment.get("TRITON_CACHE_DIR", "").strip():
        return Path(folder)
    home = environment.get("TRITON_HOME", "").strip()
    return (Path(home) if home else Path.home()) / ".triton" / "cache"


def cache_failure(error: BaseException) -> KernelCacheError | None:
    """Returns what a failure is called that comes from a folder without room; None for others.

    Triton wraps some failures of its compiler in errors of its own, hence the causes.
    """
    one: BaseException | None = error
    for _ in range(_DEEPEST):
        if one is None or isinstance(one, KernelCacheError):
            return one
        if isinstance(one, OSError) and one.errno in _REASONS:
            return KernelCacheError(kernel_cache(), one.strerror or str(one), one.filename)
        if _IN_WORDS in str(one):
            return KernelCacheError(kernel_cache(), _IN_WORDS)
        one = one.__cause__ or one.__context__
    return None


_DEEPEST = 8
_IN_WORDS = os.strerror(errno.ENOSPC)


@contextmanager
def naming_the_cache() -> Generator[None, None, None]:
    """Gives a failure inside that comes from a full folder its name.

    Raises:
        KernelCacheError: naming the folder and what to do.
    """
    try:
        yield
    except Exception as err:
        if (named := cache_failure(err)) is None or named is err:
            raise
        raise named from err
