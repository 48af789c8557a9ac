"""A reservoir on graphs: layers of untrained weights, and how often every node hears its neighbours.

    fixed point:  x(v) = tanh(W_in u(v) + W sum_{w in N(v)} x(w) + b),   swept from x = 0 until it stands still
    fixed steps:  x'(v) = (1 - a) x(v) + a tanh(W_in u(v) + W sum_{w in N(v)} x(w) + b),   K times from x = 0

with u(v) the features of node v, or in a further layer the states of the layer below after its last sweep. The sweeps
of a fixed point end when no node of a graph moved by more than `tolerance` (in the 2-norm of its state), or after
`most` of them, in which case the states are no fixed point, and that is said.

Source. Fixed point: Gallicchio and Micheli, "Graph echo state networks", IJCNN 2010, and "Fast and deep graph neural
networks", AAAI 2020, which stacks it. Defaults of the stop: those of an implementation of the first, g_esn by G. Visco
(`epsilon=10**-5, maxit=100`, per vertex). Fixed steps: Wang et al., "Echo state graph neural networks with analogue
random resistive memory arrays", Nature Machine Intelligence 5 (2023); form and defaults (a = 0.2, K = 4, sum pooling)
are those of the authors' program for MUTAG, which also clips the pooled sums at 0; here they are left whole.

>>> cell = build(3, 1, seed=0, iteration=FixedSteps(), layers=2, norm=0.3)
>>> cell.units, cell.channels, len(cell.layers), round(float(np.linalg.norm(cell.layers[1].recurrent, 2)), 12)
(3, 1, 2, 0.3)
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from sarto.models.input_error import InputError
from sarto.models.reservoir._weights import RADIUS_DIGITS, draw_uniform, rescaled, spectral_radius


@dataclass(frozen=True)
class FixedPoint:
    """Sweep until no node moves by more than `tolerance`, at most `most` times."""

    tolerance: float = 1e-5
    most: int = 100

    def __post_init__(self) -> None:
        _check("tolerance", self.tolerance, math.isfinite(self.tolerance) and self.tolerance > 0, "above 0")
        _check("most", self.most, self.most >= 1, "at least 1")


@dataclass(frozen=True)
class FixedSteps:
    """Sweep `steps` times, each time keeping 1 - `leak` of the old state."""

    steps: int = 4
    leak: float = 0.2

    def __post_init__(self) -> None:
        _check("steps", self.steps, self.steps >= 1, "at least 1")
        _check("leak", self.leak, 0 < self.leak <= 1, "above 0 and at most 1")


Iteration = FixedPoint | FixedSteps


@dataclass(frozen=True, eq=False)
class GraphLayer:
    """The weights of one layer: W, W_in and b."""

    recurrent: Float[np.ndarray, "neuron neuron"]
    inputs: Float[np.ndarray, "neuron channel"]
    bias: Float[np.ndarray, " neuron"]

    @property
    def norm(self) -> float:
        """sigma_max(W)."""
        return spectral_norm(self.recurrent)

    @property
    def radius(self) -> float:
        """rho(W)."""
        return spectral_radius(self.recurrent)


@dataclass(frozen=True, eq=False)
class GraphReservoir:
    """Layers of equal size, each fed by the one before, and one way to iterate all of them."""

    layers: tuple[GraphLayer, ...]
    iteration: Iteration

    @property
    def units(self) -> int:
        """Number of neurons of a node in one layer, N."""
        return len(self.layers[0].bias)

    @property
    def channels(self) -> int:
        """Number of node features, D."""
        return self.layers[0].inputs.shape[1]

    @cached_property
    def reservoir_id(self) -> str:
        """SHA-256 over the iteration and every weight: states of different ids must never be mixed."""
        how = (type(self.iteration).__name__, sorted(asdict(self.iteration).items()))
        digest = hashlib.sha256(repr(how).encode())
        for layer in self.layers:
            for array in (layer.recurrent, layer.inputs, layer.bias):
                digest.update(repr(array.shape).encode())
                digest.update(np.ascontiguousarray(array, "<f8").tobytes())
        return digest.hexdigest()


def build(
    units: int,
    channels: int,
    *,
    seed: int,
    iteration: Iteration,
    layers: int = 1,
    norm: float | None = None,
    radius: float | None = None,
    input_scaling: float = 0.5,
    inter_scaling: float = 0.5,
    bias_scaling: float = 0.5,
) -> GraphReservoir:
    """Return a reservoir; the same arguments give the same weights.

    Args:
        units: N, in every layer.
        channels: D.
        seed: of the draws.
        iteration: how states are reached.
        layers: how many.
        norm: sigma_max of each W, drawn from U(-1, 1) before; either this or `radius`.
        radius: rho of each W.
        input_scaling: s, W_in of the first layer is from U(-s, s).
        inter_scaling: the same of further layers.
        bias_scaling: s, b is from U(-s, s).

    Raises:
        InputError: E116, for a parameter outside its range.
    """
    for name, value in (("units", units), ("channels", channels), ("layers", layers)):
        _check(name, value, value >= 1, "at least 1")
    scalings = {"input_scaling": input_scaling, "inter_scaling": inter_scaling, "bias_scaling": bias_scaling}
    for name, value in scalings.items():
        _check(name, value, math.isfinite(value) and value >= 0, "finite and at least 0")
    if (norm is None) == (radius is None):
        raise InputError(
            "E116",
            f"norm = {norm}, radius = {radius}",
            cause="the recurrent weights are scaled by one of them",
            hint="give either",
        )
    size = norm if radius is None else radius
    assert size is not None
    _check(
        "norm" if radius is None else "radius", size, math.isfinite(size) and size > 0, "finite and above 0"
    )
    made: list[GraphLayer] = []
    for index in range(layers):

        def draw(purpose: str, shape: tuple[int, ...], scale: float, layer: int = index) -> np.ndarray:
            return draw_uniform(seed, "graph", f"{purpose} of layer {layer}", shape, scale)

        drawn = draw("recurrent weights", (units, units), 1.0)
        inputs = (
            draw("input weights", (units, units), inter_scaling)
            if index
            else draw("input weights", (units, channels), input_scaling)
        )
        recurrent = drawn * (size / spectral_norm(drawn)) if radius is None else rescaled(drawn, size)
        made.append(GraphLayer(recurrent, inputs, draw("bias", (units,), bias_scaling)))
    return GraphReservoir(tuple(made), iteration)


def spectral_norm(matrix: Float[np.ndarray, "row column"]) -> float:
    """Return the largest singular value, to `RADIUS_DIGITS` digits, as `spectral_radius` does."""
    return float(f"{np.linalg.norm(matrix, 2):.{RADIUS_DIGITS}g}")


def _check(name: str, value: float, good: bool | np.bool, limit: str) -> None:
    if not good:
        raise InputError("E116", f"{name} = {value}", cause=f"{name} must be {limit}", hint=f"change {name}")
