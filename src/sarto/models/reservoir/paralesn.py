"""Parallel echo state network (ParalESN): `build` returns a diagonal linear reservoir with a mixing step.

    h_t = lambda h_{t-1} + a (W_x x_t + b),    z_t = tanh(Re(k * h_t) + c),    lambda = (1 - a) + a r exp(i theta)

with leak a, moduli r spread evenly over the disc between `least_radius` and `radius`, angles theta ~ U over `phase`,
W_x with real and imaginary parts from U(-s, s), times sqrt(1 - |lambda|^2) so that every neuron answers white noise
alike, b with parts from U(-s_b, s_b), and a complex kernel k of `taps` taps and norm `mix_scaling` over neighbouring
neurons. As many channels as neurons, which is what a layer of a stack of them has, are shifted by one neuron instead.

The state is linear, so that a series is scanned in parallel over time and costs O(N) per step: thousands of neurons
are no matter. Any linear reservoir has such a diagonal form. There is no feedback through the nonlinearity.

Source: Pinna, Lagomarsini, Ceni and Gallicchio, "ParalESN: enabling parallel information processing in reservoir
computing", arXiv 2601.22296 (2026); the default ranges of modulus, angle, kernel and mixing are those of their code.

>>> cell = build(20, 3, seed=0, leak=0.5, radius=0.9, input_scaling=1.0, bias_scaling=0.0)
>>> cell.effective_radius() < 1, cell.inputs.shape, len(cell.kernel)
(True, (20, 3), 3)
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Complex

from sarto.core.seed import generator
from sarto.models.reservoir._diagonal import Diagonal
from sarto.models.reservoir._weights import bad_parameter, check_in, check_parameters


def build(
    units: int,
    channels: int,
    *,
    seed: int,
    leak: float,
    radius: float,
    input_scaling: float,
    bias_scaling: float,
    least_radius: float = 0.0,
    phase: tuple[float, float] = (0.0, 2 * math.pi),
    taps: int = 3,
    mix_scaling: float = 1.0,
    mix_bias: float = 0.0,
) -> Diagonal:
    """Return a diagonal reservoir; the same arguments give the same weights.

    Args:
        units: neurons N.
        channels: input channels D.
        seed: of the draws, each of its own stream.
        leak: a in (0, 1]; 1 is no leak.
        radius: largest modulus r, below 1.
        input_scaling: s, bound of the parts of each entry of W_x before it is scaled by sqrt(1 - |lambda|^2).
        bias_scaling: s_b, bound of the parts of each entry of b.
        least_radius: smallest modulus r, at least 0 and below `radius`.
        phase: range of the angles theta, in radians.
        taps: of the kernel k, an odd number.
        mix_scaling: norm of k.
        mix_bias: bound of c, which is one number for all neurons.

    Raises:
        InputError: E116, for a parameter outside its range.
    """
    check_parameters(
        units=units,
        channels=channels,
        leak=leak,
        radius=radius,
        input_scaling=input_scaling,
        bias_scaling=bias_scaling,
    )
    if radius >= 1:
        raise bad_parameter(
            "radius", radius, "below 1", "a linear state of modulus 1 or more does not forget"
        )
    if not 0 <= least_radius < radius:
        raise bad_parameter(
            "least_radius", least_radius, f"from 0 to below radius = {radius}", "it is a range"
        )
    if taps < 1 or taps % 2 == 0:
        raise bad_parameter("taps", taps, "an odd number", "the middle one is on the neuron itself")
    check_in("mix_scaling", mix_scaling, 0, math.inf, "without mixing nothing is read out")
    if not (math.isfinite(mix_bias) and mix_bias >= 0):
        raise bad_parameter("mix_bias", mix_bias, "finite and at least 0", "c is drawn from U(-c, c)")

    def draw(purpose: str, *shape: int) -> Complex[np.ndarray, "..."]:
        parts = generator(seed, "paralesn", purpose).uniform(-1, 1, (2, *shape))
        return parts[0] + 1j * parts[1]

    moduli = np.sqrt(generator(seed, "paralesn", "moduli").uniform(least_radius**2, radius**2, units))
    angles = generator(seed, "paralesn", "angles").uniform(*phase, units)
    factors = (1 - leak) + leak * moduli * np.exp(1j * angles)
    even = np.sqrt(1 - np.abs(factors) ** 2) * input_scaling
    shifted = channels == units
    kernel = draw("kernel", taps)
    return Diagonal(
        "paralesn",
        factors,
        even * draw("inputs", units) if shifted else even[:, None] * draw("inputs", units, channels),
        bias_scaling * draw("bias", units),
        float(leak),
        kernel * (mix_scaling / np.linalg.norm(kernel)),
        float(generator(seed, "paralesn", "mix bias").uniform(-1, 1) * mix_bias),
    )
