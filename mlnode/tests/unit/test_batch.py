from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlnode.poc.batch import ProofBatch, merge
from mlnode.poc.errors import BatchError, MixedRoundsError, UnequalLengthsError


def batch(nonces: list[int], lane_next: tuple[int, ...] = (1, 0)) -> ProofBatch:
    return ProofBatch(
        public_key=b"\x01" * 20,
        block_hash="0f" * 32,
        block_height=7,
        node_index=0,
        nonces=np.array(nonces, np.uint64),
        distances=np.array(nonces, np.float64) / 8,
        valid=np.array(nonces, np.uint64) % 3 == 0,
        lane_next=lane_next,
    )


batches = st.lists(
    st.builds(
        batch,
        st.lists(st.integers(0, 2**63), max_size=9),
        st.tuples(st.integers(0, 99), st.integers(0, 99)),
    ),
    min_size=1,
    max_size=4,
)


@given(one=batches.map(merge), size=st.integers(1, 10))
def test_merging_the_parts_of_a_split_gives_the_batch_back(one: ProofBatch, size: int) -> None:
    parts = one.split(size)
    assert all(len(part) <= size for part in parts)
    assert merge(parts) == one


@given(several=batches)
def test_a_merge_keeps_every_proof_and_the_furthest_steps(several: list[ProofBatch]) -> None:
    whole = merge(several)
    assert whole.nonces.tolist() == [nonce for one in several for nonce in one.nonces.tolist()]
    assert whole.lane_next == tuple(max(one.lane_next[lane] for one in several) for lane in (0, 1))


@given(several=batches)
def test_sorting_moves_each_proof_as_a_whole(several: list[ProofBatch]) -> None:
    whole = merge(several)
    ordered = whole.sort_by_nonce()
    assert ordered.nonces.tolist() == sorted(whole.nonces.tolist())
    assert np.array_equal(ordered.distances, ordered.nonces / 8)
    assert np.array_equal(ordered.valid, ordered.nonces % 3 == 0)


def test_the_sub_batch_holds_the_valid_ones_by_decision_and_the_progress() -> None:
    some = batch([0, 1, 2, 3], (4, 0))
    assert some.sub_batch().nonces.tolist() == [0, 3]
    none = batch([1, 2], (2, 0)).sub_batch()
    assert len(none) == 0
    assert none.lane_next == (2, 0)


def test_only_the_last_part_claims_progress() -> None:
    assert [part.lane_next for part in batch([0, 1, 2], (3, 2)).split(2)] == [(0, 0), (3, 2)]


def test_an_empty_batch_splits_into_itself() -> None:
    empty = batch([], (3, 3))
    assert empty.split(4) == [empty]


@pytest.mark.parametrize("name", ["distances", "valid"])
def test_unequal_lengths_are_refused_by_name(name: str) -> None:
    with pytest.raises(UnequalLengthsError, match=f"^{name} has 2 entries for 3"):
        replace(batch([1, 2, 3]), **{name: np.zeros(2)})


def test_an_array_of_two_axes_is_refused() -> None:
    with pytest.raises(UnequalLengthsError, match="nonces has 2 axes"):
        replace(batch([1]), nonces=np.zeros((1, 1), np.uint64))


@pytest.mark.parametrize(
    "change",
    [
        {"public_key": b"\x02" * 20},
        {"block_hash": "1f" * 32},
        {"block_height": 8},
        {"node_index": 1},
        {"lane_next": (1, 0, 0)},
    ],
)
def test_batches_of_different_origin_do_not_merge(change: dict[str, object]) -> None:
    with pytest.raises(MixedRoundsError):
        merge([batch([1]), replace(batch([2]), **change)])


def test_nothing_merges_to_an_error_and_a_part_has_a_size() -> None:
    with pytest.raises(BatchError, match="nothing"):
        merge([])
    with pytest.raises(BatchError, match="size"):
        batch([1]).split(0)
    with pytest.raises(BatchError, match="lane_next"):
        batch([1], (-1, 0))


def test_a_batch_does_not_change_after_it_was_made() -> None:
    nonces = np.array([1, 2], np.uint64)
    made = replace(batch([1, 2]), nonces=nonces)
    nonces[0] = 9
    assert made.nonces.tolist() == [1, 2]
    with pytest.raises(ValueError, match="read-only"):
        made.nonces[0] = 9
    with pytest.raises(FrozenInstanceError):
        made.block_height = 8  # pyright: ignore[reportAttributeAccessIssue]


def test_batches_are_equal_by_content() -> None:
    assert batch([1, 2]) == batch([1, 2])
    assert batch([1, 2]) != batch([2, 1])
    assert batch([1]) != batch([1], (2, 0))
    assert batch([1]) != "a batch"
