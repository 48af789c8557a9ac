# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingParameterType=false, reportUntypedBaseClass=false
"""Estimators on graphs with node features: `GraphReservoirTransformer`, `GraphESNClassifier`, `GraphESNRegressor`.

    features = pool over nodes (states);   readout = C features + c,   C and c by ridge regression

or with `level="node"` one row of features and one prediction per node. They take what `as_node_graphs` in
`sarto.models.graphs.node_graphs` takes, and work with `clone`, `Pipeline` and `GridSearchCV`.

What they cannot do. Every node hears the sum of its neighbours, so two nodes that 1-dimensional Weisfeiler-Leman
refinement (colours of nodes, refined by the multisets of their neighbours' colours) does not tell apart get the same
state, whatever the weights, the sweeps and the layers. Where all nodes have equal features, regular graphs of one
degree and size look the same: a ring of six is two triangles. Node features that differ break such ties. Source: Xu,
Hu, Leskovec and Jegelka, "How powerful are graph neural networks?", ICLR 2019, lemma 2.

Where the defaults come from: `iteration`, stop, leak and steps from `sarto.models.graphs.reservoir`; sum pooling and
50 units from the program of Wang et al. for MUTAG; scalings and the ridge as in `sarto.learn.readout`. `gain=0.9`
leaves a tenth of the bound to graphs larger than those of the training.

>>> rng = np.random.default_rng(0)
>>> ring = [(i, (i + 1) % 8) for i in range(8)]
>>> star = [(0, i) for i in range(1, 8)]
>>> X = [(rng.normal(size=(8, 1)), np.array(edges)) for edges in (ring, star) * 6]
>>> model = GraphESNClassifier(units=10).fit(X[:8], ["ring", "star"] * 4)
>>> model.predict(X[8:]).tolist(), model.coef_.shape
(['ring', 'star', 'ring', 'star'], (2, 10))
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from jaxtyping import Float, Shaped
from sklearn.base import ClassifierMixin, ClassNamePrefixFeaturesOutMixin, RegressorMixin, TransformerMixin
from sklearn.metrics import accuracy_score, r2_score

from sarto.learn._graph_estimator import GraphEstimator, GraphReadout
from sarto.learn.graph_features import GraphFeatureMap
from sarto.learn.labels import checked_labels
from sarto.learn.ridge import RidgeSolution
from sarto.learn.statistics import RidgeStatistics
from sarto.models.input_error import InputError


@dataclass(eq=False, repr=False, kw_only=True)
class GraphReservoirTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, GraphEstimator):
    """From graphs to pooled reservoir states, or to states of nodes, for any readout.

    Args:
        units: neurons of a node in each layer.
        iteration: `fixed_point`, or `fixed_steps`; see `sarto.models.graphs.reservoir`.
        layers: reservoirs, each fed by the states of the one below.
        gain: size of W times that of the largest training graph's adjacency matrix, in every layer. Below 1 and by the
            norm, every training graph comes to rest for certain.
        bound: which sizes: `norm` (sigma_max, sufficient) or `radius` (rho, necessary; the weights are then larger).
        tolerance: of the fixed point.
        most: sweeps of the fixed point, at most.
        steps: of the fixed steps.
        leak: a in (0, 1], of the fixed steps.
        input_scaling: bound of the input weights of the first layer.
        inter_scaling: of further layers.
        bias_scaling: bound of the bias.
        level: `graph` or `node`.
        pooling: `sum`, `mean` or `max` over the nodes of a graph; not used with `level="node"`.
        readout_layers: `last` or `all`, side by side.
        standardise: whether each node feature is scaled to mean 0 and deviation 1 over the training nodes.
        dtype: of the states, `float32` or `float64`.
        n_jobs: threads; -1 is one per processor. The result does not depend on it.
        seed: of the weights.

    Attributes:
        reservoir_, feature_map_, n_features_in_ (node features).
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []  # the parameter `dtype` decides
        return tags

    def fit(self, X: Any, y: Any = None) -> Self:
        """Draw the reservoir and fit the scaling and the size of the weights; `y` is not used."""
        self._keep_map(self._fitted_map(self._graphs(X, fitting=True)))
        return self

    def transform(self, X: Any) -> Float[np.ndarray, "row feature"]:
        """Return the features of each graph, or of each node; `encode` tells how they were reached."""
        return self.encode(X).values

    @property
    def _n_features_out(self) -> int:
        return self.feature_map_.width


