"""Replay of what an epoch paid: duties, settle amounts, and the subsidy's decay."""

from collections import defaultdict

import numpy as np

from simulation import fixed, reward
from simulation.arrays import u64
from simulation.errors import ReplayDifferenceError, ReplayError
from simulation.exported import Compares, Export, Row, address, flag, number

_FORFEITURES = {
    "": reward.Forfeiture.NOTHING,
    "fraud": reward.Forfeiture.FRAUD,
    "double_sign": reward.Forfeiture.DOUBLE_SIGN,
}
# Of an epoch with one of these, the chain keeps a settlement.
_PAID = ("EPOCH_STATUS_SETTLING", "EPOCH_STATUS_SETTLED")


def check_settlement(export: Export, index: int, counter: Compares) -> None:
    """Every row of an epoch's settlement follows from its weights, duties and coverage."""
    settlement, record = export.one(index, "settlement"), export.one(index, "epoch")
    amounts = export.by_host(index, "settle_amount")
    if record is None:
        return
    if index == 0:
        # Genesis earns nothing: its weights were never proven.
        for host in amounts or ([""] if settlement else []):
            counter.same(index, host, "settlement", "a row", "no row")
        return
    if settlement is None:
        if record.get("status") in _PAID or amounts:
            raise ReplayDifferenceError(index, "", "settlement", "no row", "a row")
        return
    root = next((g for g in export.of(index, "group") if not g.get("model_id")), None)
    if root is None:
        raise ReplayError("it is settled, and there is no row of kind group of its root group")
    whole = number(root, "total_weight")
    blocks = number(record, "effective_to") - number(record, "effective_from") + 1
    counter.same(index, "", "settlement total_weight", number(settlement, "total_weight"), whole)
    counter.same(index, "", "settlement blocks", number(settlement, "blocks"), blocks)
    shared = reward.Epoch(
        reward=number(settlement, "subsidy"),
        total_weight=whole,
        blocks=blocks,
        coverage_bonus=fixed.parse(record["params"]["coverage_bonus"]),
    )
    duties = {h: rows[0] for h, rows in export.by_host(index, "duty").items()}
    spread = number(record["params"], "coverage_spread")
    covered = _coverage(export, index, spread)
    forged, everybody = _forgers(export, index)
    for host, rows in amounts.items():
        row = rows[0]
        counter.same(index, host, "settled", "a row", "a row" if host in covered else "no row")
        lost = row.get("forfeited", "")
        # A double signer that forges as well keeps its first reason.
        legal = [*_FORFEITURES] if host not in forged else ["fraud", "double_sign"]
        if everybody and host not in forged:
            legal.remove("fraud")
        counter.same(index, host, "forfeited", lost, lost if lost in legal else legal[0])
        _check_amount(index, host, row, duties.get(host, {}), covered[host], shared, counter)
    paid = sum(number(rows[0], "amount") for rows in amounts.values())
    if flag(settlement, "done"):
        counter.same(index, "", "settlement minted", number(settlement, "minted"), paid)
        members = sorted(export.root(index, "member"), key=address)
        for host in members:
            there = "a row" if host in amounts else "none"
            counter.same(index, host, "settled", there, "a row")
        counter.same(index, "", "settlement after", settlement.get("after"), members[-1])
    status = "SETTLED" if flag(settlement, "done") else "SETTLING"
    counter.same(index, "", "status", record.get("status"), f"EPOCH_STATUS_{status}")


def _check_amount(
    index: int,
    host: str,
    row: Row,
    duty: Row,
    covered: tuple[int, bool],
    shared: reward.Epoch,
    counter: Compares,
) -> None:
    weight, covers = covered
    forfeited = _FORFEITURES[row.get("forfeited", "")]
    # Who was jailed, and when, is in no export.
    unjailed = number(row, "unjailed_blocks")
    counter.within(index, host, "settled unjailed_blocks", unjailed, 0, shared.blocks)
    made = reward.settle_amounts(
        shared,
        reward.Hosts(
            weight=u64(weight),
            seats_drawn=u64(number(duty, "drawn")),
            seats_cast=u64(number(duty, "cast")),
            unjailed_blocks=u64(unjailed),
            covers=np.array([covers]),
            forfeited=np.array([forfeited], np.uint8),
        ),
    )
    for field, ours in (
        ("weight", weight),
        ("seats_drawn", number(duty, "drawn")),
        ("seats_cast", number(duty, "cast")),
        ("blocks", shared.blocks),
        ("by_weight", int(made.by_weight[0])),
        ("share", int(made.share[0])),
        ("bonus", int(made.bonus[0])),
        # The chain takes no receipts yet.
        ("serving", 0),
        ("amount", int(made.total[0])),
    ):
        counter.same(index, host, f"settled {field}", number(row, field), ours)
    counter.same(index, host, "settled covers", flag(row, "covers"), covers)
    claimed = flag(row, "claimed")
    # A reward of nothing cannot be claimed.
    counter.same(index, host, "settled claimed", claimed, claimed and number(row, "amount") > 0)


