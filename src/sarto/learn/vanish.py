"""Schedules by which the sum vanishes from MAM layers during training, for `before_step` of `sarto.learn.loop.train`.

With t = step / (share * steps), for t < 1, and beta = 0 from then on:

| kind | beta |
|---|---|
| `linear` | 1 - t |
| `exponential` | eps^t, eps = 1e-3 |
| `convex` | (1 - t)^2 |
| `concave` | 1 - t^2 |

As beta falls the output would shrink from a sum's size to that of two products. The gain makes up for it: `one` leaves
it so, `count` takes n / (2 splits) for n inputs, `measured` takes the power of two that is nearest to the standard
deviation of the sum over that of largest plus smallest product, on items that are given and before the first step. A
power of two, because `settle` then multiplies it into the weights without a change in any bit of the outputs. `one` is
the default: the weights grow as they need to, and where they were compared (`mam_digits`) it kept more accuracy.

Source: mamtorch, the program of the authors of MAM (vanishing contributions; linear, exponential, eps, n / (2 splits)).

>>> [round(beta("linear", step, 10, 0.5), 2) for step in (0, 1, 4, 5, 9)]
[1.0, 0.8, 0.2, 0.0, 0.0]
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from sarto.models.input_error import InputError
from sarto.models.mam.layers import MamLayer
from sarto.models.mam.search import max_min
from sarto.models.network.architecture import INPUT
from sarto.models.network.module import Network

Kind = Literal["linear", "exponential", "convex", "concave"]
Gain = Literal["one", "count", "measured"]
EPS = 1e-3
_FALL: dict[str, Callable[[float], float]] = {
    "linear": lambda t: 1 - t,
    "exponential": lambda t: EPS**t,
    "convex": lambda t: (1 - t) ** 2,
    "concave": lambda t: 1 - t * t,
}


def beta(kind: Kind, step: int, steps: int, share: float) -> float:
    """Return the share of the sum in a step (from 0) of all steps, when it vanishes over a share of them."""
    t = step / (share * steps)
    return _FALL[kind](t) if t < 1 else 0.0


def vanishing(
    network: Network,
    *,
    kind: Kind = "linear",
    share: float = 0.6,
    gain: Gain = "one",
    x: Tensor | None = None,
) -> Callable[[int, int], None]:
    """Return what `train` calls before each step, so that the sum vanishes from every MAM layer.

    Train without validation while beta falls: the weights of a pass before its end belong to a beta that is not 0.

    Args:
        network: with at least one MAM layer.
        kind: of the schedule.
        share: of all steps, after which beta is 0.
        gain: see the module.
        x: items on which the gain is measured.

    Raises:
        InputError: E129, when there is no MAM layer, a setting is none of those there are, or items are missing.
    """
    layers = dict(mam_layers(network))
    known = kind in _FALL and gain in ("one", "count", "measured") and 0 < share <= 1
    if not layers or not known or (gain == "measured" and x is None):
        raise InputError(
            "E129",
            f"a schedule {kind} over a share of {share:g} with gain {gain} for {len(layers)} MAM layers",
            cause="a schedule needs MAM layers, a share above 0 and at most 1, and for a measured gain items x",
            hint=f"kinds: {', '.join(_FALL)}; gains: one, count, measured",
        )

    def before_step(step: int, steps: int) -> None:
        if step == 0:
            for layer in layers.values():
                layer.gain.fill_(1.0 if gain != "count" else layer.weight[0].numel() / (2 * layer.splits))
            if gain == "measured" and x is not None:
                for name, value in measured_gains(network, x).items():
                    layers[name].gain.fill_(value)
        for layer in layers.values():
            layer.beta.fill_(beta(kind, step, steps, share))

    return before_step


def measured_gains(network: Network, x: Tensor) -> dict[str, float]:
    """Return for each MAM layer the power of two by which largest plus smallest product spread as the sums do."""
    layers, found = dict(mam_layers(network)), dict[str, float]()
    for layer in layers.values():
        layer.beta.fill_(1.0)
    values = {INPUT: x}
    for node in network.architecture.nodes:
        inputs = [values[name] for name in node.inputs]
        with torch.no_grad():
            if (layer := layers.get(node.name)) is not None:
                pairs = list(zip(layer.rows(inputs[0]), layer.vectors(), strict=True))
                sums = torch.cat([functional.linear(a, b) for a, b in pairs], 1).std(0)
                kept = torch.cat([max_min(a, b, layer.splits) for a, b in pairs], 1).std(0)
                ratio = float(sums.mean() / kept.mean())
                found[node.name] = 2.0 ** round(math.log2(ratio)) if 0 < ratio < math.inf else 1.0
            values[node.name] = network.apply_node(node, inputs)
    return found


def mam_layers(network: Network) -> list[tuple[str, MamLayer]]:
    """Return the MAM layers by name, in order."""
    return [(name, layer) for name, layer in network.weighted() if isinstance(layer, MamLayer)]


def settle(network: Network) -> None:
    """Multiply the gain of every MAM layer into its weights, so that a file holds all there is.

    Raises:
        InputError: E129, when a layer's beta is not 0.
    """
    for _, layer in mam_layers(network):
        layer.settle()
