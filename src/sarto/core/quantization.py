"""What the integers of a network stand for: the scale, the bits and, where there is one, the codebook of each tensor.

A whole number q of a tensor stands for `q s` with the scale s of its channel, or of the tensor, or for entry q of its
codebook. There are no zero points: 0 stands for 0.

>>> found = Quantization({"input": Numbers((0.5,), 8, signed=False), "fc.weight": Numbers((0.1, 0.2), 4)})
>>> found.tensors["input"].limits, found.tensors["fc.weight"].limits
((0, 255), (-7, 7))
>>> Quantization.from_json(found.to_json()) == found
True
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Numbers:
    """The numbers of one tensor.

    Attributes:
        scale: of each channel, or one for all; empty with a codebook.
        bits: of a whole number.
        signed: integers lie in +-(2^(bits - 1) - 1), or from 0 to 2^bits - 1.
        codebook: what the indices 0, 1, ... stand for, or None.
    """

    scale: tuple[float, ...]
    bits: int
    signed: bool = True
    codebook: tuple[float, ...] | None = None

    @property
    def limits(self) -> tuple[int, int]:
        """The least and the largest whole number."""
        if self.codebook is not None:
            return 0, len(self.codebook) - 1
        most = 2 ** (self.bits - self.signed) - 1
        return -most if self.signed else 0, most


@dataclass(frozen=True)
class Quantization:
    """The numbers of every tensor that is quantised: activations by their node (or `input`), weights by parameter."""

    tensors: Mapping[str, Numbers] = field(default_factory=dict[str, Numbers])

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {
            name: {
                "scale": list(n.scale),
                "bits": n.bits,
                "signed": n.signed,
                "codebook": None if n.codebook is None else list(n.codebook),
            }
            for name, n in self.tensors.items()
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Quantization:
        """Return what `to_json` wrote."""
        return Quantization(
            {
                name: Numbers(
                    tuple(map(float, n["scale"])),
                    int(n["bits"]),
                    bool(n["signed"]),
                    None if n["codebook"] is None else tuple(map(float, n["codebook"])),
                )
                for name, n in data.items()
            }
        )
