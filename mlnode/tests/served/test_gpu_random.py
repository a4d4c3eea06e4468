"""Random numbers that come out alike everywhere: 13 properties, and the arithmetic behind them."""

import hashlib
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from torch.fx.experimental.proxy_tensor import make_fx

from mlnode.poc.served import gpu_random
from mlnode.poc.served.gpu_random import (
    compute_distances,
    generate_inputs,
    generate_permutations,
    generate_target,
)

CPU = torch.device("cpu")
ALPHA, BETA = (hashlib.sha256(name).hexdigest() for name in (b"block_alpha", b"block_beta"))
KEY_A, KEY_B = "0a" * 20, "0b" * 20
WORDS = pytest.mark.parametrize("words", [8, 1])


def inputs(block: str = ALPHA, key: str = KEY_A, nonce: int = 7, **how: Any) -> torch.Tensor:
    return generate_inputs(block, key, [nonce], 64, 8, CPU, torch.float32, **how)


def permutation(key: str = KEY_A, device: torch.device = CPU, **how: Any) -> torch.Tensor:
    return generate_permutations(ALPHA, key, [3], 1000, device, **how)[0]


# --- the 13 properties ---


def test_the_same_seed_gives_the_same_inputs() -> None:
    assert torch.equal(inputs(), inputs())


def test_another_nonce_gives_other_inputs() -> None:
    assert (inputs() == inputs(nonce=8)).float().mean() < 0.01


def test_another_block_hash_gives_other_inputs() -> None:
    assert (inputs() == inputs(block=BETA)).float().mean() < 0.01


def test_another_public_key_gives_other_inputs() -> None:
    assert (inputs() == inputs(key=KEY_B)).float().mean() < 0.01


def test_a_permutation_is_deterministic() -> None:
    assert torch.equal(permutation(), permutation())


def test_another_public_key_gives_another_permutation() -> None:
    assert not torch.equal(permutation(), permutation(KEY_B))


def test_a_permutation_has_every_place_once() -> None:
    assert torch.equal(permutation().sort().values, torch.arange(1000))


def test_a_target_has_length_one() -> None:
    target = generate_target(ALPHA, 8192, CPU, torch.float64)
    # Each component is rounded once in float64.
    assert abs(float(target.norm()) - 1) < 1e-14


def test_another_block_hash_gives_another_target() -> None:
    one, other = (generate_target(block, 8192, CPU, torch.float64) for block in (ALPHA, BETA))
    # Random directions: the cosine deviates by 1/√8192 = 0.011.
    assert abs(float(one @ other)) < 0.06


def test_distances_lie_between_zero_and_two() -> None:
    target = generate_target(ALPHA, 1000, CPU, torch.float64)
    logits = torch.stack([target, -target, target.roll(1), 5 * target])
    distances = compute_distances(logits, None, target)
    assert distances[0] == pytest.approx(0, abs=1e-7)
    assert distances[1] == pytest.approx(2, abs=1e-12)
    assert 0 <= float(distances.min()) <= float(distances.max()) <= 2
    assert distances[3] == pytest.approx(0, abs=1e-7)


@WORDS
def test_inputs_equal_those_of_another_implementation_bit_for_bit(words: int) -> None:
    came = generate_inputs(ALPHA, KEY_A, [0, 2**63], 50, 7, CPU, torch.float32, words=words)
    for row, nonce in enumerate((0, 2**63)):
        wanted = numpy_normal(f"{ALPHA}_{KEY_A}_nonce{nonce}", 350, words)
        assert np.array_equal(came[row].flatten().numpy(), wanted)


@WORDS
def test_permutations_equal_those_of_another_implementation(words: int) -> None:
    hashes = numpy_hash(f"{ALPHA}_{KEY_A}_nonce_3_permutations", np.arange(1000), words)
    assert np.array_equal(permutation(words=words).numpy(), np.argsort(hashes, kind="stable"))


