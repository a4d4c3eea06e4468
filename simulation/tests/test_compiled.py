"""Kernels beside what they replace, on facts that a scenario seldom has."""

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from scipy import stats

from simulation import compiler, draw, judging, sha256, timeslot
from simulation.errors import OverflowU64Error

SEEDS = range(40)


@pytest.fixture(autouse=True)
def _compiler() -> Iterator[None]:
    if not compiler.installed():
        pytest.skip("numba is not installed")
    compiler.load()
    return


def plainly(monkeypatch: Any) -> None:
    monkeypatch.setattr(compiler, "ready", lambda: False)


@pytest.mark.parametrize("size", [0, 1, 46, 47, 48, 55, 56, 57, 63, 64, 65, 128, 200])
@pytest.mark.parametrize("first", [0, 250, 2**40 + 5])
def test_digests_are_those_of_hashlib(size: int, first: int) -> None:
    prefix = bytes((7 * i + size) % 256 for i in range(size))
    for blocks in (1, 15, 16, 33):
        words = np.empty(4 * blocks, np.uint64)
        sha256.counted(np.frombuffer(prefix, np.uint8), first, words)
        counters = ((first + i).to_bytes(8, "big") for i in range(blocks))
        expected = b"".join(hashlib.sha256(prefix + c).digest() for c in counters)
        assert words.astype(">u8").tobytes() == expected


def test_a_streams_words_are_its_words(monkeypatch: Any) -> None:
    compiled = draw.slot_stream(bytes(32), "org/model").words_from(3, 40).tolist()
    plainly(monkeypatch)
    assert draw.slot_stream(bytes(32), "org/model").words_from(3, 40).tolist() == compiled


def allocated(seed: int, hosts: int, weight: int, nodes: int) -> Any:
    """An allocation over hosts that may not, weigh nothing, have no nodes, or wait."""
    rng = np.random.default_rng(seed)
    weight_N = rng.integers(0, weight, hosts, np.uint64, endpoint=True)
    weight_N *= rng.random(hosts) < 0.9
    host_K = np.sort(rng.integers(0, hosts, nodes))
    throughput_K = rng.integers(0, 2**20, nodes, np.uint64)
    made = timeslot.allocate(
        seed=bytes([seed]) * 32,
        model="m",
        required=int(throughput_K.sum()) * int(rng.integers(0, 4)) // 2,
        model_total=int(throughput_K.sum()),
        max_serving_fraction=10**18 * (seed % 3) // 2,
        weight_N=weight_N,
        may_N=rng.random(hosts) < 0.8,
        host_K=host_K,
        throughput_K=throughput_K,
        pending_K=rng.random(nodes) < 0.2 if seed % 2 else np.zeros(1, np.bool_),
    )
    return made.picks.tolist(), made.throughput, made.stop


@pytest.mark.parametrize("weight", [1, 100, 2**32 - 1, 2**32, 2**50])
@pytest.mark.parametrize("nodes", [0, 1, 60, 3000])
def test_allocations_are_the_same(weight: int, nodes: int, monkeypatch: Any) -> None:
    sizes = [1, 2, 17, 300]
    compiled = [allocated(seed, sizes[seed % 4], weight, nodes) for seed in SEEDS]
    plainly(monkeypatch)
    assert [allocated(seed, sizes[seed % 4], weight, nodes) for seed in SEEDS] == compiled


@pytest.mark.parametrize("compiled", [True, False])
def test_an_allocation_whose_weights_pass_64_bits_is_refused(
    compiled: bool, monkeypatch: Any
) -> None:
    if not compiled:
        plainly(monkeypatch)
    with pytest.raises(OverflowU64Error):
        timeslot.allocate(
            seed=bytes(32),
            model="m",
            required=1,
            model_total=2,
            max_serving_fraction=10**18,
            weight_N=np.full(2, 2**63, np.uint64),
            may_N=np.ones(2, np.bool_),
            host_K=np.arange(2),
            throughput_K=np.ones(2, np.uint64),
            pending_K=np.zeros(2, np.bool_),
        )


