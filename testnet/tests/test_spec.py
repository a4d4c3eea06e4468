"""What a network may consist of."""

import pytest
from testnet.errors import SpecError
from testnet.spec import Arguments, parse_network


def test_the_first_host_has_two_nodes_by_default() -> None:
    spec = parse_network(Arguments(hosts=4))
    assert [h.nodes for h in spec.hosts] == [2, 1, 1, 1]
    assert spec.hosts[0].node_ids == ("node1", "node2")


def test_nodes_are_counted_host_by_host() -> None:
    assert [h.nodes for h in parse_network(Arguments(hosts=3, nodes="1, 3,8")).hosts] == [1, 3, 8]


def test_each_fault_goes_to_the_host_that_is_named() -> None:
    spec = parse_network(Arguments(hosts=4, forge="host1", repeat="host2", withhold="host3"))
    assert [(h.forge, h.repeat, h.withhold) for h in spec.hosts] == [
        (False, False, False),
        (True, False, False),
        (False, True, False),
        (False, False, True),
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"hosts": 0}, "1 to 16 hosts"),
        ({"hosts": 17}, "1 to 16 hosts"),
        ({"hosts": 2, "nodes": "1"}, "names 1 hosts; -n asks for 2"),
        ({"hosts": 2, "nodes": "1,0"}, "'0' is not a number from 1 to 8"),
        ({"hosts": 2, "nodes": "1,9"}, "'9' is not a number from 1 to 8"),
        ({"hosts": 2, "nodes": "1,x"}, "'x' is not a number"),
        ({"hosts": 2, "forge": "host2"}, "the hosts are host0, host1"),
        ({"hosts": 2, "block_ms": 99}, "100 to 60000"),
        ({"hosts": 2, "params": ("lanes",)}, "name=value"),
    ],
)
def test_what_is_impossible_is_refused_by_name(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        parse_network(Arguments(**arguments))  # type: ignore[arg-type]
