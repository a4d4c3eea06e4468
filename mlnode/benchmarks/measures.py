"""What is measured on GPUs, each row in its way; ``gpu.py`` says which rows there are.

Both sides of a ratio take turns on the same device.

Axes: B nonces, S positions, R rows = positions of all nonces, D width, F FFN width, N bytes.
"""

# PyTorch's own name of its int8 product is private and untyped.
# pyright: reportPrivateUsage=false, reportPrivateImportUsage=false, reportUnknownMemberType=false

import gc
import multiprocessing
import os
from collections.abc import Callable, Generator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import torch
from llama import llama, tiled_pool
from machines import Machine
from rows import Work, take_turns, timed
from torch import Tensor

from mlnode.bench.measure import Run
from mlnode.poc.arrays import U8, U64, Bool
from mlnode.poc.engines.base import load
from mlnode.poc.engines.selection import Selection, fastest_on, select_engine
from mlnode.poc.params import PocParams
from mlnode.poc.rounds import Round, new_round
from mlnode.poc.tensors import input_seeds, operations, weight_bytes, weight_seed
from mlnode.shard.engine import ShardedEngine
from mlnode.shard.gpu import group_engines
from mlnode.shard.memory import activation_bytes, good_batch

KEY = bytes(20)
# Runs of an operation before it is waited for: a launch takes as long as a small one.
_REPEATED = 8
# Nonces that two decide before they are compared.
_COMPARED = 8_192
# Of the memory that a batch takes, what is left to it: more than a half of the batch needs.
_LEFT = 0.75
# Bytes of a weight while a float network is made, in fp32, and of an activation in bf16.
_MADE, _ACTIVE = 4, 2


