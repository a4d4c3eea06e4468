"""Which engines a worker tries."""

from mlnode.poc.engines.exact import ExactEngine
from mlnode.poc.engines.reference import ReferenceKernel
from mlnode.poc.errors import NoEngineError

AUTO = "auto"
REFERENCE = "numpy"


def candidates(name: str) -> tuple[ExactEngine, ...]:
    """The engines of this machine, to choose the fastest from, or the one that is named.

    The others come with the one that was named, to cross-check it.

    Raises:
        NoEngineError: there is none of that name.
    """
    if name == REFERENCE:
        # Alone it needs no PyTorch, which takes seconds and hundreds of megabytes.
        return (ExactEngine(REFERENCE, ReferenceKernel()),)
    from mlnode.poc.engines.cpu import cpu_engines

    engines = cpu_engines()
    if name != AUTO and name not in {engine.name for engine in engines}:
        raise NoEngineError(f"there is no engine {name!r}")
    return engines
