"""Trains the heads of early exits of a nested network; everything else stays to the bit.

The network was trained before. Each exit's shared head is fitted to the features that it leaves with, for all widths
together, against the classes, and if wanted against the answers of the whole network at full width as well:

    minimise over V_e, b_e    sum over k of w_k [(1 - a) CE(z_ek, class) + a T^2 KL(z_G / T || z_ek / T)]

which is convex. So an exit costs its head, and no answer of the network changes.

Source: Kaya, Hong and Dumitras, "Shallow-deep networks", ICML 2019 (arXiv:1810.07052), section 4.1: internal
classifiers on a network that stays as it is. The last exit as teacher: Phuong and Lampert, "Distillation-based training
for multi-exit architectures", ICCV 2019.

>>> import numpy as np
>>> from sarto.data.examples import of_arrays
>>> from sarto.models.dynamic.module import DynamicNetwork
>>> from sarto.models.dynamic.named import grouped
>>> x = np.random.default_rng(0).normal(size=(60, 1, 8))
>>> data = of_arrays(x, (x[:, 0, 0] > 0).astype(int))
>>> early = EarlyExits(DynamicNetwork(grouped("cnn1d", (1, 8), 2, groups=2, width=4), 2), ["conv1_relu"])
>>> [history] = train_exits(early, data, Training(epochs=20, batch=20, rate=0.01))
>>> history.loss[-1] < history.loss[0]
True
"""

from __future__ import annotations

from collections.abc import Sequence

from sarto.data.examples import Examples
from sarto.learn.loop import History, Training
from sarto.learn.width_heads import polish
from sarto.models.dynamic.exits import EarlyExits


def train_exits(
    network: EarlyExits,
    examples: Examples,
    training: Training,
    *,
    weights: Sequence[float] | None = None,
    temperature: float = 1.0,
    share: float = 0.0,
) -> list[History]:
    """Train the head of every exit but the last, in place, for all widths together.

    Args:
        network: whose layers were trained.
        examples: to learn from.
        training: how.
        weights: w_k of the widths from narrow to wide. None weighs all alike.
        temperature: T.
        share: a, of the answers of the whole network; 0 learns the classes alone.

    Returns:
        what each training saw, from the first exit on.

    Raises:
        InputError: what `width_heads.polish` says.
    """
    whole = network.network
    whole.width = whole.groups
    return [
        polish(
            network.exit(number),
            examples,
            training,
            weights=weights,
            teacher=whole if share else None,
            temperature=temperature,
            share=share,
        )
        for number in range(len(network.nodes))
    ]