@WORDS
def test_targets_equal_those_of_another_implementation_bit_for_bit(words: int) -> None:
    fixed = np.rint(numpy_normal(f"{ALPHA}_target", 8192, words).astype(np.float64) * 2**18)
    length = math.sqrt(sum(int(z) ** 2 for z in fixed))
    came = generate_target(ALPHA, 8192, CPU, torch.float64, words=words)
    assert np.array_equal(came.numpy(), fixed / length)


@pytest.mark.gpu
@pytest.mark.parametrize("compiled", [False, True])
@WORDS
def test_a_gpu_makes_the_same_bits(words: int, compiled: bool) -> None:
    gpu = torch.device("cuda")
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        on = [
            generate_inputs(ALPHA, KEY_A, range(9), 300, 11, device, dtype, words=words)
            for device in (CPU, gpu)
        ]
        assert torch.equal(on[0], on[1].cpu())
    assert torch.equal(permutation(words=words), permutation(device=gpu, words=words).cpu())
    targets = [
        generate_target(ALPHA, 8192, device, torch.float32, words=words) for device in (CPU, gpu)
    ]
    assert torch.equal(targets[0], targets[1].cpu())
    if compiled:
        seed_BW = gpu_random.seeds(["a", "b"], CPU, words=words)
        fast = torch.compile(gpu_random._normal, fullgraph=True)
        wanted = gpu_random._normal(seed_BW, 3001)
        assert torch.equal(fast(seed_BW.to(gpu), 3001).cpu(), wanted)


# --- the arithmetic ---


@pytest.mark.parametrize(
    ("key", "seed", "wanted"),
    [
        # Published answers of MurmurHash3_x86_32 on four bytes.
        (0x00000000, 0, 0x2362F9DE),
        (0xFFFFFFFF, 0, 0x76293B50),
        (0x87654321, 0, 0xF55B516B),
        (0x87654321, 0x5082EDEE, 0x2362F9DE),
    ],
)
def test_murmur3_gives_the_published_answers(key: int, seed: int, wanted: int) -> None:
    assert int(gpu_random._murmur3_32(torch.tensor([key]), seed)) == wanted


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_murmur3_is_that_of_plain_integers(key: int, seed: int) -> None:
    came = int(gpu_random._murmur3_32(torch.tensor([key]), torch.tensor([seed])))
    assert came == int(numpy_murmur(np.array([key], np.uint32), seed)[0])


def test_the_compatible_seed_is_the_beginning_of_the_hash() -> None:
    digest = hashlib.sha256(b"name").hexdigest()
    assert gpu_random._seed_from_string("name") == int(digest[:8], 16)
    assert gpu_random.seeds(["name"], CPU, words=1).tolist() == [[int(digest[:8], 16)]]
    assert gpu_random.seeds(["name"], CPU).tolist() == [
        [int(digest[i : i + 8], 16) for i in range(0, 64, 8)]
    ]


def test_every_word_of_a_seed_matters() -> None:
    seed_BW = gpu_random.seeds(["name"], CPU)
    plain = gpu_random._normal(seed_BW, 512)
    for word in range(8):
        other = seed_BW.clone()
        other[0, word] ^= 1
        assert (gpu_random._normal(other, 512) == plain).float().mean() < 0.02


def test_the_compatible_form_is_that_of_library_functions_to_their_accuracy() -> None:
    seed_BW = gpu_random.seeds(["name"], CPU, words=1)
    count = 1 << 16
    hashes = gpu_random._hash(seed_BW, 0, 2 * count)[0]
    uniform = hashes.to(torch.float32) / 2**32
    radius = torch.sqrt(-2 * torch.log(uniform[:count].clamp(min=1e-10)))
    angle = 2 * math.pi * uniform[count:]
    wanted = torch.cat([radius * torch.cos(angle), radius * torch.sin(angle)])
    came = gpu_random._normal(seed_BW, 2 * count)[0]
    # float32 has 6·10⁻⁸ of 1; angles of 2π and radii of 5 make it 2·10⁻⁶.
    assert float((came - wanted).abs().max()) < 3e-6


