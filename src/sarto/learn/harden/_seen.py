"""The least and the largest of what places in a network give, of a whole tensor or of each of its channels.

>>> seen = Seen("channel")
>>> seen.see("bend", torch.tensor([[1.0, 4.0], [3.0, -2.0]]))
>>> [bound.tolist() for bound in seen.bounds("bend")]
[[[1.0, -2.0]], [[3.0, 4.0]]]
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from sarto.models.input_error import InputError

Per = Literal["layer", "channel"]
BATCH = 512
"""Items that run together, as in `models.network.module.predict`: sums are then added up in the same order."""


class Seen:
    """What was seen so far, of each place by its name.

    Args:
        per: whether of a tensor, or of each of its channels (its second axis).
    """

    def __init__(self, per: Per) -> None:
        self.per = per
        self._found: dict[str, tuple[Tensor, Tensor]] = {}

    def see(self, name: str, y: Tensor) -> None:
        """Look at what a place gives for a batch."""
        by_channel = self.per == "channel" and y.ndim > 1
        axes = [a for a in range(y.ndim) if not (by_channel and a == 1)]
        low, high = y.amin(axes, keepdim=by_channel), y.amax(axes, keepdim=by_channel)
        if name in self._found:
            low = torch.minimum(low, self._found[name][0])
            high = torch.maximum(high, self._found[name][1])
        self._found[name] = low, high

    def bounds(self, name: str) -> tuple[Tensor, Tensor]:
        """Return the least and the largest, with an axis of 1 for each that is no channel's.

        Raises:
            InputError: E147, when one is no number.
        """
        low, high = self._found[name]
        if not (low.isfinite().all() and high.isfinite().all()):
            raise InputError(
                "E147",
                f"what '{name}' gives has no bounds",
                cause="the items make it infinite or no number",
            )
        return low, high


def parts(items: Float[np.ndarray, "item ..."]) -> Iterator[Tensor]:
    """Yield the items as batches, without gradients.

    Raises:
        InputError: E147, when there are none.
    """
    if not len(items):
        raise InputError(
            "E147", "no items to take bounds from", cause="bounds are what items were seen to give"
        )
    with torch.no_grad():
        for first in range(0, len(items), BATCH):
            yield torch.as_tensor(np.ascontiguousarray(items[first : first + BATCH], np.float32))
