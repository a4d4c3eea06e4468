"""What is measured of the measures, on tiny models: the tables themselves are in docs/spec."""

import hashlib
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mlnode.bench.spread import (
    TREATMENTS,
    block_hash,
    measure,
    public_key,
    spread,
    spreads,
    with_weights,
)
from mlnode.bench.trained import (
    RECIPES,
    make_trained_models,
    quick,
    repository_text,
    split_text,
    unigram_entropy,
)
from mlnode.poc.engines.base import load
from mlnode.poc.params import MODEL_PARAMS_TEST
from mlnode.poc.rounds import new_round
from mlnode.poc.served.engine import ServedEngine

ROOT = Path(__file__).parents[3]
ALPHA, KEY = block_hash("block_alpha"), public_key("node_A")


def test_names_stand_for_their_hashes() -> None:
    assert hashlib.sha256(b"block_alpha").hexdigest() == ALPHA
    assert hashlib.sha256(b"node_A").digest()[:20] == KEY
    assert block_hash("block_beta") != ALPHA
    assert public_key("node_B") != KEY


def test_a_spread_is_the_range_of_rates_at_the_first_blocks_threshold() -> None:
    first = np.linspace(1.0, 2.0, 1001)
    found = spread([first, first + 0.05, first - 0.2])
    assert found.rates == pytest.approx((0.1, 0.05, 0.3), abs=2e-3)
    assert found.points == pytest.approx(25, abs=0.3)
    assert found.means == pytest.approx((1.5, 1.55, 1.3))
    assert found.largest == pytest.approx(25, abs=0.3)
    assert spread([first, first, first]).points == 0


def test_the_largest_spread_is_seen_whichever_block_s_target_is_nearest() -> None:
    near, far = np.linspace(1.0, 1.1, 1001), np.linspace(1.2, 1.3, 1001)
    for distances in ([near, far, far], [far, near, far], [far, far, near]):
        assert spread(distances).largest == pytest.approx(90, abs=0.2)
    assert spread([near, far, far]).points == pytest.approx(10, abs=0.2)


def test_random_directions_spread_by_chance_alone() -> None:
    generator = np.random.default_rng(2)
    points = [
        spread([1.414 + 0.0078 * generator.standard_normal(1_920) for _ in range(3)]).points
        for _ in range(200)
    ]
    # What a run of 1,920 nonces shows where there is nothing to show.
    assert 0.8 < np.mean(points) < 1.8
    assert np.quantile(points, 0.99) < 4


def test_all_three_measures_are_what_a_round_computes(qwen: Any) -> None:
    round_ = new_round(
        kind="SERVED_MODEL", model_id="m", block_hash=ALPHA, public_key=KEY,
        params=MODEL_PARAMS_TEST,
    )  # fmt: skip
    engine = ServedEngine(lambda _: qwen)
    load(engine, round_)
    found = measure(qwen, ALPHA, KEY, nonces=20, positions=32, batch=8)
    assert tuple(found) == TREATMENTS
    wanted = engine.batch(np.arange(20, dtype=np.uint64)).distances
    # Batches of another size.
    assert np.abs(found["all-three"] - wanted).max() < 1e-6


def test_the_length_of_the_last_hidden_state_changes_nothing(qwen: Any) -> None:
    found = measure(qwen, ALPHA, KEY, nonces=8, positions=8)
    assert np.abs(found["end-normalisation"] - found["none"]).max() < 1e-5
    assert np.abs(found["both"] - found["random-head"]).min() > 1e-5
    assert np.abs(found["all-three"] - found["both"]).max() > 1e-3
    assert np.abs(found["permuted"] - found["none"]).max() > 1e-3
    assert np.abs(found["householder"] - found["none"]).min() > 1e-5


def test_weights_are_replaced_in_a_copy(qwen: Any) -> None:
    before = {name: value.clone() for name, value in qwen.state_dict().items()}
    kept = {
        weights: {
            name
            for name, value in with_weights(qwen, weights).state_dict().items()
            if torch.equal(value, before[name])
        }
        for weights in ("trained", "random", "random-embed")
    }
    norms = {name for name in before if "norm" in name}
    heads = {"model.embed_tokens.weight", "lm_head.weight"}
    assert kept["trained"] == set(before)
    assert kept["random"] == norms
    assert kept["random-embed"] == set(before) - heads
    assert all(torch.equal(value, before[name]) for name, value in qwen.state_dict().items())


def test_every_host_has_a_spread_for_each_treatment(qwen: Any) -> None:
    found = spreads(qwen, nonces=16, positions=8, nodes=("node_A", "node_B"))
    assert set(found) == set(TREATMENTS)
    assert all(len(rows) == 2 for rows in found.values())
    assert all(0 <= row.points <= 100 for rows in found.values() for row in rows)


def test_a_model_is_made_once_and_alike_each_time(tmp_path: Path) -> None:
    # A checkout that nobody edits meanwhile.
    root = tmp_path / "checkout"
    root.mkdir()
    for name in ("LICENSE", "README.md"):
        shutil.copy(ROOT / name, root)
    recipes = (quick(RECIPES[0]),)
    said: list[str] = []
    made = [
        make_trained_models(tmp_path / name, root, recipes=recipes, say=said.append)[0]
        for name in ("one", "other")
    ]
    weights = [(m.folder / "model.safetensors").read_bytes() for m in made]
    assert weights[0] == weights[1]
    assert made[0].cross_entropy == made[1].cross_entropy
    assert made[0].folder.name == made[1].folder.name
    assert made[0].parameters > 10_000
    count = len(said)
    again = make_trained_models(tmp_path / "one", root, recipes=recipes, say=said.append)
    assert again == made[:1]
    assert len(said) == count
    (root / "README.md").write_text("another text " * 2000, "utf-8")
    other = make_trained_models(tmp_path / "one", root, recipes=recipes, say=said.append)
    assert other[0].folder != made[0].folder


def test_the_text_is_that_of_the_repository_and_split_in_tenths() -> None:
    text_N = repository_text(ROOT)
    train_N, held_N = split_text(text_N)
    assert len(train_N) + len(held_N) == len(text_N)
    assert len(held_N) / len(text_N) == pytest.approx(0.1, abs=0.01)
    whole = text_N.tobytes()
    assert b"Apache License" in whole
    assert b"Code generated by protoc-gen" not in whole
    assert 2.5 < unigram_entropy(train_N, held_N) < 4.5
