"""Whether a behaviour happened: a host that is called a forger and forged nothing did nothing."""

import numpy as np

from simulation.arrays import Bool, some
from simulation.claims import FORGERS, has_gpu_to_itself
from simulation.network import Network
from simulation.scenario import Behaviour
from simulation.step import Report


def acted(network: Network, report: Report) -> Bool:
    """Hosts (N,) that did in a round what their behaviour says; honest ones never do."""
    acted_N = np.zeros(network.hosts, np.bool_)
    for behaviour, mask_N in network.masks.items():
        if behaviour is not Behaviour.HONEST:
            acted_N |= mask_N & _does(behaviour, network, report)
    return acted_N


def _does(behaviour: Behaviour, network: Network, report: Report) -> Bool | bool:
    """Hosts (N,) that do it, if it is their behaviour; one answer where it is that of all."""
    claims, of = report.claims, network.of
    serves_K = report.formed.nodes.serves
    proves_N = claims.claimed_N > 0
    if behaviour in FORGERS or behaviour is Behaviour.DUST_FORGER:
        return claims.forged_N > 0
    match behaviour:
        case Behaviour.OFFLINE:
            return ~claims.online_N & (network.strength_N > 0)
        case Behaviour.SYBIL:
            return network.parts_N > 1
        case Behaviour.MODEL_HOPPER:
            return of.any(network.model_K >= 0) & (network.models > 1)
        case Behaviour.COVERAGE_MINIMALIST:
            return report.covers_N & (network.models > 1)
        case Behaviour.THROUGHPUT_OVERCLAIMER:
            return of.any(serves_K) & (network.strength_N > 0)
        case Behaviour.SLOT_FARMER:
            return of.any(has_gpu_to_itself(network, serves_K))
        case Behaviour.LAZY_VALIDATOR:
            # There is something to be seen.
            return claims.online_N & some(claims.forged_N)
        case Behaviour.FALSE_ACCUSER:
            return claims.online_N & (report.paid_weight_N > 0)
        case Behaviour.DUPLICATE_COMMITTER:
            return claims.refused_N > 0
        case _:
            # Free riders and hosts that do not open: both prove.
            return proves_N
