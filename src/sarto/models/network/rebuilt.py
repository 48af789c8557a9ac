"""A network with another architecture: layers that it has already, by their names, and those that are given.

>>> from sarto.models.network.architecture import Node
>>> out, bend = Node("out", "linear", ("input",), {"features": 2}), Node("bend", "relu", ("out",))
>>> net = Network(Architecture((2,), (out, bend)))
>>> other = rebuilt(net, Architecture((2,), (out, Node("bend", "relu6", ("out",)))), {})
>>> bool((other.layer("out").weight == net.layer("out").weight).all()), other.architecture.nodes[-1].op
(True, 'relu6')
"""

from __future__ import annotations

import copy
from collections.abc import Mapping

from torch import nn

from sarto.models.network.architecture import Architecture
from sarto.models.network.module import Network


def rebuilt(network: Network, architecture: Architecture, layers: Mapping[str, nn.Module]) -> Network:
    """Return a network of its own with `architecture`.

    Args:
        network: whose layers, with their masks and forms, and quantisers are copied where the architecture has a node
            of that name.
        architecture: of the new one.
        layers: in place of those of `network`, or beside them.
    """
    own, made = copy.deepcopy(network), Network(architecture)
    for name in list(made.layers):
        if name in layers:
            made.layers[name] = layers[name]
        elif name in own.layers:
            made.layers[name] = own.layers[name]
    for name in own.quantisers:
        if name not in own.architecture.by_name or name in architecture.by_name:
            made.quantisers[name] = own.quantisers[name]
    return made.to(network.device).train(network.training)
