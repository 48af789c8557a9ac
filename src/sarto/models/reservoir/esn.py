"""Leaky echo state network: `build` returns a dense reservoir.

    h' = (1 - a) h + a phi(W h + W_x x + b)

with leak a, phi = tanh unless another is chosen, W ~ U rescaled to spectral radius rho(W) = `radius`, of whose entries
a share `connectivity` is not 0, W_x ~ U(-s, s), b ~ U(-s_b, s_b).

Source: Jaeger, "The 'echo state' approach", GMD report 148 (2001); Jaeger et al., Neural Networks 20 (2007), for the
leak applied to the state after tanh. Fast draw: circular law (Tao, Vu and Krishnapur, Annals of Probability 38, 2010):
entries of variance radius^2 / N give a spectral radius that tends to `radius`, so W ~ U(-v, v), v = radius sqrt(3 / N).

>>> reservoir = build(20, 3, seed=0, leak=0.5, radius=0.9, input_scaling=1.0, bias_scaling=0.1)
>>> reservoir.structure, reservoir.alpha, round(float(abs(reservoir.eigenvalues()).max()), 9)
('dense', 0.5, 0.9)
"""

from __future__ import annotations

from typing import Literal, get_args

from sarto.models.input_error import InputError
from sarto.models.reservoir._cell import BOUNDED, Activation, Reservoir
from sarto.models.reservoir._weights import Init, check_parameters, draw_recurrent, draw_uniform


def build(
    units: int,
    channels: int,
    *,
    seed: int,
    leak: float,
    radius: float,
    input_scaling: float,
    bias_scaling: float,
    init: Init = "exact",
    connectivity: float = 1.0,
    activation: Activation = "tanh",
    leaks: Literal["state", "drive"] = "state",
) -> Reservoir:
    """Return a leaky ESN; the same arguments give the same weights.

    Args:
        units: neurons N.
        channels: input channels D.
        seed: of the draws of W, W_x and b, each of its own stream.
        leak: a in (0, 1]; 1 is no leak.
        radius: spectral radius of W.
        input_scaling: s, bound of each entry of W_x.
        bias_scaling: s_b, bound of each entry of b.
        init: `exact` rescales by the computed radius, O(N^3); `fast` trusts the circular law, which is approximate at
            small N.
        connectivity: share of the entries of W that are not 0, each kept with this probability.
        activation: phi: `tanh`, `sigmoid`, `relu` or `identity`. The last two do not bound the state, so that nothing
            but the weights keeps it finite: the radius of (1 - a) I + a W must then be below 1.
        leaks: the `state` after phi, or the `drive` before it: r' = (1 - a) r + a (W h + W_x x + b), h' = phi(r').

    Raises:
        InputError: E116, for a parameter outside its range, or a state that nothing bounds.
    """
    check_parameters(
        units=units,
        channels=channels,
        leak=leak,
        radius=radius,
        input_scaling=input_scaling,
        bias_scaling=bias_scaling,
    )
    if activation not in get_args(Activation):
        known = ", ".join(get_args(Activation))
        raise InputError(
            "E116", f"activation = {activation!r}", cause="there is none", hint=f"use one of {known}"
        )
    if leaks not in ("state", "drive"):
        raise InputError(
            "E116", f"leaks = {leaks!r}", cause="nothing else can leak", hint="use state or drive"
        )
    reservoir = Reservoir(
        "esn",
        draw_recurrent(seed, "esn", units, radius, init, connectivity),
        draw_uniform(seed, "esn", "inputs", (units, channels), input_scaling),
        draw_uniform(seed, "esn", "bias", (units,), bias_scaling),
        alpha=1 - leak,
        beta=leak,
        activation=activation,
        leaks=leaks,
    )
    if activation not in BOUNDED and reservoir.effective_radius() >= 1:
        raise InputError(
            "E116",
            f"radius = {radius} with {activation}: a step at rest has a spectral radius of "
            f"{reservoir.effective_radius():.4g}, the limit is below 1",
            cause=f"{activation} does not bound the state, which would grow without end",
            hint="use a smaller radius, or tanh",
        )
    return reservoir
