"""Stages 4 to 6: juries, samples, verdicts and outcomes of a round."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from simulation import poc
from simulation.arrays import F64, I64, U64, Bool, sums_by, total, u64
from simulation.claims import Claims
from simulation.network import Network, State
from simulation.randomness import Streams
from simulation.scenario import Behaviour


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What a round decided, each array (N,)."""

    judged: poc.Judgements
    drawn_N: U64
    cast_N: U64
    fraud_seats_N: U64


@dataclass(slots=True, kw_only=True)
class _Tally:
    honest_N: U64
    fraud_N: U64
    unavailable_N: U64
    sampled_N: U64
    invalid_N: U64
    drawn_N: U64
    cast_N: U64


def judge(network: Network, state: State, claims: Claims, streams: Streams) -> Round:
    """Draw juries by weight, let their members look, and decide.

    Where everybody is honest or silent, verdicts of a host differ only in how many seats are
    silent: that number is drawn alone, which has the same distribution as drawing every seat.
    """
    p, hosts = network.params, network.hosts
    seats = p.integer("seats_per_host")
    silent_N = ~claims.online_N | network.does(Behaviour.FREE_RIDER)
    liars_N = network.does(Behaviour.FALSE_ACCUSER, Behaviour.CARTEL, Behaviour.LAZY_VALIDATOR)
    whole = total(state.weight_N)
    heard_N = claims.claimed_N >= np.uint64(max(1, p.integer("min_host_nonces")))
    electorate_N = np.uint64(whole) - state.weight_N
    opens_N = ~network.does(Behaviour.NON_OPENER)
    seen_N = (claims.forged_N > 0) | ~opens_N | bool((liars_N & (state.weight_N > 0)).any())
    seen_N = seen_N & heard_N & (electorate_N > 0)
    tally = _quietly(network, state, heard_N & ~seen_N, silent_N, seats, streams)
    if seen_N.any():
        _openly(network, state, claims, seen_N, silent_N, opens_N, seats, streams, tally)
    judged = poc.judge(
        poc.Cases(
            claimed=claims.claimed_N,
            min_host_nonces=p.integer("min_host_nonces"),
            electorate=electorate_N,
            seats=np.full(hosts, seats, np.uint64),
            member=state.weight_N > 0,
            carried=state.carried_N,
            honest=tally.honest_N,
            fraud=tally.fraud_N,
            unavailable=tally.unavailable_N,
            basis_sampled=tally.sampled_N,
            basis_invalid=tally.invalid_N,
        )
    )
    return Round(
        judged=judged,
        drawn_N=tally.drawn_N,
        cast_N=tally.cast_N,
        fraud_seats_N=tally.fraud_N,
    )


def _quietly(
    network: Network, state: State, heard_N: Bool, silent_N: Bool, seats: int, streams: Streams
) -> _Tally:
    """Hosts that have nothing to hide, judged by honest and silent members."""
    hosts = network.hosts
    weight_N = state.weight_N.astype(np.float64)
    whole, silent = weight_N.sum(), (weight_N * silent_N).sum()
    own_N = np.where(silent_N, weight_N, 0.0)
    others_N = np.maximum(whole - weight_N, 1.0)
    share_N = np.clip((silent - own_N) / others_N, 0.0, 1.0)
    quiet_N = np.zeros(hosts, np.uint64)
    if silent > 0:
        quiet_N = _binomial(streams.juries, seats, share_N)
    honest_N = np.where(heard_N, np.uint64(seats) - quiet_N, np.uint64(0))
    # Duty: whoever casts loses nothing however often drawn; the silent are drawn by weight.
    drawn_N = np.zeros(hosts, np.uint64)
    if silent > 0:
        asked = seats * int(heard_N.sum())
        drawn_N = _binomial(streams.juries, asked, np.where(silent_N, weight_N / whole, 0.0))
    zeros_N = np.zeros(hosts, np.uint64)
    return _Tally(
        honest_N=honest_N,
        fraud_N=zeros_N.copy(),
        unavailable_N=zeros_N.copy(),
        sampled_N=honest_N.copy(),
        invalid_N=zeros_N.copy(),
        drawn_N=drawn_N,
        cast_N=zeros_N.copy(),
    )


