import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlnode.poc.errors import NonceError
from mlnode.poc.nonces import LANE_END, LaneWalk, NonceIterator, deal_lanes

counts = st.integers(1, 12)


def test_a_lane_is_the_published_progression() -> None:
    # node 1 of 3, lane 2 of 16: 1 + 3·(2 + 16·k)
    lane = NonceIterator(1, 3, 2, 16)
    assert lane.at(np.arange(4)).tolist() == [7, 55, 103, 151]


@given(node_count=counts, lanes=counts, steps=st.integers(1, 20))
def test_no_two_node_lane_pairs_collide_and_none_is_missed(
    node_count: int, lanes: int, steps: int
) -> None:
    k = np.arange(steps)
    walked = np.concatenate(
        [
            NonceIterator(node, node_count, lane, lanes).at(k)
            for node in range(node_count)
            for lane in range(lanes)
        ]
    )
    assert np.array_equal(np.sort(walked), np.arange(node_count * lanes * steps))


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("node_index", (2, 2, 0, 1)),
        ("node_index", (-1, 2, 0, 1)),
        ("node_index", (0, 0, 0, 1)),
        ("group_index", (0, 1, 16, 16)),
    ],
)
def test_an_index_outside_its_count_is_refused(
    field: str, arguments: tuple[int, int, int, int]
) -> None:
    with pytest.raises(NonceError, match=f"^{field} "):
        NonceIterator(*arguments)


def test_a_lane_ends_at_its_limit_and_at_64_bits() -> None:
    lane = NonceIterator(0, 1, 0, 16)
    assert lane.at(np.array([LANE_END - 1]))[0] == 16 * (LANE_END - 1)
    for k in (LANE_END, -1):
        with pytest.raises(NonceError, match=r"^k "):
            lane.at(np.array([k]))
    wide = NonceIterator(2**16 - 1, 2**16, 0, 1)
    assert wide.at(np.array([LANE_END - 1]))[0] == 2**64 - 1
    with pytest.raises(NonceError, match="64-bit"):
        NonceIterator(2**16, 2**16 + 1, 0, 1).at(np.array([LANE_END - 1]))


@given(lanes=st.integers(1, 64), data=st.data())
def test_every_lane_is_dealt_once_and_evenly(lanes: int, data: st.DataObject) -> None:
    groups = data.draw(st.integers(1, lanes))
    dealt = deal_lanes(lanes, groups)
    assert sorted(lane for share in dealt for lane in share) == list(range(lanes))
    assert max(map(len, dealt)) - min(map(len, dealt)) <= 1


def test_more_groups_than_lanes_are_refused() -> None:
    for groups in (0, 17):
        with pytest.raises(NonceError, match="groups"):
            deal_lanes(16, groups)


@given(
    lanes=st.integers(1, 16),
    first=st.integers(1, 16),
    second=st.integers(1, 16),
    sizes=st.lists(st.integers(0, 40), max_size=6),
)
def test_a_walk_dealt_anew_goes_on_without_gap_or_repetition(
    lanes: int, first: int, second: int, sizes: list[int]
) -> None:
    lane_next: tuple[int, ...] = (0,) * lanes
    walked: list[int] = []
    for groups in (min(first, lanes), min(second, lanes)):
        came = list(lane_next)
        for group, mine in enumerate(deal_lanes(lanes, groups)):
            walk = LaneWalk(1, 3, lanes, mine, lane_next)
            for size in sizes[group:]:
                walked += walk.take(size).tolist()
            for lane in mine:
                came[lane] = walk.lane_next[lane]
        lane_next = tuple(came)
    wanted = {
        int(nonce)
        for lane, steps in enumerate(lane_next)
        for nonce in NonceIterator(1, 3, lane, lanes).at(np.arange(steps))
    }
    assert len(walked) == len(set(walked))
    assert set(walked) == wanted


def test_the_lane_furthest_behind_is_walked_first_and_the_batch_is_sorted() -> None:
    walk = LaneWalk(0, 1, 4, (0, 2), (5, 9, 2, 9))
    taken = walk.take(4)
    # Lane 2 draws level from k = 2, then lane 0 goes first at k = 5.
    assert taken.tolist() == [2 + 4 * 2, 2 + 4 * 3, 2 + 4 * 4, 4 * 5]
    assert walk.lane_next == (6, 9, 5, 9)


def test_a_walk_that_does_not_fit_is_refused() -> None:
    with pytest.raises(NonceError, match="lane_next"):
        LaneWalk(0, 1, 4, (0,), (0, 0, 0))
    for mine in ((), (1, 1)):
        with pytest.raises(NonceError, match="mine"):
            LaneWalk(0, 1, 4, mine, (0, 0, 0, 0))
    with pytest.raises(NonceError, match="group_index"):
        LaneWalk(0, 1, 4, (4,), (0, 0, 0, 0))
