"""Stages 4 to 6: juries, samples, verdicts and outcomes of a round."""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from simulation import compiler, poc
from simulation.arrays import I64, U64, Bool, largest, some, sums_by, total, u64
from simulation.claims import Claims
from simulation.compiler import Kernel
from simulation.network import Network, State
from simulation.randomness import Streams
from simulation.scenario import Behaviour

# Hosts whose seats are drawn at once: four million seats, a few hundred megabytes.
SEEN_AT_ONCE = 1 << 17

# NumPy draws without replacement from fewer claims than this.
_MOST_CLAIMS = 10**9


@dataclass(slots=True, kw_only=True)
class Tally:
    """Seats of each host by what they found, its basis of credit, and its own duty, each (N,).

    Of hosts in quiet_N nobody hides or forges anything, and no seat of theirs was dealt out but
    those of silent members: `deal_out` does the rest for whom duty matters.
    """

    honest_N: U64
    fraud_N: U64
    unavailable_N: U64
    sampled_N: U64
    invalid_N: U64
    drawn_N: U64
    cast_N: U64
    quiet_N: Bool


def hear(network: Network, state: State, claims: Claims, streams: Streams) -> Tally:
    """Draw juries by weight, and let their members look.

    Where everybody is honest or silent, verdicts of a host differ only in how many seats are
    silent: that number is drawn first, and then who holds these seats, which has the same
    distribution as drawing every seat. Who casts loses nothing however often it is drawn.
    """
    p = network.params
    seats = p.integer("seats_per_host")
    silent_N = silent(network, claims)
    heard_N = claims.claimed_N >= np.uint64(max(1, p.integer("min_host_nonces")))
    whole = total(state.weight_N)
    seen_N = _needs_every_seat(network, state, claims)
    if some(seen_N):
        seen_N &= heard_N & (state.weight_N < np.uint64(whole))
    tally = _quietly(state.weight_N, whole, heard_N & ~seen_N, silent_N, seats, streams.juries)
    if some(seen_N):
        _openly(network, state, claims, seen_N, silent_N, streams, tally)
    return tally


def silent(network: Network, claims: Claims) -> Bool:
    """Hosts (N,) that cast no verdicts in a round."""
    silent_N = ~claims.online_N
    if network.has(Behaviour.FREE_RIDER):
        silent_N |= network.does(Behaviour.FREE_RIDER)
    return silent_N


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


def deal_out(tally: Tally, weight_N: U64, silent_N: Bool, streams: Streams) -> tuple[U64, U64]:
    """Seats drawn and cast (N,), with those of quiet hosts that cast their verdicts."""
    casts_N, cast_N = weight_N * ~silent_N, np.zeros(len(weight_N), np.uint64)
    judged = np.flatnonzero(tally.quiet_N)
    for first in range(0, len(judged), SEEN_AT_ONCE):
        part = judged[first : first + SEEN_AT_ONCE]
        judged_S = np.repeat(part, tally.honest_N[part].astype(np.int64))
        cast_N += _held_seats(casts_N, judged_S, streams.juries)
    return tally.drawn_N + cast_N, tally.cast_N + cast_N


def _quietly(
    weight_N: U64,
    whole: int,
    heard_N: Bool,
    silent_N: Bool,
    seats: int,
    rng: np.random.Generator,
) -> Tally:
    """Hosts that have nothing to hide, judged by honest and silent members."""
    zeros_N = np.zeros(len(weight_N), np.uint64)
    honest_N, drawn_N = heard_N * np.uint64(seats), zeros_N
    own_N = weight_N * silent_N
    if some(own_N):
        silent = float(total(own_N))
        silent_seats_N = np.empty(len(weight_N), np.int64)
        facts = rng, weight_N, own_N, float(whole), silent, seats, silent_seats_N
        if compiler.ready():
            _silent_seats(*facts)
        else:
            _silent_seats_plainly(*facts)
        silent_seats_N *= heard_N
        honest_N -= silent_seats_N.astype(np.uint64)
        judged_S = np.repeat(np.arange(len(weight_N)), silent_seats_N)
        drawn_N = _held_seats(own_N, judged_S, rng)
    return Tally(
        honest_N=honest_N,
        fraud_N=zeros_N,
        unavailable_N=zeros_N,
        sampled_N=honest_N,
        invalid_N=zeros_N,
        drawn_N=drawn_N,
        cast_N=zeros_N,
        # A host that has all of the weight is judged by nobody.
        quiet_N=heard_N & (weight_N < np.uint64(whole)),
    )


@Kernel
def _silent_seats(
    rng: Any, weight_N: Any, own_N: Any, whole: Any, silent: Any, seats: Any, seats_N: Any
) -> None:
    """How many of the seats of each host silent members hold: binomial, by inversion.

    One number a host: where shares are small, as they are, it is decided in a step or two.
    """
    for n in range(len(weight_N)):
        point = rng.random()
        share = (silent - np.float64(own_N[n])) / max(whole - np.float64(weight_N[n]), 1.0)
        share = min(max(share, 0.0), 1.0)
        rare = min(share, 1.0 - share)
        rest = 1.0 - rare
        chance, square, left = 1.0, rest, seats
        while left:
            if left & 1:
                chance *= square
            square *= square
            left >>= 1
        held = 0
        while point >= chance and held < seats:
            point -= chance
            chance *= (seats - held) * rare / ((held + 1) * rest)
            held += 1
        seats_N[n] = held if share <= 0.5 else seats - held


