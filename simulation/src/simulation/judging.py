"""Stages 4 to 6: juries, samples, verdicts and outcomes of a round."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from simulation import poc
from simulation.arrays import F64, I64, U64, Bool, largest, some, sums_by, total, u64
from simulation.claims import Claims
from simulation.network import Network, State
from simulation.randomness import Streams
from simulation.scenario import Behaviour

# Hosts whose seats are drawn at once: four million seats, a few hundred megabytes.
_SEEN_AT_ONCE = 1 << 17

# NumPy draws without replacement from fewer claims than this.
_MOST_CLAIMS = 10**9


@dataclass(slots=True, kw_only=True)
class Tally:
    """Seats of each host by what they found, its basis of credit, and its own duty, each (N,)."""

    honest_N: U64
    fraud_N: U64
    unavailable_N: U64
    sampled_N: U64
    invalid_N: U64
    drawn_N: U64
    cast_N: U64


def hear(network: Network, state: State, claims: Claims, streams: Streams) -> Tally:
    """Draw juries by weight, and let their members look.

    Where everybody is honest or silent, verdicts of a host differ only in how many seats are
    silent: that number is drawn alone, which has the same distribution as drawing every seat.
    """
    p = network.params
    seats = p.integer("seats_per_host")
    silent_N = ~claims.online_N
    if network.has(Behaviour.FREE_RIDER):
        silent_N |= network.does(Behaviour.FREE_RIDER)
    heard_N = claims.claimed_N >= np.uint64(max(1, p.integer("min_host_nonces")))
    seen_N = _needs_every_seat(network, state, claims)
    if some(seen_N):
        seen_N &= heard_N & (state.weight_N < np.uint64(total(state.weight_N)))
    tally = _quietly(network, state, heard_N & ~seen_N, silent_N, seats, streams)
    if some(seen_N):
        _openly(network, state, claims, seen_N, silent_N, streams, tally)
    return tally


def judge(network: Network, state: State, claims: Claims, tally: Tally) -> poc.Judgements:
    """Decide over every host of a round."""
    p = network.params
    return poc.judge(
        poc.Cases(
            claimed=claims.claimed_N,
            min_host_nonces=p.integer("min_host_nonces"),
            electorate=np.uint64(total(state.weight_N)) - state.weight_N,
            seats=u64(p.integer("seats_per_host")),
            member=state.weight_N > 0,
            carried=state.carried_N,
            honest=tally.honest_N,
            fraud=tally.fraud_N,
            unavailable=tally.unavailable_N,
            basis_sampled=tally.sampled_N,
            basis_invalid=tally.invalid_N,
        )
    )


def _needs_every_seat(network: Network, state: State, claims: Claims) -> Bool:
    """Hosts whose verdicts differ by who casts them: they forge, hide, or liars judge them."""
    liars = Behaviour.FALSE_ACCUSER, Behaviour.CARTEL, Behaviour.LAZY_VALIDATOR
    if network.has(*liars) and some(state.weight_N[network.does(*liars)]):
        return np.ones(network.hosts, np.bool_)
    seen_N = claims.forged_N > 0
    if network.has(Behaviour.NON_OPENER):
        seen_N |= network.does(Behaviour.NON_OPENER)
    return seen_N


def _quietly(
    network: Network, state: State, heard_N: Bool, silent_N: Bool, seats: int, streams: Streams
) -> Tally:
    """Hosts that have nothing to hide, judged by honest and silent members."""
    hosts = network.hosts
    honest_N = heard_N * np.uint64(seats)
    zeros_N = np.zeros(hosts, np.uint64)
    drawn_N = zeros_N
    own_N = state.weight_N * silent_N
    if some(own_N):
        whole, silent = float(total(state.weight_N)), float(total(own_N))
        share_N = (silent - own_N) / np.maximum(whole - state.weight_N, 1.0)
        share_N = np.minimum(np.maximum(share_N, 0.0), 1.0)
        honest_N -= _binomial(streams.juries, seats, share_N) * heard_N
        # Duty: whoever casts loses nothing however often drawn; the silent are drawn by weight.
        asked = seats * int(np.count_nonzero(heard_N))
        drawn_N = np.zeros(hosts, np.uint64)
        drawn_N[silent_N] = _binomial(streams.juries, asked, own_N[silent_N] / whole)
    return Tally(
        honest_N=honest_N,
        fraud_N=zeros_N,
        unavailable_N=zeros_N,
        sampled_N=honest_N,
        invalid_N=zeros_N,
        drawn_N=drawn_N,
        cast_N=zeros_N,
    )


def _openly(
    network: Network,
    state: State,
    claims: Claims,
    seen_N: Bool,
    silent_N: Bool,
    streams: Streams,
    tally: Tally,
) -> None:
    """Hosts whose juries are drawn seat by seat; adds to the tally, some hosts at a time."""
    for name in ("fraud_N", "unavailable_N", "invalid_N", "cast_N"):
        setattr(tally, name, np.zeros(network.hosts, np.uint64))
    tally.drawn_N, tally.sampled_N = tally.drawn_N.copy(), tally.sampled_N.copy()
    seen = np.flatnonzero(seen_N)
    for first in range(0, len(seen), _SEEN_AT_ONCE):
        some = seen[first : first + _SEEN_AT_ONCE]
        _hear(network, state, claims, some, silent_N, streams, tally)


def _hear(
    network: Network,
    state: State,
    claims: Claims,
    judged: I64,
    silent_N: Bool,
    streams: Streams,
    tally: Tally,
) -> None:
    """Draws the juries of some hosts, J of them, and lets them look; at_V counts from 0 to J."""
    p = network.params
    at_V, holder_V, seats_V = draw_juries(
        state.weight_N, judged, p.integer("seats_per_host"), streams.juries
    )
    host_V = judged[at_V]
    sampled_V = np.minimum(claims.claimed_N[host_V], np.uint64(p.integer("sample_size")))
    invalid_V = _look(network, claims, host_V, holder_V, sampled_V, streams)
    casts_V = ~silent_N[holder_V]
    opened_V, unopened_V = casts_V, None
    if network.has(Behaviour.NON_OPENER):
        cartel_N = network.does(Behaviour.CARTEL)
        ally_V = cartel_N[holder_V] & cartel_N[host_V]
        unopened_V = casts_V & network.does(Behaviour.NON_OPENER)[host_V] & ~ally_V
        opened_V = casts_V & ~unopened_V
    fraud_V = opened_V & (invalid_V >= _limits(network, sampled_V))

    def seats_where(mask_V: Bool) -> U64:
        return sums_by(at_V, seats_V * mask_V, len(judged)).astype(np.uint64)

    tally.honest_N[judged] = seats_where(opened_V & ~fraud_V)
    tally.fraud_N[judged] = seats_where(fraud_V)
    if unopened_V is not None:
        tally.unavailable_N[judged] = seats_where(unopened_V)
    tally.sampled_N[judged], tally.invalid_N[judged] = poc.trimmed_basis(
        poc.Findings(
            host=at_V[opened_V],
            holder=holder_V[opened_V],
            seats=seats_V[opened_V].astype(np.uint64),
            sampled=sampled_V[opened_V],
            invalid=invalid_V[opened_V],
        ),
        len(judged),
    )
    drawn_V = seats_V.astype(np.uint64)
    np.add.at(tally.drawn_N, holder_V, drawn_V)
    np.add.at(tally.cast_N, holder_V, drawn_V * casts_V)


def _binomial(rng: np.random.Generator, n: int, p_N: F64) -> U64:
    untyped: Any = rng
    return u64(untyped.binomial(n, p_N))


def draw_juries(
    weight_N: U64, judged: I64, seats: int, rng: np.random.Generator
) -> tuple[I64, I64, I64]:
    """Seats of some hosts, drawn by weight, the host itself left out.

    Returns:
        Index into judged, holder, and number of seats of each pair, each (V,), ascending.
    """
    hosts = len(weight_N)
    ends_N = np.cumsum(weight_N, dtype=np.uint64)
    own_J = weight_N[judged][:, None]
    untyped: Any = rng
    shape = len(judged), seats
    point_JS = u64(untyped.integers(0, ends_N[-1] - own_J, shape, dtype=np.uint64))
    # The host's own interval is shifted over.
    point_JS += own_J * (point_JS >= ends_N[judged][:, None] - own_J)
    holder_JS: I64 = np.searchsorted(ends_N, point_JS, side="right")
    pair_S: I64 = (np.arange(len(judged))[:, None] * hosts + holder_JS).reshape(-1)
    pair_S.sort()
    starts_S = np.ones(len(pair_S) + 1, np.bool_)
    np.not_equal(pair_S[1:], pair_S[:-1], out=starts_S[1:-1])
    first = np.flatnonzero(starts_S)
    at_V, holder_V = np.divmod(pair_S[first[:-1]], hosts)
    return at_V, holder_V, first[1:] - first[:-1]


def _look(
    network: Network,
    claims: Claims,
    host_V: I64,
    holder_V: I64,
    sampled_V: U64,
    streams: Streams,
) -> U64:
    """Invalid leaves that each holder reports of its own sample."""
    forged_V, claimed_V = claims.forged_N[host_V], claims.claimed_N[host_V]
    found_V = _sample(streams.samples, forged_V, claimed_V, sampled_V)
    if network.has(Behaviour.SEED_GRINDER):
        grinds_V = network.does(Behaviour.SEED_GRINDER)[host_V]
        for _ in range(1, int(network.parts_N[host_V][grinds_V].max(initial=1))):
            # The grinder is the proposer of the seed in one block: it keeps the best it saw.
            again_V = _sample(streams.samples, forged_V, claimed_V, sampled_V)
            found_V = np.where(grinds_V, np.minimum(found_V, again_V), found_V)
    if network.has(Behaviour.FALSE_ACCUSER):
        found_V = np.where(network.does(Behaviour.FALSE_ACCUSER)[holder_V], sampled_V, found_V)
    if network.has(Behaviour.CARTEL, Behaviour.LAZY_VALIDATOR):
        cartel_N = network.does(Behaviour.CARTEL)
        ally_V = cartel_N[holder_V] & cartel_N[host_V]
        found_V = found_V * ~(ally_V | network.does(Behaviour.LAZY_VALIDATOR)[holder_V])
    return found_V


def _sample(rng: np.random.Generator, forged_V: U64, claimed_V: U64, sampled_V: U64) -> U64:
    """Forged claims in samples without replacement, (V,)."""
    untyped: Any = rng
    forged, claimed, sampled = (v.astype(np.int64) for v in (forged_V, claimed_V, sampled_V))
    if largest(claimed_V) < _MOST_CLAIMS:
        return u64(untyped.hypergeometric(forged, claimed - forged, sampled))
    # Of so many claims, a sample of a thousand draws none twice but once in a million.
    return u64(untyped.binomial(sampled, forged / np.maximum(claimed, 1)))


def _limits(network: Network, sampled_V: U64) -> U64:
    """The least number of invalid leaves that is fraud, for each size of sample."""
    p = network.params
    mismatch, threshold = p.decimal("p_mismatch"), p.decimal("fraud_threshold")
    limits = np.zeros(p.integer("sample_size") + 1, np.uint64)
    for size in np.flatnonzero(np.bincount(sampled_V.astype(np.int64))).tolist():
        limits[size] = poc.fraud_limit(size, mismatch, threshold)
    return limits[sampled_V]
