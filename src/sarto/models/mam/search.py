"""Largest plus smallest product of each row with each weight vector: the map of MAM neurons, exact, with its gradient.

    y_i = sum_s (max_{k in s} x_k w_ik + min_{k in s} x_k w_ik),       s = 1 .. splits: runs of n / splits inputs.

The gradient passes through the products that won: of equal ones through the first. A weight of 0, such as a pruned one,
makes a product of 0 that takes part like any other; so a row with a pruned input never has a maximum below 0 or a
minimum above 0, in training as in use.

Where this computer has a C compiler, `kernel` does the search in C, with the same numbers in every bit. Elsewhere the
products of some rows with some weight vectors are laid out as an image of one column whose channels are the
outputs, so that one call of torch's max pooling finds value and index of all of them (vectorised over channels; its
first largest value wins). The smallest is the largest of the negated products. At most `TILE` products exist at once.
Values and indices are those of a search over single products, bit for bit.

Source: Prono et al., "A Multiply-And-Max/min neuron paradigm for aggressively prunable deep neural networks", TechRxiv
2023, doi 10.36227/techrxiv.22561567.

>>> x, w = torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([[0.5, -1.0, 0.25], [0.0, 2.0, 1.0]])
>>> max_min(x, w).tolist()
[[-1.25, 4.0]]
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from sarto.models.mam import kernel

TILE = 1 << 19
"""Most products at once: 2 MB in float32. Smaller tiles spend their time in calls, larger ones leave the caches."""


def max_min(
    x: Float[Tensor, "row input"], weight: Float[Tensor, "neuron input"], splits: int = 1
) -> Float[Tensor, "row neuron"]:
    """Return the sum over the splits of largest and smallest product.

    Args:
        x: a row each.
        weight: a weight vector for each output.
        splits: a divisor of the number of inputs.
    """
    if torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad):
        return cast("Tensor", _MaxMin.apply(x, weight, splits))
    return _values(x, weight, splits)


def winners(
    x: Float[Tensor, "row input"], weight: Float[Tensor, "neuron input"], splits: int = 1
) -> tuple[Int[Tensor, "split row neuron"], Int[Tensor, "split row neuron"]]:
    """Return the input with the largest product and that with the smallest, in each split; of equal ones the first."""
    with torch.no_grad():
        _, largest, smallest = _search(x.detach(), weight.detach(), splits)
        return largest.long(), smallest.long()


class _MaxMin(torch.autograd.Function):
    """The map and its gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, splits: int) -> Tensor:
        """Return the map, and keep who won."""
        y, largest, smallest = _search(x, weight, splits)
        ctx.save_for_backward(x, weight, largest, smallest)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor, Tensor, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return the gradient for x and weight: each winner's product passes the outer one on to both its factors."""
        x, weight, *both = ctx.saved_tensors
        (g,) = outer
        if both[0].dtype == torch.int32 and (compiled := kernel.library()) is not None:
            indices = [part for parts in both for part in parts]
            return (*kernel.backward(compiled, x, weight, g, indices), None)
        turned = weight.t().contiguous()
        to_x, to_weight = torch.zeros_like(x), torch.zeros_like(turned)
        for index in (part for parts in both for part in parts):
            to_x.scatter_add_(1, index, g * turned.gather(0, index))
            to_weight.scatter_add_(0, index, g * x.gather(1, index))
        return to_x, to_weight.t(), None


def _search(x: Tensor, weight: Tensor, splits: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the map, and the indices of the largest and of the smallest product in each split."""
    if (compiled := kernel.of(x, weight)) is not None:
        return kernel.forward(compiled, x, weight, splits)
    rows, neurons = len(x), len(weight)
    y = x.new_zeros(rows, neurons)
    largest = torch.zeros(splits, rows, neurons, dtype=torch.int64, device=x.device)
    smallest = torch.zeros_like(largest)
    for split, (a, b, first) in enumerate(_cut(x, weight, splits)):
        for at, neuron, products in _tiles(a, b):
            place = (split, at, neuron)
            high, where = _pool(products)
            largest[place] = where + first
            low, where = _pool(products.neg_())
            smallest[place] = where + first
            y[at, neuron] += high - low
    return y, largest, smallest


def _values(x: Tensor, weight: Tensor, splits: int) -> Tensor:
    """Return the map alone."""
    if (compiled := kernel.of(x, weight)) is not None:
        return kernel.forward(compiled, x, weight, splits)[0]
    y = x.new_zeros(len(x), len(weight))
    for a, b, _ in _cut(x, weight, splits):
        for at, neuron, products in _tiles(a, b):
            y[at, neuron] += products.amax(0) + products.amin(0)
    return y


def _cut(x: Tensor, weight: Tensor, splits: int) -> list[tuple[Tensor, Tensor, int]]:
    """Return inputs (input, row, 1) and weights (input, 1, neuron) of each split, and its first input."""
    assert x.shape[1] == weight.shape[1] and x.shape[1] % splits == 0, "splits divide the inputs"
    size = x.shape[1] // splits
    rows, vectors = x.t().contiguous().unsqueeze(2), weight.t().contiguous().unsqueeze(1)
    return [(rows[f : f + size], vectors[f : f + size], f) for f in range(0, x.shape[1], size)]


def _tiles(x: Tensor, weight: Tensor) -> Iterator[tuple[slice, slice, Tensor]]:
    """Yield rows, neurons and their products (input, row, neuron), a tile at a time."""
    inputs, rows, neurons = len(x), x.shape[1], weight.shape[2]
    wide = max(1, min(neurons, TILE // inputs))
    high = max(1, TILE // (inputs * wide))
    for left in range(0, neurons, wide):
        some = weight[:, :, left : left + wide]
        for top in range(0, rows, high):
            products = x[:, top : top + high] * some
            yield slice(top, top + high), slice(left, left + wide), products


def _pool(products: Float[Tensor, "input row neuron"]) -> tuple[Tensor, Tensor]:
    """Return the largest product over the inputs and its index."""
    inputs, rows, neurons = products.shape
    image = products.view(1, inputs, 1, rows * neurons).permute(0, 3, 1, 2)
    value, index = functional.max_pool2d(image, (inputs, 1), return_indices=True)
    return value.view(rows, neurons), index.view(rows, neurons)
