# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingParameterType=false, reportUntypedBaseClass=false
"""What the estimators of `sarto.learn.graph_readout` share: parameters, reading graphs, stability, learning, files.

Both classes are dataclasses, whose constructor does what scikit-learn asks of one: it keeps its arguments and no more.

>>> GraphEstimator(units=7).get_params()["units"]
7
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal, Self

import numpy as np
from jaxtyping import Bool, Float, Shaped
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from sarto.learn import graph_file
from sarto.learn._estimator import check_ridge_parameter, natural, real, whole
from sarto.learn._kept import Kept, Solved
from sarto.learn.graph_features import GraphFeatureMap, node_scaling
from sarto.learn.statistics import RidgeStatistics
from sarto.models.graphs.node_graphs import GraphId, NodeGraphs, as_node_graphs
from sarto.models.graphs.reservoir import FixedPoint, FixedSteps, build
from sarto.models.graphs.stability import Stability, adjacency_norms, breaking, stability
from sarto.models.graphs.states import Encoding, GraphPooling, Readouts
from sarto.models.input_error import InputError
from sarto.models.states import Precision

NAMED = 5
"""Graphs that a warning names; it says how many there are, and `encode` and `stability` tell of all."""


@dataclass(eq=False, repr=False)
class GraphEstimator(Kept):
    """What the three estimators share: parameters, reading graphs, fitting the feature map, files."""

    units: int = 50
    _: KW_ONLY
    iteration: Literal["fixed_point", "fixed_steps"] = "fixed_point"
    layers: int = 1
    gain: float = 0.9
    bound: Literal["norm", "radius"] = "norm"
    tolerance: float = 1e-5
    most: int = 100
    steps: int = 4
    leak: float = 0.2
    input_scaling: float = 0.5
    inter_scaling: float = 0.5
    bias_scaling: float = 0.5
    level: Literal["graph", "node"] = "graph"
    pooling: GraphPooling = "sum"
    readout_layers: Readouts = "last"
    standardise: bool = True
    dtype: Precision = "float32"
    n_jobs: int = 1
    seed: int = 0

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        return tags

    def _graphs(self, X: Any, *, fitting: bool) -> NodeGraphs:
        """Return X as graphs; the hook where `check_estimator` in the tests gives rows of a table."""
        return as_node_graphs(X)

    def _fitted_map(self, graphs: NodeGraphs) -> GraphFeatureMap:
        """Return the feature map that these parameters and training graphs give."""
        self._check_choices()
        iteration = (
            FixedPoint(real("tolerance", self.tolerance), whole("most", self.most))
            if self.iteration == "fixed_point"
            else FixedSteps(whole("steps", self.steps), real("leak", self.leak))
        )
        norms, radii = adjacency_norms(graphs)
        # Without edges, or by their radius without cycles, the graphs set no limit.
        largest = float((norms if self.bound == "norm" else radii).max()) or 1.0
        channels = graphs.channels
        mean, scale = node_scaling(graphs) if self.standardise else (np.zeros(channels), np.ones(channels))
        reservoir = build(
            whole("units", self.units),
            channels,
            seed=natural("seed", self.seed),
            iteration=iteration,
            layers=whole("layers", self.layers),
            **{self.bound: real("gain", self.gain) / largest},
            input_scaling=real("input_scaling", self.input_scaling),
            inter_scaling=real("inter_scaling", self.inter_scaling),
            bias_scaling=real("bias_scaling", self.bias_scaling),
        )
        made = GraphFeatureMap(
            mean,
            scale,
            reservoir,
            self.pooling if self.level == "graph" else None,
            self.readout_layers,
            self.dtype,
            graphs.directed,
        )
        if self.bias_scaling == 0 and (self.input_scaling == 0 or not made.scaled(graphs).features.any()):
            raise InputError(
                "E116",
                "bias_scaling = 0, and the nodes have no input",
                cause="without input and bias every state is 0, whatever the graph",
                hint="use a bias, or give every node the feature 1",
            )
        return made

    def _check_choices(self) -> None:
        for name, allowed in (
            ("iteration", ("fixed_point", "fixed_steps")),
            ("bound", ("norm", "radius")),
            ("level", ("graph", "node")),
        ):
            if (value := getattr(self, name)) not in allowed:
                raise InputError(
                    "E116",
                    f"{name} = {value!r}",
                    cause="no such choice",
                    hint=f"use {allowed[0]} or {allowed[1]}",
                )

    def _keep_map(self, feature_map: GraphFeatureMap) -> None:
        self.feature_map_: GraphFeatureMap = feature_map
        self.reservoir_ = feature_map.reservoir
        self.n_features_in_ = feature_map.reservoir.channels

    def encode(self, X: Any) -> Encoding:
        """Return the features of graphs or nodes, with sweeps and convergence of each graph; warns as `fit` does."""
        check_is_fitted(self, "feature_map_")
        return self._encoded(self.feature_map_, self._graphs(X, fitting=False))

    def stability(self, X: Any) -> Stability:
        """Return for each graph the sufficient and the necessary condition to come to rest."""
        check_is_fitted(self, "feature_map_")
        return stability(self.reservoir_, self._graphs(X, fitting=False))

    def _encoded(self, feature_map: GraphFeatureMap, graphs: NodeGraphs) -> Encoding:
        encoding = feature_map.encode(graphs, whole("n_jobs", self.n_jobs))
        if isinstance(feature_map.reservoir.iteration, FixedPoint):
            if still_moving := encoding.unsettled():
                farthest = float(encoding.change.max())
                _warn(
                    still_moving,
                    f"did not come to rest in {self.most} sweeps (tolerance {self.tolerance:g}, last change up to "
                    f"{farthest:.2g}): their states are no fixed point. Use a smaller gain or more sweeps",
                )
            if doubtful := breaking(feature_map.reservoir, graphs, self.bound):
                condition = {
                    "norm": "break the sufficient condition sigma_max(W) sigma_max(A) < 1: that they come to "
                    "rest depends on their input",
                    "radius": "break the necessary condition rho(W) rho(A) < 1",
                }[self.bound]
                _warn(doubtful, f"{condition}. `stability` tells the products; use a smaller gain")
        return encoding

    _file = graph_file


@dataclass(eq=False, repr=False, kw_only=True)
class GraphReadout(Solved, GraphEstimator):
    """A graph reservoir with a linear readout that is solved from `RidgeStatistics`."""

    ridge: Literal["gcv"] | float = "gcv"

    def fit(self, X: Any, y: Any = None, *, labelled: Any = None) -> Self:
        """Fit scaling, the size of the weights and the readout anew.

        Args:
            X: graphs; see `sarto.models.graphs.node_graphs.as_node_graphs`.
            y: a target for each graph, or with `level="node"` for each node, one graph after the other.
            labelled: with `level="node"`, for each node whether its target is to be learned from; None is all. The
                nodes that are not labelled are heard by their neighbours all the same.

        Warns:
            ConvergenceWarning: naming the graphs that did not come to rest, and those that break the bound.

        Raises:
            InputError: E104, E105, E108 for the data, E116 for a parameter, E107 for a single class.
        """
        check_ridge_parameter(self.ridge)
        graphs = self._graphs(X, fitting=True)
        feature_map = self._fitted_map(graphs)
        targets, rows = self._targets(y, labelled, graphs)
        self._learn(feature_map, self._statistics_of(feature_map, graphs, targets, rows, None))
        return self

    def _partial_fit(self, X: Any, y: Any, labelled: Any, classes: Any) -> Self:
        check_ridge_parameter(self.ridge)
        first = not hasattr(self, "statistics_")
        graphs = self._graphs(X, fitting=first)
        feature_map = self._fitted_map(graphs) if first else self.feature_map_
        targets, rows = self._targets(y, labelled, graphs)
        statistics = self._statistics_of(feature_map, graphs, targets, rows, classes)
        self._learn(feature_map, statistics if first else self.statistics_ + statistics)
        return self

    def statistics(self, X: Any, y: Any = None, *, labelled: Any = None) -> RidgeStatistics:
        """Return the statistics of more graphs by the scaling and weights of this fitted estimator; learn nothing."""
        check_is_fitted(self, "feature_map_")
        graphs = self._graphs(X, fitting=False)
        targets, rows = self._targets(y, labelled, graphs)
        return self._statistics_of(self.feature_map_, graphs, targets, rows, None)

    def _targets(
        self, y: Any, labelled: Any, graphs: NodeGraphs
    ) -> tuple[Shaped[np.ndarray, "..."], Bool[np.ndarray, " row"]]:
        """Return the targets of the rows of features that are learned from, checked, and which rows those are."""
        wanted = graphs.nodes if self.level == "node" else len(graphs)
        if y is None:
            raise InputError(
                "E104",
                "fitting requires y to be passed, but the target y is None",
                cause="a readout learns from targets",
                hint="give one for each graph, or with level='node' for each node",
            )
        targets = self._checked(y)
        if len(targets) != wanted:
            raise InputError(
                "E108",
                f"{wanted} {self.level}s, {len(targets)} targets",
                cause=f"each {self.level} needs its target",
                hint="check which ones were left out; level='graph' and level='node' differ",
            )
        if labelled is None:
            return targets, np.ones(wanted, bool)
        rows = np.asarray(labelled)
        if self.level != "node" or rows.dtype != bool or rows.shape != (wanted,) or not rows.any():
            raise InputError(
                "E108",
                f"labelled has the shape {rows.shape} and holds {rows.dtype}, level = {self.level!r}",
                cause="it says of each node, by True or False, whether its target is learned from; of one at least",
                hint="use it with level='node' only; leave graphs out of X otherwise",
            )
        return targets[rows], rows

    def _checked(self, y: Any) -> Shaped[np.ndarray, "..."]:
        """Return y as an array of what the readout learns."""
        raise NotImplementedError

    def _classes(self, targets: Shaped[np.ndarray, "..."], classes: Any) -> tuple[Any, ...] | None:
        """Return the classes that the targets are of, None for numbers."""
        raise NotImplementedError

    def _statistics_of(
        self,
        feature_map: GraphFeatureMap,
        graphs: NodeGraphs,
        targets: Shaped[np.ndarray, "..."],
        rows: Bool[np.ndarray, " row"],
        classes: Any,
    ) -> RidgeStatistics:
        encoding = self._encoded(feature_map, graphs)
        return RidgeStatistics.of(
            encoding.values[rows],
            targets,
            classes=self._classes(targets, classes),
            features_id=feature_map.features_id,
        )

    def _outputs(self, X: Any) -> Float[np.ndarray, "row output"]:
        check_is_fitted(self, "solution_")
        return self.solution_.predict(self.encode(X).values)


def _warn(graphs: Sequence[GraphId], what: str) -> None:
    named = ", ".join(map(str, graphs[:NAMED])) + (", ..." if len(graphs) > NAMED else "")
    warnings.warn(f"{len(graphs)} graphs ({named}) {what}", ConvergenceWarning, stacklevel=4)