class UnmeasuredError(Exception):
    """A row cannot be measured on this machine; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How large the measured things are.

    Attributes:
        main: network that is proven.
        big: the largest; has to fit into a device.
        small: network of the decisions that a CPU makes as well.
        side: rows, columns and depth of a dense product.
        bytes: of weights that are drawn, and of a copy.
        decisions: nonces that are decided twice.
        seconds: how long a network proves.
        turns: of two that are set against each other.
    """

    main: PocParams
    big: PocParams
    small: PocParams
    side: int
    bytes: int
    decisions: int
    seconds: float
    turns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The numbers of a row; a baseline is of the same unit, and the ratio is of the two."""

    value: float
    baseline: float | None = None
    note: str = ""


Measure = Callable[["Bench"], Measured]


class Bench:
    """One run on one machine; what several rows need is made once."""

    def __init__(self, machine: Machine, sizes: Sizes) -> None:
        self.machine = machine
        self.sizes = sizes
        self.device = machine.devices[0]
        self._selection: Selection[ShardedEngine] | None = None
        self._fastest: ShardedEngine | None = None
        self._dense = 0.0
        self._batches: dict[PocParams, int] = {}

    @property
    def selection(self) -> Selection[ShardedEngine]:
        """The exact engines of the first device."""
        if self._selection is None:
            self._selection = select_engine(self.machine.engines((self.device,)))
        return self._selection

    @property
    def fastest(self) -> ShardedEngine:
        """The exact engine that proves the main network fastest, as the service chooses it.

        Raises:
            UnmeasuredError: its weights do not fit into the device.
        """
        if self._fastest is None:
            engine, round_ = self.selection.engine, round_of(self.sizes.main)
            self._stand(engine, round_)
            rivals, size = self.selection.rivals, Run(engine).find_size()
            self._fastest = fastest_on(engine, rivals, round_, size)
        return self._fastest

    @property
    def exact(self) -> tuple[ShardedEngine, ...]:
        """Those engines, fastest on a small network first."""
        return self.selection.engine, *self.selection.spare

    def engine(self, name: str) -> ShardedEngine:
        """Returns an exact engine by its name.

        Raises:
            UnmeasuredError: it is not exact here.
        """
        for engine in self.exact:
            if engine.name == name:
                return engine
        failures = {report.name: report.failure for report in self.selection.reports}
        raise UnmeasuredError(failures.get(name, f"there is no engine {name}"))

    @property
    def dense(self) -> float:
        """Operations a second of the fastest exact product of large matrices."""
        if not self._dense:
            self._dense = max(engine.dense_rate() for engine in self.exact)
        return self._dense

    def proving(self, params: PocParams) -> tuple[ShardedEngine, Round]:
        """Returns the fastest engine, which holds the network of these parameters.

        Raises:
            UnmeasuredError: the weights do not fit into the device.
        """
        engine, round_ = self.fastest, round_of(params)
        if not (engine.largest_batch and engine.network.origin[2] == params):
            self._stand(engine, round_)
        return engine, round_

    def _stand(self, engine: ShardedEngine, round_: Round) -> None:
        self.clear()
        check_room(weight_bytes(round_.params) / 0.9, self.machine.free())
        load(engine, round_)
        self.machine.wait()

    def batch(self, params: PocParams) -> int:
        """Returns the nonces of a batch, as the service finds them."""
        if params not in self._batches:
            self._batches[params] = Run(self.proving(params)[0]).find_size()
        return self._batches[params]

    def busy(self, params: PocParams) -> int:
        """Returns the nonces that keep the device busy, no more than fit."""
        return min(good_batch(params), self.proving(params)[0].batch_size)

    def rate(self, engine: ShardedEngine, size: int) -> float:
        """Returns the nonces a second of a walk whose inputs are made ahead."""
        run = Run(engine)
        run.batch(size, go_on=True)
        self.machine.wait()
        began, before, passed = perf_counter(), run.nonces, 0.0
        while passed < self.sizes.seconds:
            run.batch(size, go_on=True)
            passed = perf_counter() - began
        return (run.nonces - before) / passed

    def turns(self, one: Work, other: Work) -> tuple[float, float]:
        """Returns the seconds of two that take turns on the device."""
        wait = self.machine.wait
        return take_turns(one, other, self.sizes.turns, clock=perf_counter, wait=wait)

    def seconds(self, work: Work) -> float:
        """Returns the seconds of a piece of work."""
        return timed(work, self.sizes.turns, wait=self.machine.wait)

    def clear(self) -> None:
        """Lets go of every network."""
        for engine in self.exact:
            engine.stop()

    def bytes_of(self, *shape: int) -> Tensor:
        """Returns random int8 on the device."""
        generator = torch.Generator(self.device).manual_seed(1)
        return torch.randint(
            -127, 128, shape, dtype=torch.int8, device=self.device, generator=generator
        )


def round_of(params: PocParams) -> Round:
    """Returns a round in which every nonce counts."""
    return new_round(
        block_hash="be" * 32, public_key=KEY, params=params, r_target=5.0, valid_fraction=1
    )


def check_room(needed: float, free: int) -> None:
    """Refuses what does not fit.

    Raises:
        UnmeasuredError: says what is needed and what is free.
    """
    if needed > free:
        raise UnmeasuredError(f"it takes {needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free")


def nonces(size: int, first: int = 0) -> U64:
    """Returns nonces that follow each other, uint64 [B]."""
    return np.arange(first, first + size, dtype=np.uint64)


def rates(amount: float, seconds: tuple[float, float], note: str = "") -> Measured:
    """Returns the rates of two that did the same amount."""
    return Measured(value=amount / seconds[0], baseline=amount / seconds[1], note=note)


def products(one: str, other: str) -> Measure:
    """Returns the measure of an engine's exact product against another or PyTorch's."""

    def measure(bench: Bench) -> Measured:
        side = bench.sizes.side
        x_RK, w_NK = bench.bytes_of(side, side), bench.bytes_of(side, side)
        works = [_product(bench, name, x_RK, w_NK) for name in (one, other)]
        return rates(2 * side**3 / 1e12, bench.turns(works[0], works[1]))

    return measure


def _product(bench: Bench, name: str, x_RK: Tensor, w_NK: Tensor) -> Work:
    if name == "torch int8":
        return lambda: torch._int_mm(x_RK, w_NK.t())
    if name == "torch bf16":
        x, w = x_RK.to(torch.bfloat16), w_NK.to(torch.bfloat16)
        return lambda: torch.matmul(x, w.t())
    arithmetic = bench.machine.arithmetic(bench.engine(name).name)
    return lambda: arithmetic.sums(x_RK, w_NK)


def operation(name: str) -> Measure:
    """Returns the measure of one operation of a layer against the dense rate."""

    def measure(bench: Bench) -> Measured:
        work, multiplications = operations_of_layer(bench)[name]

        def often() -> None:
            for _ in range(_REPEATED):
                work()

        rate = 2 * multiplications * _REPEATED / bench.seconds(often)
        return Measured(value=rate / 1e12, baseline=bench.dense / 1e12)

    return measure


def operations_of_layer(bench: Bench) -> dict[str, tuple[Work, int]]:
    """Returns a layer's operations on a batch that keeps the device busy, and how large each is.

    Work by name, with its multiplications; attention's over the positions that a query sees.
    """
    params = bench.sizes.main
    engine, _ = bench.proving(params)
    arithmetic = bench.machine.arithmetic(engine.name)
    weights, size = engine.network.weights[0], bench.busy(params)
    dim, kv, ffn, positions = params.dim, params.kv_dim, params.ffn_dim, params.seq_len
    rows = size * positions
    x_RD, a_RF = bench.bytes_of(rows, dim), bench.bytes_of(rows, ffn)
    qkv_BSO = bench.bytes_of(size, positions, dim + 2 * kv)
    q_BSD, k_BSC, v_BSC = qkv_BSO[..., :dim], qkv_BSO[..., dim : dim + kv], qkv_BSO[..., dim + kv :]
    qkv, o, gate_up, down = (
        weights[f"layers.0.{part}"] for part in ("qkv", "o", "gate_up", "down")
    )
    heads, width = params.n_kv_heads, params.head_dim
    return {
        "qkv": (lambda: arithmetic.linear(x_RD, qkv), rows * dim * (dim + 2 * kv)),
        "attention": (
            lambda: arithmetic.attention(q_BSD, k_BSC, v_BSC, heads, width),
            size * positions * (positions + 1) * dim,
        ),
        "o": (lambda: arithmetic.linear(x_RD, o), rows * dim * dim),
        "gate_up": (lambda: arithmetic.gated(x_RD, gate_up), rows * dim * 2 * ffn),
        "down": (lambda: arithmetic.linear(a_RF, down), rows * ffn * dim),
    }


def share(of: Callable[[Sizes], PocParams]) -> Measure:
    """Returns the measure of a network's operations as a share of the dense rate."""

    def measure(bench: Bench) -> Measured:
        params = of(bench.sizes)
        engine, _ = bench.proving(params)
        size = bench.batch(params)
        rate = bench.rate(engine, size)
        return Measured(
            value=100 * operations(params) * rate / bench.dense,
            note=f"{engine.name} engine, {rate:,.0f} nonces/s in batches of {size}; dense "
            f"{bench.dense / 1e12:,.0f} TOP/s",
        )

    return measure


