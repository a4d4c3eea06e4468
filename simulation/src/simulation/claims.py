"""Stages 1 to 3: what hosts prove, forge, repeat and claim."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from simulation import compiler
from simulation.arrays import F64, U64, Bool
from simulation.compiler import Kernel
from simulation.network import Network, State
from simulation.randomness import Streams
from simulation.scenario import Behaviour

FORGERS = (Behaviour.NONCE_OVERCLAIMER, Behaviour.CARTEL, Behaviour.SEED_GRINDER)

_NOBODY = np.zeros(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """Claims of a round."""

    online_N: Bool
    claimed_K: U64
    claimed_N: U64
    forged_N: U64  # of claimed_N, leaves that recompute as not valid
    refused_N: U64  # repeated nonces in batches that the chain refuses


def claim(network: Network, state: State, streams: Streams) -> Claims:
    """Draw what every node finds, and what its host claims."""
    online_N = state.active_N & ~offline(network, state, streams)
    mean_K, deviation_K = network.mean_K, network.deviation_K
    if network.has(Behaviour.SLOT_FARMER):
        mean_K = mean_K * np.where(has_gpu_to_itself(network, state.serves_K), 2.0, 1.0)
        deviation_K = np.sqrt(mean_K)
    # A binomial with a mean of hundreds is normal to within its last unit.
    found_K = streams.nonces.standard_normal(network.nodes)
    if compiler.ready() and not network.has(Behaviour.DUST_FORGER):
        return _claim_compiled(network, state, online_N, found_K, mean_K, deviation_K)
    found_K *= deviation_K
    found_K += mean_K
    np.rint(found_K, out=found_K)
    np.maximum(found_K, 0.0, out=found_K)
    found_K *= network.of.each(online_N) & ~state.serves_K
    if network.has(Behaviour.DUST_FORGER):
        found_K = _dust(network, found_K)
    most = float(network.params.integer("max_nonces_per_node"))
    if network.has(*FORGERS):
        factor_N = np.where(network.does(*FORGERS), network.strength_N, 0.0)
        forged_K = np.floor(found_K * network.of.each(factor_N))
        claimed_K = np.minimum(found_K + forged_K, most).astype(np.uint64)
        forged_N = network.of.sums(np.minimum(forged_K, claimed_K).astype(np.uint64))
    else:
        claimed_K = np.minimum(found_K, most).astype(np.uint64)
        forged_N = np.zeros(network.hosts, np.uint64)
    claimed_N = network.of.sums(claimed_K)
    if network.has(Behaviour.DUST_FORGER):
        forged_N = np.where(network.does(Behaviour.DUST_FORGER), claimed_N, forged_N)
    return Claims(
        online_N=online_N,
        claimed_K=claimed_K,
        claimed_N=claimed_N,
        forged_N=forged_N,
        refused_N=_refused(network, claimed_N),
    )


def _claim_compiled(
    network: Network, state: State, online_N: Bool, noise_K: F64, mean_K: F64, deviation_K: F64
) -> Claims:
    """The claims of hosts that leave no dust, in one pass."""
    factor_N = _NOBODY
    if network.has(*FORGERS):
        factor_N = np.where(network.does(*FORGERS), network.strength_N, 0.0)
    claimed_K = np.empty(network.nodes, np.uint64)
    claimed_N, forged_N = np.empty(network.hosts, np.uint64), np.empty(network.hosts, np.uint64)
    of, most = network.of, float(network.params.integer("max_nonces_per_node"))
    nodes = noise_K, mean_K, deviation_K, state.serves_K
    made = claimed_K, claimed_N, forged_N
    _claims(of.first_N, of.after_N, online_N, factor_N, *nodes, most, *made)
    return Claims(
        online_N=online_N,
        claimed_K=claimed_K,
        claimed_N=claimed_N,
        forged_N=forged_N,
        refused_N=_refused(network, claimed_N),
    )


@Kernel
def _claims(
    first_N: Any,
    after_N: Any,
    online_N: Any,
    factor_N: Any,  # forged claims to each honest one, (N,) or (1,)
    noise_K: Any,
    mean_K: Any,
    deviation_K: Any,
    serves_K: Any,
    most: Any,
    claimed_K: Any,
    claimed_N: Any,
    forged_N: Any,
) -> None:
    step = len(factor_N) > 1
    for n in range(len(first_N)):
        claims = forgeries = np.uint64(0)
        for k in range(first_N[n], after_N[n]):
            found = 0.0
            if online_N[n] and not serves_K[k]:
                found = max(np.rint(noise_K[k] * deviation_K[k] + mean_K[k]), 0.0)
            forged = np.floor(found * factor_N[n * step])
            claimed = min(found + forged, most)
            claimed_K[k] = np.uint64(claimed)
            claims += np.uint64(claimed)
            forgeries += np.uint64(min(forged, claimed))
        claimed_N[n], forged_N[n] = claims, forgeries


def _refused(network: Network, claimed_N: U64) -> U64:
    """Repeated claims. lane_next may not fall and count may not pass the range: a repeated nonce
    has no lane position left, so its batch is refused and the honest ones stand.
    """
    if not network.has(Behaviour.DUPLICATE_COMMITTER):
        return np.zeros(network.hosts, np.uint64)
    repeats_N = network.does(Behaviour.DUPLICATE_COMMITTER) * network.strength_N * claimed_N
    return np.floor(repeats_N).astype(np.uint64)


def offline(network: Network, state: State, streams: Streams) -> Bool:
    """Hosts that neither prove nor judge in this round."""
    faults, rng = network.scenario.faults, streams.faults
    if faults.share == 0 and not network.has(Behaviour.OFFLINE):
        return np.zeros(network.hosts, np.bool_)
    chance_N = rng.random(network.hosts)
    together = rng.random()
    hour = (state.epoch * network.params.lengths.cycle * network.scenario.block_seconds) / 3600
    if faults.kind == "correlated":
        accident_N = np.full(network.hosts, together < faults.share)
    elif faults.kind == "diurnal":
        zone_N = 24 * np.arange(network.hosts) / max(1, network.hosts)
        share_N = faults.share * (1 + np.sin(2 * np.pi * (hour + zone_N) / 24))
        accident_N = chance_N < share_N
    else:
        accident_N = chance_N < faults.share
    if network.has(Behaviour.OFFLINE):
        accident_N |= network.does(Behaviour.OFFLINE) & (chance_N < network.strength_N)
    return accident_N


def has_gpu_to_itself(network: Network, serves_K: Bool) -> Bool:
    """Nodes of a farmed GPU whose twin serves instead of proving."""
    at_K = np.arange(network.nodes)
    other_K = np.where(network.twin_K, at_K - 1, np.minimum(at_K + 1, network.nodes - 1))
    farmed_K = network.of.each(network.does(Behaviour.SLOT_FARMER))
    return farmed_K & serves_K[other_K] & ~serves_K


def _dust(network: Network, found_K: F64) -> F64:
    """A dust forger claims, over all its nodes, one nonce less than has to be judged."""
    dust = network.params.integer("min_host_nonces") - 1
    dust_N = network.does(Behaviour.DUST_FORGER)
    found_K = np.where(network.of.each(dust_N), 0.0, found_K)
    found_K[network.of.first_N[dust_N]] = dust
    return found_K
