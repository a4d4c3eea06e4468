"""Incidents of earlier networks: what the rule that failed makes of their numbers, and ours.

The rules that failed are written here plainly, from what is told of them; ours are the twins of
the chain's core, or the model's own. Whether a rule does harm is computed for both alike.

Axes: N hosts, J judged hosts.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from simulation import commit, fixed, poc, price, reward, timeslot, weight
from simulation.arrays import u64
from simulation.errors import BatchError, ScenarioError, SimulationError, shown
from simulation.judging import draw_juries
from simulation.params import preset
from simulation.scenario import read_toml

# Sums of weights stay below 2⁶¹ whatever a file says.
Weight = Annotated[int, Field(ge=0, le=2**40)]
Few = Annotated[list[Weight], Field(min_length=1, max_length=1_000)]
Count = Annotated[int, Field(ge=1, le=10_000)]
Decimal = Annotated[str, Field(max_length=40)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What a rule makes of an incident's numbers.

    Attributes:
        text: as people read it.
        harms: whether it is what the incident was about.
    """

    text: str
    harms: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An incident under both rules."""

    name: str
    what: str
    rule: str
    theirs: Figure
    ours: Figure

    @property
    def verdict(self) -> str:
        """Passes, fails, or not shown: with such numbers the rule that failed did no harm."""
        if self.ours.harms:
            return "fails"
        return "passes" if self.theirs.harms else "not shown by these numbers"


class Incident(BaseModel, ABC):
    """The numbers of an incident, and what each rule makes of them.

    Attributes:
        what: what happened.
        rule: what of ours prevents it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    what: str
    rule: str

    @abstractmethod
    def theirs(self) -> Figure:
        """What the rule that failed makes of it."""

    @abstractmethod
    def ours(self) -> Figure:
        """What ours makes of it."""


def capped(weights: Sequence[int], share: Fraction) -> list[int]:
    """Weights cut so far that nobody has more than a share of what is left of all.

    Where a share leaves room for fewer hosts than there are, the smallest decides for all.
    """
    before = 0
    for at, smallest in enumerate(sorted(weights)):
        left = len(weights) - at
        if smallest > share * (before + smallest * left):
            limit = math.floor(share * before / (1 - share * left)) if share * left < 1 else before
            return [min(w, limit) for w in weights]
        before += smallest
    return list(weights)


def _powers(weights: Sequence[int]) -> list[int]:
    order, made = weight.consensus_powers(u64(weights), 100)
    out = np.zeros(len(weights), np.uint64)
    out[order] = made
    return out.tolist()


def _pay(weights: Sequence[int], amount: int) -> list[int]:
    """What settlement pays hosts that did all of their duty."""
    none_N, whole = np.zeros(len(weights), np.uint64), sum(weights)
    made = reward.settle_amounts(
        reward.Epoch(reward=amount, total_weight=whole, blocks=1, coverage_bonus=0),
        reward.Hosts(
            weight=u64(weights),
            seats_drawn=none_N,
            seats_cast=none_N,
            unjailed_blocks=none_N + np.uint64(1),
            covers=np.zeros(len(weights), np.bool_),
            forfeited=np.zeros(len(weights), np.uint8),
        ),
    )
    return made.total.tolist()


class PowerCap(Incident):
    """A cap on power. It does harm where less than half of all weight still counts."""

    weights: Few
    share: Decimal

    def theirs(self) -> Figure:
        return self._figure(capped(self.weights, _share(self.share)))

    def ours(self) -> Figure:
        return self._figure(_powers(self.weights))

    def _figure(self, powers: list[int]) -> Figure:
        return Figure(text=str(powers), harms=2 * sum(powers) < sum(self.weights))


class CapSplit(Incident):
    """Pay by capped weight. It does harm where the first host is paid more in parts."""

    weights: Few
    parts: Count
    share: Decimal
    reward: Annotated[int, Field(ge=1, le=2**60)]

    def theirs(self) -> Figure:
        share = _share(self.share)
        paid = [_pay(capped(weights, share), self.reward) for weights in self._both()]
        return self._figure(*paid)

    def ours(self) -> Figure:
        return self._figure(*(_pay(weights, self.reward) for weights in self._both()))

    def _both(self) -> tuple[list[int], list[int]]:
        first, others = self.weights[0], self.weights[1:]
        each, rest = divmod(first, self.parts)
        split = [each + (part < rest) for part in range(self.parts)]
        return self.weights, split + others

    def _figure(self, whole: list[int], split: list[int]) -> Figure:
        one, many = whole[0], sum(split[: self.parts])
        text = f"{one / self.reward:.1%} of the reward whole, {many / self.reward:.1%} in parts"
        return Figure(text=text, harms=many > one)


class OneGpu(Incident):
    """One GPU as two nodes. It does harm where they weigh more than it did."""

    weights: Few
    full_weight: Weight

    def theirs(self) -> Figure:
        return self._figure(self.weights)

    def ours(self) -> Figure:
        return self._figure(timeslot.cap_preserved(self.weights, self.full_weight))

    def _figure(self, weights: list[int]) -> Figure:
        text = f"nodes weigh {weights}, of a GPU of {self.full_weight}"
        return Figure(text=text, harms=sum(weights) > self.full_weight)


