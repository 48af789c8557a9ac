"""The last step before a file: biases become numbers that cost few bits, and what still learns is tuned to them.

Biases are rounded to float16, or clustered so that those of a layer share a few values (`clusters`, exact), and learn
no more. Then the network is tuned: shared values of codebooks, sizes of ternary and binary weights, norms.

>>> from sarto.compress.quantize._example import trained
>>> state, evaluation = trained()
>>> settled = Settling(passes=1, bias_values=3)(state, evaluation)
>>> len(settled.network.layer("fc2").bias.unique()), bool(evaluation.accuracy(settled.network) > 0.9)
(3, True)
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from sarto.compress.clusters import clusters, nearest
from sarto.compress.half import rounded
from sarto.compress.state import Evaluation, State
from sarto.core.recipe import Step
from sarto.models.input_error import InputError
from sarto.models.network.module import Network


@dataclass(frozen=True)
class Settling:
    """A step of a recipe; see the module.

    Attributes:
        passes: of tuning.
        bias_values: that the biases of a layer share besides 0, or 0 for a float16 number each.
    """

    passes: int = 2
    bias_values: int = 0

    def __call__(self, state: State, evaluation: Evaluation) -> State:
        """Return the state with settled biases, tuned.

        Raises:
            InputError: E116, when a number is negative.
        """
        if self.passes < 0 or self.bias_values < 0:
            raise InputError("E116", f"{self} cannot be used", cause="both numbers are at least 0")
        network = state.copy()
        settle_biases(network, self.bias_values)
        evaluation.tune(network, replace(evaluation.training, epochs=self.passes))
        return state.then(Step("settle", vars(self)), network)


def settle_biases(network: Network, count: int) -> None:
    """Make biases float16 numbers that learn no more: `count` of a layer besides 0, or any for a count of 0."""
    for _, layer in network.weighted():
        if layer.bias is None:
            continue
        values = layer.bias.detach().cpu().numpy().astype(np.float64)
        there = values != 0
        if count and len(np.unique(values[there])) > count:
            centroids = clusters(values[there], count, "exact")
            values[there] = centroids[nearest(values[there], centroids)]
        with torch.no_grad():
            layer.bias.copy_(rounded(torch.as_tensor(values).to(layer.bias)))
        layer.bias.requires_grad_(False)
