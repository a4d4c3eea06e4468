"""Stage 9: what models serve, what it costs, and who keeps serving through the next PoC."""

import math

import numpy as np

from simulation import price, timeslot
from simulation.arrays import F64, I64, U64, Bool
from simulation.network import Network, State
from simulation.randomness import Streams, block_hash
from simulation.scenario import Behaviour

# Broadcast over nodes of which none has a change that waits.
_NONE = np.zeros(1, np.bool_)


def capacity(network: Network, state: State, mask_K: Bool) -> U64:
    """Tokens a period that nodes of any weight can really serve, by model (M,)."""
    serving_K = mask_K & (state.node_weight_K > 0)
    return network.by_model(state.model_K, network.tokens_K * serving_K)


def demand(network: Network, state: State, streams: Streams) -> F64:
    """Tokens a period that users ask for, by model (M,)."""
    market = network.scenario.market
    base_M = np.array([m.demand for m in network.scenario.models]) * state.first_capacity_M
    # Beyond what a float holds, demand is more than anybody can serve anyway.
    grown = math.exp(min(600.0, state.epoch * math.log(market.demand_growth)))
    dear = state.price / network.params.integer("initial_unit_price")
    noise_M = np.exp(0.05 * streams.demand.standard_normal(network.models))
    return base_M * noise_M * grown * dear**-market.price_elasticity


def serve(network: Network, state: State, asked_M: F64, expected_M: U64) -> None:
    """Measure PRE_POC_SLOT and move the price."""
    state.capacity_M = network.by_model(state.model_K, network.tokens_K * (state.node_weight_K > 0))
    state.real_M = np.floor(np.minimum(asked_M, state.capacity_M)).astype(np.uint64)
    real, expected = int(state.real_M.sum()), int(expected_M.sum())
    state.price = price.next_price(state.price, real=real, expected=expected)


def allocate(network: Network, state: State, seed: int, replica: int) -> Bool:
    """Nodes (K,) that get POC_SLOT for the next PoC, by the scenario's rule."""
    p = network.params
    serves_K = np.zeros(network.nodes, np.bool_)
    may_N = state.histories.eligible(p.integer("max_consecutive_preserved_epochs"))
    seed_ = block_hash(seed, replica, state.epoch)
    hops_K = None
    if network.has(Behaviour.MODEL_HOPPER):
        hops_K = network.of.each(network.does(Behaviour.MODEL_HOPPER))
    weighs_K = state.node_weight_K > 0
    fraction = p.decimal("max_serving_fraction")
    for index, model in enumerate(network.scenario.models):
        mine = np.flatnonzero((state.model_K == index) & weighs_K)
        if len(mine) == 0:
            continue
        if network.scenario.slot_rule != "by_weight":
            serves_K[_alternative(network, state, mine, may_N, fraction)] = True
            continue
        promised = network.promised_K[mine]
        made = timeslot.allocate(
            seed=seed_,
            model=model.id,
            required=int(state.real_M[index]),
            model_total=int(np.add.reduce(promised)),
            max_serving_fraction=fraction,
            weight_N=state.weight_N,
            may_N=may_N,
            host_K=network.of.host_K[mine],
            throughput_K=promised,
            pending_K=_NONE if hops_K is None else hops_K[mine],
        )
        serves_K[mine[made.picks]] = True
    return serves_K


def _alternative(network: Network, state: State, mine: I64, may_N: Bool, fraction: int) -> I64:
    """Other rules to compare with: half of each host's nodes, or a share of the weight."""
    host = network.of.host_K[mine]
    rank = np.arange(len(mine)) - np.searchsorted(host, host)
    if network.scenario.slot_rule == "per_host_half":
        count = np.searchsorted(host, host, side="right") - np.searchsorted(host, host)
        return mine[may_N[host] & (rank < count // 2)]
    order = np.lexsort((host, rank))
    running = np.cumsum(state.node_weight_K[mine][order].astype(np.float64))
    return mine[order][(running <= running[-1] * fraction / 10**18) & may_N[host[order]]]
