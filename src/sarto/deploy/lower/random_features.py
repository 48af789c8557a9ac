"""Random features of a graph's features, lowered: 8-bit weights with one scale per row, activations from a table.

    argument = (W_i . z) r_i + b_i,    W_i = round(w_i / r_i),    r_i = max_j |w_ij| / 127

in counts of 2^-13 for `tanh` (as in a reservoir) and of 2^-16 turns for `cosine`. Outputs have 13 bits, like all
features.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Integer

from sarto.core.errors import SartoError
from sarto.core.graph import Graph, Op, Tensor
from sarto.core.graph.heads import HALF_TURN
from sarto.core.graph.operations import FEATURE_LIMIT, INT32_MAX
from sarto.deploy.lower.inputs import factors
from sarto.deploy.lower.readout import Answers, packed_readout, with_vector
from sarto.deploy.lower.tanh import TABLE_FRACTION_BITS
from sarto.models.random_features import RandomFeatures

TABLE_BITS = 7
"""Intervals of the table are 2^7; interpolated, the error is below 1e-4 of full scale."""


def lower_random_features(layer: RandomFeatures) -> tuple[Op, tuple[Tensor, ...]]:
    """Return the operation of `layer`, without its readout, and its tables.

    Raises:
        SartoError: E404, when no scale keeps the sums within 32 bits.
    """
    cosine = layer.activation == "cosine"
    unit = HALF_TURN / np.pi if cosine else float(1 << TABLE_FRACTION_BITS)
    peak = np.abs(layer.weights).max(axis=1)
    peak = np.where(peak > 0, peak, 1.0)  # of inputs that never change nothing is left but the bias
    bias = layer.bias % (2 * np.pi) if cosine else layer.bias
    for headroom in (1, 2, 4, 8, 16, 32):
        row = peak / (127 // headroom)
        weights = np.rint(layer.weights / row[:, None]).astype(np.int8)
        counts = bias / row
        bias_shift = max(0, int(np.ceil(np.log2(max(np.abs(counts).max(), 1) / 32767))))
        offset = np.rint(counts / 2**bias_shift).clip(-32767, 32767)
        worst = (
            np.abs(weights.astype(np.int64)).sum(axis=1) * FEATURE_LIMIT + np.abs(offset) * 2.0**bias_shift
        )
        if (worst * np.maximum(row * unit, 1)).max() <= INT32_MAX and bias_shift < 16:
            break
    else:
        raise SartoError(
            "E404",
            f"sums of {layer.weights.shape[1]} features leave 32 bits",
            cause="the weights are too many or too large for an int32 accumulator",
            hint="use fewer features or a smaller input scaling",
        )
    factor, shift = factors(row * unit)
    factor = factor[:1] if len(np.unique(factor)) == 1 else factor
    table = activation_table(cosine)
    consts = {
        "weights_hidden": weights,
        "bias_hidden": offset.astype(np.int16),
        "factor_hidden": factor,
        "table": table,
    }
    tensors = tuple(Tensor(name, str(v.dtype), v.shape, "const", v) for name, v in consts.items())
    attributes = {"bias_shift": bias_shift, "shift": shift, "cosine": int(cosine)}
    return Op("random_features", {name: name for name in consts}, {}, attributes), tensors


def activation_table(cosine: bool) -> Integer[np.ndarray, " entry"]:
    """Return the table of the activation in 13 bits: of tanh over [0, 4], or of the cosine over half a turn."""
    knots = np.arange((1 << TABLE_BITS) + 1) / (1 << TABLE_BITS)
    values = np.cos(np.pi * knots) if cosine else np.tanh(4 * knots)
    return np.rint(FEATURE_LIMIT * values).astype(np.int16)


def with_random_features(
    body: Graph,
    exponent: Integer[np.ndarray, " unit"],
    layer: tuple[Op, tuple[Tensor, ...]],
    weights: Integer[np.ndarray, "output hidden"],
    answers: Answers,
) -> Graph:
    """Return `body` with the `layer` that `lower_random_features` returned and its readout, as in `with_readout`."""
    op, tables = layer
    packed = packed_readout(weights, (weights.shape[1],))
    return with_vector(body, exponent, op, (*tables, packed), answers)
