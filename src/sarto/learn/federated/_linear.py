"""A linear softmax head on features that every client computes alike: the model of head-only methods.

    p = softmax(W f + b),   loss = mean -log p_y + (decay / 2) |W|^2

Without a network of its own it needs no torch. Its items are vectors of features.

>>> from sarto.data.examples import of_arrays
>>> data = of_arrays(np.array([[1.0], [-1.0]]), np.array([0, 1]))
>>> model = LinearModel.zeros(1, data.classes)
>>> better = model.with_vector(model.trained(data, Local(rate=1.0, epochs=20), seed=0))
>>> better.scores(data).argmax(axis=1).tolist()
[0, 1]
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from sarto.core.seed import generator
from sarto.data.examples import Examples
from sarto.learn.federated._contract import Local, Part


@dataclass(frozen=True, eq=False)
class LinearModel:
    """See the module.

    Attributes:
        weights: W, float32.
        intercept: b, float32.
        classes: names.
        features_id: names what computed the features.
    """

    weights: Float[np.ndarray, "class feature"]
    intercept: Float[np.ndarray, " class"]
    classes: tuple[str, ...]
    features_id: str = ""

    @classmethod
    def zeros(cls, features: int, classes: tuple[str, ...], features_id: str = "") -> LinearModel:
        """Return the model that knows nothing."""
        shape = (len(classes), features)
        return cls(np.zeros(shape, np.float32), np.zeros(len(classes), np.float32), classes, features_id)

    @property
    def vector(self) -> Float[np.ndarray, " weight"]:
        """W, row by row, then b."""
        return np.concatenate([self.weights.reshape(-1), self.intercept])

    def mask(self, part: Part) -> Bool[np.ndarray, " weight"]:
        """Return that everything is the head."""
        return np.full(self.weights.size + len(self.intercept), part != "features")

    def with_vector(self, vector: Float[np.ndarray, " weight"]) -> LinearModel:
        """Return the model with other weights."""
        weights, intercept = np.split(vector.astype(np.float32), [self.weights.size])
        return replace(self, weights=weights.reshape(self.weights.shape), intercept=intercept)

    def with_head(
        self, weights: Float[np.ndarray, "class feature"], intercept: Float[np.ndarray, " class"]
    ) -> LinearModel:
        """Return the model with this head."""
        return replace(self, weights=weights.astype(np.float32), intercept=intercept.astype(np.float32))

    def features(self, data: Examples) -> Float[np.ndarray, "item feature"]:
        """Return the items."""
        return data.x

    def scores(self, data: Examples) -> Float[np.ndarray, "item class"]:
        """Return W f + b."""
        return data.x @ self.weights.T + self.intercept

    def trained(
        self, data: Examples, local: Local, seed: int, shift: Float[np.ndarray, " weight"] | None = None
    ) -> Float[np.ndarray, " weight"]:
        """Return the weights after gradient steps; see `Model`."""
        if local.part == "features" or not len(data):
            return self.vector
        shape, size = self.weights.shape, self.weights.size
        start = self.vector
        v = start.copy()
        W, b = v[:size].reshape(shape), v[size:]
        g = np.zeros_like(v)
        gW, gb = g[:size].reshape(shape), g[size:]
        for items in batches(len(data), local, seed):
            x, y = data.x[items], data.y[items]
            z = x @ W.T + b
            z -= z.max(axis=1, keepdims=True)
            np.exp(z, out=z)
            z /= z.sum(axis=1, keepdims=True)
            z[np.arange(len(y)), y] -= 1
            z /= np.float32(len(y))
            np.matmul(z.T, x, out=gW)
            z.sum(axis=0, out=gb)
            if local.decay:
                gW += np.float32(local.decay) * W
            if local.proximal:
                g += np.float32(local.proximal) * (v - start)
            if shift is not None:
                g += shift
            v -= np.float32(local.rate) * g
        return v

    def macs(self, data: Examples, local: Local | None) -> int:
        """Return what a client computes: scores and the gradient of W are a multiplication for each weight."""
        return (
            0
            if local is None or local.part == "features"
            else 2 * self.weights.size * local.visits(len(data))
        )


def batches(items: int, local: Local, seed: int) -> list[np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Return the items of each step: passes in random order, of which the last may be cut short.

    >>> [len(part) for part in batches(5, Local(rate=1.0, epochs=2, batch=2), seed=0)]
    [2, 2, 1, 2, 2, 1]
    """
    random, size, wanted = generator(seed, "local"), min(local.batch, items), local.steps_for(items)
    found: list[np.ndarray[tuple[int], np.dtype[np.int64]]] = []
    while len(found) < wanted:
        order = random.permutation(items)
        found += [order[first : first + size] for first in range(0, items, size)]
    return found[:wanted]
