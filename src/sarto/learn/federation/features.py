"""What clients compute of their items before a linear head: the items themselves, standardised, or random features.

Both need the mean and deviation of every input, which are given, or which a first round finds over all clients
(`_scaling`). From then on every client computes the same, and a head is all that is learned.

>>> known = Inputs(np.zeros(2), np.array([1.0, 2.0]), -np.ones(2), np.ones(2), 1)
>>> front = Front((2,), ("a", "b"), None, 0).scaled(known)
>>> front.of(Examples(np.array([[1.0, 4.0]], np.float32), np.array([0]), ("a", "b"))).x.tolist()
[[1.0, 2.0]]
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from sarto.data.examples import Examples
from sarto.learn.federated._contract import Inputs
from sarto.learn.federated._linear import LinearModel
from sarto.learn.fourier import HEURISTIC, FourierFeatures


@dataclass(frozen=True, eq=False)
class Front:
    """From items to features.

    Attributes:
        shape: of an item.
        classes: names.
        units: random Fourier features; None for the items themselves.
        seed: of their draw.
        bandwidths: of the kernel, in units of the heuristic's, see `sarto.learn.fourier`.
        mean, scale: of each input, once they are known; the scale is 0 where an input does not vary.
    """

    shape: tuple[int, ...]
    classes: tuple[str, ...]
    units: int | None
    seed: int
    bandwidths: float = 1.0
    mean: Float[np.ndarray, " input"] | None = None
    scale: Float[np.ndarray, " input"] | None = None

    def scaled(self, found: Inputs) -> Front:
        """Return the front that knows mean and deviation."""
        return replace(self, mean=found.mean, scale=np.where(found.high > found.low, found.scale, 0.0))

    @property
    def needs_scaling(self) -> bool:
        """Whether mean and deviation are still to be found."""
        return self.mean is None

    @property
    def inputs(self) -> int:
        """Numbers of an item."""
        return math.prod(self.shape)

    @property
    def fourier(self) -> FourierFeatures:
        """The random features."""
        assert self.units is not None and self.mean is not None and self.scale is not None, "scaling is known"
        varies = np.count_nonzero(self.scale)
        spread = self.bandwidths * HEURISTIC * math.sqrt(len(self.scale) / max(1, varies))
        return FourierFeatures(self.units, self.seed, spread, self.mean, self.scale)

    @property
    def features_id(self) -> str:
        """SHA-256 over all that the features depend on."""
        assert self.mean is not None and self.scale is not None, "scaling is known"
        if self.units is not None:
            return self.fourier.features_id
        digest = hashlib.sha256(b"standardised")
        for array in (self.mean, self.scale):
            digest.update(np.ascontiguousarray(array, "<f8").tobytes())
        return digest.hexdigest()

    def of(self, data: Examples) -> Examples:
        """Return the items' features, float32."""
        assert self.mean is not None and self.scale is not None, "scaling is known"
        flat = data.x.reshape(len(data), -1)
        if self.units is not None:
            return replace(data, x=self.fourier(flat).astype(np.float32))
        by = np.where(self.scale > 0, self.scale, 1.0)
        return replace(data, x=((flat - self.mean) / by).astype(np.float32))

    def model(self) -> LinearModel:
        """Return a head that knows nothing."""
        width = math.prod(self.shape) if self.units is None else self.units
        return LinearModel.zeros(width, self.classes, self.features_id)

    def macs(self) -> int:
        """Return the multiplications of an item."""
        inputs = math.prod(self.shape)
        return inputs if self.units is None else inputs * self.units