class DeadNode(Incident):
    """A node that died after its first round. It does harm where it weighs in most epochs."""

    epochs: Annotated[int, Field(ge=4, le=10_000)]
    max_consecutive_preserved_epochs: Annotated[int, Field(ge=1, le=100)]

    def theirs(self) -> Figure:
        # Who was preserved did not prove, and whoever did not fail a proof was preserved.
        return self._figure(self.epochs)

    def ours(self) -> Figure:
        unchanged = np.array([False])
        history = timeslot.new_histories(1).after(
            weight=u64(100), any_preserved=unchanged, fleet_changed=unchanged
        )
        kept = 0
        for _ in range(self.epochs):
            preserved = history.eligible(self.max_consecutive_preserved_epochs)
            kept += int(preserved[0])
            weighs = np.where(preserved, np.uint64(100), np.uint64(0))
            history = history.after(weight=weighs, any_preserved=preserved, fleet_changed=unchanged)
        return self._figure(kept)

    def _figure(self, kept: int) -> Figure:
        text = f"weighs in {kept} of {self.epochs} epochs after its death"
        return Figure(text=text, harms=2 * kept > self.epochs)


class Repeated(Incident):
    """The same claim in several batches. It does harm where more counts than was claimed once."""

    lane_next: Annotated[list[Annotated[int, Field(ge=1, le=2**32)]], Field(min_length=1)]
    count: Annotated[int, Field(ge=1, le=1_000_000)]
    batches: Annotated[int, Field(ge=2, le=64)]

    def theirs(self) -> Figure:
        return self._figure(self.count * self.batches)

    def ours(self) -> Figure:
        limits = commit.Limits(
            lanes=len(self.lane_next),
            max_batches_per_node=self.batches,
            max_nonces_per_node=self.count * self.batches,
            valid_fraction=fixed.ONE // 10,
        )
        state, refused = commit.State(), ""
        for number in range(1, self.batches + 1):
            batch = commit.Batch(
                batch_id=state.last_id + 1,
                count=self.count,
                root=number.to_bytes(32, "big"),
                lane_next=tuple(self.lane_next),
            )
            try:
                state = commit.accept(state, batch, limits)
            except BatchError as error:
                refused = f", the others are refused: {error.code}"
        return self._figure(state.claimed, refused)

    def _figure(self, claimed: int, rest: str = "") -> Figure:
        return Figure(text=f"{claimed} nonces count{rest}", harms=claimed > self.count)


class Page(Incident):
    """Settlement that reads one page. It does harm where a host with weight gets nothing."""

    hosts: Annotated[int, Field(ge=1, le=1_000_000)]
    page: Count
    reward: Annotated[int, Field(ge=1, le=2**60)]

    def theirs(self) -> Figure:
        return self._figure(_pay([1] * self.hosts, self.reward)[: self.page])

    def ours(self) -> Figure:
        return self._figure(_pay([1] * self.hosts, self.reward))

    def _figure(self, amounts: list[int]) -> Figure:
        paid = sum(1 for amount in amounts if amount)
        return Figure(text=f"{paid} of {self.hosts} hosts are paid", harms=paid < self.hosts)


