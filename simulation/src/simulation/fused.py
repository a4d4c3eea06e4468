"""Judging, forming and settling in one compiled pass, host by host.

The twins do the same over arrays, stage by stage, and are what this is held to: every number of
every epoch must be the same (tests/test_fused.py). One pass reads each host once, where the
arrays are read forty times; it serves when numba is loaded and the numbers fit.
"""

from typing import Any

import numpy as np

from simulation import compiler, poc, reward, timeslot, weight
from simulation.arrays import largest, u64
from simulation.claims import Claims
from simulation.compiler import Kernel, part
from simulation.judging import Tally
from simulation.network import Network, State
from simulation.turn import Ended, Turn

_ZERO, _ONE, _TWO = np.uint64(0), np.uint64(1), np.uint64(2)
_FIXED_ONE = np.uint64(10**18)
_ACCEPTED, _FRAUD, _UNAVAILABLE, _REJECTED, _NO_QUORUM, _BELOW_MINIMUM, _NO_BATCH = (
    np.uint8(o) for o in poc.Outcome
)
_FORFEITS = np.uint8(reward.Forfeiture.FRAUD)

# With rewards and claims below the first and weights below the second, no quotient of the pass
# leaves the range in which its guess is wrong by at most one (fixed.floor_each).
_AMOUNTS_BELOW = 2**50
_WEIGHTS_BELOW = 2**60


@part
def _mul_div(a: Any, b: Any, c: Any) -> Any:
    """⌊a·b/c⌋ by a guess in float64 and its residual in wrapping 64 bits, as fixed.floor_each."""
    q = np.uint64(np.float64(a) * (np.float64(b) / np.float64(c)))
    residual = np.int64(a * b - q * c)
    if residual < 0:
        q -= _ONE
    elif residual >= np.int64(c):
        q += _ONE
    return q


@Kernel
def _pass(
    first_N: Any,
    after_N: Any,
    active_N: Any,
    claimed_N: Any,
    claimed_K: Any,
    ballots: Any,  # honest, fraud, unavailable, sampled, invalid, each (N,)
    drawn_N: Any,
    cast_N: Any,
    before_N: Any,  # fraud in an earlier round of the epoch that may end
    weight_N: Any,
    carried_N: Any,
    node_weight_K: Any,
    preserved_K: Any,
    model_K: Any,
    serves_K: Any,
    row_N: Any,
    full_N: Any,
    numbers: Any,  # min_host_nonces, seats, whole, reward, coverage_bonus, coverage_spread
    weight_M: Any,  # takes the weight of each model
    hosts_8N: Any,  # takes outcome, sole member, covers, any preserved, forfeiture, each (N,)
    hosts_64N: Any,  # takes thirteen numbers of each host, as they are named below
    nodes_K: Any,  # takes weights of nodes, before and after the cut, each (K,)
) -> Any:
    honest_N, fraud_N, unavailable_N, sampled_N, invalid_N = ballots
    outcome_N, sole_N, covers_N, kept_N, forfeited_N = hosts_8N
    credited_N, mined_N, held_N, formed_N, capped_N = hosts_64N[:5]
    by_weight_N, by_duty_N, share_N, bonus_N, total_N = hosts_64N[5:10]
    carries_N, in_row_N, proven_N = hosts_64N[10:]
    formed_K, capped_K = nodes_K
    least, seats, whole, amount, bonus, spread = numbers
    half = seats // _TWO
    weight_M[:] = _ZERO
    for k in range(len(model_K)):
        if model_K[k] >= 0:
            weight_M[model_K[k]] += node_weight_K[k]
    served = 0
    for m in range(len(weight_M)):
        served += weight_M[m] > _ZERO
    parts = spread * np.uint64(served)
    own_M = np.zeros(len(weight_M), np.uint64)
    formed_total = kept_old = paid = _ZERO
    for n in range(len(first_N)):
        claimed, old = claimed_N[n], weight_N[n]
        sole_N[n] = 0
        credited = _ZERO
        if claimed == _ZERO:
            outcome = _NO_BATCH
        elif claimed < least:
            outcome = _BELOW_MINIMUM
        elif old == whole:
            outcome = _NO_QUORUM
            if old > _ZERO:
                outcome, credited = _ACCEPTED, claimed
                sole_N[n] = 1
        elif fraud_N[n] > half:
            outcome = _FRAUD
        elif unavailable_N[n] > half:
            outcome = _UNAVAILABLE
        elif honest_N[n] > half:
            outcome = _ACCEPTED
            if _TWO * invalid_N[n] < sampled_N[n]:
                credited = claimed
                if invalid_N[n] > _ZERO:
                    wrong = _TWO * invalid_N[n]
                    lost = _mul_div(claimed, wrong, sampled_N[n])
                    credited -= lost
                    if lost * sampled_N[n] != claimed * wrong:
                        credited -= _ONE
        elif fraud_N[n] + unavailable_N[n] > honest_N[n]:
            outcome = _REJECTED
        else:
            outcome = _NO_QUORUM
        if outcome == _NO_QUORUM:
            credited = min(claimed, carried_N[n])
        outcome_N[n], credited_N[n] = outcome, credited
        stands = active_N[n] and outcome not in (_FRAUD, _UNAVAILABLE, _REJECTED)
        own_M[:] = _ZERO
        mined = held = _ZERO
        any_serves = False
        for k in range(first_N[n], after_N[n]):
            if model_K[k] >= 0:
                own_M[model_K[k]] += node_weight_K[k]
            w = _ZERO
            if serves_K[k]:
                any_serves = True
                if stands:
                    w = preserved_K[k]
                    held += w
            elif stands and claimed > _ZERO:
                w = claimed_K[k]
                if credited != claimed:
                    w = _mul_div(w, credited, claimed)
                mined += w
            formed_K[k] = w
            capped_K[k] = w
        formed = mined + held
        kept_N[n] = any_serves
        mined_N[n], held_N[n], formed_N[n] = mined, held, formed
        carries_N[n] = mined if outcome == _ACCEPTED else _ZERO
        in_row_N[n] = row_N[n] + _ONE if any_serves else _ZERO
        if any_serves and formed > full_N[n]:
            cut = _ZERO
            for k in range(first_N[n], after_N[n]):
                capped_K[k] = _mul_div(formed_K[k], full_N[n], formed)
                cut += capped_K[k]
            formed = cut
        capped_N[n] = formed
        proven_N[n] = full_N[n] if any_serves else formed
        formed_total += formed
        if formed > _ZERO:
            kept_old += old
        covers = served > 0 and old > _ZERO
        if covers:
            line = old // parts
            if line * parts != old:
                line += _ONE
            for m in range(len(weight_M)):
                if weight_M[m] > _ZERO and own_M[m] < line:
                    covers = False
        covers_N[n] = covers
        share = _mul_div(old, amount, whole)
        by_weight_N[n] = share
        if cast_N[n] != drawn_N[n]:
            share = _mul_div(share, cast_N[n], drawn_N[n])
        by_duty_N[n] = share
        forfeited_N[n] = 0
        if outcome == _FRAUD or before_N[n]:
            share = _ZERO
            forfeited_N[n] = _FORFEITS
        share_N[n] = share
        bonus_N[n] = _mul_div(share, bonus, _FIXED_ONE) if covers else _ZERO
        total_N[n] = share + bonus_N[n]
        paid += total_N[n]
    return formed_total, kept_old, paid


