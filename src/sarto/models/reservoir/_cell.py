"""A reservoir: an untrained recurrent cell, as the matrices of one equation.

    h' = alpha * O h + beta * tanh(W h + W_x x + b),    h = 0 before the first step of every sequence

with state h of N neurons, input x of D channels, recurrent weights W, input weights W_x, bias b. O is the identity in
every cell there is now, so a cell that wants another O (cyclic, orthogonal) adds it as a field here and to
`effective_radius` and the kernel in `sarto.models.states`, nowhere else.

Source: Jaeger et al., "Optimization and applications of echo state networks with leaky-integrator neurons", Neural
Networks 20 (2007), for O = I, alpha = 1 - leak, beta = leak.

>>> ring = Reservoir("ring", np.full(4, 0.5), np.ones((4, 1)), np.zeros(4), alpha=0.75, beta=0.25)
>>> ring.units, ring.channels, ring.structure, round(ring.effective_radius(), 12)
(4, 1, 'ring', 0.875)
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from jaxtyping import Complex, Float


@dataclass(frozen=True, eq=False)
class Reservoir:
    """The matrices of one reservoir, in float64.

    Attributes:
        cell: the method that built it, a file name of `sarto.models.reservoir`.
        recurrent: W (dense), or for a ring the weights r with (W h)_i = r_i * h_{i-1 mod N}.
        inputs: W_x.
        bias: b.
        alpha: share of the old state that is carried over.
        beta: share of the new activation that is added.
        start: of the generator that the weights come from, each matrix and the bias times a factor of its own (see
            `sarto.core.graph.generated`); None where they are to be stored.
    """

    cell: str
    recurrent: Float[np.ndarray, "neuron neuron"] | Float[np.ndarray, " neuron"]
    inputs: Float[np.ndarray, "neuron channel"]
    bias: Float[np.ndarray, " neuron"]
    alpha: float
    beta: float
    start: int | None = None

    @property
    def units(self) -> int:
        """Number of neurons N."""
        return self.inputs.shape[0]

    @property
    def channels(self) -> int:
        """Number of input channels D."""
        return self.inputs.shape[1]

    @property
    def structure(self) -> Literal["dense", "ring"]:
        """How `recurrent` is to be read."""
        return "dense" if self.recurrent.ndim == 2 else "ring"

    def recurrent_matrix(self) -> Float[np.ndarray, "neuron neuron"]:
        """Return W as a full matrix, whatever the structure."""
        if self.structure == "dense":
            return self.recurrent
        return np.roll(np.diag(np.roll(self.recurrent, -1)), 1, axis=0)

    def eigenvalues(self) -> Complex[np.ndarray, " neuron"]:
        """Return the eigenvalues of W.

        Those of a ring are the N-th roots of the product p of its weights, in closed form:
        |p|^(1/N) exp(i (arg p + 2 pi k) / N), k = 0..N-1.
        """
        if self.structure == "dense":
            return np.linalg.eigvals(self.recurrent).astype(np.complex128)
        if not self.recurrent.all():
            return np.zeros(self.units, np.complex128)
        size = np.exp(np.log(np.abs(self.recurrent)).mean())
        start = np.pi if np.count_nonzero(self.recurrent < 0) % 2 else 0.0
        return size * np.exp(1j * (start + 2 * np.pi * np.arange(self.units)) / self.units)

    def effective_radius(self) -> float:
        """Return the spectral radius of alpha I + beta W, the Jacobian of the step at h = 0 without input and bias.

        Below 1 the state forgets near that point; this is necessary for the echo state property there, and neither
        necessary nor sufficient under a strong input.
        """
        return float(np.abs(self.alpha + self.beta * self.eigenvalues()).max())

    @cached_property
    def reservoir_id(self) -> str:
        """SHA-256 over the cell, alpha, beta and every weight: states of different ids must never be mixed."""
        digest = hashlib.sha256(repr((self.cell, float(self.alpha), float(self.beta))).encode())
        for array in (self.recurrent, self.inputs, self.bias):
            digest.update(repr(array.shape).encode())
            digest.update(np.ascontiguousarray(array, "<f8").tobytes())
        return digest.hexdigest()
