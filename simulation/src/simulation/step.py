"""One epoch of the chain over arrays: the nine stages, in their order."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from simulation import fixed, poc, reward, slots, timeslot, weight
from simulation.arrays import U64, Bool, sums_by, total
from simulation.claims import Claims, claim
from simulation.judging import Round, judge
from simulation.network import Network, State
from simulation.randomness import Streams
from simulation.scenario import Behaviour
from simulation.throughput import kept_weights

Floor = Callable[[U64, U64 | int, U64 | int], U64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What happened in an epoch, for metrics. Arrays are of the epoch that was settled."""

    claims: Claims
    round: Round
    formed: weight.Weights
    settled: reward.Settlements
    paid_weight_N: U64
    covers_N: Bool
    reward: int
    abandoned: bool
    serving_share: float  # of the models' capacity, during PoC


def fast_floor_each(a_N: U64, b: U64 | int, c: U64 | int) -> U64:
    """⌊a·b/c⌋ in float64: wrong by at most 1 below 2⁵⁰. For searches; `exact` is the default."""
    product_N = a_N.astype(np.float64) * np.asarray(b, np.float64)
    return np.floor(product_N / np.asarray(c, np.float64)).astype(np.uint64)


def step(
    network: Network,
    state: State,
    streams: Streams,
    *,
    replica: int = 0,
    floor: Floor = fixed.floor_each,
) -> Report:
    """Run one epoch and move the state on.

    Raises:
        SimulationError: when facts contradict each other; never on a legal scenario.
    """
    p = network.params
    _hop(network, state)
    claims = claim(network, state, streams)
    decided = judge(network, state, claims, streams)
    served_M, serving_share = _serve_through_poc(network, state)
    formed, any_preserved_N, node_weight_K = _form(network, state, claims, decided, served_M)
    weight_N = weight.sum_by_host(node_weight_K, network.host_K, network.hosts)
    old_weight_N, old_total = state.weight_N, total(state.weight_N)
    settled, amount, covers_N = _settle(network, state, decided, old_weight_N, old_total, floor)
    kept_old = total(np.where(weight_N > 0, old_weight_N, np.uint64(0)))
    becomes_effective = weight.kept(
        formed_total=total(weight_N),
        old_total=old_total,
        kept_old=kept_old,
        min_kept_power=p.decimal("min_kept_power"),
    )
    if becomes_effective:
        state.weight_N, state.node_weight_K = weight_N, node_weight_K
        accepted_N = decided.judged.outcome == poc.Outcome.ACCEPTED
        state.carried_N = np.where(accepted_N, formed.mined, np.uint64(0))
        state.histories = state.histories.after(
            weight=weight_N,
            any_preserved=any_preserved_N,
            fleet_changed=np.zeros(network.hosts, np.bool_),
        )
    _serve(network, state, streams, replica, becomes_effective)
    _market(network, state, settled)
    state.epoch += 1
    return Report(
        claims=claims,
        round=decided,
        formed=formed,
        settled=settled,
        paid_weight_N=old_weight_N,
        covers_N=covers_N,
        reward=amount,
        abandoned=not becomes_effective,
        serving_share=serving_share,
    )


def _hop(network: Network, state: State) -> None:
    if network.models > 1 and network.does(Behaviour.MODEL_HOPPER).any():
        hops_K = network.does(Behaviour.MODEL_HOPPER)[network.host_K] & (state.model_K >= 0)
        state.model_K = np.where(hops_K, (state.model_K + 1) % network.models, state.model_K)


def _serve_through_poc(network: Network, state: State) -> tuple[U64, float]:
    """Tokens that preserved nodes served, by model, and their share of the capacity."""
    online = slots.capacity(network, state, state.serves_K)
    everything = slots.capacity(network, state, np.ones(len(network.host_K), np.bool_))
    served_M = np.floor(np.minimum(online, state.real_M.astype(np.float64))).astype(np.uint64)
    share = float(online.sum() / everything.sum()) if everything.sum() > 0 else 0.0
    return served_M, share


def _form(
    network: Network, state: State, claims: Claims, decided: Round, served_M: U64
) -> tuple[weight.Weights, Bool, U64]:
    """Stage 7: weights of hosts and nodes, cut to the last full round where some served."""
    carried_K = state.node_weight_K
    if network.params.switch("throughput_validation_enabled") and network.models:
        at = np.maximum(state.model_K, 0)
        real_K = np.where(state.model_K >= 0, served_M[at], np.uint64(0))
        promised_M = np.floor(
            sums_by(at, network.tokens_K * state.serves_K, network.models)
        ).astype(np.uint64)
        expected_K = np.minimum(promised_M, state.real_M)[at]
        carried_K = kept_weights(carried_K, real_K, expected_K)
    away_K = ~state.active_N[network.host_K]
    nodes = weight.Nodes(
        host=network.host_K,
        standing=np.where(away_K, np.uint8(weight.Standing.GONE), np.uint8(0)).astype(np.uint8),
        claimed=claims.claimed_K,
        serves=state.serves_K,
        carried=carried_K,
    )
    formed = weight.compute_new_weights(
        claimed_N=claims.claimed_N,
        jailed_N=np.zeros(network.hosts, np.bool_),
        judged=decided.judged,
        nodes=nodes,
    )
    any_preserved_N = np.bincount(network.host_K[state.serves_K], minlength=network.hosts) > 0
    capped_K = timeslot.cap_preserved_each(
        formed.node_weight,
        network.host_K,
        formed.weight,
        state.histories.full_weight,
        any_preserved_N,
    )
    return formed, any_preserved_N, capped_K


