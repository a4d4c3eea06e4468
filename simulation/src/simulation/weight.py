"""Twin of core/weight (docs/spec/weight.md): from judged proofs to weights and power."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from simulation import fixed, poc
from simulation.arrays import I64, U8, U64, Bool, bounds, total, u64
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
    product_K = weight_K.astype(np.float64) * per_nonce_K
    divisor = generation * 1_000_000
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
    """Facts of nodes, each array (K,); host is an index, ascending."""

    host: I64
    standing: U8
    claimed: U64
    serves: Bool
    carried: U64


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Formed hosts (N,) and nodes (K,)."""

    reason: U8
    mined: U64
    preserved: U64
    weight: U64
    node_reason: U8
    node_weight: U64


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
    hosts = len(claimed_N)
    fleet_K: Bool = nodes.standing == Standing.FLEET
    mines_K = fleet_K & ~nodes.serves
    if (judged.credited > claimed_N).any() or (
        sum_by_host(np.where(mines_K, nodes.claimed, np.uint64(0)), nodes.host, hosts) != claimed_N
    ).any():
        raise JudgementError("the nodes' claims differ from the judged ones, or the credit passes")
    zeroing_N = np.isin(judged.outcome, poc.ZEROING)
    reason_N = _host_reasons(zeroing_N, jailed_N, judged, nodes, hosts)
    zeroed_K = (zeroing_N | jailed_N)[nodes.host]
    mined_K = mines_K & ~zeroed_K & (nodes.claimed > 0)
    credit_K = poc.node_credits(nodes.claimed, judged.credited[nodes.host], claimed_N[nodes.host])
    keeps_K = fleet_K & nodes.serves & ~zeroed_K
    weight_K = np.select(
        [keeps_K, mined_K], [scaled_each(nodes.carried, *scale), credit_K], np.uint64(0)
    )
    accepted_K = judged.outcome[nodes.host] == poc.Outcome.ACCEPTED
    node_reason_K = np.select(
        [
            nodes.standing == Standing.GONE,
            ~fleet_K,
            zeroed_K,
            nodes.serves,
            nodes.claimed == 0,
            accepted_K,
        ],
        [
            np.uint8(Reason.REMOVED),
            np.uint8(Reason.NOT_IN_FLEET),
            reason_N[nodes.host],
            np.uint8(Reason.PRESERVED),
            np.uint8(Reason.NO_BATCH),
            np.uint8(Reason.MINED),
        ],
        _OF_OUTCOME[judged.outcome][nodes.host],
    ).astype(np.uint8)
    mined_N = sum_by_host(np.where(nodes.serves, np.uint64(0), weight_K), nodes.host, hosts)
    preserved_N = sum_by_host(np.where(nodes.serves, weight_K, np.uint64(0)), nodes.host, hosts)
    weight_N = mined_N + preserved_N
    if (weight_N < mined_N).any():
        raise OverflowU64Error("weight of a host")
    return Weights(
        reason=reason_N,
        mined=mined_N,
        preserved=preserved_N,
        weight=weight_N,
        node_reason=node_reason_K,
        node_weight=weight_K,
    )


def sum_by_host(values_K: U64, host_K: I64, hosts: int) -> U64:
    """Sums of nodes by host (N,), for ascending hosts. Raises OverflowU64Error."""
    running = np.concatenate((np.zeros(1, np.uint64), np.cumsum(values_K, dtype=np.uint64)))
    ends = bounds(host_K, hosts)
    sums = running[ends[1:]] - running[ends[:-1]]
    # Differences of a wrapped running sum are right while each host's own sum fits.
    if float(values_K.astype(np.float64).sum()) >= 2.0**63:
        for host in range(hosts):
            if total(values_K[ends[host] : ends[host + 1]]) > fixed.MAX_U64:
                raise OverflowU64Error("weight of a host")
    return sums


def _host_reasons(
    zeroing_N: Bool, jailed_N: Bool, judged: poc.Judgements, nodes: Nodes, hosts: int
) -> U8:
    def count(mask_K: Bool) -> I64:
        return np.bincount(nodes.host[mask_K], minlength=hosts)

    fleet_K = nodes.standing == Standing.FLEET
    fleet_N, serving_N = count(fleet_K), count(fleet_K & nodes.serves)
    gone_N = count(nodes.standing == Standing.GONE)
    by_outcome_N = _OF_OUTCOME[judged.outcome]
    by_outcome_N = np.where(judged.sole_member, np.uint8(Reason.SOLE_MEMBER), by_outcome_N)
    return np.select(
        [
            zeroing_N,
            jailed_N,
            judged.outcome != poc.Outcome.NO_BATCH,
            (fleet_N > 0) & (fleet_N == serving_N),
            fleet_N > 0,
            gone_N > 0,
        ],
        [
            by_outcome_N,
            np.uint8(Reason.JAILED),
            by_outcome_N,
            np.uint8(Reason.PRESERVED),
            np.uint8(Reason.NO_BATCH),
            np.uint8(Reason.REMOVED),
        ],
        np.uint8(Reason.NOT_IN_FLEET),
    ).astype(np.uint8)


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
