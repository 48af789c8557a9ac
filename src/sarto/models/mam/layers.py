"""MAM layers: linear, and convolution over steps or over rows and columns.

    y_i = beta sum_k v_ik + (1 - beta) gain sum_s (max_{k in s} v_ik + min_{k in s} v_ik) + b_i,      v_ik = x_k w_ik.

`beta` and `gain` are the stage of training: buffers that go with `state_dict` and `deepcopy`, but no attributes of the
architecture. A network begins at beta = 0 and gain = 1, which is a MAM layer and all that a file knows; a vanishing
schedule (`sarto.learn.vanish`) starts it as an ordinary layer at beta = 1. A convolution's k runs over the channels and
the places of its kernel, the zeros of its padding included, and `splits` cut that run.

Source: the reference layer of mamtorch, its authors' program (nn/v4/fullyconnected.py), and Prono et al.; see `search`.

>>> layer = MamLinearLayer(3, 1, splits=1, bias=False)
>>> layer.load_state_dict(layer.state_dict() | {"weight": torch.tensor([[1.0, -2.0, 0.5]])})
<All keys matched successfully>
>>> x = torch.ones(1, 3)
>>> layer.beta.fill_(1.0), layer(x).item()
(tensor(1.), -0.5)
>>> layer.beta.fill_(0.25), layer(x).item()
(tensor(0.2500), -0.875)
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from sarto.models.input_error import InputError
from sarto.models.mam.search import max_min
from sarto.models.network.operations import slid
from sarto.models.network.weights import WeightedLayer


class MamLayer(WeightedLayer):
    """What MAM layers share.

    Attributes:
        beta: share of the sum, from 1 (an ordinary layer) to 0.
        gain: factor of largest plus smallest product.
        splits: runs of inputs, each with a largest and a smallest product of its own.
    """

    beta: Tensor
    gain: Tensor

    def __init__(self, shape: tuple[int, ...], bias: bool, splits: int) -> None:
        super().__init__(shape, bias)
        self.splits = splits
        self.register_buffer("beta", torch.zeros(()))
        self.register_buffer("gain", torch.ones(()))

    def rows(self, x: Tensor) -> list[Float[Tensor, "row input"]]:
        """Return what the weight vectors of each group are multiplied with, for a batch."""
        raise NotImplementedError

    def vectors(self) -> list[Float[Tensor, "neuron input"]]:
        """Return the weight vectors that are used, of each group."""
        raise NotImplementedError

    def folded(self, rows: list[Float[Tensor, "row neuron"]], x: Tensor) -> Tensor:
        """Return the outputs of the groups' rows as the output of the batch."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """Return the output of a batch."""
        pairs = zip(self.rows(x), self.vectors(), strict=True)
        return self.folded([self.mixed(rows, vectors) for rows, vectors in pairs], x)

    def mixed(self, rows: Tensor, vectors: Tensor) -> Tensor:
        """Return `beta sum + (1 - beta) gain (max + min)` of rows and weight vectors."""
        beta = float(self.beta)
        if beta == 1:
            return functional.linear(rows, vectors)
        kept = (1 - beta) * float(self.gain) * max_min(rows, vectors, self.splits)
        return kept if beta == 0 else kept + beta * functional.linear(rows, vectors)

    def unsettled(self) -> str | None:
        """Return why parameters alone do not say what the layer computes, or None."""
        if float(self.beta) or float(self.gain) != 1:
            return f"beta is {float(self.beta):g} and the gain {float(self.gain):g}; a file means 0 and 1"
        return None

    def clear(self) -> None:
        """Take mask and form away and go to the last stage."""
        super().clear()
        self.beta.zero_()
        self.gain.fill_(1.0)

    def settle(self) -> None:
        """Multiply the weights by the gain, after which it is 1; the outputs stay the same.

        Where the gain is a power of two no bit of them changes.

        Raises:
            InputError: E129, when beta is not 0, or the layer has a form, which was made for other weights.
        """
        if float(self.beta) or self.form is not None:
            raise InputError(
                "E129",
                f"a MAM layer at beta = {float(self.beta):g} cannot be settled",
                cause="the sum is still part of its output"
                if float(self.beta)
                else "its weights have a form",
                hint="train until the schedule has ended, and settle before quantising",
            )
        with torch.no_grad():
            self.weight.mul_(self.gain)
            self.gain.fill_(1.0)


class MamLinearLayer(MamLayer):
    """The layer on vectors, with W of shape (feature, input)."""

    def __init__(self, inputs: int, features: int, *, splits: int = 1, bias: bool = True) -> None:
        super().__init__((features, inputs), bias, splits)

    def rows(self, x: Tensor) -> list[Float[Tensor, "row input"]]:
        """Return the items."""
        return [x]

    def vectors(self) -> list[Float[Tensor, "neuron input"]]:
        """Return W."""
        return [self.effective]

    def folded(self, rows: list[Float[Tensor, "row neuron"]], x: Tensor) -> Tensor:
        """Return the rows with the bias."""
        return rows[0] if self.bias is None else rows[0] + self.bias


class MamConvLayer(MamLayer):
    """The layer on sequences and images, with W of shape (channel, input / groups, *kernel)."""

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
        splits: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__((channels, inputs // groups, *kernel), bias, splits)
        self.stride, self.padding, self.dilation, self.groups = stride, padding, dilation, groups

    def rows(self, x: Tensor) -> list[Float[Tensor, "row input"]]:
        """Return what lies under the kernel, at each place of each item."""
        image = x if x.ndim == 4 else x.unsqueeze(2)
        patches = functional.unfold(
            image,
            _flat(self.weight.shape[2:], 1),
            dilation=_flat(self.dilation, 1),
            padding=_flat(self.padding, 0),
            stride=_flat(self.stride, 1),
        )
        parts = patches.transpose(1, 2).flatten(0, 1).chunk(self.groups, 1)
        return list(parts)

    def vectors(self) -> list[Float[Tensor, "neuron input"]]:
        """Return the flattened kernels of each group."""
        return list(self.effective.flatten(1).chunk(self.groups))

    def folded(self, rows: list[Float[Tensor, "row neuron"]], x: Tensor) -> Tensor:
        """Return the rows as (item, channel, ...) with the bias."""
        sizes = slid(x.shape[2:], self.weight.shape[2:], self.stride, self.padding, self.dilation)
        joined = torch.cat(rows, 1)
        joined = joined if self.bias is None else joined + self.bias
        return joined.view(len(x), math.prod(sizes), -1).transpose(1, 2).reshape(len(x), -1, *sizes)


def _flat(sizes: tuple[int, ...], filler: int) -> tuple[int, ...]:
    """Return the two numbers of an image for those of a kernel over steps or over rows and columns."""
    return tuple(sizes) if len(sizes) == 2 else (filler, *sizes)
