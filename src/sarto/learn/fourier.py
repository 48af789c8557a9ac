"""Random Fourier features that every client draws alike, named so that statistics of two draws never mix (FED3R-RF).

    z = (x - mean) / scale,   f(x) = cos(W z + b),   W_ij ~ N(0, s^2 / D),   b_i ~ U(0, 2 pi)

by `sarto.models.random_features`. A ridge readout of f approximates one with the kernel exp(-s^2 |z - z'|^2 / (2 D)).
Mean and scale are of all rows, of which statistics tell: a first round sums those of x itself. The `features_id` hashes
the seed, the units, D, s, mean and scale, and what computed x.

The bandwidth. The usual heuristic takes exp(-|z - z'|^2 / (2 q)) with q the median of the squared distances of two
rows. Statistics tell their mean, exactly, 2 tr(C_zz) / w, which is 2 D' with D' the columns of z that vary; that mean
stands for the median here, so that s = sqrt(D / (2 D')), or 1 / sqrt(2) where every column varies, is `HEURISTIC`.
`chosen` compares statistics of several draws, such as of s / 2, s and 2 s, by their least GCV score; each costs one
upload.

Source: Rahimi and Recht, "Random features for large-scale kernel machines", NIPS 2007; the median heuristic: Gretton
et al., "A kernel two-sample test", JMLR 13 (2012), section 8; FED3R-RF: Fanì et al., ICML 2024.

>>> rng = np.random.default_rng(0)
>>> x = rng.normal(size=(200, 2)) * [1.0, 50.0]
>>> y = (np.abs(x) < [0.7, 35.0]).all(axis=1).astype(np.int64)  # the inside of a box: no line tells it apart
>>> known = RidgeStatistics.of(x, y, classes=(0, 1), features_id="x")
>>> layer = drawn(known, units=100, seed=0)
>>> there = RidgeStatistics.of(layer(x), y, classes=(0, 1), features_id=layer.features_id)
>>> right = [float((s.solve().predict(f).argmax(axis=1) == y).mean()) for s, f in ((known, x), (there, layer(x)))]
>>> right[0] < 0.85 < 0.95 < right[1]
True
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Num

from sarto.learn.moments import EPS
from sarto.learn.ridge import EigenSolver, check_rows
from sarto.learn.statistics import RidgeStatistics
from sarto.models.input_error import InputError
from sarto.models.random_features import RandomFeatures, build

HEURISTIC = 1 / math.sqrt(2)
"""s of the heuristic where every column varies."""
CONSTANT = 8 * EPS
"""A variance up to this, over the squared mean, is what sums of squares leave of a column that does not vary."""


@dataclass(frozen=True, eq=False)
class FourierFeatures:
    """A layer that everyone can draw.

    Attributes:
        units: random features.
        seed: of the draw.
        input_scaling: s.
        mean: of x.
        scale: deviation of x; 0 where a column does not vary, which then has no part in f.
        of: the `features_id` of x.
    """

    units: int
    seed: int
    input_scaling: float
    mean: Float[np.ndarray, " feature"]
    scale: Float[np.ndarray, " feature"]
    of: str = ""

    @cached_property
    def layer(self) -> RandomFeatures:
        """The layer that takes x as it is."""
        plain = build(
            self.units,
            len(self.mean),
            seed=self.seed,
            activation="cosine",
            input_scaling=self.input_scaling,
            bias_scaling=0.0,
        )
        return plain.on_raw(self.mean, self.scale)

    @cached_property
    def features_id(self) -> str:
        """SHA-256 over all that f depends on."""
        about = ("fourier", self.units, self.seed, float(self.input_scaling), len(self.mean), self.of)
        digest = hashlib.sha256(repr(about).encode())
        for array in (self.mean, self.scale):
            digest.update(np.ascontiguousarray(array, "<f8").tobytes())
        return digest.hexdigest()

    def __call__(self, x: Num[np.ndarray, "item feature"]) -> Float[np.ndarray, "item hidden"]:
        """Return f of each row."""
        return self.layer(x.astype(np.float64))


def drawn(statistics: RidgeStatistics, *, units: int, seed: int, bandwidths: float = 1.0) -> FourierFeatures:
    """Return the layer for rows of which these are the statistics.

    Args:
        statistics: of x, over all clients.
        units: random features.
        seed: of the draw, the same for all.
        bandwidths: s in units of the heuristic's.

    Raises:
        InputError: E104 without rows; E116 for too few units or a negative scaling; E168 where no column varies.
    """
    check_rows(statistics.equations)
    variance = np.diag(statistics.C_xx).clip(0) / statistics.weight
    varies = variance > CONSTANT * statistics.mean_x**2
    if not varies.any():
        raise InputError(
            "E168",
            "random features of columns that do not vary",
            cause="there is no distance between rows",
            hint="check the features",
        )
    scaling = bandwidths * HEURISTIC * math.sqrt(len(varies) / np.count_nonzero(varies))
    scale = np.where(varies, np.sqrt(variance), 0.0)
    return FourierFeatures(units, seed, scaling, statistics.mean_x, scale, statistics.features_id)


def chosen(candidates: Sequence[RidgeStatistics]) -> int:
    """Return which of several statistics of the same rows has the least GCV score over all penalties.

    Raises:
        InputError: E104 without candidates or rows, E168 where they are not of the same rows.
    """
    if not candidates:
        raise InputError("E104", "0 statistics to choose from", cause="the list is empty", hint="give some")
    first = candidates[0]
    for one in candidates:
        check_rows(one.equations)
        same = np.allclose(one.mean_y, first.mean_y, rtol=1e-9, atol=1e-12)
        if one.count != first.count or one.classes != first.classes or not same:
            raise InputError(
                "E168",
                f"a choice between statistics of {first.count} and {one.count} rows",
                cause="GCV compares features of the same rows and targets",
                hint="let every client send all candidates",
            )
    solvers = [EigenSolver(one.equations) for one in candidates]
    return int(np.argmin([solver.gcv(solver.ridges()).min() for solver in solvers]))
