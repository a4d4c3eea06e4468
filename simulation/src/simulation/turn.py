"""Stages 6 to 9 of an epoch by the twins, over arrays: judged, formed, settled."""

from dataclasses import dataclass

import numpy as np

from simulation import poc, reward, timeslot, weight
from simulation.arrays import U64, Bool, sums_by, total, u64
from simulation.claims import Claims
from simulation.judging import Tally, judge
from simulation.network import Network, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What a settlement of the effective epoch shares and knows, should a round end it."""

    epoch: reward.Epoch
    drawn_N: U64
    cast_N: U64
    fraud_N: Bool  # in an earlier round of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A round judged, the next epoch formed, and the one that ends settled."""

    judged: poc.Judgements
    formed: weight.Weights
    settled: reward.Settlements
    covers_N: Bool
    carried_N: U64  # mined credit, if accepted
    histories: timeslot.Histories
    weight_K: U64  # of the next epoch, after the cut to the last full round
    weight_N: U64
    formed_total: int
    kept_old: int  # what the hosts that are kept weigh in the epoch that ends
    paid: int


def turn(
    network: Network,
    state: State,
    claims: Claims,
    tally: Tally,
    nodes: weight.Nodes,
    ended: Ended,
    floor: reward.MulDivFloor,
) -> Turn:
    """Outcomes, weights cut to the last full round, and rewards should the epoch end."""
    of = network.of
    judged = judge(network, state, claims, tally)
    formed = weight.compute_new_weights(
        claimed_N=claims.claimed_N,
        jailed_N=np.zeros(network.hosts, np.bool_),
        judged=judged,
        nodes=nodes,
    )
    any_preserved_N = of.any(state.serves_K)
    weight_K = timeslot.cap_preserved_each(
        formed.node_weight, of, formed.weight, state.histories.full_weight, any_preserved_N
    )
    weight_N = of.sums(weight_K)
    settled = _settle(network, state, judged, ended, floor)
    return Turn(
        judged=judged,
        formed=formed,
        settled=settled,
        covers_N=settled.hosts.covers,
        carried_N=formed.mined * (judged.outcome == poc.Outcome.ACCEPTED),
        histories=state.histories.after(
            weight=weight_N,
            any_preserved=any_preserved_N,
            fleet_changed=np.zeros(network.hosts, np.bool_),
        ),
        weight_K=weight_K,
        weight_N=weight_N,
        formed_total=total(weight_N),
        kept_old=total(state.weight_N * (weight_N > 0)),
        paid=total(settled.total),
    )


def _weight_by_model(network: Network, state: State) -> U64:
    """Weights that belong to models (N, M); one column of all weights without models."""
    if network.models <= 1:
        belongs_K = state.model_K >= 0
        return network.of.sums(state.node_weight_K * belongs_K)[:, None]
    weight_K = np.where(state.model_K >= 0, state.node_weight_K, np.uint64(0))
    flat_K = network.of.host_K * network.models + np.maximum(state.model_K, 0)
    # Weights of a host are below 2⁴¹, so float64 counts them exactly.
    sums = sums_by(flat_K, weight_K, network.hosts * network.models)
    return sums.astype(np.uint64).reshape(network.hosts, network.models)


def _settle(
    network: Network,
    state: State,
    judged: poc.Judgements,
    ended: Ended,
    floor: reward.MulDivFloor,
) -> reward.Settlements:
    weight_NM = _weight_by_model(network, state)
    _, covers_N = reward.coverage(
        state.weight_N,
        weight_NM[:, weight_NM.any(axis=0)],
        network.params.integer("coverage_spread"),
    )
    return reward.settle_amounts(
        ended.epoch,
        reward.Hosts(
            weight=state.weight_N,
            seats_drawn=ended.drawn_N,
            seats_cast=ended.cast_N,
            unjailed_blocks=u64(ended.epoch.blocks),
            covers=covers_N,
            forfeited=(ended.fraud_N | (judged.outcome == poc.Outcome.FRAUD))
            * np.uint8(reward.Forfeiture.FRAUD),
        ),
        floor,
    )