def _openly(
    network: Network,
    state: State,
    claims: Claims,
    seen_N: Bool,
    silent_N: Bool,
    opens_N: Bool,
    seats: int,
    streams: Streams,
    tally: _Tally,
) -> None:
    """Hosts whose juries are drawn seat by seat; adds to the tally."""
    p, hosts = network.params, network.hosts
    host_V, holder_V, seats_V = draw_juries(state.weight_N, seen_N, seats, streams.juries)
    size = p.integer("sample_size")
    sampled_V = np.minimum(claims.claimed_N[host_V], np.uint64(size))
    invalid_V = _look(network, claims, host_V, holder_V, sampled_V, streams)
    casts_V = ~silent_N[holder_V]
    ally_V = network.does(Behaviour.CARTEL)[holder_V] & network.does(Behaviour.CARTEL)[host_V]
    unopened_V = ~opens_N[host_V] & ~ally_V
    limits = {n: _limit(network, n) for n in {int(s) for s in sampled_V}}
    limit_V = np.array([limits[int(s)] for s in sampled_V], np.uint64)
    fraud_V = casts_V & ~unopened_V & (invalid_V >= limit_V)
    honest_V = casts_V & ~unopened_V & ~fraud_V

    def seats_of(index_V: I64, mask_V: Bool) -> U64:
        return sums_by(index_V, seats_V * mask_V, hosts).astype(np.uint64)

    everyone_V = np.ones(len(host_V), np.bool_)
    at = seen_N
    tally.honest_N[at] = seats_of(host_V, honest_V)[at]
    tally.fraud_N[at] = seats_of(host_V, fraud_V)[at]
    tally.unavailable_N[at] = seats_of(host_V, casts_V & unopened_V)[at]
    opened_V = honest_V | fraud_V
    sampled_N, invalid_N = poc.trimmed_basis(
        poc.Findings(
            host=host_V[opened_V],
            holder=holder_V[opened_V],
            seats=seats_V[opened_V].astype(np.uint64),
            sampled=sampled_V[opened_V],
            invalid=invalid_V[opened_V],
        ),
        hosts,
    )
    tally.sampled_N[at], tally.invalid_N[at] = sampled_N[at], invalid_N[at]
    tally.drawn_N += seats_of(holder_V, everyone_V)
    tally.cast_N += seats_of(holder_V, casts_V)


def _binomial(rng: np.random.Generator, n: int, p_N: F64) -> U64:
    untyped: Any = rng
    return u64(untyped.binomial(n, p_N))


def draw_juries(
    weight_N: U64, judged_N: Bool, seats: int, rng: np.random.Generator
) -> tuple[I64, I64, I64]:
    """Seats of the hosts asked for, drawn by weight, the host itself left out.

    Returns:
        host, holder and number of seats of each pair, each (V,), by host and then holder.
    """
    hosts = len(weight_N)
    ends_N = np.cumsum(weight_N, dtype=np.uint64)
    host_S: I64 = np.repeat(np.flatnonzero(judged_N), seats)
    others_S = ends_N[-1] - weight_N[host_S]
    untyped: Any = rng
    point_S = u64(untyped.integers(0, others_S, dtype=np.uint64))
    # The host's own interval is shifted over.
    start_S: U64 = ends_N[host_S] - weight_N[host_S]
    point_S += np.where(point_S >= start_S, weight_N[host_S], np.uint64(0))
    holder_S: I64 = np.searchsorted(ends_N, point_S, side="right")
    pair_S: I64 = host_S * hosts + holder_S
    pairs, counts = np.unique(pair_S, return_counts=True)
    return pairs // hosts, pairs % hosts, counts


def _look(
    network: Network,
    claims: Claims,
    host_V: I64,
    holder_V: I64,
    sampled_V: U64,
    streams: Streams,
) -> U64:
    """Invalid leaves that each holder reports of its own sample."""
    forged_V = claims.forged_N[host_V].astype(np.int64)
    valid_V = claims.claimed_N[host_V].astype(np.int64) - forged_V
    sampled = sampled_V.astype(np.int64)
    found_V = streams.samples.hypergeometric(forged_V, valid_V, sampled).astype(np.uint64)
    grinds_V = network.does(Behaviour.SEED_GRINDER)[host_V]
    for _ in range(1, int(network.parts_N[host_V][grinds_V].max(initial=1))):
        # The grinder is the proposer of the seed in one block: it keeps the best it saw.
        again_V = streams.samples.hypergeometric(forged_V, valid_V, sampled).astype(np.uint64)
        found_V = np.where(grinds_V, np.minimum(found_V, again_V), found_V)
    cartel_N = network.does(Behaviour.CARTEL)
    blind_V = network.does(Behaviour.LAZY_VALIDATOR)[holder_V]
    blind_V = blind_V | (cartel_N[holder_V] & cartel_N[host_V])
    accuses_V = network.does(Behaviour.FALSE_ACCUSER)[holder_V]
    return np.select([blind_V, accuses_V], [np.uint64(0), sampled_V], found_V)


def _limit(network: Network, sampled: int) -> int:
    p = network.params
    return poc.fraud_limit(sampled, p.decimal("p_mismatch"), p.decimal("fraud_threshold"))
