"""Every golden vector of the chain, read without Go."""

import json
from collections.abc import Callable
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import pytest

from simulation import (
    commit,
    draw,
    epoch,
    fixed,
    params,
    poc,
    price,
    reward,
    throughput,
    timeslot,
    weight,
)
from simulation.arrays import owners, u64
from simulation.errors import SimulationError

FOLDER = params.vectors_folder()


def vectors(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / f"{name}.json").read_text())


def check(expected: dict[str, Any], read: Callable[[Any], Any], make: Any, *args: Any) -> None:
    """A result, or that there is an error; texts of errors are each side's own."""
    if "error" in expected:
        with pytest.raises(SimulationError):
            make(*args)
    else:
        assert make(*args) == read(expected["value"])


def first(function: Callable[..., Any]) -> Callable[..., int]:
    """A function of arrays as one of scalars."""
    return lambda *args: int(function(*args)[0])


def ints(values: list[str]) -> list[int]:
    return [int(v) for v in values]


def test_every_file_of_vectors_has_a_reader() -> None:
    twins = [
        "commit",
        "draw",
        "epoch",
        "fixed",
        "params",
        "poc",
        "price",
        "reward",
        "throughput",
        "timeslot",
        "weight",
    ]
    # The network of the proof is the mlnode's.
    assert {f.stem for f in FOLDER.glob("*.json")} == {*twins, "exact8"}


def test_fixed() -> None:
    file = vectors("fixed")
    for case in file["mul_div"]:
        a, b, c = int(case["a"]), int(case["b"]), int(case["c"])
        check(case["floor"], int, fixed.mul_div_floor, a, b, c)
        check(case["ceil"], int, fixed.mul_div_ceil, a, b, c)
        check(case["floor"], int, first(fixed.floor_each), u64(a), b, c)
        check(case["ceil"], int, first(fixed.ceil_each), u64(a), b, c)
    for case in file["decimals"]:
        check(case["units"], int, fixed.parse, case["text"])
        if "value" in case["units"]:
            assert fixed.parse(fixed.text(int(case["units"]["value"]))) == int(
                case["units"]["value"]
            )
    for case in file["cq"]:
        check(case["cq"], int, fixed.cq_from_r_target, case["r_target"])
    for case in file["fractions"]:
        r, n = fixed.parse(case["r_target"]), int(case["outputs"])
        check(case["fraction"], int, fixed.fraction_from_r_target, r, n)


def test_draw() -> None:
    file = vectors("draw")
    for case in file["streams"]:
        fields = [bytes.fromhex(f) for f in case["fields"]]
        stream = draw.Stream(case["domain"], *fields)
        assert [stream.word() for _ in case["words"]] == ints(case["words"])
        blocks = stream.words_from(0, 3)[: len(case["words"])]
        assert blocks.tolist() == ints(case["words"])
    for case in file["uniform"]:
        stream = draw.slot_stream(bytes.fromhex(case["seed"]), case["model"])
        assert [stream.uniform(int(case["n"])) for _ in case["draws"]] == ints(case["draws"])
    for case in file["distinct"]:
        seed, holder, host = (bytes.fromhex(case[k]) for k in ("seed", "holder", "host"))
        got = draw.sample(seed, holder, host, int(case["size"]), int(case["claims"]))
        assert got == ints(case["indices"])
    for case in file["juries"]:
        cumulative = list(accumulate(ints(case["weights"])))
        weights = ints(case["weights"])
        panel = draw.jury(
            seed=bytes.fromhex(case["seed"]),
            host=bytes.fromhex(case["host"]),
            cumulative=cumulative,
            excluded=[(cumulative[r] - weights[r], weights[r]) for r in case["excluded_ranks"]],
            seats=int(case["seats"]),
        )
        assert panel.electorate == int(case["electorate"])
        assert panel.seats == {s["rank"]: int(s["count"]) for s in case["panel"] or []}


def lengths(case: dict[str, str]) -> epoch.Lengths:
    return epoch.Lengths(**{k: int(v) for k, v in case.items()})


