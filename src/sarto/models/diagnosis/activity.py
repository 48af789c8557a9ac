# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
"""What the neurons of a layer do on data: the directions they span, how far they are driven, and by what.

    effective rank = exp(-sum_i p_i ln p_i),    p_i = s_i / sum_j s_j

with s the singular values of the centred states (a readout has an intercept). It is N when all directions are equally
strong, and 1 when all neurons say the same.

Source: Roy and Vetterli, "The effective rank: a measure of effective dimensionality", EUSIPCO 2007, definition 1.

>>> effective_rank(np.array([3.0, 3.0, 0.0])), round(effective_rank(np.array([1.0, 0.0])), 9)
(2.0, 1.0)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Complex, Float, Int
from scipy.linalg import svdvals

from sarto.models.diagnosis.tangent import slopes
from sarto.models.reservoir._cell import SLOPE
from sarto.models.reservoir._diagonal import Diagonal
from sarto.models.reservoir._stack import Layer

FLAT = 0.1
"""A neuron is saturated in a step where it passes on less than this share of a small change: |tanh| > .95."""
STILL = 1e-3
"""A neuron is dead that moves less than this share of what the median neuron of its layer does: a millionth of its
variance."""


@dataclass(frozen=True, eq=False)
class Activity:
    """What was seen of one layer.

    Attributes:
        singular_values: of the centred states, the largest first.
        saturated: share of the steps in which each neuron is saturated, see `FLAT`; 0 of all for a linear phi.
        dead: which neurons do not move, see `STILL`.
        input_share: of the variance that input and recurrence bring to each neuron's drive, what the input brings.
        norm: root mean square over the sequences of |h_t|, after 1, 2, ... steps.
    """

    singular_values: Float[np.ndarray, " direction"]
    saturated: Float[np.ndarray, " neuron"]
    dead: Bool[np.ndarray, " neuron"]
    input_share: Float[np.ndarray, " neuron"]
    norm: Float[np.ndarray, " step"]


def effective_rank(singular_values: Float[np.ndarray, " direction"]) -> float:
    """Return over how many directions the singular values are spread, from 1 on; 0 when there is nothing."""
    total = singular_values.sum()
    if total == 0:
        return 0.0
    p = singular_values[singular_values > 0] / total
    return float(np.exp(-(p * np.log(p)).sum()))


def activity(
    layer: Layer,
    inputs: Float[np.ndarray, "row channel"],
    states: Float[np.ndarray, "row neuron"],
    offsets: Int[np.ndarray, " item_plus_1"],
    washout: int = 0,
) -> Activity:
    """Return what a layer's neurons did.

    Args:
        layer: one layer.
        inputs: what it saw in every step of every sequence: the data, or the states of the layer below.
        states: its states after every step, in float64.
        offsets: where each sequence begins and ends; each begins at rest.
        washout: first steps of each sequence that count for nothing but `norm`.
    """
    before = np.vstack([np.zeros(layer.units), states[:-1]])
    before[offsets[:-1]] = 0
    step = np.arange(len(states)) - np.repeat(offsets[:-1], np.diff(offsets))
    used = step >= washout
    seen = states[used]
    slope = slopes(layer, before[used], seen)
    phi = "tanh" if isinstance(layer, Diagonal) else layer.activation
    flat = slope < FLAT * SLOPE[phi] if phi in ("tanh", "sigmoid") else np.zeros(slope.shape, bool)
    moving = seen.std(axis=0)
    if isinstance(layer, Diagonal):
        entering, carried = _diagonal(layer, inputs, offsets)
    else:
        entering, carried = inputs @ layer.inputs.T, before @ layer.recurrent_matrix().T
    driven, recurrent = entering[used].var(axis=0), carried[used].var(axis=0)
    both = driven + recurrent
    squares = np.bincount(step, np.square(states).sum(axis=1))
    return Activity(
        np.asarray(svdvals(seen - seen.mean(axis=0)), np.float64),
        flat.mean(axis=0),
        moving <= STILL * np.median(moving),
        np.divide(driven, both, out=np.zeros_like(both), where=both > 0),
        np.sqrt(squares / np.bincount(step)),
    )


def _diagonal(
    layer: Diagonal, inputs: Float[np.ndarray, "row channel"], offsets: Int[np.ndarray, " item_plus_1"]
) -> tuple[Complex[np.ndarray, "row neuron"], Complex[np.ndarray, "row neuron"]]:
    """Return what enters a diagonal layer in every step, and what it carries over from the step before."""
    cyclic = layer.inputs.ndim == 1
    entering = layer.beta * (layer.inputs * np.roll(inputs, 1, axis=1) if cyclic else inputs @ layer.inputs.T)
    carried = np.zeros_like(entering)
    begins = set(offsets.tolist())
    for row in range(1, len(entering)):
        if row not in begins:
            old = carried[row - 1] + entering[row - 1] + layer.beta * layer.bias
            carried[row] = layer.factors * old
    return entering, carried
