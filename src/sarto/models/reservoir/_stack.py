"""Reservoirs one on top of the other: every layer but the first takes the state of the layer below as its input.

    h^1_t = F_1(h^1_{t-1}, x_t),   h^l_t = F_l(h^l_{t-1}, h^{l-1}_t);   what is read out is [h^1; ...; h^L]

Source: Gallicchio, Micheli and Pedrelli, "Deep reservoir computing: a critical experimental analysis", Neurocomputing
268 (2017). The state of a layer is that of the same time step. Units are shared out as in the experiments on Euler
state networks (Gallicchio): floor(N / L) for each layer, the rest for the first.

>>> from sarto.models.reservoir import esn
>>> usual = dict(leak=0.5, radius=0.9, input_scaling=0.5, bias_scaling=0.1)
>>> deep = stacked(esn.build, 10, 2, layers=3, inter_scaling=1.0, seed=0, **usual)
>>> [(layer.units, layer.channels) for layer in deep.layers], deep.units, deep.channels
([(4, 2), (3, 4), (3, 3)], 10, 2)
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from sarto.core.seed import generator
from sarto.models.input_error import InputError
from sarto.models.reservoir._cell import Reservoir
from sarto.models.reservoir._diagonal import Diagonal

LARGEST_SEED = 0xFFFFFFFF
Layer: TypeAlias = Reservoir | Diagonal


@dataclass(frozen=True, eq=False)
class Stack:
    """Two or more reservoirs, from the input on."""

    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        pairs = zip(self.layers, self.layers[1:], strict=False)
        assert len(self.layers) > 1 and all(b.channels == a.units for a, b in pairs), (
            "each layer feeds the next"
        )

    @property
    def cell(self) -> str:
        """The method that built the layers."""
        return self.layers[0].cell

    @property
    def units(self) -> int:
        """Number of neurons of all layers."""
        return sum(layer.units for layer in self.layers)

    @property
    def channels(self) -> int:
        """Number of input channels D."""
        return self.layers[0].channels

    def effective_radius(self) -> float:
        """Return the largest of the layers' radii, which is that of the whole step at rest: it is block-triangular.

        Source: Gallicchio and Micheli, "Echo state property of deep reservoir computing networks", Cognitive
        Computation 9 (2017).
        """
        return max(layer.effective_radius() for layer in self.layers)

    def state_bound(self, steps: int) -> float:
        """Return what no neuron's state exceeds in size within `steps` steps from rest."""
        return max(layer.state_bound(steps) for layer in self.layers)

    @cached_property
    def reservoir_id(self) -> str:
        """SHA-256 over the ids of the layers, in order."""
        return hashlib.sha256("\n".join(layer.reservoir_id for layer in self.layers).encode()).hexdigest()


AnyReservoir: TypeAlias = Layer | Stack


def stacked(
    build: Callable[..., Layer],
    units: int,
    channels: int,
    *,
    layers: int,
    seed: int,
    inter_scaling: float | None = None,
    **settings: Any,
) -> AnyReservoir:
    """Return `layers` reservoirs of one cell, of `units` neurons together; of one layer, that reservoir.

    Args:
        build: of the cell.
        units: neurons of all layers, at least one each.
        channels: input channels D.
        layers: L.
        seed: of the first layer's draws; those of the others are drawn from it.
        inter_scaling: input scaling of every layer but the first; None is that of the first.
        settings: further arguments of `build`, the same for each layer.

    Raises:
        InputError: E116, for fewer units than layers, or a parameter that `build` refuses.
    """
    if not 1 <= layers <= max(units, 1):
        raise InputError(
            "E116",
            f"layers = {layers} with {units} units",
            cause="each layer needs 1 unit at least, and there must be a layer",
            hint=f"use 1 to {max(units, 1)} layers",
        )
    if inter_scaling is not None and not (math.isfinite(inter_scaling) and inter_scaling > 0):
        raise InputError(
            "E116",
            f"inter_scaling = {inter_scaling}",
            cause="inter_scaling must be finite and above 0: without input a layer says nothing",
            hint="change inter_scaling",
        )
    share = units // layers
    first = build(units - share * (layers - 1), channels, seed=seed, **settings)
    if layers == 1:
        return first
    built = [first]
    if inter_scaling is not None:
        settings["input_scaling"] = inter_scaling
    for index in range(1, layers):
        own = int(generator(seed, "stack", index).integers(LARGEST_SEED))
        built += [build(share, built[-1].units, seed=own, **settings)]
    return Stack((*built,))
