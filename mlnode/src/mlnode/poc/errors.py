"""Every way in which the proof refuses its input or its own result."""

from pathlib import Path


class PocError(Exception):
    """Base of the errors of this package."""


class FieldError(PocError, ValueError):
    """A field holds a value outside what is legal.

    Attributes:
        field: name of the field as the caller knows it.
    """

    def __init__(self, field: str, value: object, legal: str) -> None:
        super().__init__(f"{field} = {value!r}: must be {legal}")
        self.field = field


class ParamsError(FieldError):
    """A parameter of the proof network is out of bounds."""


class RoundError(FieldError):
    """An input of a round is malformed."""


class UnknownKindError(RoundError):
    """The round is of a kind that this build cannot prove."""


class UnknownVersionError(RoundError):
    """The round is of a version that this build cannot prove."""


class NonceError(FieldError):
    """A walk over nonces is outside its lanes or outside 64 bits."""


class BatchError(PocError, ValueError):
    """A proof batch is inconsistent."""


class UnequalLengthsError(BatchError):
    """The arrays of a batch do not have one entry for each nonce."""


class MixedRoundsError(BatchError):
    """Batches of different rounds, hosts or nodes were put together."""


class EngineError(PocError, RuntimeError):
    """Base of the failures of an engine."""


class NotStartedError(EngineError):
    """A batch was asked of an engine that holds no round."""


class SelfTestError(EngineError):
    """An engine is not exact on this machine."""


class CrosscheckError(EngineError):
    """Two engines disagree on a nonce: the batch must not be claimed."""


class FingerprintError(EngineError):
    """The weights in memory are no longer the ones that were generated."""


class NoEngineError(EngineError):
    """No candidate engine passed its self-test on this machine."""


class KernelCacheError(EngineError):
    """A kernel cannot be compiled, because the folder for it takes no files.

    Attributes:
        folder: where Triton keeps its kernels.
    """

    def __init__(self, folder: Path, reason: str, file: str | None = None) -> None:
        at = f" at {file}" if file and not str(file).startswith(str(folder)) else ""
        super().__init__(
            f"no kernel can be kept in {folder}: {reason}{at}; free some room there, or set "
            "TRITON_CACHE_DIR, and TMPDIR for the compiler, to folders that have some"
        )
        self.folder = folder


DEVICE_ERROR = "AcceleratorError"
"""PyTorch's error of a device that fails; by name, because the reference runs without PyTorch."""


def device_lost(error: BaseException) -> bool:
    """Whether a device fails, so that nothing works on it before another process takes it over.

    Triton's driver has no class for it and says it in words; of its errors only a lack of memory
    leaves the device as it was.
    """
    text = str(error)
    in_triton = text.startswith("Triton Error [") and not text.endswith("out of memory")
    return type(error).__name__ == DEVICE_ERROR or (isinstance(error, RuntimeError) and in_triton)
