"""What kind of fault: what it does to a bit, which bits of which elements it takes, and how long it lasts.

A fault is known by its first bit. From there `pattern` says which others it takes:

    single    none                                  several   `extent` bits, the others drawn from the same tensor
    burst     `extent` bits side by side in memory  line      the same bit of `extent` elements, along the last axis
    square    the same bit of `extent` x `extent` elements, over the last two axes
    channel   the same bit of every element of a channel: of an output of weights, of the last axis of anything else

Source: Cavagnero et al., IOLTS 2022, for the patterns that beams of neutrons leave (single, line, square, channel).

>>> Fault(pattern="square", extent=2).places((3, 4), 5, 7, 8).element.tolist()
[5, 6, 9, 10]
>>> Fault(pattern="channel").places((2, 3), 4, 0, 8).element.tolist()
[1, 4]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Int64

from sarto.core.bits import Kind, Places, burst
from sarto.core.errors import SartoError
from sarto.core.seed import generator

Pattern = Literal["single", "several", "burst", "line", "square", "channel"]

BYTES: tuple[Pattern, ...] = ("single", "burst")
"""Patterns that bytes have, which lie in no rows or channels."""


@dataclass(frozen=True)
class Fault:
    """A kind of fault.

    Attributes:
        kind: `flip`, `stuck0` or `stuck1`.
        pattern: which bits, see the module.
        extent: how many, where the pattern needs it.
        permanent: of what is written anew during an inference (state, inputs, activations, RAM): put again after every
            write, and not once. Constants keep a fault by themselves.
    """

    kind: Kind = "flip"
    pattern: Pattern = "single"
    extent: int = 2
    permanent: bool = False

    def __post_init__(self) -> None:
        if self.extent < 1:
            raise SartoError(
                "E148",
                f"a fault of extent {self.extent}",
                cause="a fault takes at least one bit",
                hint="1 or more",
            )

    def of_bytes(self, what: str) -> None:
        """Refuse a pattern that bytes do not have.

        Args:
            what: is made of bytes.

        Raises:
            SartoError: E148.
        """
        if self.pattern not in BYTES:
            raise SartoError(
                "E148",
                f"faults of {what} that are of the pattern {self.pattern}",
                cause="bytes lie in no rows or channels",
                hint=f"use {' or '.join(BYTES)}",
            )

    def places(
        self, shape: tuple[int, ...], element: int, bit: int, width: int, *, outputs_first: bool = False
    ) -> Places:
        """Return the bits that the fault takes, which begins with `bit` of `element` of a tensor.

        Args:
            shape: of the tensor.
            element: in it, flattened.
            bit: of the element, 0 the least significant.
            width: bits of an element.
            outputs_first: whether channels are the first axis, as outputs are of weights, or the last.
        """
        size = int(np.prod(shape))
        first = Places(element, bit)
        if self.pattern == "single":
            return first
        if self.pattern == "burst":
            return burst(first, self.extent, size, width)
        if self.pattern == "several":
            drawn = generator(element * width + bit, "several", *shape).integers(
                0, size * width, self.extent - 1
            )
            return Places(np.append(element, drawn // width), np.append(bit, drawn % width))
        return Places(self._elements(shape or (1,), element, outputs_first), bit)

    def _elements(
        self, shape: tuple[int, ...], element: int, outputs_first: bool
    ) -> Int64[np.ndarray, " element"]:
        at = np.unravel_index(element, shape)
        chosen = [np.array([int(i)]) for i in at]
        if self.pattern == "channel":
            axis = 0 if outputs_first else len(shape) - 1
            chosen = [np.array([int(at[a])]) if a == axis else np.arange(n) for a, n in enumerate(shape)]
        else:
            for axis in range(len(shape))[-1 if self.pattern == "line" else -2 :]:
                chosen[axis] = np.arange(at[axis], min(at[axis] + self.extent, shape[axis]))
        grid = np.meshgrid(*chosen, indexing="ij")
        return np.ravel_multi_index(tuple(g.reshape(-1) for g in grid), shape).astype(np.int64)


FLIP = Fault()
"""One bit the other way round."""
