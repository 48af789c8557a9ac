# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingParameterType=false, reportUntypedBaseClass=false
"""What the estimators of `sarto.learn.readout` share: their parameters, how they read sequences, learn and are kept.

Both classes are dataclasses, whose constructor does what scikit-learn asks of one: it keeps its arguments and no more.

>>> ReservoirEstimator(units=7).get_params()["units"]
7
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, replace
from numbers import Integral, Real
from typing import Any, Literal, Self

import numpy as np
from jaxtyping import Float, Shaped
from sklearn.utils.validation import check_is_fitted

from sarto.core.rooms import load_method
from sarto.learn import estimator_file
from sarto.learn._kept import Kept, Solved
from sarto.learn.diagnosis import Diagnosis, diagnose
from sarto.learn.features import FeatureMap, channel_scaling
from sarto.learn.plasticity.choice import Plasticity, check_plasticity, from_json, to_json
from sarto.learn.ridge import check_ridge
from sarto.learn.statistics import RidgeStatistics
from sarto.learn.stream import Stream
from sarto.models.input_error import InputError
from sarto.models.pooling import Pooling, PoolingKind
from sarto.models.reservoir._stack import stacked
from sarto.models.sequences import Sequences, read_sequences
from sarto.models.states import Precision, check_washout


@dataclass(eq=False, repr=False)
class ReservoirEstimator(Kept):
    """What the three estimators share: parameters, reading sequences, fitting the feature map, files."""

    cell: str = "esn"
    units: int = 100
    _: KW_ONLY
    leak: float = 0.1
    radius: float = 0.9
    input_scaling: float = 0.5
    bias_scaling: float = 0.5
    pooling: PoolingKind = "last"
    segments: int = 1
    segment_steps: int | None = None
    washout: int = 0
    standardise: bool = True
    dtype: Precision = "float32"
    n_jobs: int = 1
    seed: int = 0
    cell_options: Mapping[str, Any] | None = None
    layers: int = 1
    inter_scaling: float | None = None
    time_chunks: bool = False
    plasticity: Plasticity | None = None

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        return tags

    def _sequences(self, X: Any, *, fitting: bool) -> Sequences:
        """Return X as sequences; the hook where `check_estimator` in the tests gives rows of a table."""
        return read_sequences(X)

    def _fitted_map(self, sequences: Sequences) -> FeatureMap:
        """Return the feature map that these parameters and training sequences give."""
        check_washout(sequences.lengths, whole("washout", self.washout))
        channels = sequences.channels
        mean, scale = (
            channel_scaling(sequences) if self.standardise else (np.zeros(channels), np.ones(channels))
        )
        return self._adapted(self.map_of(mean, scale, int(sequences.lengths.max())), sequences)

    def map_of(
        self, mean: Float[np.ndarray, " channel"], scale: Float[np.ndarray, " channel"], longest: int
    ) -> FeatureMap:
        """Return the feature map of a scaling and the longest sequence, before any plasticity."""
        washout, segments, channels = (
            whole("washout", self.washout),
            whole("segments", self.segments),
            len(mean),
        )
        if self.segment_steps is None:
            pooling = Pooling.fitted(self.pooling, segments, longest - washout)
        else:
            pooling = Pooling(self.pooling, segments, whole("segment_steps", self.segment_steps))
        build = load_method("sarto.models.reservoir", self.cell).build
        options = dict(self.cell_options or {})
        check_options(self.cell, build, options)
        reservoir = stacked(
            build,
            whole("units", self.units),
            channels,
            layers=whole("layers", self.layers),
            inter_scaling=None if self.inter_scaling is None else real("inter_scaling", self.inter_scaling),
            seed=natural("seed", self.seed),
            leak=real("leak", self.leak),
            radius=real("radius", self.radius),
            input_scaling=real("input_scaling", self.input_scaling),
            bias_scaling=real("bias_scaling", self.bias_scaling),
            **options,
        )
        return FeatureMap(
            mean, scale, reservoir, pooling, self.dtype, washout, time_chunks=bool(self.time_chunks)
        )

    def _adapted(self, features: FeatureMap, sequences: Sequences) -> FeatureMap:
        """Return the feature map whose reservoir has adapted to its training sequences, if it is to."""
        if (rule := check_plasticity(self.plasticity)) is None:
            return features
        adapted = rule.adapt(features.reservoir, features.scaled(sequences), features.washout)
        for text in adapted.warnings:
            warnings.warn(text, stacklevel=4)
        return replace(features, reservoir=adapted.reservoir)

    def _keep_map(self, feature_map: FeatureMap) -> None:
        self.feature_map_: FeatureMap = feature_map
        self.reservoir_ = feature_map.reservoir
        self.pooling_ = feature_map.pooling
        self.n_features_in_ = feature_map.reservoir.channels

    def diagnose(self, X: Any, *, memory: bool = True) -> Diagnosis:
        """Return what the fitted reservoir does on a sample of X: figures, curves, and findings in words.

        Args:
            X: sequences.
            memory: whether to measure the linear memory capacity too, under white input as strong as the data.

        Raises:
            InputError: E108, E115; as `fit`.
        """
        check_is_fitted(self, "feature_map_")
        sequences = self.feature_map_.scaled(self._sequences(X, fitting=False))
        return diagnose(self.reservoir_, sequences, washout=self.feature_map_.washout, memory=memory)

    def stream(self, count: int | None = None) -> Stream:
        """Return a stream from the zero state that answers after every step as `predict` (or `transform`) would.

        Args:
            count: of streams side by side; None is a single one, whose inputs and outputs have no axis for it.
        """
        check_is_fitted(self, "feature_map_")
        return Stream(self.feature_map_, self._answering(), count, per_step=self._per_step)

    @property
    def _per_step(self) -> bool:
        """Whether there is an answer for each step, and not one for a whole sequence."""
        return bool(getattr(self, "return_sequences", False))

    def _answering(self) -> Callable[[Float[np.ndarray, "row feature"]], Any]:
        """Return the way from features to what `predict` returns for each row, as it is fitted now."""
        raise NotImplementedError

    _file = estimator_file

    @staticmethod
    def _written(parameters: dict[str, Any]) -> dict[str, Any]:
        return parameters | {"plasticity": to_json(parameters["plasticity"])}

    @staticmethod
    def _given(parameters: dict[str, Any]) -> dict[str, Any]:
        return parameters | {"plasticity": from_json(parameters.get("plasticity"))}


@dataclass(eq=False, repr=False, kw_only=True)
class Readout(Solved, ReservoirEstimator):
    """A reservoir with a linear readout that is solved from `RidgeStatistics`."""

    ridge: Literal["gcv"] | float = "gcv"

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit scaling, segments and readout anew.

        Args:
            X: sequences.
            y: targets; None when X is a `Dataset`, which has its own.

        Raises:
            InputError: E104, E105, E108, E115 for the data, E116 for a parameter, E107 for a single class.
        """
        check_ridge_parameter(self.ridge)
        sequences = self._sequences(X, fitting=True)
        feature_map = self._fitted_map(sequences)
        self._learn(
            feature_map, self._statistics_of(feature_map, sequences, self._targets(X, y, sequences), None)
        )
        return self

    def _partial_fit(self, X: Any, y: Any, classes: Any) -> Self:
        check_ridge_parameter(self.ridge)
        first = not hasattr(self, "statistics_")
        sequences = self._sequences(X, fitting=first)
        feature_map = self._fitted_map(sequences) if first else self.feature_map_
        targets = self._targets(X, y, sequences)
        statistics = self._statistics_of(feature_map, sequences, targets, classes)
        self._learn(feature_map, statistics if first else self.statistics_ + statistics)
        return self

    def statistics(self, X: Any, y: Any = None) -> RidgeStatistics:
        """Return the statistics of more data, without learning from them.

        A fitted estimator uses its own scaling and segments, so that the statistics add to `statistics_`; one that is
        not fitted takes them from X, as `fit` would.
        """
        fitted = hasattr(self, "feature_map_")
        sequences = self._sequences(X, fitting=not fitted)
        feature_map = self.feature_map_ if fitted else self._fitted_map(sequences)
        return self._statistics_of(feature_map, sequences, self._targets(X, y, sequences), None)

    def _targets(self, X: Any, y: Any, sequences: Sequences) -> Shaped[np.ndarray, "..."]:
        """Return y, checked, or the targets of the data set X."""
        raise NotImplementedError

    def _statistics_of(
        self, feature_map: FeatureMap, sequences: Sequences, targets: Shaped[np.ndarray, "..."], classes: Any
    ) -> RidgeStatistics:
        raise NotImplementedError

    def _outputs(self, X: Any) -> Float[np.ndarray, "item output"]:
        check_is_fitted(self, "solution_")
        sequences = self._sequences(X, fitting=False)
        parts = self.feature_map_.feature_chunks(sequences, self.n_jobs)
        return np.concatenate([self.solution_.predict(features) for _, features in parts])


