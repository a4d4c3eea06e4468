import numpy as np
import pytest

from mlnode.poc.philox import philox4x32_10

# Random123, kat_vectors: counter, key, block.
PUBLISHED = [
    (
        "00000000 00000000 00000000 00000000",
        "00000000 00000000",
        "6627e8d5 e169c58d bc57ac4c 9b00dbd8",
    ),
    (
        "ffffffff ffffffff ffffffff ffffffff",
        "ffffffff ffffffff",
        "408f276d 41c83b0e a20bc7c6 6d5451fd",
    ),
    (
        "243f6a88 85a308d3 13198a2e 03707344",
        "a4093822 299f31d0",
        "d16cfe09 94fdcceb 5001e420 24126ea1",
    ),
]


def words(text: str) -> np.ndarray:
    return np.array([int(word, 16) for word in text.split()], np.uint32)


@pytest.mark.parametrize(("counter", "key", "block"), PUBLISHED)
def test_the_published_vectors_come_out(counter: str, key: str, block: str) -> None:
    assert np.array_equal(philox4x32_10(words(counter), words(key)), words(block))


def test_many_counters_at_once_give_what_each_gives_alone() -> None:
    counters = np.stack([words(counter) for counter, _, _ in PUBLISHED])
    keys = np.stack([words(key) for _, key, _ in PUBLISHED])
    blocks = np.stack([words(block) for _, _, block in PUBLISHED])
    assert np.array_equal(philox4x32_10(counters, keys), blocks)


def test_the_arguments_are_left_alone() -> None:
    counter, key = words(PUBLISHED[2][0]), words(PUBLISHED[2][1])
    philox4x32_10(counter, key)
    assert np.array_equal(counter, words(PUBLISHED[2][0]))
    assert np.array_equal(key, words(PUBLISHED[2][1]))