def test_epoch() -> None:
    file = vectors("epoch")
    for case in file["cycles"]:
        of = lengths(case["lengths"])
        make = epoch.genesis if case["genesis"] else epoch.open_epoch
        heights = make(int(case["from"]), of)
        assert of.poc_period == int(case["poc_period"])
        assert of.generation == int(case["generation"])
        assert {k: str(getattr(heights, k)) for k in case["heights"]} == case["heights"]
        for window in case["windows"]:
            bounds = int(window["first"]), int(window["last"])
            name = window["name"]
            if name in epoch.Stage.__members__:
                assert heights.window(epoch.Stage[name]) == bounds
                for height in {bounds[0], bounds[1]} if bounds[0] <= bounds[1] else ():
                    assert heights.stage_at(height) is epoch.Stage[name]
            elif name in ("batches", "verdicts"):
                assert getattr(heights, name) == bounds
            else:
                assert name in ("effective", "signed", "allocation") or "allocation" in name, name
    for case in file["formed_per_block"]:
        of = epoch.Lengths(
            poc_exchange_blocks=2,
            poc_validation_exchange_blocks=4,
            model_loading_blocks=int(case["model_loading_blocks"]),
            inference_blocks=14,
        )
        made = of.formed_per_block(int(case["formation_hosts_per_block"]), int(case["hosts"]))
        assert made == int(case["formed_per_block"])
    for chain in file["chain"]:
        replay_chain(chain)


def replay_chain(chain: dict[str, Any]) -> None:
    """Parameters freeze one opening before they act."""
    changes = [(int(c["height"]), lengths(c["lengths"])) for c in chain["changes"]]

    def live(height: int) -> epoch.Lengths:
        past = [of for at, of in changes if at <= height]
        return past[-1] if past else lengths(chain["genesis"])

    heights = epoch.genesis(int(chain["initial_height"]), lengths(chain["genesis"]))
    waiting = lengths(chain["genesis"])
    for case in chain["epochs"]:
        assert {k: str(getattr(heights, k)) for k in case["heights"]} == case["heights"]
        opens = heights.next_poc_start
        current, waiting = waiting, live(opens)
        heights = epoch.open_epoch(opens, current)


def test_params() -> None:
    file = vectors("params")
    for name, values in file["presets"].items():
        assert dict(params.preset(name)) == params.flat(values)
    for case in file["ffn_widths"]:
        check(case["width"], int, params.ffn_width, case["model"])
    for case in file["refused"]:
        with pytest.raises(SimulationError) as caught:
            params.Params(params.flat(case["given"]))
        words = case["error"].removeprefix("parameter out of range: ").split(", got ")[0]
        assert str(caught.value).startswith(words)


COMMIT_CODES = {
    "gap": "batch id leaves a gap",
    "conflict": "batch id is taken",
    "repeated": "batch is stored already",
    "too_many_batches": "too many batches",
    "root_size": "root has the wrong size",
    "lane_count": "lane_next has the wrong number",
    "lane_bound": "lane_next out of range",
    "lane_falls": "lane_next falls",
    "count": "count out of range",
    "count_of_range": "count exceeds",
    "too_many_nonces": "too many nonces",
    "sparse": "claims are sparser",
}


def test_commit() -> None:
    file = vectors("commit")
    for case in file["nonces"]:
        facts = {k: int(case[k]) for k in ("node_index", "node_count", "lanes", "lane", "k")}
        check(case["nonce"], int, lambda of: commit.nonce(**of), facts)
        check(case["position"], int, commit.position, facts["lane"], facts["k"])
    for case in file["dense"]:
        c, w, p = (int(case[k]) for k in ("claims", "walked", "valid_fraction"))
        assert commit.dense(c, w, p) is case["dense"]
        if max(c, w) < 2**50:
            assert bool(commit.dense_each(u64(c), u64(w), p)[0]) is case["dense"]
    for history in file["batches"]:
        limits = commit.Limits(**{k: int(history[k]) for k in commit.Limits.__dataclass_fields__})
        state = commit.State()
        for case in history["submitted"]:
            batch = commit.Batch(
                batch_id=int(case["batch_id"]),
                count=int(case["count"]),
                root=bytes(32),
                lane_next=tuple(ints(case["lane_next"])),
            )
            if "error" in case["claimed"]:
                with pytest.raises(SimulationError) as caught:
                    commit.accept(state, batch, limits)
                code = caught.value.code  # type: ignore[attr-defined]
                assert case["claimed"]["error"].startswith(COMMIT_CODES[code])
            else:
                state = commit.accept(state, batch, limits)
                assert state.claimed == int(case["claimed"]["value"])


