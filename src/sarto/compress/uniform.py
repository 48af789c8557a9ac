"""Numbers that integers stand for, as a form of weights and as a quantiser of activations, with gradients.

With the scale s of a channel (or of the tensor) and integers from l to u,

    q = round(clamp(x / s, l, u)),      value = q s.

The gradient passes the rounding as if it were not there; it is 0 for x beyond the limits, and for the scale

    d value / d s = round(x / s) - x / s   within the limits,    l or u   beyond,     times g = 1 / sqrt(n u)

with n numbers to a scale. A scale learns where it is a parameter that asks for a gradient.

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
from sarto.models.network.module import Network

LEAST_SCALE = 2.0**-40
"""A scale that learns stays at least this."""


class Uniform(nn.Module):
    """Integers with a scale for each channel (first axis), or one; see the module.

    Args:
        scale: one, or one for each channel.
        bits: of the integers.
        count: numbers to a scale, n of the module.
        signed: limits are +-(2^(bits - 1) - 1), else 0 and 2^bits - 1.
        learns: whether the scale asks for a gradient.
    """

    def __init__(
        self, scale: Tensor, bits: int, *, count: int = 1, signed: bool = True, learns: bool = False
    ) -> None:
        super().__init__()
        self.scale = nn.Parameter(scale.detach().clone().to(torch.float32).reshape(-1), requires_grad=learns)
        self.bits, self.signed = bits, signed
        self.low, self.high = Numbers((), bits, signed).limits
        self.gain = (count * self.high) ** -0.5

    @property
    def used(self) -> Tensor:
        """The scale that is used: positive."""
        return self.scale.abs().clamp_min(LEAST_SCALE)

    def forward(self, x: Tensor) -> Tensor:
        """Return the numbers that stand for `x`."""
        scale = _scaled_gradient(self.used, self.gain) if self.scale.requires_grad else self.used
        scale = scale.reshape(-1, *(1,) * (x.ndim - 1)) if len(scale) > 1 else scale
        return _rounded((x / scale).clamp(self.low, self.high)) * scale + 0.0

    def integers(self, x: Tensor) -> Int[np.ndarray, "..."]:
        """Return q of `x`."""
        with torch.no_grad():
            scale = self.used.reshape(-1, *(1,) * (x.ndim - 1)) if len(self.scale) > 1 else self.used
            q = torch.round((x / scale).clamp(self.low, self.high))
        return q.cpu().numpy().astype(np.int64)

    def stored(self, weight: Tensor) -> Stored:
        """Return how `self(weight)` is stored."""
        return Stored.of_integers(self.integers(weight), self.used.detach().cpu().numpy(), self.bits)

    @property
    def numbers(self) -> Numbers:
        """The numbers as a value."""
        values: list[float] = self.used.detach().cpu().tolist()  # pyright: ignore[reportUnknownMemberType]
        return Numbers(tuple(values), self.bits, self.signed)


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
    def forward(ctx: Any, x: Tensor, gain: float) -> Tensor:
        ctx.gain = gain
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return gradients[0] * ctx.gain, None


def _rounded(x: Tensor) -> Tensor:
    return cast("Tensor", _Round.apply(x))  # pyright: ignore[reportUnknownMemberType]


def _scaled_gradient(x: Tensor, gain: float) -> Tensor:
    return cast("Tensor", _Scaled.apply(x, gain))  # pyright: ignore[reportUnknownMemberType]


def quantiser(network: Network, name: str) -> Uniform | None:
    """Return the quantiser of what node `name` (or the input) returns, or None."""
    found = network.quantisers.get(name, None)
    assert found is None or isinstance(found, Uniform)
    return found


def quantization(network: Network) -> Quantization:
    """Return what the integers of a network stand for: of its activations, and of its weights that have a form."""
    found = {name: module.numbers for name in network.quantisers if (module := quantiser(network, name))}
    for name, layer in network.weighted():
        if isinstance(layer.form, Uniform):
            found[f"{name}.weight"] = layer.form.numbers
        elif layer.form is not None:
            found[f"{name}.weight"] = _table(layer)
    return Quantization(found)


def _table(layer: Any) -> Numbers:
    stored = layer.form.stored((layer.weight if layer.mask is None else layer.weight * layer.mask).detach())
    assert isinstance(stored, Stored)
    values = tuple(float(v) for v in stored.floats.astype(np.float32))
    if stored.kind == "scaled":
        return Numbers(values, (stored.alphabet // 2).bit_length() + 1)
    return Numbers((), max(1, (len(values) - 1).bit_length()), signed=False, codebook=values)