def test_deviates_follow_the_normal_law_and_are_independent() -> None:
    z = gpu_random._normal(gpu_random.seeds(["law"], CPU), 1 << 18)[0].numpy().astype(np.float64)
    assert stats.kstest(z, "norm").pvalue > 1e-4
    half = len(z) // 2
    for lag in (1, 2, half):
        # One standard error is 1/√n = 0.002.
        assert abs(np.corrcoef(z[:-lag], z[lag:])[0, 1]) < 5 / math.sqrt(len(z) - lag)
    assert np.abs(z).max() > 4


@pytest.mark.parametrize("u32", [0, 1, 2, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1])
def test_the_radius_is_right_at_the_ends_and_the_middle(u32: int) -> None:
    came = float(gpu_random._minus_2_log(torch.tensor([[u32]]), 8))
    wanted = -2 * math.log1p((u32 - 2**32 + 0.5) / 2**32) if u32 > 2**31 else -2 * math.log(
        (u32 + 0.5) / 2**32
    )  # fmt: skip
    assert came == pytest.approx(wanted, rel=2e-7)


@WORDS
@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32))
def test_radius_and_angle_are_accurate_to_float32(words: int, u32: int, turn: int) -> None:
    low = u32 if words == 1 else u32 + 0.5
    wanted = -2 * math.log(low / 2**32) if low else -2 * math.log(1e-10)
    came = float(gpu_random._minus_2_log(torch.tensor([[u32]]), words))
    assert came == pytest.approx(wanted, rel=2e-7, abs=1e-15)
    cos, sin = (float(x) for x in gpu_random._cos_sin(torch.tensor([[turn]])))
    angle = 2 * math.pi * (turn >> 6) / 2**26
    # 24 bits of each factor: 6·10⁻⁸.
    assert cos == pytest.approx(math.cos(angle), abs=6e-8)
    assert sin == pytest.approx(math.sin(angle), abs=6e-8)


@WORDS
def test_tiles_and_batches_do_not_show(words: int, monkeypatch: pytest.MonkeyPatch) -> None:
    seed_BW = gpu_random.seeds(["a", "b", "c"], CPU, words=words)
    whole = gpu_random._normal(seed_BW, 1001)
    monkeypatch.setitem(gpu_random._TILE, "cpu", 100)
    assert torch.equal(gpu_random._normal(seed_BW, 1001), whole)
    monkeypatch.setitem(gpu_random._TILE, "cpu", 1100)
    assert torch.equal(gpu_random._normal(seed_BW, 1001), whole)
    assert torch.equal(gpu_random._normal(seed_BW[1:2], 1001), whole[1:2])
    # Of a longer stream the pairing differs, but no stream depends on what stands beside it.
    assert gpu_random._normal(seed_BW, 0).shape == (3, 0)
    assert gpu_random._normal(seed_BW[:0], 10).shape == (0, 10)


def test_a_fused_product_and_sum_changes_nothing() -> None:
    """Every product that is summed is exact, so that one rounding is as good as two."""
    seed_BW = gpu_random.seeds(["fused"], CPU)
    u32 = gpu_random._hash(seed_BW, 0, 2000)
    plain = gpu_random._minus_2_log(u32, 8), *gpu_random._cos_sin(u32)
    with Fused() as mode:
        fused = gpu_random._minus_2_log(u32, 8), *gpu_random._cos_sin(u32)
    assert all(torch.equal(a, b) for a, b in zip(plain, fused, strict=True))
    # Horner of the logarithm, the shifts less it, Horner of cosine and sine.
    assert mode.count == 6 + 1 + 6 + 5


