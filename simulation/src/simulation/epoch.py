"""Twin of core/epoch (docs/spec/epoch.md): which stage a height belongs to."""

from dataclasses import dataclass
from enum import IntEnum

from simulation.errors import EpochError

_LAST_HEIGHT = 2**63 - 1
_SINGLE_BLOCK_STAGES = 5
_LONGEST_STAGE = 1 << 60


class Stage(IntEnum):
    """The nine parts of an epoch's cycle, in order."""

    POC_START = 1
    POC_EXCHANGE = 2
    POC_END = 3
    POC_VALIDATION_START = 4
    POC_VALIDATION_EXCHANGE = 5
    POC_VALIDATION_END = 6
    MODEL_LOADING = 7
    SET_NEW_VALIDATORS = 8
    INFERENCE = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """The parameters that decide an epoch's heights, in blocks, under the chain's names."""

    poc_exchange_blocks: int
    poc_validation_exchange_blocks: int
    model_loading_blocks: int
    inference_blocks: int

    @property
    def poc_period(self) -> int:
        """P, the blocks of stages 1 to 8."""
        stages = self.poc_exchange_blocks + self.poc_validation_exchange_blocks
        return _SINGLE_BLOCK_STAGES + stages + self.model_loading_blocks

    @property
    def generation(self) -> int:
        """G, the blocks of stages 2 and 3."""
        return self.poc_exchange_blocks + 1

    @property
    def cycle(self) -> int:
        """Blocks from one POC_START to the next."""
        return self.poc_period + self.inference_blocks

    def formed_per_block(self, parameter: int, hosts: int) -> int:
        """Hosts that formation handles in a block."""
        blocks = self.model_loading_blocks - 2 if self.model_loading_blocks > 3 else 1
        return max(parameter, -(-hosts // blocks))

    def _check(self, start: int) -> None:
        longest = max(
            self.poc_exchange_blocks,
            self.poc_validation_exchange_blocks,
            self.model_loading_blocks,
            self.inference_blocks,
        )
        if start < 1 or longest > _LONGEST_STAGE or start + self.cycle > _LAST_HEIGHT:
            raise EpochError(f"heights must lie between 1 and 2^63-1, got {start}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Heights:
    """Heights of one cycle. Epoch 0 has no PoC period: its first four are 0."""

    poc_start: int
    poc_end: int
    poc_validation_start: int
    poc_validation_end: int
    set_new_validators: int
    next_poc_start: int

    @property
    def is_genesis(self) -> bool:
        """Whether these are the heights of epoch 0."""
        return self.poc_start == 0

    def window(self, stage: Stage) -> tuple[int, int]:
        """First and last height of a stage; (0, −1) for one that the epoch does not have."""
        if stage is Stage.INFERENCE:
            return self.set_new_validators + 1, self.next_poc_start - 1
        if self.is_genesis:
            return 0, -1
        return {
            Stage.POC_START: (self.poc_start, self.poc_start),
            Stage.POC_EXCHANGE: (self.poc_start + 1, self.poc_end - 1),
            Stage.POC_END: (self.poc_end, self.poc_end),
            Stage.POC_VALIDATION_START: (self.poc_validation_start, self.poc_validation_start),
            Stage.POC_VALIDATION_EXCHANGE: (
                self.poc_validation_start + 1,
                self.poc_validation_end - 1,
            ),
            Stage.POC_VALIDATION_END: (self.poc_validation_end, self.poc_validation_end),
            Stage.MODEL_LOADING: (self.poc_validation_end + 1, self.set_new_validators - 1),
            Stage.SET_NEW_VALIDATORS: (self.set_new_validators, self.set_new_validators),
        }[stage]

    def stage_at(self, height: int) -> Stage:
        """The stage of a height. Raises EpochError outside of the cycle."""
        for stage in Stage:
            first, last = self.window(stage)
            if first <= height <= last:
                return stage
        raise EpochError(f"{height} is outside of the epoch's cycle")

    @property
    def batches(self) -> tuple[int, int]:
        """Where batches are accepted, both ends included."""
        return (0, -1) if self.is_genesis else (self.poc_start + 1, self.poc_end)

    @property
    def verdicts(self) -> tuple[int, int]:
        """Where verdicts are accepted, both ends included."""
        if self.is_genesis:
            return 0, -1
        return self.poc_validation_start + 1, self.poc_validation_end

    def allocation(self, allocation_blocks: int) -> tuple[int, int]:
        """Where timeslots are allocated: the last blocks of INFERENCE."""
        first, last = self.window(Stage.INFERENCE)
        return max(first, last - allocation_blocks + 1), last


def open_epoch(poc_start: int, lengths: Lengths) -> Heights:
    """The heights of an epoch that opens at a height. Raises EpochError."""
    lengths._check(poc_start)  # pyright: ignore[reportPrivateUsage]
    poc_end = poc_start + lengths.poc_exchange_blocks + 1
    validation_end = poc_end + 1 + lengths.poc_validation_exchange_blocks + 1
    switch = validation_end + lengths.model_loading_blocks + 1
    return Heights(
        poc_start=poc_start,
        poc_end=poc_end,
        poc_validation_start=poc_end + 1,
        poc_validation_end=validation_end,
        set_new_validators=switch,
        next_poc_start=switch + lengths.inference_blocks + 1,
    )


def genesis(initial: int, lengths: Lengths) -> Heights:
    """The heights of epoch 0 of a chain whose first block has this height. Raises EpochError."""
    lengths._check(initial)  # pyright: ignore[reportPrivateUsage]
    return Heights(
        poc_start=0,
        poc_end=0,
        poc_validation_start=0,
        poc_validation_end=0,
        set_new_validators=initial - 1,
        next_poc_start=initial + lengths.inference_blocks,
    )
