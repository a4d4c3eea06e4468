"""Random inputs, permutations and targets that come out alike on every device, bit for bit.

Integers are hashed with murmur3 and turned into normal deviates by Box and Müller's method.
Libraries disagree about the last bit of log, sine and cosine, and compilers fuse a product and
a sum into one rounding. Here every float comes from sums, products, quotients and square roots
in float64, which IEEE 754 defines to the bit, and every product that is summed has factors of
24 bits, so that it is exact and fusing changes nothing (docs/spec/poc-served.md, "Random
numbers").

Axes: B nonces, N numbers of a stream, S positions, D width, V outputs, W words of a seed.
"""

# PyTorch's own types are unknown in places.
# pyright: reportUnknownMemberType=false

import hashlib
import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

SEED_WORDS = 8
"""Words of a seed: 8 by default; 1 is the compatible form, whose streams collide by birthday."""

_MASK = 0xFFFFFFFF
# As signed numbers: a product with 32 bits then fits into 64, and its low 32 bits are the same.
_C1 = 0xCC9E2D51 - 2**32
_C2 = 0x1B873593
_F1 = 0x85EBCA6B - 2**32
_F2 = 0xC2B2AE35 - 2**32

# Numbers that are made at a time: their temporaries, 8 bytes each, stay in a CPU's cache.
_TILE = {"cpu": 1 << 15}
_TILE_ELSEWHERE = 1 << 24

# ln 2 in 40 bits: its product with a count of shifts is exact.
_LN2 = round(math.log(2.0) * 2**40) / 2**40
_SQRT_HALF_32 = math.floor(math.sqrt(0.5) * 2**32)
# 2·atanh(f) = f·Σ 2/(2k+1)·f²ᵏ; with |f| ≤ 0.1716 what is left out is below 2⁻³³ of it.
_LOG = tuple(2.0 / (2 * k + 1) for k in range(7))
# sin(x)/t and cos(x) for x = π/4·t as series in t²; what is left out is below 2⁻³².
_SIN = tuple((-1) ** k * (math.pi / 4) ** (2 * k + 1) / math.factorial(2 * k + 1) for k in range(6))
_COS = tuple((-1) ** k * (math.pi / 4) ** (2 * k) / math.factorial(2 * k) for k in range(7))
# The compatible form's smallest uniform number.
_FLOOR = -2.0 * math.log(1e-10)
# Fixed point of a unit vector before it is scaled: |z| < 7, so 2²⁰ squares fit into 63 bits.
_FIXED = float(1 << 18)


def _seed_from_string(seed_string: str) -> int:
    """Returns the compatible seed: the first four bytes of SHA-256, big-endian."""
    return int.from_bytes(hashlib.sha256(seed_string.encode()).digest()[:4], "big")


def _words(seed_string: str) -> tuple[int, ...]:
    """Returns SHA-256 as eight 32-bit words, big-endian."""
    digest = hashlib.sha256(seed_string.encode()).digest()
    return tuple(int.from_bytes(digest[i : i + 4], "big") for i in range(0, 32, 4))


def _murmur3_32(keys: Tensor, seed: Tensor | int) -> Tensor:
    """Returns murmur3 (x86, 32 bits) of each 4-byte key.

    Args:
        keys: int64, each in 0 … 2³² − 1.
        seed: in 0 … 2³² − 1, broadcast against the keys.
    """
    k = (keys * _C1) & _MASK
    k = ((k << 15) & _MASK) | (k >> 17)
    k = (k * _C2) & _MASK
    h = seed ^ k
    h = ((h << 13) & _MASK) | (h >> 19)
    h = (h * 5 + 0xE6546B64) & _MASK
    # The length of the key, in bytes.
    h = h ^ 4
    h = h ^ (h >> 16)
    h = (h * _F1) & _MASK
    h = h ^ (h >> 13)
    h = (h * _F2) & _MASK
    return h ^ (h >> 16)


def _hash(seed_BW: Tensor, first: int, count: int) -> Tensor:
    """Returns the hashes of the keys first … first + count, int64 [B, N].

    With one word it is murmur3 of the key. With eight, four rounds take two words each: one is
    added to the key, modulo 2, the other is the seed. Each round is one-to-one.
    """
    # A compiler counts places in 32 bits, and what is added or multiplied to them as well; behind
    # an operation on bits they are the int64 that they seem to be.
    h_BN = (torch.arange(first, first + count, device=seed_BW.device) & _MASK)[None]
    if seed_BW.shape[1] == 1:
        return _murmur3_32(h_BN, seed_BW)
    for word in range(0, seed_BW.shape[1], 2):
        h_BN = _murmur3_32(h_BN ^ seed_BW[:, word + 1, None], seed_BW[:, word, None])
    return h_BN


