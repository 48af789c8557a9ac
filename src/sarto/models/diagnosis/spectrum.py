"""What the matrices of one layer say by themselves: eigenvalues of a step at rest, time scales, criteria.

With lambda an eigenvalue of the Jacobian of a step at rest (no input, no bias), a part of the state fades and turns as

    time scale -1 / ln|lambda| in steps,    frequency |arg lambda| / (2 pi) in turns per step

The spectral radius max|lambda| < 1 is necessary for the echo state property at rest. What is sufficient, for any input,
is that a step contracts in the 2-norm:

    alpha |O| + beta max phi' sigma_max(W diag(gain)) < 1,   and max|v| < 1 of a linear memory

An Euler step h' = h + eps phi(A h + ...) leaves no eigenvalue outside the unit circle if and only if

    eps <= min over the eigenvalues a of phi'(0) A of  -2 Re a / |a|^2

Source: Jaeger, "The echo state approach to analysing and training recurrent neural networks", GMD report 148 (2001),
proposition 3; Jaeger et al., Neural Networks 20 (2007), proposition 1, for the leak. The bound is solved from
|1 + eps a| <= 1.

>>> ring = Reservoir("ring", np.full(4, 0.5), np.ones((4, 1)), np.zeros(4), alpha=0.75, beta=0.25)
>>> round(contraction(ring), 12), np.round(time_scales(rest_eigenvalues(ring)).max(), 3).tolist(), step_bound(ring)
(0.875, 7.489, None)
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Complex, Float

from sarto.models.reservoir._cell import SLOPE, Reservoir
from sarto.models.reservoir._diagonal import Diagonal
from sarto.models.reservoir._stack import Layer


def rest_eigenvalues(layer: Layer) -> Complex[np.ndarray, " mode"]:
    """Return the eigenvalues of a step at rest: those of the neurons, then those of the linear memory."""
    neurons = layer.jacobian_eigenvalues()
    if isinstance(layer, Diagonal) or layer.memory is None:
        return neurons
    slots = layer.memory.slots
    shift = Reservoir(layer.cell, layer.memory.shift, np.zeros((slots, 1)), np.zeros(slots), 1.0, 1.0)
    return np.concatenate([neurons, shift.eigenvalues()])


def time_scales(eigenvalues: Complex[np.ndarray, " mode"]) -> Float[np.ndarray, " mode"]:
    """Return in how many steps each part shrinks to 1/e: infinity where it does not shrink, 0 where it is gone at once.

    >>> time_scales(np.array([np.exp(-0.1), 1j, 0.0])).round(9).tolist()
    [10.0, inf, 0.0]
    """
    size = np.abs(eigenvalues)
    found = np.where(size >= 1, np.inf, 0.0)
    fading = (size > 0) & (size < 1)
    found[fading] = -1 / np.log(size[fading])
    return found


def frequencies(eigenvalues: Complex[np.ndarray, " mode"]) -> Float[np.ndarray, " mode"]:
    """Return how often each part turns per step, at most 1/2.

    >>> frequencies(np.array([1.0, 1j, -1.0])).tolist()
    [0.0, 0.25, 0.5]
    """
    return np.abs(np.angle(eigenvalues)) / (2 * np.pi)


def contraction(layer: Layer) -> float:
    """Return a factor by which no step lets the distance of two states grow, whatever the input.

    Below 1 the layer has the echo state property for every input. Where the cell has a linear memory, whose own factor
    is max|v|, the larger one decides: nothing flows from the neurons into the memory.
    """
    if isinstance(layer, Diagonal):
        return layer.effective_radius()
    gained = layer.recurrent
    if layer.gain is not None:
        gained = gained * (layer.gain if gained.ndim == 2 else np.roll(layer.gain, 1))
    factor = layer.alpha * _norm(layer.rotation) + layer.beta * SLOPE[layer.activation] * _norm(gained)
    return factor if layer.memory is None else max(factor, float(np.abs(layer.memory.shift).max()))


def step_bound(layer: Layer) -> float | None:
    """Return the largest step eps = beta of an Euler cell (O = I, alpha = 1), None of any other; 0 where there is none.

    For W - W^T - gamma I it is 2 gamma / (gamma^2 + omega^2), omega the spectral radius of W - W^T.
    """
    if (
        isinstance(layer, Diagonal)
        or layer.alpha != 1
        or layer.rotation is not None
        or layer.leaks != "state"
    ):
        return None
    a = SLOPE[layer.activation] * layer.eigenvalues()
    a = a[np.abs(a) > 0]
    if not a.size:
        return np.inf
    return max(0.0, float((-2 * a.real / np.abs(a) ** 2).min()))


def _norm(matrix: Float[np.ndarray, "neuron neuron"] | Float[np.ndarray, " neuron"] | None) -> float:
    """Return the largest singular value of a matrix or a weighted cyclic shift; None is the identity."""
    if matrix is None:
        return 1.0
    return float(np.linalg.norm(matrix, 2) if matrix.ndim == 2 else np.abs(matrix).max())
