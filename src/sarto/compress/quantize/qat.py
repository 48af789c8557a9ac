"""Quantisation-aware training: integer weights and activations whose scales learn with the weights.

The folded network is trained as it will be lowered: the forward pass rounds weights and activations to their integers,
the gradient passes the rounding by, and scales are parameters with gradients of their own (see `compress/uniform`).
They begin at

    s = 2 mean |w| / sqrt(2^(bits - 1) - 1)    of a channel's weights,

no coarser than its largest weight asks for, and activations at what an observer says. In the last steps scales are
frozen, so that what is lowered is what the weights were last trained for; that of an input whose integers are made
already is frozen throughout. The gradient of a scale is 1 / sqrt(n u)
times as large, with n weights of a channel (n numbers of an item's activation) and the largest integer u.

Source: Esser et al., "Learned step size quantization", ICLR 2020, sections 2.1 to 2.3 (there 8 bits in the first and
last layer, and one scale for a weight); Jacob et al., CVPR 2018, section 3.2 (folding).

>>> from sarto.compress.quantize._example import trained
>>> state, evaluation = trained()
>>> small = quantise(state, evaluation, bits=3)
>>> bool(evaluation.accuracy(state.network) - evaluation.accuracy(small.network) < 0.03)
True
>>> sorted({int(v) for v in small.network.layer("fc2").form.integers(small.network.layer("fc2").weight).flat})
[-3, -2, -1, 0, 1, 2, 3]
"""

from __future__ import annotations

from dataclasses import replace

import torch

from sarto.compress.quantize._calibration import activations, opened
from sarto.compress.state import Evaluation, State, masked
from sarto.compress.uniform import Uniform, quantiser
from sarto.core.recipe import Step
from sarto.models.input_error import InputError
from sarto.models.network.architecture import INPUT
from sarto.models.network.module import Network
from sarto.models.network.weights import WeightedLayer

FROZEN = 0.2
"""Share of the steps at the end in which scales stay as they are."""


def quantise(
    state: State,
    evaluation: Evaluation,
    *,
    bits: int = 4,
    observer: str = "mse",
    epochs: int | None = None,
    rate: float | None = None,
    frozen: float = FROZEN,
    items: int = 256,
) -> State:
    """Return the state with a network of integers, trained as such.

    Args:
        state: with a trained network; weights in a form keep it, and learn within it.
        evaluation: it is trained on, with its settings and its loss; the best pass on validation is kept.
        bits: of weights, 2 to 8.
        observer: of the scales that activations begin with.
        epochs, rate: in place of those of the evaluation's training.
        frozen: share of the steps at the end in which scales stay as they are.
        items: that scales begin from.

    Raises:
        InputError: E116, when a setting cannot be used; E126, when a norm cannot be folded; E127, when scales cannot be
            calibrated; E128, when weights are integers of other bits; E129, when a layer is at a stage of training.
    """
    if not 2 <= bits <= 8 or not 0 <= frozen <= 1:
        raise InputError(
            "E116",
            f"bits={bits}, frozen={frozen} cannot be used",
            cause="weights have 2 to 8 bits, and a share is from 0 to 1",
        )
    network, x = opened(state, evaluation, bits, items)
    network.quantisers.update(
        activations(network, x, observer, evaluation.train.x, evaluation.train.input_scale)
    )
    for _, layer in network.weighted():
        if layer.form is None:
            layer.form = _learning(layer, bits)
    training = replace(
        evaluation.training,
        epochs=evaluation.training.epochs if epochs is None else epochs,
        rate=evaluation.training.rate if rate is None else rate,
    )

    scales = _scales(network, given=evaluation.train.input_scale is not None)

    def freeze(step: int, steps: int) -> None:
        for form in scales:
            form.ratio.requires_grad_(step < steps - round(frozen * steps))

    for form in scales:
        form.ratio.requires_grad_(True)
    evaluation.tune(network, training, before_step=freeze)
    for form in scales:
        form.ratio.requires_grad_(False)
    settings = {"bits": bits, "observer": observer, "epochs": training.epochs, "rate": training.rate}
    return state.then(Step("qat", {**settings, "frozen": frozen, "items": items}), network)


def _learning(layer: WeightedLayer, bits: int) -> Uniform:
    """Return the integers that a layer's weights begin as."""
    weight = masked(layer.weight, layer.mask).abs().flatten(1)
    high = 2 ** (bits - 1) - 1
    kept = (weight > 0).sum(1).clamp_min(1)
    scale = torch.minimum(2 * weight.sum(1) / kept / high**0.5, weight.amax(1) / high)
    scale = torch.where(scale > 0, scale, 1.0)
    return Uniform(scale, bits, count=weight.shape[1], learns=True)


def _scales(network: Network, *, given: bool) -> list[Uniform]:
    """Return all quantisers of activations, but the input's where its scale is given, and the integers of weights."""
    names = [name for name in network.quantisers if name != INPUT or not given]
    found = [form for name in names if (form := quantiser(network, name)) is not None]
    return found + [layer.form for _, layer in network.weighted() if isinstance(layer.form, Uniform)]
