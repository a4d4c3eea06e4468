"""Stage 9: what models serve, what it costs, and who keeps serving through the next PoC."""

import math
from typing import Any

import numpy as np

from simulation import compiler, throughput, timeslot, weight
from simulation.arrays import F64, I64, U64, Bool, largest, total, u64
from simulation.compiler import Kernel
from simulation.network import Network, State
from simulation.randomness import Streams, block_hash
from simulation.scenario import Behaviour

# Broadcast over nodes of which none has a change that waits.
_NONE = np.zeros(1, np.bool_)

_ALL = np.ones(1, np.bool_)


def capacity(network: Network, state: State, mask_K: Bool) -> U64:
    """Tokens a period that nodes of any weight can really serve, by model (M,).

    mask_K is (K,), whose nodes are there, or (1,) for all of them.
    """
    if compiler.ready():
        sums_M = np.zeros(network.models)
        _capacity(state.model_K, state.node_weight_K, network.tokens_K, mask_K, sums_M)
        return sums_M.astype(np.uint64)
    serving_K = mask_K & (state.node_weight_K > 0)
    return network.by_model(state.model_K, network.tokens_K * serving_K)


@Kernel
def _capacity(model_K: Any, weight_K: Any, tokens_K: Any, mask_K: Any, sums_M: Any) -> None:
    step = len(mask_K) > 1
    for k in range(len(model_K)):
        if mask_K[k * step] and model_K[k] >= 0 and weight_K[k] > 0:
            sums_M[model_K[k]] += tokens_K[k]


def demand(network: Network, state: State, streams: Streams) -> F64:
    """Tokens a period that users ask for, by model (M,)."""
    market = network.scenario.market
    base_M = np.array([m.demand for m in network.scenario.models]) * state.first_capacity_M
    # Beyond what a float holds, demand is more than anybody can serve anyway.
    grown = math.exp(min(600.0, state.epoch * math.log(market.demand_growth)))
    dear = state.price / network.params.integer("initial_unit_price")
    noise_M = np.exp(0.05 * streams.demand.standard_normal(network.models))
    return base_M * noise_M * grown * dear**-market.price_elasticity


def serve(network: Network, state: State, asked_M: F64, online_N: Bool) -> None:
    """Measure PRE_POC_SLOT: what hosts that are online serve, of the models that anybody holds."""
    state.capacity_M = capacity(network, state, _ALL)
    state.served_M = state.capacity_M > 0
    if not state.served_M.all():
        state.served_M = network.by_model(state.model_K, state.node_weight_K) > 0
    online_M = state.capacity_M
    if not online_N.all():
        online_M = capacity(network, state, network.of.each(online_N))
    state.real_M = np.floor(np.minimum(asked_M, online_M)).astype(np.uint64)


def allocate(network: Network, state: State, seed: int, replica: int) -> Bool:
    """Nodes (K,) that get POC_SLOT for the next PoC, by the scenario's rule."""
    p = network.params
    serves_K = np.zeros(network.nodes, np.bool_)
    may_N = state.histories.eligible(p.integer("max_consecutive_preserved_epochs"))
    seed_ = block_hash(seed, replica, state.epoch)
    hops_K = None
    if network.has(Behaviour.MODEL_HOPPER):
        hops_K = network.of.each(network.does(Behaviour.MODEL_HOPPER))
    fraction = p.decimal("max_serving_fraction")
    for index, model in enumerate(network.scenario.models):
        mine, host_K = _members(network, state, index)
        if len(mine) == 0:
            continue
        if network.scenario.slot_rule != "by_weight":
            serves_K[_alternative(network, state, mine, may_N, fraction)] = True
            continue
        required, throughput_K = int(state.real_M[index]), throughputs(network, state, mine, index)
        model_total = min(total(throughput_K), weight.MAX_THROUGHPUT)
        if largest(throughput_K) >= required:
            # Such a node ends the draw, whatever it has beyond what is required.
            throughput_K = np.minimum(throughput_K, np.uint64(required))
        made = timeslot.allocate(
            seed=seed_,
            model=model.id,
            required=required,
            model_total=model_total,
            max_serving_fraction=fraction,
            weight_N=state.weight_N,
            may_N=may_N,
            host_K=host_K,
            throughput_K=throughput_K,
            pending_K=_NONE if hops_K is None else hops_K[mine],
        )
        serves_K[mine[made.picks]] = True
    return serves_K


def throughputs(network: Network, state: State, mine: I64, model: int) -> U64:
    """What nodes that belong to a model promise by their weight, in tokens a PoC period."""
    lengths = network.params.lengths
    per_nonce = u64(network.scenario.models[model].throughput_per_nonce)
    weight_K = state.node_weight_K[mine]
    return weight.throughputs(weight_K, per_nonce, lengths.poc_period, lengths.generation)


def expected(network: Network, state: State) -> list[int]:
    """What the epoch that was formed is expected to serve before PoC, by model (M,).

    The model's real value of the epoch before; what its nodes promise where it has none.
    """
    out: list[int] = []
    for m in range(network.models):
        before = int(state.real_M[m]) if state.served_M[m] else None
        promises = promised(network, state, m) if before is None else 0
        out.append(throughput.expected(before, promises))
    return out


def promised(network: Network, state: State, model: int) -> int:
    """Tokens a period that all nodes of a model promise, as its subgroup sums them up."""
    mine, _ = _members(network, state, model)
    return min(total(throughputs(network, state, mine, model)), weight.MAX_THROUGHPUT)


def _members(network: Network, state: State, model: int) -> tuple[I64, I64]:
    """Nodes of any weight that belong to a model, and their hosts."""
    if compiler.ready():
        found = np.empty((2, network.nodes), np.int64)
        facts = state.model_K, state.node_weight_K, network.of.host_K
        count = _belonging(*facts, model, found)
        return found[0, :count], found[1, :count]
    mine = np.flatnonzero((state.model_K == model) & (state.node_weight_K > 0))
    return mine, network.of.host_K[mine]


@Kernel
def _belonging(model_K: Any, weight_K: Any, host_K: Any, model: Any, found: Any) -> Any:
    count = 0
    for k in range(len(model_K)):
        if model_K[k] == model and weight_K[k] > 0:
            found[0, count], found[1, count] = k, host_K[k]
            count += 1
    return count


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
