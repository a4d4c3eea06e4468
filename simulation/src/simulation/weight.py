"""Twin of core/weight (docs/spec/weight.md): from judged proofs to weights and power."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from simulation import fixed, poc
from simulation.arrays import I64, U8, U64, Bool, Owners, choose, largest, some, total, u64
from simulation.errors import JudgementError, OverflowU64Error

MAX_THROUGHPUT = 2**63 - 1
MAX_TOTAL_POWER = 2**53


class Reason(IntEnum):
    """Why a host or node has its weight; the values of inference.v1.WeightReason."""

    MINED = 1
    PRESERVED = 2
    ACCEPTED = 3
    NO_QUORUM = 4
    FRAUD = 5
    REJECTED = 6
    UNAVAILABLE = 7
    BELOW_MINIMUM = 8
    NO_BATCH = 9
    REMOVED = 10
    NOT_IN_FLEET = 11
    JAILED = 12
    SOLE_MEMBER = 13
    GENESIS = 14


class Standing(IntEnum):
    """A node's relation to the epoch's fleet."""

    FLEET = 0
    LATE = 1
    GONE = 2


_OF_OUTCOME = np.zeros(8, np.uint8)
for _outcome, _reason in (
    (poc.Outcome.ACCEPTED, Reason.ACCEPTED),
    (poc.Outcome.FRAUD, Reason.FRAUD),
    (poc.Outcome.UNAVAILABLE, Reason.UNAVAILABLE),
    (poc.Outcome.REJECTED, Reason.REJECTED),
    (poc.Outcome.NO_QUORUM, Reason.NO_QUORUM),
    (poc.Outcome.BELOW_MINIMUM, Reason.BELOW_MINIMUM),
    (poc.Outcome.NO_BATCH, Reason.NO_BATCH),
):
    _OF_OUTCOME[_outcome] = _reason
_ZEROES = np.isin(np.arange(8), poc.ZEROING)


def scaled_each(weight_N: U64, now: int, then: int) -> U64:
    """⌊w·now/then⌋: old nonces in those of this round; nothing where nobody measured it."""
    if now == then and then > 0:
        return u64(weight_N)
    if then == 0:
        return np.zeros_like(weight_N)
    try:
        return fixed.floor_each(weight_N, now, then)
    except OverflowU64Error:
        return u64([int(w) * now // then if int(w) * now // then < 2**64 else 0 for w in weight_N])


def throughputs(weight_K: U64, per_nonce_K: U64, period: int, generation: int) -> U64:
    """⌊weight·perNonce·P/(G·10⁶)⌋, tokens a PoC period, at most 2⁶³ − 1."""
    if generation == 0:
        return np.zeros_like(weight_K)
    divisor = generation * 1_000_000
    if max(largest(weight_K) * largest(per_nonce_K) * period, period, divisor) < 2**64:
        made = weight_K * per_nonce_K * np.uint64(period) // np.uint64(divisor)
        return np.minimum(made, np.uint64(MAX_THROUGHPUT))
    product_K = weight_K.astype(np.float64) * per_nonce_K
    if float(product_K.max(initial=0)) < 2.0**62:
        try:
            made = fixed.floor_each(weight_K * per_nonce_K, period, divisor)
            return np.minimum(made, np.uint64(MAX_THROUGHPUT))
        except OverflowU64Error:
            pass
    pairs = zip(weight_K, np.broadcast_to(per_nonce_K, weight_K.shape), strict=True)
    exact = (int(w) * int(n) * period // divisor for w, n in pairs)
    return u64([min(value, MAX_THROUGHPUT) for value in exact])


@dataclass(frozen=True, slots=True, kw_only=True)
class Nodes:
    """Facts of nodes, each array (K,)."""

    owners: Owners
    standing: U8
    claimed: U64
    serves: Bool
    carried: U64


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Formed hosts (N,) and nodes (K,), and what they were formed from."""

    mined: U64
    preserved: U64
    weight: U64
    node_weight: U64
    jailed: Bool
    judged: poc.Judgements
    nodes: Nodes

    @property
    def reason(self) -> U8:
        """Why each host has its weight (N,)."""
        of, judged = self.nodes.owners, self.judged
        fleet_K = self.nodes.standing == Standing.FLEET
        fleet_N = of.any(fleet_K)
        whole_N = fleet_N & ~of.any(fleet_K & ~self.nodes.serves)
        by_outcome_N = _OF_OUTCOME[judged.outcome]
        by_outcome_N = np.where(judged.sole_member, np.uint8(Reason.SOLE_MEMBER), by_outcome_N)
        heard_N = judged.outcome != poc.Outcome.NO_BATCH
        unheard_N = choose(
            Reason.NOT_IN_FLEET,
            (whole_N, Reason.PRESERVED),
            (fleet_N, Reason.NO_BATCH),
            (of.any(self.nodes.standing == Standing.GONE), Reason.REMOVED),
        )
        otherwise_N = np.where(heard_N, by_outcome_N, unheard_N)
        zeroing_N = zeroing(judged)
        jailed_N = np.where(self.jailed, np.uint8(Reason.JAILED), otherwise_N)
        return np.where(zeroing_N, by_outcome_N, jailed_N)

    @property
    def node_reason(self) -> U8:
        """Why each node has its weight (K,)."""
        nodes, judged = self.nodes, self.judged
        zeroed_K = nodes.owners.each(zeroing(judged) | self.jailed)
        accepted_K = nodes.owners.each(judged.outcome == poc.Outcome.ACCEPTED)
        of_host_K = nodes.owners.each(self.reason)
        heard_K = choose(
            nodes.owners.each(_OF_OUTCOME[judged.outcome]),
            (nodes.serves, Reason.PRESERVED),
            (nodes.claimed == 0, Reason.NO_BATCH),
            (accepted_K, Reason.MINED),
        )
        return choose(
            np.where(zeroed_K, of_host_K, heard_K),
            (nodes.standing == Standing.GONE, Reason.REMOVED),
            (nodes.standing != Standing.FLEET, Reason.NOT_IN_FLEET),
        )


