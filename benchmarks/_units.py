"""Units of a chain of layers, taken out with all that belongs to them: some that are chosen, or those that are dead.

A unit without incoming weights returns a constant, which goes into the biases of the next layer; one without outgoing
weights is not needed. Taking them out changes no output (but for the order of sums).
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import torch
from torch import Tensor

from sarto.compress.quantize.codebook import Codebook
from sarto.models.network.architecture import Architecture
from sarto.models.network.module import Network
from sarto.models.network.weights import WeightedLayer

WIDTH = {"linear": "features", "conv": "channels"}


def strongest(network: Network, widths: dict[str, int]) -> Network:
    """Return the network with the units of some layers whose weights in and out have the largest norms."""
    layers = list(network.weighted())
    keep: dict[str, Tensor] = {}
    for (name, layer), (_, after) in pairwise(layers):
        if name in widths:
            came = layer.effective.detach().flatten(1).square().sum(1)
            goes = _by_unit(after.effective.detach(), len(came)).square().sum((0, 2))
            keep[name] = (came * goes).topk(widths[name]).indices.sort().values
    return _cut(network, keep)


def without_dead(network: Network) -> Network:
    """Return the network without units that are dead, until there are none."""
    while True:
        layers = list(network.weighted())
        keep: dict[str, Tensor] = {}
        for (name, layer), (_, after) in pairwise(layers):
            weight, onward = layer.effective.detach(), _by_unit(after.effective.detach(), len(layer.weight))
            fed = (weight.flatten(1) != 0).any(1)
            used = (onward != 0).any(2).any(0)
            constant = _constant(network, name, layer)
            if after.bias is not None:
                with torch.no_grad():
                    after.bias.add_(onward.sum(2)[:, ~fed] @ constant[~fed])
            if not bool((fed & used).all()):
                keep[name] = torch.nonzero(fed & used)[:, 0]
        if not keep:
            return network
        network = _cut(network, keep)


def _by_unit(weight: Tensor, units: int) -> Tensor:
    """Return (output, unit, weights of the pair)."""
    return weight.reshape(len(weight), units, -1)


def _constant(network: Network, name: str, layer: WeightedLayer) -> Tensor:
    """Return what each unit returns when nothing comes in."""
    bias = torch.zeros(len(layer.weight)) if layer.bias is None else layer.bias.detach()
    bent = any(node.op == "relu" for node in network.architecture.readers[name])
    return bias.clamp_min(0) if bent else bias


def _cut(network: Network, keep: dict[str, Tensor]) -> Network:
    nodes = [
        replace(n, attributes={**n.attributes, WIDTH[n.op]: len(keep[n.name])}) if n.name in keep else n
        for n in network.architecture.nodes
    ]
    small = Network(Architecture(network.architecture.input_shape, tuple(nodes)))
    before: Tensor | None = None
    units = 0
    for (name, old), (_, new) in zip(network.weighted(), small.weighted(), strict=True):
        rows = keep.get(name, torch.arange(len(old.weight)))

        def cut(
            tensor: Tensor, rows: Tensor = rows, before: Tensor | None = before, units: int = units
        ) -> Tensor:
            rest = tensor[rows]
            if before is not None:
                rest = rest.reshape(len(rows), units, -1)[:, before]
            return rest.clone()

        with torch.no_grad():
            new.weight.copy_(cut(old.weight.detach()).reshape(new.weight.shape))
            if old.bias is not None and new.bias is not None:
                new.bias.copy_(old.bias[rows])
        new.mask = None if old.mask is None else cut(old.mask).reshape(new.weight.shape)
        if isinstance(old.form, Codebook):
            new.form = Codebook(
                old.form.table.detach().clone(), cut(old.form.symbols).reshape(new.weight.shape)
            )
        before, units = (keep[name], len(old.weight)) if name in keep else (None, 0)
    return small.eval()