class Fused(torch.overrides.TorchFunctionMode):
    """Adds up products as a fused instruction does: exactly, then rounded once."""

    def __init__(self) -> None:
        super().__init__()
        self._factors: dict[int, tuple[Any, Any, Any]] = {}
        self.count = 0

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None):
        made = function(*args, **(kwargs or {}))
        name = getattr(function, "__name__", "")
        floating = isinstance(made, torch.Tensor) and made.dtype == torch.float64
        if floating and name in ("mul", "__mul__", "__rmul__"):
            self._factors[id(made)] = (*args, made)
        for place in (0, 1):
            sign = {"add": 1, "__add__": 1, "__radd__": 1, "sub": -1, "__sub__": -1}.get(name)
            if floating and sign and id(args[place]) in self._factors:
                return self._fused(args, place, sign, made)
        return made

    def _fused(self, args: Any, place: int, sign: int, like: torch.Tensor) -> torch.Tensor:
        self.count += 1
        a, b, _ = self._factors[id(args[place])]
        other = args[1 - place]
        signs = (1, sign) if place == 0 else (sign, 1)

        def numbers(x: Any) -> list[Fraction]:
            wide = torch.as_tensor(x, dtype=torch.float64).broadcast_to(like.shape)
            return [Fraction(v) for v in wide.flatten().tolist()]

        exact = [
            float(signs[0] * p * q + signs[1] * c)
            for p, q, c in zip(numbers(a), numbers(b), numbers(other), strict=True)
        ]
        return torch.tensor(exact, dtype=torch.float64).reshape(like.shape)


EXACT = {
    "aten": {
        # Integers and conversions.
        "__lshift__", "__rshift__", "bitwise_and", "bitwise_or", "bitwise_xor", "eq", "ge", "lt",
        "where", "_to_copy", "sum", "round",
        # IEEE 754 defines these to the bit.
        "add", "sub", "mul", "div", "sqrt", "neg",
        # Places, not values.
        "arange", "copy_", "copy", "empty", "full", "full_like", "zeros_like",
        "scalar_tensor", "select", "slice",
        "slice_scatter", "unsqueeze", "view", "detach",
    },
    "prims": {"convert_element_type", "iota"},
}  # fmt: skip


def outside_the_exact_set(graph: torch.fx.Graph) -> set[str]:
    """Names of what a graph calls that is not exact, and sums of floats, whose order matters."""
    found: set[str] = set()
    for node in graph.nodes:
        if node.op != "call_function":
            continue
        namespace, name, *_ = str(node.target).split(".")
        if name not in EXACT.get(namespace, set()):
            found.add(str(node.target))
        value = node.meta.get("val")
        if name == "sum" and value is not None and value.dtype != torch.int64:
            found.add(f"{node.target} of {value.dtype}")
        if value is not None and value.dtype in (torch.float16, torch.bfloat16):
            found.add(f"{node.target} in {value.dtype}")
    return found


@WORDS
def test_the_graph_holds_exact_operations_only(words: int) -> None:
    seed_BW = gpu_random.seeds(["a", "b"], CPU, words=words)
    traced = make_fx(lambda seed: gpu_random._normal(seed, 99))(seed_BW)
    assert outside_the_exact_set(traced.graph) == set()
    assert len(traced.graph.nodes) > 100


def test_the_walk_finds_what_is_not_exact() -> None:
    bad = [
        lambda x: torch.log(x), lambda x: torch.cos(x), lambda x: x.sum(), lambda x: x.pow(2),
        lambda x: torch.addcmul(x, x, x), lambda x: x @ x, lambda x: x.to(torch.float16) + 1,
    ]  # fmt: skip
    for function in bad:
        traced = make_fx(function)(torch.ones(3))
        assert outside_the_exact_set(traced.graph), function


