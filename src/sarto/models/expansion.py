"""What a readout for every step sees of it: the states, functions of pairs of them, and the input itself.

    none:      f = h
    squares:   f = [h, h^2]
    half:      f_i = h_i, and h_i^2 for every second neuron (i = 2, 4, ...)
    products:  f_i = h_i, and h_{i-1} h_{i-2} for every second neuron (i = 3, 5, ...)

each followed by the input x (as the reservoir sees it) where `inputs` is set. Where the law of a series has a symmetry
that odd functions of the state share, as the Lorenz equations under (x, y, z) -> (-x, -y, z), a linear readout of a
reservoir without bias cannot break it: the squares can.

Source: Lu et al., "Reservoir observers: model-free inference of unmeasured variables in chaotic systems", Chaos 27
(2017), for `squares`; Pathak et al., "Model-free prediction of large spatiotemporally chaotic systems from data",
Physical Review Letters 120 (2018), for `half`; Chattopadhyay, Hassanzadeh and Subramanian, Nonlinear Processes in
Geophysics 27 (2020), for `products`, their T_2; Jaeger (2001), for the input.

>>> h, x = np.array([[2.0, 3.0, 5.0, 7.0]]), np.array([[9.0]])
>>> [Expansion(kind)(h, x)[0].astype(int).tolist() for kind in ("half", "products")]
[[2, 9, 5, 49], [2, 3, 6, 7]]
>>> Expansion("squares", inputs=True)(h, x)[0].astype(int).tolist()
[2, 3, 5, 7, 4, 9, 25, 49, 9]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float

from sarto.models.input_error import InputError

ExpansionKind = Literal["none", "squares", "half", "products"]


@dataclass(frozen=True)
class Expansion:
    """From states and inputs to features of each step.

    Attributes:
        kind: see the top of the module.
        inputs: whether the input is among the features.
    """

    kind: ExpansionKind = "none"
    inputs: bool = False

    def __post_init__(self) -> None:
        """Refuse a kind that there is not (E116)."""
        if self.kind not in get_args(ExpansionKind):
            known = ", ".join(get_args(ExpansionKind))
            raise InputError(
                "E116", f"expansion = {self.kind!r}", cause="no such expansion", hint=f"use one of {known}"
            )

    def width(self, units: int, channels: int) -> int:
        """Return the number of features of `units` neurons and `channels` inputs."""
        return units * (2 if self.kind == "squares" else 1) + (channels if self.inputs else 0)

    def __call__(
        self, h: Float[np.ndarray, "row neuron"], x: Float[np.ndarray, "row channel"]
    ) -> Float[np.ndarray, "row feature"]:
        """Return the features of each row; a view of `h` where they are the states."""
        parts = [h]
        if self.kind == "squares":
            parts.append(h * h)
        elif self.kind != "none":
            parts = [h.copy()]
            if self.kind == "half":
                parts[0][:, 1::2] *= h[:, 1::2]
            else:
                parts[0][:, 2::2] = h[:, 1:-1:2] * h[:, :-2:2]
        if self.inputs:
            parts.append(x.astype(h.dtype))
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


STATES = Expansion()
"""The states alone."""
