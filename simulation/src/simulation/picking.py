"""The one loop over picks: drawing hosts by weight while hosts leave the draw.

A plain loop does it. A kernel does the same in two steps: the tree alone, which is one chain of
reads that wait for each other, and then what the picks bring, whose reads do not.
"""

from typing import Any

import numpy as np

from simulation import compiler, fixed
from simulation.arrays import I64, U64, Bool, bounds, total
from simulation.compiler import Kernel, part
from simulation.errors import OverflowU64Error

# Hosts below a leaf of the tree. A kernel sums those of a line of cache at once, and a tree of
# fewer leaves stays in the cache nearest to the core: half the time at a million hosts.
_PLAIN_BLOCK, _BLOCK, _LINE = 8, 128, 16

# Picks of one step of the kernel: the two steps would drive each other's arrays out of the cache.
_CHUNK = 1 << 18

_WIDE = np.uint64, np.uint64, np.int64
_NARROW = np.uint32, np.uint8, np.uint32
_ZERO, _ONE, _MOST = np.uint64(0), np.uint64(1), np.uint64(2**64 - 1)
_U64, _HOSTS, _LINE_64 = np.uint64, np.uint64(_BLOCK), np.uint64(_LINE)

# What entering came to: the types do not hold the facts, they do, or a sum passes 64 bits.
_SMALL, _FITS, _WRAPS = 0, 1, 2


