"""A pruned MAM layer in use: only its kept weights are multiplied, in NumPy, with the outputs of the masked layer.

    y_i = sum_s (max{x_k w_ik : k kept in s, and 0 if any in s is pruned} + min{the same}) + b_i

Weights lie by neuron and split, each with the number of its input, as in compressed sparse rows. It costs one product
for each kept weight and item. The 0 of a pruned weight takes part, as it does in training. Outputs are those of
`max_min`, bit for bit.

>>> layer = SparseMam.of(np.array([[2.0, 0.0, -1.0, 0.0]], np.float32), np.zeros(1, np.float32))
>>> layer(np.array([[1.0, 9.0, -3.0, 9.0], [-1.0, 9.0, 3.0, 9.0]], np.float32)).tolist()
[[3.0], [-3.0]]
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int


@dataclass(frozen=True, eq=False)
class SparseMam:
    """Kept weights of one layer.

    Attributes:
        neurons, splits: how many.
        weights, inputs: of each kept weight: value, and number of the input.
        cells: neuron * splits + split of each run of kept weights, rising.
        starts: first weight of each run.
        pruned: whether a run lacks an input, so that 0 takes part.
        bias: added at the end.
    """

    neurons: int
    splits: int
    weights: Float[np.ndarray, " kept"]
    inputs: Int[np.ndarray, " kept"]
    cells: Int[np.ndarray, " run"]
    starts: Int[np.ndarray, " run"]
    pruned: Bool[np.ndarray, " run"]
    bias: Float[np.ndarray, " neuron"]

    @staticmethod
    def of(
        weight: Float[np.ndarray, "neuron input"], bias: Float[np.ndarray, " neuron"], splits: int = 1
    ) -> SparseMam:
        """Return the layer with the weights that are not 0."""
        neurons, inputs = weight.shape
        rows, columns = np.nonzero(weight)
        cells, starts, lengths = np.unique(
            rows * splits + columns // (inputs // splits), return_index=True, return_counts=True
        )
        pruned = lengths < inputs // splits
        return SparseMam(neurons, splits, weight[rows, columns], columns, cells, starts, pruned, bias)

    def __call__(self, x: Float[np.ndarray, "item input"]) -> Float[np.ndarray, "item neuron"]:
        """Return the outputs of items."""
        found = np.zeros((self.neurons * self.splits, len(x)), x.dtype)
        if len(self.weights):
            products = x.T[self.inputs] * self.weights[:, None]
            high = np.maximum.reduceat(products, self.starts, axis=0)
            low = np.minimum.reduceat(products, self.starts, axis=0)
            gap = self.pruned[:, None]
            found[self.cells] = np.where(gap, np.maximum(high, 0), high) + np.where(
                gap, np.minimum(low, 0), low
            )
        parts = found.reshape(self.neurons, self.splits, len(x))
        total = parts[:, 0].copy()
        for split in range(1, self.splits):
            total += parts[:, split]
        return (total + self.bias[:, None]).T
