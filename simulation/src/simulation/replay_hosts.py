"""Replay of hosts in a round: from their commitments, seats and verdicts to their weights."""

from collections import defaultdict

import numpy as np

from simulation import draw, fixed, params, poc, weight
from simulation.arrays import owners, u64
from simulation.errors import (
    DrawError,
    JudgementError,
    OverflowU64Error,
    ReplayDifferenceError,
)
from simulation.exported import (
    Compares,
    Export,
    Row,
    address,
    as_the_chain_runs,
    data,
    flag,
    number,
)


def check_outcomes(export: Export, index: int, counter: Compares) -> None:
    """Of an epoch that was formed, whoever sent, was judged or weighs anything has an outcome."""
    if not export.of(index, "group"):
        return
    told = export.by_host(index, "host_outcome")
    for kind in ("batch", "seat", "verdict", "node_outcome", "node", "member"):
        for host in export.by_host(index, kind):
            there = "a row" if host in told else "no row"
            counter.same(index, host, "host_outcome", there, "a row")


def check_hosts(export: Export, index: int, judged_by: int | None, counter: Compares) -> None:
    """Every host's jury, outcome, credit and weights; without judged_by as far as that goes."""
    record = export.one(index, "epoch") or {}
    host_rows = export.by_host(index, "host_outcome")
    scale, jailed = (1, 1), frozenset[str]()
    if judged_by is not None:
        scale, jailed = _scale(export, index, judged_by), _left_out(export, index, judged_by)
    for host, rows in host_rows.items():
        facts = export, index, judged_by, host, rows[0], record["params"], scale, jailed
        try:
            _Host(*facts).check(counter)
        except (DrawError, JudgementError, OverflowU64Error) as error:
            chain = rows[0].get("outcome")
            raise ReplayDifferenceError(index, host, "outcome", chain, f"none: {error}") from error


def _scale(export: Export, index: int, judged_by: int) -> tuple[int, int]:
    """Claims of hosts accepted in both epochs, where the proof changed; else 1/1."""
    now, then = (export.one(e, "epoch") or {} for e in (index, judged_by))
    if _proof(now["params"]) == _proof(then["params"]):
        return 1, 1
    sums = [0, 0]
    before = export.by_host(judged_by, "host_outcome")
    for host, rows in export.by_host(index, "host_outcome").items():
        pair = rows[0], (before.get(host) or [{}])[0]
        if all(r.get("outcome") == "OUTCOME_ACCEPTED" for r in pair):
            sums = [s + number(r, "claimed") for s, r in zip(sums, pair, strict=True)]
    return sums[0], sums[1]


def _proof(given: Row) -> dict[str, str | int]:
    """What decides that old nonces are worth new ones; decimals by their value."""
    same = ("poc_exchange_blocks", "lanes", "poc_kind", "poc_version", "r_target")
    of = params.Params(params.flat(as_the_chain_runs(given)))
    names = [n for n in of if n in same or n.startswith("poc_model.")]
    kinds = params.table()
    return {n: of.decimal(n) if kinds[n].kind == "decimal" else of[n] for n in names}


def _left_out(export: Export, index: int, judged_by: int) -> frozenset[str]:
    """Members that hold no seat in any jury of a round: those that were jailed."""
    seated = {r["holder"] for r in export.of(index, "seat")}
    return frozenset(h for h in export.root(judged_by, "member") if h not in seated)