@pytest.mark.long
@WORDS
def test_compiled_code_makes_the_same_bits_of_exact_operations(words: int) -> None:
    from torch._functorch import config as above
    from torch._inductor import config
    from torch._inductor.compile_fx import compile_fx, compile_fx_inner

    outside: set[str] = set()
    graphs: list[int] = []

    def inner(module: Any, example: Any, **how: Any) -> Any:
        outside.update(outside_the_exact_set(module.graph))
        graphs.append(len(module.graph.nodes))
        return compile_fx_inner(module, example, **how)

    def backend(module: Any, example: Any) -> Any:
        return compile_fx(module, example, inner_compile=inner)

    torch._dynamo.reset()
    seed_BW = gpu_random.seeds(["a", "b"], CPU, words=words)
    fast = torch.compile(lambda seed: gpu_random._normal(seed, 3001), backend=backend)
    # What an earlier run has compiled would be taken without a graph to look at.
    with config.patch(fx_graph_cache=False), above.patch(enable_autograd_cache=False):
        assert torch.equal(fast(seed_BW), gpu_random._normal(seed_BW, 3001))
    assert outside == set()
    assert sum(graphs) > 100


# --- another implementation, in plain NumPy ---


def numpy_murmur(key: np.ndarray, seed: int) -> np.ndarray:
    def rotated(x: np.ndarray, bits: int) -> np.ndarray:
        return (x << np.uint32(bits)) | (x >> np.uint32(32 - bits))

    with np.errstate(over="ignore"):
        k = rotated(key.astype(np.uint32) * np.uint32(0xCC9E2D51), 15) * np.uint32(0x1B873593)
        h = rotated(np.uint32(seed) ^ k, 13) * np.uint32(5) + np.uint32(0xE6546B64)
        h ^= np.uint32(4)
        h = (h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B)
        h = (h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return h ^ (h >> np.uint32(16))


def numpy_hash(name: str, keys: np.ndarray, words: int) -> np.ndarray:
    digest = hashlib.sha256(name.encode()).digest()
    seed = [int(x) for x in np.frombuffer(digest, ">u4")]
    h = keys.astype(np.uint32)
    if words == 1:
        return numpy_murmur(h, seed[0])
    for w in range(0, 8, 2):
        h = numpy_murmur(h ^ np.uint32(seed[w + 1]), seed[w])
    return h


def numpy_normal(name: str, n: int, words: int) -> np.ndarray:
    pairs = (n + 1) // 2
    u = numpy_hash(name, np.arange(2 * pairs), words)
    u32 = [int(x) for x in (u.astype(np.float32) if words == 1 else u)]
    z = np.empty(2 * pairs, np.float32)
    for i in range(pairs):
        r = math.sqrt(plain_radius(u32[i], words))
        c, s = plain_direction(u32[pairs + i])
        z[i], z[pairs + i] = np.float32(r * c), np.float32(r * s)
    return z[:n]


def short(x: float) -> float:
    return float(np.float32(x))


def horner(x: float, coefficients: list[float]) -> float:
    total = coefficients[-1]
    for c in coefficients[-2::-1]:
        total = short(total) * x + c
    return total


def plain_radius(u32: int, words: int) -> float:
    if words == 1 and u32 == 0:
        return -2 * math.log(1e-10)
    twice = 2 * u32 + (words != 1)
    shifts = max(0, 33 - twice.bit_length())
    twice <<= shifts
    if twice < 2 * math.isqrt(2**63):
        twice, shifts = 2 * twice, shifts + 1
    f = short((twice - 2**33) / (twice + 2**33))
    log_m = short(horner(short(f * f), [2 / (2 * k + 1) for k in range(7)])) * f
    return 2 * (shifts * (round(math.log(2) * 2**40) / 2**40) - log_m)


def plain_direction(u32: int) -> tuple[float, float]:
    angle = (u32 >> 6) + 2**23
    t = (angle % 2**24 - 2**23) / 2**23
    y, q = short(t * t), math.pi / 4
    cos = horner(y, [(-1) ** k * q ** (2 * k) / math.factorial(2 * k) for k in range(7)])
    sin = t * short(
        horner(y, [(-1) ** k * q ** (2 * k + 1) / math.factorial(2 * k + 1) for k in range(6)])
    )
    return [(cos, sin), (-sin, cos), (-cos, -sin), (sin, -cos)][angle // 2**24 % 4]
