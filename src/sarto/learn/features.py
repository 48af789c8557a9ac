"""What a fitted estimator computes before its readout: input scaling, reservoir, pooling, as one immutable value.

    x_scaled = (x - mean) / scale   per channel;   states by `sarto.models.states`;   features by `sarto.models.pooling`

>>> from sarto.models.reservoir import ring
>>> from sarto.models.sequences import read_sequences
>>> x = read_sequences([np.arange(6.0).reshape(3, 2), np.ones((2, 2))])
>>> cell = ring.build(4, 2, seed=0, leak=1.0, radius=0.5, input_scaling=1.0, bias_scaling=0.0)
>>> mean, scale = channel_scaling(x)
>>> FeatureMap(mean, scale, cell, Pooling("mean"), "float32", 0).features(x).shape
(2, 4)
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, Int, Num

from sarto.core.seed import generator
from sarto.core.threads import one_blas_thread
from sarto.learn.kind import Label
from sarto.learn.statistics import RidgeStatistics
from sarto.models.chunked import chunked_states
from sarto.models.expansion import STATES, Expansion
from sarto.models.input_error import InputError
from sarto.models.noise import NoisySteps
from sarto.models.pooling import Pooling
from sarto.models.reservoir._stack import AnyReservoir
from sarto.models.sequences import Sequences
from sarto.models.states import (
    Precision,
    blocks,
    check_washout,
    map_blocks,
    pooled_features,
    state_chunks,
    states,
)

LARGE = 2.0**400
"""Squares of values up to here, and sums of them, are numbers of float64; so are those of its inverse."""
CHUNK_ITEMS = 4096
"""Sequences pooled at once on the way to statistics, so that memory does not grow with their number."""


def channel_scaling(
    sequences: Sequences,
) -> tuple[Float[np.ndarray, " channel"], Float[np.ndarray, " channel"]]:
    """Return mean and standard deviation of each channel over all steps; a constant channel has the scale 1."""
    mean, scale = mean_and_deviation(sequences.values)
    return mean, np.where(constant(mean, scale), 1.0, scale)


def mean_and_deviation(
    rows: Num[np.ndarray, "row channel"],
) -> tuple[Float[np.ndarray, " channel"], Float[np.ndarray, " channel"]]:
    """Return mean and standard deviation of each column, also of values whose squares leave the range of float64.

    >>> mean_and_deviation(np.array([[1e200, 1e-200], [3e200, 3e-200]]))
    (array([2.e+200, 2.e-200]), array([1.e+200, 1.e-200]))
    """
    wide = rows.astype(np.float64)
    largest = np.maximum(wide.max(axis=0), -wide.min(axis=0))
    far = (largest > 0) & ((largest > LARGE) | (largest < 1 / LARGE))
    if not far.any():
        return wide.mean(axis=0), wide.std(axis=0)
    exponent = np.where(far, np.frexp(largest)[1], 0)
    wide = np.ldexp(wide, -exponent)
    return np.ldexp(wide.mean(axis=0), exponent), np.ldexp(wide.std(axis=0), exponent)


def constant(
    mean: Float[np.ndarray, " channel"], scale: Float[np.ndarray, " channel"]
) -> Bool[np.ndarray, " channel"]:
    """Return which channels do not vary: their deviation comes out as the rounding of their mean."""
    return scale <= 10 * np.finfo(np.float64).eps * np.abs(mean)


@dataclass(frozen=True, eq=False)
class FeatureMap:
    """From sequences to features.

    Attributes:
        mean: taken from each channel.
        scale: then divides it.
        reservoir: a cell, or a stack of them.
        pooling: from states to features.
        dtype: of the states.
        washout: first steps of each sequence that are not pooled.
        expansion: from the state and input of a step to its features, where the readout is for every step.
        time_chunks: whether the states of every step are computed in chunks of time, see `sarto.models.chunked`.
    """

    mean: Float[np.ndarray, " channel"]
    scale: Float[np.ndarray, " channel"]
    reservoir: AnyReservoir
    pooling: Pooling
    dtype: Precision
    washout: int
    expansion: Expansion = STATES
    time_chunks: bool = False

    @property
    def width(self) -> int:
        """Number of pooled features."""
        return self.pooling.width(self.reservoir.units)

    @cached_property
    def features_id(self) -> str:
        """SHA-256 over all that the features depend on; statistics carry it and refuse to mix."""
        pooling = (self.pooling.kind, self.pooling.segments, self.pooling.segment_steps)
        digest = hashlib.sha256(
            repr((self.reservoir.reservoir_id, pooling, self.dtype, self.washout)).encode()
        )
        for array in (self.mean, self.scale):
            digest.update(np.ascontiguousarray(array, "<f8").tobytes())
        if self.expansion != STATES:
            digest.update(repr((self.expansion.kind, self.expansion.inputs)).encode())
        if self.time_chunks:
            digest.update(b"time chunks")
        return digest.hexdigest()

    def scaled(self, sequences: Sequences) -> Sequences:
        """Return the inputs as the reservoir sees them.

        Raises:
            InputError: E108 (other channels), E105 (values that overflow `dtype`).
        """
        if sequences.channels != len(self.mean):
            raise InputError(
                "E108",
                f"X has {sequences.channels} channels, the model was fitted on {len(self.mean)}",
                cause="each channel has its own scaling and input weights",
                hint="give the same channels in the same order",
            )
        with np.errstate(over="ignore", invalid="ignore"):
            values = ((sequences.values - self.mean) / self.scale).astype(self.dtype)
        if not np.isfinite(values).all():
            raise InputError(
                "E105",
                f"X overflows {self.dtype} after scaling: it becomes infinite (inf)",
                cause=f"the largest magnitude is {np.abs(sequences.values).max():.3g}",
                hint="check the units, or use standardise=True or dtype='float64'",
            )
        return Sequences(values, sequences.offsets)

    def features(self, sequences: Sequences, n_jobs: int = 1) -> Float[np.ndarray, "item feature"]:
        """Return the pooled features of each sequence, in `dtype`."""
        return pooled_features(
            self.reservoir,
            self.scaled(sequences),
            self.pooling,
            dtype=self.dtype,
            n_jobs=n_jobs,
            washout=self.washout,
        )

    def states(self, sequences: Sequences, n_jobs: int = 1) -> Float[np.ndarray, "row neuron"]:
        """Return the state after every step, one row per row of the sequences' values."""
        return self._states(self.scaled(sequences), n_jobs)

    def _states(self, scaled: Sequences, n_jobs: int) -> Float[np.ndarray, "row neuron"]:
        if not self.time_chunks:
            return states(self.reservoir, scaled, dtype=self.dtype, n_jobs=n_jobs)
        parts = [scaled.span(item, item + 1).values for item in range(len(scaled))]
        runs = (chunked_states(self.reservoir, part, dtype=self.dtype, n_jobs=n_jobs) for part in parts)
        return np.concatenate([run.states for run in runs])

    def step_features(self, sequences: Sequences, n_jobs: int = 1) -> Float[np.ndarray, "row feature"]:
        """Return the features of every step: the states, expanded."""
        scaled = self.scaled(sequences)
        return self.expansion(self._states(scaled, n_jobs), scaled.values)

    def feature_chunks(
        self, sequences: Sequences, n_jobs: int = 1
    ) -> Iterator[tuple[slice, Float[np.ndarray, "item feature"]]]:
        """Yield the features of CHUNK_ITEMS sequences at a time, and which they are."""
        check_washout(sequences.lengths, self.washout)
        for start in range(0, len(sequences), CHUNK_ITEMS):
            yield (
                slice(start, start + CHUNK_ITEMS),
                self.features(sequences.span(start, start + CHUNK_ITEMS), n_jobs),
            )

    def statistics(
        self,
        sequences: Sequences,
        targets: np.ndarray[tuple[int, ...], np.dtype[np.generic]],
        classes: tuple[Label, ...] | None,
        n_jobs: int = 1,
    ) -> RidgeStatistics:
        """Return the statistics of the pooled features with one target per sequence."""
        total: RidgeStatistics | None = None
        for part, features in self.feature_chunks(sequences, n_jobs):
            chunk = RidgeStatistics.of(features, targets[part], classes=classes, features_id=self.features_id)
            total = chunk if total is None else total + chunk
        assert total is not None, "sequences are never empty"
        return total

    def step_statistics(
        self,
        sequences: Sequences,
        targets: Float[np.ndarray, "row output"],
        n_jobs: int = 1,
        *,
        noise: float = 0.0,
        seed: int = 0,
    ) -> RidgeStatistics:
        """Return the statistics of the features of every step after the washout; O(features^2) memory.

        With `time_chunks` the states of one sequence at a time are in memory too.

        Args:
            sequences: inputs.
            targets: one row per step.
            n_jobs: threads.
            noise: standard deviation of what is added to every state after every step, see `sarto.models.noise`.
            seed: of the noise.

        Raises:
            InputError: E115, when a sequence is not longer than the washout.
        """
        check_washout(sequences.lengths, self.washout)
        scaled = self.scaled(sequences)
        width = self.expansion.width(self.reservoir.units, scaled.channels)
        if self.time_chunks and not noise:
            return self._chunked_statistics(scaled, targets, n_jobs)

        def run(items: Int[np.ndarray, " item"]) -> RidgeStatistics:
            total = RidgeStatistics.empty(width, targets.shape[1], features_id=self.features_id)
            steps = None
            if noise:
                random = generator(seed, "state noise", int(items[0]))
                steps = NoisySteps(self.reservoir, len(items), np.dtype(self.dtype), noise, random)
            for rows, chunk in state_chunks(
                self.reservoir, scaled, items, dtype=self.dtype, washout=self.washout, steps=steps
            ):
                total = total.update(self.expansion(chunk, scaled.values[rows]), targets[rows])
            return total

        first, *rest = map_blocks(run, blocks(scaled), n_jobs)
        for part in rest:
            first = first + part
        return first

    def _chunked_statistics(
        self, scaled: Sequences, targets: Float[np.ndarray, "row output"], n_jobs: int
    ) -> RidgeStatistics:
        width = self.expansion.width(self.reservoir.units, scaled.channels)
        total = RidgeStatistics.empty(width, targets.shape[1], features_id=self.features_id)
        with one_blas_thread():
            for item, (first, last) in enumerate(pairwise(scaled.offsets)):
                part = scaled.span(item, item + 1)
                features = self.expansion(self._states(part, n_jobs), part.values)
                total = total.update(features[self.washout :], targets[first:last][self.washout :])
        return total
