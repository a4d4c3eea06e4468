"""The engines of a CPU as they ship, and ways into them that only tests need.

Axes: O and I rows and columns of a weight; B nonces, S positions, D width, V outputs.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

import torch
from torch import Tensor

from mlnode.poc.arrays import I8, I32
from mlnode.poc.engines.cpu_arithmetic import fp32_arithmetic
from mlnode.poc.engines.layers import Arithmetic, run_layer
from mlnode.poc.engines.reference import ReferenceEngine
from mlnode.poc.params import PocParams
from mlnode.shard.engine import PlacedNetwork, ShardedEngine
from mlnode.shard.gpu import group_engines
from mlnode.shard.placement import Stage, even_stages

AnyEngine = ReferenceEngine | ShardedEngine
MakeEngine = Callable[[], ShardedEngine]
E = TypeVar("E", bound=ShardedEngine)

# Rows of a tile, as the engine has them.
_ROWS = 1_024


def int8_engine() -> ShardedEngine:
    return _shipped("int8")


def fp32_engine() -> ShardedEngine:
    return _shipped("fp32")


SHIPPED: dict[str, MakeEngine] = {"int8": int8_engine, "fp32": fp32_engine}
ENGINES: dict[str, Callable[[], AnyEngine]] = {"numpy": ReferenceEngine, **SHIPPED}


def on_one_cpu(params: PocParams) -> tuple[Stage, ...]:
    """A placement."""
    return even_stages(params, ("cpu",))


def of_kind(kind: type[E], name: str, arithmetic: Arithmetic | None = None) -> E:
    """An engine of a kind of the test's own; its arithmetic is fp32 unless said otherwise."""
    return kind(name, arithmetic or fp32_arithmetic(), on_one_cpu)


def weights_of(engine: ShardedEngine) -> dict[str, I8]:
    """The weights that stand, [O, I] by name; what is written there, the engine computes with."""
    return {
        name: weight_OI.numpy()
        for stage in engine.network.weights
        for name, weight_OI in stage.items()
    }


def with_weights(network: PlacedNetwork, weights: Mapping[str, I8]) -> PlacedNetwork:
    """The network with other weights where it has its own."""
    tensors: tuple[dict[str, Tensor], ...] = tuple(
        {name: torch.as_tensor(weights[name]) for name in stage} for stage in network.weights
    )
    return replace(network, weights=tensors)


def outputs(arithmetic: Arithmetic, params: PocParams, weights: Mapping[str, I8], x_BSD: I8) -> I32:
    """What the layers make of inputs that are no nonce's, int32 [B, V]."""
    tensors = {name: torch.as_tensor(array) for name, array in weights.items()}
    came: list[Tensor] = []
    for h_BSD in torch.as_tensor(x_BSD).split(max(1, _ROWS // params.seq_len)):
        for index in range(params.n_layers):
            h_BSD = run_layer(arithmetic, tensors, h_BSD, index, params)
        came.append(arithmetic.sums(h_BSD[:, 0].contiguous(), tensors["head"]))
    return torch.cat(came).numpy()


def _shipped(name: str) -> ShardedEngine:
    return {engine.name: engine for engine in group_engines(("cpu",))}[name]
