"""Bounds as a layer: what lies outside of them is cut off, and a NaN becomes 0.

    y = min(max(x, low), high),    0 in place of a NaN,

with one pair of bounds for all that a tensor holds, or one for each channel (the axis behind that of the items). Bounds
are stored numbers that no gradient reaches; the gradient of x is 0 where it was cut off.

>>> Bound(torch.tensor(-1.0), torch.tensor([1.0, 2.0]))(torch.tensor([[9.0, 9.0], [float("nan"), -9.0]])).tolist()
[[1.0, 2.0], [0.0, -1.0]]
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Bound(nn.Module):
    """Cuts off what lies outside of `low` and `high`, and makes a NaN 0.

    Args:
        low, high: a number, or one for each channel.
        places: axes of what it is given that lie behind its channels.

    Attributes:
        low, high: the bounds.
    """

    low: Tensor
    high: Tensor

    def __init__(self, low: Tensor, high: Tensor, places: int = 0) -> None:
        super().__init__()
        self.register_buffer("low", low)
        self.register_buffer("high", high)
        self._behind = (1,) * places

    def forward(self, x: Tensor) -> Tensor:
        """Return x within the bounds."""
        low, high = self.low, self.high
        if self._behind:
            low, high = (b.reshape(-1, *self._behind) if b.ndim else b for b in (low, high))
        return torch.where(x.isnan(), torch.zeros_like(x), x).clamp(low, high)
