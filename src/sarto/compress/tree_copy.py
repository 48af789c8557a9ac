"""A network's choices as one small decision tree.

The tree copies the network as it stands (`tree.grow`): what a class would cost on a training item is 1 minus the
probability that the network gives it, the softmax of its scores. It sees an item's numbers as one vector, in whole
counts as a device does: bytes as they are, else 16 bits of which the largest training number takes all, and its
thresholds lie between two counts. So what comes out computes in integers, and whoever had integers of their own keeps
them (`Examples.input_scale`).

>>> from sarto.compress.quantize import _example
>>> state, evaluation = _example.trained()
>>> small = TreeCopy(leaves=12)(state, evaluation)
>>> [node.op for node in small.network.architecture.nodes], small.quantization.tensors["input"].bits
(['tree'], 16)
>>> bool(evaluation.accuracy(small.network) > 0.8)
True
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from sarto.compress.quantize._calibration import items_of_bytes
from sarto.compress.state import Evaluation, State
from sarto.compress.tree import grow
from sarto.compress.uniform import Uniform
from sarto.core.recipe import Step
from sarto.data.examples import BYTE, Examples
from sarto.models.input_error import InputError
from sarto.models.network.architecture import INPUT, Architecture, Node
from sarto.models.network.module import Network, predict

BITS = 16


@dataclass(frozen=True)
class TreeCopy:
    """The step that puts a tree in the place of a network.

    Attributes:
        leaves: it has at most so many.
    """

    leaves: float

    def __post_init__(self) -> None:
        """Refuse what is no number of leaves.

        Raises:
            InputError: E136.
        """
        if self.leaves != int(self.leaves) or self.leaves < 2:
            raise InputError(
                "E136",
                f"a tree of {self.leaves:g} leaves",
                cause="the leaves of a tree are a whole number, at least 2",
                hint="as in tree:16",
            )

    def __call__(self, state: State, evaluation: Evaluation) -> State:
        """Return the state with a tree for its network.

        Raises:
            InputError: E136, when the network says the same of every item; E127, when there is nothing to scale by.
        """
        network, shape = state.network, state.network.architecture.input_shape
        form = counts_of(evaluation.train)
        x = seen(form, evaluation.train.x)
        scores = torch.as_tensor(predict(network, evaluation.train.x)).double()
        costs = 1 - torch.softmax(scores, dim=1).numpy()
        tree = grow(x, costs, int(self.leaves), evaluation.seed)
        if not len(tree.feature):
            same = evaluation.train.classes[int(tree.action[0])]
            raise InputError(
                "E136",
                "the network cannot be copied as a tree",
                cause=f"it says '{same}' of the training items, whatever they are",
                hint="give a network that has learned to tell them apart",
            )
        words, thresholds = tree.preorder
        flat = (Node("flat", "flatten", (INPUT,)),) if len(shape) > 1 else ()
        attributes = {"outputs": costs.shape[1], "preorder": words}
        nodes = (*flat, Node("tree", "tree", (flat[0].name if flat else INPUT,), attributes))
        small = Network(Architecture(shape, nodes))
        small.load_arrays({"tree.threshold": thresholds})
        small.quantisers[INPUT] = form
        return state.then(Step("tree", {"leaves": int(self.leaves)}), small)


def counts_of(examples: Examples) -> Uniform:
    """Return what makes whole counts of items.

    Raises:
        InputError: E127, when all numbers are 0, or one is not finite.
    """
    if examples.input_scale is not None:
        return Uniform(torch.tensor([examples.input_scale]), 8)
    if items_of_bytes(examples.x):
        return Uniform(torch.tensor([1 / BYTE]), 8, signed=False)
    peak = float(np.abs(examples.x).max())
    if not np.isfinite(peak) or peak == 0:
        raise InputError(
            "E127",
            f"no scale for the input: its largest number is {peak:g}",
            cause=f"it was seen on {len(examples)} items",
        )
    return Uniform(torch.tensor([peak / (2 ** (BITS - 1) - 1)]), BITS)


def seen(form: Uniform, x: Float[np.ndarray, "item ..."]) -> Float[np.ndarray, "item feature"]:
    """Return what a device sees of items, as vectors."""
    with torch.no_grad():
        found = form(torch.as_tensor(np.ascontiguousarray(x, np.float32))).numpy()
    return found.reshape(len(x), -1)
