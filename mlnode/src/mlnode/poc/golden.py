"""Golden vectors of the proof network, written by the reference.

``python -m mlnode.poc.golden`` writes proto/vectors/exact8.json; ``--check`` only compares and
exits with 1 where the file is stale.
"""

import argparse
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256
from itertools import product
from pathlib import Path

import numpy as np

from mlnode.poc.decision import cq_from_r_target, decide, r_target_from_fraction
from mlnode.poc.exact8 import forward, head_shift
from mlnode.poc.params import PocParams
from mlnode.poc.rounds import Round, new_round
from mlnode.poc.tensors import inputs, target, weight, weight_shapes

GOLDEN_PARAMS = PocParams(
    dim=128,
    n_layers=2,
    n_heads=4,
    n_kv_heads=2,
    vocab_size=1024,
    ffn_dim_multiplier=Decimal("0.75"),
    multiple_of=64,
    seq_len=16,
)
"""Small enough for the reference, and every ratio in it differs from one: F = 256."""

_HASHES = ("ab" * 32, sha256(b"block_alpha").hexdigest(), sha256(b"block_beta").hexdigest())
_KEYS = (b"\xcd" * 20, sha256(b"node_A").digest()[:20], bytes(20))
# The low nonces, both sides of the 32-bit border, and the largest of a node's walk.
_NONCES = (*range(64), 2**32 - 1, 2**32, 2**53 + 1, 2**63 - 1)
_R_TARGETS = (
    "1.385596074508290000",
    "1.397116402098941700",
    "1.404165328700000000",
    "0.5",
    "1.41421",
)
_SHOWN = 16


def golden_round(block_hash: str = _HASHES[0], public_key: bytes = _KEYS[0]) -> Round:
    """Returns a round of the golden network, by default the first of the file, p = 10 %."""
    return new_round(block_hash=block_hash, public_key=public_key, params=GOLDEN_PARAMS)


def vectors() -> dict[str, object]:
    """Returns the content of exact8.json."""
    first = golden_round()
    return {
        "about": "Proof network EXACT8, docs/spec/poc.md; written by python -m mlnode.poc.golden",
        "poc_version": first.poc_version,
        "params": {
            **asdict(GOLDEN_PARAMS),
            "ffn_dim_multiplier": str(GOLDEN_PARAMS.ffn_dim_multiplier),
            "ffn_dim": GOLDEN_PARAMS.ffn_dim,
        },
        "valid_fraction": first.valid_fraction,
        "r_target": r_target_from_fraction(first.valid_fraction, GOLDEN_PARAMS.vocab_size),
        "cq": first.cq,
        "cq_of_r_target": {text: cq_from_r_target(Fraction(text)) for text in _R_TARGETS},
        "networks": [_network(golden_round(block_hash)) for block_hash in _HASHES],
        "hosts": [_host(golden_round(*pair)) for pair in product(_HASHES, _KEYS)],
    }


def _network(round_: Round) -> dict[str, object]:
    goal = target(round_)
    tensors = {name: weight(round_, name) for name in weight_shapes(round_.params)}
    return {
        "block_hash": round_.block_hash,
        "T": goal.norm,
        "target": goal.values[:_SHOWN].tolist(),
        "first_weights": {name: array.flat[:_SHOWN].tolist() for name, array in tensors.items()},
        "last_weights": {name: array.flat[-_SHOWN:].tolist() for name, array in tensors.items()},
    }


def _host(round_: Round) -> dict[str, object]:
    params = round_.params
    weights = {name: weight(round_, name) for name in weight_shapes(params)}
    nonces_B = np.array(_NONCES, np.uint64)
    x_BSD = inputs(round_, round_.public_key, nonces_B)
    y_BV = np.stack([forward(weights, x_SD, params) for x_SD in x_BSD])
    came = decide(y_BV, head_shift(params), target(round_), round_.cq)
    return {
        "block_hash": round_.block_hash,
        "public_key": round_.public_key.hex(),
        "nonces": [
            {
                "nonce": nonce,
                "input": x_BSD[row].flat[:_SHOWN].tolist(),
                "digest": came.digests[row].tobytes().hex(),
                "A": int(came.dots[row]),
                "Y": int(came.norms[row]),
                "distance": float(came.distances[row]),
                "valid": bool(came.valid[row]),
            }
            for row, nonce in enumerate(_NONCES)
        ],
    }


def _text(content: object) -> str:
    """Returns JSON with a list of numbers on one line, so that a difference is readable."""
    text = json.dumps(content, indent=1, ensure_ascii=False)
    return re.sub(r"\[[-\d,\s]+\]", lambda numbers: re.sub(r"\s+", " ", numbers[0]), text) + "\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m mlnode.poc.golden", description=__doc__)
    parser.add_argument("path", nargs="?", type=Path, default=Path("proto/vectors/exact8.json"))
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    arguments = parser.parse_args(argv)
    fresh = _text(vectors())
    if arguments.check:
        stale = not arguments.path.is_file() or arguments.path.read_text("utf-8") != fresh
        if stale:
            sys.stderr.write(f"{arguments.path} is stale: run python -m mlnode.poc.golden\n")
        return int(stale)
    arguments.path.write_text(fresh, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
