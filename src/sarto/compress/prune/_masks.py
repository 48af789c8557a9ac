"""Keeps exactly as many weights as were asked for: those with the largest scores.

Of equal scores the larger weight is kept, and of equal weights the one that comes first. What was pruned before stays
pruned. Counts are rounded to the nearest weight.

>>> from sarto.models.network.named import named
>>> network = Network(named("mlp", (4,), 2, width=3, depth=1), seed=0)
>>> flat = {name: torch.zeros_like(layer.weight) for name, layer in network.weighted()}
>>> keep = select(network, flat, 0.5, "global", floor=2)
>>> {name: int(mask.sum()) for name, mask in keep.items()}
{'fc1': 6, 'fc2': 3}
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from sarto.compress.prune._copy import Scores, masked_weights, masks
from sarto.models.input_error import InputError
from sarto.models.network.module import Network

Scope = Literal["global", "local"]


def select(network: Network, scores: Scores, density: float, scope: Scope, floor: int) -> dict[str, Tensor]:
    """Return for every weighted layer which of its weights are kept (booleans).

    Args:
        network: with the masks so far.
        scores: of every weight.
        density: share of all weights that is kept.
        scope: `global` compares the weights of all layers, `local` keeps the share in each.
        floor: weights that every layer keeps whatever its scores are.

    Raises:
        InputError: E125, when a score is not finite; E124, when more is asked for than was left, or floors need more.
    """
    before = {name: mask.bool() for name, mask in masks(network).items()}
    for name, kept in before.items():
        if not bool(scores[name].isfinite().all()):
            raise InputError(
                "E125",
                f"layer '{name}': the scores are not finite",
                cause="its weights, or what flows through it, are too large or not numbers",
            )
        if scores[name].shape != kept.shape:
            raise InputError("E125", f"layer '{name}': scores of shape {tuple(scores[name].shape)}")
    weights = masked_weights(network)
    if scope == "local":
        one = {name: _best({name: kept}, scores, weights, density, floor) for name, kept in before.items()}
        return {name: found[name] for name, found in one.items()}
    return _best(before, scores, weights, density, floor)


def _best(
    before: dict[str, Tensor], scores: Scores, weights: dict[str, Tensor], density: float, floor: int
) -> dict[str, Tensor]:
    total = sum(kept.numel() for kept in before.values())
    wanted, left = round(density * total), sum(int(kept.count_nonzero()) for kept in before.values())
    where = f"layer '{next(iter(before))}'" if len(before) == 1 else "the network"
    if wanted > left:
        raise InputError(
            "E124",
            f"{where} cannot keep {wanted} of {total} weights (density {density:g})",
            cause=f"only {left} are left: pruned weights do not come back",
        )
    value = torch.cat([scores[name].double().flatten() for name in before])
    size = torch.cat([weights[name].double().abs().flatten() for name in before])
    alive = torch.cat([kept.flatten() for kept in before.values()])
    order = torch.argsort(size, descending=True, stable=True)
    order = order[torch.argsort(value[order], descending=True, stable=True)]
    order = order[alive[order]]
    mask = torch.zeros_like(alive)
    spans = _spans(before)
    for start, end in spans.values() if floor else ():
        own = order[(order >= start) & (order < end)]
        mask[own[: min(floor, end - start)]] = True
    held = int(mask.count_nonzero())
    if held > wanted:
        raise InputError(
            "E124",
            f"{where} cannot keep {wanted} of {total} weights (density {density:g})",
            cause=f"a floor of {floor} weights in every layer keeps {held}",
        )
    free = order[~mask[order]]
    mask[free[: wanted - held]] = True
    return {name: mask[a:b].reshape(before[name].shape) for name, (a, b) in spans.items()}


def _spans(before: dict[str, Tensor]) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    first = 0
    for name, kept in before.items():
        found[name] = (first, first + kept.numel())
        first += kept.numel()
    return found
