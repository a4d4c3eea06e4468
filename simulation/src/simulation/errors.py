"""What can go wrong, by name. All are `SimulationError`."""


class SimulationError(Exception):
    """Something that the caller can mend; its text says what."""


class OverflowU64Error(SimulationError):
    """A result does not fit into 64 bits."""


class DivideByZeroError(SimulationError):
    """A division by zero."""


class DecimalError(SimulationError):
    """A text is no decimal of at most 18 digits after the point below 18.446744073709551616."""


class DrawError(SimulationError):
    """A draw from nothing, or from a seed that is not a block hash."""


class EpochError(SimulationError):
    """Heights or a settlement that an epoch cannot have."""


class ParameterError(SimulationError):
    """A parameter is outside of the chain's range. The text is the chain's."""


class BatchError(SimulationError):
    """A batch that the chain would refuse; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(f"the chain refuses this batch: {code}")
        self.code = code


class JudgementError(SimulationError):
    """Ballots, samples or facts of a host contradict each other."""


class ScenarioError(SimulationError):
    """A scenario that cannot be run; the text names the key and what is legal."""


class ResultError(SimulationError):
    """A folder of results that is not what it should be."""


class MissingExtraError(SimulationError):
    """A package is not installed that only some commands need."""


class ClusterError(SimulationError):
    """A Dask scheduler that cannot be reached."""


class ReplayError(SimulationError):
    """An export that cannot be replayed: another version, or rows are missing."""


class ReplayDifferenceError(SimulationError):
    """The chain's value is not the one that its own rows lead to."""

    def __init__(self, epoch: int, host: str, field: str, chain: object, ours: object) -> None:
        super().__init__(f"epoch {epoch}, host {host or '-'}, {field}: chain {chain}, ours {ours}")
        self.epoch = epoch
        self.host = host
        self.field = field
        self.chain = chain
        self.ours = ours


def shown(value: object) -> str:
    """A value as an error shows it: as Python writes it, and no longer than a line holds."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}… ({len(text):,} characters)"
