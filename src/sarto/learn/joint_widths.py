"""Trains all widths of a nested network at once: a step lowers the mean loss of every width.

    L = sum over k of w_k CE(z_k, class),        or against the outputs of the full width or of a teacher

with the outputs z_k of the first k groups. The groups are run once for all widths. Earlier groups change as later ones
do, so a width is not what it would be alone: this is what incremental training is compared with, and what it may begin
with.

Source: Yu and Huang, "Universally slimmable networks and improved training techniques", ICCV 2019 (arXiv:1903.05134),
section 3: widths trained together, narrow ones on the answers of the widest (in-place distillation).

>>> from sarto.data.examples import of_arrays
>>> from sarto.models.dynamic.named import grouped
>>> import numpy as np
>>> x = np.random.default_rng(0).normal(size=(60, 1, 8))
>>> data = of_arrays(x, (x[:, 0, 0] > 0).astype(int))
>>> net = DynamicNetwork(grouped("cnn1d", (1, 8), 2, groups=2, width=4, depth=1), 2)
>>> len(train_jointly(net, data, Training(epochs=3, batch=20)).loss)
3
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from sarto.core.checkpoint_interval import Failures
from sarto.core.progress import Talk
from sarto.data.examples import Examples
from sarto.learn._beside import apart, beside
from sarto.learn._over_widths import checked_weights, over_widths
from sarto.learn.incremental import need_shared_head
from sarto.learn.loop import History, Training, torch_threads, train
from sarto.models.dynamic.module import DynamicNetwork
from sarto.models.input_error import InputError
from sarto.models.network.module import predict
from sarto.models.trainable import Trainable


class _EveryWidth(Trainable):
    """A nested network on rows (`_beside`), that answers as the full one and keeps the others' outputs of a batch."""

    def __init__(self, network: DynamicNetwork) -> None:
        super().__init__()
        self.network = network
        self.outputs: list[Tensor] = []

    def forward(self, rows: Tensor) -> Tensor:
        """Return the outputs of the full width."""
        x, _ = apart(rows, self.network.nested.architecture.input_shape)
        self.outputs = self.network.every_width(x)
        return self.outputs[-1]

    def description(self) -> dict[str, Any]:
        """Return what this is; see `Trainable`."""
        return {"every_width": self.network.description()}

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the answer to one item."""
        return self.network.output_shape


def train_jointly(
    network: DynamicNetwork,
    examples: Examples,
    training: Training,
    *,
    weights: Sequence[float] | None = None,
    in_place: bool = False,
    teacher: Trainable | None = None,
    temperature: float = 1.0,
    share: float = 1.0,
    validation: Examples | None = None,
    checkpoint: Path | None = None,
    failures: Failures | None = None,
    talk: Talk | None = None,
) -> History:
    """Train every width of `network` together, in place.

    Args:
        network: with a shared head.
        examples: to learn from.
        training: how.
        weights: w_k of the widths from narrow to wide; they are divided by their sum. None weighs all alike.
        in_place: have narrow widths learn the answers of the full one, with `temperature` and `share` of `distill`.
        teacher: a network that all widths learn from, with the same; not beside `in_place`.
        temperature: T.
        share: of what is taught; the rest is the cross-entropy.
        validation: to watch at full width.
        checkpoint, failures: as in `loop.train`.
        talk: told of every pass.

    Raises:
        InputError: E116, when there is not a weight for each width, or both teachers are asked for; E122, when the
            network has own heads; and what `loop.train` says.
    """
    need_shared_head(network)
    shares = checked_weights(weights, network.groups)
    if in_place and teacher is not None:
        raise InputError("E116", "two teachers", cause="narrow widths learn from the full one or a teacher")
    network.width = network.groups
    with torch_threads(training.threads):
        taught = () if teacher is None else (predict(teacher, examples.x),)

    def cost(every: _EveryWidth, rows: Tensor, outputs: Tensor, wanted: Tensor) -> Tensor:
        answers = outputs.detach() if in_place else None
        if teacher is not None:
            answers = rows[:, -outputs.shape[1] :]
        return over_widths(
            every.outputs,
            shares,
            wanted,
            smoothing=training.smoothing,
            answers=answers,
            taught=len(shares) - 1 if in_place else None,
            temperature=temperature,
            share=share,
        )

    return train(
        _EveryWidth(network),
        beside(examples, *taught),
        training,
        validation=None if validation is None else beside(validation),
        loss=cost,
        checkpoint=checkpoint,
        failures=failures,
        talk=talk,
    )
