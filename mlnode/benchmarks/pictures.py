"""Draws the pictures of docs/mlnode.md: ``python mlnode/benchmarks/pictures.py docs/pictures``.

Axes: B nonces.
"""

import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot
from matplotlib.axes import Axes
from scipy import stats

from mlnode.bench.work import PARAMS, fit
from mlnode.poc.arrays import F64
from mlnode.poc.engines.base import load
from mlnode.poc.engines.selection import select_engine
from mlnode.poc.params import MODEL_PARAMS_TEST
from mlnode.poc.rounds import new_round
from mlnode.shard.gpu import group_engines
from mlnode.shard.memory import activation_bytes, get_min_group_vram, good_batch

CARDS = (("16 GB", 16), ("24 GB", 24), ("40 GB", 40), ("48 GB", 48), ("80 GB", 80), ("141 GB", 141))
NONCES = 2_048
BATCH = 256


def main() -> None:
    """Draws everything."""
    folder = Path(sys.argv[1])
    # The same bytes each time, and text that a browser sets.
    mpl.rcParams.update({"svg.hashsalt": "ninefold", "svg.fonttype": "none", "font.size": 9})
    _draw(folder / "mlnode-distances.svg", distances)
    _draw(folder / "mlnode-memory.svg", memory)


def _draw(path: Path, picture: object) -> None:
    figure, axes = pyplot.subplots(figsize=(7, 3.2), layout="constrained")
    assert callable(picture)
    picture(axes)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def distances(axes: Axes) -> None:
    """Draws the distances of some thousand nonces, the law they follow, and what is valid."""
    engine = select_engine(group_engines(("cpu",))).engine
    round_ = new_round(block_hash="be" * 32, public_key=bytes(20), params=MODEL_PARAMS_TEST)
    load(engine, round_)
    parts: list[F64] = []
    valid = 0
    for first in range(0, NONCES, BATCH):
        came = engine.batch(np.arange(first, first + BATCH, dtype=np.uint64))
        parts.append(came.distances)
        valid += int(np.count_nonzero(came.valid))
    distance_B = np.concatenate(parts)
    _, edges, bars = axes.hist(distance_B, bins=40, color="#b8c4d0")
    for left, bar in zip(edges, bars, strict=False):
        if left < round_.r_target:
            bar.set_facecolor("#3f7cac")
    half = (MODEL_PARAMS_TEST.vocab_size - 1) / 2
    x = np.linspace(edges[0], edges[-1], 400)
    density = stats.beta(half, half).pdf((x / 2) ** 2) * x / 2
    axes.plot(x, density * NONCES * (edges[1] - edges[0]), color="#c8553d", label="the law")
    axes.axvline(round_.r_target, color="black", linewidth=0.8, label="r_target for p = 10 %")
    axes.set_xlabel("distance of a nonce's output from the target")
    axes.set_ylabel("nonces")
    axes.set_title(f"{valid} of {NONCES:,} nonces are valid ({valid / NONCES:.1%}), TEST network")
    axes.legend()


def memory(axes: Axes) -> None:
    """Draws what a network takes of one card: weights, and a batch that keeps it busy."""
    names = ("MAIN", "BIG")
    for place, name in enumerate(names):
        params = PARAMS[name]
        weights = fit(params, 10**12).weights / 1e9
        batch = good_batch(params) * activation_bytes(params) / 1e9
        axes.barh(place, weights, color="#3f7cac", label="weights" if not place else None)
        axes.barh(
            place, batch, left=weights, color="#8fb8d8", label="a good batch" if not place else None
        )
        least = get_min_group_vram(params) / 1e9
        axes.plot(
            [least, least], [place - 0.45, place + 0.45], color="#c8553d",
            label="least memory of a group" if not place else None,
        )  # fmt: skip
    for text, size in CARDS:
        axes.axvline(size, color="grey", linewidth=0.6, linestyle=":")
        axes.text(size, len(names) - 0.42, text, rotation=45, fontsize=7)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlim(0, 150)
    axes.set_ylim(-0.6, len(names) - 0.2)
    axes.set_xlabel("GB on one card (calculated)")
    axes.legend(loc="center right")


if __name__ == "__main__":
    main()
