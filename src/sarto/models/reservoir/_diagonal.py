"""A diagonal linear reservoir: every number of its state is a recurrence of its own, so that time can be scanned.

    h_t = lambda h_{t-1} + beta (W_x x_t + b),    z_t = tanh(Re(k * h_t) + c)

with a complex state h of N numbers, their factors lambda, complex W_x (or the factors of a cyclic shift of the input)
and b, and a mixing step: a convolution over the neurons with a complex kernel k of a few taps, padded with 0. What is
read out is z, N real numbers. The only nonlinearity is that of the mixing, which nothing feeds back.

Source: Pinna, Lagomarsini, Ceni and Gallicchio, "ParalESN: enabling parallel information processing in reservoir
computing", arXiv 2601.22296 (2026).

>>> weight = np.array([1 + 0j])
>>> one = Diagonal("paralesn", 0.5j * weight, weight[:, None], 0 * weight, 1.0, 2 * weight, 0.0)
>>> one.units, one.channels, one.effective_radius()
(1, 1, 0.5)
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Complex


@dataclass(frozen=True, eq=False)
class Diagonal:
    """The weights of one diagonal reservoir, in float64 and complex128.

    Attributes:
        cell: the method that built it, a file name of `sarto.models.reservoir`.
        factors: lambda.
        inputs: W_x, or for as many channels as neurons the weights w of a cyclic shift, w_i x_{i-1 mod N}.
        bias: b.
        beta: share of the input.
        kernel: k, an odd number of taps, the middle one on the neuron itself.
        offset: c.
    """

    cell: str
    factors: Complex[np.ndarray, " neuron"]
    inputs: Complex[np.ndarray, "neuron channel"] | Complex[np.ndarray, " neuron"]
    bias: Complex[np.ndarray, " neuron"]
    beta: float
    kernel: Complex[np.ndarray, " tap"]
    offset: float

    @property
    def layers(self) -> tuple[Diagonal, ...]:
        """The layers, from the input on: this one."""
        return (self,)

    @property
    def units(self) -> int:
        """Number of neurons N."""
        return len(self.factors)

    @property
    def channels(self) -> int:
        """Number of input channels D."""
        return self.inputs.shape[1] if self.inputs.ndim == 2 else self.units

    def jacobian_eigenvalues(self) -> Complex[np.ndarray, " neuron"]:
        """Return lambda: the step is linear, its Jacobian diagonal."""
        return self.factors

    def effective_radius(self) -> float:
        """Return the largest |lambda|. Below 1 is necessary and sufficient for the echo state property."""
        return float(np.abs(self.factors).max())

    def state_bound(self, steps: int) -> float:
        """Return what no z exceeds in size, which is 1 whatever the number of `steps`."""
        del steps
        return 1.0

    @cached_property
    def reservoir_id(self) -> str:
        """SHA-256 over the cell and every weight: states of different ids must never be mixed."""
        digest = hashlib.sha256(repr((self.cell, float(self.beta), float(self.offset))).encode())
        for array in (self.factors, self.inputs, self.bias, self.kernel):
            digest.update(repr(array.shape).encode())
            digest.update(np.ascontiguousarray(array, "<c16").tobytes())
        return digest.hexdigest()
