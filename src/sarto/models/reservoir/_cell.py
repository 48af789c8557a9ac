"""A reservoir: an untrained recurrent cell, as the matrices of one equation.

    h' = alpha O h + beta phi(W h + W_x x + W_m m' + b),    h = 0 before the first step of every sequence
    m' = V m + V_x x,                                       m = 0; only where the cell has a linear memory

with state h of N neurons, input x of D channels, recurrent weights W, input weights W_x, bias b, an orthogonal O (the
identity where `rotation` is None) and a linear memory m of M slots whose V is a weighted cyclic shift. Every cell is
one choice of these: the leaky echo state network has O = I, alpha = 1 - leak, beta = leak.

A leak may act before phi instead (`leaks` is "drive"): then r is the state that leaks, and each neuron has a gain and a
shift of its own, as intrinsic plasticity sets them,

    r' = alpha r + beta (W h + W_x x + b),    h' = phi(gain r' + shift)

Source: Jaeger et al., "Optimization and applications of echo state networks with leaky-integrator neurons", Neural
Networks 20 (2007), for the leak; Ceni and Gallicchio, "Edge of stability echo state network", arXiv 2308.02902 (2023),
for O; Gallicchio and Ceni, "Reservoir memory networks", ESANN 2024, for m.

>>> ring = Reservoir("ring", np.full(4, 0.5), np.ones((4, 1)), np.zeros(4), alpha=0.75, beta=0.25)
>>> ring.units, ring.channels, ring.structure, round(ring.effective_radius(), 12)
(4, 1, 'ring', 0.875)
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from jaxtyping import Complex, Float

Activation = Literal["tanh", "sigmoid", "relu", "identity"]
SLOPE: dict[Activation, float] = {"tanh": 1.0, "sigmoid": 0.25, "relu": 1.0, "identity": 1.0}
"""phi and its slope at 0 (of relu: from above)."""
BOUNDED: tuple[Activation, ...] = ("tanh", "sigmoid")
"""Those with |phi| <= 1."""


@dataclass(frozen=True, eq=False)
class Memory:
    """A linear memory m' = V m + V_x x beside the neurons, in float64.

    Attributes:
        shift: v, of V: (V m)_i = v_i m_{i-1 mod M}.
        inputs: V_x.
        outputs: W_m, the weights with which the neurons see the memory.
    """

    shift: Float[np.ndarray, " slot"]
    inputs: Float[np.ndarray, "slot channel"]
    outputs: Float[np.ndarray, "neuron slot"]

    @property
    def slots(self) -> int:
        """Number of slots M."""
        return len(self.shift)


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
        rotation: O: None for the identity, weights o of a cyclic shift with (O h)_i = o_i h_{i-1 mod N}, or a matrix.
        memory: the linear memory, or None.
        activation: phi.
        leaks: what alpha and beta mix: the `state`, or the `drive` before phi.
        gain: of each neuron, where the drive leaks; None is 1.
        shift: of each neuron, where the drive leaks; None is 0.
    """

    cell: str
    recurrent: Float[np.ndarray, "neuron neuron"] | Float[np.ndarray, " neuron"]
    inputs: Float[np.ndarray, "neuron channel"]
    bias: Float[np.ndarray, " neuron"]
    alpha: float
    beta: float
    start: int | None = None
    rotation: Float[np.ndarray, "neuron neuron"] | Float[np.ndarray, " neuron"] | None = None
    memory: Memory | None = None
    activation: Activation = "tanh"
    leaks: Literal["state", "drive"] = "state"
    gain: Float[np.ndarray, " neuron"] | None = None
    shift: Float[np.ndarray, " neuron"] | None = None

    def __post_init__(self) -> None:
        own = self.gain is None and self.shift is None
        assert self.leaks == "drive" or own, "a gain of the state is a part of the weights"
        assert self.leaks == "state" or (self.rotation is None and self.memory is None), (
            "no published cell has both"
        )

    @property
    def layers(self) -> tuple[Reservoir, ...]:
        """The layers, from the input on: this one."""
        return (self,)

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
        return full_matrix(self.recurrent)

    def rotation_matrix(self) -> Float[np.ndarray, "neuron neuron"]:
        """Return O as a full matrix."""
        return np.eye(self.units) if self.rotation is None else full_matrix(self.rotation)

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

    def slope(self) -> Float[np.ndarray, " neuron"]:
        """Return by how much a neuron's output moves with its drive, at rest (h = 0, no input, no bias)."""
        if self.leaks == "state":
            return np.full(self.units, SLOPE[self.activation])
        at = np.zeros(self.units) if self.shift is None else self.shift
        value = np.tanh(at) if self.activation == "tanh" else 1 / (1 + np.exp(-at))
        steep = {"tanh": 1 - value**2, "sigmoid": value * (1 - value)}.get(
            self.activation, np.ones(self.units)
        )
        return steep if self.gain is None else steep * self.gain

    def jacobian_eigenvalues(self) -> Complex[np.ndarray, " neuron"]:
        """Return the eigenvalues of alpha O + beta phi'(0) W, the Jacobian of the neurons' step at h = 0.

        Without input and bias. Where the drive leaks they are those of alpha I + beta W diag(slope), see `slope`.
        """
        if self.rotation is None and self.leaks == "state":
            return self.alpha + self.beta * SLOPE[self.activation] * self.eigenvalues()
        step = self.alpha * self.rotation_matrix() + self.beta * self.recurrent_matrix() * self.slope()
        return np.linalg.eigvals(step).astype(np.complex128)

    def effective_radius(self) -> float:
        """Return the spectral radius of the Jacobian of the whole step, memory included, at rest.

        Below 1 the state forgets near that point; this is necessary for the echo state property there, and neither
        necessary nor sufficient under a strong input.
        """
        radius = float(np.abs(self.jacobian_eigenvalues()).max())
        if self.memory is None:
            return radius
        return max(
            radius, float(np.exp(np.log(np.abs(self.memory.shift) + np.finfo(np.float64).tiny).mean()))
        )

    def state_bound(self, steps: int) -> float:
        """Return what no neuron's state exceeds in size within `steps` steps from h = 0, whatever the input.

        Each step adds at most beta to the largest state, or beta sqrt(N) to their 2-norm where O is a full matrix. It
        is infinite where phi is not bounded.
        """
        if self.activation not in BOUNDED:
            return math.inf
        if self.leaks == "drive":
            return 1.0
        turning = self.rotation is not None and self.rotation.ndim == 2
        added = self.beta * (math.sqrt(self.units) if turning else 1.0)
        if self.alpha == 1:
            return added * steps
        return added * (1 - self.alpha**steps) / (1 - self.alpha)

    @cached_property
    def reservoir_id(self) -> str:
        """SHA-256 over the cell, alpha, beta and every weight: states of different ids must never be mixed."""
        digest = hashlib.sha256(repr((self.cell, float(self.alpha), float(self.beta))).encode())
        kind = (self.activation, self.leaks)
        if kind != ("tanh", "state"):
            digest.update(repr(kind).encode())
        memory = {} if self.memory is None else vars(self.memory)
        more = {"rotation": self.rotation, "gain": self.gain, "shift": self.shift, **memory}
        for name, array in (("", self.recurrent), ("", self.inputs), ("", self.bias), *more.items()):
            if array is not None:
                digest.update((name + repr(array.shape)).encode())
                digest.update(np.ascontiguousarray(array, "<f8").tobytes())
        return digest.hexdigest()


def full_matrix(
    weights: Float[np.ndarray, "neuron neuron"] | Float[np.ndarray, " neuron"],
) -> Float[np.ndarray, "neuron neuron"]:
    """Return a matrix as it is, and the weights w of a cyclic shift as the matrix S with (S h)_i = w_i h_{i-1 mod N}.

    >>> full_matrix(np.array([5.0, 6.0, 7.0])).tolist()
    [[0.0, 0.0, 5.0], [6.0, 0.0, 0.0], [0.0, 7.0, 0.0]]
    """
    if weights.ndim == 2:
        return weights
    return np.roll(np.diag(np.roll(weights, -1)), 1, axis=0)
