"""A network and the same network after magnitude pruning, on columns of a table: what each says, and how sure it is.

>>> rng = np.random.default_rng(0)
>>> x = rng.normal(size=(200, 4))
>>> pair = PrunedPair.fitted(x, (x[:, 0] > 0).astype(int), seed=0)
>>> original, small = pair.says(x)
>>> len(original.classes), bool((small.confidence <= 1).all()), float((original.classes == (x[:, 0] > 0)).mean()) > 0.9
(200, True, True)
"""

# scikit-learn types its networks loosely.
# pyright: basic

from __future__ import annotations

import copy
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped

HIDDEN = (64, 32)
SPARSITY = 0.8


@dataclass(frozen=True, eq=False)
class Said:
    """The class of each row, and its probability."""

    classes: Int[np.ndarray, " row"]
    confidence: Float[np.ndarray, " row"]


@dataclass(frozen=True, eq=False)
class PrunedPair:
    """A multilayer perceptron of scikit-learn, and its copy without the smallest weights."""

    original: Any
    small: Any
    mean: Float[np.ndarray, " column"]
    scale: Float[np.ndarray, " column"]

    @staticmethod
    def fitted(
        x: Float[np.ndarray, "row column"], y: Int[np.ndarray, " row"], seed: int, sparsity: float = SPARSITY
    ) -> PrunedPair:
        """Return the pair; `sparsity` of all weights are 0 in the small one, the same threshold for all layers."""
        from sklearn.neural_network import MLPClassifier

        mean, scale = x.mean(axis=0), x.std(axis=0) + 1e-9
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it says that more passes would change it
            original = MLPClassifier(HIDDEN, max_iter=60, early_stopping=True, random_state=seed).fit(
                (x - mean) / scale, y
            )
        small = copy.deepcopy(original)
        least = np.quantile(np.abs(np.concatenate([w.ravel() for w in small.coefs_])), sparsity)
        small.coefs_ = [np.where(np.abs(w) >= least, w, 0.0) for w in small.coefs_]
        return PrunedPair(original, small, mean, scale)

    def says(self, x: Float[np.ndarray, "row column"]) -> tuple[Said, Said]:
        """Return what the original and the small network say."""
        found = []
        for network in (self.original, self.small):
            p = network.predict_proba((x - self.mean) / self.scale)
            found.append(Said(p.argmax(axis=1), p.max(axis=1)))
        return found[0], found[1]


def one_hot(columns: dict[str, Shaped[np.ndarray, " row"]]) -> Float[np.ndarray, "row column"]:
    """Return texts as one column of 0 and 1 for each value, side by side."""
    parts = []
    for values in columns.values():
        names, codes = np.unique(values, return_inverse=True)
        parts.append(np.eye(len(names))[codes])
    return np.concatenate(parts, axis=1)