def test_poc() -> None:
    file = vectors("poc")
    for case in file["samples"]:
        seed, holder, host = (bytes.fromhex(case[k]) for k in ("seed", "holder", "host"))
        batches = [
            (int(b["node_index"]), int(b["batch_id"]), int(b["count"])) for b in case["batches"]
        ]
        got = poc.sample(seed, holder, host, int(case["sample_size"]), batches)
        keys = ("claim", "node_index", "batch_id", "leaf")
        assert got == [tuple(int(leaf[k]) for k in keys) for leaf in case["leaves"]]
    for case in file["fraud_limits"]:
        keys = ("sampled", "p_mismatch", "fraud_threshold")
        assert poc.fraud_limit(*(int(case[k]) for k in keys)) == int(case["fraud_from"])
    for case in file["work_proofs"]:
        holder, host = bytes.fromhex(case["holder"]), bytes.fromhex(case["host"])
        digests = [bytes.fromhex(d) for d in case["digests"]]
        proof = poc.work_proof(holder, host, int(case["epoch"]), digests)
        assert proof.hex() == case["work_proof"]
    for case in file["tallies"]:
        facts = [u64(int(case[k])) for k in ("drawn", "honest", "fraud", "unavailable")]
        assert poc.Outcome(int(poc.outcomes(*facts)[0])).name.lower() == case["outcome"]
    for case in file["credits"]:
        sampled, invalid = poc.trimmed_basis(findings(case["findings"]), 1)
        assert (int(sampled[0]), int(invalid[0])) == (int(case["sampled"]), int(case["invalid"]))
        credited = poc.credits_each(u64(int(case["claimed"])), sampled, invalid)
        assert int(credited[0]) == int(case["credited"])


def findings(rows: list[dict[str, Any]]) -> poc.Findings:
    order = sorted({r["holder"] for r in rows})
    return poc.Findings(
        host=np.zeros(len(rows), np.int64),
        holder=np.array([order.index(r["holder"]) for r in rows], np.int64),
        seats=np.array([int(r["seats"]) for r in rows], np.uint64),
        sampled=np.array([int(r["sampled"]) for r in rows], np.uint64),
        invalid=np.array([int(r["invalid"]) for r in rows], np.uint64),
    )


def kind(ballot: dict[str, Any]) -> str:
    return poc.verdict_kind(
        sampled=int(ballot["sampled"]),
        invalid=int(ballot["invalid"]),
        unavailable=ballot["unavailable"],
        structural=ballot["structural"],
        mismatch=fixed.parse("0.0005"),
        threshold=fixed.parse("0.0000001"),
    ).name.lower()


def test_verdicts_and_judgements() -> None:
    file = vectors("poc")
    for case in file["verdicts"]:
        assert kind(case) == case["kind"]
    for case in file["judgements"]:
        kinds = [kind(b) for b in case["ballots"]]
        seats = {
            k: sum(int(b["seats"]) for b, of in zip(case["ballots"], kinds, strict=True) if of == k)
            for k in ("honest", "fraud", "unavailable")
        }
        opened = [b for b, of in zip(case["ballots"], kinds, strict=True) if of != "unavailable"]
        sampled, invalid = poc.trimmed_basis(findings(opened), 1)
        made = poc.judge(
            poc.Cases(
                claimed=u64(int(case["claimed"])),
                min_host_nonces=int(case["min_host_nonces"]),
                electorate=u64(int(case["electorate"])),
                seats=u64(int(case["seats"])),
                member=np.array([case["member"]]),
                carried=u64(int(case["carried"])),
                basis_sampled=sampled,
                basis_invalid=invalid,
                **{k: u64(v) for k, v in seats.items()},
            )
        )
        got = poc.Outcome(int(made.outcome[0])).name.lower(), bool(made.sole_member[0])
        assert (*got, int(made.credited[0])) == (
            case["outcome"],
            case["sole_member"],
            int(case["credited"]),
        ), case["name"]


def test_reward() -> None:
    file = vectors("reward")
    for case in file["epoch_reward"]:
        facts = {k: int(case[k]) for k in ("subsidy", "minted_total", "max_supply")}
        bonus = fixed.parse(case["coverage_bonus"])
        assert reward.epoch_reward(**facts, coverage_bonus=bonus) == int(case["reward"])
    subsidies = ints(file["decay"]["subsidies"])
    for before, after in pairwise(subsidies):
        assert reward.next_subsidy(before, fixed.parse(file["decay"]["decay_factor"])) == after
    for case in file["settle"]:
        settle_like(case)
    for case in file["coverage"]:
        weights = np.array([ints(case["weights"])], np.uint64).reshape(1, -1)
        covered, covers = reward.coverage(
            u64(int(case["root_weight"])), weights, int(case["coverage_spread"])
        )
        assert (covered[0].tolist(), bool(covers[0])) == (case["covered"], case["covers"])


