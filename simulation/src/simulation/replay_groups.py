"""Replay of an epoch's groups: totals, ranks, cumulative weights and throughputs."""

from collections import defaultdict
from typing import Protocol

from simulation import weight
from simulation.arrays import u64
from simulation.exported import Export, Row, address, number


class Compares(Protocol):
    """Whoever compares the chain's values with ours."""

    def same(self, epoch: int, host: str, field: str, chain: object, ours: object) -> None: ...


def check_groups(export: Export, index: int, counter: Compares) -> None:
    """Root and subgroups of an epoch follow from its nodes and outcomes."""
    groups = {g.get("model_id", ""): g for g in export.of(index, "group")}
    members = _by_model(export.of(index, "member"))
    nodes = _by_model(export.of(index, "node"))
    outcomes = {h: rows[0] for h, rows in export.by_host(index, "host_outcome").items()}
    for host, outcome in outcomes.items():
        held = [m for m in members[""] if m["_host"] == host]
        counter.same(index, host, "member weight", _sum(held, "weight"), number(outcome, "weight"))
    for model, group in groups.items():
        _check_group(index, model, group, members[model], nodes[model], counter)
    listed = groups.get("", {}).get("sub_group_models", [])
    counter.same(index, "", "sub_group_models", listed, sorted(m for m in groups if m))
    record = export.one(index, "epoch") or {}
    of = record.get("params", {})
    lengths = {k: number(of, k) for k in of if k.endswith("_blocks")}
    if index > 0:
        _check_throughputs(export, index, lengths, nodes, counter)


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
    infos = [n["info"] for n in nodes]
    throughput = sum(number(i, "throughput") for i in infos)
    if model:
        chain = number(group, "total_throughput")
        counter.same(index, "", f"{where} total_throughput", chain, throughput)
    for member in members:
        host = member["_host"]
        mine = [n["info"] for n in nodes if n["_host"] == host]
        chain = number(member, "weight")
        counter.same(index, host, f"{where} weight", chain, _sum(mine, "poc_weight"))
    if not model:
        running = 0
        for rank, member in enumerate(sorted(members, key=lambda m: address(m["_host"]))):
            running += number(member, "weight")
            host = member["_host"]
            counter.same(index, host, "rank", number(member, "index"), rank)
            chain = number(member, "cumulative_weight")
            counter.same(index, host, "cumulative_weight", chain, running)


def _check_throughputs(
    export: Export,
    index: int,
    lengths: dict[str, int],
    nodes: dict[str, list[Row]],
    counter: Compares,
) -> None:
    """A node counts in the model it belongs to, its first, and nowhere else."""
    period = 5 + sum(
        lengths.get(k, 0)
        for k in ("poc_exchange_blocks", "poc_validation_exchange_blocks", "model_loading_blocks")
    )
    generation = lengths.get("poc_exchange_blocks", 0) + 1
    per_nonce = {m["id"]: number(m, "throughput_per_nonce") for m in export.of(index, "model")}
    roots = {(n["_host"], n["info"]["node_id"]): n for n in nodes[""]}
    for model, rows in nodes.items():
        for node in rows if model else ():
            root = roots[node["_host"], node["info"]["node_id"]]
            belongs = (root.get("models") or [""])[0] == model
            proven = number(root["info"], "poc_weight") if belongs else 0
            made = weight.throughputs(u64(proven), u64(per_nonce[model]), period, generation)
            where = f"node {node['info']['node_id']} in {model}"
            info = node["info"]
            host = node["_host"]
            counter.same(index, host, f"{where} poc_weight", number(info, "poc_weight"), proven)
            chain = number(info, "throughput")
            counter.same(index, host, f"{where} throughput", chain, int(made[0]))
