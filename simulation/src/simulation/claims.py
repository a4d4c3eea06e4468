"""Stages 1 to 3: what hosts prove, forge, repeat and claim."""

from dataclasses import dataclass

import numpy as np

from simulation.arrays import U64, Bool
from simulation.network import Network, State
from simulation.randomness import Streams
from simulation.scenario import Behaviour
from simulation.weight import sum_by_host

FORGERS = (Behaviour.NONCE_OVERCLAIMER, Behaviour.CARTEL, Behaviour.SEED_GRINDER)


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
    noise_K = streams.nonces.standard_normal(len(network.host_K))
    mean_K = np.where(_has_gpu_to_itself(network, state), 2.0, 1.0) * network.mean_K
    # A binomial with a mean of hundreds is normal to within its last unit.
    found_K = np.maximum(0.0, np.rint(mean_K + np.sqrt(mean_K) * noise_K))
    found_K = np.where(online_N[network.host_K] & ~state.serves_K, found_K, 0.0)
    found_K = _dust(network, found_K)
    forges_N = network.does(*FORGERS)
    factor_N = np.where(forges_N, network.strength_N, 0.0)
    forged_K = np.floor(found_K * factor_N[network.host_K])
    most = float(network.params.integer("max_nonces_per_node"))
    claimed_K = np.minimum(found_K + forged_K, most).astype(np.uint64)
    forged_N = sum_by_host(
        np.minimum(forged_K, claimed_K).astype(np.uint64), network.host_K, network.hosts
    )
    claimed_N = sum_by_host(claimed_K, network.host_K, network.hosts)
    dust_N = network.does(Behaviour.DUST_FORGER)
    repeats_N = network.does(Behaviour.DUPLICATE_COMMITTER) * network.strength_N * claimed_N
    return Claims(
        online_N=online_N,
        claimed_K=claimed_K,
        claimed_N=claimed_N,
        forged_N=np.where(dust_N, claimed_N, forged_N),
        # lane_next may not fall and count may not pass the range: a repeated nonce has no lane
        # position left, so its batch is refused and the honest ones stand.
        refused_N=np.floor(repeats_N).astype(np.uint64),
    )


def offline(network: Network, state: State, streams: Streams) -> Bool:
    """Hosts that neither prove nor judge in this round."""
    faults, rng = network.scenario.faults, streams.faults
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
    by_choice_N = network.does(Behaviour.OFFLINE) & (chance_N < network.strength_N)
    return accident_N | by_choice_N


def _has_gpu_to_itself(network: Network, state: State) -> Bool:
    """Nodes of a farmed GPU whose twin serves instead of proving."""
    other = np.where(network.twin_K, np.arange(len(network.host_K)) - 1, 0)
    partner = np.minimum(np.arange(len(network.host_K)) + 1, len(network.host_K) - 1)
    farmed_K = network.does(Behaviour.SLOT_FARMER)[network.host_K]
    at = np.where(network.twin_K, other, partner)
    return farmed_K & state.serves_K[at] & ~state.serves_K


def _dust(network: Network, found_K: np.ndarray) -> np.ndarray:
    """A dust forger claims, over all its nodes, one nonce less than has to be judged."""
    dust_N = network.does(Behaviour.DUST_FORGER)
    if not dust_N.any():
        return found_K
    first_K = np.concatenate(([True], network.host_K[1:] != network.host_K[:-1]))
    dust = network.params.integer("min_host_nonces") - 1
    return np.where(dust_N[network.host_K], np.where(first_K, float(dust), 0.0), found_K)
