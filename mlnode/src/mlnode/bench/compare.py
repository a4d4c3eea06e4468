"""Sets two machines' measures side by side, group by group and in all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mlnode.bench.report import GroupResult, Report, ReportError

ABSENT = "–"
"""What stands in the place of a group that a machine does not have."""

Row = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two machines side by side.

    Attributes:
        rows: what is compared, then each machine's value.
        same_digests: nonces of which every group that came to them, of both, found the same.
        digests: nonces that a group of each machine came to.
        notes: what a reader must know: groups without a counterpart, groups that differ.
        sound: whether no two groups differ in a digest.
    """

    rows: tuple[Row, ...]
    same_digests: int
    digests: int
    notes: tuple[str, ...]
    sound: bool


def compare(
    one: Report, other: Report, names: tuple[str, str] = ("the first", "the second")
) -> Comparison:
    """Compares two reports.

    Args:
        names: of the reports, for the notes.

    Raises:
        ReportError: they are of different networks.
    """
    if one.params != other.params:
        raise ReportError(f"params {one.params} and {other.params} are different networks")
    both = (one, other)
    # Every group computes the same nonces, from the first on.
    found = [group.digests for report in both for group in report.groups]
    shared = min(max(len(group.digests) for group in report.groups) for report in both)
    same = sum(len({d[nonce] for d in found if nonce < len(d)}) == 1 for nonce in range(shared))
    unlike = _unlike(both, names)
    return Comparison(
        rows=(*_totals(both), *_groups(both)),
        same_digests=same,
        digests=shared,
        notes=(*_counts(both, names), *unlike),
        sound=not unlike,
    )


def _totals(both: Sequence[Report]) -> list[Row]:
    def row(name: str, show: Callable[[Report], str]) -> Row:
        return name, show(both[0]), show(both[1])

    return [
        row("machine", lambda report: report.machine),
        row("nonces a minute", lambda report: f"{report.nonces_per_minute:.0f}"),
        row("of the dense rate", lambda report: f"{_share(report):.0%}"),
        row("memory of the machine, GB", lambda report: f"{report.memory / 1e9:.1f}"),
        row("memory of the groups, GB", lambda r: _gigabytes(sum(g.peak_bytes for g in r.groups))),
        row("groups", lambda report: str(len(report.groups))),
    ]


def _groups(both: Sequence[Report]) -> list[Row]:
    rows: list[Row] = []
    shows: tuple[tuple[str, Callable[[GroupResult], str]], ...] = (
        ("devices", lambda group: ",".join(group.devices)),
        ("nonces a minute", lambda group: f"{group.nonces_per_minute:.0f}"),
        ("of the dense rate", lambda group: f"{group.share_of_dense:.0%}"),
        ("batch", lambda group: str(group.batch)),
        ("memory, GB", lambda group: _gigabytes(group.peak_bytes)),
        ("loading, s", lambda group: f"{group.load_seconds:.1f}"),
        ("engine", lambda group: group.engine),
    )
    for number in range(max(len(report.groups) for report in both)):
        for name, show in shows:
            one, other = (
                show(report.groups[number]) if number < len(report.groups) else ABSENT
                for report in both
            )
            rows.append((f"group {number}: {name}", one, other))
    return rows


def _share(report: Report) -> float:
    """Returns the proof's rate on all groups as a share of the dense rate of all."""
    dense = sum(group.dense_tops for group in report.groups)
    proven = sum(group.share_of_dense * group.dense_tops for group in report.groups)
    return proven / dense if dense else 0.0


def _counts(both: Sequence[Report], names: tuple[str, str]) -> list[str]:
    one, other = (len(report.groups) for report in both)
    if one == other:
        return []
    first, last = min(one, other), max(one, other) - 1
    alone = f"group {first} has" if first == last else f"groups {first} to {last} have"
    return [
        f"{names[0]} has {_number(one)}, {names[1]} {_number(other)}: {alone} no counterpart, "
        "and only the totals compare the machines"
    ]


def _number(groups: int) -> str:
    return f"{groups} group{'s' if groups != 1 else ''}"


def _unlike(both: Sequence[Report], names: tuple[str, str]) -> list[str]:
    """Says which groups, of either machine, found other digests than the rest.

    Groups that found the same are one kind, and the most common kind is what the others are set
    against. The longest come first: a shorter one of a kind found nothing else.
    """
    found = [
        (f"group {number} of {name}", group.digests)
        for name, report in zip(names, both, strict=True)
        for number, group in enumerate(report.groups)
    ]
    kinds: list[tuple[tuple[str, ...], list[str]]] = []
    for name, digests in sorted(found, key=lambda each: -len(each[1])):
        alike = (members for known, members in kinds if not _differing(digests, known))
        members = next(alike, None)
        if members is None:
            kinds.append((digests, [name]))
        else:
            members.append(name)
    kinds.sort(key=lambda kind: -len(kind[1]))
    known, most = kinds[0]
    return [
        f"{', '.join(members)}: {_differing(digests, known)} of {min(len(digests), len(known))} "
        f"digests are not those of {', '.join(most)}"
        for digests, members in kinds[1:]
    ]


def _differing(one: Sequence[str], other: Sequence[str]) -> int:
    # A slow group may not have come to all of them.
    return sum(a != b for a, b in zip(one, other, strict=False))


def _gigabytes(count: float) -> str:
    return f"{count / 1e9:.1f}"