def _coverage(export: Export, index: int, spread: int) -> dict[str, tuple[int, bool]]:
    """Root weight and whether it covers every model, by host."""
    weights: dict[str, dict[str, int]] = defaultdict(dict)
    for member in export.of(index, "member"):
        weights[member["_host"]][member.get("model_id", "")] = number(member, "weight")
    groups = [g for g in export.of(index, "group") if g.get("model_id")]
    models = [g["model_id"] for g in groups if number(g, "total_weight") > 0]
    out: dict[str, tuple[int, bool]] = defaultdict(lambda: (0, False))
    for host, held in weights.items():
        by_model = np.array([[held.get(m, 0) for m in models]], np.uint64).reshape(1, -1)
        _, covers = reward.coverage(u64(held.get("", 0)), by_model, spread)
        out[host] = held.get("", 0), bool(covers[0])
    return out


def _forgers(export: Export, index: int) -> tuple[set[str], bool]:
    """Hosts found to forge in a round that this epoch judged; whether these are all of them."""
    rounds = [e for e in export.epochs if e > 0 and _judged_by(export, e) == index]
    rows = [r for e in rounds for r in export.of(e, "host_outcome")]
    forged = {r["_host"] for r in rows if r.get("outcome") == "OUTCOME_FRAUD"}
    # Of a round that was abandoned the outcomes may be gone.
    took_over = number(export.one(index + 1, "epoch") or {}, "effective_from") > 0
    return forged, took_over and bool(rows)


def _judged_by(export: Export, index: int) -> int:
    return number(export.one(index, "epoch") or {}, "judged_by")


def check_duties(export: Export, counter: Compares) -> None:
    """Seats drawn and cast of every member, where all rounds that it judged are here."""
    for index in export.epochs:
        # Of genesis, which pays nothing, no settlement tells that all its rounds are judged.
        over = index == 0 and (export.one(0, "epoch") or {}).get("status") == _PAID[-1]
        if export.one(index, "settlement") is None and not over:
            continue
        drawn: dict[str, int] = defaultdict(int)
        cast: dict[str, int] = defaultdict(int)
        rounds = [e for e in export.epochs if e > 0 and _judged_by(export, e) == index]
        statuses = {(export.one(of, "epoch") or {}).get("status") for of in rounds}
        if "EPOCH_STATUS_ABANDONED" in statuses:
            continue  # a formation that was cut off counted the duties of some hosts alone
        for of in rounds:
            heard = _heard(export, of)
            for seat in export.of(of, "seat"):
                if seat["_host"] in heard:
                    drawn[seat["holder"]] += number(seat, "seats")
            for verdict in export.of(of, "verdict"):
                cast[verdict["holder"]] += number(verdict, "seats")
        if not any(export.of(of, "seat") for of in rounds):
            continue
        duties = {h: rows[0] for h, rows in export.by_host(index, "duty").items()}
        for host in sorted({*duties, *drawn, *cast}):
            duty = duties.get(host, {})
            counter.same(index, host, "duty drawn", number(duty, "drawn"), drawn[host])
            counter.same(index, host, "duty cast", number(duty, "cast"), cast[host])


def _heard(export: Export, index: int) -> set[str]:
    """Hosts that had a jury: a question for anybody's is answered, whatever it claimed."""
    unjudged = ("OUTCOME_NO_BATCH", "OUTCOME_BELOW_MINIMUM")
    rows = export.of(index, "host_outcome")
    return {r["_host"] for r in rows if r.get("outcome") not in unjudged}


def check_subsidies(export: Export, counter: Compares) -> None:
    """The subsidy decays once per settled epoch, and minting stays below its cap.

    Behind a gap between the epochs it is taken as it stands.
    """
    settled = [e for e in export.epochs if e > 0 and export.one(e, "settlement")]
    minted = 0
    subsidy: int | None = None
    before = 0
    for index in settled:
        if not set(range(before + 1, index)) <= set(export.epochs):
            subsidy = None
        before = index
        settlement, record = export.one(index, "settlement"), export.one(index, "epoch")
        if settlement is None or record is None:
            continue
        of = record["params"]
        if index == 1:
            subsidy = number(of, "initial_epoch_subsidy")
        paid = number(settlement, "subsidy")
        if subsidy is not None:
            # Without the first epochs what was minted before is unknown, and only bounds.
            ours = reward.epoch_reward(
                subsidy=subsidy,
                minted_total=minted,
                max_supply=number(of, "max_supply"),
                coverage_bonus=fixed.parse(of["coverage_bonus"]),
            )
            counter.same(index, "", "settlement subsidy", paid, ours)
        subsidy = reward.next_subsidy(
            paid if subsidy is None else subsidy, fixed.parse(of["decay_factor"])
        )
        minted += number(settlement, "minted")
