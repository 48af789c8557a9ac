"""Pooling of sequences that have no end yet: the features as if each ended with the step that came last.

The features are those of `sarto.models.pooling`, at every step, for a batch of streams that may be restarted one by
one. Sums are kept in float64.

>>> pool = RunningPool(Pooling("mean", segments=2, segment_steps=2), streams=1, units=1)
>>> for h in (1.0, 2.0, 5.0):
...     pool.add(np.array([[h]]))
>>> pool.features().tolist()
[[1.5, 5.0]]
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from sarto.models.pooling import Pooling


class RunningPool:
    """Accumulators of `streams` sequences."""

    def __init__(self, pooling: Pooling, streams: int, units: int) -> None:
        self._pooling, self._rows = pooling, np.arange(streams)
        self._steps = np.zeros(streams, np.int64)
        self._total = np.zeros((streams, pooling.segments, pooling.sums * units))
        self._last = np.zeros((streams, pooling.segments, units if pooling.takes_last else 0))

    def add(self, h: Float[np.ndarray, "stream neuron"]) -> None:
        """Take in the next state of every stream."""
        pooling, wide = self._pooling, h.astype(np.float64)
        length = max(pooling.segment_steps, 1)
        segment = np.minimum(self._steps // length, pooling.segments - 1)
        parts = [wide, wide**2][: pooling.sums]
        if parts:
            self._total[self._rows, segment] += np.concatenate(parts, axis=1)
        if pooling.takes_last:
            self._last[self._rows, segment] = wide
        self._steps += 1

    def features(self) -> Float[np.ndarray, "stream feature"]:
        """Return the features of every stream so far."""
        counts = np.maximum(self._pooling.counts(self._steps), 1)
        pooled = np.concatenate([self._total / counts[:, :, None], self._last], axis=2)
        return pooled.reshape(len(pooled), -1)

    def held(self) -> dict[str, np.ndarray[Any, np.dtype[Any]]]:
        """Return all that is carried from step to step, by name, as views."""
        return {"pooled_steps": self._steps, "pooled_sums": self._total, "pooled_last": self._last}

    def hold(self, held: Mapping[str, np.ndarray[Any, np.dtype[Any]]]) -> None:
        """Take over what `held` returned."""
        for name, array in self.held().items():
            array[:] = held[name]

    def rest(self, streams: Any = slice(None)) -> None:
        """Forget all, or what was pooled of the streams of the index `streams`."""
        for array in self.held().values():
            array[streams] = 0
