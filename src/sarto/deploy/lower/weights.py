"""Weights of a layer as 8-bit integers with a scale for each channel: those that its form has, or the nearest.

| form | integers | scale |
|---|---|---|
| integers of up to 8 bits | its own | its own |
| a table whose values are multiples of one number (signs, ternary with one size) | the multiples | that number |
| any other table | round(w / s) | s = max |w| / 127 |
| none | round(w / s_c) | s_c = max |w_c| / 127 |

The first two are exact; of the others the largest error is told. A table has one scale, so that its integers are no
more than its values: what is stored for a device is coded by them.

>>> from sarto.models.network.weights import LinearLayer
>>> layer = LinearLayer(2, 1, bias=False)
>>> _ = layer.weight.data.copy_(torch.tensor([[1.0, 0.3]]))
>>> found = integer_weights(layer)
>>> found.values.tolist(), round(found.error, 4)
([[127, 38]], 0.0008)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int

from sarto.compress.state import form_of, masked
from sarto.compress.stored import Stored
from sarto.models.network.weights import WeightedLayer

LIMIT = 127


@dataclass(frozen=True, eq=False)
class IntegerWeights:
    """Integers of the weight's shape, a scale for each channel, and the largest |w - q s| there is."""

    values: Int[np.ndarray, "channel ..."]
    scale: Float[np.ndarray, " channel"]
    error: float

    def coarser(self, least: Float[np.ndarray, " channel"]) -> IntegerWeights:
        """Return the same with scales of at least `least`."""
        scale = np.maximum(self.scale, least)
        if (scale == self.scale).all():
            return self
        shape = (-1, *(1,) * (self.values.ndim - 1))
        exact = self.values * self.scale.reshape(shape)
        values = np.rint(exact / scale.reshape(shape)).astype(np.int64)
        change = float(np.abs(exact - values * scale.reshape(shape)).max())
        return IntegerWeights(values, scale, self.error + change)


def integer_weights(layer: WeightedLayer) -> IntegerWeights:
    """Return the weight that `layer` uses as integers."""
    channels = layer.weight.shape[0]
    with torch.no_grad():
        used = layer.effective.cpu().numpy().astype(np.float64)
    if layer.form is not None:
        stored = form_of(layer.form).stored(masked(layer.weight, layer.mask))
        found = _of_integers(stored, channels) if stored.kind == "scaled" else _of_table(stored, channels)
        if found is not None:
            return found
    peak = np.abs(used.reshape(channels, -1)).max(axis=1)
    scale = np.where(peak > 0, peak, 1.0) / LIMIT
    wide = scale.reshape(-1, *(1,) * (used.ndim - 1))
    values = np.rint(used / wide).astype(np.int64)
    return IntegerWeights(values, scale, float(np.abs(used - values * wide).max()))


def _of_integers(stored: Stored, channels: int) -> IntegerWeights | None:
    assert stored.symbols is not None
    values = (stored.symbols - stored.zero).astype(np.int64).reshape(stored.shape)
    if np.abs(values).max(initial=0) > LIMIT:
        return None
    scale = np.broadcast_to(stored.floats.astype(np.float64), channels).copy()
    return IntegerWeights(values, scale, 0.0)


def _of_table(stored: Stored, channels: int) -> IntegerWeights | None:
    """Return the weights of a table as multiples of its largest value divided by at most 127, exact if they can be."""
    if stored.symbols is None or not (largest := float(np.abs(stored.floats).max(initial=0))):
        return None
    values = stored.floats.astype(np.float32)
    table = values.astype(np.float64)
    count, multiples, error = 0, table, 1.0
    while count < LIMIT and error:
        count += 1
        multiples = np.rint(table * count / largest)
        exact = np.array_equal((multiples * (largest / count)).astype(np.float32), values)
        error = 0.0 if exact else float(np.abs(multiples * (largest / count) - table).max())
    integers = multiples.astype(np.int64)[stored.symbols].reshape(stored.shape)
    return IntegerWeights(integers, np.full(channels, largest / count), error)