def serves(amount: int, whole: int, claims: Claims) -> bool:
    """Whether the pass is there and an epoch's numbers fit it."""
    if not compiler.ready() or not 0 < whole < _WEIGHTS_BELOW:
        return False
    return amount < _AMOUNTS_BELOW and largest(claims.claimed_N) < 2**41


def run(
    network: Network,
    state: State,
    claims: Claims,
    tally: Tally,
    nodes: weight.Nodes,
    ended: Ended,
    whole: int,
) -> Turn:
    """Judge a round, form the next epoch and settle the effective one, should that end."""
    epoch = ended.epoch
    p, of, hosts = network.params, network.of, network.hosts
    hosts_8N = np.empty((5, hosts), np.uint8)
    hosts_64N = np.empty((13, hosts), np.uint64)
    nodes_K = np.empty((2, network.nodes), np.uint64)
    names = ("min_host_nonces", "seats_per_host")
    numbers = (*(p.integer(n) for n in names), whole, epoch.reward, epoch.coverage_bonus)
    formed_total, kept_old, paid = _pass(
        of.first_N,
        of.after_N,
        state.active_N,
        claims.claimed_N,
        claims.claimed_K,
        (
            tally.honest_N,
            tally.fraud_N,
            tally.unavailable_N,
            tally.sampled_N,
            tally.invalid_N,
        ),
        ended.drawn_N,
        ended.cast_N,
        ended.fraud_N,
        state.weight_N,
        state.carried_N,
        state.node_weight_K,
        nodes.carried,
        state.model_K,
        state.serves_K,
        state.histories.preserved_in_row,
        state.histories.full_weight,
        np.array([*numbers, p.integer("coverage_spread")], np.uint64),
        np.zeros(network.models, np.uint64),
        hosts_8N,
        hosts_64N,
        nodes_K,
    )
    outcome_N, sole_N, covers_N, kept_N, forfeited_N = hosts_8N
    credited_N, mined_N, held_N, formed_N, capped_N = hosts_64N[:5]
    by_weight_N, by_duty_N, share_N, bonus_N, total_N = hosts_64N[5:10]
    carries_N, in_row_N, proven_N = hosts_64N[10:]
    covers = covers_N.view(np.bool_)
    judged = poc.Judgements(
        outcome=outcome_N, sole_member=sole_N.view(np.bool_), credited=credited_N
    )
    return Turn(
        judged=judged,
        formed=weight.Weights(
            mined=mined_N,
            preserved=held_N,
            weight=formed_N,
            node_weight=nodes_K[0],
            jailed=np.zeros(1, np.bool_),
            judged=judged,
            nodes=nodes,
        ),
        settled=reward.Settlements(
            by_weight=by_weight_N,
            by_duty=by_duty_N,
            by_presence=by_duty_N,
            share=share_N,
            bonus=bonus_N,
            total=total_N,
            hosts=reward.Hosts(
                weight=state.weight_N,
                seats_drawn=ended.drawn_N,
                seats_cast=ended.cast_N,
                unjailed_blocks=u64(epoch.blocks),
                covers=covers,
                forfeited=forfeited_N,
            ),
        ),
        covers_N=covers,
        carried_N=carries_N,
        histories=timeslot.Histories(
            preserved_in_row=in_row_N,
            full_weight=proven_N,
            fleet_changed=kept_N.view(np.bool_) & state.histories.fleet_changed,
        ),
        weight_K=nodes_K[1],
        weight_N=capped_N,
        formed_total=int(formed_total),
        kept_old=int(kept_old),
        paid=int(paid),
    )
