"""Numbers that integers stand for, as a form of weights and as a quantiser of activations, with gradients.

With the scale s of a channel (or of the tensor) and integers from l to u,

    q = round(clamp(x / s, l, u)),      value = q s.

The gradient passes the rounding as if it were not there; it is 0 for x beyond the limits, and for the scale

    d value / d s = round(x / s) - x / s   within the limits,    l or u   beyond,     times g = 1 / sqrt(n u)

with n numbers to a scale. What learns is the ratio of the scale to the one that it began with, and its gradient is
divided by the square of that: a step of SGD then moves the scale as in the paper, and one of Adam, which moves every
parameter by about the learning rate, moves it by that share of itself, be it large or small.

Source: Esser et al., "Learned step size quantization", ICLR 2020, equations 1 to 3 and section 2.2.

>>> form = Uniform(torch.tensor([0.5, 1.0]), bits=3, count=2)
>>> form(torch.tensor([[0.6, -9.0], [0.4, 2.6]])).tolist()
[[0.5, -1.5], [0.0, 3.0]]
>>> form.integers(torch.tensor([[0.6, -9.0], [0.4, 2.6]])).tolist()
[[1, -3], [0, 3]]
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor, nn

from sarto.compress.stored import Stored
from sarto.core.quantization import Numbers, Quantization
from sarto.models.input_error import InputError
from sarto.models.network.module import Network

LEAST_RATIO = 2.0**-10
"""A scale that learns stays at least this share of what it was."""


class Uniform(nn.Module):
    """Integers with a scale for each channel (first axis), or one; see the module.

    Args:
        scale: one, or one for each channel.
        bits: of the integers.
        count: numbers to a scale, n of the module.
        signed: limits are +-(2^(bits - 1) - 1), else 0 and 2^bits - 1.
        learns: whether the scale asks for a gradient.

    Attributes:
        began: the scale that it began with.
        ratio: of the scale to that one.
    """

    began: Tensor

    def __init__(
        self, scale: Tensor, bits: int, *, count: int = 1, signed: bool = True, learns: bool = False
    ) -> None:
        super().__init__()
        self.register_buffer("began", scale.detach().clone().to(torch.float32).reshape(-1))
        self.ratio = nn.Parameter(torch.ones_like(self.began), requires_grad=learns)
        self.bits, self.signed = bits, signed
        self.low, self.high = Numbers((), bits, signed).limits
        self.gain = (count * self.high) ** -0.5

    @property
    def scale(self) -> Tensor:
        """The scale of each channel, or the one there is: positive."""
        ratio = self.ratio
        if ratio.requires_grad:
            ratio = _scaled_gradient(ratio, self.gain / self.began**2)
        return self.began * ratio.clamp_min(LEAST_RATIO)

    def forward(self, x: Tensor) -> Tensor:
        """Return the numbers that stand for `x`."""
        scale = self._wide(x)
        return _rounded((x / scale).clamp(self.low, self.high)) * scale + 0.0

    def integers(self, x: Tensor) -> Int[np.ndarray, "..."]:
        """Return q of `x`."""
        with torch.no_grad():
            q = torch.round((x / self._wide(x)).clamp(self.low, self.high))
        return q.cpu().numpy().astype(np.int64)

    def _wide(self, x: Tensor) -> Tensor:
        """Return the scale in a shape that fits `x`."""
        return self.scale.reshape(-1, *(1,) * (x.ndim - 1)) if len(self.began) > 1 else self.scale

    def stored(self, weight: Tensor) -> Stored:
        """Return how `self(weight)` is stored."""
        return Stored.of_integers(self.integers(weight), self.scale.detach().cpu().numpy(), self.bits)

    @property
    def numbers(self) -> Numbers:
        """The numbers as a value."""
        values = tuple(float(value) for value in self.scale.detach().cpu().numpy())
        return Numbers(values, self.bits, self.signed)


class _Round(torch.autograd.Function):
    """Rounding with the gradient of the identity."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return torch.round(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return gradients[0]


class _Scaled(torch.autograd.Function):
    """The identity, with a gradient `gain` times as large."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, gain: Tensor) -> Tensor:
        ctx.gain = gain
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return gradients[0] * ctx.gain, None


def _rounded(x: Tensor) -> Tensor:
    return cast("Tensor", _Round.apply(x))  # pyright: ignore[reportUnknownMemberType]


def _scaled_gradient(x: Tensor, gain: Tensor) -> Tensor:
    return cast("Tensor", _Scaled.apply(x, gain))  # pyright: ignore[reportUnknownMemberType]


def quantiser(network: Network, name: str) -> Uniform | None:
    """Return the quantiser of what node `name` (or the input) returns, or None."""
    if name not in network.quantisers:
        return None
    found = network.quantisers[name]
    assert isinstance(found, Uniform)
    return found


def activations(network: Network) -> dict[str, Numbers]:
    """Return what the integers of a network's activations stand for, by `input` or node."""
    return {name: module.numbers for name in network.quantisers if (module := quantiser(network, name))}


def quantization(network: Network) -> Quantization:
    """Return what the integers of a network stand for: of its activations, and of its weights that have a form."""
    found = activations(network)
    for name, layer in network.weighted():
        if isinstance(layer.form, Uniform):
            found[f"{name}.weight"] = layer.form.numbers
        elif layer.form is not None:
            found[f"{name}.weight"] = _table(layer)
    return Quantization(found)


def set_quantization(network: Network, found: Quantization) -> None:
    """Give a network of floats the quantisers of its activations, and its weights the integers, that it had.

    Weights with a codebook stay floats: their values are those of the codebook already.

    Raises:
        InputError: E123, when there is no such layer.
    """
    layers = dict(network.weighted())
    for name, numbers in found.tensors.items():
        node, _, of_weight = name.partition(".")
        if numbers.codebook is not None:
            continue
        if of_weight and node not in layers:
            raise InputError(
                "E123",
                f"'{name}' has integers, and no layer has such weights",
                cause="they are of another network",
            )
        form = Uniform(torch.tensor(numbers.scale), numbers.bits, signed=numbers.signed)
        if of_weight:
            layers[node].form = form
        else:
            network.quantisers[node] = form


def _table(layer: Any) -> Numbers:
    stored = layer.form.stored((layer.weight if layer.mask is None else layer.weight * layer.mask).detach())
    assert isinstance(stored, Stored)
    values = tuple(float(v) for v in stored.floats.astype(np.float32))
    if stored.kind == "scaled":
        return Numbers(values, (stored.alphabet // 2).bit_length() + 1)
    return Numbers((), max(1, (len(values) - 1).bit_length()), signed=False, codebook=values)
