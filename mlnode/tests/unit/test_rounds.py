from dataclasses import replace
from decimal import Decimal

import pytest

from mlnode.poc.decision import r_target_from_fraction
from mlnode.poc.errors import RoundError, UnknownKindError, UnknownVersionError
from mlnode.poc.params import MODEL_PARAMS, MODEL_PARAMS_TEST
from mlnode.poc.rounds import PocKind, Round, new_round

HASH, KEY = "0f" * 32, bytes(range(20))


def test_what_is_left_out_is_derived(round_: Round) -> None:
    assert round_.kind is PocKind.EXACT8
    assert round_.r_target == r_target_from_fraction(0.1, 1024)
    assert round_.cq == 172063945
    assert not round_.all_valid
    assert round_.challenge == b"\x5a" * 32


def test_cq_follows_from_the_decimal_and_not_from_the_float_next_to_it() -> None:
    exact = Decimal("1.404165328765787362")
    made = new_round(block_hash=HASH, public_key=KEY, params=MODEL_PARAMS, r_target=exact)
    near = new_round(block_hash=HASH, public_key=KEY, params=MODEL_PARAMS, r_target=float(exact))
    assert made.r_target == near.r_target
    assert (made.cq, near.cq) == (60816156, 60816155)


def test_a_radius_of_two_or_more_accepts_every_nonce_and_needs_no_cq() -> None:
    for radius in (2.0, 5.0):
        made = new_round(block_hash=HASH, public_key=KEY, params=MODEL_PARAMS_TEST, r_target=radius)
        assert made.all_valid
        assert made.cq == 0


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("block_hash", {"block_hash": "0F" * 32}),
        ("block_hash", {"block_hash": "0f" * 31}),
        ("block_hash", {"block_hash": "0f" * 32 + "\n"}),
        ("block_hash", {"block_hash": "0x" + "0f" * 31}),
        ("block_hash", {"block_hash": "٠" * 64}),
        ("block_height", {"block_height": -1}),
        ("public_key", {"public_key": bytes(19)}),
        ("public_key", {"public_key": bytes(33)}),
        ("node_index", {"node_index": -1}),
        ("node_index", {"node_index": 2, "node_count": 2}),
        ("node_count", {"node_count": 0}),
        ("lanes", {"lanes": 0}),
        ("lanes", {"lanes": 65}),
        ("valid_fraction", {"valid_fraction": 0.0}),
        ("valid_fraction", {"valid_fraction": 1.5, "r_target": 5.0}),
        ("r_target", {"r_target": 0.0}),
        ("r_target", {"r_target": -1.0}),
        ("r_target", {"r_target": float("nan"), "cq": 1}),
        ("r_target", {"r_target": Decimal("NaN")}),
        ("r_target", {"r_target": 1.9}),
        ("cq", {"r_target": 1.0, "cq": 2**31 + 2}),
        ("cq", {"r_target": 1.4142, "cq": 0}),
    ],
)
def test_a_malformed_input_is_refused_by_its_name(field: str, change: dict[str, object]) -> None:
    inputs = {"block_hash": HASH, "public_key": KEY, "params": MODEL_PARAMS_TEST} | change
    with pytest.raises(RoundError, match=f"^{field} = .*must be") as refused:
        new_round(**inputs)
    assert refused.value.field == field


def test_a_cq_one_beside_the_derived_is_the_chains_rounding_and_is_kept() -> None:
    for cq in (2**31 - 1, 2**31, 2**31 + 1):
        made = new_round(
            block_hash=HASH, public_key=KEY, params=MODEL_PARAMS_TEST, r_target=1.0, cq=cq
        )
        assert made.cq == cq


@pytest.mark.parametrize("kind", ["EXACT9", "", "exact8"])
def test_a_kind_that_cannot_be_proven_here_is_refused(kind: str | PocKind) -> None:
    with pytest.raises(UnknownKindError, match="EXACT8 or SERVED_MODEL"):
        new_round(block_hash=HASH, public_key=KEY, params=MODEL_PARAMS_TEST, kind=kind)


def served(**changes: object) -> Round:
    inputs = {"kind": "SERVED_MODEL", "model_id": "owner/name", **changes}
    return new_round(block_hash=HASH, public_key=KEY, params=MODEL_PARAMS_TEST, **inputs)


def test_every_nonce_of_a_served_models_round_counts() -> None:
    assert served().all_valid
    assert served().model_id == "owner/name"


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("model_id", {"model_id": ""}),
        ("model_id", {"kind": "EXACT8"}),
        # A threshold would pay for screening.
        ("r_target", {"r_target": 1.4}),
    ],
)
def test_a_served_models_round_is_refused_by_field(field: str, change: dict[str, object]) -> None:
    with pytest.raises(RoundError, match=f"^{field} = .*must be"):
        served(**change)


@pytest.mark.parametrize("version", [0, 2])
def test_a_version_that_cannot_be_proven_here_is_refused(version: int, round_: Round) -> None:
    with pytest.raises(UnknownVersionError):
        replace(round_, poc_version=version)