def settle_like(case: dict[str, Any]) -> None:
    shared = {k: int(case[k]) for k in ("reward", "total_weight", "blocks")}
    names = {"": 0, "fraud": 1, "double_sign": 2}

    def settle() -> dict[str, Any]:
        made = reward.settle_amounts(
            reward.Epoch(**shared, coverage_bonus=fixed.parse(case["coverage_bonus"])),
            reward.Hosts(
                weight=u64(int(case["weight"])),
                seats_drawn=u64(int(case["seats_drawn"])),
                seats_cast=u64(int(case["seats_cast"])),
                unjailed_blocks=u64(int(case["unjailed_blocks"])),
                covers=np.array([case["covers"]]),
                forfeited=np.array([names[case["forfeited"]]], np.uint8),
            ),
        )
        steps = ("by_weight", "by_duty", "by_presence", "share", "bonus", "total")
        out: dict[str, Any] = {k: str(getattr(made, k)[0]) for k in steps}
        return out | {"reason": reward.Reason(int(made.reason[0])).name.lower()}

    check(case["settlement"], dict, settle)


def test_weight() -> None:
    file = vectors("weight")
    for case in file["node_credits"]:
        facts = [u64(int(case[k])) for k in ("claimed_node", "credited", "claimed")]
        assert int(poc.node_credits(*facts)[0]) == int(case["credit"])
    for case in file["scales"]:
        got = weight.scaled_each(u64(int(case["weight"])), int(case["now"]), int(case["then"]))
        assert int(got[0]) == int(case["scaled"])
    for case in file["throughputs"]:
        got = weight.throughputs(
            u64(int(case["poc_weight"])),
            u64(int(case["throughput_per_nonce"])),
            int(case["poc_period"]),
            int(case["generation"]),
        )
        assert int(got[0]) == int(case["throughput"])
    for case in file["kept"]:
        made = weight.kept(
            formed_total=int(case["total"]),
            old_total=int(case["old_total"]),
            kept_old=int(case["kept_old"]),
            min_kept_power=int(case["min_kept_power"]),
        )
        assert made is case["kept"]
    for case in file["powers"]:
        order, powers = weight.consensus_powers(
            u64(ints(case["weights"])), int(case["max_validators"])
        )
        assert order.tolist() == case["order"]
        by_host = np.zeros(len(case["weights"]), np.uint64)
        by_host[order] = powers
        assert by_host.tolist() == ints(case["powers"])
    for case in file["hosts"]:
        form_like(case)


def form_like(case: dict[str, Any]) -> None:
    nodes = case["nodes"]
    listed = {m["id"]: int(m["throughput_per_nonce"]) for m in case["models"]}
    carried = u64([int(n["carried"]) for n in nodes])
    made = weight.compute_new_weights(
        claimed_N=u64(int(case["claimed"])),
        jailed_N=np.array([case["jailed"]]),
        judged=poc.Judgements(
            outcome=np.array([poc.Outcome[case["outcome"].upper()]], np.uint8),
            sole_member=np.array([case["sole_member"]]),
            credited=u64(int(case["credited"])),
        ),
        nodes=weight.Nodes(
            owners=owners(np.zeros(len(nodes), np.int64), 1),
            standing=np.array([weight.Standing[n["standing"].upper()] for n in nodes], np.uint8),
            claimed=u64([int(n["claimed"]) for n in nodes]),
            serves=np.array([n["poc_slot"] for n in nodes]),
            carried=carried,
        ),
        scale=(int(case["scale_now"]), int(case["scale_then"])),
    )
    assert weight.Reason(int(made.reason[0])).name.lower() == case["reason"], case["name"]
    sums = {k: str(getattr(made, k)[0]) for k in ("mined", "preserved", "weight")}
    assert sums == {k: case[k] for k in sums}, case["name"]
    for i, node in enumerate(nodes):
        assert weight.Reason(int(made.node_reason[i])).name.lower() == node["reason"]
        assert int(made.node_weight[i]) == int(node["weight"])
        models = [m for m in node["listed_models"] if m in listed] if int(node["weight"]) else []
        assert models == node["models"]
        per_nonce = u64(listed[models[0]] if models else 0)
        served = weight.throughputs(
            made.node_weight[i : i + 1],
            per_nonce,
            int(case["poc_period"]),
            int(case["generation"]),
        )
        assert int(served[0]) == int(node["throughput"])