def against_llama(bench: Bench) -> Measured:
    """Sets the proof against a compiled bf16 Llama, in batches of one size."""
    params = bench.sizes.main
    engine, _ = bench.proving(params)
    size = bench.busy(params)
    active = size * params.seq_len * 3 * params.ffn_dim * _ACTIVE
    check_room(_MADE * weight_bytes(params) + active, bench.machine.free())
    many = nonces(size)
    with _compiler():
        other = llama(params, size, torch.bfloat16, bench.device)
        seconds = bench.turns(lambda: engine.batch(many), other)
    return rates(size, seconds, f"{engine.name} engine, batches of {size}")


@contextmanager
def _compiler() -> Generator[None]:
    """Lets go of what was compiled, and of the tensors that it holds."""
    try:
        yield
    finally:
        torch.compiler.reset()
        gc.collect()


def engines(one: str, other: str) -> Measure:
    """Returns the measure of an engine against another on one network."""

    def measure(bench: Bench) -> Measured:
        params = bench.sizes.main
        holder, round_ = bench.proving(params)
        pair = [bench.engine(name) for name in (one, other)]
        for engine in pair:
            if engine is not holder:
                engine.adopt(round_, holder.network)
        many = nonces(bench.busy(params))
        return rates(
            len(many), bench.turns(lambda: pair[0].batch(many), lambda: pair[1].batch(many))
        )

    return measure


def found_batch(bench: Bench) -> Measured:
    """Sets the nonces of a batch that are found by timing against those that fit."""
    params = bench.sizes.main
    engine, _ = bench.proving(params)
    size = bench.batch(params)
    seconds = bench.seconds(lambda: engine.batch(nonces(size)))
    return Measured(value=size, baseline=engine.largest_batch, note=f"it takes {seconds:.3f} s")


def memory_of_batch(bench: Bench) -> Measured:
    """Sets the memory of a batch against what is calculated, inputs of the next included."""
    params = bench.sizes.main
    engine, _ = bench.proving(params)
    size = engine.batch_size

    def batch() -> None:
        engine.foresee(nonces(size, size))
        engine.batch(nonces(size))

    batch()
    taken, calculated = bench.machine.peak(batch), size * activation_bytes(params)
    return Measured(value=taken / 1e9, baseline=calculated / 1e9, note=f"{size} nonces")


