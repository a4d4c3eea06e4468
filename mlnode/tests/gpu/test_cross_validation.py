"""Proofs of any configuration hold in any other, each side with devices of its own.

With one GPU its stages stand on the same device; with several, each side sees its own.
"""

from itertools import combinations
from typing import Any

import pytest
import torch
from cross import cross, side

from mlnode.poc.params import MODEL_PARAMS, MODEL_PARAMS_BIG
from mlnode.shard.memory import get_min_group_vram

pytestmark = pytest.mark.gpu
R_TARGETS = ["", "1.3971164020989417"]
ENGINES = ["int8", "bf16", "fp16", "fp32"]
NEEDED = {
    "TEST": 0,
    "MAIN": get_min_group_vram(MODEL_PARAMS),
    "BIG": get_min_group_vram(MODEL_PARAMS_BIG),
}


def visible() -> tuple[str, str]:
    """Returns the devices of the two sides: halves of what there is, or the same one for both."""
    count = torch.cuda.device_count()
    numbers = [str(number) for number in range(count)]
    if count == 1:
        return "0", "0"
    return ",".join(numbers[: count // 2]), ",".join(numbers[count // 2 :])


def check(one: dict[str, Any], other: dict[str, Any]) -> None:
    needed = NEEDED[one["params"]]
    free = torch.cuda.mem_get_info()[0] / (2 if torch.cuda.device_count() == 1 else 1)
    if needed > free:
        pytest.skip(f"{one['params']} needs {needed / 1e9:.1f} GB a side")
    for verdict in cross(one, other, *visible()):
        assert verdict["walked"] > 0
        assert verdict["decisions"] == []
        assert verdict["distances"]


@pytest.mark.parametrize("params", ["TEST", "MAIN", "BIG"])
@pytest.mark.parametrize("r_target", R_TARGETS)
@pytest.mark.parametrize("stages", [2, 4])
def test_four_groups_and_one_and_stages_and_none_judge_each_other(
    params: str, r_target: str, stages: int
) -> None:
    size = 16 if params == "BIG" else 256
    usual: dict[str, Any] = {
        "engine": "int8", "params": params, "r_target": r_target, "size": size
    }  # fmt: skip
    check(
        side(groups=4, devices=["cuda:0"] * stages, **usual),
        side(groups=1, devices=["cuda:0"], **usual),
    )


@pytest.mark.parametrize("pair", list(combinations(ENGINES, 2)), ids="-".join)
def test_every_pair_of_engines_judges_each_other(pair: tuple[str, str]) -> None:
    one, other = (side(engine=name, devices=["cuda:0"], groups=4, size=256) for name in pair)
    check(one, other)


def test_a_gpu_and_a_cpu_judge_each_other() -> None:
    check(side(engine="int8", devices=["cuda:0"], size=256), side(groups=4, size=64))