def test_timeslot() -> None:
    file = vectors("timeslot")
    for case in file["allocations"]:
        hosts = case["hosts"]
        histories = timeslot.Histories(
            preserved_in_row=u64([int(h["preserved_in_row"]) for h in hosts]),
            full_weight=u64([int(h["full_weight"]) for h in hosts]),
            fleet_changed=np.array([h["fleet_changed"] for h in hosts], np.bool_),
        )
        timeslot.check_order([bytes.fromhex(h["address"]) for h in hosts])
        nodes = [(i, j, n) for i, h in enumerate(hosts) for j, n in enumerate(h["nodes"])]
        made = timeslot.allocate(
            seed=bytes.fromhex(case["seed"]),
            model=case["model"],
            required=int(case["required"]),
            model_total=int(case["total"]),
            max_serving_fraction=fixed.parse(case["max_serving_fraction"]),
            weight_N=u64([int(h["weight"]) for h in hosts]),
            may_N=histories.eligible(int(case["max_consecutive_preserved_epochs"])),
            host_K=np.array([i for i, _, _ in nodes], np.int64),
            throughput_K=np.array([int(n["throughput"]) for _, _, n in nodes], np.uint64),
            pending_K=np.array([n["pending"] for _, _, n in nodes], np.bool_),
        )
        picks = [{"host": nodes[k][0], "node": nodes[k][1]} for k in made.picks]
        assert picks == case["picks"], case["name"]
        assert (made.throughput, made.stop) == (int(case["throughput"]), case["stop"])
    for case in file["histories"]:
        history = timeslot.new_histories(1)
        for step in case["rounds"]:
            history = history.after(
                weight=u64(int(step["weight"])),
                any_preserved=np.array([step["any_preserved"]]),
                fleet_changed=np.array([step["fleet_changed"]]),
            )
            assert int(history.preserved_in_row[0]) == int(step["preserved_in_row"])
            assert int(history.full_weight[0]) == int(step["full_weight"])
            assert bool(history.fleet_changed[0]) is step["changed_since"]
            limit = int(case["max_consecutive_preserved_epochs"])
            assert bool(history.eligible(limit)[0]) is step["eligible"]
    for case in file["capped"]:
        weights, full = ints(case["weights"]), int(case["full_weight"])
        check(case["capped"], ints, timeslot.cap_preserved, weights, full)


def test_throughput() -> None:
    file = vectors("throughput")
    ring = throughput.Ring(int(file["ring"]["blocks"]))
    for step in file["ring"]["credits"]:
        ring.advance(int(step["newest"]))
        assert ring.holds(int(step["height"])) is step["counts"]
        if step["counts"]:
            ring.credit(int(step["height"]), int(step["tokens"]))
    for case in file["ring"]["sums"]:
        check(case["sum"], int, ring.sum, int(case["first"]), int(case["last"]))
    for case in file["measures"]:
        measured = throughput.Ring(8)
        for height, tokens in enumerate(ints(case["tokens"]), 1):
            measured.advance(height)
            measured.credit(height, tokens)
        of = [int(case[k]) for k in ("first", "last", "period")]
        check(case["throughput"], int, throughput.measure, measured, *of)
    for case in file["windows"]:
        of = lengths(case["lengths"])
        heights = (epoch.genesis if case["genesis"] else epoch.open_epoch)(int(case["from"]), of)
        before, during = (
            tuple(int(case[f"{s}_{k}"]) for k in ("first", "last")) for s in ("pre_poc", "poc")
        )
        assert throughput.pre_poc_window(heights, of.poc_period) == before
        assert throughput.poc_window(heights) == during
    for case in file["expected"]:
        before = int(case["real"]) if case["known"] else None
        assert throughput.expected(before, int(case["capacity"])) == int(case["expected"])
    for case in file["validated"]:
        facts = [u64(int(case[k])) for k in ("poc_weight", "real", "expected")]
        assert int(throughput.kept_weights(*facts)[0]) == int(case["kept"])


def test_price() -> None:
    file = vectors("price")
    for case in file["next"]:
        load = {k: int(case[k]) for k in ("real", "expected")}
        paid = int(case["unit_price"])
        check(case["next"], int, lambda p, of: price.next_price(p, **of), paid, load)
    for case in file["charges"]:
        made = price.charge(
            tokens=int(case["prompt_tokens"]) + int(case["completion_tokens"]),
            units_per_token=int(case["units_of_compute_per_token"]),
            max_cost=int(case["max_cost"]),
            price=int(case["unit_price"]),
        )
        assert made == int(case["charge"])
    for case in file["divided"]:
        amount, burn = int(case["charge"]), fixed.parse(case["serving_burn"])
        check(case["burned"], int, lambda *of: price.divide(*of)[0], amount, burn)