def _uniform(hash_BN: Tensor, words: int) -> Tensor:
    """Returns 2³²·u for the uniform number u of each hash, int64.

    The compatible form divides in float32, which keeps 24 bits.
    """
    return hash_BN.to(torch.float32).to(torch.int64) if words == 1 else hash_BN


def _short(x: Tensor) -> Tensor:
    """Returns x rounded to 24 bits, in float64: a product of two such numbers is exact."""
    if not torch.compiler.is_compiling():
        return x.to(torch.float32).to(torch.float64)
    # Compilers drop a conversion that another one undoes. This is the same rounding, ties to even,
    # of the 53 bits of a float64 in its own representation.
    bits = x.view(torch.int64)
    rounded = bits + ((1 << 28) - 1) + ((bits >> 29) & 1)
    return (rounded & -(1 << 29)).view(torch.float64)


def _polynomial(x: Tensor, coefficients: Sequence[float]) -> Tensor:
    """Returns Σ cₖ·xᵏ by Horner's rule; x has 24 bits."""
    total = torch.full_like(x, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        total = _short(total) * x + coefficient
    return total


def _minus_2_log(u32_BN: Tensor, words: int) -> Tensor:
    """Returns −2·ln(u) for u = u32/2³², float64.

    The default form takes u in the middle of its step, so that it is never 0.
    """
    # Shift until the highest of 33 bits is set, and count.
    twice = u32_BN * 2 if words == 1 else u32_BN * 2 + 1
    shifts = torch.zeros_like(twice)
    for bits in (16, 8, 4, 2, 1):
        small = twice < (1 << (33 - bits))
        twice = torch.where(small, twice << bits, twice)
        shifts = torch.where(small, shifts + bits, shifts)
    # m in ½ … 1, then in √½ … √2.
    low = twice < 2 * _SQRT_HALF_32
    shifts = torch.where(low, shifts + 1, shifts)
    scaled = torch.where(low, twice * 2, twice).to(torch.float64)
    f = _short((scaled - 2.0**33) / (scaled + 2.0**33))
    log_m = _short(_polynomial(_short(f * f), _LOG)) * f
    minus_2_log = 2.0 * (shifts.to(torch.float64) * _LN2 - log_m)
    return torch.where(u32_BN == 0, _FLOOR, minus_2_log) if words == 1 else minus_2_log


def _cos_sin(u32_BN: Tensor) -> tuple[Tensor, Tensor]:
    """Returns cosine and sine of 2π·u for u = u32/2³², of which the first 26 bits are used."""
    # Quarters of a turn, each about its middle: t in −1 … 1 is π/4 to either side.
    angle = (u32_BN >> 6) + (1 << 23)
    quarter = (angle >> 24) & 3
    t = ((angle & 0xFFFFFF) - (1 << 23)).to(torch.float64) * 2.0**-23
    y = _short(t * t)
    cos = _polynomial(y, _COS)
    sin = _short(_polynomial(y, _SIN)) * t
    swapped = (quarter & 1) == 1
    left, below = (quarter == 1) | (quarter == 2), quarter >= 2
    x = torch.where(swapped, sin, cos)
    z = torch.where(swapped, cos, sin)
    return torch.where(left, -x, x), torch.where(below, -z, z)


def _normal(seed_BW: Tensor, n: int) -> Tensor:
    """Returns n standard normal deviates of each seed, float32 [B, N].

    Number i and number i + ⌈n/2⌉ come of one pair of uniform numbers, as radius and angle.

    Args:
        seed_BW: int64 [B, 1] or [B, 8], each word in 0 … 2³² − 1.
    """
    pairs = (n + 1) // 2
    device = seed_BW.device
    out_BN = torch.empty(len(seed_BW), 2 * pairs, dtype=torch.float32, device=device)
    tile = _TILE.get(device.type, _TILE_ELSEWHERE)
    width = min(pairs, tile)
    rows = max(1, tile // max(width, 1))
    for row in range(0, len(seed_BW), rows):
        for first in range(0, pairs, max(width, 1)):
            count = min(width, pairs - first)
            cos_BN, sin_BN = _pairs(seed_BW[row : row + rows], first, pairs, count)
            out_BN[row : row + rows, first : first + count] = cos_BN
            out_BN[row : row + rows, pairs + first : pairs + first + count] = sin_BN
    return out_BN[:, :n]


def _pairs(seed_BW: Tensor, first: int, pairs: int, count: int) -> tuple[Tensor, Tensor]:
    """Returns deviates first … first + count and those ``pairs`` later, float32 [B, N] each."""
    words = seed_BW.shape[1]
    radius_u32 = _uniform(_hash(seed_BW, first, count), words)
    angle_u32 = _uniform(_hash(seed_BW, pairs + first, count), words)
    radius = torch.sqrt(_minus_2_log(radius_u32, words))
    cos, sin = _cos_sin(angle_u32)
    return (radius * cos).to(torch.float32), (radius * sin).to(torch.float32)


def seeds(names: Iterable[str], device: torch.device, *, words: int = SEED_WORDS) -> Tensor:
    """Returns the seeds of named streams, int64 [B, W].

    Args:
        words: 8, or 1 for the compatible form.
    """
    whole = [(_seed_from_string(n),) if words == 1 else _words(n) for n in names]
    return torch.tensor(whole, dtype=torch.int64, device=device).reshape(len(whole), words)


def generate_inputs(
    block_hash: str,
    public_key: str,
    nonces: Iterable[int],
    dim: int,
    seq_len: int,
    device: torch.device,
    dtype: torch.dtype,
    *,
    words: int = SEED_WORDS,
) -> Tensor:
    """Returns standard normal inputs of each nonce, [batch, seq_len, dim].

    Args:
        block_hash: challenge of the round, 64 hexadecimal digits.
        public_key: the host's account address, 40 hexadecimal digits.
        dtype: deviates are made in float32 and rounded to it.
        words: 8, or 1 for the compatible form.
    """
    names = [f"{block_hash}_{public_key}_nonce{nonce}" for nonce in nonces]
    normal_BN = _normal(seeds(names, device, words=words), seq_len * dim)
    return normal_BN.reshape(len(names), seq_len, dim).to(dtype)


def generate_permutations(
    block_hash: str,
    public_key: str,
    nonces: Iterable[int],
    vocab_size: int,
    device: torch.device,
    *,
    words: int = SEED_WORDS,
) -> Tensor:
    """Returns a permutation of 0 … vocab_size − 1 for each nonce, int64 [batch, vocab_size].

    It sorts the hashes of the places; equal ones keep their order, so that it is the same on
    every device.
    """
    names = [f"{block_hash}_{public_key}_nonce_{nonce}_permutations" for nonce in nonces]
    hash_BV = _hash(seeds(names, device, words=words), 0, vocab_size)
    return torch.argsort(hash_BV, dim=1, stable=True)


def generate_target(
    block_hash: str,
    vocab_size: int,
    device: torch.device,
    dtype: torch.dtype,
    *,
    words: int = SEED_WORDS,
) -> Tensor:
    """Returns the round's target, a unit vector [vocab_size]."""
    return unit_vector(f"{block_hash}_target", vocab_size, device, dtype, words=words)


def unit_vector(
    name: str, size: int, device: torch.device, dtype: torch.dtype, *, words: int = SEED_WORDS
) -> Tensor:
    """Returns a random direction, [size]; its norm is 1 to within the rounding of ``dtype``.

    The order in which a device adds up squares must not matter: they are added as integers.
    """
    normal_N = _normal(seeds([name], device, words=words), size)[0]
    fixed_N = torch.round(normal_N.to(torch.float64) * _FIXED).to(torch.int64)
    norm = torch.sqrt((fixed_N * fixed_N).sum().to(torch.float64))
    return (fixed_N.to(torch.float64) / norm).to(dtype)


def random_matrix(
    name: str, rows: int, columns: int, device: torch.device, dtype: torch.dtype
) -> Tensor:
    """Returns a matrix of standard normal deviates, [rows, columns]."""
    out = torch.empty(rows, columns, dtype=dtype, device=device)
    seed_BW = seeds([name], device)
    # Made in float32 and larger than what is kept of it.
    out.view(-1)[:] = _normal(seed_BW, rows * columns)[0]
    return out


def compute_distances(logits: Tensor, permutations: Tensor | None, target: Tensor) -> Tensor:
    """Returns the L2 distance of each unit output from the target, float64 [batch], 0 … 2.

    Args:
        logits: [batch, vocab_size], of any length.
        permutations: int64 [batch, vocab_size], applied to the logits first; None for none.
        target: unit vector [vocab_size].
    """
    output_BV = logits.to(torch.float64)
    if permutations is not None:
        output_BV = torch.gather(output_BV, 1, permutations)
    length_B1 = torch.sqrt((output_BV * output_BV).sum(dim=1, keepdim=True))
    apart_BV = output_BV / length_B1 - target.to(torch.float64)
    return torch.sqrt((apart_BV * apart_BV).sum(dim=1))
