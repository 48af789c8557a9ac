"""A decision tree as a layer: 1 for the output that an item's leaf takes, 0 for all others.

>>> layer = TreeLayer((2, 0, 1, 0, 0), 2)
>>> layer.threshold.fill_(0.5)
Parameter containing:
tensor([0.5000])
>>> layer(torch.tensor([[9.0, 0.5], [0.0, 0.6]])).tolist()
[[0.0, 1.0], [1.0, 0.0]]
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from sarto.models.network.branches import branches


class TreeLayer(nn.Module):
    """A tree whose branches are fixed; its thresholds are no weights that a gradient reaches.

    Args:
        words: the branches, see `branches`.
        outputs: how many there are.
    """

    def __init__(self, words: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        found = branches(words)
        self.threshold = nn.Parameter(torch.zeros(len(found.feature)), requires_grad=False)
        self._feature, self._action = torch.tensor(found.feature), torch.tensor(found.action)
        self._child = torch.tensor(found.child)
        self.depth, self.outputs = found.depth, outputs

    def forward(self, x: Tensor) -> Tensor:
        """Return the answers to a batch (item, feature)."""
        feature, child = self._feature.to(x.device), self._child.to(x.device)
        at = torch.zeros(len(x), dtype=torch.long, device=x.device)
        for _ in range(self.depth):
            node = at.clamp_min(0)
            right = x.gather(1, feature[node][:, None])[:, 0] > self.threshold[node]
            at = torch.where(at >= 0, child[node, right.long()], at)
        action = self._action.to(x.device)[~at]
        return functional.one_hot(action, self.outputs).to(x.dtype)
