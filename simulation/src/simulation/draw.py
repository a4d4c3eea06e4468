"""Twin of core/draw (docs/spec/draw.md): every chance event of the chain from a block's hash."""

import hashlib
import itertools
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from simulation import compiler, sha256
from simulation.arrays import U64
from simulation.errors import DrawError

_WORDS = 4


class Stream:
    """Words of a domain and its fields: block i is SHA-256(fields ‖ be64(i)), four be64 each."""

    def __init__(self, domain: str, *fields: bytes) -> None:
        parts = (len(f).to_bytes(4, "big") + f for f in (domain.encode(), *fields))
        self._fields = b"".join(parts)
        self._prefix = hashlib.sha256(self._fields)
        self._words = self._generate()

    def _block(self, index: int) -> bytes:
        block = self._prefix.copy()
        block.update(index.to_bytes(8, "big"))
        return block.digest()

    def _generate(self) -> Iterator[int]:
        for index in itertools.count():
            digest = self._block(index)
            for at in range(0, 8 * _WORDS, 8):
                yield int.from_bytes(digest[at : at + 8], "big")

    def word(self) -> int:
        """The next 64-bit word."""
        return next(self._words)

    def uniform(self, n: int) -> int:
        """An integer in [0, n): words above the largest multiple of n are thrown away.

        Raises DrawError when n is 0.
        """
        if n == 0:
            raise DrawError("the range to draw from is empty")
        bound = 2**64 - 2**64 % n
        while (word := self.word()) >= bound:
            pass
        return word % n

    def words_from(self, block: int, blocks: int) -> U64:
        """The words of some blocks, whatever was drawn before."""
        if compiler.ready():
            words = np.empty(_WORDS * blocks, np.uint64)
            sha256.counted(np.frombuffer(self._fields, np.uint8), block, words)
            return words
        # The loop of `_block`, without its calls: it is where a large draw spends its time.
        start = self._prefix.copy
        digests: list[bytes] = []
        for index in range(block, block + blocks):
            hasher = start()
            hasher.update(index.to_bytes(8, "big"))
            digests.append(hasher.digest())
        joined = b"".join(digests)
        return np.frombuffer(joined, dtype=">u8").astype(np.uint64)

    def distinct(self, k: int, n: int) -> list[int]:
        """min(k, n) different integers of [0, n), ascending, by Floyd's method."""
        if k >= n:
            return list(range(n))
        chosen: set[int] = set()
        for top in range(n - k, n):
            pick = self.uniform(top + 1)
            chosen.add(top if pick in chosen else pick)
        return sorted(chosen)


def jury_stream(seed: bytes, host: bytes) -> Stream:
    """The stream that seats the judges of a host."""
    return _seeded("jury", seed, host)


def sample_stream(seed: bytes, holder: bytes, host: bytes) -> Stream:
    """The stream from which a seat holder samples a host's claims."""
    return _seeded("sample", seed, holder, host)


def slot_stream(seed: bytes, model: str) -> Stream:
    """The stream that allocates the timeslots of a model."""
    return _seeded("slot", seed, model.encode())


def _seeded(domain: str, seed: bytes, *fields: bytes) -> Stream:
    if len(seed) != 32:
        raise DrawError(f"a seed is a block hash of 32 bytes, got {len(seed)}")
    if not all(fields):
        raise DrawError(f"a field of domain {domain!r} is empty")
    return Stream(domain, seed, *fields)


def sample(seed: bytes, holder: bytes, host: bytes, size: int, claims: int) -> list[int]:
    """The claims of host that holder verifies: `size` distinct ones, or all when fewer."""
    return sample_stream(seed, holder, host).distinct(size, claims)


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A jury: the weight that could be drawn, and seats by rank, ascending."""

    electorate: int
    seats: dict[int, int]


def jury(
    *,
    seed: bytes,
    host: bytes,
    cumulative: Sequence[int],
    excluded: Sequence[tuple[int, int]],
    seats: int,
) -> Panel:
    """Draw the judges of a host.

    Args:
        seed: hash of POC_VALIDATION_START.
        host: raw address of the judged host.
        cumulative: weight of members 0 … rank together, by ascending address.
        excluded: (start, weight) of those who may not judge, ascending and disjoint.
        seats: draws, with replacement.

    Raises:
        DrawError: when the intervals overlap or pass the total.
    """
    stream = jury_stream(seed, host)
    whole = cumulative[-1] if cumulative else 0
    end = 0
    for start, weight in excluded:
        if start < end or start + weight > whole:
            raise DrawError("excluded intervals must be ascending, disjoint and inside the total")
        end = start + weight
    electorate = whole - sum(weight for _, weight in excluded)
    if electorate == 0:
        return Panel(electorate=0, seats={})
    ranks: Counter[int] = Counter()
    for _ in range(seats):
        point = stream.uniform(electorate)
        for start, weight in excluded:
            if start > point:
                break
            point += weight
        rank = bisect_right(cumulative, point)
        if rank == len(cumulative):
            raise DrawError(f"nobody covers {point}")
        ranks[rank] += 1
    return Panel(electorate=electorate, seats=dict(sorted(ranks.items())))
