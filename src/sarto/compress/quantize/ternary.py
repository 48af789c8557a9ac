"""Trained ternary quantisation (TTQ): each weight is -W_n, 0 or W_p, with two learned sizes for each layer.

With the threshold `D = t max |w|` over the layer, or the one that makes a given share of the weights 0,

    w^t = W_p  where w > D,      -W_n  where w < -D,      0  between.

A latent weight w learns through all of it, and the sizes through those that have them: with `g = dL/dw^t`

    dL/dw = W_p g  where w > D,  W_n g  where w < -D,  g  between,
    dL/dW_p = sum of g where w > D,      dL/dW_n = - sum of g where w < -D.

The minus follows from w^t = -W_n; equation 7 of the paper leaves it out, and the authors' program has it, since it
multiplies the size by the sign of w. Latent weights are divided by the largest of their layer to start with, as in
the paper; the sizes start at the mean size of the weights that they stand for, where the authors' program starts at 1
with a norm behind every layer. A pruned weight lies below the threshold, and its mask stops its gradient. Sizes are
float16 numbers, in training too.

Source: Zhu, Han, Mao and Dally, "Trained ternary quantization", ICLR 2017, equations 6 to 9; their program
github.com/czhu95/ternarynet, `tw_ternarize` (its gradients), whose threshold is t = .05.

>>> from sarto.compress.quantize._example import trained
>>> state, evaluation = trained()
>>> ternary = quantise(state, evaluation)
>>> weight = ternary.network.layer("fc2").effective
>>> len(weight.unique()), bool(evaluation.accuracy(ternary.network) > 0.9), ternary.steps[-1].method
(3, True, 'ternary')
"""

from __future__ import annotations

from typing import Any, cast

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from sarto.compress.half import rounded
from sarto.compress.quantize._forms import formless
from sarto.compress.quantize._table import stored_values
from sarto.compress.state import Evaluation, State, masked
from sarto.compress.stored import Stored
from sarto.core.recipe import Step
from sarto.models.input_error import InputError
from sarto.models.network.weights import WeightedLayer

THRESHOLD = 0.05
"""t of the paper's section 4.1 and of the authors' program."""


class _Ternarised(torch.autograd.Function):
    """w, W_p, W_n, above D, below -D  ->  w^t."""

    @staticmethod
    def forward(
        ctx: Any, weight: Tensor, positive: Tensor, negative: Tensor, above: Tensor, below: Tensor
    ) -> Tensor:
        ctx.save_for_backward(positive, negative, above, below)
        return torch.where(above, positive, torch.where(below, -negative, torch.zeros_like(weight)))

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        positive, negative, above, below = ctx.saved_tensors
        g = gradients[0]
        latent = g * torch.where(above, positive, torch.where(below, negative, torch.ones_like(g)))
        return latent, (g * above).sum(), -(g * below).sum(), None, None


class Ternary(nn.Module):
    """The form of a layer with three values.

    Attributes:
        positive, negative: W_p and W_n, learned.
        threshold: t.
        sparsity: the share of the weights that is 0 in place of a threshold, or 0.
    """

    def __init__(
        self,
        positive: Float[Tensor, ""],
        negative: Float[Tensor, ""],
        threshold: float = THRESHOLD,
        sparsity: float = 0.0,
    ) -> None:
        super().__init__()
        self.positive, self.negative = nn.Parameter(positive), nn.Parameter(negative)
        self.threshold, self.sparsity = threshold, sparsity

    def forward(self, weight: Tensor) -> Tensor:
        """Return -W_n, 0 or W_p for each weight."""
        above, below = regions(weight, self.threshold, self.sparsity)
        sizes = rounded(self.positive), rounded(self.negative)
        found = cast(
            "Tensor",
            _Ternarised.apply(weight, *sizes, above, below),  # pyright: ignore[reportUnknownMemberType]
        )
        return found + 0.0

    def stored(self, weight: Tensor) -> Stored:
        """Return a table of the values that occur."""
        return stored_values(self(weight))


def regions(
    weight: Float[Tensor, "..."], threshold: float, sparsity: float
) -> tuple[Bool[Tensor, "..."], Bool[Tensor, "..."]]:
    """Return where weights are above the threshold, and where below its negative."""
    sizes = weight.detach().abs()
    if sparsity:
        zeros = min(max(1, round(sparsity * sizes.numel())), sizes.numel() - 1)
        limit = sizes.reshape(-1).kthvalue(zeros).values
    else:
        limit = threshold * sizes.max()
    return weight.detach() > limit, weight.detach() < -limit


def quantise(
    state: State,
    evaluation: Evaluation,
    *,
    threshold: float = THRESHOLD,
    sparsity: float = 0.0,
    ends: bool = True,
    tuned: bool = True,
) -> State:
    """Return the state with three values in each layer that has no form yet.

    Args:
        state: with a trained network, pruned or not.
        evaluation: its training items and its loss tune latent weights, sizes, biases and norms.
        threshold: t, of the largest weight of the layer.
        sparsity: share of the weights that is 0 in place of a threshold; pruned ones count.
        ends: whether the first and the last layer are taken too; the paper leaves them as they are, in floats.
        tuned: whether the network is tuned afterwards.

    Raises:
        InputError: E116, when a setting cannot be used; E128, when a layer has no weights on both sides of 0,
            or no layer is without a form.
    """
    if not 0 <= threshold < 1 or not 0 <= sparsity < 1:
        raise InputError(
            "E116",
            f"threshold={threshold:g}, sparsity={sparsity:g} cannot be used",
            cause="both are at least 0 and below 1",
        )
    network = state.copy()
    layers = list(network.weighted())
    for name, layer in formless("ternary", layers if ends else layers[1:-1]):
        ternarise(name, layer, threshold, sparsity)
    if tuned:
        evaluation.tune(network)
    settings = {"threshold": threshold, "sparsity": sparsity, "ends": ends, "tuned": tuned}
    return state.then(Step("ternary", settings), network)


def ternarise(name: str, layer: WeightedLayer, threshold: float = THRESHOLD, sparsity: float = 0.0) -> None:
    """Give `layer`, which is called `name`, three values, and divide its latent weights by their largest.

    Raises:
        InputError: E128, when no weight is above the threshold, or none below its negative.
    """
    weight = masked(layer.weight, layer.mask)
    above, below = regions(weight, threshold, sparsity)
    if not bool(above.any() & below.any()):
        raise InputError(
            "E128",
            f"layer '{name}' cannot be ternary",
            cause=f"{int(above.sum())} weights are above the threshold and {int(below.sum())} below its negative",
            hint="take a lower threshold or sparsity, or prune less of that layer",
        )
    layer.form = Ternary(weight[above].mean(), -weight[below].mean(), threshold, sparsity)
    with torch.no_grad():
        layer.weight.div_(weight.abs().max())
