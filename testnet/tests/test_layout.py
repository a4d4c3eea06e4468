"""The record of a network on disk."""

import errno
import os
import stat
from pathlib import Path

import pytest
from testnet.errors import HomeError
from testnet.layout import FORMAT, Home, HostRecord, Network, NodeRecord, write_atomically


def some_network() -> Network:
    node = NodeRecord(node_id="node1", grpc_port=5, metrics_port=6, serving_port=7)
    host = HostRecord(
        name="host0",
        address="nine1a",
        warm_address="nine1b",
        node_key_id="ab",
        p2p_port=1,
        rpc_port=2,
        grpc_port=3,
        api_port=4,
        broker_port=8,
        admin_port=9,
        nodes=(node,),
        forge=True,
    )
    return Network(hosts=(host,), block_ms=300, model_ids=("a", "b"))


def test_a_saved_network_is_loaded_as_it_was(tmp_path: Path) -> None:
    home = Home(tmp_path / "net")
    home.create()
    home.save(some_network())
    assert home.load() == some_network()
    assert not [p for p in home.root.iterdir() if p.name.startswith(".network")]


def test_a_file_is_synced_before_its_name_and_its_name_before_it_counts_as_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, done = tmp_path / "f", list[str]()
    sync, replace = os.fsync, Path.replace

    def synced(descriptor: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        sync(descriptor)

    def replaced(old: Path, new: Path) -> Path:
        done.append("name")
        return replace(old, new)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    write_atomically(path, "secret", mode=0o600)
    assert done == ["file", "name", "folder"]
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("secret", 0o600)


def test_a_file_that_cannot_be_written_leaves_the_old_one_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "f"
    write_atomically(path, "old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_processes_are_named_after_host_and_node() -> None:
    host = some_network().hosts[0]
    assert host.process_names == ("host0-chain", "host0-node1", "host0-broker")


def test_a_home_of_another_format_is_refused(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.record_path.write_text('{"format": 99, "hosts": []}')
    with pytest.raises(HomeError, match=f"format 99, this program writes {FORMAT}"):
        home.load()


def test_a_damaged_record_and_an_empty_home_are_said_plainly(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with pytest.raises(HomeError, match="holds no network; start one with `testnet up"):
        home.load()
    home.record_path.write_text("{")
    with pytest.raises(HomeError, match="is damaged"):
        home.load()


def test_a_home_that_is_a_file_is_said_plainly(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("")
    with pytest.raises(HomeError, match="file cannot be read: Not a directory"):
        Home(path).load()


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("do not touch")
    with pytest.raises(HomeError, match="not empty"):
        Home(tmp_path).create()


def test_a_home_that_cannot_be_made_is_refused_with_the_reason(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    for root in (file, file / "net"):
        with pytest.raises(HomeError, match=r"cannot hold a network: Not a directory"):
            Home(root).create()
    assert file.read_text() == "mine"
