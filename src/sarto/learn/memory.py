"""Linear memory capacity: how much of its past input a linear readout recovers from the state of a reservoir.

    MC = sum over lags k = 1..K and channels d of  C_{k,d},    C_{k,d} = r^2(y_{k,d}(t), u_d(t - k)) - floor

Input u is white, uniform and independent in every channel; a ridge readout y_{k,d} is trained on the first steps of
each stream and the squared correlation r^2 taken on the rest. r^2 of independent numbers is not 0 but about 1 / test
steps, which adds up over hundreds of lags: the floor is what the same training and test give when the targets are
shuffled, the mean over all of them. Lag 0, the input that the state has just seen, is in `curve` and not in MC. Over
all lags from 0 on the sum cannot exceed the number of neurons that are read out.

Source: Jaeger, "Short term memory in echo state networks", GMD report 152 (2001), definition 2.1 and proposition 2;
Dambre, Verstraeten, Schrauwen and Massar, "Information processing capacity of dynamical systems", Scientific Reports 2
(2012), for the bias of few samples and the sum over several inputs.

>>> from sarto.models.reservoir import ring
>>> cell = ring.build(10, 1, seed=0, leak=1.0, radius=0.9, input_scaling=0.01, bias_scaling=0.0)
>>> found = memory_capacity(cell, lags=15, train=1000, test=1000)
>>> found.curve.shape, 7 < found.total < 10
((16, 1), True)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from sarto.core.seed import generator
from sarto.learn.ridge import RidgeSolution
from sarto.learn.statistics import RidgeStatistics
from sarto.models.input_error import InputError
from sarto.models.reservoir._stack import AnyReservoir
from sarto.models.sequences import Sequences
from sarto.models.states import states

SETTLING = 100
"""Steps of each stream before those whose lags are all known; none of them is used."""


@dataclass(frozen=True, eq=False)
class MemoryCapacity:
    """The capacity of every lag and channel.

    Attributes:
        curve: C, from lag 0 on, the floor taken off (so it may be a little below 0).
        floor: mean squared correlation with shuffled targets.
        test_steps: steps that the correlations are over.
    """

    curve: Float[np.ndarray, "lag channel"]
    floor: float
    test_steps: int

    @property
    def total(self) -> float:
        """MC: the sum from lag 1 on."""
        return float(self.curve[1:].sum())


@dataclass(frozen=True, eq=False)
class Recall:
    """States under white input and the past inputs that they are to tell, cut into training and test rows."""

    train_states: Float[np.ndarray, "train neuron"]
    train_past: Float[np.ndarray, "train past"]
    test_states: Float[np.ndarray, "test neuron"]
    test_past: Float[np.ndarray, "test past"]

    def solutions(self, ridges: Sequence[float]) -> list[RidgeSolution]:
        """Return the readouts for `ridges`, relative to the mean eigenvalue of the states' co-moments."""
        statistics = RidgeStatistics.of(self.train_states, self.train_past)
        return statistics.path([statistics.ridge_from_relative(ridge) for ridge in ridges])

    def correlations(self, readout: RidgeSolution) -> Float[np.ndarray, " past"]:
        """Return the squared correlation of each past input with what `readout` says on the test rows."""
        return _squared_correlation(readout.predict(self.test_states), self.test_past)

    def shuffled(self, seed: int) -> Recall:
        """Return the same with past inputs in random order, those of the training and of the test rows apart."""
        draw = generator(seed, "memory capacity", "shuffled")
        first, second = (draw.permutation(len(rows)) for rows in (self.train_past, self.test_past))
        return Recall(self.train_states, self.train_past[first], self.test_states, self.test_past[second])


