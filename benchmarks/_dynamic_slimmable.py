"""A dense slimmable network: narrow widths are the first channels of every layer of the widest one.

All widths are trained in every step (the sandwich rule with all that there are): the widest on the classes, the others
on its answers. Norms are shared by all widths, or each width has its own (switchable). Of a shared one each width may
get statistics of its own afterwards, from the items that were learned from (`recalibrated`).

Source: Yu et al., "Slimmable neural networks", ICLR 2019 (arXiv:1812.08928), section 3.3; Yu and Huang, "Universally
slimmable networks", ICCV 2019 (arXiv:1903.05134), sections 3.2 to 3.4.

>>> from sarto.models.network.named import named
>>> widths = [named("cnn1d", (2, 16), 3, width=w) for w in (2, 4)]
>>> net = Slimmable(widths, switchable=True).eval()
>>> [tuple(z.shape) for z in net.every(torch.zeros(5, 2, 16))], net.extra
([(5, 3), (5, 3)], 24)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from sarto.compress.renorm import Renorm
from sarto.compress.state import Evaluation, State
from sarto.data.examples import Examples
from sarto.learn.distill import distilled
from sarto.models.network.architecture import Architecture
from sarto.models.network.module import Network
from sarto.models.trainable import Trainable

OWN = ("running_mean", "running_var", "weight", "bias")


class Slimmable(Trainable):
    """See the module.

    Args:
        widths: architectures with the same nodes, from narrow to wide.
        switchable: whether every width has norms of its own.
        seed: of the weights.
    """

    def __init__(self, widths: Sequence[Architecture], *, switchable: bool, seed: int = 0) -> None:
        super().__init__()
        self.widths, self.switchable = list(widths), switchable
        self.full = Network(widths[-1], seed)
        narrow = [Network(one) for one in widths[:-1]]
        self._narrow = tuple(narrow)
        norms = [nn.ModuleDict({n: m for n, m in one.layers.items() if _is_norm(m)}) for one in narrow]
        self.norms = nn.ModuleList(norms if switchable else [])
        self.width, self.outputs = len(widths), list[Tensor]()

    @property
    def extra(self) -> int:
        """Numbers beside the widest network."""
        return sum(
            t.numel() for one in self.norms for n, t in one.state_dict().items() if not n.endswith("tracked")
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs of the width that is set; in training, of the widest, and keep those of all."""
        if not self.training:
            return self.at(x, self.width)
        self.outputs = self.every(x)
        return self.outputs[-1]

    def every(self, x: Tensor) -> list[Tensor]:
        """Return the outputs of every width."""
        return [self.at(x, width) for width in range(1, len(self.widths) + 1)]

    def at(self, x: Tensor, width: int) -> Tensor:
        """Return the outputs of a width."""
        if width == len(self.widths):
            return self.full(x)
        network, known = self._narrow[width - 1], dict(self.full.named_parameters())
        known |= dict(self.full.named_buffers())
        given: dict[str, Tensor] = {}
        for name, value in (*network.named_parameters(), *network.named_buffers()):
            layer = name.split(".")[1]
            if self.switchable and _is_norm(network.layers[layer]):
                continue
            given[name] = known[name][tuple(slice(size) for size in value.shape)]
        return torch.func.functional_call(network, given, (x,))

    def train(self, mode: bool = True) -> Self:
        """Set the mode of all widths."""
        super().train(mode)
        for network in self._narrow:
            network.train(mode)
        return self

    def description(self) -> dict[str, Any]:
        """Return what this is; see `Trainable`."""
        return {"slimmable": [one.to_json() for one in self.widths], "switchable": self.switchable}

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the answer to one item."""
        return self.full.output_shape

    def recalibrated(self, width: int, examples: Examples) -> Network:
        """Return a width as a network whose norms have the statistics of `examples` at that width."""
        arrays, network = self.full.arrays(), Network(self.widths[width - 1])
        shapes = network.architecture.parameters
        network.load_arrays({n: arrays[n][tuple(slice(s) for s in shape)] for n, shape in shapes.items()})
        return Renorm()(State(network), Evaluation(examples, examples)).network

    def statistics(self) -> int:
        """Return how many means and variances recalibrated narrower widths have."""
        return sum(
            int(np.prod(shape))
            for one in self.widths[:-1]
            for name, shape in one.parameters.items()
            if name.endswith((".mean", ".variance"))
        )


def sandwich(network: Slimmable, _x: Tensor, outputs: Tensor, wanted: Tensor) -> Tensor:
    """Return the mean loss of all widths: the widest on the classes, the others on its answers."""
    total = functional.cross_entropy(outputs, wanted)
    for own in network.outputs[:-1]:
        total = total + distilled(own, outputs.detach(), wanted, 1.0, 1.0)
    return total / len(network.outputs)


def _is_norm(layer: nn.Module) -> bool:
    return isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d)
