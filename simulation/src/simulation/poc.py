"""Twin of core/poc (docs/spec/poc-judging.md): samples, verdicts, outcomes, credit."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction
from functools import cache
from itertools import accumulate, pairwise

import numpy as np

from simulation import draw, fixed
from simulation.arrays import I64, U8, U64, Bool, choose, some, u64
from simulation.errors import JudgementError

MAX_SAMPLE = 1000


class Outcome(IntEnum):
    """A jury's judgement of a host; the values of inference.v1.Outcome."""

    ACCEPTED = 1
    FRAUD = 2
    UNAVAILABLE = 3
    REJECTED = 4
    NO_QUORUM = 5
    BELOW_MINIMUM = 6
    NO_BATCH = 7


class Kind(IntEnum):
    """What the chain makes of a verdict."""

    HONEST = 1
    FRAUD = 2
    UNAVAILABLE = 3


ZEROING = (Outcome.FRAUD, Outcome.UNAVAILABLE, Outcome.REJECTED)


@cache
def fraud_limit(sampled: int, mismatch: int, threshold: int) -> int:
    """The least number of invalid leaves that is fraud: P(X ≥ x) < threshold, exactly.

    Args:
        sampled: leaves of the sample, 1 to 1,000.
        mismatch: p_mismatch in 10⁻¹⁸, in (0, 1/2).
        threshold: fraud_threshold in 10⁻¹⁸, in (0, 1/100).

    Raises:
        JudgementError: outside of these ranges.
    """
    legal = 0 < mismatch < fixed.ONE // 2 and 0 < threshold < fixed.ONE // 100
    if not legal or not 1 <= sampled <= MAX_SAMPLE:
        raise JudgementError(f"no fraud limit for {sampled} leaves, {mismatch}, {threshold}")
    p, t = Fraction(mismatch, fixed.ONE), Fraction(threshold, fixed.ONE)
    a, q = p.numerator, p.denominator - p.numerator
    tail, term = p.denominator**sampled, q**sampled
    bound = t.numerator * tail
    limit = 0
    while tail * t.denominator >= bound:
        tail -= term
        term = term * (sampled - limit) * a // ((limit + 1) * q)
        limit += 1
    return limit


def verdict_kind(
    *,
    sampled: int,
    invalid: int,
    unavailable: bool,
    structural: bool,
    mismatch: int,
    threshold: int,
) -> Kind:
    """What a verdict means; mismatch and threshold as for `fraud_limit`."""
    if unavailable:
        return Kind.UNAVAILABLE
    if structural or invalid >= fraud_limit(sampled, mismatch, threshold):
        return Kind.FRAUD
    return Kind.HONEST


def claims(batches: Sequence[tuple[int, int, int]]) -> int:
    """Nonces of batches (node_index, batch_id, count). Raises JudgementError out of order."""
    ordered = all(a[:2] < b[:2] for a, b in pairwise(batches))
    if not ordered or any(count == 0 for _, _, count in batches):
        raise JudgementError("batches must ascend by node index, then id, none of them empty")
    total = 0
    for _, _, count in batches:
        total = fixed.add(total, count)
    return total


def sample(
    seed: bytes, holder: bytes, host: bytes, size: int, batches: Sequence[tuple[int, int, int]]
) -> list[tuple[int, int, int, int]]:
    """The leaves that holder verifies: (claim, node_index, batch_id, leaf), ascending."""
    drawn = draw.sample(seed, holder, host, size, claims(batches))
    ends = list(accumulate(count for _, _, count in batches))
    leaves: list[tuple[int, int, int, int]] = []
    at = 0
    for claim in drawn:
        while claim >= ends[at]:
            at += 1
        node, batch, count = batches[at]
        leaves.append((claim, node, batch, claim - (ends[at] - count)))
    return leaves


def work_proof(holder: bytes, host: bytes, epoch: int, digests: Sequence[bytes]) -> bytes:
    """SHA-256(lp("work") ‖ lp(holder) ‖ lp(host) ‖ be64(epoch) ‖ digests)."""
    parts = [len(f).to_bytes(4, "big") + f for f in (b"work", holder, host)]
    return hashlib.sha256(b"".join([*parts, epoch.to_bytes(8, "big"), *digests])).digest()


