# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
"""A reservoir with a linear readout as the model of a federation: every client draws it from the same seed.

What a client must be told besides is the scaling of the inputs, which no client knows alone: `sarto.learn.federated`'s
phase of scaling finds it, see `_scaling`. The readout predicts classes, or numbers where the data have goals.

>>> from sarto.learn.readout import ESNClassifier
>>> model = ReservoirModel(ESNClassifier(units=5, seed=1), ("a", "b"), 2, 3)
>>> model.needs_scaling, model.scaled(Inputs.standard(3, 10)).feature_map.width
(True, 5)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from sklearn.base import clone

from sarto.core.dataset import Dataset
from sarto.core.errors import SartoError
from sarto.data.examples import Examples
from sarto.learn.features import FeatureMap
from sarto.learn.federated._contract import Inputs, Local, Part
from sarto.learn.federated._linear import LinearModel
from sarto.learn.readout import ESNClassifier, ESNRegressor
from sarto.learn.ridge import RidgeSolution
from sarto.learn.statistics import RidgeStatistics
from sarto.models.sequences import Sequences, read_sequences

Estimator = ESNClassifier | ESNRegressor


@dataclass(frozen=True, eq=False)
class ReservoirModel:
    """See the module.

    Attributes:
        estimator: whose parameters count; it is not fitted.
        classes: names; empty where numbers are predicted.
        outputs: how many.
        inputs: channels.
        mapped: from sequences to features, once the scaling is known.
        weights: W, float64; None before there is a readout.
        intercept: b.
        learned: statistics and solution, where the readout comes from them.
    """

    estimator: Estimator
    classes: tuple[str, ...]
    outputs: int
    inputs: int
    mapped: FeatureMap | None = None
    weights: Float[np.ndarray, "output feature"] | None = None
    intercept: Float[np.ndarray, " output"] | None = None
    learned: tuple[RidgeStatistics, RidgeSolution] | None = None

    @property
    def needs_scaling(self) -> bool:
        """Whether the scaling of the inputs is still to be found."""
        return self.mapped is None

    @property
    def feature_map(self) -> FeatureMap:
        """From sequences to features."""
        assert self.mapped is not None, "the phase of scaling comes first"
        return self.mapped

    @property
    def parameters(self) -> str:
        """What the reservoir is drawn from, in words."""
        return repr(sorted(self.estimator.get_params().items()))

    @property
    def features_id(self) -> str:
        """Names reservoir, pooling and scaling."""
        return self.feature_map.features_id

    def scaled(self, found: Inputs) -> ReservoirModel:
        """Return the model that scales its inputs so."""
        known = found if self.estimator.standardise else Inputs.standard(len(found.mean), found.longest)
        drawn = _drawn(self.estimator, known.mean.tobytes(), known.scale.tobytes(), known.longest)
        return replace(self, mapped=drawn)

    @property
    def head(self) -> tuple[Float[np.ndarray, "output feature"], Float[np.ndarray, " output"]]:
        if self.weights is None or self.intercept is None:
            return np.zeros((self.outputs, self.feature_map.width)), np.zeros(self.outputs)
        return self.weights, self.intercept

    @property
    def vector(self) -> Float[np.ndarray, " weight"]:
        """W, row by row, then b."""
        W, b = self.head
        return np.concatenate([W.reshape(-1), b]).astype(np.float32)

    def mask(self, part: Part) -> Bool[np.ndarray, " weight"]:
        """Return that everything is the head: a reservoir is not trained by gradients."""
        return np.full(self.outputs * (self.feature_map.width + 1), part != "features")

    def with_vector(self, vector: Float[np.ndarray, " weight"]) -> ReservoirModel:
        """Return the model with another readout."""
        W, b = np.split(vector.astype(np.float64), [self.outputs * self.feature_map.width])
        return self.with_head(W.reshape(self.outputs, -1), b)

    def with_head(
        self, weights: Float[np.ndarray, "output feature"], intercept: Float[np.ndarray, " output"]
    ) -> ReservoirModel:
        """Return the model with another readout."""
        return replace(self, weights=weights, intercept=intercept, learned=None)

    def with_solution(self, statistics: RidgeStatistics, solution: RidgeSolution) -> ReservoirModel:
        """Return the model with a readout that was solved, and what it was solved from."""
        found = self.with_head(solution.weights, solution.intercept)
        return replace(found, learned=(statistics, solution))

    def sequences(self, data: Dataset) -> Sequences:
        """Return the data as a reservoir takes them."""
        return read_sequences(data)

    def features(self, data: Dataset) -> Float[np.ndarray, "item feature"]:
        """Return the pooled states of each sequence."""
        return self.feature_map.features(self.sequences(data))

    def scores(self, data: Dataset) -> Float[np.ndarray, "item output"]:
        """Return the readout's outputs."""
        W, b = self.head
        return self.features(data) @ W.T + b

    def trained(
        self,
        data: Dataset,
        local: Local,
        seed: int,
        shift: Float[np.ndarray, " weight"] | None = None,
    ) -> Float[np.ndarray, " weight"]:
        """Return the weights after gradient steps of a softmax readout; see `Model`."""
        if not len(data):
            return self.vector
        W, b = self.head
        head = LinearModel(W.astype(np.float32), b.astype(np.float32), self.classes)
        seen = Examples(self.features(data).astype(np.float32), data.target, self.classes)
        return head.trained(seen, local, seed, shift)

    def macs(self, data: Dataset, local: Local | None) -> int:
        """Return what the states take, a matrix for each step, and the steps of a readout that learns."""
        units, channels = self.feature_map.reservoir.units, self.feature_map.reservoir.channels
        states = int(data.lengths.sum()) * units * (units + channels)
        learning = 0 if local is None else 2 * self.outputs * self.feature_map.width * local.visits(len(data))
        return states + learning

    def fitted(self) -> Estimator:
        """Return the estimator with the reservoir and the readout, as `fit` on all rows would leave it."""
        assert self.learned is not None, "a readout that was solved from statistics"
        statistics, solution = self.learned
        estimator = clone(self.estimator)
        assert isinstance(estimator, ESNClassifier | ESNRegressor)
        estimator.ridge = solution.ridge
        return estimator.of_statistics(self.feature_map, statistics)


@lru_cache(maxsize=4)
def _drawn(estimator: Estimator, mean: bytes, scale: bytes, longest: int) -> FeatureMap:
    """Return the feature map of parameters and a scaling; drawing a reservoir takes an eigendecomposition."""
    return estimator.map_of(np.frombuffer(mean), np.frombuffer(scale), longest)


def of_reservoir(model: Any, method: str) -> ReservoirModel:
    """Return the model, which is a reservoir (E171)."""
    if not isinstance(model, ReservoirModel):
        raise no_reservoir(model, method)
    return model


def no_reservoir(model: Any, method: str) -> SartoError:
    """Return the error of a method that needs a reservoir."""
    return SartoError(
        "E171",
        f"{method} of a {type(model).__name__.removesuffix('Model').lower()} model",
        cause="it needs the states of a reservoir",
        hint="choose a reservoir, or fed3r",
    )
