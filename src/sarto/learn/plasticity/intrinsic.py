"""Intrinsic plasticity: each neuron learns a gain a and a shift b that bring its output close to a distribution.

    y = phi(a z + b);   after each step   a += eta mean(da),   b += eta mean(db)

with da and db of `sarto.learn.plasticity.target`. The mean is over the `batch` sequences that run side by side; a batch
of 1 is the published rule, one change per sample.
phi decides the target: tanh a Gaussian, sigmoid an exponential distribution. What z and y are depends on what leaks:

    the state:  z = W h + W_x x + b_0, h' = (1 - leak) h + leak y. Gain and shift then become a part of the weights,
                diag(a) W, diag(a) W_x and a b_0 + b, of an ordinary reservoir. So in Pisa's torchdyno.
    the drive:  z = r', the leaked drive, h' = y; the reservoir keeps gain and shift. So in ReservoirPy.

`IntrinsicPlasticity.adapt` returns an `Adapted`, whose table has for each layer and epoch (0: before) the KL divergence
of y to the target over all neurons, by a histogram of a pass without learning, and the gains, counted from the
reservoir given.

The changes follow the inputs with a time constant of sigma^2 / eta steps (tanh; 20 at sigma = 0.1, eta = 5e-4). Where
that is no longer than the reservoir remembers, the shift balances each moment, not the mean: the outputs have their
target *while the rule runs*, and lose it when gain and shift are frozen at their last values. So eta falls to 0 here
(`schedule="linear"`), change k of K having eta (1 - k / K), k from 0: the rule has slowed down before it stops.
`schedule="constant"` holds it, as published.

The gain stays at sqrt(eta) at least: there the term 1 / a alone moves it by its own size in one step, and below it
ever further. The layers of a stack adapt one after the other, each to what those below it say when they have.

Source: see `target`. `sigma`, `mu` and `learning_rate` are those of ReservoirPy's reproduction of Schrauwen et al.
(2008), with 100 epochs over one series of 1000 steps. A rate that falls to 0, so that what is learned online settles:
Robbins and Monro, "A stochastic approximation method", Annals of Mathematical Statistics 22 (1951).

>>> from sarto.models.reservoir import esn
>>> rng = np.random.default_rng(0)
>>> cell = esn.build(20, 1, seed=0, leak=1.0, radius=0.9, input_scaling=1.0, bias_scaling=0.5)
>>> rule = IntrinsicPlasticity(sigma=0.3, learning_rate=0.005, epochs=3)
>>> adapted = rule.adapt(cell, [rng.normal(size=(500, 1))])
>>> first, *_, last = adapted.table.column("KL, mean")
>>> adapted.reservoir.units, last < 0.5 * first
(20, True)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from sklearn.base import BaseEstimator

from sarto.core.table import Table
from sarto.core.threads import one_blas_thread
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
from sarto.learn.plasticity.target import BINS, Target
from sarto.learn.plasticity.tuning import layer_tuned
from sarto.models.input_error import InputError
from sarto.models.reservoir._cell import Reservoir
from sarto.models.reservoir._stack import AnyReservoir
from sarto.models.sequences import Sequences, read_sequences
from sarto.models.states import BLOCK_ITEMS
from sarto.models.steps import PHI, Steps

COLUMNS = ("layer", "epoch", "KL, mean", "KL, least", "KL, largest", "gain, least", "gain, largest")
UNITS = ("", "", "nat", "nat", "nat", "1", "1")
HOW = ("", "", *("measured",) * 5)
SCHEDULES = ("linear", "constant")
MEANS = {"tanh": 0.0, "sigmoid": 0.3}
"""mu where none is given."""


@dataclass
class IntrinsicPlasticity(BaseEstimator):
    """The rule and its parameters; a parameter of an estimator, and usable alone.

    Args:
        mu: mean of the target; None is 0 for tanh and 0.3 for sigmoid.
        sigma: standard deviation of the Gaussian target; not used for sigmoid.
        learning_rate: eta.
        epochs: passes over the sequences, in the order given.
        batch: sequences that run side by side and share each change.
        schedule: "linear" lets the rate fall to 0 over all changes; "constant" holds it, as published.
    """

    mu: float | None = None
    sigma: float = 0.1
    learning_rate: float = 5e-4
    epochs: int = 10
    batch: int = 1
    schedule: str = "linear"

    def adapt(self, reservoir: AnyReservoir, sequences: Any, washout: int = 0) -> Adapted:
        """Return the adapted reservoir and how it went.

        Args:
            reservoir: of neurons with tanh or sigmoid.
            sequences: inputs as the reservoir sees them, as `read_sequences` takes them.
            washout: first steps of each sequence, that move the state and teach nothing.

        Raises:
            InputError: E116 for a parameter or a reservoir that cannot adapt, E108 for other channels, E115.
        """
        given, layers, rows, warnings = self._layers(reservoir, sequences, washout, recorded=True)
        made = joined(layers)
        goal = " or ".join(dict.fromkeys(_named(self.target(layer)) for layer in layers))
        table = Table(
            f"KL divergence of the outputs to {goal}, by a histogram of {BINS} bins",
            COLUMNS, UNITS, tuple(rows), HOW,
        )  # fmt: skip
        found = Adapted(made, table, neurons_radius(given), neurons_radius(layers))
        return replace(found, warnings=(*found.radius_warnings(), *warnings))

    def adapted(self, reservoir: AnyReservoir, sequences: Any, washout: int = 0) -> AnyReservoir:
        """Return the reservoir of `adapt`, to the bit, without a record: to judge is most of the work."""
        return joined(self._layers(reservoir, sequences, washout, recorded=False)[1])

    def _layers(
        self, reservoir: AnyReservoir, sequences: Any, washout: int, *, recorded: bool
    ) -> tuple[list[Reservoir], list[Reservoir], list[tuple[float | int | str, ...]], list[str]]:
        """Return the layers given and adapted, the rows of the table, and warnings."""
        x = read_sequences(sequences)
        given = plastic_layers(reservoir)
        self._check(given)
        check_input(reservoir, x, washout)
        changes = self.epochs * sum(int(x.lengths[items].max()) - washout for items in groups(x, self.batch))
        layers: list[Reservoir] = []
        rows: list[tuple[float | int | str, ...]] = []
        warnings: list[str] = []
        with one_blas_thread(), np.errstate(over="ignore", invalid="ignore"):
            for number, layer in enumerate(given, 1):
                tuner = _Tuner(
                    self.target(layer),
                    layer,
                    self.learning_rate,
                    1 / changes if self.schedule == "linear" else 0.0,
                )
                epochs = self._epochs(layers, layer, tuner, x, washout, recorded=recorded)
                rows += [(number, *row) for row in epochs]
                layers.append(tuner.tuned(layer))
                warnings += tuner.warnings(number, rows) if recorded else []
        return given, layers, rows, warnings

    def target(self, layer: Reservoir) -> Target:
        """Return the target that the activation of `layer` has."""
        assert layer.activation in ("tanh", "sigmoid"), "checked"
        mu = MEANS[layer.activation] if self.mu is None else float(self.mu)
        return Target(layer.activation, mu, float(self.sigma))

    def _epochs(
        self,
        below: list[Reservoir],
        layer: Reservoir,
        tuner: _Tuner,
        x: Sequences,
        washout: int,
        *,
        recorded: bool,
    ) -> list[tuple[float, ...]]:
        """Teach `tuner` all epochs and return their rows, if they are recorded."""
        plain = joined([*below, replace(layer, gain=None, shift=None)])
        rows = [tuner.judged(plain, x, washout, 0)] if recorded else []
        steps = Steps(plain, min(self.batch, len(x)), np.dtype("float64"), phi=tuner)
        for epoch in range(1, self.epochs + 1):
            for items in groups(x, self.batch):
                tuner.run(steps, x, items, washout, learns=True)
            check_finite(np.stack([tuner.gain, tuner.shift]), epoch, self.learning_rate)
            rows += [tuner.judged(plain, x, washout, epoch)] if recorded else []
        return rows

    def _check(self, given: list[Reservoir]) -> None:
        check_above("sigma", self.sigma, 0)
        check_above("learning_rate", self.learning_rate, 0)
        check_count("epochs", self.epochs)
        check_count("batch", self.batch)
        if self.schedule not in SCHEDULES:
            raise InputError(
                "E116",
                f"schedule = {self.schedule}",
                cause="the learning rate is held, or falls to 0",
                hint='use "constant" or "linear"',
            )
        for layer in given:
            if layer.activation not in MEANS:
                raise InputError(
                    "E116",
                    f"intrinsic plasticity of neurons with {layer.activation}",
                    cause="the rule is known for tanh and sigmoid, whose outputs are bounded",
                    hint="use the activation tanh or sigmoid",
                )
            if layer.activation == "tanh" and self.mu is not None and not abs(self.mu) < 1:
                raise InputError(
                    "E116",
                    f"mu = {self.mu}",
                    cause="the outputs of tanh lie between -1 and 1, so their mean does too",
                    hint="use 0, or a mu in between",
                )
            if layer.activation == "sigmoid":
                check_above("mu", MEANS["sigmoid"] if self.mu is None else self.mu, 0)


class _Tuner:
    """The activation of a layer with gain and shift, called once a step: it learns, or counts its outputs."""

    def __init__(self, target: Target, layer: Reservoir, rate: float, falls: float) -> None:
        self.gain = np.ones(layer.units) if layer.gain is None else layer.gain.astype(np.float64)
        self.shift = np.zeros(layer.units) if layer.shift is None else layer.shift.astype(np.float64)
        self.least = float(np.sqrt(rate))
        self._target, self._rate, self._falls = target, rate, falls
        self._changes = 0
        self._learns = False
        self._open = 0.0  # what a histogram of so many outputs leaves open, see `target`
        self._counts: Int[np.ndarray, " place"] | None = None
        self._row = np.arange(layer.units) * BINS

    def __call__(self, z: Float[np.ndarray, "live neuron"], out: Float[np.ndarray, "live neuron"]) -> Any:
        y = self.gain * z + self.shift
        PHI[self._target.activation](y, out=y)
        if self._learns:
            db = self._target.descent(y)
            da = db * z + 1 / self.gain
            rate = self._rate * (1 - self._falls * self._changes)
            self._changes += 1
            self.gain += rate * da.mean(axis=0)
            self.shift += rate * db.mean(axis=0)
            np.maximum(self.gain, self.least, out=self.gain)
        elif self._counts is not None:
            np.add.at(self._counts, (self._row + self._target.bin_of(y)).reshape(-1), 1)
        out[:] = y
        return out

    def run(
        self, steps: Steps, x: Sequences, items: Int[np.ndarray, " item"], washout: int, *, learns: bool
    ) -> None:
        """Take `items` from rest to their ends; learn, or count, after the washout."""
        steps.rest()
        counts = self._counts
        for first, block in stretches(x, items, washout):
            self._learns = learns and first >= washout
            self._counts = counts if first >= washout else None
            steps.run(block)
        self._learns, self._counts = False, counts

    def judged(self, plain: AnyReservoir, x: Sequences, washout: int, epoch: int) -> tuple[float, ...]:
        """Return the row of an epoch, from a pass with gain and shift as they are."""
        self._counts = np.zeros(len(self.gain) * BINS, np.int64)
        steps = Steps(plain, min(BLOCK_ITEMS, len(x)), np.dtype("float64"), phi=self)
        for items in groups(x, BLOCK_ITEMS):
            self.run(steps, x, items, washout, learns=False)
        counts = self._counts.reshape(-1, BINS).astype(np.float64)
        self._open = (BINS - 1) / (2 * counts[0].sum())
        far = self._target.divergence(counts)
        self._counts = None
        values = (far.mean(), far.min(), far.max(), self.gain.min(), self.gain.max())
        return (epoch, *(float(value) for value in values))

    def tuned(self, layer: Reservoir) -> Reservoir:
        """Return `layer` with gain and shift."""
        return layer_tuned(layer, self.gain, self.shift)

    def warnings(self, number: int, rows: list[tuple[float | int | str, ...]]) -> list[str]:
        """Return what is to be said of layer `number`, whose rows are the last of `rows`."""
        found: list[str] = []
        own = [row[2] for row in rows if row[0] == number]
        bound = int(np.count_nonzero(self.gain <= self.least))
        if bound:
            found.append(
                f"{bound} of {len(self.gain)} gains of layer {number} end at their bound of {self.least:.3g}, the "
                "square root of the learning rate: it is too large for these inputs"
            )
        if float(own[-1]) > float(own[0]) + self._open:
            held = "" if self._falls else " when it stops (schedule='linear' lets it fall)"
            found.append(
                f"the mean KL divergence of layer {number} rose from {own[0]:.3g} to {own[-1]:.3g} nat: the learning "
                f"rate is too large{held}, or the target out of reach"
            )
        return found


def _named(target: Target) -> str:
    if target.activation == "sigmoid":
        return f"the exponential distribution of mean {target.mu:g}"
    return f"N({target.mu:g}, {target.sigma:g}^2)"
