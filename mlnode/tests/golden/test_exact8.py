import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engines import AnyEngine

from mlnode.poc.decision import cq_from_r_target
from mlnode.poc.engines.base import load
from mlnode.poc.engines.selftest import KNOWN_DIGESTS
from mlnode.poc.golden import GOLDEN_PARAMS, golden_round, main
from mlnode.poc.tensors import inputs, target, weight

VECTORS = Path(__file__).parents[3] / "proto/vectors/exact8.json"


@pytest.fixture(scope="module")
def vectors() -> dict[str, Any]:
    return json.loads(VECTORS.read_text("utf-8"))


def test_the_file_is_what_the_reference_writes_and_a_stale_one_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "exact8.json"
    assert main([str(path)]) == 0
    assert path.read_bytes() == VECTORS.read_bytes()
    path.write_text(path.read_text("utf-8").replace("753253", "753254"), "utf-8")
    assert main([str(path), "--check"]) == 1
    assert "is stale" in capsys.readouterr().err


def test_the_numbers_that_another_implementation_found_come_out() -> None:
    first = golden_round()
    assert weight(first, "layers.0.qkv")[0, :8].tolist() == [56, 69, -90, 127, -93, 14, -118, 111]
    assert target(first).norm == 600749
    assert first.cq == 172063945


def test_every_engine_finds_those_numbers(engine: AnyEngine) -> None:
    load(engine, golden_round())
    came = engine.batch(np.arange(200, dtype=np.uint64))
    assert came.digests[0].tobytes().hex().startswith("09c44929010b6c0909bf25d2adba3c35")
    assert came.digests[1].tobytes().hex().startswith("b2349e2cdd11bbe73a728f3009990c50")
    assert came.dots[:2].tolist() == [753253, 506177]
    assert came.norms[:2].tolist() == [1221033, 1178683]
    assert np.count_nonzero(came.valid) == 26


def test_the_networks_begin_and_end_as_written(vectors: dict[str, Any]) -> None:
    for network in vectors["networks"]:
        made = golden_round(network["block_hash"])
        assert target(made).norm == network["T"]
        assert target(made).values[:16].tolist() == network["target"]
        for name, first in network["first_weights"].items():
            whole = weight(made, name).ravel()
            assert whole[:16].tolist() == first
            assert whole[-16:].tolist() == network["last_weights"][name]


def test_every_engine_reproduces_every_nonce(engine: AnyEngine, vectors: dict[str, Any]) -> None:
    for host in vectors["hosts"]:
        made = golden_round(host["block_hash"], bytes.fromhex(host["public_key"]))
        load(engine, made)
        rows = host["nonces"]
        nonces_B = np.array([row["nonce"] for row in rows], np.uint64)
        x_BSD = inputs(made, made.public_key, nonces_B)
        assert [x_SD.flat[:16].tolist() for x_SD in x_BSD] == [row["input"] for row in rows]
        came = engine.batch(nonces_B)
        assert [digest.tobytes().hex() for digest in came.digests] == [r["digest"] for r in rows]
        assert came.dots.tolist() == [row["A"] for row in rows]
        assert came.norms.tolist() == [row["Y"] for row in rows]
        assert came.valid.tolist() == [row["valid"] for row in rows]
        # Equal to the last bit: the distance is made of IEEE-exact operations only.
        assert came.distances.tolist() == [row["distance"] for row in rows]


def test_the_set_covers_several_hashes_and_keys_and_both_answers(vectors: dict[str, Any]) -> None:
    hosts = vectors["hosts"]
    assert len({host["block_hash"] for host in hosts}) >= 3
    assert len({host["public_key"] for host in hosts}) >= 3
    assert all(len(host["nonces"]) >= 64 for host in hosts)
    assert all({row["valid"] for row in host["nonces"]} == {True, False} for host in hosts)


def test_the_thresholds_follow_from_the_radii(vectors: dict[str, Any]) -> None:
    for radius, cq in vectors["cq_of_r_target"].items():
        assert cq_from_r_target(Fraction(radius)) == cq


def test_what_the_self_test_knows_is_in_the_file(vectors: dict[str, Any]) -> None:
    first = {row["nonce"]: row["digest"] for row in vectors["hosts"][0]["nonces"]}
    assert first | KNOWN_DIGESTS == first
    assert vectors["params"]["ffn_dim"] == GOLDEN_PARAMS.ffn_dim == 256
