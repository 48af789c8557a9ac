"""An answer now, and a better one with what time is left: groups are added to a batch one after the other.

    z_(k+1) = z_k + W_(k+1) f_(k+1)(x)

costs what group k + 1 costs, and is to the bit what a fresh run at that width returns: both add up in this order
(`heads`). With own heads the features of the groups before are read again, by a matrix of their size.

>>> from sarto.models.dynamic.named import grouped
>>> net = DynamicNetwork(grouped("cnn1d", (2, 16), 3, groups=4, width=8), 4).eval()
>>> x = torch.ones(5, 2, 16)
>>> found = extended(net, extended(net, started(net, x)))
>>> net.width = found.groups
>>> found.groups, torch.equal(found.outputs, net(x))
(3, True)
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sarto.models.dynamic.module import DynamicNetwork


@dataclass(frozen=True, eq=False)
class Partial:
    """What is known of a batch after some groups.

    Attributes:
        x: the items.
        features: (item, feature) of each group so far.
        outputs: (item, output) of the width so far.
    """

    x: Tensor
    features: tuple[Tensor, ...]
    outputs: Tensor

    @property
    def groups(self) -> int:
        """Groups so far."""
        return len(self.features)


def started(network: DynamicNetwork, x: Tensor) -> Partial:
    """Return what the first group makes of a batch; the network is to be in use (`eval`)."""
    with torch.no_grad():
        features = (network.column(x, 0),)
        return Partial(x, features, network.head.outputs(features))


def extended(network: DynamicNetwork, known: Partial) -> Partial:
    """Return the same with one group more, at its cost alone.

    Raises:
        InputError: E121, when there is none.
    """
    network.nested.check_width(known.groups + 1)
    with torch.no_grad():
        features = (*known.features, network.column(known.x, known.groups))
        return Partial(known.x, features, network.head.wider(known.outputs, features))
