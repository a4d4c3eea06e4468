"""The chain's epoch for one host at a time, in plain Python: what the peers' engines schedule.

A modeller who uses an agent-based, state-update or event engine writes rules like these once and
lets the engine call them. All peers share them, so that only the engines differ. Chance comes
from the same streams as in `simulation`, so that all pay the same totals.

Needs the standard library and NumPy's generators; never `simulation`.
"""

import hashlib
import json
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from importlib import metadata
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

ONE = 10**18
ACCEPTED, FRAUD, UNAVAILABLE, REJECTED, NO_QUORUM, BELOW_MINIMUM, NO_BATCH = range(1, 8)
ZEROING = (FRAUD, UNAVAILABLE, REJECTED)


@dataclass(slots=True)
class Node:
    """A node of a host: what it can do, and what it does in this epoch."""

    model: int
    mean: float
    deviation: float
    tokens: int
    weight: int
    serves: bool = False
    claimed: int = 0
    formed: int = 0


@dataclass(slots=True)
class Host:
    """A host: its nodes, its standing, and what this epoch makes of it."""

    nodes: list[Node]
    strength: float
    weight: int
    carried: int
    online: bool = True
    claimed: int = 0
    forged: int = 0
    honest: int = 0
    silence: int = 0
    fraud: int = 0
    sampled: int = 0
    invalid: int = 0
    drawn: int = 0
    cast: int = 0
    outcome: int = 0
    credited: int = 0
    formed: int = 0
    in_row: int = 0
    full_weight: int = 0
    income: int = 0


@dataclass(slots=True)
class Ledger:
    """What the chain knows besides its hosts."""

    epoch: int
    subsidy: int
    minted: int
    price: int
    expected: list[int]
    real: list[int]
    paid: list[int] = field(default_factory=list)