def _silent_seats_plainly(
    rng: np.random.Generator,
    weight_N: U64,
    own_N: U64,
    whole: float,
    silent: float,
    seats: int,
    seats_N: I64,
) -> None:
    point_N = rng.random(len(weight_N))
    share_N = (silent - own_N.astype(np.float64)) / np.maximum(whole - weight_N, 1.0)
    share_N = np.minimum(np.maximum(share_N, 0.0), 1.0)
    rare_N = np.minimum(share_N, 1.0 - share_N)
    rest_N = 1.0 - rare_N
    chance_N, square_N, left = np.ones(len(weight_N)), rest_N.copy(), seats
    while left:
        if left & 1:
            chance_N *= square_N
        square_N *= square_N
        left >>= 1
    seats_N[:] = 0
    for held in range(seats):
        on_N = (seats_N == held) & (point_N >= chance_N)
        if not some(on_N):
            break
        point_N[on_N] -= chance_N[on_N]
        chance_N[on_N] *= (seats - held) * rare_N[on_N] / ((held + 1) * rest_N[on_N])
        seats_N[on_N] += 1
    seats_N[share_N > 0.5] = seats - seats_N[share_N > 0.5]


def _held_seats(weight_N: U64, judged_S: I64, rng: np.random.Generator) -> U64:
    """Seats (N,) that hosts hold of S seats, drawn by weight without the host that is judged.

    Args:
        weight_N: of those who may hold one; the others have none.
        judged_S: the judged host of each seat.
    """
    if len(judged_S) == 0:
        return np.zeros(len(weight_N), np.uint64)
    holders = np.flatnonzero(weight_N)
    ends_H = np.cumsum(weight_N[holders], dtype=np.uint64)
    own_S, untyped = weight_N[judged_S], cast(Any, rng)
    point_S = u64(untyped.integers(0, ends_H[-1] - own_S, dtype=np.uint64))
    at = np.flatnonzero(own_S)
    if len(at):
        # The judged host's own interval is shifted over.
        own, end = own_S[at], ends_H[np.searchsorted(holders, judged_S[at])]
        point_S[at] += own * (point_S[at] >= end - own)
    holder_S = holders[np.searchsorted(ends_H, point_S, side="right")]
    return np.bincount(holder_S, minlength=len(weight_N)).astype(np.uint64)


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
    if network.has(Behaviour.SEED_GRINDER):
        grinds_N = network.does(Behaviour.SEED_GRINDER) & seen_N
        if some(grinds_N):
            _grind(network, state, claims, np.flatnonzero(grinds_N), silent_N, streams, tally)
            seen_N = seen_N & ~grinds_N
    seen = np.flatnonzero(seen_N)
    for first in range(0, len(seen), SEEN_AT_ONCE):
        part = seen[first : first + SEEN_AT_ONCE]
        _hear(network, state, claims, part, silent_N, streams, tally)


def _grind(
    network: Network,
    state: State,
    claims: Claims,
    judged: I64,
    silent_N: Bool,
    streams: Streams,
    tally: Tally,
) -> None:
    """Proposers who see several hashes of the block that seeds a round, and publish the best.

    One hash decides every jury and every sample of the round: the seed is chosen for all
    grinders together, by how many of them are found, then by what they are credited together.
    Nobody else's verdicts depend on theirs, so that one more draw is as good for the others.
    """
    best, best_score = tally, (network.hosts + 1, 0)
    for _ in range(int(network.parts_N[judged].max(initial=1))):
        seen = _nothing_heard(network.hosts)
        _hear(network, state, claims, judged, silent_N, streams, seen)
        decided = judge(network, state, claims, seen)
        found = int(np.count_nonzero(decided.outcome[judged] == poc.Outcome.FRAUD))
        score = found, -total(decided.credited[judged])
        if score < best_score:
            best, best_score = seen, score
    for name in ("honest_N", "fraud_N", "unavailable_N", "sampled_N", "invalid_N"):
        getattr(tally, name)[judged] = getattr(best, name)[judged]
    tally.drawn_N += best.drawn_N
    tally.cast_N += best.cast_N


def _nothing_heard(hosts: int) -> Tally:
    names = ("honest_N", "fraud_N", "unavailable_N", "sampled_N", "invalid_N", "drawn_N", "cast_N")
    columns = {name: np.zeros(hosts, np.uint64) for name in names}
    return Tally(**columns, quiet_N=np.zeros(hosts, np.bool_))


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
    hidden_V = network.does(Behaviour.NON_OPENER)[host_V]
    verdicts = at_V, holder_V, seats_V, sampled_V, invalid_V
    fraud_V = invalid_V >= _limits(network, sampled_V)
    count = _count if compiler.ready() else _count_plainly
    count(*verdicts, fraud_V, hidden_V, silent_N, judged, *_columns(tally))


