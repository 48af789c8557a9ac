"""The loss of all widths of a nested network together, from the outputs of each.

    L = sum over k of w_k CE(z_k, class),        or w_k [(1 - a) CE(z_k, class) + a T^2 KL(answers / T || z_k / T)]

>>> import torch
>>> outputs, wanted = [torch.zeros(2, 4), torch.zeros(2, 4)], torch.tensor([0, 1])
>>> round(float(over_widths(outputs, [0.75, 0.25], wanted, smoothing=0.0)), 4)
1.3863
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional

from sarto.learn.distill import distilled
from sarto.models.input_error import InputError


def over_widths(
    outputs: Sequence[Tensor],
    weights: Sequence[float],
    wanted: Tensor,
    *,
    smoothing: float,
    answers: Tensor | None = None,
    taught: int | None = None,
    temperature: float = 1.0,
    share: float = 1.0,
) -> Tensor:
    """Return L.

    Args:
        outputs: z_k (item, output) of each width.
        weights: w_k.
        wanted: class indices.
        smoothing: of the labels, where classes alone are learned.
        answers: what a teacher answered, or None.
        taught: the first so many widths learn the answers, the others the classes; None has all of them learn them.
        temperature: T.
        share: a.
    """
    total = outputs[0].new_zeros(())
    for number, (weight, own) in enumerate(zip(weights, outputs, strict=True)):
        if answers is None or (taught is not None and number >= taught):
            value = functional.cross_entropy(own, wanted, label_smoothing=smoothing)
        else:
            value = distilled(own, answers, wanted, temperature, share)
        total = total + weight * value
    return total


def checked_weights(weights: Sequence[float] | None, groups: int) -> list[float]:
    """Return the weights of all widths, with the sum 1.

    >>> checked_weights([3, 1], 2)
    [0.75, 0.25]

    Raises:
        InputError: E116, when there is not one at least 0 for each width, or all are 0.
    """
    given = [1.0] * groups if weights is None else [float(weight) for weight in weights]
    if len(given) != groups or min(given) < 0 or not sum(given) > 0:
        raise InputError(
            "E116",
            f"weights {', '.join(f'{weight:g}' for weight in given)} of {groups} widths",
            cause="every width has one of at least 0, and not all are 0",
        )
    return [weight / sum(given) for weight in given]
