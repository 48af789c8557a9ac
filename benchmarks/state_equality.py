"""Same weights, same states as ReservoirPy 0.4.2, to 1e-10 in float64: ESN, ES2N, intrinsic and synaptic plasticity.

Each case is a reservoir of ours whose weights are given to ReservoirPy's node. Both run the same series, each from
rest, and the largest difference of any state counts; with plasticity both learn from the same series first, and gain,
shift or W are compared too. Intrinsic plasticity is in ReservoirPy's convention: the drive leaks, the rate is held.
What had to be done to its nodes for that is told in `benchmarks/_reservoirpy.py`; a figure says that its synaptic node
learns nothing of Hebb's rule when it is used as documented.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import numpy as np
from jaxtyping import Float

from benchmarks._bench import Bench
from benchmarks._outcome import Figure, Outcome, at_most
from benchmarks._reservoirpy import Series, fit_intrinsic, fit_synaptic, node, states
from sarto.core.seed import generator
from sarto.learn.plasticity.intrinsic import IntrinsicPlasticity
from sarto.learn.plasticity.synaptic import Rule, SynapticPlasticity
from sarto.models import states as kernel
from sarto.models.reservoir import es2n, esn, ring
from sarto.models.reservoir._cell import Activation, Reservoir
from sarto.models.sequences import read_sequences

MINUTES = 1
LIMIT = 1e-10
UNITS, CHANNELS = 100, 3
LENGTHS, QUICK_LENGTHS = (1000, 300), (60, 30)
EPOCHS = 3
USUAL: dict[str, Any] = dict(seed=0, radius=0.9, input_scaling=0.5, bias_scaling=0.3)

Gaps = dict[str, float]


def run(bench: Bench) -> Outcome:
    """Return the largest differences, case by case."""
    lengths = QUICK_LENGTHS if bench.quick else LENGTHS
    gaps = every_gap(lengths)
    figures = {
        f"{name}: largest difference": Figure(gap, "1", "measured", sum(lengths))
        for name, gap in gaps.items()
    }
    figures["largest change of W by ReservoirPy's hebbian fit, as documented"] = Figure(
        documented_hebbian(lengths), "1", "measured"
    )
    for name, gap in gaps.items():
        bench.say(f"{name}: {gap:.2g}")
    bars = tuple(at_most(f"{name}: largest difference", gap, LIMIT) for name, gap in gaps.items())
    return Outcome(figures, () if bench.quick else bars)


def every_gap(lengths: tuple[int, ...]) -> Gaps:
    """Return the largest difference of every case."""
    x = inputs(lengths)
    cells = {
        "ESN, no leak": esn.build(UNITS, CHANNELS, leak=1.0, **USUAL),
        "ESN, leak 0.3": esn.build(UNITS, CHANNELS, leak=0.3, **USUAL),
        "ESN, 10 % of W": esn.build(UNITS, CHANNELS, leak=0.3, connectivity=0.1, **USUAL),
        "ESN, sigmoid": esn.build(UNITS, CHANNELS, leak=0.3, activation="sigmoid", **USUAL),
        "ring": ring.build(UNITS, CHANNELS, leak=0.3, **USUAL),
    }
    gaps = {name: gap(cell, node(cell, "Reservoir"), x) for name, cell in cells.items()}
    for rotation in ("random", "ring"):
        turning = es2n.build(UNITS, CHANNELS, leak=0.1, rotation=rotation, **USUAL)
        gaps[f"ES2N, {rotation} O"] = gap(turning, node(turning, "ES2N"), x)
    for activation in ("tanh", "sigmoid"):
        gaps |= intrinsic(activation, x)
    for rule in get_args(Rule):
        gaps[f"synaptic plasticity, {rule}: W"], gaps[f"synaptic plasticity, {rule}: states"] = synaptic(
            rule, x
        )
    return gaps


def inputs(lengths: tuple[int, ...]) -> list[Series]:
    """Return one series of noise of each length."""
    random = generator(0, "state equality")
    return [random.normal(size=(length, CHANNELS)) for length in lengths]


def gap(cell: Reservoir, peer: Any, x: list[Series]) -> float:
    """Return the largest difference of any state."""
    ours = kernel.states(cell, read_sequences(x), dtype="float64")
    return largest(ours - np.concatenate(states(peer, x)))


def intrinsic(activation: Activation, x: list[Series]) -> Gaps:
    """Return the differences before and after intrinsic plasticity, where the drive leaks."""
    cell = esn.build(UNITS, CHANNELS, leak=0.4, activation=activation, leaks="drive", **USUAL)
    rule = IntrinsicPlasticity(sigma=0.3, learning_rate=5e-4, epochs=EPOCHS, schedule="constant")
    goal = rule.target(cell)
    peer = node(cell, "IPReservoir", mu=goal.mu, sigma=goal.sigma, learning_rate=rule.learning_rate)
    name = f"intrinsic plasticity, {activation}"
    gaps = {f"{name}: states before": gap(cell, peer, x)}
    fit_intrinsic(peer, x, EPOCHS)
    adapted = rule.adapt(cell, x).layers[0]
    assert adapted.gain is not None and adapted.shift is not None, "they were learned"
    assert largest(adapted.gain - 1) > 0.01, "so that equality says something"
    gaps[f"{name}: gain and shift"] = max(largest(adapted.gain - peer.a), largest(adapted.shift - peer.b))
    gaps[f"{name}: states after"] = gap(adapted, peer, x)
    return gaps


def synaptic(rule: Rule, x: list[Series]) -> tuple[float, float]:
    """Return the differences of W and of the states after synaptic plasticity of linear neurons, some connections 0."""
    cell = linear()
    threshold = 0.2 if rule == "bcm" else None
    ours = SynapticPlasticity(rule, learning_rate=1e-5, threshold=threshold, epochs=EPOCHS)
    peer = node(cell, "LocalPlasticityReservoir", local_rule=rule, eta=1e-5, bcm_theta=threshold or 0.0)
    fit_synaptic(peer, x, EPOCHS)
    adapted = ours.adapt(cell, x).layers[0]
    assert largest(adapted.recurrent - cell.recurrent) > 1e-5, "so that equality says something"
    return largest(adapted.recurrent - peer.W), gap(adapted, peer, x)


def documented_hebbian(lengths: tuple[int, ...]) -> float:
    """Return by how much W changes when ReservoirPy's node is fitted by its own `fit`."""
    cell = linear()
    peer = node(cell, "LocalPlasticityReservoir", local_rule="hebbian", eta=1e-5)
    peer.fit(inputs(lengths))
    return largest(peer.W - cell.recurrent)


def linear() -> Reservoir:
    """Return a reservoir of linear neurons, with few connections and small states."""
    settings: dict[str, Any] = USUAL | dict(radius=0.4, bias_scaling=0.05, input_scaling=0.1)
    drawn = esn.build(UNITS, CHANNELS, leak=1.0, connectivity=0.2, activation="identity", **settings)
    return replace(drawn, cell="linear")


def largest(values: Float[np.ndarray, "..."]) -> float:
    """Return the largest absolute value."""
    return float(np.abs(values).max())