def whole(name: str, value: object) -> int:
    """Return a parameter as an `int`; a search may set NumPy's. Anything that is no whole number is refused (E116)."""
    if isinstance(value, Integral):
        return int(value)
    raise InputError("E116", f"{name} = {value!r}", cause="it must be a whole number", hint=f"change {name}")


def natural(name: str, value: object) -> int:
    """Return a parameter as an `int` of at least 0; anything else is refused (E116)."""
    if (number := whole(name, value)) < 0:
        raise InputError("E116", f"{name} = {number}", cause="it must be at least 0", hint=f"change {name}")
    return number


def check_options(cell: str, build: Callable[..., Any], options: Mapping[str, Any]) -> None:
    """Refuse `cell_options` that the cell does not have (E116)."""
    known = [
        name
        for name, parameter in inspect.signature(build).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY and name not in ReservoirEstimator.__dataclass_fields__
    ]
    if strangers := sorted(set(options) - set(known)):
        raise InputError(
            "E116",
            f"cell_options with {strangers[0]!r}",
            cause=f"the cell {cell} has {', '.join(known) or 'no options'}",
            hint="leave it out, or give it to the estimator itself",
        )


def real(name: str, value: object) -> float:
    """Return a parameter as a `float`; anything that is no real number is refused (E116)."""
    if isinstance(value, Real):
        return float(value)
    raise InputError("E116", f"{name} = {value!r}", cause="it must be a number", hint=f"change {name}")


def check_ridge_parameter(ridge: object) -> None:
    """Refuse a `ridge` that is neither `gcv` nor a finite number of at least 0 (E116), before any work is done."""
    if ridge != "gcv":
        check_ridge(ridge)
