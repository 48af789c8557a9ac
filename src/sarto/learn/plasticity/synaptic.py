"""Synaptic plasticity: the recurrent weights follow the outputs of the neurons that they join.

    anti-oja      dw_ij = -eta y_i (x_j - y_i w_ij)        oja            dw_ij = eta y_i (x_j - y_i w_ij)
    anti-hebbian  dw_ij = -eta y_i x_j                     hebbian        dw_ij = eta y_i x_j
    bcm           dw_ij = eta y_i (y_i - theta_i) x_j

with x = h_(t-1), the outputs that W meets, and y = h_t, those that come of them; the mean over the `batch` sequences
that run side by side is taken after each step. Only connections that are there change: a w_ij of 0 stays 0. Of BCM,
theta_i is the mean of y_i^2 over the pass before the epoch, or a number. With `normalise` the weights into each
neuron are scaled to 2-norm 1 after each change.

`SynapticPlasticity.adapt` returns an `Adapted`, whose table has for each layer and epoch (0: before) the spectral
radius of W, that of a step at rest, and the mean absolute correlation between the outputs of two neurons. The anti
rules are meant to lower the last. Seen with 20, 50 and 200 neurons, eta of 1e-5 to 1e-3 and 3 seeds: on the six
channels of BasicMotions they lower it, by .13 at most, but for 200 neurons at the largest eta; on noise they raise it,
by up to .5; on one sine they mostly raise it. W itself grows under anti-Oja, at the rate eta E[y^2], so look at the
radius too.

Source: Babinec and Pospichal, "Improving the prediction accuracy of echo state neural networks by anti-Oja's learning",
ICANN 2007; Yusoff, Chrol-Cannon and Jin, "Modeling neural plasticity in echo state networks for classification and
regression", Information Sciences 364 (2016), for BCM; Bienenstock, Cooper and Munro, J. Neuroscience 2 (1982), and
Intrator and Cooper, Neural Networks 5 (1992), for theta = E[y^2]. The papers were not to be had: the formulas are
those that ReservoirPy 0.4.2 states with these sources. It takes x and y before the activation, and its `fit` holds them
at the first state; here the network runs while it learns.

>>> from sarto.data.load import load
>>> from sarto.models.reservoir import esn
>>> cell = esn.build(50, 6, seed=0, leak=1.0, radius=0.9, input_scaling=0.5, bias_scaling=0.0)
>>> motions = load("BasicMotions").item(0)
>>> noise = np.random.default_rng(0).normal(size=(300, 6))
>>> for x in (motions / motions.std(axis=0), noise):
...     first, *_, last = SynapticPlasticity("anti-hebbian", epochs=2).adapt(cell, [x]).table.column("correlation")
...     print("lower" if last < first else "higher")
lower
higher
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Float
from sklearn.base import BaseEstimator

from sarto.core.table import Table
from sarto.core.threads import one_blas_thread
from sarto.learn.moments import Moments
from sarto.learn.plasticity.adapted import (
    Adapted,
    check_finite,
    check_input,
    groups,
    joined,
    neurons_radius,
    plastic_layers,
    stretches,
)
from sarto.learn.plasticity.checks import check_above, check_count
from sarto.models.input_error import InputError
from sarto.models.reservoir._cell import Reservoir
from sarto.models.reservoir._stack import AnyReservoir
from sarto.models.sequences import Sequences, read_sequences
from sarto.models.states import BLOCK_ITEMS
from sarto.models.steps import Steps

Rule = Literal["anti-oja", "oja", "anti-hebbian", "hebbian", "bcm"]
COLUMNS = ("layer", "epoch", "radius of W", "effective radius", "correlation")
UNITS = ("", "", "1", "1", "1")
HOW = ("", "", "measured", "measured", "measured")
FLAT = 1e-12
"""A neuron whose outputs vary less correlates with nothing."""


@dataclass
class SynapticPlasticity(BaseEstimator):
    """The rule and its parameters; a parameter of an estimator, and usable alone.

    Args:
        rule: see the top of the module.
        learning_rate: eta. ReservoirPy's 0.001 takes 50 neurons past a radius of 1 within 3000 steps; this does not.
        threshold: theta of BCM; None is the mean square of each neuron's output.
        normalise: whether the weights into each neuron are scaled to 2-norm 1.
        epochs: passes over the sequences, in the order given.
        batch: sequences that run side by side and share each change.
    """

    rule: Rule = "anti-oja"
    learning_rate: float = 1e-4
    threshold: float | None = None
    normalise: bool = False
    epochs: int = 1
    batch: int = 1

    def adapt(self, reservoir: AnyReservoir, sequences: Any, washout: int = 0) -> Adapted:
        """Return the adapted reservoir and how it went.

        Args:
            reservoir: any whose weights are stored.
            sequences: inputs as the reservoir sees them, as `read_sequences` takes them.
            washout: first steps of each sequence, that move the state and teach nothing.

        Raises:
            InputError: E116 for a parameter or a reservoir that cannot adapt, E108 for other channels, E115.
        """
        x = read_sequences(sequences)
        self._check()
        given = plastic_layers(reservoir)
        check_input(reservoir, x, washout)
        layers: list[Reservoir] = []
        rows: list[tuple[float | int | str, ...]] = []
        with one_blas_thread(), np.errstate(over="ignore", invalid="ignore"):
            for number, layer in enumerate(given, 1):
                made = layer
                row, square = _judged(layers, made, x, washout)
                rows.append((number, 0, *row))
                for epoch in range(1, self.epochs + 1):
                    made = replace(made, recurrent=self._epoch(layers, made, square, x, washout))
                    check_finite(made.recurrent, epoch, self.learning_rate)
                    row, square = _judged(layers, made, x, washout)
                    rows.append((number, epoch, *row))
                layers.append(made)
        made = joined(layers)
        table = Table(f"{self.rule}: recurrent weights and outputs", COLUMNS, UNITS, tuple(rows), HOW)
        found = Adapted(made, table, neurons_radius(given), neurons_radius(layers))
        return replace(found, warnings=tuple(found.radius_warnings()))

    def _epoch(
        self,
        below: list[Reservoir],
        layer: Reservoir,
        square: Float[np.ndarray, " neuron"],
        x: Sequences,
        washout: int,
    ) -> Float[np.ndarray, "..."]:
        """Return the recurrent weights after one pass."""
        theta = square if self.threshold is None else np.full(layer.units, float(self.threshold))
        steps = Steps(joined([*below, layer]), min(self.batch, len(x)), np.dtype("float64"))
        weights = steps.recurrent
        joins = weights != 0
        for items in groups(x, self.batch):
            steps.rest()
            before = np.zeros((len(items), layer.units))
            for first, block in stretches(x, items, washout):
                for inputs in block:
                    y = steps.advance(inputs)[:, -layer.units :]
                    if first >= washout:
                        self._learn(weights, joins, before[: len(y)], y, theta)
                    before = y
        return np.ascontiguousarray(weights.T)

    def _learn(
        self,
        weights: Float[np.ndarray, "..."],
        joins: Any,
        x: Float[np.ndarray, "live neuron"],
        y: Float[np.ndarray, "live neuron"],
        theta: Float[np.ndarray, " neuron"],
    ) -> None:
        """Change `weights` in place by one step's outputs `y` and those before, `x`."""
        if weights.ndim == 1:  # a cyclic shift: neuron i hears neuron i - 1
            x = np.roll(x, 1, axis=1)
        if self.rule == "bcm":
            change = _mean_product(y * (y - theta), x, weights.ndim)
        else:
            change = _mean_product(y, x, weights.ndim)
            if self.rule.endswith("oja"):
                change -= np.square(y).mean(axis=0) * weights
            if self.rule.startswith("anti"):
                change = -change
        np.add(weights, self.learning_rate * change, out=weights, where=joins)
        if self.normalise:
            norms = np.sqrt(np.square(weights).sum(axis=0)) if weights.ndim == 2 else np.abs(weights)
            weights /= np.where(norms > 0, norms, 1.0)

    def _check(self) -> None:
        if self.rule not in get_args(Rule):
            known = ", ".join(get_args(Rule))
            raise InputError(
                "E116", f"rule = {self.rule!r}", cause="there is none", hint=f"use one of {known}"
            )
        check_above("learning_rate", self.learning_rate, 0)
        check_count("epochs", self.epochs)
        check_count("batch", self.batch)
        if self.threshold is not None:
            check_above("threshold", self.threshold, -np.inf)