def memory_of_network(bench: Bench) -> Measured:
    """Sets the memory of the network and a batch against what is calculated."""
    params, engine = bench.sizes.main, bench.fastest
    bench.clear()

    def prove() -> None:
        bench.proving(params)
        engine.batch(nonces(engine.batch_size))

    taken = bench.machine.peak(prove)
    calculated = weight_bytes(params) + engine.batch_size * activation_bytes(params)
    note = f"a batch of {engine.batch_size} nonces"
    return Measured(value=taken / 1e9, baseline=calculated / 1e9, note=note)


def part_of_inputs(bench: Bench) -> Measured:
    """Returns the percentage of a batch's time that making its inputs takes, seeds included."""
    params = bench.sizes.main
    engine, round_ = bench.proving(params)
    size = min(bench.batch(params), engine.batch_size)
    arithmetic, many = bench.machine.arithmetic(engine.name), nonces(size)
    shape = (size, params.seq_len * params.dim)
    out_BN = torch.empty(shape, dtype=torch.int8, device=bench.device)

    def inputs() -> object:
        return arithmetic.fill(input_seeds(round_, KEY, many), 0, 0, out_BN, weights=False)

    ours, batch = bench.turns(inputs, lambda: engine.batch(many))
    return Measured(value=100 * ours / batch, note="made first; ahead they take less")


def made_ahead(bench: Bench) -> Measured:
    """Sets a walk whose inputs are made ahead against one whose inputs are made first."""
    params, walked = bench.sizes.main, 8
    engine, _ = bench.proving(params)
    size = bench.batch(params)

    def walk(*, ahead: bool) -> None:
        run = Run(engine)
        for _ in range(walked):
            run.batch(size, go_on=ahead)

    return rates(walked * size, bench.turns(lambda: walk(ahead=True), lambda: walk(ahead=False)))


def hashing(bench: Bench) -> Measured:
    """Returns the seconds of hashing all weights where they lie."""
    engine, _ = bench.proving(bench.sizes.main)
    seconds = bench.seconds(engine.weights_fingerprint)
    rate = weight_bytes(bench.sizes.main) / seconds / 1e9
    return Measured(value=seconds, note=f"{rate:,.0f} GB/s")


def loading(of: Callable[[Sizes], PocParams]) -> Measure:
    """Returns the measure of how long the weights of a network take, its memory included."""

    def measure(bench: Bench) -> Measured:
        params, round_ = of(bench.sizes), round_of(of(bench.sizes))
        engine = bench.fastest
        bench.clear()
        check_room(weight_bytes(params) / 0.9, bench.machine.free())
        seconds: list[float] = []
        # The first time also compiles.
        for _ in range(2):
            bench.clear()
            bench.machine.wait()
            began = perf_counter()
            load(engine, round_)
            bench.machine.wait()
            seconds.append(perf_counter() - began)
        size = weight_bytes(params) / 1e9
        note = f"{size:.2f} GB at {size / seconds[-1]:,.0f} GB/s; {seconds[0]:.1f} s at first"
        return Measured(value=seconds[-1], note=note)

    return measure


def drawn_weights(bench: Bench) -> tuple[Work, int]:
    """Returns the drawing of weights, every byte its own, and their number."""
    arithmetic = bench.machine.arithmetic(bench.fastest.name)
    bench.clear()
    count = bench.sizes.bytes
    check_room(4 * count, bench.machine.free())
    seed_W = weight_seed(round_of(bench.sizes.main), "layers.0.down")
    out_XN = torch.empty(1, count, dtype=torch.int8, device=bench.device)
    return lambda: arithmetic.fill(seed_W[None], 0, count, out_XN, weights=True), count


def weights_against_copy(bench: Bench) -> Measured:
    """Sets the drawing of weights against a copy, of which bytes read and written count."""
    drawn, count = drawn_weights(bench)
    there, here = (torch.zeros(count, dtype=torch.int8, device=bench.device) for _ in range(2))
    ours, copy = bench.turns(drawn, lambda: there.copy_(here))
    return Measured(value=count / ours / 1e9, baseline=2 * count / copy / 1e9)


def weights_against_pool(bench: Bench) -> Measured:
    """Sets the drawing of weights against as many of a float network's."""
    drawn, count = drawn_weights(bench)
    return rates(count / 1e9, bench.turns(drawn, lambda: tiled_pool(count, bench.device)))