class Picker:
    """A draw of nodes by the weight of their hosts; each host offers its nodes in their order."""

    def __init__(
        self, weight_N: U64, may_N: Bool, host_K: I64, throughput_K: U64, pending_K: Bool
    ) -> None:
        """Enter the nodes (K,), sorted by host, that wait for no change and whose host may.

        pending_K is (K,), or (1,) for all nodes.

        Raises:
            OverflowU64Error: when weights or throughputs of the draw pass 64 bits.
        """
        self._throughput = np.ascontiguousarray(throughput_K)
        self._pending = np.ascontiguousarray(pending_K)
        self._compiled = compiler.ready()
        self._block = _BLOCK if self._compiled else _PLAIN_BLOCK
        self._blocks = 1 << max(0, -(-len(weight_N) // self._block) - 1).bit_length()
        # Sums of left subtrees of a complete binary tree over blocks, from its root at 1.
        self._left = np.zeros(self._blocks, np.uint64)
        # Weight in the draw and throughput selected so far; both move on.
        self._sums = np.zeros(2, np.uint64)
        enter = self._enter_compiled if self._compiled else self._enter
        whole, self.promised, self.nodes = enter(weight_N, may_N, host_K)
        if max(whole, self.promised) > fixed.MAX_U64:
            raise OverflowU64Error("weights or throughputs of an allocation")
        self._sums[0] = whole

    def _hold(self, hosts: int, types: tuple[Any, Any, Any]) -> None:
        """Nobody: weights in the draw, padded to blocks, nodes on offer, and each host's next."""
        weights, offers, nodes = types
        self._weight: Any = np.zeros(self._blocks * self._block, weights)
        self._offers: Any = np.zeros(hosts, offers)
        self._next: Any = np.zeros(hosts, nodes)

    def _enter(self, weight_N: U64, may_N: Bool, host_K: I64) -> tuple[int, int, int]:
        self._hold(len(weight_N), _WIDE)
        nodes = np.flatnonzero(~self._pending & may_N[host_K])
        ends = bounds(host_K[nodes], len(weight_N))
        self._offers[:] = np.diff(ends)
        enters_N = self._offers > 0
        self._next[enters_N] = nodes[ends[:-1][enters_N]]
        self._weight[: len(weight_N)] = np.where(enters_N, weight_N, np.uint64(0))
        level = self._weight.reshape(-1, self._block).sum(axis=1, dtype=np.uint64)
        while len(level) > 1:
            half = len(level) // 2
            self._left[half : 2 * half] = level[0::2]
            level = level[0::2] + level[1::2]
        return total(self._weight), total(self._throughput[nodes]), len(nodes)

    def _enter_compiled(self, weight_N: U64, may_N: Bool, host_K: I64) -> tuple[int, int, int]:
        hosts = [np.ascontiguousarray(a) for a in (weight_N, may_N)]
        facts = *hosts, np.ascontiguousarray(host_K), self._throughput, self._pending
        # Narrow types halve what a large draw reads, and hold what most networks have.
        fits = whole = promised = nodes = 0
        for types in (_NARROW, _WIDE):
            self._hold(len(weight_N), types)
            most = [np.iinfo(t).max for t in types]
            kept = self._weight, self._offers, self._next, self._left
            made = _enter(*facts, *kept, np.array(most, np.uint64))
            fits, whole, promised, nodes = made
            if fits:
                break
        return (2**64 if fits == _WRAPS else whole), promised, nodes

    @property
    def selected(self) -> int:
        """Throughput of all picks so far."""
        return int(self._sums[1])

    @property
    def exhausted(self) -> bool:
        """Whether nobody is left to be drawn."""
        return int(self._sums[0]) == 0

    def pick(self, words: U64, line: int) -> I64:
        """Nodes drawn by these words, until their throughput reaches the line."""
        facts = self._weight, self._left, self._offers, self._next, self._throughput
        if not self._compiled:
            return _pick_plainly(words, *facts, self._pending, self._sums, line)
        picks = np.empty(len(words), np.int64)
        ends = self._pending, self._sums, np.uint64(line), picks
        return picks[: _pick(words, *facts, *ends)]


def _pick_plainly(
    words: U64,
    weights: U64,
    lefts: U64,
    offers_N: U64,
    next_N: I64,
    throughput_K: U64,
    pending_K: Bool,
    sums: U64,
    line: int,
) -> I64:
    """Draw node by node, over lists; moves weights, lefts, offers_N, next_N and sums on."""
    kept = weights, lefts, offers_N, next_N
    weight, left, offers, following = (array.tolist() for array in kept)
    throughput, waits = throughput_K.tolist(), pending_K.tolist()
    everything, selected = sums.tolist()
    picks: list[int] = []
    for word in words.tolist():
        if selected >= line or everything == 0:
            break
        point = word % everything
        # A word above the largest multiple has no full cycle of residues.
        if word - point + everything > 2**64:
            continue
        at = 1
        while at < len(left):
            at, before = 2 * at, left[at]
            if point >= before:
                at, point = at + 1, point - before
        host = (at - len(left)) * _PLAIN_BLOCK
        while point >= weight[host]:
            host, point = host + 1, point - weight[host]
        node = following[host]
        picks.append(node)
        selected += throughput[node]
        offers[host] -= 1
        if offers[host]:
            following[host] = _after(node, waits)
        else:
            gone, weight[host] = weight[host], 0
            everything -= gone
            while at > 1:
                if at % 2 == 0:
                    left[at // 2] -= gone
                at //= 2
    for array, values in zip(kept, (weight, left, offers, following), strict=True):
        array[:] = values
    sums[:] = everything, selected
    return np.array(picks, np.int64)


def _after(node: int, waits: list[bool]) -> int:
    """The next node that does not wait for a change."""
    node += 1
    while len(waits) > 1 and waits[node]:
        node += 1
    return node


@Kernel
def _enter(
    weight_N: Any,
    may_N: Any,
    host_K: Any,
    throughput_K: Any,
    pending_K: Any,
    weight: Any,
    offers: Any,
    following: Any,
    left: Any,
    most: Any,
) -> Any:
    """What entering came to, then the draw's weight, throughput and nodes."""
    nodes, step = len(host_K), len(pending_K) > 1
    whole = promised = _ZERO
    entered = k = 0
    while k < nodes:
        host, mine, first = host_K[k], 0, k
        while k < nodes and host_K[k] == host:
            if may_N[host] and not pending_K[k * step]:
                if mine == 0:
                    first = k
                mine += 1
                promised += throughput_K[k]
                if promised < throughput_K[k]:
                    return _WRAPS, _ZERO, _ZERO, 0
            k += 1
        if mine == 0:
            continue
        if weight_N[host] > most[0] or _U64(mine) > most[1] or _U64(nodes) > most[2]:
            return _SMALL, _ZERO, _ZERO, 0
        entered += mine
        weight[host], offers[host], following[host] = weight_N[host], mine, first
        whole += weight_N[host]
        if whole < weight_N[host]:
            return _WRAPS, _ZERO, _ZERO, 0
    level = np.zeros(len(left), np.uint64)
    for block in range(len(left)):
        for host in range(block * _BLOCK, (block + 1) * _BLOCK):
            level[block] += _U64(weight[host])
    half = len(left) // 2
    while half > 0:
        for at in range(half):
            left[half + at] = level[2 * at]
            level[at] = level[2 * at] + level[2 * at + 1]
        half //= 2
    return _FITS, whole, promised, entered


@part
def _host_at(point: Any, weight: Any, left: Any) -> Any:
    """The host that a point falls to, and its place in the tree."""
    at, leaves = _ONE, _U64(len(left))
    while at < leaves:
        # Without a branch: below 0, the difference wraps and is the larger.
        before = point - left[at]
        right = _U64(before <= point)
        point = min(point, before)
        at = at + at + right
    host = (at - leaves) * _HOSTS
    while True:
        line = _ZERO
        for i in range(_LINE):
            line += _U64(weight[host + _U64(i)])
        if point < line:
            break
        point -= line
        host += _LINE_64
    while point >= weight[host]:
        point -= weight[host]
        host += _ONE
    return host, at


@Kernel
def _pick(
    words: Any,
    weight: Any,
    left: Any,
    offers: Any,
    following: Any,
    throughput_K: Any,
    pending_K: Any,
    sums: Any,
    line: Any,
    picks: Any,
) -> Any:
    """How many nodes were picked. Hosts leave a little ahead of what their nodes bring: what was
    drawn beyond the line is forgotten, and with it the draw is over.
    """
    step = len(pending_K) > 1
    everything, selected = sums[0], sums[1]
    hosts = np.empty(min(_CHUNK, len(words)), np.uint64)
    taken = read = 0
    while read < len(words) and selected < line and everything > _ZERO:
        drawn = 0
        while read < len(words) and drawn < _CHUNK and everything > _ZERO:
            word = words[read]
            read += 1
            point = word % everything
            # A word above the largest multiple has no full cycle of residues.
            if _MOST - (word - point) < everything - _ONE:
                continue
            host, at = _host_at(point, weight, left)
            hosts[drawn] = host
            drawn += 1
            offers[host] -= 1
            if offers[host] == 0:
                gone = _U64(weight[host])
                weight[host] = 0
                everything -= gone
                while at > _ONE:
                    left[at >> _ONE] -= gone * (_ONE - (at & _ONE))
                    at >>= _ONE
        for i in range(drawn):
            if selected >= line:
                break
            node = np.int64(following[hosts[i]])
            picks[taken] = node
            taken += 1
            selected += throughput_K[node]
            node += 1
            while node < len(throughput_K) and pending_K[node * step]:
                node += 1
            following[hosts[i]] = node
    sums[0], sums[1] = everything, selected
    return taken
