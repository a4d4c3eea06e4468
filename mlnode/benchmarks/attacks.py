"""The attacks on the proof that docs/spec/poc.md reports, in the sizes and the tables given there.

``python mlnode/benchmarks/attacks.py`` prints both tables; ``--nonces`` and ``--fit`` make them
smaller. Nonces, round and learners are fixed, so that the numbers come out alike everywhere but
for the last digit of what is learned in floating point.

Axes: B nonces, S positions, D width, V outputs.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence

import numpy as np

from mlnode.bench.predictors import LEARNERS, gain, knowledge
from mlnode.bench.shortcuts import SHORTCUTS, ShortcutNetwork
from mlnode.poc.arrays import I8
from mlnode.poc.decision import Decisions, decide
from mlnode.poc.engines.base import load
from mlnode.poc.engines.selection import select_engine
from mlnode.poc.exact8 import head_shift
from mlnode.poc.params import MODEL_PARAMS_TEST
from mlnode.poc.rounds import Round, new_round
from mlnode.poc.tensors import inputs, target, weight, weight_shapes
from mlnode.shard.gpu import group_engines

_BATCH = 1_024


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nonces", type=int, default=8_192, help="of the shortcuts")
    parser.add_argument("--fit", type=int, default=24_576, help="that learners are fitted on")
    chosen = parser.parse_args(arguments)
    round_ = new_round(block_hash="5a" * 32, public_key=b"\x01" * 20, params=MODEL_PARAMS_TEST)
    weights = {name: weight(round_, name) for name in weight_shapes(round_.params)}
    for line in shortcuts(round_, weights, chosen.nonces):
        sys.stdout.write(line + "\n")
    sys.stdout.write("\n")
    for line in learning(round_, weights, chosen.fit, chosen.fit // 3):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    return 0


def shortcuts(round_: Round, weights: dict[str, I8], nonces: int) -> Iterator[str]:
    """Yields the table of what is left out or changed."""
    truth, goal = proven(round_, nonces), target(round_)
    cosines_B = truth.dots / truth.norms
    yield "| Left out or changed | Correlation | Recall | Claims that are false |"
    yield "|---|---|---|---|"
    for shortcut in SHORTCUTS:
        network = ShortcutNetwork(round_.params, weights, shortcut)
        parts = [
            network.outputs(inputs(round_, round_.public_key, nonces_B))
            for nonces_B in batches(nonces)
        ]
        came = decide(np.concatenate(parts), head_shift(round_.params), goal, round_.cq)
        found = gain(came.dots / came.norms, cosines_B, truth.valid)
        false = np.mean(~truth.valid[came.valid])
        cells = shortcut.name, signed(found.correlation), f"{found.recall:.3f}", f"{false:.2f}"
        yield f"| {' | '.join(cells)} |"


def learning(round_: Round, weights: dict[str, I8], fit: int, judge: int) -> Iterator[str]:
    """Yields the table of what is learned: correlation, and recall behind it."""
    nonces = fit + judge
    truth = proven(round_, nonces)
    cosines_B, judged_B = truth.dots / truth.norms, truth.valid[fit:]
    yield f"| Known exactly | {' | '.join(LEARNERS)} |"
    yield "|---|" + "---|" * len(LEARNERS)
    for known in knowledge(round_, weights, np.arange(nonces, dtype=np.uint64)):
        cells = [known.name]
        for learner in LEARNERS.values():
            scores_B = learner(known.features[:fit], cosines_B[:fit], known.features[fit:])
            found = gain(scores_B, cosines_B[fit:], judged_B)
            cells.append(f"{signed(found.correlation)}, {found.recall:.3f}")
        yield f"| {' | '.join(cells)} |"


def signed(value: float) -> str:
    """Returns a number as the page writes it."""
    return f"{value:z.3f}".replace("-", "−")


def proven(round_: Round, nonces: int) -> Decisions:
    """Returns what the first nonces really come to."""
    engine = select_engine(group_engines(("cpu",))).engine
    load(engine, round_)
    parts = [engine.batch(nonces_B) for nonces_B in batches(nonces)]
    return Decisions(
        **{
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in ("valid", "distances", "digests", "dots", "norms")
        }
    )


def batches(nonces: int) -> list[np.ndarray]:
    """Returns the first nonces in batches, uint64 [B]."""
    cuts = range(_BATCH, nonces, _BATCH)
    return np.split(np.arange(nonces, dtype=np.uint64), list(cuts))


if __name__ == "__main__":
    sys.exit(main())