def _settle(
    network: Network, state: State, decided: Round, weight_N: U64, whole: int, floor: Floor
) -> tuple[reward.Settlements, int, Bool]:
    """Stage 8 and the settlement in stage 9, of the epoch that ends."""
    p, m = network.params, max(1, network.models)
    belongs_K = state.model_K >= 0
    flat = network.host_K * m + np.maximum(state.model_K, 0)
    by_model = weight.sum_by_host(
        np.where(belongs_K, state.node_weight_K, np.uint64(0)),
        network.host_K,
        network.hosts,
    )[:, None]
    if network.models > 1:
        weights = np.where(belongs_K, state.node_weight_K, np.uint64(0)).astype(np.float64)
        # Weights of nodes are below 2³², so float64 counts them exactly.
        sums = sums_by(flat, weights, network.hosts * m)
        by_model = sums.astype(np.uint64).reshape(network.hosts, m)
    served = by_model.any(axis=0)
    _, covers_N = reward.coverage(weight_N, by_model[:, served], p.integer("coverage_spread"))
    bonus = p.decimal("coverage_bonus")
    amount = 0
    # Genesis earns nothing: its weights were never proven.
    if state.epoch > 0:
        amount = reward.epoch_reward(
            subsidy=state.subsidy,
            minted_total=state.minted,
            max_supply=p.integer("max_supply"),
            coverage_bonus=bonus,
        )
        state.subsidy = reward.next_subsidy(state.subsidy, p.decimal("decay_factor"))
    fraud_N = decided.judged.outcome == poc.Outcome.FRAUD
    blocks = p.lengths.cycle
    settled = reward.settle_amounts(
        reward.Epoch(
            reward=amount, total_weight=max(1, whole), blocks=blocks, coverage_bonus=bonus
        ),
        reward.Hosts(
            weight=weight_N,
            seats_drawn=decided.drawn_N,
            seats_cast=decided.cast_N,
            unjailed_blocks=np.full(network.hosts, blocks, np.uint64),
            covers=covers_N,
            forfeited=fraud_N.astype(np.uint8) * np.uint8(reward.Forfeiture.FRAUD),
        ),
        floor,
    )
    state.minted += total(settled.total)
    state.income_N = state.income_N + settled.total
    return settled, amount, covers_N


def _serve(network: Network, state: State, streams: Streams, replica: int, effective: bool) -> None:
    if network.models == 0:
        return
    expected_M = state.real_M if state.real_M.any() else state.capacity_0_M.astype(np.uint64)
    slots.serve(network, state, slots.demand(network, state, streams), expected_M)
    # What a node promises: its capacity as its proof implies it.
    promised_K = np.floor(network.tokens_K).astype(np.uint64)
    state.serves_K = np.zeros(len(network.host_K), np.bool_)
    if effective:
        state.serves_K = slots.allocate(network, state, promised_K, network.scenario.seed, replica)


def _market(network: Network, state: State, settled: reward.Settlements) -> None:
    """Hosts below cost leave, hosts that would earn enter, `speed` of them at a time."""
    market = network.scenario.market
    if market.speed == 0 or state.epoch == 0:
        return
    hours = network.params.lengths.cycle * network.scenario.block_seconds / 3600
    earned_N = settled.total.astype(np.float64) / 1e6 * market.coin_usd
    cost_N = network.usd_hour_N * hours
    proven_N = sums_by(network.host_K, network.mean_K, network.hosts)
    paid = earned_N.sum() / max(1.0, float(proven_N[state.active_N].sum()))
    would_earn_N = np.where(state.active_N, earned_N, proven_N * paid)
    # A tenth of the hosts decides by a fixed order, so that all do not leave at once.
    turn_N = (np.arange(network.hosts) * 2654435761 + state.epoch * 97) % 1000
    moves_N = turn_N < 1000 * market.speed
    leaves_N = state.active_N & (would_earn_N < cost_N) & moves_N
    enters_N = ~state.active_N & (would_earn_N > 1.1 * cost_N) & moves_N
    state.active_N = (state.active_N & ~leaves_N) | enters_N
