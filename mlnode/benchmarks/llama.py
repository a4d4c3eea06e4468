"""What the proof is measured against: a Llama of the same shape, and how it gets its weights.

Axes: B sequences, S positions, D width, N weights.
"""

from typing import cast

import torch
from rows import Work
from torch import Tensor, nn
from torch.nn import functional

from mlnode.poc.params import PocParams

# Share of the weights that a float network draws; the rest repeats it.
POOL = 0.01


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
        widths = (dim, *(self.params.kv_dim,) * 2)
        q, k, v = self.qkv(self.norm_1(x_BSD)).split(widths, -1)
        q, k, v = (part.view(heads).transpose(1, 2) for part in (q, k, v))
        q, k = (part * cos + torch.cat((-part.chunk(2, -1)[1], part.chunk(2, -1)[0]), -1) * sin
                for part in (q, k))  # fmt: skip
        shared = self.params.n_kv_heads < self.params.n_heads
        o = functional.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=shared)
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


def llama(params: PocParams, batch: int, dtype: torch.dtype, device: str = "cpu") -> Work:
    """Returns a forward pass of the baseline, compiled.

    On a GPU layer by layer: all layers are one program, which is compiled once.
    """
    with torch.device(device):
        model = Llama(params).to(dtype).eval()
        x_BSD = torch.randn(batch, params.seq_len, params.dim, dtype=dtype)
    # Frozen weights are laid out for the products once, as an honest baseline has them.
    run_whole: nn.Module = model
    if device == "cpu":
        run_whole = cast(nn.Module, torch.compile(model, options={"freezing": True}))
    if device != "cpu":
        for layer in model.layers:
            layer.compile()  # pyright: ignore[reportUnknownMemberType]

    def run() -> object:
        with torch.inference_mode():
            return run_whole(x_BSD)

    return run


def tiled_pool(count: int, device: str = "cpu") -> Tensor:
    """Makes as many weights in bf16 as a float network does: a pool of normals, repeated."""
    pool_N = torch.randn(int(count * POOL), device=device).to(torch.bfloat16)
    return pool_N.repeat(-(-count // len(pool_N)))[:count]
