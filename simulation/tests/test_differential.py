"""Random cases through the chain's core and its twins; every integer must be the same.

hypothesis chooses the seed and the size of the operands; a batch of cases is drawn from it, so
that thousands of them cross the pipe at once.
"""

import itertools
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulation import (
    commit,
    compiler,
    draw,
    epoch,
    fixed,
    params,
    poc,
    price,
    reward,
    timeslot,
    weight,
)
from simulation.arrays import owners, u64
from simulation.errors import OverflowU64Error, SimulationError
from simulation.throughput import kept_weights

U64_MAX = 2**64 - 1
NONE = U64_MAX
ROOT = Path(__file__).resolve().parents[2]
BATCH = int(os.environ.get("DIFFERENTIAL_BATCH", "1000"))
ROUNDS = int(os.environ.get("DIFFERENTIAL_ROUNDS", "6"))
SEEDS = int(os.environ.get("DIFFERENTIAL_SEEDS", "60"))
Rows = list[list[int]]
Results = list[list[int] | None]


class Source:
    """Operands at the edges and anywhere between."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def column(self, bits: int, n: int) -> list[int]:
        """Integers of up to so many bits, small ones and powers of two among them."""
        sizes = self.rng.integers(0, bits + 1, n)
        whole = self.rng.integers(0, U64_MAX, n, np.uint64, endpoint=True)
        values = np.where(sizes == 0, 0, whole >> np.minimum(63, 64 - sizes).astype(np.uint64))
        edge = self.rng.random(n) < 0.1
        nudge = self.rng.integers(0, 3, n)
        out: list[int] = []
        for value, at_edge, size, step in zip(
            values.tolist(), edge.tolist(), sizes.tolist(), nudge.tolist(), strict=True
        ):
            out.append(min(max(0, (1 << size) + step - 1), (1 << bits) - 1) if at_edge else value)
        return out

    def below(self, n: int, size: int) -> list[int]:
        return self.rng.integers(0, n, size).tolist()

    def one(self, n: int) -> int:
        return int(self.rng.integers(0, n))


def columns(*values: list[int]) -> Rows:
    return [list(row) for row in zip(*values, strict=True)]


def each(function: Callable[..., list[int]]) -> Callable[[Rows], Results]:
    """A twin of scalars over the cases; None where it refuses one."""

    def run(cases: Rows) -> Results:
        out: Results = []
        for case in cases:
            try:
                out.append(function(*case))
            except SimulationError:
                out.append(None)
        return out

    return run


def at_once(function: Callable[..., list[np.ndarray]], legal: Callable[..., np.ndarray]):
    """A twin of arrays over all legal cases in one call; None for the others."""

    def run(cases: Rows) -> Results:
        operands = [np.array(c, np.uint64) for c in zip(*cases, strict=True)]
        ok = legal(*operands)
        results = function(*(o[ok] for o in operands))
        rows = iter(np.stack([r.astype(np.uint64) for r in results], axis=1).tolist())
        return [next(rows) if o else None for o in ok.tolist()]

    return run


def everything(a: np.ndarray, *_: np.ndarray) -> np.ndarray:
    return np.ones(len(a), np.bool_)


def fits(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    high, _ = fixed.mul_128_each(a, b)
    return high < c


def floors(s: Source) -> Rows:
    return columns(s.column(64, BATCH), s.column(64, BATCH), s.column(64, BATCH))


def settle_cases(s: Source) -> Rows:
    """Hosts of one epoch, which the twin settles at once, as the simulator does."""
    bits = s.one(61) + 3
    weight_, total = s.column(bits, BATCH), s.column(bits, 1)
    drawn, cast = s.below(200, BATCH), s.below(200, BATCH)
    blocks, unjailed = s.column(40, 1), s.column(40, BATCH)
    return columns(
        s.column(62, 1) * BATCH,
        [max(1, *total, *weight_)] * BATCH,
        [max(1, *blocks, *unjailed)] * BATCH,
        s.below(fixed.ONE + 1, 1) * BATCH,
        weight_,
        [max(pair) for pair in zip(drawn, cast, strict=True)],
        cast,
        unjailed,
        s.below(2, BATCH),
        [max(0, v - 17) for v in s.below(20, BATCH)],
    )


def settle(*x: np.ndarray) -> list[np.ndarray]:
    amount, total, blocks, bonus = (int(column[0]) for column in x[:4])
    m = reward.settle_amounts(
        reward.Epoch(reward=amount, total_weight=total, blocks=blocks, coverage_bonus=bonus),
        reward.Hosts(
            weight=x[4],
            seats_drawn=x[5],
            seats_cast=x[6],
            unjailed_blocks=x[7],
            covers=x[8] == 1,
            forfeited=x[9].astype(np.uint8),
        ),
    )
    return [m.by_weight, m.by_duty, m.by_presence, m.share, m.bonus, m.total, m.reason]


def coverage_cases(s: Source) -> Rows:
    models = 1 + s.one(8)
    weights = [s.column(62, 200) for _ in range(models)]
    return columns(s.column(64, 200), [1 + v for v in s.below(100, 200)], *weights)


def coverage(root: int, spread: int, *weights: int) -> list[int]:
    covered, covers = reward.coverage(u64(root), np.array([weights], np.uint64), spread)
    return [int(covers[0]), *covered[0].astype(int).tolist()]


def form_cases(s: Source) -> Rows:
    """Hosts of one formation, which the twin forms at once."""
    made: Rows = []
    scale = [1, 1] if s.one(2) else s.column(40, 2)
    pool = iter(s.column(40, 200 * 12))
    dice = iter(s.below(60, 200 * 24))
    for _ in range(200):
        nodes = [
            [max(0, next(dice) % 6 - 3), next(pool) * (next(dice) % 4 > 0), next(dice) % 2,
             next(pool)]
            for _ in range(next(dice) % 6)
        ]  # fmt: skip
        claimed = sum(n[1] for n in nodes if n[0] == 0 and not n[2])
        outcome = 1 + next(dice) % 6 if claimed else 7
        credited = claimed - s.one(claimed + 1) if outcome in (1, 5) else 0
        sole = int(outcome == 1 and next(dice) % 4 == 0)
        jailed = int(next(dice) % 6 == 0)
        made.append(
            [outcome, sole, claimed, credited, jailed, *scale, *(v for n in nodes for v in n)]
        )
    return made


def form(cases: Rows) -> Results:
    """All at once; where a sum among them passes 64 bits, one by one, to see whose."""
    try:
        return formed(cases)
    except OverflowU64Error:
        return [formed_or_refused(case) for case in cases]


def formed_or_refused(case: list[int]) -> list[int] | None:
    try:
        return formed([case])[0]
    except OverflowU64Error:
        return None


def formed(cases: Rows) -> Results:
    heads = np.array([case[:7] for case in cases], np.uint64)
    counts = [(len(case) - 7) // 4 for case in cases]
    rows = np.array([v for case in cases for v in case[7:]], np.uint64).reshape(-1, 4)
    made = weight.compute_new_weights(
        claimed_N=heads[:, 2],
        jailed_N=heads[:, 4] == 1,
        judged=poc.Judgements(
            outcome=heads[:, 0].astype(np.uint8),
            sole_member=heads[:, 1] == 1,
            credited=heads[:, 3],
        ),
        nodes=weight.Nodes(
            owners=owners(np.repeat(np.arange(len(cases)), counts), len(cases)),
            standing=rows[:, 0].astype(np.uint8),
            claimed=rows[:, 1],
            serves=rows[:, 2] == 1,
            carried=rows[:, 3],
        ),
        scale=(int(heads[0, 5]), int(heads[0, 6])),
    )
    sums = zip(
        *(v.tolist() for v in (made.reason, made.mined, made.preserved, made.weight)), strict=True
    )
    nodes = np.stack([made.node_reason.astype(np.uint64), made.node_weight], axis=1)
    ends = np.cumsum([0, *counts])
    return [
        [*head, *nodes[a:b].reshape(-1).tolist()]
        for head, a, b in zip(sums, ends[:-1], ends[1:], strict=True)
    ]


def allocate_cases(s: Source) -> Rows:
    made: Rows = []
    for _ in range(100):
        hosts = s.one(12)
        facts = [[s.one(50), s.one(4), s.one(5), int(s.one(6) == 0)] for _ in range(hosts)]
        nodes = (
            sorted([s.one(hosts), s.one(30), int(s.one(5) == 0)] for _ in range(s.one(40)))
            if hosts
            else []
        )
        total = sum(n[1] for n in nodes)
        head = [s.one(1 << 62), s.one(total + 9), total, s.one(fixed.ONE + 1), s.one(4), hosts]
        made.append([*head, *(v for f in facts for v in f), *(v for n in nodes for v in n)])
    return made


def allocate(
    seed: int, required: int, total: int, fraction: int, limit: int, hosts: int, *rest: int
) -> list[int]:
    facts = np.array(rest[: 4 * hosts], np.uint64).reshape(-1, 4)
    nodes = np.array(rest[4 * hosts :], np.uint64).reshape(-1, 3)
    histories = timeslot.Histories(
        preserved_in_row=facts[:, 1], full_weight=facts[:, 2], fleet_changed=facts[:, 3] == 1
    )
    host_K = nodes[:, 0].astype(np.int64)
    made = timeslot.allocate(
        seed=seed.to_bytes(32, "big"),
        model="m",
        required=required,
        model_total=total,
        max_serving_fraction=fraction,
        weight_N=facts[:, 0],
        may_N=histories.eligible(limit),
        host_K=host_K,
        throughput_K=nodes[:, 1],
        pending_K=nodes[:, 2] == 1,
    )
    first = np.searchsorted(host_K, host_K)
    ends = {"required": 1, "fraction": 2, "exhausted": 3}
    picks = [v for k in made.picks.tolist() for v in (int(host_K[k]), k - int(first[k]))]
    return [made.throughput, ends[made.stop], *picks]


def uniform(seed: int, n: int, draws: int) -> list[int]:
    stream = draw.jury_stream(seed.to_bytes(32, "big"), (1).to_bytes(20, "big"))
    return [stream.uniform(n) for _ in range(draws)]


def jury_cases(s: Source) -> Rows:
    made: Rows = []
    for _ in range(100):
        members = 1 + s.one(9)
        excluded = s.one(members) if s.one(2) else NONE
        bits = 1 + s.one(58)
        made.append([s.one(1 << 62), 1 + s.one(99), s.one(65), excluded, *s.column(bits, members)])
    return made


def jury(seed: int, host: int, seats: int, excluded: int, *weights: int) -> list[int]:
    ends = np.cumsum(np.array(weights, object)).tolist()
    left_out = [] if excluded == NONE else [(ends[excluded] - weights[excluded], weights[excluded])]
    panel = draw.jury(
        seed=seed.to_bytes(32, "big"),
        host=host.to_bytes(20, "big"),
        cumulative=ends,
        excluded=left_out,
        seats=seats,
    )
    return [panel.electorate, *(v for seat in panel.seats.items() for v in seat)]


def ballots(s: Source, width: int, hosts: int) -> list[list[int]]:
    """Of each host the rows of its ballots, one after another."""
    counts = 1 + s.rng.integers(0, 8, hosts)
    n = int(counts.sum())
    sampled = 1 + s.rng.integers(0, 300, n)
    few = s.rng.integers(0, 4, n) > 0
    invalid = np.minimum(sampled, np.where(few, *(s.rng.integers(0, most, n) for most in (6, 301))))
    rows = [1 + s.rng.integers(0, 6, n), sampled, invalid]
    if width == 5:
        silent = s.rng.integers(0, 4, n) == 0
        rows[2] = np.where(silent, 0, invalid)
        rows += [silent, ~silent & (s.rng.integers(0, 9, n) == 0)]
    flat: list[int] = np.stack(rows, axis=1).reshape(-1).tolist()
    ends = (width * np.cumsum([0, *counts])).tolist()
    return [flat[a:b] for a, b in itertools.pairwise(ends)]


def findings(rows: np.ndarray) -> poc.Findings:
    return poc.Findings(
        host=np.zeros(len(rows), np.int64),
        holder=np.arange(len(rows), dtype=np.int64),
        seats=rows[:, 0].astype(np.uint64),
        sampled=rows[:, 1].astype(np.uint64),
        invalid=rows[:, 2].astype(np.uint64),
    )


def basis_cases(s: Source) -> Rows:
    claims = zip(s.column(50, 200), ballots(s, 3, 200), strict=True)
    return [[claimed, *rows, 0] for claimed, rows in claims]


def basis(claimed: int, *rest: int) -> list[int]:
    sampled, invalid = poc.trimmed_basis(findings(np.array(rest[:-1]).reshape(-1, 3)), 1)
    credited = poc.credits_each(u64(claimed), sampled, invalid)
    return [int(sampled[0]), int(invalid[0]), int(credited[0])]


def judge_cases(s: Source) -> Rows:
    n = BATCH
    rows = ballots(s, 5, n)
    seats = [sum(of[::5]) + more for of, more in zip(rows, s.below(8, n), strict=True)]
    facts = columns(s.column(50, n), [32] * n, s.below(3, n), seats, s.below(2, n), s.column(50, n))
    limits = [fixed.ONE // 2000, fixed.ONE // 10**7, 0]
    return [[*fact, *limits, *of] for fact, of in zip(facts, rows, strict=True)]


def judge(cases: Rows) -> Results:
    """All hosts of a round at once."""
    heads = np.array([case[:8] for case in cases], np.uint64)
    counts = [(len(case) - 9) // 5 for case in cases]
    host_V = np.repeat(np.arange(len(cases)), counts)
    rows = np.array([v for case in cases for v in case[9:]], np.int64).reshape(-1, 5)
    kinds = np.array(
        [
            poc.verdict_kind(
                sampled=sampled,
                invalid=invalid,
                unavailable=unavailable == 1,
                structural=structural == 1,
                mismatch=cases[0][6],
                threshold=cases[0][7],
            )
            for _, sampled, invalid, unavailable, structural in rows.tolist()
        ]
    )
    tally = [
        np.bincount(host_V, weights=rows[:, 0] * (kinds == k), minlength=len(cases)).astype(
            np.uint64
        )
        for k in poc.Kind
    ]
    opened = kinds != poc.Kind.UNAVAILABLE
    sampled, invalid = poc.trimmed_basis(
        poc.Findings(
            host=host_V[opened],
            holder=np.arange(len(rows))[opened],
            seats=rows[opened, 0].astype(np.uint64),
            sampled=rows[opened, 1].astype(np.uint64),
            invalid=rows[opened, 2].astype(np.uint64),
        ),
        len(cases),
    )
    claimed, electorate = heads[:, 0], heads[:, 2]
    made = poc.judge(
        poc.Cases(
            claimed=claimed,
            min_host_nonces=cases[0][1],
            electorate=electorate,
            seats=heads[:, 3],
            member=heads[:, 4] == 1,
            carried=heads[:, 5],
            honest=tally[0],
            fraud=tally[1],
            unavailable=tally[2],
            basis_sampled=sampled,
            basis_invalid=invalid,
        )
    )
    heard = (claimed >= np.uint64(max(1, cases[0][1]))) & (electorate > 0)
    decided = (made.outcome, made.sole_member, made.credited, *(t * heard for t in tally))
    return np.stack([d.astype(np.uint64) for d in decided], axis=1).tolist()


def powers(most: int, *weights: int) -> list[int]:
    order, made = weight.consensus_powers(u64(weights), most)
    return [v for pair in zip(order.tolist(), made.tolist(), strict=True) for v in pair]


def heights(start: int, *of: int) -> list[int]:
    lengths = epoch.Lengths(**dict(zip(epoch.Lengths.__dataclass_fields__, of, strict=True)))
    made = epoch.open_epoch(start, lengths)
    return [getattr(made, name) for name in epoch.Heights.__dataclass_fields__]


def valid_lengths(*of: int) -> list[int]:
    names = [*epoch.Lengths.__dataclass_fields__, "allocation_blocks"]
    params.preset("default").changed(dict(zip(names, map(str, of), strict=True)))
    return [1]


def near_the_rule(s: Source) -> Rows:
    n = 200
    stages = [[2 + v for v in s.below(40, n)] for _ in range(3)]
    return columns(*stages, [5 + v for v in s.below(150, n)], s.below(160, n))


def cap_cases(s: Source) -> Rows:
    counts, pool = s.below(6, 200), iter(s.column(63, 200 * 5))
    full = s.column(62, 200)
    return [[f, *(next(pool) for _ in range(n))] for f, n in zip(full, counts, strict=True)]


OPERATIONS: dict[str, tuple[Callable[[Source], Rows], Callable[[Rows], Results]]] = {
    "fixed.floor": (floors, at_once(lambda a, b, c: [fixed.floor_each(a, b, c)], fits)),
    "fixed.ceil": (floors, each(lambda a, b, c: [fixed.mul_div_ceil(a, b, c)])),
    "fixed.compare": (
        lambda s: columns(*(s.column(64, BATCH) for _ in range(4))),
        at_once(
            lambda a, b, c, d: [fixed.products_at_least_each(a, b, c, d)],
            everything,
        ),
    ),
    "draw.uniform": (
        lambda s: columns(s.column(62, 100), s.column(64, 100), s.below(9, 100)),
        each(uniform),
    ),
    "draw.sample": (
        lambda s: columns(*(s.column(62, 50) for _ in range(3)), s.below(40, 50), s.column(40, 50)),
        each(
            lambda seed, holder, host, size, claims: draw.sample(
                seed.to_bytes(32, "big"),
                holder.to_bytes(20, "big"),
                host.to_bytes(20, "big"),
                size,
                claims,
            )
        ),
    ),
    "draw.jury": (jury_cases, each(jury)),
    "epoch.heights": (
        lambda s: columns(s.column(63, BATCH), *(s.column(61, BATCH) for _ in range(4))),
        each(heights),
    ),
    "commit.dense": (
        lambda s: columns(s.column(32, BATCH), s.column(54, BATCH), s.below(fixed.ONE + 1, BATCH)),
        each(lambda c, w, p: [int(commit.dense(c, w, p))]),
    ),
    "poc.limit": (
        lambda s: columns(
            [1 + v for v in s.below(200, 5)],
            [1 + v for v in s.below(fixed.ONE // 100, 5)],
            [1 + v for v in s.below(fixed.ONE // 10**4, 5)],
        ),
        each(lambda n, p, t: [poc.fraud_limit(n, p, t)]),
    ),
    "poc.outcome": (
        lambda s: [
            [sum(row), *row[1:]] for row in columns(*(s.below(33, BATCH) for _ in range(4)))
        ],
        at_once(lambda *x: [poc.outcomes(*x)], everything),
    ),
    "poc.basis": (basis_cases, each(basis)),
    "poc.judge": (judge_cases, judge),
    "weight.form": (form_cases, form),
    "weight.powers": (
        lambda s: [[1 + s.one(9), *s.column(1 + s.one(63), 1 + s.one(12))] for _ in range(100)],
        each(powers),
    ),
    "weight.throughput": (
        lambda s: columns(
            s.column(1 + s.one(64), BATCH),
            s.column(1 + s.one(64), BATCH),
            s.column(64, 1) * BATCH,
            s.column(20, 1) * BATCH,
        ),
        at_once(
            lambda w, n, p, g: [weight.throughputs(w, n, int(p[0]), int(g[0]))],
            everything,
        ),
    ),
    "timeslot.allocate": (allocate_cases, each(allocate)),
    "timeslot.cap": (
        cap_cases,
        each(lambda full, *weights: timeslot.cap_preserved(weights, full)),
    ),
    "throughput.kept": (
        floors,
        at_once(lambda *x: [kept_weights(*x)], everything),
    ),
    "price.next": (
        floors,
        each(lambda p, real, expected: [price.next_price(p, real=real, expected=expected)]),
    ),
    "price.charge": (
        lambda s: columns(*(s.column(64, BATCH) for _ in range(4)), s.column(63, BATCH)),
        each(
            lambda prompt, completion, units, most, p: [
                price.charge(
                    tokens=prompt + completion, units_per_token=units, max_cost=most, price=p
                )
            ]
        ),
    ),
    "reward.epoch": (
        lambda s: columns(*(s.column(64, BATCH) for _ in range(3)), s.column(64, BATCH)),
        each(
            lambda subsidy, minted, most, bonus: [
                reward.epoch_reward(
                    subsidy=subsidy, minted_total=minted, max_supply=most, coverage_bonus=bonus
                )
            ]
        ),
    ),
    "reward.next_subsidy": (
        lambda s: columns(s.column(64, BATCH), s.column(64, BATCH)),
        each(lambda subsidy, decay: [reward.next_subsidy(subsidy, decay)]),
    ),
    "reward.settle": (settle_cases, at_once(settle, everything)),
    "reward.coverage": (coverage_cases, each(coverage)),
    "params.valid_lengths": (near_the_rule, each(valid_lengths)),
}
# Those whose twin takes a batch of cases at once; the others go through it one by one.
BATCHED = {name for name, (_, twin) in OPERATIONS.items() if twin.__qualname__[:5] != "each."}


@pytest.mark.parametrize("op", OPERATIONS)
@settings(
    max_examples=ROUNDS,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, U64_MAX))
def test_a_twin_equals_the_core(go_core: Any, op: str, seed: int) -> None:
    make, twin = OPERATIONS[op]
    cases = make(Source(seed))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiler, "ready", lambda: False)
        ours = twin(cases)
    theirs = go_core.ask(op, cases)
    for case, their, our in zip(cases, theirs, ours, strict=True):
        assert our == their, f"{op} of {case}"


def test_a_host_whose_weight_passes_64_bits_is_refused_by_both(go_core: Any) -> None:
    cases = form_cases(Source(405))  # found among ten million
    theirs = go_core.ask("weight.form", cases)
    assert None in theirs
    assert form(cases) == theirs


def test_a_compiled_allocation_equals_the_core(go_core: Any) -> None:
    compiler.load()
    make, twin = OPERATIONS["timeslot.allocate"]
    for seed in range(ROUNDS):
        cases = make(Source(seed))
        assert twin(cases) == go_core.ask("timeslot.allocate", cases), f"seed {seed}"


@pytest.mark.long
@pytest.mark.parametrize("op", OPERATIONS)
def test_a_share_of_ten_million_cases_agrees(go_core: Any, op: str) -> None:
    make, twin = OPERATIONS[op]
    for seed in range(SEEDS):
        cases = make(Source(seed))
        assert twin(cases) == go_core.ask(op, cases), f"{op}, seed {seed}"


def test_every_operation_of_the_core_has_a_twin() -> None:
    listed = (ROOT / "inference-chain/cmd/simcore/ops.go").read_text()
    assert set(re.findall(r'^\t\t"([a-z_.]+)":', listed, re.M)) == set(OPERATIONS)
