"""Post-training quantisation: integer weights, 8-bit activations, no training.

After norms are folded, every weight becomes an integer of `bits` bits with a scale for each channel (row),

    s_c = max |w_c| / (2^(bits - 1) - 1),

or one for the tensor, rounded to the nearest or such that the layer's output changes least (`rounding="optq"`, see
`compress/rows`; the layers of MAM, which have no sum, to the nearest). Activations get 8 bits and one scale each, from
what an observer sees on items of the training data; those that cannot be negative use all 256 values. Weights that are
in a form already (a codebook, signs) stay so. At last, with everything quantised, the bias of each layer is shifted by
the change of its mean output,

    b_c <- b_c + E[y_c in floats] - E[y_c quantised],     layer by layer from the input on.

Source: Jacob et al., "Quantization and training of neural networks for efficient integer-arithmetic-only inference",
CVPR 2018, section 2.1 (there with zero points); Nagel et al., "Data-free quantization through weight equalization and
bias correction", ICCV 2019, section 4.2 and appendix D (the empirical correction).

>>> from sarto.compress.quantize._example import trained
>>> state, evaluation = trained()
>>> small = quantise(state, evaluation)
>>> bool(evaluation.accuracy(state.network) - evaluation.accuracy(small.network) < 0.02)
True
>>> small.quantization.tensors["fc1.weight"].bits, small.steps[-1].method
(8, 'ptq')
"""

from __future__ import annotations

from typing import Literal

from sarto.compress.quantize._calibration import (
    activations,
    opened,
    output_means,
    second_moments,
    shift_biases,
)
from sarto.compress.quantize._weights import nearest, output_aware
from sarto.compress.state import Evaluation, State
from sarto.core.recipe import Step
from sarto.models.input_error import InputError

ITEMS = 256
"""Items that scales are chosen on; more changed no accuracy that was measured."""


def quantise(
    state: State,
    evaluation: Evaluation,
    *,
    bits: int = 8,
    observer: str = "mse",
    per: Literal["channel", "tensor"] = "channel",
    rounding: Literal["nearest", "optq"] = "nearest",
    correct_bias: bool = True,
    items: int = ITEMS,
) -> State:
    """Return the state with a network of integers.

    Args:
        state: with a trained network.
        evaluation: its training items are calibrated on.
        bits: of weights, 2 to 8.
        observer: of activations: `min_max`, `percentile`, `mse` or `entropy`.
        per: whether a weight has a scale for each channel.
        rounding: of weights.
        correct_bias: whether biases are shifted.
        items: to calibrate on.

    Raises:
        InputError: E116, when a setting cannot be used; E126, when a norm cannot be folded; E127, when scales cannot be
            calibrated; E128, when weights are integers of other bits; E129, when a layer is at a stage of training.
    """
    good = 2 <= bits <= 8 and per in ("channel", "tensor") and rounding in ("nearest", "optq")
    if not good or (rounding == "optq" and per == "tensor"):
        raise InputError(
            "E116",
            f"bits={bits}, per={per}, rounding={rounding} cannot be used",
            cause="weights have 2 to 8 bits, a scale per channel or tensor, are rounded nearest, or optq by channel",
        )
    network, x = opened(state, evaluation, bits, items)
    before = output_means(network, x)
    network.quantisers.update(
        activations(network, x, observer, evaluation.train.x, evaluation.train.input_scale)
    )
    moments = second_moments(network, x) if rounding == "optq" else {}
    for name, layer in network.weighted():
        if layer.form is None and name in moments:
            output_aware(layer, bits, moments[name])
        elif layer.form is None:
            nearest(layer, bits, per)
    if correct_bias:
        shift_biases(network, before, x)
    settings = {"bits": bits, "observer": observer, "per": per, "rounding": rounding, "items": items}
    return state.then(Step("ptq", {**settings, "correct_bias": correct_bias}), network)
