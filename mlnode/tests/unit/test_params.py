from dataclasses import replace
from decimal import Decimal

import pytest

from mlnode.poc.errors import ParamsError
from mlnode.poc.exact8 import shift
from mlnode.poc.params import MODEL_PARAMS, MODEL_PARAMS_BIG, MODEL_PARAMS_TEST, PocParams
from mlnode.poc.tensors import weight_bytes, weight_shapes


@pytest.mark.parametrize(
    ("params", "ffn_dim", "size"),
    [
        (MODEL_PARAMS, 28_672, 2_961_182_720),
        (MODEL_PARAMS_BIG, 28_672, 34_292_629_504),
        (MODEL_PARAMS_TEST, 384, 720_896),
    ],
)
def test_the_sets_have_the_published_width_and_size(
    params: PocParams, ffn_dim: int, size: int
) -> None:
    assert params.ffn_dim == ffn_dim
    assert weight_bytes(params) == size


def test_the_multiplier_is_the_decimal_that_was_written() -> None:
    # In floats 0.29·100 is 28.999…, and the width would be one too small.
    params = replace(MODEL_PARAMS_TEST, dim=300, n_heads=2, ffn_dim_multiplier=Decimal("0.29"))
    assert replace(params, multiple_of=1).ffn_dim == 232


def test_the_tensors_are_named_and_shaped_as_published() -> None:
    shapes = weight_shapes(MODEL_PARAMS_TEST)
    assert len(shapes) == 4 * 3 + 1
    assert shapes["layers.2.qkv"] == (256, 128)
    assert shapes["layers.0.o"] == (128, 128)
    assert shapes["layers.0.gate_up"] == (768, 128)
    assert shapes["layers.0.down"] == (128, 384)
    assert shapes["head"] == (1024, 128)


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("dim", {"dim": 63}),
        ("dim", {"dim": 131_073}),
        ("dim", {"dim": True}),
        ("n_layers", {"n_layers": 1}),
        ("n_layers", {"n_layers": 1_025}),
        ("n_heads", {"n_heads": 3}),
        ("n_heads", {"n_heads": 0}),
        ("n_kv_heads", {"n_kv_heads": 3}),
        ("n_kv_heads", {"n_kv_heads": 0}),
        ("n_kv_heads", {"n_kv_heads": 8}),
        ("head_dim", {"n_heads": 8}),
        ("head_dim", {"dim": 2_050, "n_heads": 2, "n_kv_heads": 1}),
        ("vocab_size", {"vocab_size": 255}),
        ("vocab_size", {"vocab_size": 131_073}),
        ("seq_len", {"seq_len": 7}),
        ("seq_len", {"seq_len": 1_025}),
        ("multiple_of", {"multiple_of": 0}),
        ("ffn_dim_multiplier", {"ffn_dim_multiplier": Decimal(0)}),
        ("ffn_dim_multiplier", {"ffn_dim_multiplier": Decimal("16.1")}),
        ("ffn_dim_multiplier", {"ffn_dim_multiplier": Decimal("NaN")}),
        ("ffn_dim", {"ffn_dim_multiplier": Decimal("0.1"), "multiple_of": 1}),
        ("ffn_dim", {"dim": 65_536, "n_heads": 64, "multiple_of": 100_000}),
    ],
)
def test_a_value_out_of_bounds_is_refused_by_its_name(
    field: str, change: dict[str, object]
) -> None:
    with pytest.raises(ParamsError, match=f"^{field} = .*must be") as refused:
        replace(MODEL_PARAMS_TEST, **change)
    assert refused.value.field == field


@pytest.mark.parametrize(
    "change",
    [
        {"dim": 64, "n_heads": 2},
        {"dim": 1_024, "n_heads": 1, "n_kv_heads": 1},
        {
            "dim": 131_072,
            "n_heads": 128,
            "multiple_of": 131_072,
            "ffn_dim_multiplier": Decimal("0.1"),
        },
        {"n_layers": 2},
        {"vocab_size": 256},
        {"vocab_size": 131_072},
        {"seq_len": 8},
        {"seq_len": 1_024},
        {"ffn_dim_multiplier": Decimal(16)},
    ],
)
def test_a_value_on_its_bound_is_accepted(change: dict[str, object]) -> None:
    replace(MODEL_PARAMS_TEST, **change)


@pytest.mark.parametrize(
    ("k", "bits"),
    [(32, 7), (64, 8), (128, 8), (256, 9), (1_024, 10), (8_192, 11), (28_672, 12)],
)
def test_the_shift_has_the_published_values(k: int, bits: int) -> None:
    assert shift(k) == bits


def test_the_shift_is_the_largest_that_leaves_a_deviation_of_128() -> None:
    # 73.9² = 5461.25 is the variance of a uniform int8 byte, (256² − 1)/12.
    variance = (256**2 - 1) / 12
    for k in range(32, 131_073):
        left = variance * k**0.5 / 2 ** shift(k)
        assert 128 * 0.999 <= left < 256 * 1.001
