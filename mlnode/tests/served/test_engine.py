"""The engine of the served kind: same interface, same bits, and a model that stays as it was."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from mlnode.poc.arrays import U64
from mlnode.poc.engines.base import load
from mlnode.poc.errors import NotStartedError, RoundError
from mlnode.poc.rounds import Round
from mlnode.poc.served.engine import ServedEngine
from mlnode.poc.served.gpu_random import compute_distances, generate_permutations
from mlnode.poc.served.models import load_decoder, model_folder
from mlnode.poc.served.tail import POC_OUTPUT_DIM, Tail

NONCES: U64 = np.array([5, 2**63, 0, 77, 12], np.uint64)
# Distances of one machine in float32, whatever the batch: products are cut up differently.
SAME_MACHINE = 1e-6


def engine_of(model: nn.Module, round_: Round) -> ServedEngine:
    engine = ServedEngine(lambda _: model)
    load(engine, round_)
    return engine


def served(model: Any) -> torch.Tensor:
    with torch.inference_mode():
        return model(input_ids=torch.arange(40).view(2, 20), use_cache=False).logits


def state(model: nn.Module) -> dict[str, bytes]:
    return {name: value.numpy().tobytes() for name, value in model.state_dict().items()}


def test_every_nonce_counts_and_its_distance_is_that_of_random_directions(
    model: nn.Module, served_round: Round
) -> None:
    came = engine_of(model, served_round).batch(np.arange(64, dtype=np.uint64))
    assert came.valid.all()
    assert came.distances.shape == (64,)
    assert np.all((came.distances > 0) & (came.distances < 2))
    # Around √2; a cosine deviates by 1/√8192 = 0.011 and more where a model has habits.
    assert abs(came.distances.mean() - np.sqrt(2)) < 0.05
    assert len(set(came.distances.tolist())) == 64
    assert len({row.tobytes() for row in came.digests}) == 64


def test_a_round_leaves_the_model_and_its_head_bit_for_bit(
    model: nn.Module, served_round: Round
) -> None:
    before, weights = served(model), state(model)
    engine = engine_of(model, served_round)
    assert torch.equal(served(model), before)
    engine.batch(NONCES)
    assert torch.equal(served(model), before)
    engine.stop()
    assert torch.equal(served(model), before)
    assert state(model) == weights


def test_a_tied_head_stays_the_embedding(qwen: Any, served_round: Round) -> None:
    assert qwen.lm_head.weight is qwen.model.embed_tokens.weight
    engine_of(qwen, served_round).batch(NONCES)
    assert qwen.lm_head.weight is qwen.model.embed_tokens.weight


def test_the_models_own_head_is_never_called(qwen: Any, served_round: Round) -> None:
    called: list[int] = []
    handle = qwen.lm_head.register_forward_hook(lambda *_: called.append(1))
    engine_of(qwen, served_round).batch(NONCES)
    handle.remove()
    assert called == []


def test_a_nonce_is_the_same_in_every_batch(qwen: nn.Module, served_round: Round) -> None:
    engine = engine_of(qwen, served_round)
    whole = engine.batch(NONCES).distances
    assert np.array_equal(engine.batch(NONCES).distances, whole)
    singles = np.concatenate([engine.batch(NONCES[i : i + 1]).distances for i in range(5)])
    assert np.abs(singles - whole).max() < SAME_MACHINE
    turned = engine.batch(NONCES[::-1]).distances[::-1]
    assert np.abs(turned - whole).max() < SAME_MACHINE


def test_inputs_made_ahead_change_nothing(qwen: nn.Module, served_round: Round) -> None:
    engine, plain = engine_of(qwen, served_round), engine_of(qwen, served_round)
    for turn in range(3):
        now_B = NONCES + np.uint64(turn)
        engine.foresee(now_B + np.uint64(1))
        assert np.array_equal(engine.batch(now_B).digests, plain.batch(now_B).digests)
    engine.foresee(NONCES)
    engine.batch(NONCES)
    other = b"\x02" * 20
    assert np.array_equal(engine.batch(NONCES, other).digests, plain.batch(NONCES, other).digests)
    engine.foresee(NONCES)
    engine.batch(NONCES)
    moved = replace(served_round, block_hash="5b" * 32)
    load(engine, moved)
    load(plain, moved)
    assert np.array_equal(engine.batch(NONCES).digests, plain.batch(NONCES).digests)


def test_host_block_and_nonce_change_a_distance(qwen: nn.Module, served_round: Round) -> None:
    engine = engine_of(qwen, served_round)
    plain = engine.batch(NONCES).distances
    assert np.abs(engine.batch(NONCES, b"\x02" * 20).distances - plain).min() > SAME_MACHINE
    load(engine, replace(served_round, block_hash="5b" * 32))
    assert np.abs(engine.batch(NONCES).distances - plain).min() > SAME_MACHINE


def test_a_round_of_the_same_network_keeps_head_and_mirrors(
    qwen: nn.Module, served_round: Round
) -> None:
    engine = ServedEngine(lambda _: qwen)
    assert len(list(engine.start(served_round))) == 1
    first = engine.batch(NONCES, b"\x02" * 20)
    assert list(engine.start(replace(served_round, public_key=b"\x02" * 20))) == []
    assert np.array_equal(engine.batch(NONCES).distances, first.distances)


def test_without_a_round_nothing_is_computed(qwen: nn.Module, served_round: Round) -> None:
    engine = ServedEngine(lambda _: qwen)
    with pytest.raises(NotStartedError):
        engine.batch(NONCES)
    load(engine, served_round)
    with pytest.raises(RoundError, match="public_key"):
        engine.batch(NONCES, b"short")
    assert len(engine.batch(NONCES[:0]).distances) == 0
    engine.stop()
    with pytest.raises(NotStartedError):
        engine.weights_fingerprint()


def test_a_flipped_bit_of_model_or_head_is_noticed(qwen: Any, served_round: Round) -> None:
    engine = engine_of(qwen, served_round)
    whole = engine.weights_fingerprint()
    assert engine.weights_fingerprint() == whole
    standing = engine._standing
    assert standing is not None
    for tensor in (qwen.model.layers[1].mlp.up_proj.weight, standing.tail.head_VD):
        bits = tensor.detach().view(torch.int32)
        bits[3, 5] ^= 1 << 7
        assert engine.weights_fingerprint() != whole
        bits[3, 5] ^= 1 << 7
    assert engine.weights_fingerprint() == whole


def test_head_and_target_follow_from_the_block_hash() -> None:
    cpu = torch.device("cpu")
    one, again, other = (Tail(block, 24, cpu) for block in ("aa" * 32, "aa" * 32, "ab" * 32))
    assert one.head_VD.shape == (POC_OUTPUT_DIM, 24)
    assert torch.equal(one.head_VD, again.head_VD)
    assert (one.head_VD == other.head_VD).float().mean() < 0.01
    assert (one.target_V == other.target_V).float().mean() < 0.01
    assert one.target_V.norm() == pytest.approx(1, abs=1e-6)
    assert float(one.head_VD.std()) == pytest.approx(1, abs=0.01)


def test_every_nonce_has_its_outputs_in_an_order_of_its_own() -> None:
    block, cpu = "aa" * 32, torch.device("cpu")
    tail = Tail(block, 24, cpu)
    # What a cluster of hidden states has in common, and nothing else.
    y_BV = tail.outputs(torch.ones(3, 24))
    found = tail.distances(y_BV, b"\x02" * 20, [7, 8, 9])
    assert len(set(found.tolist())) == 3
    order_BV = generate_permutations(block, "02" * 20, [7, 8, 9], POC_OUTPUT_DIM, cpu)
    wanted = compute_distances(y_BV, order_BV, tail.target_V)
    assert np.array_equal(found, wanted.numpy())
    assert set(tail.distances(y_BV, b"\x03" * 20, [7, 8, 9])).isdisjoint(found)


def checkpoint(folder: Path, commit: str, model: Any) -> Path:
    path = folder / "ninefold" / "tiny" / commit
    model.save_pretrained(path)
    return path


def test_a_model_is_found_by_name_and_by_commit(
    tmp_path: Path, qwen: nn.Module, served_round: Round
) -> None:
    first = checkpoint(tmp_path, "1" * 40, qwen)
    assert model_folder(tmp_path, "ninefold/tiny") == first
    second = checkpoint(tmp_path, "2" * 40, qwen)
    assert model_folder(tmp_path, f"ninefold/tiny@{'2' * 40}") == second
    loaded = load_decoder(second, torch.device("cpu"))
    wanted = engine_of(qwen, served_round).batch(NONCES).distances
    assert np.array_equal(engine_of(loaded, served_round).batch(NONCES).distances, wanted)
    for wrong in (
        "ninefold/tiny", "ninefold/none", f"ninefold/tiny@{'3' * 40}", "ninefold", "../tiny/x",
        "ninefold/..", "ninefold/tiny@..",
    ):  # fmt: skip
        with pytest.raises(RoundError, match="model_id"):
            model_folder(tmp_path, wrong)
