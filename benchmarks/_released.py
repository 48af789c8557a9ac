"""Data and readouts of `privacy_price`: rows of length 1, clients, and the accuracy that noise leaves.

Every map from a row to its features is fixed beforehand: scales are physical constants or those of the file format, and
each row is divided by its own length. Nothing that is learned of the data goes in unnoticed.

>>> x, clients = unit(np.array([[3.0, 4.0]])), dirichlet(np.repeat([0, 1], 50), 4, 0.05, np.random.default_rng(0))
>>> x.tolist(), sorted(set(clients.tolist()) - {0, 1, 2, 3})
([[0.6, 0.8]], [])
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from jaxtyping import Float, Int
from sklearn.datasets import load_digits

from benchmarks._bench import real_data
from sarto.core.seed import generator
from sarto.learn.gaussian_mechanism import Promise
from sarto.learn.perturbation import Perturbed
from sarto.learn.statistics import RidgeStatistics
from sarto.models.random_features import build

DELTA = 1e-5
CLIENTS, ALPHA, SUBJECT_FOLDS = 100, 0.05, 5
LARGE = 1000
"""Random Fourier features."""
GRAVITY, ACCELERATION, TURN = 9.81, 2.0, 1.0
"""m/s^2 in which an accelerometer at rest and one that moves are measured, and rad/s of a turn."""
RIVAL_RIDGES = np.logspace(-2, 4, 25)


@dataclass(frozen=True, eq=False)
class Split:
    """Rows of length 1 at most to learn from, with their clients, and rows to judge on."""

    x: Float[np.ndarray, "row feature"]
    y: Int[np.ndarray, " row"]
    client: Int[np.ndarray, " row"]
    test_x: Float[np.ndarray, "other feature"]
    test_y: Int[np.ndarray, " other"]

    @property
    def classes(self) -> tuple[int, ...]:
        """Labels."""
        return tuple(range(int(max(self.y.max(), self.test_y.max())) + 1))


def unit(x: Float[np.ndarray, "row feature"]) -> Float[np.ndarray, "row feature"]:
    """Return rows over their lengths."""
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)


def dirichlet(
    y: Int[np.ndarray, " row"], clients: int, alpha: float, rng: np.random.Generator
) -> Int[np.ndarray, " row"]:
    """Return the client of every row: each class is spread over them by shares from a Dirichlet distribution."""
    found = np.zeros(len(y), np.int64)
    for label in np.unique(y):
        rows = np.flatnonzero(y == label)
        found[rows] = rng.choice(clients, len(rows), p=rng.dirichlet(np.full(clients, alpha)))
    return found


def _digits(seed: int) -> Split:
    data = cast("Any", load_digits())
    x, y = data.data / 16, data.target.astype(np.int64)
    rng = generator(seed, "split of digits")
    order = rng.permutation(len(y))
    train, test = order[:1078], order[1078:]
    return Split(x[train], y[train], dirichlet(y[train], CLIENTS, ALPHA, rng), x[test], y[test])


def _har(seed: int) -> Split:
    """Return seven statistics of each channel; subjects are clients, and those of fold `seed` are judged."""
    with np.load(real_data("sp_sw_har/windows_2s_50hz.npz"), allow_pickle=False) as file:
        x, y, subject = (
            file["x"].astype(np.float64), file["y"].astype(np.int64), file["subject"].astype(np.int64)
        )  # fmt: skip
    lies, moves = (np.tile(np.repeat(scale, 3), 2) for scale in ((GRAVITY, TURN), (ACCELERATION, TURN)))
    step = np.abs(np.diff(x, axis=1)).mean(axis=1)
    of_place = [x.mean(1), x.min(1), x.max(1), np.median(x, axis=1), np.sqrt((x**2).mean(1))]
    features = np.concatenate([part / lies for part in of_place] + [x.std(1) / moves, step / moves], axis=1)
    test = subject % SUBJECT_FOLDS == seed % SUBJECT_FOLDS
    return Split(features[~test], y[~test], subject[~test], features[test], y[test])


def _mnist(seed: int) -> Split:
    """Return all of MNIST at a quarter of its width and height; the test images are those of the file."""
    with np.load(real_data("mnist/mnist.npz"), allow_pickle=False) as file:
        x, y, test_x, test_y = (file[name] for name in ("x_train", "y_train", "x_test", "y_test"))
    small = [
        (part.reshape(-1, 7, 4, 7, 4).mean(axis=(2, 4), dtype=np.float64) / 255).reshape(-1, 49)
        for part in (x, test_x)
    ]
    clients = dirichlet(y.astype(np.int64), CLIENTS, ALPHA, generator(seed, "split of MNIST"))
    return Split(small[0], y.astype(np.int64), clients, small[1], test_y.astype(np.int64))


SETS: dict[str, tuple[Callable[[int], Split], float, float]] = {
    "digits": (_digits, 0.3, 0.35),
    "sp_sw_har": (_har, 0.0, 1.0),
    "MNIST": (_mnist, 0.13, 0.25),
}
"""What reads it, and what random features take for mean and deviation of an input."""


def split_of(name: str, large: bool, seed: int) -> Split:
    """Return the rows of a set, or their random Fourier features, all of length 1."""
    read, mean, deviation = SETS[name]
    found = read(seed)
    parts = [found.x, found.test_x]
    if large:
        layer = build(
            LARGE, found.x.shape[1], seed=seed, activation="cosine", input_scaling=1.0, bias_scaling=0.0
        )
        parts = [layer((part - mean) / deviation) for part in parts]
    return Split(unit(parts[0]), found.y, found.client, unit(parts[1]), found.test_y)


def without_noise(data: Split) -> float:
    """Return the accuracy of ridge, its penalty chosen by GCV on what is learned from."""
    found = RidgeStatistics.of(data.x, data.y, classes=data.classes).solve("gcv")
    return float((found.predict(data.test_x).argmax(axis=1) == data.test_y).mean())


def with_noise(data: Split, epsilon: float, local: bool, seed: int) -> float:
    """Return the accuracy with the noise of a promise, added once or by every client."""
    promise, random = Promise(epsilon, DELTA), generator(seed, "noise", f"{epsilon:g}", str(local))
    if local:
        there = np.unique(data.client)
        sums = [
            Perturbed.of_rows(data.x[w], data.y[w], data.classes) for w in (data.client == c for c in there)
        ]
        total = sums[0].noised(promise, random)
        for one in sums[1:]:
            total = total + one.noised(promise, random)
    else:
        total = Perturbed.of_rows(data.x, data.y, data.classes).noised(promise, random)
    return float((total.solve().predict(data.test_x).argmax(axis=1) == data.test_y).mean())


def with_constant(data: Split, epsilon: float, local: bool, seed: int) -> float:
    """Return the best accuracy, over penalties and in hindsight, of the noise as it is usually put on these sums.

    A constant is the last feature of a row of length 1, every number of the triangle and of B gets the same noise for a
    distance of sqrt 2, and no eigenvalue is cut off.
    """
    promise, random = Promise(epsilon, DELTA), generator(seed, "usual noise", f"{epsilon:g}", str(local))
    x, test = (unit(np.hstack([part, np.ones((len(part), 1))])) for part in (data.x, data.test_x))
    sigma = math.sqrt(2) * promise.sigma / promise.distance
    sigma *= math.sqrt(len(np.unique(data.client))) if local else 1.0
    upper = np.triu(random.normal(size=(x.shape[1], x.shape[1])))
    A = x.T @ x + sigma * (upper + np.triu(upper, 1).T)
    plain = x.T @ np.eye(len(data.classes))[data.y]
    values, vectors = np.linalg.eigh(A)
    left, right = test @ vectors, vectors.T @ (plain + sigma * random.normal(size=plain.shape))
    scores = [left @ (right / (values + ridge)[:, None]) for ridge in RIVAL_RIDGES]
    return float(max((score.argmax(axis=1) == data.test_y).mean() for score in scores))


def adaptive(data: Split, epsilon: float, seed: int) -> float:
    """Return the accuracy of AdaSSP, whose penalty is what the noise needs beyond the least eigenvalue.

    Source: Wang, "Revisiting differentially private linear regression", UAI 2018, algorithm 2: a third of epsilon and
    delta each for the least eigenvalue, A and B; rho = .05.
    """
    random, d = generator(seed, "adaptive", f"{epsilon:g}"), data.x.shape[1]
    B = data.x.T @ np.eye(len(data.classes))[data.y]
    A, scale = data.x.T @ data.x, math.sqrt(math.log(6 / DELTA)) / (epsilon / 3)
    least = max(
        float(np.linalg.eigvalsh(A)[0]) + scale * random.normal() - math.log(6 / DELTA) / (epsilon / 3), 0
    )
    ridge = max(0.0, math.sqrt(d * math.log(6 / DELTA) * math.log(2 * d**2 / 0.05)) / (epsilon / 3) - least)
    upper = np.triu(random.normal(size=(d, d)))
    noised = A + scale * (upper + np.triu(upper, 1).T) + ridge * np.eye(d)
    weights = np.linalg.solve(noised, B + scale * random.normal(size=B.shape))
    return float(((data.test_x @ weights).argmax(axis=1) == data.test_y).mean())