class _Host:
    """One host of a round, from its commitments to its weight.

    Without the epoch that judged it, its jury is taken from the rows of seats, and what it
    carried over from its own row.
    """

    def __init__(
        self,
        export: Export,
        index: int,
        judged_by: int | None,
        host: str,
        chain: Row,
        parameters: Row,
        scale: tuple[int, int],
        jailed: frozenset[str],
    ) -> None:
        self.export, self.index, self.judged_by = export, index, judged_by
        self.host, self.chain, self.parameters = host, chain, parameters
        self.scale, self.jailed = scale, jailed
        self.batches = export.by_host(index, "batch").get(host, [])
        self.claims: dict[str, int] = defaultdict(int)
        for stored in self.batches:
            self.claims[stored["batch"]["node_id"]] += number(stored["batch"], "count")

    def check(self, counter: Compares) -> None:
        claimed = sum(self.claims.values())
        self._same(counter, "claimed", claimed)
        judged, tally, basis = self._judge(claimed, counter)
        outcome = poc.Outcome(int(judged.outcome[0]))
        counter.same(
            self.index, self.host, "outcome", self.chain.get("outcome"), f"OUTCOME_{outcome.name}"
        )
        self._same(counter, "credited", int(judged.credited[0]))
        for field, value in tally.items():
            self._same(counter, field, value)
        credits_ = zip(("credit_sampled", "credit_invalid"), basis, strict=True)
        for field, value in credits_:
            self._same(counter, field, value if outcome is poc.Outcome.ACCEPTED else 0)
        self._weigh(claimed, judged, counter)

    def _same(self, counter: Compares, field: str, ours: int) -> None:
        counter.same(self.index, self.host, field, number(self.chain, field), ours)

    def _judge(
        self, claimed: int, counter: Compares
    ) -> tuple[poc.Judgements, dict[str, int], tuple[int, int]]:
        of = self.parameters
        members = self._before("member")
        least = number(of, "min_host_nonces")
        heard = claimed >= max(1, least)
        electorate, drawn = self._check_jury(members, counter) if heard else (0, 0)
        # A sole member is judged by nobody.
        alone = heard and not drawn and self.chain.get("outcome") == "OUTCOME_ACCEPTED"
        is_member = number((members.get(self.host) or [{}])[0], "weight") > 0
        kinds: dict[poc.Kind, int] = dict.fromkeys(poc.Kind, 0)
        opened: list[tuple[bytes, Row]] = []
        verdicts = self.export.by_host(self.index, "verdict").get(self.host, []) if heard else []
        for stored in verdicts:
            verdict = stored["verdict"]
            size = min(number(of, "sample_size"), claimed)
            counter.same(self.index, self.host, "verdict.sampled", number(verdict, "sampled"), size)
            kind = poc.verdict_kind(
                sampled=size,
                invalid=number(verdict, "invalid"),
                unavailable=flag(verdict, "unavailable"),
                structural=flag(verdict, "structural"),
                mismatch=fixed.parse(of["p_mismatch"]),
                threshold=fixed.parse(of["fraud_threshold"]),
            )
            kinds[kind] += number(stored, "seats")
            if kind is not poc.Kind.UNAVAILABLE:
                opened.append((address(stored["holder"]), stored))
        sampled, invalid = self._basis(opened)
        judged = poc.judge(
            poc.Cases(
                claimed=u64(claimed),
                min_host_nonces=least,
                electorate=u64(electorate),
                seats=u64(drawn),
                member=np.array([is_member or (self.judged_by is None and alone)]),
                carried=weight.scaled_each(u64(self._carried()), *self.scale),
                honest=u64(kinds[poc.Kind.HONEST]),
                fraud=u64(kinds[poc.Kind.FRAUD]),
                unavailable=u64(kinds[poc.Kind.UNAVAILABLE]),
                basis_sampled=sampled,
                basis_invalid=invalid,
            )
        )
        tally = {
            "seats_drawn": drawn,
            "seats_honest": kinds[poc.Kind.HONEST],
            "seats_fraud": kinds[poc.Kind.FRAUD],
            "seats_unavailable": kinds[poc.Kind.UNAVAILABLE],
        }
        return judged, tally, (int(sampled[0]), int(invalid[0]))

    def _basis(self, opened: list[tuple[bytes, Row]]) -> tuple[np.ndarray, np.ndarray]:
        opened = sorted(opened, key=lambda pair: pair[0])
        rows = [stored for _, stored in opened]
        return poc.trimmed_basis(
            poc.Findings(
                host=np.zeros(len(rows), np.int64),
                holder=np.arange(len(rows), dtype=np.int64),
                seats=np.array([number(r, "seats") for r in rows], np.uint64),
                sampled=np.array([number(r["verdict"], "sampled") for r in rows], np.uint64),
                invalid=np.array([number(r["verdict"], "invalid") for r in rows], np.uint64),
            ),
            1,
        )

    def _check_jury(self, members: dict[str, list[Row]], counter: Compares) -> tuple[int, int]:
        """Electorate and drawn seats, after every seat was drawn again where that can be."""
        seats = self.export.by_host(self.index, "seat").get(self.host, [])
        chain = {r["holder"]: number(r, "seats") for r in seats}
        electorate, ours = (
            (int(bool(chain)), chain) if self.judged_by is None else self._draw_jury(members)
        )
        counter.same(self.index, self.host, "jury", chain, ours)
        for stored in self.export.by_host(self.index, "verdict").get(self.host, []):
            held = ours.get(stored["holder"], 0)
            counter.same(self.index, self.host, "verdict.seats", number(stored, "seats"), held)
        return electorate, sum(ours.values())

    def _draw_jury(self, members: dict[str, list[Row]]) -> tuple[int, dict[str, int]]:
        """The electorate, and the seats of each holder."""
        ranked = sorted((number(rows[0], "index"), h, rows[0]) for h, rows in members.items())
        weights = [number(row, "weight") for _, _, row in ranked]
        ends: list[int] = np.cumsum(np.array(weights, object)).tolist() if weights else []
        out = {self.host} | self.jailed
        seed = data(self.export.one(self.index, "round") or {}, "sampling_seed")
        panel = draw.jury(
            seed=seed,
            host=address(self.host),
            cumulative=ends,
            excluded=[
                (ends[i] - weights[i], weights[i])
                for i, (_, host, _) in enumerate(ranked)
                if host in out
            ],
            seats=number(self.parameters, "seats_per_host"),
        )
        return panel.electorate, {ranked[rank][1]: seats for rank, seats in panel.seats.items()}

    def _before(self, kind: str) -> dict[str, list[Row]]:
        """Rows of the root group of the epoch that judged; none where it is not in the file."""
        return self.export.root(self.judged_by, kind) if self.judged_by is not None else {}

    def _carried(self) -> int:
        if self.judged_by is None:
            return number(self.chain, "credited")
        rows = self.export.by_host(self.judged_by, "host_outcome").get(self.host, [{}])
        accepted = rows[0].get("outcome") == "OUTCOME_ACCEPTED"
        return number(rows[0], "credited") if accepted else 0

    def _weigh(self, claimed: int, judged: poc.Judgements, counter: Compares) -> None:
        rows = self.export.by_host(self.index, "node_outcome").get(self.host, [])
        standings = {"REMOVED": weight.Standing.GONE, "NOT_IN_FLEET": weight.Standing.LATE}
        reasons = [str(r.get("reason", "")).removeprefix("WEIGHT_REASON_") for r in rows]
        before = {r["info"]["node_id"]: r for r in self._before("node").get(self.host, [])}
        if self.judged_by is None:
            # A node that served kept the weight that stands in its row.
            before = {r["node_id"]: {"info": {"poc_weight": r.get("weight", 0)}} for r in rows}
        serving = self._serving(rows)
        ids = [r["node_id"] for r in rows]
        self._check_nodes(rows, reasons, serving, counter)
        made = weight.compute_new_weights(
            claimed_N=u64(claimed),
            jailed_N=np.array([self.chain.get("reason") == "WEIGHT_REASON_JAILED"]),
            judged=judged,
            nodes=weight.Nodes(
                owners=owners(np.zeros(len(rows), np.int64), 1),
                standing=np.array([standings.get(r, 0) for r in reasons], np.uint8),
                claimed=np.array([self.claims.get(i, 0) for i in ids], np.uint64),
                serves=np.array([i in serving for i in ids], np.bool_),
                carried=np.array(
                    [number(before.get(i, {}).get("info", {}), "poc_weight") for i in ids],
                    np.uint64,
                ),
            ),
            scale=self.scale,
        )
        name = weight.Reason(int(made.reason[0])).name
        counter.same(
            self.index, self.host, "reason", self.chain.get("reason"), f"WEIGHT_REASON_{name}"
        )
        for field, values in (
            ("mined_weight", made.mined),
            ("preserved_weight", made.preserved),
            ("weight", made.weight),
        ):
            self._same(counter, field, int(values[0]))
        for i, row in enumerate(rows):
            where = f"node {row['node_id']}"
            ours = weight.Reason(int(made.node_reason[i])).name
            for field, chain, value in (
                ("claimed", number(row, "claimed"), self.claims.get(row["node_id"], 0)),
                ("weight", number(row, "weight"), int(made.node_weight[i])),
                ("reason", reasons[i], ours),
            ):
                counter.same(self.index, self.host, f"{where} {field}", chain, value)

    def _check_nodes(
        self, rows: list[Row], reasons: list[str], serving: set[str], counter: Compares
    ) -> None:
        """The nodes of a fleet are numbered through, and those that serve claim nothing."""
        pairs = list(zip(rows, reasons, strict=True))
        fleet = [r for r, reason in pairs if reason not in ("REMOVED", "NOT_IN_FLEET")]
        fleet.sort(key=lambda row: number(row, "node_index"))
        ranks = {row["node_id"]: rank for rank, row in enumerate(fleet)}
        for row in rows:
            where = f"node {row['node_id']} node_index"
            ours = ranks.get(row["node_id"], 0)
            counter.same(self.index, self.host, where, number(row, "node_index"), ours)
        for node, claimed in self.claims.items():
            where = f"node {node} timeslot_allocation"
            slot = "POC_SLOT" if node in serving else "no POC_SLOT"
            ours = f"no POC_SLOT, for it claims {claimed}"
            counter.same(self.index, self.host, where, slot, ours if node in serving else slot)
            there = "in the fleet" if node in ranks else "not in the fleet"
            counter.same(self.index, self.host, f"node {node} reason", there, "in the fleet")

    def _serving(self, outcomes: list[Row]) -> set[str]:
        """Nodes that held POC_SLOT, by their row in the subgroup they belong to."""
        if self.judged_by is None:
            kept = "WEIGHT_REASON_PRESERVED"
            return {r["node_id"] for r in outcomes if r.get("reason") == kept}
        rows = self.export.by_host(self.judged_by, "node").get(self.host, [])
        return {
            r["info"]["node_id"]
            for r in rows
            if r.get("model_id") and (r["info"].get("timeslot_allocation") or [0, 0])[1:] == [True]
        }
