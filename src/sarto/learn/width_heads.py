"""Heads of a nested network whose groups stay as they are: one that is fair to all widths, or one for each.

Features are computed once; only weights of heads learn.

    polish:       minimise over W_1 ... W_G, b of the shared head   sum over k of w_k CE(b + sum_(g<=k) W_g f_g, class)
    refit_heads:  for each k, a head of its own on f_1 ... f_k:     cross-entropy, or ridge (`learn/nested_readouts`)

Both problems are convex. Polishing costs no byte, and changes the outputs of every width; own heads cost (G + 1) / 2
times the shared head's weights.

>>> from sarto.data.examples import of_arrays
>>> from sarto.models.dynamic.named import grouped
>>> x = np.random.default_rng(0).normal(size=(60, 1, 8))
>>> data = of_arrays(x, (x[:, 0, 0] > 0).astype(int))
>>> net = DynamicNetwork(grouped("cnn1d", (1, 8), 2, groups=2, width=4, depth=1), 2)
>>> history = polish(net, data, Training(epochs=20, batch=20, rate=0.01))
>>> history.loss[-1] < history.loss[0]
True
>>> refit_heads(net, data)
>>> [tuple(w.shape) for w, _ in (net.head.of_width(1), net.head.of_width(2))]
[(2, 2), (2, 4)]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from sarto.data.examples import Examples
from sarto.learn._over_widths import checked_weights, over_widths
from sarto.learn.incremental import SHARE, TEMPERATURE, need_shared_head
from sarto.learn.loop import History, Training, torch_threads, train
from sarto.learn.nested_readouts import nested_readouts
from sarto.learn.statistics import RidgeStatistics
from sarto.models.dynamic.heads import Head, blocks_of
from sarto.models.dynamic.module import DynamicNetwork
from sarto.models.network.architecture import INPUT, Architecture, Node
from sarto.models.network.module import Network, laid_out, predict
from sarto.models.trainable import Trainable

BATCH = 512


class _OnFeatures(Trainable):
    """The shared head on rows of features, and what a teacher answered behind them."""

    def __init__(self, head: Head, features: int, groups: int, outputs: int) -> None:
        super().__init__()
        self.head = head
        self.sizes = features, groups, outputs
        self.outputs: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs of the full width, and keep those of all."""
        features, groups, _ = self.sizes
        self.outputs = self.head.every(blocks_of(x[:, : features * groups], features))
        return self.outputs[-1]

    def description(self) -> dict[str, Any]:
        """Return what this is; see `Trainable`."""
        return {"head_on": self.sizes}

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the answer to one item."""
        return (self.sizes[2],)


def features_of(network: DynamicNetwork, examples: Examples) -> Float[np.ndarray, "item feature"]:
    """Return the features of all groups, one after the other, as the network stands in use."""
    training = network.training
    network.eval()
    rows: list[Float[np.ndarray, "part feature"]] = []
    with torch.no_grad():
        for start in range(0, len(examples), BATCH):
            x = torch.as_tensor(examples.x[start : start + BATCH]).to(network.device)
            rows.append(torch.cat(network.features(laid_out(x), network.groups), 1).cpu().numpy())
    network.train(training)
    return np.concatenate(rows)


def polish(
    network: DynamicNetwork,
    examples: Examples,
    training: Training,
    *,
    weights: Sequence[float] | None = None,
    teacher: Trainable | None = None,
    temperature: float = TEMPERATURE,
    share: float = SHARE,
) -> History:
    """Train the shared head for all widths together, in place; nothing else changes.

    Args:
        network: with a shared head.
        examples: to learn from.
        training: how.
        weights: w_k of the widths from narrow to wide; they are divided by their sum. None weighs all alike.
        teacher: a network whose answers all widths learn, beside the classes.
        temperature: T of `distill`.
        share: of the teacher.

    Raises:
        InputError: E116, when there is not a weight for each width; E122, when the network has own heads; and what
            `loop.train` says.
    """
    need_shared_head(network)
    shares = checked_weights(weights, network.groups)
    with torch_threads(training.threads):
        x = features_of(network, examples)
        if teacher is not None:
            x = np.concatenate([x, predict(teacher, examples.x)], 1)
    known = network.nested.features * network.groups

    def cost(head: _OnFeatures, rows: Tensor, _outputs: Tensor, wanted: Tensor) -> Tensor:
        return over_widths(
            head.outputs,
            shares,
            wanted,
            smoothing=training.smoothing,
            answers=None if teacher is None else rows[:, known:],
            temperature=temperature,
            share=share,
        )

    on_features = _OnFeatures(network.head, network.nested.features, network.groups, network.output_shape[0])
    return train(on_features, replace(examples, x=x), training, loss=cost)


def refit_heads(
    network: DynamicNetwork,
    examples: Examples,
    training: Training | None = None,
    *,
    ridge: Literal["gcv"] | float = "gcv",
) -> None:
    """Give the network a head for each width, fitted to features that stay as they are.

    Args:
        network: of any kind of head, which is replaced.
        examples: to learn from.
        training: of each head by cross-entropy, from weights 0; None solves ridge regressions of +1 for the class and
            -1 for the others instead, all from one set of sums.
        ridge: their penalty; see `RidgeStatistics.solve`.
    """
    with torch_threads(1 if training is None else training.threads):
        x = features_of(network, examples)
    classes, size = len(examples.classes), network.nested.features
    if training is None:
        labels = tuple(range(classes))
        statistics = RidgeStatistics.of(x, examples.y, classes=labels)
        sizes = [size * width for width in range(1, network.groups + 1)]
        solutions = nested_readouts(statistics, sizes, ridge)
        network.take_heads([(s.weights, s.intercept) for s in solutions])
        return
    heads: list[tuple[Float[np.ndarray, "output feature"], Float[np.ndarray, " output"]]] = []
    for width in range(1, network.groups + 1):
        part = replace(examples, x=np.ascontiguousarray(x[:, : size * width]))
        node = Node("head", "linear", (INPUT,), {"features": classes})
        head = Network(Architecture(part.shape, (node,)))
        head.load_arrays({name: np.zeros(shape) for name, shape in head.architecture.parameters.items()})
        train(head, part, training)
        arrays = head.arrays()
        heads.append((arrays["head.weight"], arrays["head.bias"]))
    network.take_heads(heads)
