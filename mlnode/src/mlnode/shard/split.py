"""One network over several processes: each holds a part of every weight (N and K splits).

Rows of qkv, gate_up and the head are dealt out (N): each process makes other columns of the
result. Columns of o and down are dealt out (K): each makes a part of every sum, and the parts
are added up in int32, which is exact in any order.

Axes: as in ``layers``.
"""

from collections.abc import Iterator, Mapping
from time import perf_counter
from typing import Protocol

import torch
from torch import Tensor

from mlnode.poc.arrays import I8, I64, U64
from mlnode.poc.decision import Decisions, Target, decide
from mlnode.poc.engines.base import LoadProgress
from mlnode.poc.engines.layers import Arithmetic
from mlnode.poc.engines.weights import network_origin
from mlnode.poc.errors import NotStartedError, ParamsError
from mlnode.poc.exact8 import head_shift, shift
from mlnode.poc.params import PocParams
from mlnode.poc.rounds import Round, check_public_key
from mlnode.poc.tensors import input_seeds, target, weight_seed, weight_shapes
from mlnode.shard.fingerprint import fingerprint


class Peers(Protocol):
    """The processes that hold a network between them."""

    @property
    def rank(self) -> int:
        """Which of them is asked, from 0."""
        ...

    @property
    def size(self) -> int:
        """How many there are."""
        ...

    def add_up(self, part: Tensor) -> None:
        """Replaces an int32 tensor by its sum over all processes."""
        ...


class Alone:
    """One process that holds everything."""

    rank = 0
    size = 1

    def add_up(self, part: Tensor) -> None:
        """Changes nothing: there is one part."""


Piece = tuple[range, range]


def pieces(params: PocParams, name: str, rank: int, size: int) -> list[Piece]:
    """Returns the (rows, columns) of the whole weight that a process holds, one on the other.

    Raises:
        ParamsError: the kv heads cannot be dealt out evenly.
    """
    if params.n_kv_heads % size:
        raise ParamsError("n_kv_heads", params.n_kv_heads, f"a multiple of {size} processes")
    dim, kv, ffn = params.dim, params.kv_dim, params.ffn_dim
    kind = name.rpartition(".")[2]
    if kind == "head":
        return [(_share(params.vocab_size, rank, size), range(dim))]
    if kind == "o":
        return [(range(dim), _share(dim, rank, size))]
    if kind == "down":
        return [(range(dim), _share(ffn, rank, size))]
    widths, first = ((dim, kv, kv) if kind == "qkv" else (ffn, ffn)), 0
    found: list[Piece] = []
    for width in widths:
        mine = _share(width, rank, size)
        found.append((range(first + mine.start, first + mine.stop), range(dim)))
        first += width
    return found


