"""What the workers of a server do, taken together."""

from enum import Enum


class Phase(Enum):
    """One of these at any time; STOP lasts until the batches that were begun are done."""

    IDLE = "idle"
    LOADING = "loading"
    GENERATE = "generate"
    VALIDATE = "validate"
    STOP = "stop"
