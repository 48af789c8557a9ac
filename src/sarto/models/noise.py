"""States with noise: after every step of the reservoir F, normal noise of one deviation is added to every neuron.

    h_t = F(h_{t-1}, x_t) + sigma xi_t,    xi ~ N(0, 1), independent

A readout that is fitted to such states learns to bring the series back when the state is a little off, as it will be
when its own predictions are fed back: the noise is a ridge penalty in the directions that the reservoir reaches.

Source: Jaeger, "The 'echo state' approach to analysing and training recurrent neural networks", GMD report 148 (2001),
section 5; Lukosevicius, "A practical guide to applying echo state networks" (2012), section 4.3.

>>> from sarto.models.reservoir import ring
>>> cell = ring.build(4, 1, seed=0, leak=1.0, radius=0.5, input_scaling=1.0, bias_scaling=0.0)
>>> noisy = NoisySteps(cell, 2, np.dtype("float64"), 0.5, np.random.default_rng(0))
>>> bool((noisy.run(np.zeros((3, 2, 1))) != 0).all())
True
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from sarto.models.reservoir._stack import AnyReservoir
from sarto.models.steps import Steps


class NoisySteps(Steps):
    """Steps whose states are disturbed; in a stack, those of every layer, after the whole step.

    In a diagonal layer the noise is added to the real part of the linear state, and to what is read out.
    """

    def __init__(
        self,
        reservoir: AnyReservoir,
        items: int,
        dtype: np.dtype[Any],
        deviation: float,
        random: np.random.Generator,
    ) -> None:
        super().__init__(reservoir, items, dtype)
        self._units_of = [layer.units for layer in reservoir.layers]
        self._deviation, self._random = deviation, random

    def run(self, x: Float[np.ndarray, "step live channel"]) -> Float[np.ndarray, "step live neuron"]:
        """Take the items through the steps, and disturb the states after each; what is returned is disturbed alike."""
        out = np.empty((*x.shape[:2], sum(self._units_of)), self._dtype)
        for step, row in enumerate(x):
            noise = self._random.normal(0.0, self._deviation, out.shape[1:]).astype(self._dtype)
            out[step] = super().run(row[None])[0] + noise
            at = 0
            for layer, units in zip(self._layers, self._units_of, strict=True):
                layer.parts()[0][: len(row)] += noise[:, at : at + units]
                at += units
        return out