class SplitEngine:
    """See ``base.Engine``; every process asks the same of its own, and gets the same."""

    def __init__(
        self, name: str, arithmetic: Arithmetic, peers: Peers, *, device: str = "cpu"
    ) -> None:
        self._name = name
        self._arithmetic = arithmetic
        self._peers = peers
        self._device = device
        self._round: Round | None = None
        self._weights: Mapping[str, Tensor] = {}
        self._target: Target | None = None

    @property
    def name(self) -> str:
        return self._name

    def work_clock(self) -> float:
        return perf_counter()

    def start(self, round_: Round) -> Iterator[LoadProgress]:
        standing = self._round
        if standing is None or network_origin(standing) != network_origin(round_):
            self.stop()
            plan = {
                name: self._pieces(round_.params, name) for name in weight_shapes(round_.params)
            }
            total = sum(len(rows) * len(cols) for found in plan.values() for rows, cols in found)
            weights: dict[str, Tensor] = {}
            done = 0
            for name, found in plan.items():
                weights[name] = torch.cat([self._generate(round_, name, piece) for piece in found])
                done += weights[name].numel()
                yield LoadProgress(tensor=name, done_bytes=done, total_bytes=total)
            self._weights, self._target = weights, target(round_)
        self._round = round_

    def batch(self, nonces_B: U64, public_key: bytes | None = None) -> Decisions:
        round_, goal = self._standing()
        key = round_.public_key if public_key is None else public_key
        check_public_key(key)
        params = round_.params
        shape = (len(nonces_B), params.seq_len * params.dim)
        x_BN = torch.empty(shape, dtype=torch.int8, device=self._device)
        seed_BW = input_seeds(round_, key, nonces_B)
        self._arithmetic.fill(seed_BW, 0, 0, x_BN, weights=False)
        x_BSD = x_BN.view(-1, params.seq_len, params.dim)
        for index in range(params.n_layers):
            x_BSD = self._layer(x_BSD, index, params)
        y_BV = torch.zeros(len(nonces_B), params.vocab_size, dtype=torch.int32, device=self._device)
        mine = _share(params.vocab_size, self._peers.rank, self._peers.size)
        y_BV[:, mine.start : mine.stop] = self._arithmetic.sums(x_BSD[:, 0], self._weights["head"])
        self._peers.add_up(y_BV)
        bits = head_shift(params)
        return decide(y_BV.cpu().numpy(), bits, goal, round_.cq, all_valid=round_.all_valid)

    def dot(self, x_RK: I8, w_NK: I8) -> I64:
        x, w = torch.as_tensor(x_RK).to(self._device), torch.as_tensor(w_NK).to(self._device)
        depth = _share(x.shape[1], self._peers.rank, self._peers.size)
        mine = slice(depth.start, depth.stop)
        sums_RN = self._arithmetic.sums(x[:, mine].contiguous(), w[:, mine].contiguous())
        self._peers.add_up(sums_RN)
        return sums_RN.cpu().to(torch.int64).numpy()

    def weights_fingerprint(self) -> bytes:
        _, goal = self._standing()
        return fingerprint([self._weights], goal.values)

    def stop(self) -> None:
        self._round, self._weights, self._target = None, {}, None

    def _layer(self, x_BSD: Tensor, index: int, params: PocParams) -> Tensor:
        name, positions = f"layers.{index}", x_BSD.shape[1]
        heads, size = params.n_kv_heads // self._peers.size, len(x_BSD)
        dim, kv = params.dim // self._peers.size, params.kv_dim // self._peers.size
        x_RD = x_BSD.reshape(-1, params.dim)
        qkv_BSO = self._arithmetic.linear(x_RD, self._weights[f"{name}.qkv"]).view(
            size, positions, -1
        )
        wanted = 1 if index == params.n_layers - 1 else positions
        q_BQD = qkv_BSO[:, -wanted:, :dim]
        k_BSC, v_BSC = qkv_BSO[..., dim : dim + kv], qkv_BSO[..., dim + kv :]
        o_BQD = self._arithmetic.attention(q_BQD, k_BSC, v_BSC, heads, params.head_dim)
        x_RD = x_BSD[:, -wanted:].reshape(-1, params.dim)
        x_RD = x_RD + self._joined(o_BQD.reshape(-1, dim), f"{name}.o", params.dim)
        a_RF = self._arithmetic.gated(x_RD, self._weights[f"{name}.gate_up"])
        x_RD = x_RD + self._joined(a_RF, f"{name}.down", params.ffn_dim)
        return x_RD.view(size, wanted, params.dim)

    def _joined(self, x_RI: Tensor, name: str, depth: int) -> Tensor:
        """Returns w8((x·wᵀ) >> s(depth)) of a product whose depth is dealt out."""
        sums_RO = self._arithmetic.sums(x_RI.contiguous(), self._weights[name])
        self._peers.add_up(sums_RO)
        return sums_RO.bitwise_right_shift_(shift(depth)).to(torch.int8)

    def _pieces(self, params: PocParams, name: str) -> list[Piece]:
        return pieces(params, name, self._peers.rank, self._peers.size)

    def _generate(self, round_: Round, name: str, piece: Piece) -> Tensor:
        rows, cols = piece
        width = weight_shapes(round_.params)[name][1]
        out_OI = torch.empty(len(rows), len(cols), dtype=torch.int8, device=self._device)
        first = rows.start * width + cols.start
        seed_W = weight_seed(round_, name)
        self._arithmetic.fill(seed_W[None], first, width, out_OI, weights=True)
        return out_OI

    def _standing(self) -> tuple[Round, Target]:
        if self._round is None or self._target is None:
            raise NotStartedError(f"engine {self._name} holds no round")
        return self._round, self._target


def _share(count: int, rank: int, size: int) -> range:
    return range(count * rank // size, count * (rank + 1) // size)
