"""Items with numbers beside them that training needs of each and that do not change: outputs of what is settled.

A row is an item laid flat and the numbers behind it, so that the training loop, which knows only items, draws both.

>>> import torch
>>> from sarto.data.examples import of_arrays
>>> data = of_arrays(np.arange(8.0).reshape(2, 2, 2), np.array([0, 1]))
>>> rows = beside(data, np.array([[10.0, 11.0], [20.0, 21.0]]))
>>> x, numbers = apart(torch.as_tensor(rows.x), data.shape)
>>> tuple(x.shape), numbers.tolist()
((2, 2, 2), [[10.0, 11.0], [20.0, 21.0]])
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from jaxtyping import Float
from torch import Tensor

from sarto.data.examples import Examples
from sarto.models.network.module import laid_out


def beside(examples: Examples, *numbers: Float[np.ndarray, "item number"]) -> Examples:
    """Return rows of the items of `examples`, and `numbers` behind them."""
    flat = examples.x.reshape(len(examples), -1)
    return replace(examples, x=np.concatenate([flat, *numbers], 1, dtype=np.float32))


def apart(rows: Tensor, shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Return the items of such rows, of `shape` and as convolutions take them, and the numbers (item, number)."""
    size = math.prod(shape)
    return laid_out(rows[:, :size].reshape(-1, *shape)), rows[:, size:]