def big_an_hour(bench: Bench) -> Measured:
    """Returns the nonces an hour of the largest network on one device."""
    params = bench.sizes.big
    engine, _ = bench.proving(params)
    size = bench.batch(params)
    return Measured(value=3_600 * bench.rate(engine, size), note=f"batches of {size}")


def recovery(bench: Bench) -> Measured:
    """Sets the rate after an out-of-memory against the rate before.

    Another program, played by this one, takes the device's memory but for three quarters of
    what a batch needs: the batch is halved once and comes to the same digests.
    """
    params, name = bench.sizes.main, bench.fastest.name
    bench.clear()
    check_room(weight_bytes(params) / 0.9, bench.machine.free())
    size = max(2, good_batch(params))
    candidates = bench.machine.engines((bench.device,), batch_size=size)
    engine = next(engine for engine in candidates if engine.name == name)
    load(engine, round_of(params))
    many = nonces(size)
    wanted = engine.batch(many).digests
    before = bench.seconds(lambda: engine.batch(many))
    needed = bench.machine.peak(lambda: engine.batch(many))
    held = bench.machine.hold(max(0, bench.machine.free() - int(_LEFT * needed)))
    began = perf_counter()
    came = engine.batch(many).digests
    took = perf_counter() - began
    if engine.batch_size != size // 2:
        raise RuntimeError(f"the batch is of {engine.batch_size} nonces, not halved from {size}")
    if not np.array_equal(came, wanted):
        raise RuntimeError("after the out-of-memory the digests are others")
    after = bench.seconds(lambda: engine.batch(many))
    engine.stop()
    del held
    note = f"{size} to {size // 2} nonces, digests the same; the batch that it struck: {took:.2f} s"
    return rates(size, (after, before), note)


def differing_decisions(bench: Bench) -> Measured:
    """Returns the nonces that an engine decides or digests in another way than a CPU.

    The CPU is the slower one: all of its cores decide, each in a process of its own.
    """
    bench.clear()
    round_ = round_of_decisions(bench.sizes.small)
    for engine in bench.exact:
        load(engine, round_)
    chunks = [
        nonces(min(_COMPARED, bench.sizes.decisions - first), first)
        for first in range(0, bench.sizes.decisions, _COMPARED)
    ]
    differing = valid = 0
    cores = min(len(os.sched_getaffinity(0)), len(chunks))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        cores, context, initializer=_begin_reference, initargs=(bench.sizes.small,)
    ) as pool:
        decided = pool.map(_decide_on_cpu, chunks)
        for many, (digests, valid_B) in zip(chunks, decided, strict=True):
            valid += int(valid_B.sum())
            for engine in bench.exact:
                came = engine.batch(many)
                wrong_B = (came.digests != digests).any(1) | (came.valid != valid_B)
                differing += int(wrong_B.sum())
    bench.clear()
    names = ", ".join(engine.name for engine in bench.exact)
    return Measured(
        value=differing,
        note=f"of {bench.sizes.decisions:,} nonces, {valid:,} of them valid, on {names}",
    )


def round_of_decisions(params: PocParams) -> Round:
    """Returns a round in which a nonce counts as it does on the chain."""
    return new_round(block_hash="be" * 32, public_key=KEY, params=params)


# The engine of a process that decides for the CPU.
_reference: list[ShardedEngine] = []


def _begin_reference(params: PocParams) -> None:
    torch.set_num_threads(1)
    engine = select_engine(group_engines(("cpu",))).engine
    load(engine, round_of_decisions(params))
    _reference.append(engine)


def _decide_on_cpu(many: U64) -> tuple[U8, Bool]:
    came = _reference[0].batch(many)
    return came.digests, came.valid


def pipeline(bench: Bench) -> Measured:
    """Sets the nonces a second of each device of a group against a device alone."""
    devices, params = bench.machine.devices, bench.sizes.main
    if len(devices) == 1:
        raise UnmeasuredError("there is one device")
    alone, _ = bench.proving(params)
    one = bench.rate(alone, bench.batch(params))
    bench.clear()
    group = next(e for e in bench.machine.engines(devices) if e.name == alone.name)
    load(group, round_of(params))
    together = bench.rate(group, Run(group).find_size())
    group.stop()
    return Measured(
        value=together / len(devices), baseline=one, note=f"{len(devices)} devices in a pipeline"
    )


def main_of(sizes: Sizes) -> PocParams:
    """Returns the parameters of the main network."""
    return sizes.main


def big_of(sizes: Sizes) -> PocParams:
    """Returns the parameters of the largest network."""
    return sizes.big