class Rules:
    """Parameters and chance of a run, and what they decide. Never changes but for its streams."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec
        self.models: list[str] = spec["models"]
        for name in ("faults", "nonces", "demand", "juries", "samples"):
            key = hashlib.sha256(f"{spec['seed']}/0/{name}".encode()).digest()
            philox = np.random.Philox(key=int.from_bytes(key[:16], "big"))
            setattr(self, name, np.random.Generator(philox))

    def hosts(self) -> list[Host]:
        """The hosts at genesis."""
        made: list[Host] = []
        for row in self.spec["hosts"]:
            nodes = [Node(*facts, round(facts[1])) for facts in row["nodes"]]
            weight = sum(n.weight for n in nodes)
            made.append(Host(nodes, row["strength"], weight, weight))
        return made

    def ledger(self) -> Ledger:
        """The chain at genesis."""
        of = self.spec
        return Ledger(0, of["initial_epoch_subsidy"], 0, of["initial_unit_price"], [], [])

    # --- stages 1 to 3 ---

    def prove(self, host: Host) -> None:
        """A host's nodes look for nonces; a forger claims more than it found."""
        host.online = self.faults.random() >= self.spec["offline"]
        host.claimed = host.forged = 0
        for node in host.nodes:
            noise = self.nonces.standard_normal()
            found = max(0, round(noise * node.deviation + node.mean))
            if not host.online or node.serves:
                found = 0
            forged = int(found * host.strength)
            node.claimed = min(found + forged, self.spec["max_nonces_per_node"])
            host.claimed += node.claimed
            host.forged += min(forged, node.claimed)

    def proven(self) -> None:
        """After all hosts proved: the draw of a common fault, which this run does not use."""
        self.faults.random()

    # --- stages 4 to 6 ---

    def is_heard(self, host: Host) -> bool:
        """Whether a jury is drawn for a host."""
        return host.claimed >= self.spec["min_host_nonces"]

    def count_silence(self, host: Host, whole: int, silent: int) -> None:
        """Seats of a host's jury that nobody speaks for; the others find nothing."""
        own = 0 if host.online else host.weight
        share = min(1.0, max(0.0, (silent - own) / max(whole - host.weight, 1.0)))
        seats = self.spec["seats_per_host"]
        silence = binomial(self.juries.random(), seats, share) if silent else 0
        quiet = self.is_heard(host) and not host.forged
        host.silence = silence if quiet else 0
        host.honest = seats - silence if quiet else 0
        host.sampled = host.honest
        host.fraud = host.invalid = host.drawn = host.cast = 0

    def silent_ends(self, hosts: list[Host]) -> list[int]:
        """Silent members end to end, each as long as its weight; the others have no length."""
        return list(accumulate(0 if h.online else h.weight for h in hosts))

    def seat_silence(self, host: Host, hosts: list[Host], ends: list[int], rank: int) -> None:
        """Which silent members hold the seats that nobody speaks for."""
        own = 0 if host.online else host.weight
        start = ends[rank] - own
        for _ in range(host.silence):
            point = int(self.juries.integers(0, ends[-1] - own, dtype=np.uint64))
            hosts[bisect_right(ends, point + own if point >= start else point)].drawn += 1

    def hear(self, host: Host, hosts: list[Host], ends: list[int], rank: int) -> None:
        """Draw the jury of a host that forged, seat by seat, and let its members look."""
        seats: Counter[int] = Counter()
        start = ends[rank] - host.weight
        for _ in range(self.spec["seats_per_host"]):
            point = int(self.juries.integers(0, ends[-1] - host.weight, dtype=np.uint64))
            seats[bisect_right(ends, point + host.weight if point >= start else point)] += 1
        size = min(host.claimed, self.spec["sample_size"])
        limit = fraud_limit(size, self.spec["p_mismatch"], self.spec["fraud_threshold"])
        opened: list[tuple[float, int, int, int]] = []
        for holder, count in sorted(seats.items()):
            judge = hosts[holder]
            judge.drawn += count
            invalid = int(
                self.samples.hypergeometric(host.forged, host.claimed - host.forged, size)
            )
            if not judge.online:
                continue
            judge.cast += count
            opened.append((invalid / size, holder, count, invalid))
            if invalid >= limit:
                host.fraud += count
            else:
                host.honest += count
        entries = [entry for entry in sorted(opened) for _ in range(entry[2])]
        kept = entries[len(entries) // 4 : len(entries) - len(entries) // 4]
        host.sampled, host.invalid = size * len(kept), sum(entry[3] for entry in kept)

    def judge(self, host: Host) -> None:
        """Outcome by majorities of all seats, and the credit."""
        half = self.spec["seats_per_host"] // 2
        host.credited = 0
        if host.claimed == 0:
            host.outcome = NO_BATCH
        elif not self.is_heard(host):
            host.outcome = BELOW_MINIMUM
        elif host.fraud > half:
            host.outcome = FRAUD
        elif host.honest > half:
            host.outcome = ACCEPTED
            if 2 * host.invalid < host.sampled:
                penalty = -(-2 * host.claimed * host.invalid // host.sampled)
                host.credited = host.claimed - penalty
        elif host.fraud > host.honest:
            host.outcome = REJECTED
        else:
            host.outcome = NO_QUORUM
            host.credited = min(host.claimed, host.carried)

    # --- stages 7 and 8 ---

    def settle(self, host: Host, reward: int, whole: int) -> int:
        """What a host earned in the epoch that ends, in unine."""
        share = reward * host.weight // whole
        if host.drawn:
            share = share * host.cast // host.drawn
        if host.outcome == FRAUD:
            share = 0
        bonus = share * self.spec["coverage_bonus"] // ONE if self.covers(host) else 0
        host.income += share + bonus
        return share + bonus

    def covers(self, host: Host) -> bool:
        """Whether a host serves every model with enough of its weight."""
        if host.weight == 0:
            return False
        parts = self.spec["coverage_spread"] * len(self.models)
        weights = [0] * len(self.models)
        for node in host.nodes:
            weights[node.model] += node.weight
        return all(w * parts >= host.weight for w in weights)

    def reward(self, ledger: Ledger) -> int:
        """R of the epoch that ends, and the subsidy of the next."""
        if ledger.epoch == 0:
            return 0
        left = (
            (self.spec["max_supply"] - ledger.minted) * ONE // (ONE + self.spec["coverage_bonus"])
        )
        reward = min(ledger.subsidy, left)
        ledger.subsidy = ledger.subsidy * self.spec["decay_factor"] // ONE
        return reward

    def form(self, host: Host) -> None:
        """Weights of the next epoch: credit, or what is preserved, cut to the last full round."""
        zeroed = host.outcome in ZEROING
        host.formed = 0
        for node in host.nodes:
            node.formed = 0
            if node.serves and not zeroed:
                node.formed = node.weight
            elif host.credited:
                node.formed = node.claimed * host.credited // host.claimed
            host.formed += node.formed
        mined = sum(n.formed for n in host.nodes if not n.serves)
        host.carried = mined if host.outcome == ACCEPTED else 0
        if any(n.serves for n in host.nodes) and host.formed > host.full_weight:
            for node in host.nodes:
                node.formed = node.formed * host.full_weight // host.formed
            host.formed = sum(n.formed for n in host.nodes)

    def is_kept(self, hosts: list[Host], whole: int) -> bool:
        """Whether enough of the old weight is kept for the new epoch to become effective."""
        kept = sum(h.weight for h in hosts if h.formed)
        return any(h.formed for h in hosts) and kept * ONE >= whole * self.spec["min_kept_power"]

    def switch(self, host: Host) -> None:
        """The new epoch is effective."""
        host.weight = host.formed
        preserved = any(n.serves for n in host.nodes)
        host.in_row = host.in_row + 1 if preserved else 0
        if not preserved:
            host.full_weight = host.formed
        for node in host.nodes:
            node.weight = node.formed

    # --- stage 9 ---

    def promised(self, node: Node) -> int:
        """Tokens a period that a node's weight promises."""
        of = self.spec
        tokens = node.weight * of["throughput_per_nonce"][node.model] * of["poc_period"]
        return tokens // (of["generation"] * 1_000_000)

    def serve(self, ledger: Ledger, hosts: list[Host]) -> None:
        """The price follows what the epoch before served; then demand is served."""
        if ledger.real:
            real, expected, price = sum(ledger.real), sum(ledger.expected), ledger.price
            if 5 * real > 3 * expected:
                ledger.price = price + -(-price // 50)
            elif 5 * real < 2 * expected:
                ledger.price = max(1, price - price // 50)
            ledger.expected = ledger.real
        else:
            ledger.expected = [0] * len(self.models)
            for node in (n for h in hosts for n in h.nodes):
                ledger.expected[node.model] += self.promised(node)
        capacity = self.capacity(hosts)
        noise = np.exp(0.05 * self.demand.standard_normal(len(self.models)))
        base = np.array(self.spec["demand"]) * np.array(self.spec["first_capacity"], np.uint64)
        asked = (base * noise).tolist()
        ledger.real = [int(min(a, c)) for a, c in zip(asked, capacity, strict=True)]

    def capacity(self, hosts: list[Host]) -> list[int]:
        """Tokens that nodes of any weight can serve, of hosts that are online, by model."""
        sums = [0] * len(self.models)
        for host in hosts:
            for node in host.nodes:
                if host.online and node.weight:
                    sums[node.model] += node.tokens
        return sums

    def allocate(self, ledger: Ledger, hosts: list[Host]) -> None:
        """Draw the nodes that serve through the next PoC."""
        for host in hosts:
            for node in host.nodes:
                node.serves = False
        for index, model in enumerate(self.models):
            queues, promised = [], 0
            for host in hosts:
                mine = [n for n in host.nodes if n.model == index and n.weight]
                promised += sum(self.promised(n) for n in mine)
                may = (
                    host.in_row < self.spec["max_consecutive_preserved_epochs"]
                    and host.full_weight > 0
                )
                queues.append(mine[::-1] if may else [])
            line = -(-promised * self.spec["max_serving_fraction"] // ONE)
            line = min(line, ledger.real[index])
            tree = Fenwick([h.weight if q else 0 for h, q in zip(hosts, queues, strict=True)])
            words = words_of(self.block_hash(ledger.epoch), model)
            selected = 0
            while selected < line and tree.total:
                at = tree.find(uniform(words, tree.total))
                node = queues[at].pop()
                node.serves = True
                selected += self.promised(node)
                if not queues[at]:
                    tree.add(at, -hosts[at].weight)

    def is_eligible(self, host: Host) -> bool:
        """Whether a host's nodes may serve through the next PoC."""
        most = self.spec["max_consecutive_preserved_epochs"]
        return host.in_row < most and host.full_weight > 0

    def block_hash(self, epoch: int) -> bytes:
        """The hash that seeds the slots of an epoch."""
        return hashlib.sha256(f"block/{self.spec['seed']}/0/{epoch}".encode()).digest()


def binomial(point: float, n: int, p: float) -> int:
    """How many of n come, each with probability p, where the distribution passes a point."""
    rare = min(p, 1.0 - p)
    rest, held = 1.0 - rare, 0
    chance = rest**n
    while point >= chance and held < n:
        point -= chance
        chance *= (n - held) * rare / ((held + 1) * rest)
        held += 1
    return held if p <= 0.5 else n - held


@cache
def fraud_limit(sampled: int, mismatch: int, threshold: int) -> int:
    """The least number of invalid leaves that is fraud: the binomial tail below the threshold."""
    p, limit, tail = Fraction(mismatch, ONE), 0, Fraction(1)
    term = (1 - p) ** sampled
    while tail >= Fraction(threshold, ONE):
        tail -= term
        term = term * (sampled - limit) / (limit + 1) * p / (1 - p)
        limit += 1
    return limit


def words_of(seed: bytes, model: str) -> Iterator[int]:
    """Words of the slot's stream: SHA-256 in counter mode, four of 64 bits a block."""
    fields = (b"slot", seed, model.encode())
    prefix = hashlib.sha256(b"".join(len(f).to_bytes(4, "big") + f for f in fields))
    block = 0
    while True:
        digest = prefix.copy()
        digest.update(block.to_bytes(8, "big"))
        raw = digest.digest()
        yield from (int.from_bytes(raw[at : at + 8], "big") for at in range(0, 32, 8))
        block += 1


def uniform(words: Iterator[int], n: int) -> int:
    """An integer below n, by rejection above the largest multiple."""
    bound = 2**64 - 2**64 % n
    while (word := next(words)) >= bound:
        pass
    return word % n


class Fenwick:
    """Prefix sums that change."""

    def __init__(self, values: list[int]) -> None:
        self.total = sum(values)
        self.tree = [0, *values]
        for at in range(1, len(self.tree)):
            above = at + (at & -at)
            if above < len(self.tree):
                self.tree[above] += self.tree[at]
        self.top = 1 << (len(values).bit_length() - 1)

    def find(self, point: int) -> int:
        """The index whose interval holds a point."""
        at, step, tree = 0, self.top, self.tree
        while step:
            if at + step < len(tree) and tree[at + step] <= point:
                at += step
                point -= tree[at]
            step >>= 1
        return at

    def add(self, index: int, value: int) -> None:
        """Change a value."""
        self.total += value
        at = index + 1
        while at < len(self.tree):
            self.tree[at] += value
            at += at & -at


def main(engine: str, path: str, play: Callable[[Rules, int], list[int]]) -> None:
    """Run an engine's model on a specification, and print what it paid and what it took."""
    spec = json.loads(Path(path).read_text(encoding="utf-8"))
    rules = Rules(spec)
    started = time.process_time()
    paid = play(rules, spec["epochs"])
    taken = time.process_time() - started
    made = {"cpu_seconds": taken, "paid": paid, "version": metadata.version(engine)}
    print(json.dumps(made))  # noqa: T201 - its only output
