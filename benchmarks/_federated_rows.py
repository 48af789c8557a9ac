"""Rows of digits as random Fourier features, and ways to share them out among clients.

scikit-learn's 1,797 digits, pixels 0..16 as -1..1, of which 1,300 are shared out and 497 are for tests; both by seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from jaxtyping import Float, Int
from sklearn.datasets import load_digits  # pyright: ignore[reportUnknownVariableType, reportMissingTypeStubs]

from sarto.core.seed import generator
from sarto.learn.statistics import RidgeStatistics
from sarto.models.random_features import build

CLASSES = tuple(range(10))
SHARED, INPUT_SCALING = 1300, 3.0
RELATIVE_RIDGE = 1e-3
"""Of the mean eigenvalue of C_xx: the problem that is solved throughout."""
SPLITS = ("identical", "Dirichlet .05", "one class each", "one row each", "quantity skew")


@dataclass(frozen=True, eq=False)
class Rows:
    """Features and labels, shared out and for tests."""

    x: Float[np.ndarray, "row feature"]
    y: Int[np.ndarray, " row"]
    test_x: Float[np.ndarray, "test feature"]
    test_y: Int[np.ndarray, " test"]


def digits(units: int, seed: int) -> Rows:
    """Return the digits as `units` random Fourier features."""
    pixels, labels = cast("tuple[Any, Any]", load_digits(return_X_y=True))
    order = generator(seed, "federated_rows", "order").permutation(len(labels))
    layer = build(units, 64, seed=seed, activation="cosine", input_scaling=INPUT_SCALING, bias_scaling=0.0)
    x, y = layer(pixels[order] / 8 - 1), labels[order].astype(np.int64)
    return Rows(x[:SHARED], y[:SHARED], x[SHARED:], y[SHARED:])


def split(y: Int[np.ndarray, " row"], how: str, clients: int, seed: int) -> list[Int[np.ndarray, " place"]]:
    """Return the rows of each client that has any."""
    rng = generator(seed, "federated_rows", how)
    places = rng.permutation(len(y))
    if how == "identical":
        return [np.sort(part) for part in np.array_split(places, clients)]
    if how == "one row each":
        return [np.array([place]) for place in places]
    if how == "one class each":
        each = max(1, clients // len(CLASSES))
        parts = [np.array_split(places[y[places] == label], each) for label in CLASSES]
        return [part for label in parts for part in label if len(part)]
    if how == "quantity skew":
        shares = rng.dirichlet(np.full(clients, 0.3))
        cuts = np.floor(np.cumsum(shares)[:-1] * len(y)).astype(int)
        return [part for part in np.split(places, cuts) if len(part)]
    assert how == "Dirichlet .05", how
    owner = np.empty(len(y), int)
    for label in CLASSES:
        of_class = places[y[places] == label]
        owner[of_class] = rng.choice(clients, len(of_class), p=rng.dirichlet(np.full(clients, 0.05)))
    return [found for k in range(clients) if len(found := np.flatnonzero(owner == k))]


def solved(statistics: RidgeStatistics) -> Float[np.ndarray, "coefficient output"]:
    """Return weights and intercept of the stated problem."""
    solution = statistics.solve(statistics.ridge_from_relative(RELATIVE_RIDGE))
    return np.concatenate([solution.weights.T, solution.intercept[None]])


def error_of(
    found: Float[np.ndarray, "coefficient output"], exact: Float[np.ndarray, "coefficient output"]
) -> float:
    """Return the largest difference of a coefficient, relative to the largest coefficient."""
    return float(np.abs(found - exact).max() / np.abs(exact).max())


def accuracy_of(readout: Float[np.ndarray, "coefficient output"], rows: Rows) -> float:
    """Return the share of test rows that are told right."""
    return float(((rows.test_x @ readout[:-1] + readout[-1]).argmax(axis=1) == rows.test_y).mean())