def recall(
    reservoir: AnyReservoir,
    *,
    lags: int,
    train: int,
    test: int,
    amplitude: float = 1.0,
    streams: int = 1,
    seed: int = 0,
) -> Recall:
    """Drive a reservoir with white input, and return what its readouts are trained and tested on.

    Raises:
        InputError: E116, for counts below 1 (of `lags` below 0), or fewer than 2 steps in a stream.
    """
    counts = (("lags", lags, 0), ("train", train, 1), ("test", test, 1), ("streams", streams, 1))
    for name, value, least in counts:
        if value < least:
            raise InputError(
                "E116", f"{name} = {value}", cause=f"it must be at least {least}", hint=f"change {name}"
            )
    if streams > (train + test) // 2:
        raise InputError(
            "E116",
            f"streams = {streams} for {train + test} steps",
            cause="each needs a step to train and one to test",
            hint="use fewer streams",
        )
    before = lags + SETTLING
    per_stream = -(-(train + test) // streams)
    channels = reservoir.channels
    steps = before + per_stream
    draw = generator(seed, "memory capacity", "input")
    u = draw.uniform(-amplitude, amplitude, (streams, steps, channels))
    offsets = np.arange(streams + 1, dtype=np.int64) * steps
    every = states(reservoir, Sequences(u.reshape(-1, channels), offsets), dtype="float64")
    seen = every.reshape(streams, steps, -1)[:, before:]
    windows = np.lib.stride_tricks.sliding_window_view(u[:, SETTLING:], lags + 1, axis=1)
    past = windows[..., ::-1].transpose(0, 1, 3, 2)
    cut = round(per_stream * train / (train + test))
    rows = [part.reshape(-1, reservoir.units) for part in (seen[:, :cut], seen[:, cut:])]
    wanted = [part.reshape(-1, (lags + 1) * channels) for part in (past[:, :cut], past[:, cut:])]
    return Recall(rows[0], wanted[0], rows[1], wanted[1])


def memory_capacity(
    reservoir: AnyReservoir,
    *,
    lags: int,
    train: int = 5000,
    test: int = 10000,
    amplitude: float = 1.0,
    streams: int = 1,
    ridge: Literal["gcv"] | float = "gcv",
    seed: int = 0,
) -> MemoryCapacity:
    """Return the linear memory capacity of a reservoir.

    Args:
        reservoir: a cell, or a stack of them.
        lags: K, the longest lag.
        train: training steps of all streams together.
        test: test steps of all streams together; with few of them the capacity of single lags is noise.
        amplitude: a, the input is uniform between -a and a in every channel.
        streams: sequences that the steps are spread over, each from rest; several run at once and are faster.
        ridge: relative to the mean eigenvalue of the states' co-moments, or `gcv`.
        seed: of the input and of the shuffling.
    """
    drawn = recall(
        reservoir, lags=lags, train=train, test=test, amplitude=amplitude, streams=streams, seed=seed
    )
    found, floor = (_solved(part, ridge) for part in (drawn, drawn.shuffled(seed)))
    mean = float(floor.mean())
    return MemoryCapacity((found - mean).reshape(lags + 1, reservoir.channels), mean, len(drawn.test_states))


def _solved(drawn: Recall, ridge: Literal["gcv"] | float) -> Float[np.ndarray, " past"]:
    if ridge == "gcv":
        readout = RidgeStatistics.of(drawn.train_states, drawn.train_past).solve("gcv")
    else:
        (readout,) = drawn.solutions([ridge])
    return drawn.correlations(readout)


def _squared_correlation(
    said: Float[np.ndarray, "row past"], true: Float[np.ndarray, "row past"]
) -> Float[np.ndarray, " past"]:
    """Return r^2 of each pair of columns, 0 where one of them does not move."""
    said, true = said - said.mean(axis=0), true - true.mean(axis=0)
    both = np.einsum("ij,ij->j", said, true)
    power = np.square(said).sum(axis=0) * np.square(true).sum(axis=0)
    return np.divide(both**2, power, out=np.zeros_like(power), where=power > np.finfo(np.float64).tiny)
