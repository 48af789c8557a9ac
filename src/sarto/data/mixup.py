"""Mixtures of items, on which a network that answers in shares can teach another one.

    x = l x_i + (1 - l) x_j,        l = max(m, 1 - m),  m drawn from Beta(a, a),  j from a permutation of the items

Item i is the larger part, and its class stays the label. A teacher's answers to mixtures say more of it than its
answers to the few items that it was trained on, which it knows by heart; a small network that learns them does not
learn the items by heart, and may learn for longer.

Source: Zhang, Cisse, Dauphin and Lopez-Paz, "mixup: beyond empirical risk minimization", ICLR 2018 (arXiv:1710.09412),
equation 1; of teaching: Beyer et al., "Knowledge distillation: a good teacher is patient and consistent", CVPR 2022
(arXiv:2106.05237), section 3.

>>> from sarto.data.examples import of_arrays
>>> data = of_arrays(np.arange(8.0).reshape(4, 2), np.array([0, 0, 1, 1]))
>>> more = with_mixtures(data, 2, seed=0)
>>> len(more), bool((more.x[:4] == data.x).all()), more.y.tolist() == 3 * data.y.tolist()
(12, True, True)
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from sarto.core.errors import SartoError
from sarto.core.seed import generator
from sarto.data.examples import Examples


def with_mixtures(examples: Examples, copies: int, *, seed: int, alpha: float = 1.0) -> Examples:
    """Return the items, and behind them `copies` times as many mixtures, in float32.

    Args:
        examples: items; integers that a device makes itself cannot be mixed.
        copies: mixtures of each item, from 0.
        seed: of the pairs and the shares.
        alpha: a; with 1, shares are evenly distributed.

    Raises:
        SartoError: E116, when there are fewer than no copies, or alpha is no number above 0; E104, when items are
            counts or samples of a device.
    """
    if copies < 0 or not (math.isfinite(alpha) and alpha > 0):
        raise SartoError(
            "E116",
            f"{copies} mixtures of each item, with alpha {alpha:g}",
            cause="there are 0 or more of them, and alpha is a number above 0",
            hint="take alpha=1 for shares that are evenly distributed",
        )
    if examples.input_scale is not None or examples.samples is not None:
        raise SartoError(
            "E104",
            "items that a device counts cannot be mixed",
            cause="a mixture of them is nothing that a device makes",
            hint="mix items before they become integers",
        )
    draws, parts = generator(seed, "mixtures"), [examples.x]
    for _ in range(copies):
        share = draws.beta(alpha, alpha, len(examples)).astype(np.float32)
        share = np.maximum(share, 1 - share).reshape(-1, *[1] * len(examples.shape))
        parts.append(share * examples.x + (1 - share) * examples.x[draws.permutation(len(examples))])
    groups = None if examples.groups is None else np.tile(examples.groups, copies + 1)
    return replace(
        examples, x=np.concatenate(parts), y=np.tile(examples.y, copies + 1), groups=groups, rows=None
    )