def outcomes(drawn: U64 | int, honest_N: U64, fraud_N: U64, unavailable_N: U64) -> U8:
    """Outcomes by majorities of all drawn seats, each array (N,)."""
    half = u64(drawn) // np.uint64(2)
    return choose(
        Outcome.NO_QUORUM,
        (fraud_N > half, Outcome.FRAUD),
        (unavailable_N > half, Outcome.UNAVAILABLE),
        (honest_N > half, Outcome.ACCEPTED),
        (fraud_N + unavailable_N > honest_N, Outcome.REJECTED),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Verdicts that opened, one a holder and host, each array (V,).

    holder orders holders as their addresses do; it breaks ties of the ratio.
    """

    host: I64
    holder: I64
    seats: U64
    sampled: U64
    invalid: U64


def trimmed_basis(findings: Findings, hosts: int) -> tuple[U64, U64]:
    """What decides each host's credit: sums of sampled and invalid over the kept seats.

    Each verdict stands once per seat, by ratio and holder; ⌊m/4⌋ fall at either end.

    Returns:
        S (N,) and I (N,); zeros for a host without findings.

    Raises:
        JudgementError: when a verdict sampled nothing or has more invalid leaves than leaves.
    """
    if some(findings.sampled == 0) or some(findings.invalid > findings.sampled):
        raise JudgementError("a credit needs seats that sampled at least one leaf")
    # Ratios of integers up to 1,000 differ by 10⁻⁶ or are the same float64.
    ratio_V = findings.invalid.astype(np.float64) / findings.sampled
    order = np.lexsort((findings.holder, ratio_V, findings.host))
    host_V, seats_V = findings.host[order], findings.seats[order].astype(np.int64)
    entries_N = np.bincount(host_V, weights=seats_V, minlength=hosts).astype(np.int64)
    first_N = np.concatenate(([0], np.cumsum(entries_N)[:-1]))
    end_V = np.cumsum(seats_V) - first_N[host_V]
    low_V = entries_N[host_V] // 4
    high_V = entries_N[host_V] - low_V
    kept_V = np.maximum(0, np.minimum(end_V, high_V) - np.maximum(end_V - seats_V, low_V))
    sums = (
        # At most 128 seats of 1,000 leaves, far below where float64 stops counting.
        np.bincount(host_V, weights=kept_V * values[order].astype(np.int64), minlength=hosts)
        for values in (findings.sampled, findings.invalid)
    )
    sampled_N, invalid_N = (s.astype(np.uint64) for s in sums)
    return sampled_N, invalid_N


def credits_each(claimed_N: U64, sampled_N: U64, invalid_N: U64) -> U64:
    """Claimed − ⌈2·claimed·I/S⌉, not below 0; nothing without a sampled leaf."""
    some_N: Bool = np.uint64(2) * invalid_N < sampled_N
    credited_N = claimed_N * some_N
    at = np.flatnonzero((invalid_N > 0) & some_N)
    if len(at):
        credited_N[at] -= fixed.ceil_each(
            claimed_N[at], np.uint64(2) * invalid_N[at], sampled_N[at]
        )
    return credited_N


def node_credits(claimed_K: U64, credited_K: U64, host_claimed_K: U64) -> U64:
    """A node's part of its host's credit, ⌊claimed_node·credited/claimed⌋."""
    legal_K = (claimed_K <= host_claimed_K) & (credited_K <= host_claimed_K) & (host_claimed_K > 0)
    part_K = claimed_K * legal_K
    at = np.flatnonzero(legal_K & (credited_K < host_claimed_K))
    if len(at):
        part_K[at] = fixed.floor_each(part_K[at], credited_K[at], host_claimed_K[at])
    return part_K


@dataclass(frozen=True, slots=True, kw_only=True)
class Cases:
    """What decides the credit of hosts in a round, each array (N,); see core/poc Case."""

    claimed: U64
    min_host_nonces: int
    electorate: U64
    seats: U64
    member: Bool
    carried: U64
    honest: U64
    fraud: U64
    unavailable: U64
    basis_sampled: U64
    basis_invalid: U64


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgements:
    """The decisions, each array (N,)."""

    outcome: U8
    sole_member: Bool
    credited: U64


def judge(cases: Cases) -> Judgements:
    """Decide outcome and credit of every host. Raises JudgementError on impossible seats."""
    c = cases
    if some(c.honest + c.fraud + c.unavailable > c.seats):
        raise JudgementError("ballots do not match the drawn seats")
    none_N, few_N = c.claimed == 0, c.claimed < np.uint64(c.min_host_nonces)
    unjudged_N = c.electorate == 0
    sole_N: Bool = ~none_N & ~few_N & unjudged_N & c.member
    outcome_N = choose(
        outcomes(c.seats, c.honest, c.fraud, c.unavailable),
        (none_N, Outcome.NO_BATCH),
        (few_N, Outcome.BELOW_MINIMUM),
        (sole_N, Outcome.ACCEPTED),
        (unjudged_N, Outcome.NO_QUORUM),
    )
    credited = credits_each(c.claimed, c.basis_sampled, c.basis_invalid)
    credited *= outcome_N == Outcome.ACCEPTED
    stays_N = outcome_N == Outcome.NO_QUORUM
    np.copyto(credited, np.minimum(c.claimed, c.carried), where=stays_N)
    np.copyto(credited, c.claimed, where=sole_N)
    return Judgements(outcome=outcome_N, sole_member=sole_N, credited=credited)
