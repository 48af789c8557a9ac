"""How a layer's weight is made of its parameters: a mask, and a form such as a codebook or a fake quantiser.

    effective = form(mask * weight),        each where there is one.

The mask is a buffer and is applied whenever the layer is run. So a pruned weight counts as 0 whatever an optimiser's
momentum makes of the number behind it, its gradient is 0, and the mask goes with `state_dict`, `deepcopy` and devices.

>>> layer = LinearLayer(3, 2, bias=False)
>>> layer.prune(torch.tensor([[True, False, True], [False, False, True]]))
>>> layer.effective.count_nonzero().item()
3
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from sarto.models.input_error import InputError


class WeightedLayer(nn.Module):
    """A layer with a weight that can be pruned and given a form.

    Attributes:
        weight: the parameter.
        bias: a parameter, or None.
        mask: of the weight's shape and dtype, 1 where it is kept and 0 where pruned; None where all are kept.
        form: a module that makes the weight that is used of the masked one, or None. It keeps 0 at 0.
    """

    weight: nn.Parameter
    bias: nn.Parameter | None
    mask: Tensor | None
    form: nn.Module | None

    def __init__(self, shape: tuple[int, ...], bias: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(shape))
        self.bias = nn.Parameter(torch.empty(shape[0])) if bias else None
        self.register_buffer("mask", None)
        self.form = None
        self.register_load_state_dict_pre_hook(_make_room)  # pyright: ignore[reportUnknownMemberType]
        self.reset_parameters()

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw weights from N(0, 2 / fan_in) and set the bias to 0 (He et al., ICCV 2015, equation 10)."""
        fan_in = self.weight[0].numel()
        with torch.no_grad():
            self.weight.normal_(0.0, (2 / fan_in) ** 0.5, generator=generator)
            if self.bias is not None:
                self.bias.zero_()

    def prune(self, mask: Tensor) -> None:
        """Keep only the weights where `mask` is true, of those that are kept.

        Raises:
            InputError: E122, when the mask has another shape than the weight.
        """
        if mask.shape != self.weight.shape:
            raise InputError(
                "E122",
                f"a mask of shape {tuple(mask.shape)} for a weight of shape {tuple(self.weight.shape)}",
                cause="a mask has an entry for each weight",
            )
        new = mask.to(self.weight)
        self.mask = new if self.mask is None else self.mask * new

    def clear(self) -> None:
        """Take mask and form away."""
        self.mask, self.form = None, None

    def unsettled(self) -> str | None:
        """Return why weight and bias do not say what the layer computes, or None when they do."""
        return None

    @property
    def effective(self) -> Tensor:
        """The weight that is used."""
        weight = self.weight if self.mask is None else self.weight * self.mask
        return weight if self.form is None else self.form(weight)


def _make_room(layer: WeightedLayer, state: Mapping[str, Any], prefix: str, *_: Any) -> None:
    """Before a state is loaded, give the layer a mask if the state has one, and take it away if not."""
    layer.mask = torch.ones_like(layer.weight) if f"{prefix}mask" in state else None


class LinearLayer(WeightedLayer):
    """`y = W x + b` with W of shape (feature, input)."""

    def __init__(self, inputs: int, features: int, *, bias: bool = True) -> None:
        super().__init__((features, inputs), bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return the output of a batch (item, input)."""
        return functional.linear(x, self.effective, self.bias)


class ConvLayer(WeightedLayer):
    """A convolution over steps, or over rows and columns, with W of shape (channel, input / groups, *kernel)."""

    def __init__(
        self,
        inputs: int,
        channels: int,
        kernel: tuple[int, ...],
        *,
        stride: tuple[int, ...],
        padding: tuple[int, ...],
        dilation: tuple[int, ...],
        groups: int,
        bias: bool,
    ) -> None:
        super().__init__((channels, inputs // groups, *kernel), bias)
        self.stride, self.padding, self.dilation, self.groups = stride, padding, dilation, groups

    def forward(self, x: Tensor) -> Tensor:
        """Return the output of a batch (item, channel, ...)."""
        run = functional.conv1d if len(self.stride) == 1 else functional.conv2d
        stride: tuple[int, ...] = self.stride
        if len(stride) == 2 and set(self.weight.shape[2:]) == {1} and not any(self.padding):
            # The gradient of such a layer with a stride of 2 writes past its memory in torch 2.13 where the images
            # have their channels last, and fewer than 8 of them; without a stride it does not.
            x, stride = x[:, :, :: stride[0], :: stride[1]], (1, 1)
        return run(x, self.effective, self.bias, stride, self.padding, self.dilation, self.groups)
