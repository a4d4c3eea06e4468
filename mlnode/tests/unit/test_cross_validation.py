"""Proofs of any configuration hold in any other: groups, stages and engines, on CPUs."""

from itertools import combinations
from typing import Any

import pytest
from cross import cross, side

R_TARGET = "1.3971164020989417"


def check(one: dict[str, Any], other: dict[str, Any]) -> None:
    said = cross(one, other)
    for verdict, proved in zip(said, (other, one), strict=True):
        assert verdict["walked"] == proved["groups"] * proved["batches"] * proved["size"]
        assert 0 < verdict["valid"] < verdict["walked"]
        assert verdict["decisions"] == []
        assert verdict["distances"]


def test_four_groups_of_two_stages_and_one_device_judge_each_other() -> None:
    check(
        side(groups=4, devices=["cpu", "cpu"], engine="fp32", batches=2, size=16),
        side(groups=1, engine="numpy", batches=3, size=16),
    )


@pytest.mark.parametrize(
    ("params", "shape", "engine"),
    [
        # A layer for each stage, and one more.
        ("TEST", {"n_layers": 5}, "int8"),
        # Of the main network's width, in the two stages that two layers leave; a CPU without
        # VNNI would take minutes for it with int8.
        ("MAIN", {"n_layers": 2, "seq_len": 8}, "fp32"),
    ],
    ids=["five layers", "full width"],
)
def test_four_stages_and_one_device_judge_each_other(
    params: str, shape: dict[str, int], engine: str
) -> None:
    network = {"params": params, "shape": shape, "batches": 1, "size": 40}
    check(side(devices=["cpu"] * 4, engine="fp32", **network), side(engine=engine, **network))


@pytest.mark.long
@pytest.mark.parametrize("r_target", ["", R_TARGET])
@pytest.mark.parametrize("stages", [2, 3])
def test_stages_and_one_device_judge_each_other(stages: int, r_target: str) -> None:
    check(
        side(groups=4, devices=["cpu"] * stages, r_target=r_target, size=200),
        side(groups=1, r_target=r_target, size=500),
    )


@pytest.mark.long
@pytest.mark.parametrize("r_target", ["", R_TARGET])
@pytest.mark.parametrize("pair", list(combinations(("int8", "fp32", "numpy"), 2)), ids="-".join)
def test_every_pair_of_engines_judges_each_other(pair: tuple[str, str], r_target: str) -> None:
    one, other = (side(engine=name, groups=4, r_target=r_target) for name in pair)
    check(one, other)