def _mean_product(
    left: Float[np.ndarray, "live neuron"], x: Float[np.ndarray, "live neuron"], axes: int
) -> Float[np.ndarray, "..."]:
    """Return the mean of left_i x_j over the sequences: all pairs [j, i], or (1 axis) i = j alone."""
    return (x.T @ left if axes == 2 else (x * left).sum(axis=0)) / len(left)


def _judged(
    below: list[Reservoir], layer: Reservoir, x: Sequences, washout: int
) -> tuple[tuple[float, ...], Float[np.ndarray, " neuron"]]:
    """Return the last three columns for `layer`, and the mean square of each neuron's output."""
    total = Moments.of_none(layer.units, 0)
    steps = Steps(joined([*below, layer]), min(BLOCK_ITEMS, len(x)), np.dtype("float64"))
    for items in groups(x, BLOCK_ITEMS):
        steps.rest()
        for first, block in stretches(x, items, washout):
            y = steps.run(block)[:, :, -layer.units :].reshape(-1, layer.units)
            if first >= washout:
                ones = np.ones(len(y))
                total = total.merged(Moments.of_rows(y, np.zeros((len(y), 0)), ones))
    variance = np.diag(total.C_xx) / total.weight
    size = np.sqrt(np.diag(total.C_xx))
    moving = np.flatnonzero(np.sqrt(variance) > FLAT)
    related = total.C_xx[np.ix_(moving, moving)] / np.outer(size[moving], size[moving])
    pairs = np.abs(related[np.triu_indices(len(moving), 1)])
    radius = float(np.abs(layer.eigenvalues()).max())
    row = (radius, neurons_radius([layer]), float(pairs.mean()) if len(pairs) else 0.0)
    return row, variance + np.square(total.mean_x)
