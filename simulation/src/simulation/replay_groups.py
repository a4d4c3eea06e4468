"""Replay of an epoch's groups: totals, ranks, cumulative weights and throughputs."""

from collections import defaultdict

from simulation import weight
from simulation.arrays import u64
from simulation.exported import Compares, Export, Row, address, number, numbers


def check_groups(export: Export, index: int, counter: Compares) -> None:
    """Root and subgroups of an epoch follow from its nodes and outcomes."""
    groups = {g.get("model_id", ""): g for g in export.of(index, "group")}
    members = _by_model(export.of(index, "member"))
    nodes = _by_model(export.of(index, "node"))
    outcomes = {h: rows[0] for h, rows in export.by_host(index, "host_outcome").items()}
    for host, outcome in outcomes.items():
        held = [m for m in members[""] if m["_host"] == host]
        counter.same(index, host, "member weight", _sum(held, "weight"), number(outcome, "weight"))
    for host in {m["_host"] for m in members[""]} if outcomes else ():
        there = number(outcomes.get(host, {}), "weight") > 0
        counter.same(index, host, "member", "a member", "a member" if there else "none")
    if index > 0:
        _check_models(export, index, groups, counter)
    _check_nodes(export, index, nodes, counter)
    for model, group in groups.items():
        _check_group(index, model, group, members[model], nodes[model], counter)
    listed = groups.get("", {}).get("sub_group_models", [])
    counter.same(index, "", "sub_group_models", listed, sorted(m for m in groups if m))
    for model in sorted({*members, *nodes} - {*groups}):
        counter.same(index, "", f"group {model or 'root'}", "rows of it", "no such group")


def _by_model(rows: list[Row]) -> dict[str, list[Row]]:
    out: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        out[row.get("model_id", "")].append(row)
    return out


def _sum(rows: list[Row], field: str) -> int:
    return sum(number(r, field) for r in rows)


def _check_group(
    index: int, model: str, group: Row, members: list[Row], nodes: list[Row], counter: Compares
) -> None:
    where = f"group {model or 'root'}"
    counter.same(
        index, "", f"{where} total_weight", number(group, "total_weight"), _sum(members, "weight")
    )
    counter.same(index, "", f"{where} member_count", number(group, "member_count"), len(members))
    throughput = min(sum(number(n["info"], "throughput") for n in nodes), weight.MAX_THROUGHPUT)
    chain = number(group, "total_throughput")
    counter.same(index, "", f"{where} total_throughput", chain, throughput)
    for member in members:
        host = member["_host"]
        mine = [n["info"] for n in nodes if n["_host"] == host]
        chain = number(member, "weight")
        counter.same(index, host, f"{where} weight", chain, _sum(mine, "poc_weight"))
        if model:
            ranked = number(member, "index"), number(member, "cumulative_weight")
            counter.same(index, host, f"{where} rank and cumulative_weight", ranked, (0, 0))
    if not model:
        running = 0
        for rank, member in enumerate(sorted(members, key=lambda m: address(m["_host"]))):
            running += number(member, "weight")
            host = member["_host"]
            counter.same(index, host, "rank", number(member, "index"), rank)
            chain = number(member, "cumulative_weight")
            counter.same(index, host, "cumulative_weight", chain, running)


def _check_models(export: Export, index: int, groups: dict[str, Row], counter: Compares) -> None:
    """A subgroup's model is the epoch's own; nothing was served, so nothing was measured."""
    models = {m["id"]: m for m in export.of(index, "model")}
    for model, group in groups.items():
        where = f"group {model or 'root'}"
        for field in ("expected_throughput_vector", "real_throughput_vector"):
            measured = numbers(group, field)
            counter.same(index, "", f"{where} {field}", measured, [0] * len(measured))
        snapshot: Row = group.get("model_snapshot") or {}
        own = models.get(model, {}) if model else {}
        for field in dict.fromkeys([*own, *snapshot]):
            if field != "_host":
                what = f"{where} model_snapshot.{field}"
                counter.same(index, "", what, snapshot.get(field), own.get(field))


def _check_nodes(
    export: Export, index: int, nodes: dict[str, list[Row]], counter: Compares
) -> None:
    """A node stands in the root group and under each of its models; it counts in the first."""
    rows = {(m, n["_host"], n["info"]["node_id"]): n for m, of in nodes.items() for n in of}
    for (model, host, node), row in rows.items():
        where = f"node {node} in {model}" if model else f"node {node}"
        root = rows.get(("", host, node))
        if root is None:
            counter.same(index, host, where, "in its group", "not in the root group")
            continue
        listed: list[str] = root.get("models", [])
        counter.same(index, host, f"{where} models", row.get("models", []), listed)
        missing = [m for m in listed if (m, host, node) not in rows]
        counter.same(index, host, f"{where} models", missing, [])
        if model:
            counter.same(index, host, f"{where} models", model in listed, True)
        belongs = bool(listed) and model in ("", listed[0])
        slots = (row["info"].get("timeslot_allocation") or [False, False])[:2]
        # Without throughput that is required, no slot is drawn for PoC.
        counter.same(index, host, f"{where} timeslot_allocation", slots, [belongs, False])
    if index > 0:
        _check_throughputs(export, index, rows, counter)


def _check_throughputs(
    export: Export, index: int, rows: dict[tuple[str, str, str], Row], counter: Compares
) -> None:
    """What a node proved, and what that promises of its first model."""
    period, generation = _lengths(export, index)
    per_nonce = {m["id"]: number(m, "throughput_per_nonce") for m in export.of(index, "model")}
    for (model, host, node), row in rows.items():
        where = f"node {node} in {model}" if model else f"node {node}"
        root = rows["", host, node]
        first: str = (root.get("models") or [""])[0]
        proven = number(root["info"], "poc_weight") if model in ("", first) else 0
        weighs = number(row["info"], "poc_weight")
        counter.same(index, host, f"{where} poc_weight", weighs, proven)
        made = weight.throughputs(u64(proven), u64(per_nonce.get(first, 0)), period, generation)
        promises = number(row["info"], "throughput")
        counter.same(index, host, f"{where} throughput", promises, int(made[0]))


def _lengths(export: Export, index: int) -> tuple[int, int]:
    """The blocks of the PoC period, and of generation."""
    of = (export.one(index, "epoch") or {}).get("params", {})
    stages = "poc_exchange_blocks", "poc_validation_exchange_blocks", "model_loading_blocks"
    lengths = [number(of, name) for name in stages]
    return 5 + sum(lengths), lengths[0] + 1
