"""The arrays of a network: hosts by fleet, nodes by host. Host i has the i-th address."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from simulation import timeslot
from simulation.arrays import F64, I64, U64, Bool, Owners, owners, sums_by
from simulation.epoch import Lengths
from simulation.params import Params
from simulation.scenario import Behaviour, Fleet, Scenario, gpus

# The parameters that a run reads. What any other does on the chain, no run can say.
MODELLED = frozenset(
    {
        *Lengths.__dataclass_fields__,
        "coverage_bonus",
        "coverage_spread",
        "decay_factor",
        "fraud_threshold",
        "initial_epoch_subsidy",
        "initial_unit_price",
        "max_consecutive_preserved_epochs",
        "max_nonces_per_node",
        "max_serving_fraction",
        "max_supply",
        "min_host_nonces",
        "min_kept_power",
        "p_mismatch",
        "sample_size",
        "seats_per_host",
        "throughput_validation_enabled",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """What does not change in a run, hosts (N,) and nodes (K,), sorted by host."""

    scenario: Scenario
    params: Params
    of: Owners
    fleet_N: I64
    model_K: I64  # the model a node belongs to, −1 for none
    mean_K: F64  # valid nonces that a node finds in a round
    deviation_K: F64  # of that number
    tokens_K: U64  # tokens that it really serves in a PoC period, by its GPUs
    gpus_N: F64  # GPUs of a host
    usd_hour_N: F64  # what they cost an hour, together
    twin_K: Bool  # a node that shares its GPU with the one before it
    strength_N: F64
    parts_N: I64
    masks: Mapping[Behaviour, Bool]  # hosts (N,) of each behaviour that somebody shows

    def has(self, *behaviours: Behaviour) -> bool:
        """Whether any host behaves so."""
        return any(b in self.masks for b in behaviours)

    def does(self, *behaviours: Behaviour) -> Bool:
        """Hosts (N,) that behave so."""
        shown = [self.masks[b] for b in behaviours if b in self.masks]
        return np.logical_or.reduce(shown) if shown else np.zeros(self.hosts, np.bool_)

    def by_model(self, model_K: I64, values_K: U64) -> U64:
        """Sums by model (M,) of nodes that belong to one; exact below 2⁵³."""
        if self.models == 1:
            return np.add.reduce(values_K * (model_K >= 0), keepdims=True)
        values_K = np.where(model_K >= 0, values_K, np.uint64(0))
        sums = sums_by(np.maximum(model_K, 0), values_K, max(1, self.models))
        return sums.astype(np.uint64)[: self.models]

    @property
    def hosts(self) -> int:
        """N."""
        return len(self.fleet_N)

    @property
    def nodes(self) -> int:
        """K."""
        return len(self.model_K)

    @property
    def models(self) -> int:
        """M."""
        return len(self.scenario.models)


@dataclass(slots=True, kw_only=True)
class State:
    """What a step changes."""

    epoch: int  # cycles that have passed
    effective: int  # epochs that took over; 0 while it is genesis
    active_N: Bool
    entered_N: Bool  # at the last switch, so that no epoch has paid them yet
    weight_N: U64
    carried_N: U64  # mined credit, if accepted
    node_weight_K: U64
    serves_K: Bool
    histories: timeslot.Histories
    subsidy: int
    minted: int
    price: int
    duty: "Duty"  # of the effective epoch, in rounds whose epochs were abandoned
    served_M: Bool  # whether the effective epoch has nodes of a model, and real_M was measured
    expected_M: list[int]  # tokens a period that the epoch is expected to serve before PoC
    real_M: U64  # tokens a period before PoC
    capacity_M: U64  # tokens a period that nodes of any weight can serve, were all online
    first_capacity_M: U64  # at genesis, which demand is a share of
    model_K: I64  # the model that a node of the effective epoch belongs to, −1 for none
    declared_K: I64  # the same of the fleets' latest versions, which the epoch that opens takes
    income_N: U64
    hours_N: F64  # that a host took part in, of epochs that were settled and are paid


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """What a settlement knows of hosts (N,) beside their weights, of some rounds."""

    rounds: int
    drawn_N: U64
    cast_N: U64
    fraud_N: Bool


def no_duty(hosts: int) -> Duty:
    """Before the first round."""
    zeros_N = np.zeros(hosts, np.uint64)
    return Duty(rounds=0, drawn_N=zeros_N, cast_N=zeros_N, fraud_N=np.zeros(hosts, np.bool_))


def build(scenario: Scenario, rng: np.random.Generator) -> Network:
    """The network of a scenario; rng draws the sizes of hosts."""
    params = scenario.parameters
    ids = [m.id for m in scenario.models]
    seconds = params.lengths.generation * scenario.block_seconds
    period_seconds = params.lengths.poc_period * scenario.block_seconds
    hosts: list[tuple[int, int]] = []  # fleet, nodes
    for index, fleet in enumerate(scenario.fleets):
        hosts += [(index, n) for n in _nodes_of_hosts(fleet)]
    fleet_N = np.array([f for f, _ in hosts], np.int64)
    nodes_N = np.array([n for _, n in hosts], np.int64)
    host_K = np.repeat(np.arange(len(hosts)), nodes_N)
    rank_K = np.arange(len(host_K)) - np.repeat(np.cumsum(nodes_N) - nodes_N, nodes_N)
    size_N = np.ones(len(hosts))
    for index, fleet in enumerate(scenario.fleets):
        mine = fleet_N == index
        spread = fleet.size_spread
        size_N[mine] = np.exp(rng.standard_normal(int(mine.sum())) * spread - spread**2 / 2)
    per = _per_fleet(scenario)
    fleet_K = fleet_N[host_K]
    twin_K = (per["farms"][fleet_K] > 0) & (rank_K % 2 == 1)
    scale_K = size_N[host_K] * per["gpus"][fleet_K] * np.where(per["farms"][fleet_K] > 0, 0.5, 1.0)
    gpus_N = sums_by(host_K, scale_K, len(hosts))
    mean_K = per["nonces"][fleet_K] * scale_K * seconds
    tokens_K = per["tokens"][fleet_K] * scale_K * period_seconds
    return Network(
        scenario=scenario,
        params=params,
        of=owners(host_K, len(hosts)),
        fleet_N=fleet_N,
        model_K=_belonging(scenario, ids, fleet_K, rank_K, nodes_N[host_K]),
        mean_K=mean_K,
        deviation_K=np.sqrt(mean_K),
        tokens_K=np.floor(tokens_K * per["serves"][fleet_K]).astype(np.uint64),
        gpus_N=gpus_N,
        usd_hour_N=gpus_N * per["usd"][fleet_N],
        twin_K=twin_K,
        strength_N=np.array([f.strength for f in scenario.fleets])[fleet_N],
        parts_N=np.array([f.parts for f in scenario.fleets], np.int64)[fleet_N],
        masks=_masks(scenario, fleet_N),
    )


def _nodes_of_hosts(fleet: Fleet) -> list[int]:
    """Nodes of each host of a fleet. A splitter deals its nodes out to `parts` hosts."""
    nodes = fleet.nodes * (2 if fleet.behaviour is Behaviour.SLOT_FARMER else 1)
    if fleet.behaviour is not Behaviour.SYBIL or fleet.parts == 1:
        return [nodes] * fleet.hosts
    dealt = [nodes // fleet.parts + (i < nodes % fleet.parts) for i in range(fleet.parts)]
    return dealt * fleet.hosts


def _per_fleet(scenario: Scenario) -> dict[str, F64]:
    of = gpus()
    fleets = scenario.fleets
    return {
        "nonces": np.array([of[f.gpu].nonces_per_second for f in fleets]),
        "tokens": np.array([of[f.gpu].tokens_per_second for f in fleets]),
        "usd": np.array([of[f.gpu].usd_per_hour for f in fleets]),
        "gpus": np.array([float(f.gpus) for f in fleets]),
        "serves": np.array([_serves(f) for f in fleets]),
        "farms": np.array([float(f.behaviour is Behaviour.SLOT_FARMER) for f in fleets]),
    }


def _masks(scenario: Scenario, fleet_N: I64) -> dict[Behaviour, Bool]:
    masks: dict[Behaviour, Bool] = {}
    for index, fleet in enumerate(scenario.fleets):
        mine_N = fleet_N == index
        masks[fleet.behaviour] = masks.get(fleet.behaviour, False) | mine_N
    return masks


def _serves(fleet: Fleet) -> float:
    """The share of the tokens of its GPUs that a fleet really serves."""
    if fleet.behaviour is Behaviour.THROUGHPUT_OVERCLAIMER:
        return 1.0 - fleet.strength
    return 0.0 if fleet.behaviour is Behaviour.FREE_RIDER else 1.0


def _belonging(scenario: Scenario, ids: list[str], fleet_K: I64, rank_K: I64, nodes_K: I64) -> I64:
    """The model of each node: dealt out in turn, or the least that covers."""
    model_K = np.full(len(fleet_K), -1, np.int64)
    spread = scenario.parameters.integer("coverage_spread")
    for index, fleet in enumerate(scenario.fleets):
        mine = fleet_K == index
        listed = np.array([ids.index(m) for m in fleet.models], np.int64)
        if len(listed) == 0:
            continue
        rank = rank_K[mine]
        if fleet.behaviour is Behaviour.COVERAGE_MINIMALIST and len(listed) > 1:
            # The least number of nodes whose share reaches 1/(spread·M), for all but the first.
            least = -(-nodes_K[mine] // (spread * len(scenario.models)))
            at = np.minimum((rank // least) + 1, len(listed))
            model_K[mine] = listed[at % len(listed)]
        else:
            model_K[mine] = listed[rank % len(listed)]
    return model_K


def start(network: Network) -> State:
    """Epoch 0: everybody weighs what it proves on average, as genesis would state it."""
    p = network.params
    node_weight_K = np.rint(network.mean_K).astype(np.uint64)
    weight_N = network.of.sums(node_weight_K)
    capacity_M = network.by_model(network.model_K, network.tokens_K)
    return State(
        epoch=0,
        effective=0,
        active_N=np.ones(network.hosts, np.bool_),
        entered_N=np.zeros(network.hosts, np.bool_),
        weight_N=weight_N,
        carried_N=weight_N,
        node_weight_K=node_weight_K,
        serves_K=np.zeros(network.nodes, np.bool_),
        histories=timeslot.new_histories(network.hosts),
        subsidy=p.integer("initial_epoch_subsidy"),
        minted=0,
        price=p.integer("initial_unit_price"),
        duty=no_duty(network.hosts),
        served_M=np.zeros(network.models, np.bool_),
        expected_M=[0] * network.models,
        real_M=np.zeros(network.models, np.uint64),
        capacity_M=capacity_M,
        first_capacity_M=capacity_M,
        model_K=network.model_K,
        declared_K=network.model_K,
        income_N=np.zeros(network.hosts, np.uint64),
        hours_N=np.zeros(network.hosts),
    )
