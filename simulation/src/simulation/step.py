"""One epoch of the chain over arrays: the nine stages, in their order."""

from dataclasses import dataclass

import numpy as np

from simulation import compiler, fixed, fused, poc, price, reward, slots, weight
from simulation.arrays import U64, Bool, some, sums_by, total
from simulation.claims import Claims, claim
from simulation.judging import Tally, deal_out, hear, silent
from simulation.network import Duty, Network, State, no_duty
from simulation.randomness import Streams
from simulation.scenario import Behaviour
from simulation.throughput import kept_weights
from simulation.turn import Ended, Turn, turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What a round decided, each array (N,)."""

    judged: poc.Judgements
    tally: Tally


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
    kept_share: float  # of the old weight, held by the hosts that the formed epoch keeps
    serving_share: float  # of the models' capacity, during PoC


# A quotient of float64 is taken this much too low, so that its roundings never pass the true one.
_TOO_LOW = 1.0 - 2.0**-50
_FAST_BELOW = 2.0**50


def fast_floor_each(a_N: U64, b: U64 | int, c: U64 | int) -> U64:
    """⌊a·b/c⌋ in float64: never above, and at most 1 below. For searches; `exact` is the default.

    Quotients of 2⁵⁰ and more go through `fixed.floor_each`, which is exact.
    """
    quotient_N = a_N.astype(np.float64) * np.asarray(b, np.float64) / np.asarray(c, np.float64)
    if quotient_N.max(initial=0.0) >= _FAST_BELOW:
        return fixed.floor_each(a_N, b, c)
    return np.floor(quotient_N * _TOO_LOW).astype(np.uint64)


def step(
    network: Network,
    state: State,
    streams: Streams,
    *,
    replica: int = 0,
    floor: reward.MulDivFloor = fixed.floor_each,
) -> Report:
    """Run one epoch and move the state on.

    Raises:
        SimulationError: when facts contradict each other; never on a legal scenario.
    """
    compiler.spend(network.nodes)
    _hop(network, state)
    claims = claim(network, state, streams)
    tally = hear(network, state, claims, streams)
    served_M, serving_share = _serve_through_poc(network, state, claims.online_N)
    nodes = _nodes(network, state, claims, served_M)
    old_weight_N, whole = state.weight_N, total(state.weight_N)
    if state.duty.rounds:
        # What a host cast in one round counts against what it missed in another.
        tally.drawn_N, tally.cast_N = deal_out(
            tally, old_weight_N, silent(network, claims), streams
        )
    ended = _ended_epoch(network, state, tally, whole)
    if floor is fixed.floor_each and fused.serves(ended.epoch.reward, whole, claims):
        made = fused.run(network, state, claims, tally, nodes, ended, whole)
    else:
        made = turn(network, state, claims, tally, nodes, ended, floor)
    becomes_effective = weight.kept(
        formed_total=made.formed_total,
        old_total=whole,
        kept_old=made.kept_old,
        min_kept_power=network.params.decimal("min_kept_power"),
    )
    if becomes_effective:
        settled = made.settled
        _take_over(network, state, made, ended)
    else:
        settled = reward.unsettled(made.settled.hosts)
        _go_on(network, state, claims, tally, made, streams)
    _serve(network, state, claims.online_N, streams, replica, becomes_effective)
    state.epoch += 1
    return Report(
        claims=claims,
        round=Round(judged=made.judged, tally=tally),
        formed=made.formed,
        settled=settled,
        paid_weight_N=old_weight_N,
        covers_N=made.covers_N,
        reward=ended.epoch.reward if becomes_effective else 0,
        abandoned=not becomes_effective,
        kept_share=made.kept_old / max(1, whole),
        serving_share=serving_share,
    )


def _take_over(network: Network, state: State, made: Turn, ended: Ended) -> None:
    """The formed epoch is the effective one; the one before it is paid."""
    blocks, p = ended.epoch.blocks, network.params
    _move_price(state)
    if state.effective > 0:
        hours = blocks * network.scenario.block_seconds / 3600
        state.minted += made.paid
        state.income_N = state.income_N + made.settled.total
        state.hours_N += state.active_N * hours
        state.subsidy = reward.next_subsidy(state.subsidy, p.decimal("decay_factor"))
    state.weight_N, state.node_weight_K = made.weight_N, made.weight_K
    state.model_K = state.declared_K
    state.carried_N, state.histories = made.carried_N, made.histories
    state.duty = no_duty(network.hosts)
    state.expected_M = slots.expected(network, state)
    if state.effective > 0:
        _market(network, state, made.settled, blocks)
    state.effective += 1


def _go_on(
    network: Network, state: State, claims: Claims, tally: Tally, made: Turn, streams: Streams
) -> None:
    """The formed epoch is abandoned; the effective one goes on, with this round's duty."""
    drawn_N, cast_N = tally.drawn_N, tally.cast_N
    if not state.duty.rounds:
        drawn_N, cast_N = deal_out(tally, state.weight_N, silent(network, claims), streams)
    state.duty = Duty(
        rounds=state.duty.rounds + 1,
        drawn_N=state.duty.drawn_N + drawn_N,
        cast_N=state.duty.cast_N + cast_N,
        fraud_N=state.duty.fraud_N | (made.judged.outcome == poc.Outcome.FRAUD),
    )


