"""Reports of machines with any numbers of groups, set side by side; and files that are none."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from mlnode.bench.cli import mount
from mlnode.bench.compare import ABSENT, Comparison, compare
from mlnode.bench.report import GroupResult, Report, ReportError, read_report

app = typer.Typer()
mount(app)
run = CliRunner().invoke


def digests(count: int, **wrong: str) -> tuple[str, ...]:
    return tuple(wrong.get(f"at_{nonce}", f"{nonce:064x}") for nonce in range(count))


def group(number: int, **changes: Any) -> GroupResult:
    made = GroupResult(
        devices=(f"cuda:{number}",),
        engine=f"int8 at {number} golden nonces/s",
        batch=256,
        load_seconds=1.0 + number,
        nonces=1_000,
        seconds=60.0,
        nonces_per_minute=1_000.0 * (number + 1),
        peak_bytes=(number + 1) * 10**9,
        dense_tops=100.0 * (number + 1),
        share_of_dense=0.8,
        digests=digests(64),
    )
    return replace(made, **changes)


def report(*groups: GroupResult, params: str = "TEST") -> Report:
    return Report(
        params=params,
        machine="rack (x86_64)",
        date="2026-11-26",
        memory=8 * 10**9,
        nonces_per_minute=sum(each.nonces_per_minute for each in groups),
        groups=groups,
    )


def values(came: Comparison) -> dict[str, tuple[str, str]]:
    return {name: (one, other) for name, one, other in came.rows}


def test_every_group_stands_beside_its_counterpart_and_the_totals_above() -> None:
    one = report(group(0), group(1, share_of_dense=0.5))
    other = report(group(0, peak_bytes=5 * 10**9), group(1, engine="bf16"))
    came = compare(one, other)
    found = values(came)
    assert found["groups"] == ("2", "2")
    assert found["nonces a minute"] == ("3000", "3000")
    # 0.8 of 100 and 0.5 of 200.
    assert found["of the dense rate"] == ("60%", "80%")
    assert found["memory of the groups, GB"] == ("3.0", "7.0")
    assert found["group 0: memory, GB"] == ("1.0", "5.0")
    assert found["group 0: devices"] == ("cuda:0", "cuda:0")
    assert found["group 1: engine"] == ("int8 at 1 golden nonces/s", "bf16")
    assert found["group 1: of the dense rate"] == ("50%", "80%")
    assert found["group 1: loading, s"] == ("2.0", "2.0")
    assert (came.same_digests, came.digests, came.notes, came.sound) == (64, 64, (), True)


@pytest.mark.parametrize(
    ("here", "there", "note"),
    [
        (1, 2, "a.json has 1 group, b.json 2 groups: group 1 has no counterpart, and only "),
        (4, 1, "a.json has 4 groups, b.json 1 group: groups 1 to 3 have no counterpart, and only "),
    ],
)
def test_other_numbers_of_groups_are_said_and_leave_places_empty(
    here: int, there: int, note: str
) -> None:
    one, other = (report(*map(group, range(count))) for count in (here, there))
    came = compare(one, other, ("a.json", "b.json"))
    assert came.notes == (note + "the totals compare the machines",)
    assert came.sound
    last = values(came)[f"group {max(here, there) - 1}: batch"]
    assert last == ((ABSENT, "256") if there > here else ("256", ABSENT))


@pytest.mark.parametrize("machine", [0, 1])
@pytest.mark.parametrize("broken", [0, 1, 2])
def test_a_digest_that_one_group_of_either_machine_finds_otherwise_is_told(
    machine: int, broken: int
) -> None:
    sound = [group(number) for number in range(3)]
    ill = [*sound]
    ill[broken] = group(broken, digests=digests(64, at_5="f" * 64))
    pair = [report(*sound), report(*sound)]
    pair[machine] = report(*ill)
    came = compare(*pair, ("a", "b"))
    assert (came.same_digests, came.digests, came.sound) == (63, 64, False)
    (note,) = came.notes
    assert note.startswith(
        f"group {broken} of {'ab'[machine]}: 1 of 64 digests are not those of group "
    )
    assert note.count(" of a") + note.count(" of b") == 6


def test_machines_that_came_to_other_numbers_of_digests_compare_what_both_have() -> None:
    short = report(group(0, digests=digests(7)))
    came = compare(report(group(0)), short)
    assert (came.same_digests, came.digests, came.sound) == (7, 7, True)
    # Beyond what the other machine has, the groups of one are still set against each other.
    wrong = group(1, digests=digests(64, at_60="f" * 64))
    for groups in ((group(0), wrong), (wrong, group(0))):
        came = compare(report(*groups), short)
        assert (came.same_digests, came.digests, came.sound) == (7, 7, False)


def test_different_networks_are_not_compared() -> None:
    with pytest.raises(ReportError, match="TEST and MAIN are different networks"):
        compare(report(group(0)), report(group(0), params="MAIN"))


def written(path: Path, content: object) -> str:
    path.write_text(json.dumps(content), "utf-8")
    return str(path)


def test_the_command_says_what_differs_and_its_status_what_is_unsound(tmp_path: Path) -> None:
    one = written(tmp_path / "one.json", report(group(0), group(1)).content())
    came = run(app, ["bench", "compare", one, one])
    assert came.exit_code == 0, came.output
    assert "64 of 64 are the same" in came.output
    fewer = written(tmp_path / "fewer.json", report(group(0)).content())
    came = run(app, ["bench", "compare", one, fewer])
    assert came.exit_code == 0, came.output
    assert f"{one} has 2 groups, {fewer} 1 group: group 1 has no counterpart" in came.output
    ill = report(group(0), group(1, digests=digests(64, at_5="f" * 64)))
    came = run(app, ["bench", "compare", one, written(tmp_path / "ill.json", ill.content())])
    assert came.exit_code == 1
    assert "63 of 64 are the same" in came.output
    assert "ill.json: 1 of 64 digests are not those of" in came.output
    main = written(tmp_path / "main.json", report(group(0), params="MAIN").content())
    assert run(app, ["bench", "compare", one, main]).exit_code == 2


MISSING = object()


@pytest.mark.parametrize(
    ("place", "value", "text"),
    [
        ((), [], "the report is []: must be an object with the fields of a report"),
        ((), None, "the report is null: must be an object with the fields of a report"),
        ((), {}, "params is missing: must be a text that is not empty"),
        (("params",), 5, "params is 5: must be a text that is not empty"),
        (("machine",), "", 'machine is "": must be a text that is not empty'),
        (("memory",), 1.5, "memory is 1.5: must be a whole number, 0 or more"),
        (("memory",), True, "memory is true: must be a whole number, 0 or more"),
        (("nonces_per_minute",), -1, "nonces_per_minute is -1: must be a number, 0 or more"),
        (("nonces_per_minute",), float("nan"), "nonces_per_minute is NaN: must be a number"),
        (("nonces_per_minute",), 10**400, "nonces_per_minute is 1000"),
        (("groups",), MISSING, "groups is missing: must be a list with an object for each group"),
        (("groups",), [], "groups is []: must be a list with an object for each group, one or"),
        (("groups",), {"0": {}}, 'groups is {"0": {}}: must be a list with an object for each'),
        (("groups",), [{}], "groups[0].devices is missing: must be a list of one or more, each "),
        (("groups", 1), 7, "groups[1] is 7: must be an object with the fields of a report"),
        (("groups", 1, "engine"), MISSING, "groups[1].engine is missing: must be a text that"),
        (("groups", 1, "batch"), "256", 'groups[1].batch is "256": must be a whole number'),
        (("groups", 1, "devices"), [], "groups[1].devices is []: must be a list of one or"),
        (("groups", 1, "devices", 0), 0, "groups[1].devices[0] is 0: must be the name of a device"),
        (
            ("groups", 1, "digests"),
            "ab",
            'groups[1].digests is "ab": must be a list of one or',
        ),
        (("groups", 1, "digests", 9), "00", 'groups[1].digests[9] is "00": must be 64 hexadecimal'),
        (("groups", 1, "share_of_dense"), None, "groups[1].share_of_dense is null: must be a"),
    ],
)
def test_a_file_that_is_no_report_is_refused_with_the_field_that_is_wrong(
    tmp_path: Path, place: tuple[str | int, ...], value: object, text: str
) -> None:
    content: Any = json.loads(json.dumps(report(group(0), group(1)).content()))
    if not place:
        content = value
    else:
        *path, last = place
        spot = content
        for step in path:
            spot = spot[step]
        if value is MISSING:
            del spot[last]
        else:
            spot[last] = value
    path_ = tmp_path / "report.json"
    came = run(app, ["bench", "compare", written(path_, content), str(path_)])
    assert came.exit_code == 2
    assert came.output.startswith(f"mlnode: {path_}: {text}")
    assert "Traceback" not in came.output
    assert len(came.output) < len(str(path_)) + 200


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000])
def test_a_file_that_is_no_json_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(text, "utf-8")
    with pytest.raises(ReportError, match=r"report\.json: "):
        read_report(path)
    with pytest.raises(ReportError, match=r"none\.json: "):
        read_report(tmp_path / "none.json")
