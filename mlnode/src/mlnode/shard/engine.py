"""The proof on devices of one process: layers in stages, micro-batches in a pipeline.

Axes: B nonces, S positions, D width, V outputs, R rows, N columns and K depth of a product,
O and I rows and columns of a weight.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter, process_time
from typing import cast

import numpy as np
import torch
from torch import Tensor

from mlnode.poc.arrays import I8, I64, U64
from mlnode.poc.decision import Decisions, Target, decide
from mlnode.poc.engines.base import LoadProgress
from mlnode.poc.engines.layers import Arithmetic, run_layer
from mlnode.poc.engines.weights import network_origin
from mlnode.poc.errors import NotStartedError, SelfTestError
from mlnode.poc.exact8 import head_shift
from mlnode.poc.params import PocParams
from mlnode.poc.rounds import Round, check_public_key
from mlnode.poc.tensors import input_seeds, target, weight_bytes, weight_seed, weight_shapes
from mlnode.shard.ahead import Ahead, Part
from mlnode.shard.dense import dense_rate
from mlnode.shard.fingerprint import fingerprint
from mlnode.shard.memory import get_batch_size_from_memory, good_batch
from mlnode.shard.pipeline import run_pipeline
from mlnode.shard.placement import Stage

log = logging.getLogger(__name__)

# Micro-batches for each stage: enough that filling and draining the line is a small part.
_MICRO_BATCHES = 4
# Tiles of a batch on a CPU: the work around a batch is then a small part of it.
_CPU_TILES = 8

Placement = Callable[[PocParams], Sequence[Stage]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Step:
    """A micro-batch before its first stage, and the one whose inputs are made meanwhile."""

    part: Part
    then: Part | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlacedNetwork:
    """A network whose weights lie where they are used.

    Attributes:
        origin: what it is a function of; see ``weights.network_origin``.
        stages: where the layers stand.
        weights: int8 [O, I] by name, of each stage.
        target: target vector of the round.
    """

    origin: tuple[int, str, PocParams]
    stages: tuple[Stage, ...]
    weights: tuple[Mapping[str, Tensor], ...]
    target: Target


class ShardedEngine:
    """See ``base.Engine`` for the contract; engines of one placement may share a network."""

    def __init__(
        self,
        name: str,
        arithmetic: Arithmetic,
        placement: Placement,
        *,
        devices: Sequence[str] = ("cpu",),
        batch_size: int = 0,
    ) -> None:
        """Builds an engine.

        Args:
            placement: says where the layers of a network stand.
            devices: those that it may place them on, for the self-test to try each.
            batch_size: nonces that a stage holds at once; 0 for what the memory allows.
        """
        self._name = name
        self._arithmetic = arithmetic
        self._placement = placement
        self._all_devices = tuple(devices)
        self._wanted_size = batch_size
        self._size = 0
        self._halved = False
        self._round: Round | None = None
        self._network: PlacedNetwork | None = None
        self._ahead = Ahead(self._inputs)
        self._following: tuple[bytes, U64] | None = None

    @property
    def name(self) -> str:
        return self._name

    @property
    def batch_size(self) -> int:
        """Nonces that a stage holds at once; 0 before a round stands."""
        return self._size

    @property
    def largest_batch(self) -> int:
        """Nonces of a batch beyond which a larger one is no faster; 0 before a round stands."""
        if self._network is None:
            return 0
        stages = self._network.stages
        if len(stages) > 1:
            return self._size * _MICRO_BATCHES * len(stages)
        on_cpu = all(stage.device == "cpu" for stage in stages)
        return self._size * (_CPU_TILES if on_cpu else 1)

    def dense_rate(self) -> float:
        """Returns the operations a second of plain exact products, on all devices together."""
        return sum(dense_rate(self._arithmetic, device) for device in self._devices())

    @property
    def network(self) -> PlacedNetwork:
        """The network that stands, to be shared with another engine of this process."""
        return self._standing()[1]

    def work_clock(self) -> float:
        # Of several threads those that wait count as well, and the quickest engine is asked for.
        alone = torch.get_num_threads() == 1 and all(d == "cpu" for d in self._devices())
        return process_time() if alone else perf_counter()

    def start(self, round_: Round) -> Iterator[LoadProgress]:
        if self._network is None or self._network.origin != network_origin(round_):
            self.stop()
            stages = tuple(self._placement(round_.params))
            weights: list[dict[str, Tensor]] = []
            done = 0
            for stage in stages:
                weights.append({})
                for name in stage.tensors:
                    weights[-1][name] = self._generate(round_, name, stage.device)
                    done += weights[-1][name].numel()
                    total = weight_bytes(round_.params)
                    yield LoadProgress(tensor=name, done_bytes=done, total_bytes=total)
            origin, goal = network_origin(round_), target(round_)
            self.adopt(
                round_,
                PlacedNetwork(origin=origin, stages=stages, weights=tuple(weights), target=goal),
            )
        self._forget()
        self._round = round_

    def adopt(self, round_: Round, network: PlacedNetwork) -> None:
        """Starts a round on a network that another engine generated.

        Raises:
            ValueError: it is the network of another round.
        """
        if network.origin != network_origin(round_):
            raise ValueError("the network is of another round")
        self._forget()
        # What another engine's batches have left is there for this one's.
        torch.cuda.empty_cache()
        self._network, self._round, self._halved = network, round_, False
        self._size = self._wanted_size or _batch_size(round_.params, network.stages)

    def foresee(self, nonces_B: U64, public_key: bytes | None = None) -> None:
        round_, _ = self._standing()
        key = round_.public_key if public_key is None else public_key
        check_public_key(key)
        self._following = key, nonces_B

    def batch(self, nonces_B: U64, public_key: bytes | None = None) -> Decisions:
        round_, network = self._standing()
        key = round_.public_key if public_key is None else public_key
        check_public_key(key)
        following, self._following = self._following, None
        while True:
            try:
                y_BV = self._outputs(round_, network, self._steps(key, nonces_B, following))
                break
            except torch.OutOfMemoryError:
                if self._halved or self._size == 1:
                    raise
                self._halved, self._size = True, self._size // 2
                log.warning("%s: out of memory, going on with %d nonces", self._name, self._size)
            self._ahead.drop()
            # Outside the handler, whose traceback holds the tensors of the batch that failed.
            torch.cuda.empty_cache()
        bits = head_shift(round_.params)
        return decide(y_BV.numpy(), bits, network.target, round_.cq, all_valid=round_.all_valid)

    def dot(self, x_RK: I8, w_NK: I8) -> I64:
        """Returns x·wᵀ, int64 [R, N], computed on every device of the placement.

        Raises:
            SelfTestError: two devices differ.
        """
        x, w = torch.as_tensor(x_RK), torch.as_tensor(w_NK)
        first, *others = self._devices()
        sums_RN = self._arithmetic.sums(x.to(first), w.to(first)).cpu()
        for device in others:
            if not torch.equal(self._arithmetic.sums(x.to(device), w.to(device)).cpu(), sums_RN):
                raise SelfTestError(f"{self._name}: {device} and {first} differ in a product")
        return sums_RN.to(torch.int64).numpy()

    def weights_fingerprint(self) -> bytes:
        _, network = self._standing()
        return fingerprint(network.weights, network.target.values)

    def stop(self) -> None:
        self._forget()
        self._round = self._network = None
        self._size = 0
        # What PyTorch keeps of a freed network counts as taken when the next one is placed.
        torch.cuda.empty_cache()

    def _generate(self, round_: Round, name: str, device: str) -> Tensor:
        height, width = weight_shapes(round_.params)[name]
        out_OI = torch.empty(height, width, dtype=torch.int8, device=device)
        self._arithmetic.fill(weight_seed(round_, name)[None], 0, width, out_OI, weights=True)
        return out_OI

    def _forget(self) -> None:
        """Lets go of inputs that were made ahead: another round's have other bytes."""
        self._ahead.drop()
        self._following = None

    def _steps(self, key: bytes, nonces_B: U64, following: tuple[bytes, U64] | None) -> list[_Step]:
        """Cuts a batch; behind its last micro-batch comes the first of the batch that follows."""
        parts = self._parts(key, nonces_B)
        then = [*parts[1:], *(self._parts(*following)[:1] if following is not None else ())]
        return [
            _Step(part=part, then=then[number] if number < len(then) else None)
            for number, part in enumerate(parts)
        ]

    def _parts(self, key: bytes, nonces_B: U64) -> list[Part]:
        stages = self._standing()[1].stages
        return [
            Part(public_key=key, nonces=part_B, device=stages[0].device)
            for part_B in _micro_batches(nonces_B, self._size, len(stages))
        ]

    def _outputs(self, round_: Round, network: PlacedNetwork, steps: Sequence[_Step]) -> Tensor:
        """Returns the raw outputs, int32 [B, V], on the host."""
        stages = [
            cast(Callable[[object], object], partial(self._stage, number, round_, network))
            for number in range(len(network.stages))
        ]
        came = cast(list[Tensor], run_pipeline(stages, steps))
        if not came:
            return torch.empty(0, round_.params.vocab_size, dtype=torch.int32)
        # One copy a micro-batch, after all were launched: a device never waits for the host.
        return torch.cat([y_BV.cpu() for y_BV in came])

    def _stage(self, number: int, round_: Round, network: PlacedNetwork, part: object) -> Tensor:
        stage, weights = network.stages[number], network.weights[number]
        then: Part | None = None
        if number == 0:
            step = cast(_Step, part)
            x_BSD, then = self._ahead.take(step.part), step.then
        else:
            x_BSD = cast(Tensor, part).to(stage.device, non_blocking=True)
        # A GPU returns before it is done: what the host has to do for the next part comes after.
        if then is not None and stage.device == "cpu":
            self._ahead.begin(then)
        for index in stage.layers:
            x_BSD = run_layer(self._arithmetic, weights, x_BSD, index, round_.params)
        out = self._arithmetic.sums(x_BSD[:, 0], weights["head"]) if stage.head else x_BSD
        if then is not None and stage.device != "cpu":
            self._ahead.begin(then)
        return out

    def _inputs(self, part: Part) -> Tensor:
        """Returns the inputs of a part, int8 [B, S, D]."""
        round_, _ = self._standing()
        params = round_.params
        shape = (len(part.nonces), params.seq_len * params.dim)
        out_BN = torch.empty(shape, dtype=torch.int8, device=part.device)
        seed_BW = input_seeds(round_, part.public_key, part.nonces)
        self._arithmetic.fill(seed_BW, 0, 0, out_BN, weights=False)
        return out_BN.view(-1, params.seq_len, params.dim)

    def _devices(self) -> list[str]:
        """Each device of the placement once, whether a network stands or not."""
        if self._network is not None:
            return list(dict.fromkeys(stage.device for stage in self._network.stages))
        return list(dict.fromkeys(self._all_devices))

    def _standing(self) -> tuple[Round, PlacedNetwork]:
        if self._round is None or self._network is None:
            raise NotStartedError(f"engine {self._name} holds no round")
        return self._round, self._network


def _micro_batches(nonces_B: U64, size: int, stages: int) -> list[U64]:
    """Cuts a batch: no part above ``size``, and enough parts to keep every stage busy."""
    wanted = 1 if stages == 1 else _MICRO_BATCHES * stages
    parts = min(len(nonces_B), max(wanted, -(-len(nonces_B) // size)))
    return list(np.array_split(nonces_B, parts)) if parts else []


def _batch_size(params: PocParams, stages: Sequence[Stage]) -> int:
    free = [
        torch.cuda.mem_get_info(stage.device)[0]
        for stage in stages
        if stage.device.startswith("cuda")
    ]
    if not free:
        # A CPU is busy with a thousand rows, which stay in its cache.
        return max(1, 1_024 // params.seq_len)
    fits = get_batch_size_from_memory(params, min(free), in_flight=2 if len(stages) > 1 else 1)
    return max(1, min(fits, 4 * good_batch(params)))
