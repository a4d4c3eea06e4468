"""Learning to tell good nonces from cheap knowledge of them: an attack on the proof.

A prover who could rank nonces before computing them would complete the promising ones only,
and every claim would be true. So the question is put to learners: given what a cheap part of
the work yields, how well does a fitted function order the rest?

Axes: B nonces, S positions, D width, K features.
"""

# PyTorch's own types are unknown in places.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from mlnode.bench.shortcuts import PLAIN, ShortcutNetwork
from mlnode.poc.arrays import F64, I8, U64, Bool
from mlnode.poc.rounds import Round
from mlnode.poc.tensors import inputs

Learner = Callable[[F64, F64, F64], F64]
"""(features to fit on [B, K], cosines [B], features to judge [B, K]) → scores [B]."""

_EPOCHS = 12
_HIDDEN = 256
_BATCH = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """What a prover knows of each nonce after some of the work.

    Attributes:
        name: what was computed.
        share: share of the whole network's products that it took.
        features: float64 [B, K], each column of mean 0 and deviation about 1.
    """

    name: str
    share: float
    features: F64


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """What an order of nonces is worth to who completes the best of them only.

    Attributes:
        correlation: of the scores with the cosines.
        recall: share of the valid nonces that are in the best tenth; 0.1 by chance.
        deviation: of such a recall by chance.
    """

    correlation: float
    recall: float
    deviation: float


def gain(scores_B: F64, cosines_B: F64, valid_B: Bool) -> Gain:
    """Returns what scores gain, given the cosines and decisions of the same nonces."""
    best = np.argsort(-scores_B, kind="stable")[: len(scores_B) // 10]
    winners = int(np.count_nonzero(valid_B))
    return Gain(
        correlation=float(np.corrcoef(scores_B, cosines_B)[0, 1]),
        recall=np.count_nonzero(valid_B[best]) / winners,
        deviation=float(np.sqrt(0.1 * 0.9 / winners)),
    )


def knowledge(round_: Round, weights: Mapping[str, I8], nonces_B: U64) -> list[Knowledge]:
    """Returns what is known of nonces before, and after more and more of, the layers."""
    params = round_.params
    x_BSD = inputs(round_, round_.public_key, nonces_B)
    plain = ShortcutNetwork(params, weights, PLAIN)
    known = [Knowledge(name="the input", share=0.0, features=_features(x_BSD))]
    for layer in range(params.n_layers - 1):
        chunks = torch.as_tensor(x_BSD).split(64)
        h_XBSD = [plain.layer(chunk.to(torch.float32), layer).to(torch.int8) for chunk in chunks]
        x_BSD = torch.cat(h_XBSD).numpy()
        known.append(
            Knowledge(
                name=f"the exact state after layer {layer + 1} of {params.n_layers}",
                share=(layer + 1) / params.n_layers,
                features=_features(x_BSD),
            )
        )
    return known


def ridge(fit_BK: F64, cosines_B: F64, judge_BK: F64) -> F64:
    """Fits a linear function, with a penalty that suits features of unit deviation."""
    width = fit_BK.shape[1]
    gram_KK = fit_BK.T @ fit_BK + width * np.eye(width)
    return judge_BK @ np.linalg.solve(gram_KK, fit_BK.T @ (cosines_B - cosines_B.mean()))


def squares(fit_BK: F64, cosines_B: F64, judge_BK: F64) -> F64:
    """Fits a linear function of the features' squares and of products of neighbours."""

    def lifted(features_BK: F64) -> F64:
        return np.hstack([features_BK**2 - 1, features_BK * np.roll(features_BK, 1, axis=1)])

    return ridge(lifted(fit_BK), cosines_B, lifted(judge_BK))


def perceptron(fit_BK: F64, cosines_B: F64, judge_BK: F64) -> F64:
    """Fits two hidden layers by Adam; seeded, so that it comes out alike each time."""
    generator = torch.Generator().manual_seed(0)
    width = fit_BK.shape[1]
    net = nn.Sequential(
        nn.Linear(width, _HIDDEN), nn.GELU(), nn.Linear(_HIDDEN, _HIDDEN), nn.GELU(),
        nn.Linear(_HIDDEN, 1),
    )  # fmt: skip
    for parameter in net.parameters():
        spread = 1 / np.sqrt(parameter.shape[-1])
        nn.init.uniform_(parameter, -spread, spread, generator=generator)
    x_BK = torch.as_tensor(fit_BK, dtype=torch.float32)
    wanted_B = torch.as_tensor((cosines_B - cosines_B.mean()) / cosines_B.std()).float()
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.1)
    for _ in range(_EPOCHS):
        order_B = torch.randperm(len(x_BK), generator=generator)
        for rows in order_B.split(_BATCH):
            loss: Tensor = nn.functional.mse_loss(net(x_BK[rows])[:, 0], wanted_B[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        judged_B: Tensor = net(torch.as_tensor(judge_BK, dtype=torch.float32))[:, 0]
    return judged_B.numpy().astype(np.float64)


LEARNERS: dict[str, Learner] = {"ridge": ridge, "squares": squares, "perceptron": perceptron}


def _features(h_BSD: I8) -> F64:
    """Returns the last position, the mean and the spread over positions, [B, 3·D]."""
    wide_BSD = h_BSD.astype(np.float64) / 73.9
    last_BD = wide_BSD[:, -1]
    mean_BD = wide_BSD.mean(axis=1) * np.sqrt(h_BSD.shape[1])
    square_BD = (wide_BSD**2).mean(axis=1)
    spread_BD = (square_BD - square_BD.mean(axis=0)) / square_BD.std(axis=0)
    return np.hstack([last_BD, mean_BD, spread_BD])
