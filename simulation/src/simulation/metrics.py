"""What a run is judged by: one row an epoch, one row a fleet."""

import numpy as np

from simulation import poc
from simulation.arrays import F64, U64, sums_by, total
from simulation.network import Network, State
from simulation.step import Report


def gini(values_N: F64) -> float:
    """The Gini coefficient of values ≥ 0: 0 when all are equal, near 1 when one has all."""
    return _gini(np.sort(values_N))


def _gini(values_N: F64) -> float:
    """The coefficient of ascending values."""
    whole = values_N.sum()
    if len(values_N) == 0 or whole == 0:
        return 0.0
    hosts = len(values_N)
    # 2·rank − hosts − 1. Not by `@`, whose threads go on spinning behind a large product.
    ranked = np.einsum("n,n->", np.arange(1.0 - hosts, hosts, 2.0), values_N)
    return float(ranked / (hosts * whole))


def nakamoto(weight_N: U64) -> int:
    """The least number of hosts that hold more than a third of the weight; 0 without any."""
    return _nakamoto(np.sort(weight_N.astype(np.float64)))


def _nakamoto(values_N: F64) -> int:
    """The number of hosts, by ascending weights."""
    falling_N = values_N[::-1]
    if falling_N.sum() == 0:
        return 0
    running_N: F64 = np.cumsum(falling_N)
    return int(np.searchsorted(running_N, float(running_N[-1]) / 3, side="right")) + 1


def hhi(weight_N: U64) -> float:
    """The Herfindahl-Hirschman index: the sum of squared shares, 1/n for n equal hosts."""
    weights = weight_N.astype(np.float64)
    whole = weights.sum()
    return float(((weights / whole) ** 2).sum()) if whole > 0 else 0.0


def epoch_row(state: State, report: Report) -> dict[str, float | int]:
    """Metrics of one epoch; amounts in unine, weights in nonces, shares from 0 to 1."""
    weight_N = report.paid_weight_N
    ascending_N = np.sort(weight_N).astype(np.float64)
    outcome_N = report.round.judged.outcome
    whole = max(1, total(weight_N))
    forged_N, credited_N = report.claims.forged_N, report.round.judged.credited
    forgers = np.flatnonzero(forged_N)
    # Of what is credited, the part that nobody computed, if credit fell on all claims alike.
    uncomputed_N = np.zeros(len(forged_N))
    shares = forged_N[forgers] / report.claims.claimed_N[forgers]
    uncomputed_N[forgers] = credited_N[forgers] * shares
    return {
        "epoch": state.epoch,
        "reward": report.reward,
        "paid": total(report.settled.total),
        "minted": state.minted,
        "total_weight": total(weight_N),
        "hosts": int(np.count_nonzero(weight_N)),
        "fraud_hosts": int((outcome_N == poc.Outcome.FRAUD).sum()),
        "no_quorum_hosts": int((outcome_N == poc.Outcome.NO_QUORUM).sum()),
        # Of the weight whose holders neither proved nor judged.
        "absent_share": total(weight_N * ~report.claims.online_N) / whole,
        "forged_share": total(forged_N) / max(1, total(report.claims.claimed_N)),
        "detected_share": float((outcome_N[forgers] == poc.Outcome.FRAUD).mean())
        if len(forgers)
        else 0.0,
        "forged_credit_share": float(uncomputed_N.sum() / max(1, total(credited_N))),
        "gini": _gini(ascending_N),
        "nakamoto": _nakamoto(ascending_N),
        "hhi": hhi(weight_N),
        "coverage": total(np.where(report.covers_N, weight_N, np.uint64(0))) / whole,
        "serving_share": report.serving_share,
        "unit_price": state.price,
        "kept_share": report.kept_share,
        "abandoned": int(report.abandoned),
    }


def fleet_rows(
    network: Network, state: State, zeroed_N: U64, acted_N: U64
) -> list[dict[str, float | int | str]]:
    """Totals of each fleet over the epochs of a run that were settled and paid.

    Hours and cost are of those epochs as well, and of hosts that took part in them: genesis,
    which earns nothing, and the last epoch, which is not settled yet, count for neither side.
    """
    fleets = network.scenario.fleets
    size = len(fleets)
    income = sums_by(network.fleet_N, state.income_N, size)
    gpu_hours = sums_by(network.fleet_N, network.gpus_N * state.hours_N, size)
    cost = sums_by(network.fleet_N, network.usd_hour_N * state.hours_N, size)
    weight = sums_by(network.fleet_N, state.weight_N, size)
    zeroed = sums_by(network.fleet_N, zeroed_N, size)
    acted = sums_by(network.fleet_N, acted_N, size)
    hosts = np.bincount(network.fleet_N, minlength=size)
    active = sums_by(network.fleet_N, state.active_N, size)
    coin = network.scenario.market.coin_usd
    return [
        {
            "fleet": f.name,
            "gpu": f.gpu,
            "behaviour": f.behaviour.value,
            "hosts": int(hosts[i]),
            "active_hosts": int(active[i]),
            "left_share": float(1 - active[i] / hosts[i]),
            "income": int(income[i]),
            "gpu_hours": float(gpu_hours[i]),
            "income_per_gpu_hour": float(income[i] / gpu_hours[i]) if gpu_hours[i] else 0.0,
            "profit_usd": float(income[i] / 1e6 * coin - cost[i]),
            "weight_share": float(weight[i] / max(1.0, weight.sum())),
            "zeroed_share": float(zeroed[i] / max(1, hosts[i] * state.epoch)),
            # Of the rounds of its hosts, those in which they did what their behaviour says.
            "acted_share": float(acted[i] / max(1, hosts[i] * state.epoch)),
        }
        for i, f in enumerate(fleets)
    ]
