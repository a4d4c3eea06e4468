import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlnode.poc.philox import philox4x32_10
from mlnode.poc.streams import act, fill, stream, streams, wgt


def straight(seed_W: np.ndarray, first: int, count: int) -> np.ndarray:
    """Bytes of a stream by the definition, block by block."""
    low, high = first // 16, -(-(first + count) // 16)
    counters = [[b & 0xFFFFFFFF, b >> 32, int(seed_W[2]), int(seed_W[3])] for b in range(low, high)]
    words = philox4x32_10(np.array(counters, np.uint32), seed_W[:2])
    return words.astype("<u4").view(np.uint8).ravel()[first - 16 * low :][:count]


def test_a_seed_is_the_hash_of_its_framed_fields() -> None:
    framed = b"".join(
        len(field).to_bytes(4, "little") + field
        for field in (b"exact8", b"1", b"input", b"", b"xy")
    )
    digest = hashlib.sha256(framed).digest()[:16]
    assert stream(1, b"input", b"", b"xy").astype("<u4").tobytes() == digest


def test_a_byte_moved_from_one_field_to_the_next_changes_the_seed() -> None:
    assert not np.array_equal(stream(1, b"ab", b"c"), stream(1, b"a", b"bc"))
    assert not np.array_equal(stream(1, b"a"), stream(2, b"a"))


def test_seeds_that_share_a_prefix_equal_seeds_made_alone() -> None:
    together = streams(1, b"input", b"h", last=[b"x", b"y"])
    assert np.array_equal(
        together, [stream(1, b"input", b"h", b"x"), stream(1, b"input", b"h", b"y")]
    )


@pytest.mark.parametrize("first", [0, 5, 16, 2**36 - 3, 2**40 + 7])
def test_bytes_come_from_the_block_that_holds_them(first: int) -> None:
    seed_W = stream(1, b"far")
    read = act(seed_W[None], 40, first=first)[0].view(np.uint8)
    assert np.array_equal(read, straight(seed_W, first, 40))


def test_a_run_longer_than_a_tile_has_no_seam() -> None:
    seed_W, tile = stream(1, b"long"), 8_192 * 16
    run = act(seed_W[None], 2 * tile + 48, first=3)[0]
    for place in (tile - 20, 2 * tile - 20):
        assert np.array_equal(run[place : place + 40], act(seed_W[None], 40, first=3 + place)[0])


def test_rows_at_unequal_places_are_filled_each_from_its_own() -> None:
    seeds_XW = streams(1, b"rows", last=[b"a", b"b", b"c"])
    firsts = [0, 17, 2**33 + 9]
    out_XN = np.empty((3, 50), np.uint8)
    fill(seeds_XW, np.array(firsts, np.uint64), out_XN)
    for seed_W, first, row in zip(seeds_XW, firsts, out_XN, strict=True):
        assert np.array_equal(row, straight(seed_W, first, 50))


def test_a_weight_is_never_minus_128_and_an_activation_may_be() -> None:
    seed_W = stream(1, b"values")
    raw, weights = act(seed_W[None], 1 << 16)[0], wgt(seed_W, 256, range(256)).ravel()
    assert raw.min() == -128
    assert weights.min() == -127
    assert np.array_equal(weights, np.where(raw == -128, 0, raw))


@given(data=st.data(), width=st.integers(1, 70), height=st.integers(1, 20))
def test_any_cut_of_a_weight_equals_the_cut_of_the_whole(
    data: st.DataObject, width: int, height: int
) -> None:
    seed_W = stream(1, b"weights", b"whole")
    whole = wgt(seed_W, width, range(height))
    top = data.draw(st.integers(0, height - 1))
    left = data.draw(st.integers(0, width - 1))
    rows = range(top, data.draw(st.integers(top + 1, height)))
    cols = range(left, data.draw(st.integers(left + 1, width)))
    cut = wgt(seed_W, width, rows, cols)
    assert np.array_equal(cut, whole[rows.start : rows.stop, cols.start : cols.stop])
