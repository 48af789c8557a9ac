"""Trains a nested network by a teacher, group by group: more accurate at every width, and not a byte larger.

1. The items get mixtures beside them (`data/mixup`), and the teacher, a larger network that is thrown away afterwards,
   answers them all.
2. Each group in turn learns these answers alone, those of the groups before being settled (`incremental`):
   T^2 KL(softmax(z_t / T) || softmax(z_g / T)).
3. The shared head learns them for all widths together, on the items (`width_heads.polish`).

As many steps are taken as without mixtures. A network that learns answers to mixtures overfits late, so that more
passes pay that would not without: the benchmark `dynamic_accuracy` has the figures, beside longer training alone and
mixtures alone.

Source: Xun et al., MLCAD 2019 (arXiv:2105.03600): groups in turn; Hinton, Vinyals and Dean, arXiv:1503.02531; Beyer et
al., CVPR 2022 (arXiv:2106.05237): a teacher's answers to mixtures, and patience.

>>> from sarto.models.dynamic.named import grouped
>>> from sarto.models.network.named import named
>>> from sarto.data.examples import of_arrays
>>> import numpy as np
>>> from sarto.learn.loop import train
>>> from sarto.models.network.module import Network
>>> x = np.random.default_rng(0).normal(size=(60, 1, 8))
>>> data = of_arrays(x, (x[:, 0, 0] > 0).astype(int))
>>> teacher, how = Network(named("cnn1d", (1, 8), 2, width=8)), Training(epochs=8, batch=20, rate=0.01)
>>> _ = train(teacher, data, how)
>>> net = DynamicNetwork(grouped("cnn1d", (1, 8), 2, groups=2, width=4), 2)
>>> len(train_taught(net, data, how, teacher, copies=3))
3
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from sarto.core.progress import Talk
from sarto.data.examples import Examples
from sarto.data.mixup import with_mixtures
from sarto.learn.incremental import train_incrementally
from sarto.learn.loop import History, Training
from sarto.learn.width_heads import polish
from sarto.models.dynamic.module import DynamicNetwork
from sarto.models.trainable import Trainable

TEMPERATURE, SHARE = 2.0, 1.0
COPIES = 3
POLISH_RATE = 1e-2
"""Of the head alone, a convex problem."""


def train_taught(
    network: DynamicNetwork,
    examples: Examples,
    training: Training,
    teacher: Trainable,
    *,
    copies: int = COPIES,
    validation: Examples | None = None,
    checkpoints: Path | None = None,
    talk: Talk | None = None,
) -> list[History]:
    """Train `network` in place; it is at full width afterwards.

    Args:
        network: with a shared head.
        examples: to learn from.
        training: how; the steps of a group are those of its passes over `examples`.
        teacher: that was trained; it is not changed.
        copies: mixtures of each item.
        validation: to watch; of each group the weights of the best pass are kept.
        checkpoints: a folder; the same training goes on from there.
        talk: told of every pass.

    Returns:
        what each group's training saw, and the polishing.

    Raises:
        SartoError: as `with_mixtures`, `train_incrementally` and `polish`.
    """
    mixed = with_mixtures(examples, copies, seed=training.seed)
    fewer = replace(training, epochs=max(1, round(training.epochs / (copies + 1))))
    how: dict[str, Any] = {"teacher": teacher, "temperature": TEMPERATURE, "share": SHARE}
    histories = train_incrementally(
        network,
        mixed,
        fewer,
        validation=validation,
        checkpoints=checkpoints,
        talk=talk,
        **how,
    )
    last = polish(network, examples, replace(training, rate=POLISH_RATE), **how)
    return [*histories, last]
