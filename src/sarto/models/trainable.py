"""What the training loop asks of a model: where it is, what it answers, and what it is, in words that never change.

`models/network` has the networks that are described node by node, and so can be shrunk and lowered; `models/recurrent`
has the recurrent ones, which only learn and answer. Both are trained by `learn/loop`, and answer through
`models/network/module.predict`.

>>> class Constant(Trainable):
...     output_shape = (2,)
...     def description(self) -> dict[str, Any]:
...         return {"kind": "constant"}
...     def forward(self, x: torch.Tensor) -> torch.Tensor:
...         return torch.zeros(len(x), 2)
>>> Constant().device
device(type='cpu')
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import nn


class Trainable(nn.Module, ABC):
    """A torch module from a batch of items to outputs, that says what it is."""

    @abstractmethod
    def description(self) -> dict[str, Any]:
        """Return JSON values that tell this model from every other one, but for the numbers in its state."""

    @property
    @abstractmethod
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the answer to one item."""

    @property
    def device(self) -> torch.device:
        """Where the parameters are; the processor for a model without any."""
        return next((p.device for p in self.parameters()), torch.device("cpu"))
