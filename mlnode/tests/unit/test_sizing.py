"""The size of a batch, found with a clock that tests set."""

import pytest

from mlnode.poc.engines.sizing import BATCH_S, find_batch_size


class Machine:
    """Takes a time a batch and a time a nonce; some batches are disturbed."""

    def __init__(
        self, a_nonce: float, a_batch: float = 0.0, *, disturbed: tuple[int, ...] = ()
    ) -> None:
        self._a_nonce, self._a_batch = a_nonce, a_batch
        self._disturbed = disturbed
        self.sizes: list[int] = []

    def __call__(self, size: int) -> float:
        self.sizes.append(size)
        hiccup = 20.0 if len(self.sizes) in self._disturbed else 0.0
        return self._a_batch + self._a_nonce * size + hiccup


@pytest.mark.parametrize(
    ("a_nonce", "largest", "size"),
    [
        (5.0, 256, 1),
        (1.0, 256, 1),
        (BATCH_S, 256, 1),
        (0.1, 256, 2),
        (0.004, 256, 62),
        (0.001, 256, 250),
        (0.0001, 256, 256),
        (0.0, 256, 256),
        (0.0, 3, 3),
        (0.1, 1, 1),
    ],
)
def test_a_batch_takes_a_quarter_of_a_second_or_is_the_largest(
    a_nonce: float, largest: int, size: int
) -> None:
    assert find_batch_size(Machine(a_nonce), largest) == size


@pytest.mark.parametrize("disturbed", [(1,), (2,), (4,), (1, 3, 5, 7, 9)])
def test_a_hiccup_or_a_compiler_changes_nothing(disturbed: tuple[int, ...]) -> None:
    assert find_batch_size(Machine(0.001, disturbed=disturbed), 256) == 250


def test_a_slow_machine_is_not_tried_for_long() -> None:
    machine = Machine(5.0)
    assert find_batch_size(machine, 256) == 1
    assert machine.sizes == [1, 1]


def test_where_every_batch_takes_long_it_is_not_one_nonce() -> None:
    machine = Machine(0.001, a_batch=0.4)
    size = find_batch_size(machine, 512)
    # Twice the time of one nonce is reached at 402.
    assert 200 <= size <= 402
    assert find_batch_size(Machine(0.0, a_batch=0.4), 512) == 512
