"""Numbers as a file keeps them: rounded to float16 where they are used, and learned as if they were not.

    forward: float16(x),      backward: the gradient of what comes out, as it is.

So the network is trained, judged and stored with the very same numbers.

Source: Bengio, Leonard and Courville, "Estimating or propagating gradients through stochastic neurons",
arXiv:1308.3432, section 4 (the straight-through estimator).

>>> x = torch.tensor([0.1, -1e-9], requires_grad=True)
>>> rounded(x).tolist()
[0.0999755859375, 0.0]
>>> rounded(x).sum().backward()
>>> x.grad.tolist()
[1.0, 1.0]
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor

LARGEST = 65504.0
"""Of float16; what is larger is cut off there."""


class _Rounded(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.clamp(-LARGEST, LARGEST).half().to(x) + 0.0  # adding 0 makes -0 a 0

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return gradients[0]


def rounded(x: Tensor) -> Tensor:
    """Return float16 numbers, with the gradient of the identity."""
    return cast("Tensor", _Rounded.apply(x))  # pyright: ignore[reportUnknownMemberType]
