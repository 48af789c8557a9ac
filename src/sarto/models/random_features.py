"""A layer of random features: weights and biases drawn once, only the readout behind it is trained.

    g(W z + b),   g = tanh:    W_ij ~ U(-1, 1) s sqrt(3 / D),  b_i ~ U(-s_b, s_b)     (extreme learning machine)
                  g = cosine:  W_ij ~ N(0, s^2 / D),           b_i ~ U(0, 2 pi)       (random Fourier features)

with D standardised inputs z, so that W z has standard deviation s if they are independent. Random Fourier features
approximate ridge regression with the kernel exp(-s^2 |z - z'|^2 / (2 D)).

Source: Huang, Zhu and Siew, "Extreme learning machine: theory and applications", Neurocomputing 70 (2006); Rahimi and
Recht, "Random features for large-scale kernel machines", NIPS 2007, algorithm 1.

>>> layer = build(3000, 4, seed=0, activation="cosine", input_scaling=2.0, bias_scaling=0.0)
>>> a, b = np.zeros(4), np.array([0.5, -0.5, 0.5, 0.5])
>>> round(float(2 * np.mean(layer(a) * layer(b))), 1), round(float(np.exp(-(2.0**2) * 1 / (2 * 4))), 1)
(0.6, 0.6)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from sarto.core.seed import generator
from sarto.models.input_error import InputError

Activation = Literal["tanh", "cosine"]


@dataclass(frozen=True, eq=False)
class RandomFeatures:
    """The layer g(W z + b)."""

    weights: Float[np.ndarray, "hidden feature"]
    bias: Float[np.ndarray, " hidden"]
    activation: Activation

    def __call__(self, z: Float[np.ndarray, "*item feature"]) -> Float[np.ndarray, "*item hidden"]:
        """Return the features of each row of `z`."""
        g = np.cos if self.activation == "cosine" else np.tanh
        return np.asarray(g(z @ self.weights.T + self.bias), np.float64)

    def on_raw(
        self, mean: Float[np.ndarray, " feature"], std: Float[np.ndarray, " feature"]
    ) -> RandomFeatures:
        """Return the layer that takes inputs which are not standardised yet; those of no spread get weight 0."""
        spread = np.divide(1.0, std, out=np.zeros_like(std), where=std > 0)
        weights = self.weights * spread
        return RandomFeatures(weights, self.bias - weights @ mean, self.activation)


def build(
    units: int, features: int, *, seed: int, activation: Activation, input_scaling: float, bias_scaling: float
) -> RandomFeatures:
    """Return a layer of `units` random features; the same arguments give the same weights.

    Args:
        units: hidden units.
        features: inputs D.
        seed: of the draws of W and b.
        activation: g.
        input_scaling: s.
        bias_scaling: s_b, not used by the cosine.

    Raises:
        InputError: E116, for a parameter outside its range.
    """
    for name, value, least in (
        ("units", units, 1),
        ("features", features, 1),
        ("input_scaling", input_scaling, 0),
    ):
        if not value >= least:
            raise InputError(
                "E116", f"{name} = {value}", cause=f"it must be at least {least}", hint="use a larger value"
            )
    if activation not in ("tanh", "cosine"):
        raise InputError(
            "E116", f"activation = {activation!r}", cause="no such activation", hint="use tanh or cosine"
        )
    draw_w, draw_b = (generator(seed, "random_features", part) for part in ("weights", "bias"))
    scale = input_scaling / np.sqrt(features)
    if activation == "cosine":
        weights, bias = draw_w.normal(size=(units, features)) * scale, draw_b.uniform(0, 2 * np.pi, units)
    else:
        weights = draw_w.uniform(-1, 1, (units, features)) * scale * np.sqrt(3)
        bias = draw_b.uniform(-bias_scaling, bias_scaling, units)
    return RandomFeatures(weights, bias, activation)
