"""The strongest units of a chain of layers, with all that belongs to them."""

from __future__ import annotations

from itertools import pairwise

from sarto.compress.groups import all_kept, cut, ties
from sarto.models.network.module import Network


def strongest(network: Network, widths: dict[str, int]) -> Network:
    """Return the network with the units of some layers whose weights in and out have the largest norms."""
    kept, tied = all_kept(network.architecture), ties(network.architecture)
    for (name, layer), (_, after) in pairwise(network.weighted()):
        if name not in widths:
            continue
        came = layer.effective.detach().flatten(1).square().sum(1)
        onward = after.effective.detach().reshape(len(after.weight), len(came), -1)
        order = (came * onward.square().sum((0, 2))).argsort(descending=True)
        for unit in order[widths[name] :]:
            for member, place in tied.sets[tied.of[name, int(unit)]]:
                kept[member][place] = False
    return cut(network, kept)