def _columns(tally: Tally) -> tuple[U64, ...]:
    t = tally
    seats = t.honest_N, t.fraud_N, t.unavailable_N
    return *seats, t.sampled_N, t.invalid_N, t.drawn_N, t.cast_N


def _count_plainly(
    at_V: I64,
    holder_V: I64,
    seats_V: I64,
    sampled_V: U64,
    invalid_V: U64,
    fraud_V: Bool,
    hidden_V: Bool,
    silent_N: Bool,
    judged: I64,
    *columns: U64,
) -> None:
    """Counts seats by what they found, the basis of each credit, and the duty of holders."""
    honest_N, fraud_N, unavailable_N, sampled_N, invalid_N, drawn_N, cast_N = columns

    def seats_where(mask_V: Bool) -> U64:
        return sums_by(at_V, seats_V * mask_V, len(judged)).astype(np.uint64)

    casts_V = ~silent_N[holder_V]
    opened_V = casts_V & ~hidden_V
    honest_N[judged] = seats_where(opened_V & ~fraud_V)
    fraud_N[judged] = seats_where(opened_V & fraud_V)
    unavailable_N[judged] = seats_where(casts_V & hidden_V)
    sampled_N[judged], invalid_N[judged] = poc.trimmed_basis(
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
    np.add.at(drawn_N, holder_V, drawn_V)
    np.add.at(cast_N, holder_V, drawn_V * casts_V)


@Kernel
def _count(
    at_V: Any,
    holder_V: Any,
    seats_V: Any,
    sampled_V: Any,
    invalid_V: Any,
    fraud_V: Any,
    hidden_V: Any,
    silent_N: Any,
    judged: Any,
    honest_N: Any,
    fraud_N: Any,
    unavailable_N: Any,
    sampled_N: Any,
    invalid_N: Any,
    drawn_N: Any,
    cast_N: Any,
) -> None:
    """`_count_plainly`, jury by jury: verdicts stand by ascending host, then holder."""
    order = np.empty(len(at_V), np.int64)
    v, verdicts = 0, len(at_V)
    for at in range(len(judged)):
        by_finding = np.zeros(3, np.int64)
        opened = entries = 0
        while v < verdicts and at_V[v] == at:
            seats, holder = seats_V[v], holder_V[v]
            drawn_N[holder] += np.uint64(seats)
            if not silent_N[holder]:
                cast_N[holder] += np.uint64(seats)
                by_finding[2 if hidden_V[v] else 1 if fraud_V[v] else 0] += seats
                if not hidden_V[v]:
                    # By the invalid share; a jury is small, and equal shares stay by holder.
                    share, place = invalid_V[v] / sampled_V[v], opened
                    while place > 0:
                        before = order[place - 1]
                        if invalid_V[before] / sampled_V[before] <= share:
                            break
                        order[place] = before
                        place -= 1
                    order[place] = v
                    opened += 1
                    entries += seats
            v += 1
        sampled = invalid = np.uint64(0)
        low, end = entries // 4, 0
        for place in range(opened):
            one = order[place]
            end += seats_V[one]
            kept = min(end, entries - low) - max(end - seats_V[one], low)
            if kept > 0:
                sampled += np.uint64(kept) * sampled_V[one]
                invalid += np.uint64(kept) * invalid_V[one]
        host = judged[at]
        honest, fraud, unavailable = by_finding
        honest_N[host], fraud_N[host] = np.uint64(honest), np.uint64(fraud)
        unavailable_N[host] = np.uint64(unavailable)
        sampled_N[host], invalid_N[host] = sampled, invalid


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
    if compiler.ready():
        pairs = np.empty((3, len(judged) * seats), np.int64)
        at_V, holder_V, seats_V = pairs[:, : _seat(point_JS, ends_N, weight_N, judged, pairs)]
        return at_V, holder_V, seats_V
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


@Kernel
def _seat(point_JS: Any, ends_N: Any, weight_N: Any, judged: Any, pairs: Any) -> Any:
    """How many pairs of judged host and holder there are; pairs takes them with their seats."""
    count = 0
    for at in range(len(judged)):
        own = weight_N[judged[at]]
        first = count
        for point in point_JS[at]:
            # The host's own interval is shifted over.
            if point >= ends_N[judged[at]] - own:
                point += own
            holder, after = 0, len(ends_N)
            while holder < after:
                middle = (holder + after) // 2
                if ends_N[middle] <= point:
                    holder = middle + 1
                else:
                    after = middle
            place = count
            while place > first and pairs[1, place - 1] > holder:
                place -= 1
            if place > first and pairs[1, place - 1] == holder:
                pairs[2, place - 1] += 1
                continue
            for later in range(count, place, -1):
                pairs[1, later], pairs[2, later] = pairs[1, later - 1], pairs[2, later - 1]
            pairs[0, count], pairs[1, place], pairs[2, place] = at, holder, 1
            count += 1
    return count


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
