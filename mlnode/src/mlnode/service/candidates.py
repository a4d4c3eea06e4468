"""Which engines a worker tries."""

from collections.abc import Sequence

from mlnode.poc.engines.base import SharingEngine
from mlnode.poc.engines.reference import ReferenceEngine
from mlnode.poc.errors import NoEngineError

AUTO = "auto"
REFERENCE = "numpy"


def candidates(name: str, devices: tuple[str, ...]) -> Sequence[SharingEngine]:
    """The engines of a group, to choose the fastest from, or the one that is named.

    The others come with the one that was named, to cross-check it.

    Args:
        name: of an engine, or "auto".
        devices: of the group, as this process numbers them.

    Raises:
        NoEngineError: there is none of that name on these devices.
    """
    if name == REFERENCE:
        # Alone it needs no PyTorch, which takes seconds and hundreds of megabytes.
        return (ReferenceEngine(REFERENCE),)
    from mlnode.shard.gpu import group_engines

    engines = group_engines(devices)
    if name != AUTO and name not in {engine.name for engine in engines}:
        raise NoEngineError(f"there is no engine {name!r} on {', '.join(devices)}")
    return engines
