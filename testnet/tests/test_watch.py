"""What is shown of a network whose nodes come and go."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from ninefold_proto.inference.v1 import epoch_pb2
from rich.console import Console
from testnet.errors import ChainError
from testnet.layout import Network
from testnet.ledger import Ledger
from testnet.watch import Watcher, watch


class Node:
    """A chain node that answers with heights, and with nothing where there is none."""

    def __init__(self, *heights: int) -> None:
        self._heights = iter(heights)
        self.asked = 0

    def stage(self) -> Any:
        self.asked += 1
        height = next(self._heights, 0)
        if not height:
            raise ChainError("connection refused")
        heights = SimpleNamespace(poc_start=0)
        return SimpleNamespace(
            height=height,
            stage=epoch_pb2.STAGE_INFERENCE,
            opened=1,
            effective=1,
            blocks_left=5,
            heights=heights,
            opened_status=epoch_pb2.EPOCH_STATUS_EFFECTIVE,
        )

    def settlement(self, epoch: int) -> Any:
        raise ChainError(f"settlement of epoch {epoch}: not found")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    now = SimpleNamespace(s=0.0)

    def sleep(seconds: float) -> None:
        now.s += seconds

    time = SimpleNamespace(monotonic=lambda: now.s, sleep=sleep)
    monkeypatch.setattr("testnet.watch.time", time)
    return now


def run(nodes: list[Node], clock: SimpleNamespace, until_s: float, epochs: int | None) -> list[str]:
    said: list[str] = []
    console = Console(quiet=True)
    watch(
        cast(list[Ledger], nodes),
        Watcher(cast(Network, SimpleNamespace(hosts=())), console),
        stop=lambda: clock.s >= until_s,
        epochs=epochs,
        say=said.append,
    )
    return said


def test_another_node_is_asked_while_one_is_down(clock: SimpleNamespace) -> None:
    first, second = Node(1, 2), Node(*range(3, 1000))
    assert run([first, second], clock, 100.0, epochs=None) == []
    assert first.asked == 3
    assert second.asked > 300


def test_a_network_that_is_down_is_told_once_and_watched_on(clock: SimpleNamespace) -> None:
    said = run([Node(1), Node()], clock, 120.0, epochs=None)
    assert said == ["the chain stands still: connection refused"]


def test_a_node_that_answers_and_stands_still_is_left(clock: SimpleNamespace) -> None:
    frozen, live = Node(*[7] * 9999), Node(*range(8, 9999))
    assert run([frozen, live], clock, 100.0, epochs=None) == []
    assert live.asked > 300


def test_a_chain_that_stands_still_is_told(clock: SimpleNamespace) -> None:
    said = run([Node(*[7] * 9999), Node(*[7] * 9999)], clock, 120.0, epochs=None)
    assert said == ["the chain stands still: no new block"]


def test_what_could_not_be_read_is_shown_later(clock: SimpleNamespace) -> None:
    node = Node(*range(1, 9))
    node.settlement = lambda _: SimpleNamespace(done=True)  # type: ignore[method-assign]
    watcher = Watcher(cast(Network, SimpleNamespace(hosts=())), Console(quiet=True))

    def refuse(_: int) -> Any:
        raise ChainError("connection refused")

    def nothing(_: int) -> list[Any]:
        return []

    vars(node)["settle_amounts"] = refuse
    with pytest.raises(ChainError):
        watcher.step(cast(Ledger, node))
    assert watcher.settled == -1
    vars(node)["settle_amounts"] = nothing
    watcher.step(cast(Ledger, node))
    assert watcher.settled == 0


def test_who_waits_for_epochs_hears_of_a_network_that_is_down(clock: SimpleNamespace) -> None:
    with pytest.raises(ChainError, match="connection refused"):
        run([Node(1), Node()], clock, 120.0, epochs=1)
    assert 30.0 < clock.s < 31.0


def test_a_node_that_catches_up_repeats_nothing(clock: SimpleNamespace) -> None:
    seen: list[int] = []
    watcher = Watcher(cast(Network, SimpleNamespace(hosts=())), Console(quiet=True))
    for height in (9, 7, 8, 10):
        watcher.step(cast(Ledger, Node(height)))
        seen.append(watcher.height)
    assert seen == [9, 9, 9, 10]