def compute_new_weights(
    *,
    claimed_N: U64,
    jailed_N: Bool,
    judged: poc.Judgements,
    nodes: Nodes,
    scale: tuple[int, int] = (1, 1),
) -> Weights:
    """ComputeNewWeights of every host: its part of the credit, or the weight it preserves.

    Raises:
        JudgementError: when claims of nodes differ from the judged ones, or a credit passes them.
        OverflowU64Error: when a host's sum passes 64 bits.
    """
    of = nodes.owners
    fleet_K: Bool = nodes.standing == Standing.FLEET
    mines_K = fleet_K & ~nodes.serves
    by_nodes_N = sum_by_host(nodes.claimed * mines_K, of)
    if some(judged.credited > claimed_N) or some(by_nodes_N != claimed_N):
        raise JudgementError("the nodes' claims differ from the judged ones, or the credit passes")
    stands_K = of.each(~(zeroing(judged) | jailed_N))
    credit_K = poc.node_credits(nodes.claimed, of.each(judged.credited), of.each(claimed_N))
    mined_K = credit_K * (mines_K & stands_K)
    kept_K = scaled_each(nodes.carried, *scale) * (fleet_K & nodes.serves & stands_K)
    mined_N, preserved_N = sum_by_host(mined_K, of), sum_by_host(kept_K, of)
    weight_N = mined_N + preserved_N
    if some(weight_N < mined_N):
        raise OverflowU64Error("weight of a host")
    return Weights(
        mined=mined_N,
        preserved=preserved_N,
        weight=weight_N,
        node_weight=mined_K + kept_K,
        jailed=jailed_N,
        judged=judged,
        nodes=nodes,
    )


def zeroing(judged: poc.Judgements) -> Bool:
    """Hosts (N,) that lose all of their weight."""
    return _ZEROES[judged.outcome]


def sum_by_host(values_K: U64, of: Owners) -> U64:
    """Sums of nodes by host (N,). Raises OverflowU64Error."""
    if not of.alone and largest(values_K) * len(values_K) > fixed.MAX_U64:
        for first, after in zip(of.first_N.tolist(), of.after_N.tolist(), strict=True):
            if total(values_K[first:after]) > fixed.MAX_U64:
                raise OverflowU64Error("weight of a host")
    return of.sums(values_K)


def kept(*, formed_total: int, old_total: int, kept_old: int, min_kept_power: int) -> bool:
    """Whether a formed epoch may become effective; the share in 10⁻¹⁸."""
    return formed_total > 0 and fixed.at_least(min_kept_power, kept_old, old_total)


def cap(weight_N: U64) -> int | None:
    """The largest c, up to the largest weight, with 3c < Σ min(w, c); None where none exists."""
    weight_N = np.sort(u64(weight_N))
    if len(weight_N) == 0 or total(np.minimum(weight_N, np.uint64(1))) <= 3:
        return None
    low, high = 1, int(weight_N[-1])
    while low < high:
        middle = high - (high - low) // 2
        if 3 * middle < total(np.minimum(weight_N, np.uint64(middle))):
            low = middle
        else:
            high = middle - 1
    return low


def consensus_powers(weight_N: U64, max_validators: int) -> tuple[I64, U64]:
    """Validators by falling power, ties by address (which is the index), and their powers.

    Raises JudgementError when nobody would validate.
    """
    weight_N = u64(weight_N)
    order = np.argsort(np.uint64(fixed.MAX_U64) - weight_N, kind="stable")[:max_validators]
    powers = weight_N[order]
    limit = cap(powers)
    if limit is not None:
        powers = np.minimum(powers, np.uint64(limit))
    shift = 0
    while total(powers >> np.uint64(shift)) > MAX_TOTAL_POWER:
        shift += 1
    powers = powers >> np.uint64(shift)
    if not powers.any():
        raise JudgementError("a validator set cannot be empty")
    return order[powers > 0], powers[powers > 0]