def _hop(network: Network, state: State) -> None:
    """Before POC_START hoppers declare another model; it counts in the epoch that opens then."""
    if network.models > 1 and network.has(Behaviour.MODEL_HOPPER):
        declared_K = state.declared_K
        hops_K = network.of.each(network.does(Behaviour.MODEL_HOPPER)) & (declared_K >= 0)
        state.declared_K = np.where(hops_K, (declared_K + 1) % network.models, declared_K)


def _serve_through_poc(network: Network, state: State, online_N: Bool) -> tuple[U64, float]:
    """Tokens that preserved nodes of hosts that are online served, by model, and their share of
    the capacity.
    """
    if not some(state.serves_K):
        return np.zeros(network.models, np.uint64), 0.0
    online_M = slots.capacity(network, state, state.serves_K & network.of.each(online_N))
    everything = int(state.capacity_M.sum())
    share = int(online_M.sum()) / everything if everything else 0.0
    return np.minimum(online_M, state.real_M), share


def _nodes(network: Network, state: State, claims: Claims, served_M: U64) -> weight.Nodes:
    """The nodes that stage 7 forms weights of, with what those that serve would keep."""
    carried_K = state.node_weight_K
    if network.params.switch("throughput_validation_enabled") and network.models:
        at_K = np.maximum(state.model_K, 0)
        real_K = np.where(state.model_K >= 0, served_M[at_K], np.uint64(0))
        # What was required when the slots were drawn, also where max_serving_fraction gave less.
        expected_K = state.real_M[at_K]
        carried_K = kept_weights(carried_K, real_K, expected_K)
    return weight.Nodes(
        owners=network.of,
        standing=network.of.each(~state.active_N) * np.uint8(weight.Standing.GONE),
        claimed=claims.claimed_K,
        serves=state.serves_K,
        carried=carried_K,
    )


def _ended_epoch(network: Network, state: State, tally: Tally, whole: int) -> Ended:
    """What the effective epoch pays if this round ends it, as its settlement would fix it."""
    p, duty = network.params, state.duty
    bonus, amount = p.decimal("coverage_bonus"), 0
    # Genesis earns nothing: its weights were never proven.
    if state.effective > 0:
        amount = reward.epoch_reward(
            subsidy=state.subsidy,
            minted_total=state.minted,
            max_supply=p.integer("max_supply"),
            coverage_bonus=bonus,
        )
    return Ended(
        epoch=reward.Epoch(
            reward=amount,
            total_weight=max(1, whole),
            blocks=p.lengths.cycle * (1 + duty.rounds),
            coverage_bonus=bonus,
        ),
        drawn_N=duty.drawn_N + tally.drawn_N if duty.rounds else tally.drawn_N,
        cast_N=duty.cast_N + tally.cast_N if duty.rounds else tally.cast_N,
        fraud_N=duty.fraud_N,
    )


def _move_price(state: State) -> None:
    """SET_NEW_VALIDATORS: the price follows the load of the epoch that ends, once it served."""
    if some(state.served_M):
        real, expected = sum(state.real_M.tolist()), sum(state.expected_M)
        state.price = price.next_price(state.price, real=real, expected=expected)


def _serve(
    network: Network,
    state: State,
    online_N: Bool,
    streams: Streams,
    replica: int,
    effective: bool,
) -> None:
    """INFERENCE: who was online in the round serves until the next one, unless it has left."""
    if network.models == 0:
        return
    if not some(state.served_M):
        # Genesis, whose nodes nobody asked for anything yet.
        state.expected_M = slots.expected(network, state)
    asked_M = slots.demand(network, state, streams)
    slots.serve(network, state, asked_M, online_N & state.active_N)
    state.serves_K = (
        slots.allocate(network, state, network.scenario.seed, replica)
        if effective
        else np.zeros(network.nodes, np.bool_)
    )


def _market(network: Network, state: State, settled: reward.Settlements, blocks: int) -> None:
    """Hosts below cost leave, hosts that would earn enter, `speed` of them at a time."""
    market = network.scenario.market
    if market.speed == 0:
        return
    cost_N = network.usd_hour_N * blocks * network.scenario.block_seconds / 3600
    earned_N = settled.total.astype(np.float64) / 1e6 * market.coin_usd
    proven_N = sums_by(network.of.host_K, network.mean_K, network.hosts)
    paid = earned_N.sum() / max(1.0, float(proven_N[state.active_N].sum()))
    unpaid_N = ~state.active_N | state.entered_N
    would_earn_N = np.where(unpaid_N, proven_N * paid, earned_N)
    # A share of the hosts decides by a fixed order, so that all do not leave at once.
    turn_N = (np.arange(network.hosts) * 2654435761 + state.epoch * 97) % 1000
    moves_N = turn_N < 1000 * market.speed
    leaves_N = state.active_N & (would_earn_N < cost_N) & moves_N
    enters_N = ~state.active_N & (would_earn_N > 1.1 * cost_N) & moves_N
    state.active_N, state.entered_N = (state.active_N & ~leaves_N) | enters_N, enters_N
