"""Folds batch norms into the layers before them: a network without norms that computes the same.

With a norm's weight g, bias b, mean m and variance v, after a layer `y = W x + c`, and `a = g / sqrt(v + eps)`,

    W' = a W,    c' = a (c - m) + b

for each channel (row of W). It holds where the norm alone reads the layer. Every other norm becomes what it is: a
convolution with one weight a and one bias `b - a m` for each channel; one on vectors stands between two reshapes. Masks
stay; a layer in a form is refused, since its values times a would no longer be of that form.

Source: Jacob et al., "Quantization and training of neural networks for efficient integer-arithmetic-only inference",
CVPR 2018, section 3.2, equation 14.

>>> import torch
>>> from sarto.models.network.named import named
>>> net = Network(named("cnn1d", (2, 16), 3, width=4), seed=0).eval()
>>> small, x = fold(net), torch.linspace(-1, 1, 64).reshape(2, 2, 16)
>>> [n.op for n in small.architecture.nodes][:4], bool(torch.allclose(net(x), small(x), atol=1e-6))
(['conv', 'relu', 'max_pool', 'conv'], True)
"""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
from jaxtyping import Float
from torch import Tensor

from sarto.models.input_error import InputError
from sarto.models.network.architecture import Architecture, Node
from sarto.models.network.module import Network
from sarto.models.network.operations import WEIGHTED, Shape

Arrays = dict[str, Float[np.ndarray, "..."]]


def fold(network: Network) -> Network:
    """Return a network of its own without batch norms, with the masks and forms of `network`.

    Raises:
        InputError: E126, when a norm follows a layer that is in a form; E129, when a layer is at a stage of training;
            the message names the layer.
    """
    network.refuse_unsettled()
    architecture = network.architecture
    nodes: list[Node] = []
    renamed: dict[str, str] = {}
    arrays: Arrays = {}
    for node in architecture.nodes:
        own = {name: _array(network, name) for name in _parameters(architecture, node)}
        now = replace(node, inputs=tuple(renamed.get(name, name) for name in node.inputs))
        if node.op != "batch_norm":
            nodes.append(now)
            arrays |= own
            continue
        gain = own[f"{node.name}.weight"] / np.sqrt(
            own[f"{node.name}.variance"] + float(str(node.attributes["eps"]))
        )
        shift = own[f"{node.name}.bias"] - gain * own[f"{node.name}.mean"]
        before = architecture.by_name.get(node.inputs[0])
        if before is not None and before.op in WEIGHTED and len(architecture.readers[before.name]) == 1:
            _fold_back(network, before.name, gain, shift, arrays)
            place = next(i for i, n in enumerate(nodes) if n.name == before.name)
            biased = replace(nodes.pop(place), attributes={**before.attributes, "bias": True})
            nodes.append(biased)
            renamed[node.name] = before.name
        else:
            affine = _affine(now, architecture.shapes[node.name])
            nodes += affine
            scaling = affine[len(affine) // 2].name
            weight = gain.reshape(-1, *(1,) * max(2, len(architecture.shapes[node.name])))
            arrays |= {f"{scaling}.weight": weight, f"{scaling}.bias": shift}
            renamed[node.name] = affine[-1].name
    return _built(network, Architecture(architecture.input_shape, tuple(nodes)), arrays)


def _parameters(architecture: Architecture, node: Node) -> list[str]:
    return [name for name in architecture.parameters if name.partition(".")[0] == node.name]


def _array(network: Network, name: str) -> Float[np.ndarray, "..."]:
    """Return a parameter in float64 as it stands behind masks and forms."""
    node, _, own = name.partition(".")
    own = {"mean": "running_mean", "variance": "running_var"}.get(own, own)
    found = getattr(network.layers[node], own)
    assert isinstance(found, Tensor)
    return found.detach().cpu().numpy().astype(np.float64)


def _fold_back(
    network: Network,
    name: str,
    gain: Float[np.ndarray, " channel"],
    shift: Float[np.ndarray, " channel"],
    arrays: Arrays,
) -> None:
    """Multiply the weight of layer `name` by `gain`, row by row, and move its bias along."""
    if network.layer(name).form is not None or name in network.quantisers:
        raise InputError(
            "E126",
            f"the norm after layer '{name}' cannot be folded into it",
            cause="the layer is already in a form (integers, a codebook, signs) that its weights would leave",
            hint="fold before the layer is given its form; quantisation by ptq or qat does",
        )
    weight = arrays[f"{name}.weight"]
    arrays[f"{name}.weight"] = weight * gain.reshape(-1, *(1,) * (weight.ndim - 1))
    arrays[f"{name}.bias"] = shift + gain * arrays.get(f"{name}.bias", np.zeros(len(weight)))


def _affine(node: Node, shape: Shape) -> list[Node]:
    """Return the nodes of a norm that no layer can take; the middle one scales."""
    channels = shape[0]
    kernel = (1,) * max(1, len(shape) - 1)
    scaling = Node(
        node.name, "conv", node.inputs, {"channels": channels, "kernel": kernel, "groups": channels}
    )
    if len(shape) > 1:
        return [scaling]
    wide, flat = f"{node.name}_wide", f"{node.name}_flat"
    return [
        Node(wide, "reshape", node.inputs, {"shape": (channels, 1)}),
        replace(scaling, inputs=(wide,)),
        Node(flat, "flatten", (node.name,)),
    ]


def _built(network: Network, architecture: Architecture, arrays: Arrays) -> Network:
    """Return the network of `architecture` with `arrays`, and what the layers of `network` have beside them."""
    folded = Network(architecture)
    folded.load_arrays({name: arrays[name].astype(np.float32) for name in architecture.parameters})
    before = dict(network.weighted())
    for name, layer in folded.weighted():
        if name in before:
            layer.mask, layer.form = copy.deepcopy(before[name].mask), copy.deepcopy(before[name].form)
    folded.quantisers = copy.deepcopy(network.quantisers)
    return folded.to(next(network.parameters()).device).train(network.training)