@dataclass(eq=False, repr=False, kw_only=True)
class GraphESNClassifier(ClassifierMixin, GraphReadout):
    """Classifies graphs or nodes: the class with the largest output of a readout that was fitted to +1 and -1.

    There is no `predict_proba`: the outputs of a ridge regression are no probabilities.

    Args:
        As `GraphReservoirTransformer`, and
        ridge: `gcv`, or the penalty in the sum form of `sarto.learn.ridge`.

    Attributes:
        classes_: the labels, sorted.
        coef_: weights, (class, feature); also for two classes, where row 0 is minus row 1.
        intercept_: one per class.
        statistics_, solution_, ridge_: what was fitted, how it was solved, the penalty used.
        reservoir_, feature_map_, n_features_in_ (node features).
    """

    def partial_fit(self, X: Any, y: Any = None, classes: Any = None, *, labelled: Any = None) -> Self:
        """Learn more graphs, as one `fit` on all would with the scaling and weights of the first call."""
        return self._partial_fit(X, y, labelled, classes)

    def decision_function(self, X: Any) -> Float[np.ndarray, "row class"] | Float[np.ndarray, " row"]:
        """Return the outputs, (row, class); of two classes that of `classes_[1]` alone, (row,)."""
        outputs = self._outputs(X)
        return outputs[:, 1] if outputs.shape[1] == 2 else outputs

    def predict(self, X: Any) -> Shaped[np.ndarray, " row"]:
        """Return the label of each graph, or of each node."""
        outputs = self._outputs(X)
        return self.classes_[outputs.argmax(axis=1)]

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy; weights of 0 leave nodes out that were learned from."""
        return float(accuracy_score(y, self.predict(X), sample_weight=sample_weight))

    def _checked(self, y: Any) -> Shaped[np.ndarray, "..."]:
        return checked_labels(y)

    def _classes(self, targets: Shaped[np.ndarray, "..."], classes: Any) -> tuple[Any, ...] | None:
        return tuple(np.unique(targets if classes is None else np.asarray(classes)).tolist())

    def _learn(self, feature_map: GraphFeatureMap, statistics: RidgeStatistics) -> None:
        if statistics.classes is None or len(statistics.classes) < 2:
            raise InputError(
                "E107",
                f"1 class only: {statistics.classes and statistics.classes[0]!r}",
                cause="a classifier needs at least 2 classes",
                hint="add graphs or nodes of another class, or name all classes in partial_fit(classes=...)",
            )
        super()._learn(feature_map, statistics)

    def _restore(self, statistics: RidgeStatistics | None, solution: RidgeSolution | None) -> None:
        super()._restore(statistics, solution)
        self.classes_ = np.array(self.statistics_.classes)


@dataclass(eq=False, repr=False, kw_only=True)
class GraphESNRegressor(RegressorMixin, GraphReadout):
    """Predicts numbers of graphs or of nodes.

    Args:
        As `GraphReservoirTransformer`, and
        ridge: `gcv`, or the penalty in the sum form of `sarto.learn.ridge`.

    Attributes:
        coef_: weights, (output, feature).
        intercept_: one per output.
        statistics_, solution_, ridge_, reservoir_, feature_map_, n_features_in_: as `GraphESNClassifier`.
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    _extra: ClassVar[tuple[str, ...]] = ("flat_",)

    def fit(self, X: Any, y: Any = None, *, labelled: Any = None) -> Self:
        """Fit anew; y is (row,) or (row, output), a row being a graph or a node. As `GraphESNClassifier.fit`."""
        super().fit(X, y, labelled=labelled)
        self.flat_ = np.asarray(y).ndim == 1
        return self

    def partial_fit(self, X: Any, y: Any = None, *, labelled: Any = None) -> Self:
        """Learn more graphs, as one `fit` on all would with the scaling and weights of the first call."""
        self._partial_fit(X, y, labelled, None)
        self.flat_ = np.asarray(y).ndim == 1
        return self

    def predict(self, X: Any) -> Float[np.ndarray, " row"] | Float[np.ndarray, "row output"]:
        """Return (row,) or (row, output), as y was."""
        outputs = self._outputs(X)
        return outputs[:, 0] if self.flat_ else outputs

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return R^2, the mean over outputs."""
        return float(r2_score(y, self.predict(X), sample_weight=sample_weight))

    def _checked(self, y: Any) -> Shaped[np.ndarray, "..."]:
        targets = np.asarray(y)
        try:
            targets = targets if targets.dtype.kind in "biuf" else targets.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise InputError(
                "E116", f"y holds {targets.dtype}", cause=str(error), hint="give numbers as targets"
            ) from error
        if targets.ndim not in (1, 2):
            raise InputError(
                "E108",
                f"y has {targets.ndim} axes",
                cause="the shape must be (row,) or (row, output)",
                hint="reshape y",
            )
        return targets

    def _classes(self, targets: Shaped[np.ndarray, "..."], classes: Any) -> tuple[Any, ...] | None:
        return None
