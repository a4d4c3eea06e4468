"""Twin of core/timeslot (docs/spec/timeslot.md): which nodes serve through PoC."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from simulation import draw, fixed
from simulation.arrays import I64, U64, Bool, Owners, some
from simulation.errors import DrawError, OverflowU64Error
from simulation.picking import Picker


@dataclass(frozen=True, slots=True, kw_only=True)
class Histories:
    """What limits hosts that let nodes serve, each array (N,)."""

    preserved_in_row: U64
    full_weight: U64
    fleet_changed: Bool

    def eligible(self, max_in_row: int) -> Bool:
        """Whether a host's nodes may be selected."""
        below = self.preserved_in_row < np.uint64(max_in_row)
        return (self.full_weight > 0) & ~self.fleet_changed & below

    def after(self, *, weight: U64, any_preserved: Bool, fleet_changed: Bool) -> "Histories":
        """The histories after a formation; a round without preserved nodes is full."""
        row = np.where(any_preserved, self.preserved_in_row + np.uint64(1), np.uint64(0))
        return Histories(
            preserved_in_row=row,
            full_weight=np.where(any_preserved, self.full_weight, weight),
            fleet_changed=any_preserved & (self.fleet_changed | fleet_changed),
        )


def new_histories(hosts: int) -> Histories:
    """Hosts that have never proven all of their nodes."""
    return Histories(
        preserved_in_row=np.zeros(hosts, np.uint64),
        full_weight=np.zeros(hosts, np.uint64),
        fleet_changed=np.zeros(hosts, np.bool_),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """Selected nodes in the order they were drawn, as indices into the nodes given."""

    picks: I64
    throughput: int
    stop: str


def allocate(
    *,
    seed: bytes,
    model: str,
    required: int,
    model_total: int,
    max_serving_fraction: int,
    weight_N: U64,
    may_N: Bool,
    host_K: I64,
    throughput_K: U64,
    pending_K: Bool,
) -> Allocation:
    """Select the nodes of a model that get POC_SLOT.

    Args:
        seed: hash of the first block of the allocation.
        model: its id.
        required: tokens a period that it served.
        model_total: throughput of all its nodes.
        max_serving_fraction: in 10⁻¹⁸.
        weight_N: root weights, by ascending address.
        may_N: whether a host's history lets its nodes be preserved.
        host_K: host of each node that belongs to the model, ascending, then by added_seq.
        throughput_K: of these nodes.
        pending_K: whether a change waits for a node or its model; of size 1 for all nodes.

    Raises:
        DrawError: when seed or model are missing.
        OverflowU64Error: when weights or throughputs pass 64 bits.
    """
    stream = draw.slot_stream(seed, model)
    picker = Picker(weight_N, may_N, host_K, throughput_K, pending_K)
    # selected·10¹⁸ ≥ total·fraction exactly from ⌈total·fraction/10¹⁸⌉ on.
    line = -(-model_total * max_serving_fraction // fixed.ONE)
    picks = _draw(stream, picker, min(required, line), picker.promised / max(1, picker.nodes))
    selected = picker.selected
    stop = "required" if selected >= required else "fraction" if selected >= line else "exhausted"
    return Allocation(picks=picks, throughput=selected, stop=stop)


def _draw(stream: draw.Stream, picker: Picker, line: int, mean: float) -> I64:
    """Picks over as many words of the stream as it takes; mean is a node's throughput."""
    taken: list[I64] = []
    # As many nodes of the mean reach the line; large hosts are drawn more often.
    block, guess = 0, min(picker.nodes, int(line / max(1.0, mean))) // 4 + 4
    while picker.selected < line and not picker.exhausted:
        taken.append(picker.pick(stream.words_from(block, guess), line))
        block, guess = block + guess, guess // 16 + 4
    if len(taken) == 1:
        return taken[0]
    return np.concatenate(taken) if taken else np.zeros(0, np.int64)


def cap_preserved(weights: Sequence[int], full: int) -> list[int]:
    """Weights of one host's nodes, cut back together to those of its last full round."""
    whole = sum(weights)
    if whole > fixed.MAX_U64:
        raise OverflowU64Error("weights of a host")
    return list(weights) if whole <= full else [w * full // whole for w in weights]


def cap_preserved_each(
    weight_K: U64, of: Owners, sum_N: U64, full_N: U64, preserved_N: Bool
) -> U64:
    """`cap_preserved` of every host that has preserved nodes."""
    over_N = preserved_N & (sum_N > full_N)
    if not some(over_N):
        return weight_K
    at = np.flatnonzero(of.each(over_N))
    host = of.host_K[at]
    out_K = weight_K.copy()
    out_K[at] = fixed.floor_each(weight_K[at], full_N[host], sum_N[host])
    return out_K


def check_order(addresses: Sequence[bytes]) -> None:
    """Raises DrawError unless addresses ascend strictly."""
    if any(a >= b for a, b in pairwise(addresses)):
        raise DrawError("hosts must stand in strictly ascending order of address")
