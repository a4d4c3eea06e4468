"""Nonces a second on a CPU against Llama forward passes of the same shape, in one run.

``python mlnode/benchmarks/cpu.py [docs/benchmarks/mlnode.json]`` writes the rows. Measure on a
machine that does nothing else, with the same number of threads for all.

Axes: B sequences, S positions, D width.
"""

import json
import platform
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from mlnode.poc.engines.base import load
from mlnode.poc.engines.cpu import int8_engine
from mlnode.poc.params import PocParams
from mlnode.poc.rounds import new_round
from mlnode.poc.tensors import inputs

SHAPE = PocParams(
    dim=256, n_layers=4, n_heads=4, n_kv_heads=4, vocab_size=1024,
    ffn_dim_multiplier=Decimal(1), multiple_of=64, seq_len=32,
)  # fmt: skip
BATCH = 64
REPEATS = 15


class Layer(nn.Module):
    """A decoder layer as Llama has it: RMS norm, rotary attention, SwiGLU."""

    def __init__(self, params: PocParams) -> None:
        super().__init__()
        self.params = params
        self.norm_1, self.norm_2 = nn.RMSNorm(params.dim), nn.RMSNorm(params.dim)
        self.qkv = nn.Linear(params.dim, params.qkv_dim, bias=False)
        self.o = nn.Linear(params.dim, params.dim, bias=False)
        self.gate_up = nn.Linear(params.dim, 2 * params.ffn_dim, bias=False)
        self.down = nn.Linear(params.ffn_dim, params.dim, bias=False)

    def forward(self, x_BSD: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        size, positions, dim = x_BSD.shape
        heads = (size, positions, -1, self.params.head_dim)
        q, k, v = self.qkv(self.norm_1(x_BSD)).split((dim, *(self.params.kv_dim,) * 2), -1)
        q, k, v = (part.view(heads).transpose(1, 2) for part in (q, k, v))
        q, k = (part * cos + torch.cat((-part.chunk(2, -1)[1], part.chunk(2, -1)[0]), -1) * sin
                for part in (q, k))  # fmt: skip
        o = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x_BSD = x_BSD + self.o(o.transpose(1, 2).reshape(size, positions, dim))
        gate, up = self.gate_up(self.norm_2(x_BSD)).chunk(2, -1)
        return x_BSD + self.down(functional.silu(gate) * up)


class Llama(nn.Module):
    """The baseline: the same shape, and the head for the last position only, as in the proof."""

    def __init__(self, params: PocParams) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(params) for _ in range(params.n_layers))
        self.norm = nn.RMSNorm(params.dim)
        self.head = nn.Linear(params.dim, params.vocab_size, bias=False)
        angle = torch.outer(
            torch.arange(params.seq_len),
            500_000.0 ** (-torch.arange(0, params.head_dim, 2) / params.head_dim),
        ).repeat(1, 2)
        self.register_buffer("cos", angle.cos())
        self.register_buffer("sin", angle.sin())

    def forward(self, x_BSD: Tensor) -> Tensor:
        for layer in self.layers:
            x_BSD = layer(x_BSD, self.cos, self.sin)
        return self.head(self.norm(x_BSD[:, -1]))


def rate(work: Callable[[], object]) -> float:
    """Returns nonces a second, the median of some runs after two that warm up."""
    seconds: list[float] = []
    for run in range(REPEATS + 2):
        began = perf_counter()
        work()
        if run > 1:
            seconds.append(perf_counter() - began)
    return BATCH / float(np.median(seconds))


def llama_rate(dtype: torch.dtype) -> float:
    """Returns sequences a second of the baseline, compiled."""
    model = torch.compile(Llama(SHAPE).to(dtype).eval())
    x_BSD = torch.randn(BATCH, SHAPE.seq_len, SHAPE.dim, dtype=dtype)
    with torch.inference_mode():
        return rate(lambda: model(x_BSD))


def normals(nonces_B: np.ndarray) -> np.ndarray:
    """Returns what the inputs of a float network take: a generator of normals for each nonce."""
    shape = (SHAPE.seq_len, SHAPE.dim)
    return np.stack(
        [np.random.default_rng(int(n)).standard_normal(shape, np.float32) for n in nonces_B]
    )


def main() -> None:
    """Measures everything in turn and writes the rows."""
    round_ = new_round(block_hash="be" * 32, public_key=bytes(20), params=SHAPE)
    engine = int8_engine()
    load(engine, round_)
    nonces_B = np.arange(BATCH, dtype=np.uint64)
    proof = rate(lambda: engine.batch(nonces_B))
    made = rate(lambda: inputs(round_, round_.public_key, nonces_B))
    pairs = [
        ("nonces against a compiled fp32 Llama", proof, llama_rate(torch.float32)),
        ("nonces against a compiled bf16 Llama", proof, llama_rate(torch.bfloat16)),
        ("inputs against NumPy's normals", made, rate(lambda: normals(nonces_B))),
    ]
    versions = f"torch {torch.__version__}, numpy {np.__version__}"
    rows = [
        {
            "name": f"{name} (dim 256, 4 layers, {torch.get_num_threads()} threads)",
            "value": round(value, 1),
            "unit": "1/s",
            "baseline": round(baseline, 1),
            "ratio": round(value / baseline, 2),
            "date": datetime.now(UTC).date().isoformat(),
            "machine": f"{platform.machine()}, {torch.backends.cpu.get_cpu_capability()}",
            "versions": versions,
        }
        for name, value, baseline in pairs
    ]
    text = json.dumps(rows, indent=1) + "\n"
    if sys.argv[1:]:
        Path(sys.argv[1]).write_text(text, "utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
