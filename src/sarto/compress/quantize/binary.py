"""Binary weights: the sign of each weight, times one size for each channel (row).

    w^b_ci = a_c sign(w_ci),      a_c = mean |w_ci| over the weights of channel c that are not pruned.

That is the size with the least `sum_i (w_ci - w^b_ci)^2`. A latent weight learns through its sign as if that were the
weight, while it is within +-1: with `g = dL/dw^b`,

    dL/dw = a_c g  where |w| <= 1,  else 0,

and what a step takes beyond +-1 is clipped before the next one, so that it can come back. Latent weights are divided
by the largest of their layer to start with, and the size is learned from then on. A pruned weight stays 0: it is
neither + nor -, counts in no mean, and the layer then has three symbols to code. The same holds for a latent weight
that is exactly 0. Sizes are float16 numbers, in training too.

Source: Rastegari et al., "XNOR-Net", ECCV 2016, section 3.1, equation 6 (the size); Courbariaux, Bengio and David,
"BinaryConnect", NeurIPS 2015, section 2.4, and Hubara et al., "Binarized neural networks", NeurIPS 2016, equation 4
(the gradient with clipping).

>>> from sarto.compress.quantize._example import trained
>>> state, evaluation = trained()
>>> binary = quantise(state, evaluation)
>>> len(binary.network.layer("fc2").effective[0].unique()), binary.steps[-1].method
(2, 'binary')
>>> bool(evaluation.accuracy(binary.network) > 0.9)
True
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from sarto.compress.half import rounded
from sarto.compress.quantize._forms import formless
from sarto.compress.state import Evaluation, State, masked
from sarto.compress.stored import Stored
from sarto.core.recipe import Step
from sarto.models.input_error import InputError
from sarto.models.network.module import Network
from sarto.models.network.weights import WeightedLayer


class _Sign(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor) -> Tensor:
        ctx.save_for_backward(weight)
        return weight.sign()

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        (weight,) = ctx.saved_tensors
        return gradients[0] * (weight.abs() <= 1)


class Binary(nn.Module):
    """The form of a layer of signs.

    Attributes:
        size: a of each channel, learned.
    """

    def __init__(self, size: Float[Tensor, " channel"]) -> None:
        super().__init__()
        self.size = nn.Parameter(size)

    def forward(self, weight: Tensor) -> Tensor:
        """Return the sign of each weight times the size of its channel."""
        sign = cast("Tensor", _Sign.apply(weight))  # pyright: ignore[reportUnknownMemberType]
        return sign * rounded(self.size).reshape(-1, *(1,) * (weight.ndim - 1)) + 0.0

    def stored(self, weight: Tensor) -> Stored:
        """Return signs, and a scale for each channel."""
        signs = weight.detach().sign().cpu().numpy().astype(np.int64)
        sizes = rounded(self.size).detach().cpu().numpy().astype(np.float16)
        return Stored.of_integers(signs, sizes, bits=2)


def quantise(state: State, evaluation: Evaluation, *, ends: bool = True, tuned: bool = True) -> State:
    """Return the state with signs in each layer that has no form yet.

    Args:
        state: with a trained network, pruned or not.
        evaluation: its training items and its loss tune latent weights, sizes, biases and norms.
        ends: whether the first and the last layer are taken too; XNOR-Net leaves them in floats.
        tuned: whether the network is tuned afterwards.

    Raises:
        InputError: E128, when all weights of a layer are 0, or no layer is without a form.
    """
    network = state.copy()
    layers = list(network.weighted())
    for name, layer in formless("binary", layers if ends else layers[1:-1]):
        binarise(name, layer)
    if tuned:
        evaluation.tune(network, before_step=lambda _step, _steps: clip(network))
    return state.then(Step("binary", {"ends": ends, "tuned": tuned}), network)


def clip(network: Network) -> None:
    """Clip the latent weights of binary layers to +-1: beyond, their gradient is 0 for good."""
    with torch.no_grad():
        for _, layer in network.weighted():
            if isinstance(layer.form, Binary):
                layer.weight.clamp_(-1, 1)


def binarise(name: str, layer: WeightedLayer) -> None:
    """Give `layer`, which is called `name`, signs, and divide its latent weights by their largest.

    Raises:
        InputError: E128, when all its weights are 0.
    """
    weight = masked(layer.weight, layer.mask)
    largest = weight.abs().max()
    if not largest > 0:
        raise InputError(
            "E128",
            f"layer '{name}' cannot be binary",
            cause=f"all {weight.numel()} weights are 0",
            hint="prune less of that layer",
        )
    flat = weight.abs().flatten(1)
    layer.form = Binary(flat.sum(1) / (flat > 0).sum(1).clamp_min(1))
    with torch.no_grad():
        layer.weight.div_(largest)