def counted(count: Any, seed: int) -> list[list[int]]:
    """A round's verdicts, counted; samples are small, so that shares are often equal."""
    rng = np.random.default_rng(seed)
    hosts, judged = 30, np.flatnonzero(rng.random(30) < 0.5)
    weight_N = rng.integers(1, 9, hosts, np.uint64)
    at_V, holder_V, seats_V = judging.draw_juries(weight_N, judged, 16, rng)
    sampled_V = rng.integers(1, 5, len(at_V), np.uint64)
    invalid_V = rng.integers(0, sampled_V, dtype=np.uint64, endpoint=True)
    masks = [rng.random(len(at_V)) < 0.3 for _ in range(2)]
    columns = [np.zeros(hosts, np.uint64) for _ in range(7)]
    facts = at_V, holder_V, seats_V, sampled_V, invalid_V, *masks
    count(*facts, rng.random(hosts) < 0.2, judged, *columns)
    return [c.tolist() for c in columns] + [at_V.tolist(), holder_V.tolist(), seats_V.tolist()]


def test_juries_and_their_counts_are_the_same(monkeypatch: Any) -> None:
    compiled = [counted(judging._count, seed) for seed in SEEDS]
    plainly(monkeypatch)
    assert [counted(judging._count_plainly, seed) for seed in SEEDS] == compiled


def test_silence_is_drawn_the_same(monkeypatch: Any) -> None:
    def drawn(seed: int) -> list[list[int]]:
        rng = np.random.default_rng(seed)
        weight_N = rng.integers(0, 2**30, 500, np.uint64)
        heard_N, silent_N = rng.random(500) < 0.9, rng.random(500) < seed / len(SEEDS)
        whole = int(weight_N.sum())
        tally = judging._quietly(weight_N, whole, heard_N, silent_N, 128, rng)
        return [tally.honest_N.tolist(), tally.drawn_N.tolist(), [rng.integers(2**60)]]

    compiled = [drawn(seed) for seed in SEEDS]
    plainly(monkeypatch)
    assert [drawn(seed) for seed in SEEDS] == compiled


@pytest.mark.parametrize("silent", [1, 40, 100, 700, 999])
def test_how_many_seats_are_silent_is_binomial(silent: int) -> None:
    # A host that casts is judged by 999 others of equal weight, of which so many are silent.
    hosts, seats = 40_000, 32
    seats_N, unit_N = np.empty(hosts, np.int64), np.ones(hosts, np.uint64)
    none_N, rng = np.zeros(hosts, np.uint64), np.random.default_rng(silent)
    judging._silent_seats_plainly(rng, unit_N, none_N, 1_000.0, float(silent), seats, seats_N)
    wanted = stats.binom(seats, silent / 999)
    kinds = [k for k in range(seats + 1) if hosts * wanted.pmf(k) >= 5]
    counts = np.bincount(seats_N, minlength=seats + 1)[kinds]
    expected = hosts * wanted.pmf(kinds)
    # What is too rare to be compared alone counts with the rarest that is not.
    rarest = int(np.argmin(expected))
    counts[rarest] += hosts - counts.sum()
    expected[rarest] += hosts - expected.sum()
    assert len(kinds) == 1 or stats.chisquare(counts, expected).pvalue > 1e-4


def test_the_compiler_is_loaded_once_that_pays(monkeypatch: Any) -> None:
    loaded: list[int] = []
    monkeypatch.setattr(compiler, "_numba", None)
    monkeypatch.setattr(compiler, "_spent", 0)
    monkeypatch.setattr(compiler, "load", lambda: loaded.append(1))
    compiler.spend(1000)
    assert not loaded
    for _ in range(1000):
        compiler.spend(1000)
    assert loaded == [1]
