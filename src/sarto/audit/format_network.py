"""What `formats` needs of a torch network: its arrays, and a function that gives its accuracy with others.

>>> net = nn.Sequential(nn.Linear(2, 2, bias=False))
>>> _ = net[0].weight.data.copy_(torch.eye(2))
>>> arrays, evaluate = of_network(net, np.array([[3.0, 1.0], [0.5, 2.0]], np.float32), np.array([0, 0]))
>>> sorted(arrays), evaluate(arrays), evaluate({"0.weight": np.full((2, 2), np.nan, np.float32)})
(['0.weight'], 0.5, 0.0)
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from torch import nn
from torch.func import functional_call

from sarto.audit.faults._program import settled
from sarto.audit.formats import Arrays


@dataclass(frozen=True, eq=False)
class Accuracy:
    """The share of items whose class a network finds, with other parameters; an answer that is no number is wrong."""

    network: nn.Module
    x: Float[np.ndarray, "item ..."]
    y: Int[np.ndarray, " item"]
    batch: int = 512

    def __call__(self, arrays: Arrays) -> float:
        """Return the accuracy with these parameters and buffers."""
        state = {name: torch.from_numpy(np.ascontiguousarray(values)) for name, values in arrays.items()}
        right = 0
        with torch.no_grad():
            for first in range(0, len(self.x), self.batch):
                part = torch.from_numpy(np.ascontiguousarray(self.x[first : first + self.batch], np.float32))
                scores = functional_call(self.network, state, (part,))
                found = torch.where(scores.isfinite().all(1), scores.argmax(1), -1).numpy()
                right += int(np.sum(found == self.y[first : first + self.batch]))
        return right / len(self.x)


def of_network(
    network: nn.Module, x: Float[np.ndarray, "item ..."], y: Int[np.ndarray, " item"]
) -> tuple[dict[str, Shaped[np.ndarray, "..."]], Accuracy]:
    """Return the parameters and buffers of a network, and its accuracy as a function of them."""
    own = settled(network)
    arrays = {name: tensor.detach().cpu().numpy().copy() for name, tensor in own.state_dict().items()}
    return arrays, Accuracy(own, x, y)
