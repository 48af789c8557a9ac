"""ReLU6 in the place of every ReLU: min(max(0, x), 6), a bound that training knows of.

Source: Cavagnero et al., "Transient-fault-aware design and training to enhance DNNs reliability with zero-overhead",
IOLTS 2022.

>>> from sarto.models.network.named import named
>>> [node.op for node in with_relu6(Network(named("mlp", (4,), 2, width=3, depth=1))).architecture.nodes]
['linear', 'relu6', 'linear']
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import copy
from dataclasses import replace
from typing import overload

from torch import fx, nn
from torch.nn import functional

from sarto.learn.harden._traced import called, traced
from sarto.models.input_error import InputError
from sarto.models.network.architecture import Architecture
from sarto.models.network.module import Network
from sarto.models.network.rebuilt import rebuilt

_RELU = ("relu", "relu_")


@overload
def with_relu6(network: Network) -> Network: ...


@overload
def with_relu6(network: nn.Module) -> nn.Module: ...


def with_relu6(network: nn.Module) -> nn.Module:
    """Return a copy of a network in which every ReLU is a ReLU6, to be trained; a `Network` gives a `Network`.

    Raises:
        InputError: E147, when `torch.fx` cannot trace the network, or it has no ReLU.
    """
    return _of_network(network) if isinstance(network, Network) else _of_module(network)


def _of_network(network: Network) -> Network:
    nodes = network.architecture.nodes
    bent = tuple(replace(node, op="relu6") if node.op == "relu" else node for node in nodes)
    if bent == nodes:
        raise _none()
    return rebuilt(network, Architecture(network.architecture.input_shape, bent), {})


def _of_module(network: nn.Module) -> fx.GraphModule:
    changed = traced(copy.deepcopy(network))
    count = 0
    for node in list(changed.graph.nodes):
        if node.op == "call_module" and type(changed.get_submodule(str(node.target))) is nn.ReLU:
            changed.add_submodule(str(node.target), nn.ReLU6())
        elif called(node) in _RELU:
            with changed.graph.inserting_after(node):
                bent = changed.graph.call_function(functional.relu6, (node.args[0],))
            node.replace_all_uses_with(bent)
            changed.graph.erase_node(node)
        else:
            continue
        count += 1
    if not count:
        raise _none()
    changed.recompile()
    return changed


def _none() -> InputError:
    return InputError("E147", "there is no ReLU to be bounded", hint="restrict_ranges bounds any activation")
