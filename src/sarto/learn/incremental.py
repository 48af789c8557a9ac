"""Trains a nested network group by group: what comes later changes nothing of what was there.

In step g = 1 ... G only group g learns: its layers, its norms, and its columns W_g of the head, so that

    z_g = z_(g-1) + W_g f_g(x),        z_0 = b

comes right. The outputs z_(g-1) of the groups before are computed once for all items and do not change: no optimiser
has those groups, so that neither weight decay nor momentum moves them, and their norms are not run. The bias b learns
with the first group, since it is in the outputs of every width. So each width answers to the bit what it did when it
was trained, a step costs what its own group costs, and each is one training of `learn/loop`.

A teacher, if there is one, is for instance a larger network that is thrown away afterwards: every width then learns its
answers beside the classes (`distill`). It costs nothing at run time.

Source: Xun et al., MLCAD 2019 (arXiv:2105.03600); Tann et al., CODES 2016 (arXiv:1607.05418), section 3.2: earlier
channels are fixed. The teacher: Hinton, Vinyals and Dean, arXiv:1503.02531.

>>> from sarto.data.examples import of_arrays
>>> from sarto.models.dynamic.named import grouped
>>> x = np.random.default_rng(0).normal(size=(60, 1, 8))
>>> data = of_arrays(x, (x[:, 0, 0] > 0).astype(int))
>>> net = DynamicNetwork(grouped("cnn1d", (1, 8), 2, groups=2, width=4, depth=1), 2)
>>> len(train_incrementally(net, data, Training(epochs=2, batch=20)))
2
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from sarto.core.checkpoint_interval import Failures
from sarto.core.progress import Talk
from sarto.data.examples import Examples
from sarto.learn._beside import apart, beside
from sarto.learn.distill import distilled
from sarto.learn.loop import History, Training, torch_threads, train
from sarto.models.dynamic.heads import SharedHead
from sarto.models.dynamic.module import DynamicNetwork
from sarto.models.input_error import InputError
from sarto.models.network.module import Network, predict
from sarto.models.trainable import Trainable

TEMPERATURE, SHARE = 4.0, 0.7
"""Of `Distillation`."""


def train_incrementally(
    network: DynamicNetwork,
    examples: Examples,
    training: Training | Sequence[Training],
    *,
    first: int = 1,
    validation: Examples | None = None,
    teacher: Trainable | None = None,
    temperature: float = TEMPERATURE,
    share: float = SHARE,
    checkpoints: Path | None = None,
    failures: Failures | None = None,
    talk: Talk | None = None,
) -> list[History]:
    """Train the groups of `network` one after the other, in place; it is at full width afterwards.

    Args:
        network: with a shared head.
        examples: to learn from.
        training: how, of every step, or of each.
        first: the group to begin with, from 1; those before it stay as they are.
        validation: to watch; of each step the weights of the best pass are kept.
        teacher: a network whose answers every width learns beside the classes; it is not changed.
        temperature: T of `distill`.
        share: of the teacher; the rest is the cross-entropy.
        checkpoints: a folder, with a file for each group; the same training, with the same teacher, goes on from there.
        failures: as in `loop.train`.
        talk: told of every pass.

    Returns:
        what each step saw.

    Raises:
        InputError: E116, when there is not a training for each group, or no such group; E122, when the network has own
            heads, of which those of other widths would not fit what a group becomes; and what `loop.train` says.
    """
    groups = range(first - 1, network.groups)
    each = [training] * len(groups) if isinstance(training, Training) else list(training)
    if len(each) != len(groups) or not groups or first < 1:
        raise InputError(
            "E116",
            f"{len(each)} trainings from group {first} of {network.groups}",
            cause="every group that is trained has its own, or all have one",
        )
    need_shared_head(network)
    histories: list[History] = []
    for group, how in zip(groups, each, strict=True):
        with torch_threads(how.threads):
            rows, judged = (
                None if part is None else beside(part, _before(network, part, group))
                for part in (examples, validation)
            )
            if teacher is not None:
                rows = beside(cast(Examples, rows), predict(teacher, examples.x))
        step = _Step(network, group)
        file = None if checkpoints is None else checkpoints / f"group{group + 1}.npz"
        cost = None if teacher is None else _taught(network, temperature, share)
        kept: dict[str, Any] = {"checkpoint": file, "failures": failures, "talk": talk}
        histories.append(train(step, cast(Examples, rows), how, validation=judged, loss=cost, **kept))
    network.width = network.groups
    return histories


def _before(network: DynamicNetwork, examples: Examples, group: int) -> Float[np.ndarray, "item output"]:
    """Return the outputs of the groups before one, of every item; of none for the first."""
    if group == 0:
        return np.zeros((len(examples), 0), np.float32)
    network.width = group
    return predict(network, examples.x)


def _taught(network: DynamicNetwork, temperature: float, share: float) -> Any:
    """Return the loss of `distill` on rows whose last numbers are the teacher's answers."""
    classes = network.output_shape[0]

    def cost(_step: Trainable, rows: Tensor, outputs: Tensor, wanted: Tensor) -> Tensor:
        return distilled(outputs, rows[:, -classes:], wanted, temperature, share)

    return cost


class _Step(Trainable):
    """One group of a network, and its columns of the head, on items with the outputs of the groups before."""

    def __init__(self, network: DynamicNetwork, group: int) -> None:
        super().__init__()
        head = network.head
        assert isinstance(head, SharedHead)
        self.column = cast(Network, network.columns[group])
        self.block = cast(nn.Parameter, head.blocks[group])
        self.bias = head.bias if group == 0 else None
        self.about = {**network.description(), "group": group}
        self.shape, self.outputs = network.nested.architecture.input_shape, network.output_shape

    def forward(self, rows: Tensor) -> Tensor:
        """Return the outputs with this group."""
        x, before = apart(rows, self.shape)
        own = functional.linear(self.column(x), self.block, self.bias)
        return own if self.about["group"] == 0 else before[:, : self.outputs[0]] + own

    def description(self) -> dict[str, Any]:
        """Return what this is; see `Trainable`."""
        return self.about

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the answer to one item."""
        return self.outputs


def need_shared_head(network: DynamicNetwork) -> None:
    """Refuse a network with a head for each width.

    Raises:
        InputError: E122.
    """
    if network.has_own_heads:
        raise InputError(
            "E122",
            "a network with a head for each width is not trained",
            cause="the heads of other widths would not fit what the groups become",
            hint="train with the shared head, then refit heads",
        )
