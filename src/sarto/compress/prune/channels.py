"""Channels: whole channels go, and the network is smaller and not only sparser. Returns a smaller network, no scores.

Tied channels (`compress.groups`) go together, so residual, depthwise and flattened ones stay right. A set is worth

    sum over its members of ||W_row||_p^p + ||W_column||_p^p       (p = 1 or 2, by `norm`),

rows of the layers that make it and columns of those that read it, divided by the mean of the sets of the same nodes; or
with `norm="scale"` the sum of |gamma| of its norms. The sets worth least go, one by one, until at most the share
`density` of all parameters is left. Every node keeps the share `floor` of its channels, and at least one.

Source: Li et al., "Pruning filters for efficient ConvNets", ICLR 2017 (L1); Liu et al., "Learning efficient
convolutional networks through network slimming", ICCV 2017 (scales); Fang et al., "DepGraph: towards any structural
pruning", CVPR 2023 (sums over what is tied).

>>> from sarto.models.network.named import named
>>> network = Network(named("residual", (1, 8, 8), 3, width=8, depth=2), seed=0)
>>> smaller = shrink(network, 0.4)
>>> smaller.architecture.size <= 0.4 * network.architecture.size
True
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Float

from sarto.compress.groups import Kept, Ties, all_kept, cut, cut_architecture, ties
from sarto.models.input_error import InputError
from sarto.models.network.architecture import Architecture
from sarto.models.network.module import Network
from sarto.models.network.operations import whole

Norm = Literal["l1", "l2", "scale"]
FLOOR = 0.1
"""Share of its channels that every node keeps unless told otherwise: no layer is left with one channel by mistake."""


def shrink(network: Network, density: float, *, norm: Norm = "l2", floor: float = FLOOR) -> Network:
    """Return a network with at most the share `density` of the parameters, made of fewer channels.

    Raises:
        InputError: E116, when a setting cannot be used; E124, when the floors leave more than that, with what they
        leave and
            the layers that are at their floor; E125, when a layer has a form, or `scale` finds a set without norms.
    """
    if not 0 < density <= 1 or not 0 <= floor <= 1 or norm not in ("l1", "l2", "scale"):
        raise InputError(
            "E116",
            f"density {density:g}, floor {floor:g}, norm {norm} cannot be used",
            cause="the density is above 0 and at most 1, the floor from 0 to 1, the norm l1, l2 or scale",
        )
    architecture, tied = network.architecture, ties(network.architecture)
    kept, target = all_kept(architecture), density * architecture.size
    least = {name: max(1, round(floor * shape[0])) for name, shape in architecture.shapes.items()}
    worth, size = importance(network, tied, norm), architecture.size
    for number in sorted(tied.free, key=lambda n: (worth[n], n)):
        if size <= target:
            break
        members: dict[str, list[int]] = {}
        for name, place in tied.sets[number]:
            members.setdefault(name, []).append(place)
        if all(int(kept[name].sum()) - len(places) >= least[name] for name, places in members.items()):
            for name, places in members.items():
                kept[name][places] = False
            size = cut_architecture(architecture, kept).size
    if size > target:
        raise InputError(
            "E124",
            f"{size} of {architecture.size} parameters are left, more than the share {density:g}: layers "
            f"{', '.join(_held(architecture, tied, kept, least)) or 'none'} are at their floor",
            cause=f"every node keeps {floor:g} of its channels and at least one; those of input and output stay",
            hint="take a lower floor, or prune single weights",
        )
    return cut(network, kept)


def _held(architecture: Architecture, tied: Ties, kept: Kept, least: dict[str, int]) -> list[str]:
    free = {name for number in tied.free for name, _ in tied.sets[number]}
    return [
        n.name for n in architecture.weighted if n.name in free and int(kept[n.name].sum()) <= least[n.name]
    ]


def importance(network: Network, tied: Ties, norm: Norm) -> dict[int, float]:
    """Return what every set that may go is worth, beside the sets of the same nodes.

    Raises:
        InputError: E125, when `scale` finds a set without a norm; it names the layer.
    """
    rows, columns = _amounts(network, norm)
    raw: dict[int, float] = {}
    alike: dict[frozenset[str], list[int]] = {}
    for number in tied.free:
        members = tied.sets[number]
        names = frozenset(name for name, _ in members)
        if norm == "scale" and not any(name in rows for name in names):
            raise InputError(
                "E125",
                f"channels cannot judge '{members[0][0]}' by scales",
                cause="no norm stands on its channels",
                hint="take the norm l1 or l2",
            )
        raw[number] = sum(
            float(part[name][place]) for name, place in members for part in (rows, columns) if name in part
        )
        alike.setdefault(names, []).append(number)
    for numbers in alike.values():
        mean = sum(raw[n] for n in numbers) / len(numbers)
        for n in numbers:
            raw[n] = raw[n] / mean if mean > 0 else 0.0
    return raw


Amounts = dict[str, Float[np.ndarray, "..."]]


def _amounts(network: Network, norm: Norm) -> tuple[Amounts, Amounts]:
    """Return by node what its rows are worth, and what the columns that read it are worth."""
    rows: Amounts = {}
    columns: Amounts = {}
    arrays, shapes = network.arrays(), network.architecture.shapes
    for node in network.architecture.nodes:
        if node.op == "batch_norm" and norm == "scale":
            rows[node.name] = np.abs(arrays[f"{node.name}.weight"]).astype(np.float64)
        elif node.op in ("linear", "conv") and norm != "scale":
            weight = np.abs(arrays[f"{node.name}.weight"].astype(np.float64)) ** (1 if norm == "l1" else 2)
            weight = weight.reshape(*weight.shape[:2], -1).sum(2)
            rows[node.name] = weight.sum(1)
            groups = whole(node.attributes, "groups") if node.op == "conv" else 1
            by_group = weight.reshape(groups, -1, weight.shape[1]).sum(1).reshape(-1)
            source = node.inputs[0]
            columns[source] = columns.get(source, np.zeros(shapes[source][0])) + by_group
    return rows, columns
