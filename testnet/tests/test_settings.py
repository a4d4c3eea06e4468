"""Configuration files as they are written."""

import tomllib
from pathlib import Path

import pytest
from testnet.errors import HomeError
from testnet.settings import set_toml, write_toml

SAMPLE = """\
# a comment stays
top = 1

[rpc]
laddr = "tcp://0.0.0.0:1" # and so does the order
timeout = "3s"

[p2p]
laddr = "tcp://0.0.0.0:2"
"""


def test_a_value_is_replaced_in_its_own_section_only(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(SAMPLE)
    set_toml(path, {"top": 2, "p2p.laddr": "tcp://127.0.0.1:9"})
    parsed = tomllib.loads(path.read_text())
    assert parsed == {
        "top": 2,
        "rpc": {"laddr": "tcp://0.0.0.0:1", "timeout": "3s"},
        "p2p": {"laddr": "tcp://127.0.0.1:9"},
    }
    assert path.read_text().startswith("# a comment stays\n")


def test_a_key_the_program_does_not_have_is_an_error_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(SAMPLE)
    with pytest.raises(HomeError, match=r"has no rpc\.speed"):
        set_toml(path, {"rpc.speed": 3})
    assert path.read_text() == SAMPLE


def test_every_kind_of_value_is_read_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    body = {"text": 'a "quoted" \\ line\n', "yes": True, "no": False, "n": 7, "many": ["a", "b"]}
    write_toml(path, {"section": body})
    assert tomllib.loads(path.read_text()) == {"section": body}
