"""Twin of core/reward (docs/spec/reward.md): what an epoch pays. Amounts in unine."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from simulation import fixed
from simulation.arrays import U8, U64, Bool, choose, largest, some, u64
from simulation.errors import EpochError, OverflowU64Error

MulDivFloor = Callable[[U64, U64 | int, U64 | int], U64]


class Forfeiture(IntEnum):
    """For what a host loses an epoch's whole reward."""

    NOTHING = 0
    FRAUD = 1
    DOUBLE_SIGN = 2


class Reason(IntEnum):
    """Which step decided a settlement."""

    PAID = 1
    COVERED = 2
    REDUCED = 3
    NO_WEIGHT = 4
    ROUNDED = 5
    NO_DUTY = 6
    JAILED = 7
    FRAUD = 8
    DOUBLE_SIGN = 9


def epoch_reward(*, subsidy: int, minted_total: int, max_supply: int, coverage_bonus: int) -> int:
    """R = min(subsidy, ⌊(max_supply − minted_total)/(1 + coverage_bonus)⌋)."""
    if minted_total >= max_supply:
        return 0
    divisor = fixed.add(fixed.ONE, coverage_bonus)
    return min(subsidy, fixed.mul_div_floor(max_supply - minted_total, fixed.ONE, divisor))


def next_subsidy(subsidy: int, decay_factor: int) -> int:
    """⌊subsidy·decay⌋; the factor in 10⁻¹⁸."""
    return fixed.mul_div_floor(subsidy, decay_factor, fixed.ONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """What all hosts of a settlement share; coverage_bonus in 10⁻¹⁸."""

    reward: int
    total_weight: int
    blocks: int
    coverage_bonus: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosts:
    """What a settlement knows of its hosts, each array (N,)."""

    weight: U64
    seats_drawn: U64
    seats_cast: U64
    unjailed_blocks: U64
    covers: Bool
    forfeited: U8


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlements:
    """Rewards with every step that led to them, each array (N,), in unine."""

    by_weight: U64
    by_duty: U64
    by_presence: U64
    share: U64
    bonus: U64
    total: U64
    hosts: Hosts

    @property
    def reason(self) -> U8:
        """Which step decided (N,)."""
        return choose(
            Reason.PAID,
            (self.hosts.forfeited == Forfeiture.FRAUD, Reason.FRAUD),
            (self.hosts.forfeited != Forfeiture.NOTHING, Reason.DOUBLE_SIGN),
            (self.hosts.weight == 0, Reason.NO_WEIGHT),
            (self.by_weight == 0, Reason.ROUNDED),
            (self.by_duty == 0, Reason.NO_DUTY),
            (self.by_presence == 0, Reason.JAILED),
            (self.share < self.by_weight, Reason.REDUCED),
            (self.hosts.covers, Reason.COVERED),
        )


def unsettled(hosts: Hosts) -> Settlements:
    """Nothing for anybody: the epoch goes on."""
    zeros_N = np.zeros_like(hosts.weight)
    return Settlements(
        by_weight=zeros_N,
        by_duty=zeros_N,
        by_presence=zeros_N,
        share=zeros_N,
        bonus=zeros_N,
        total=zeros_N,
        hosts=hosts,
    )


def settle_amounts(
    epoch: Epoch, hosts: Hosts, floor: MulDivFloor = fixed.floor_each
) -> Settlements:
    """GetSettleAmount of every host.

    Args:
        epoch: what they share.
        hosts: their facts.
        floor: ⌊a·b/c⌋; the default is exact.

    Raises:
        EpochError: when an epoch has no weight or blocks, or a host more than its epoch.
        OverflowU64Error: when a total does not fit 64 bits.
    """
    _check(epoch, hosts)
    by_weight = floor(hosts.weight, epoch.reward, epoch.total_weight)
    by_duty = by_weight
    # Without a seat drawn the quotient is 1/1.
    at = np.flatnonzero(hosts.seats_cast != hosts.seats_drawn)
    if len(at):
        by_duty = by_weight.copy()
        by_duty[at] = floor(by_weight[at], hosts.seats_cast[at], hosts.seats_drawn[at])
    whole = not some(hosts.unjailed_blocks != np.uint64(epoch.blocks))
    by_presence = by_duty if whole else floor(by_duty, hosts.unjailed_blocks, epoch.blocks)
    share = by_presence * (hosts.forfeited == Forfeiture.NOTHING)
    bonus = floor(share * hosts.covers, epoch.coverage_bonus, fixed.ONE)
    total = share + bonus
    if some(total < share):
        raise OverflowU64Error("a total passes 64 bits")
    return Settlements(
        by_weight=by_weight,
        by_duty=by_duty,
        by_presence=by_presence,
        share=share,
        bonus=bonus,
        total=total,
        hosts=hosts,
    )


def _check(epoch: Epoch, hosts: Hosts) -> None:
    if epoch.total_weight == 0 or epoch.blocks == 0:
        raise EpochError("an epoch to settle has weight and blocks")
    if (
        largest(hosts.weight) > epoch.total_weight
        or largest(hosts.unjailed_blocks) > epoch.blocks
        or some(hosts.seats_cast > hosts.seats_drawn)
    ):
        raise EpochError("a host cannot have more than its epoch")


def coverage(root_N: U64, weight_NM: U64, spread: int) -> tuple[Bool, Bool]:
    """GetParticipantModelCoverage of every host.

    Args:
        root_N: root weights.
        weight_NM: belonging weights, of the models whose subgroup has any weight.
        spread: coverage_spread.

    Returns:
        Which model a host covers (N, M), and whether it covers all (N,).

    Raises:
        EpochError: when spread·M is 0 or passes 64 bits.
    """
    models = weight_NM.shape[1]
    if models == 0:
        return np.zeros(weight_NM.shape, np.bool_), np.zeros(len(root_N), np.bool_)
    parts = spread * models
    if not 1 <= parts <= fixed.MAX_U64:
        raise EpochError("coverage_spread times the models must lie between 1 and 2^64-1")
    # weight·parts ≥ root exactly when weight ≥ ⌈root/parts⌉.
    root_N = u64(root_N)
    least_N = root_N // np.uint64(parts) + (root_N % np.uint64(parts) > 0)
    covered_NM: Bool = (weight_NM >= least_N[:, None]) & (root_N > 0)[:, None]
    return covered_NM, np.logical_and.reduce(list(covered_NM.T))