class StuckPrice(Incident):
    """A price that has to rise by 2 % under full load. It does harm where it stays."""

    price: Annotated[int, Field(ge=1, le=price.MAX_PRICE // 2)]

    def theirs(self) -> Figure:
        return self._figure(self.price + self.price * 2 // 100)

    def ours(self) -> Figure:
        return self._figure(price.next_price(self.price, real=1, expected=1))

    def _figure(self, after: int) -> Figure:
        return Figure(text=f"{self.price} becomes {after}", harms=after <= self.price)


class Flagged(Incident):
    """An honest host that errs. It does harm if it is flagged once in a hundred checks.

    How often it errs is the proof's matter: in floats as often as `mismatch`, which the rule that
    failed tolerates; in integers, which ours proves with, as often as `integer_mismatch`. Limits
    and samples of ours are the chain's defaults.
    """

    mismatch: Decimal
    sample: Annotated[int, Field(ge=1, le=poc.MAX_SAMPLE)]
    integer_mismatch: Decimal

    def theirs(self) -> Figure:
        # Flagged as soon as the sample shows more errors than are tolerated on the average.
        errs = _share(self.mismatch)
        return self._figure(self.sample, math.floor(errs * self.sample) + 1, errs)

    def ours(self) -> Figure:
        p = preset("default")
        sample = p.integer("sample_size")
        limit = poc.fraud_limit(sample, p.decimal("p_mismatch"), p.decimal("fraud_threshold"))
        return self._figure(sample, limit, _share(self.integer_mismatch))

    def _figure(self, sample: int, limit: int, errs: Fraction) -> Figure:
        flagged = _tail(sample, errs, limit)
        text = (
            f"flagged from {limit} errors of {sample} on: a host that errs in {float(errs):.3g} "
            f"of its claims in {float(flagged):.2g} of checks"
        )
        return Figure(text=text, harms=flagged > Fraction(1, 100))


def _tail(sampled: int, share: Fraction, least: int) -> Fraction:
    """P(X ≥ least) for X binomial."""
    terms = (
        math.comb(sampled, found) * share**found * (1 - share) ** (sampled - found)
        for found in range(least, sampled + 1)
    )
    return sum(terms, Fraction(0))


class Remainders(Incident):
    """What a division leaves. It does harm where more or less is paid than was minted."""

    reward: Annotated[int, Field(ge=1, le=2**60)]
    weights: Few

    def theirs(self) -> Figure:
        paid = [self.reward * w // max(1, sum(self.weights)) for w in self.weights]
        rest = self.reward - sum(paid)
        # One path gave the remainder to the last host, another to the first.
        paid[-1] += rest
        paid[0] += rest
        return self._figure(self.reward, sum(paid))

    def ours(self) -> Figure:
        paid = sum(_pay(self.weights, self.reward))
        return self._figure(paid, paid)

    def _figure(self, minted: int, paid: int) -> Figure:
        text = f"of {self.reward}, {minted} are minted and {paid} are paid"
        return Figure(text=text, harms=minted != paid)


class Juries(Incident):
    """A large host among small ones. It does harm where it alone decides over one host in ten."""

    weight: Annotated[int, Field(ge=1, le=2**40)]
    others: Annotated[int, Field(ge=1, le=2**40)]
    hosts: Annotated[int, Field(ge=1, le=10_000)]
    seats: Annotated[int, Field(ge=1, le=128)]
    seed: Annotated[int, Field(ge=0, le=2**63)]

    def theirs(self) -> Figure:
        return self._figure(by_weight=True)

    def ours(self) -> Figure:
        return self._figure(by_weight=False)

    def _figure(self, *, by_weight: bool) -> Figure:
        weight_N = u64([self.weight, *[self.others] * self.hosts])
        judged = np.arange(1, len(weight_N))
        rng = np.random.default_rng(self.seed)
        host, holder, seats = draw_juries(weight_N, judged, self.seats, rng)
        counts = weight_N[holder] if by_weight else seats
        all_J = np.bincount(host, weights=counts.astype(float), minlength=len(judged))
        large = holder == 0
        of_J = np.bincount(host[large], weights=counts[large].astype(float), minlength=len(judged))
        alone = float((of_J > all_J / 2).mean())
        share = self.weight / (self.weight + self.others * self.hosts)
        text = f"a host of {share:.1%} decides {alone:.1%} of the verdicts alone"
        return Figure(text=text, harms=alone > 0.1)


KINDS: dict[str, type[Incident]] = {
    "power_cap_to_ones": PowerCap,
    "zero_weight_neighbour": PowerCap,
    "cap_split_in_three": CapSplit,
    "one_gpu_two_nodes": OneGpu,
    "dead_node_preserved": DeadNode,
    "one_nonce_in_many_batches": Repeated,
    "settlement_of_100": Page,
    "stuck_price": StuckPrice,
    "flagged_honest_host": Flagged,
    "remainders": Remainders,
    "juries_by_weight_squared": Juries,
}
"""The incidents that are known, by the name of their table in a file."""


def read(path: Path) -> dict[str, Incident]:
    """The incidents of a file.

    Raises:
        ScenarioError: unreadable, an unknown incident or number, a number that is not legal.
    """
    tree = read_toml(path)
    if not tree:
        raise ScenarioError(f"{path}: there is no incident in it")
    return {name: _parse(name, numbers, path) for name, numbers in tree.items()}


def tell(path: Path) -> list[Told]:
    """Each incident of a file under both rules. Raises ScenarioError."""
    told: list[Told] = []
    for name, incident in read(path).items():
        try:
            theirs, ours = incident.theirs(), incident.ours()
        except SimulationError as error:
            raise ScenarioError(f"{path}: {name}: {error}") from error
        told.append(
            Told(name=name, what=incident.what, rule=incident.rule, theirs=theirs, ours=ours)
        )
    return told


def _parse(name: str, numbers: Any, path: Path) -> Incident:
    kind = KINDS.get(name)
    if kind is None:
        known = ", ".join(KINDS)
        raise ScenarioError(f"{path}: {name} is no incident that is known; those are {known}")
    try:
        return kind.model_validate(numbers)
    except ValidationError as error:
        # A key that is unknown explains the one that is missing.
        first = max(error.errors(), key=lambda one: one["type"] == "extra_forbidden")
        where = ".".join([name, *(str(part) for part in first["loc"])])
        if first["type"] == "extra_forbidden":
            legal = ", ".join(kind.model_fields)
            raise ScenarioError(f"{path}: {where} is not a key; legal are {legal}") from error
        if first["type"] == "missing":
            raise ScenarioError(f"{path}: {where} is missing") from error
        got = shown(first["input"])
        raise ScenarioError(f"{path}: {where}: {first['msg']}, got {got}") from error


def _share(text: str) -> Fraction:
    """A decimal between 0 and 1. Raises ScenarioError."""
    share = fixed.rational(text)
    if not 0 < share < 1:
        raise ScenarioError(f"a share lies between 0 and 1, got {shown(text)}")
    return share
