# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingParameterType=false, reportUntypedBaseClass=false
"""scikit-learn estimators over any reservoir cell: `ReservoirTransformer`, `ESNClassifier`, `ESNRegressor`.

    features = pool(states(standardised x));   readout = W features + b,   W and b by ridge regression

They take sequences as an array (item, step, channel), a list of arrays (step_i, channel), or a `Dataset`, and work
with `clone`, `Pipeline` and `GridSearchCV`. Every call starts each sequence from the zero state; nothing is kept.

Where the defaults come from. `leak=0.1`, `radius=0.9`: ReservoirPy's tutorial on classifying spoken vowels.
`input_scaling=0.5`, `bias_scaling=0.5`: W_in ~ U(-0.5, 0.5) for bias and input alike, Lukosevicius' minimal ESN (2012).
`units=100`: the middle of the 10 to 200 that the experiments on Euler state networks (Gallicchio) search; their
readout, as ReservoirPy's, takes the `last` state. Standardised channels, and a ridge chosen by the data: Lukosevicius,
"A practical guide to applying echo state networks" (2012). They are a start: pooling, leak and scalings deserve a
search.

>>> rng = np.random.default_rng(0)
>>> X = [rng.normal(size=(length, 2)) * size for size in (1, 3) for length in (20, 25, 30, 35)]
>>> y = ["calm"] * 4 + ["wild"] * 4
>>> model = ESNClassifier(units=20, pooling="mean_square", standardise=True).fit(X, y)
>>> model.predict(X[3:5]).tolist(), model.coef_.shape
(['calm', 'wild'], (2, 40))
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from jaxtyping import Float, Shaped
from sklearn.base import ClassifierMixin, ClassNamePrefixFeaturesOutMixin, RegressorMixin, TransformerMixin
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_is_fitted

from sarto.core.dataset import Dataset
from sarto.learn._estimator import Readout, ReservoirEstimator
from sarto.learn.features import FeatureMap
from sarto.learn.labels import checked_labels
from sarto.learn.ridge import RidgeSolution
from sarto.learn.statistics import RidgeStatistics
from sarto.models.input_error import InputError
from sarto.models.sequences import Sequences

NO_TARGETS = "fitting requires y to be passed, but the target y is None"


@dataclass(eq=False, repr=False, kw_only=True)
class ReservoirTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ReservoirEstimator):
    """From sequences to pooled reservoir states, for any readout.

    Args:
        cell: a method of `sarto.models.reservoir`.
        units: neurons N, of all layers together.
        leak: a in (0, 1].
        radius: spectral radius of the recurrent weights.
        input_scaling: bound of the input weights.
        bias_scaling: bound of the bias.
        pooling: `last`, `mean`, `mean_square` or `mean_square_last`; see `sarto.models.pooling`.
        segments: K, segments that are pooled apart.
        segment_steps: L, steps per segment; None is the longest training length / K, rounded up.
        washout: first steps of each sequence that are not pooled; each sequence must be longer.
        standardise: whether each channel is scaled to mean 0 and deviation 1 over the training steps.
        dtype: of the states, `float32` or `float64`.
        n_jobs: threads; -1 is one per processor. The result does not depend on it.
        seed: of the weights.
        cell_options: further arguments of the cell's `build`, by name.
        layers: reservoirs of the cell one on top of the other; see `sarto.models.reservoir._stack`.
        inter_scaling: bound of the input weights of every layer but the first; None is `input_scaling`.
        time_chunks: whether the states of long series are computed in chunks of time side by side, where the state
            forgets; only where there is an answer for every step. See `sarto.models.chunked`.
        plasticity: how the reservoir adapts to the training sequences of the first call, without their targets:
            `IntrinsicPlasticity(...)`, `SynapticPlasticity(...)` or None; see `sarto.learn.plasticity`.
        return_sequences: whether `transform` gives the states after every step instead, as a list of (step_i, neuron).

    Attributes:
        reservoir_, pooling_, n_features_in_ (channels), feature_map_.
    """

    return_sequences: bool = False

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []  # the parameter `dtype` decides
        return tags

    def fit(self, X: Any, y: Any = None) -> Self:
        """Draw the reservoir and fit the scaling and the segments; `y` is not used."""
        self._keep_map(self._fitted_map(self._sequences(X, fitting=True)))
        return self

    def transform(self, X: Any) -> Float[np.ndarray, "item feature"] | list[Float[np.ndarray, "_ neuron"]]:
        """Return the features of each sequence, or its states if `return_sequences`."""
        check_is_fitted(self, "feature_map_")
        sequences = self._sequences(X, fitting=False)
        if not self.return_sequences:
            return self.feature_map_.features(sequences, self.n_jobs)
        return np.split(self.feature_map_.states(sequences, self.n_jobs), sequences.offsets[1:-1])

    def _answering(self) -> Callable[[Float[np.ndarray, "row feature"]], Any]:
        return np.asarray

    @property
    def _n_features_out(self) -> int:
        return self.reservoir_.units if self.return_sequences else self.feature_map_.width


@dataclass(eq=False, repr=False, kw_only=True)
class ESNClassifier(ClassifierMixin, Readout):
    """Classifies sequences: the class with the largest output of a readout that was fitted to +1 and -1.

    There is no `predict_proba`: the outputs of a ridge regression are no probabilities.

    Args:
        As `ReservoirTransformer` (without `return_sequences`), and
        ridge: `gcv`, or the penalty in the sum form of `sarto.learn.ridge`.

    Attributes:
        classes_: the labels, sorted.
        coef_: weights, (class, feature); also for two classes, where row 0 is minus row 1.
        intercept_: one per class.
        statistics_: `RidgeStatistics` of all that was fitted.
        solution_: `RidgeSolution`: how it was solved, and what GCV saw.
        ridge_: the penalty used.
        reservoir_, pooling_, n_features_in_ (channels), feature_map_.
    """

    def partial_fit(self, X: Any, y: Any = None, classes: Any = None) -> Self:
        """Learn more sequences, as one `fit` on all would with the scaling and segments of the first call.

        New labels may come at any time; naming all `classes` at first is needed only when the first data have one.
        """
        return self._partial_fit(X, y, classes)

    def decision_function(self, X: Any) -> Float[np.ndarray, "item class"] | Float[np.ndarray, " item"]:
        """Return the outputs, (item, class); of two classes that of `classes_[1]` alone, (item,)."""
        outputs = self._outputs(X)
        return outputs[:, 1] if outputs.shape[1] == 2 else outputs

    def predict(self, X: Any) -> Shaped[np.ndarray, " item"]:
        """Return the label of each sequence."""
        outputs = self._outputs(X)
        return self.classes_[outputs.argmax(axis=1)]

    def _answering(self) -> Callable[[Float[np.ndarray, "row feature"]], Any]:
        solution, classes = self.solution_, self.classes_
        return lambda features: classes[solution.predict(features).argmax(axis=1)]

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return the accuracy; `y` may be None when X is a `Dataset`."""
        return float(super().score(X, _own_target(X, y), sample_weight))

    def _targets(self, X: Any, y: Any, sequences: Sequences) -> Shaped[np.ndarray, "..."]:
        labels = checked_labels(_own_target(X, y))
        _check_length(labels, sequences)
        return labels

    def _statistics_of(
        self, feature_map: FeatureMap, sequences: Sequences, targets: Shaped[np.ndarray, "..."], classes: Any
    ) -> RidgeStatistics:
        named = np.unique(targets if classes is None else np.asarray(classes))
        return feature_map.statistics(sequences, targets, tuple(named.tolist()), self.n_jobs)

    def _learn(self, feature_map: FeatureMap, statistics: RidgeStatistics) -> None:
        if statistics.classes is None or len(statistics.classes) < 2:
            raise InputError(
                "E107",
                f"1 class only: {statistics.classes and statistics.classes[0]!r}",
                cause="a classifier needs at least 2 classes",
                hint="add sequences of another class, or name all classes in partial_fit(classes=...)",
            )
        super()._learn(feature_map, statistics)

    def _restore(self, statistics: RidgeStatistics | None, solution: RidgeSolution | None) -> None:
        super()._restore(statistics, solution)
        self.classes_ = np.array(self.statistics_.classes)


@dataclass(eq=False, repr=False, kw_only=True)
class ESNRegressor(RegressorMixin, Readout):
    """Predicts numbers: of each sequence from its pooled states, or after every step from the state.

    Args:
        As `ReservoirTransformer`, and
        ridge: `gcv`, or the penalty in the sum form of `sarto.learn.ridge`.
        return_sequences: whether targets and predictions are per step. Targets are then a list of (step_i,) or
            (step_i, output), or an array (item, step) or (item, step, output); pooling is not used, and the first
            `washout` steps of each sequence are neither fitted nor scored (they are predicted).

    Attributes:
        coef_: weights, (output, feature).
        intercept_: one per output.
        statistics_, solution_, ridge_, reservoir_, pooling_, n_features_in_, feature_map_: as `ESNClassifier`.
    """

    return_sequences: bool = False

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    _extra: ClassVar[tuple[str, ...]] = ("flat_",)

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit scaling, segments and readout anew; see the class for the shapes of `y`."""
        super().fit(X, y)
        self.flat_ = self._is_flat(_own_numbers(X, y))
        return self

    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Learn more sequences, as one `fit` on all would with the scaling and segments of the first call."""
        self._partial_fit(X, y, None)
        self.flat_ = self._is_flat(_own_numbers(X, y))
        return self

    def _is_flat(self, y: Any) -> bool:
        return np.asarray(y[0] if self.return_sequences else y).ndim == 1

    def predict(self, X: Any) -> Any:
        """Return (item,) or (item, output), as y was; per step a list of (step_i,) or (step_i, output)."""
        if not self.return_sequences:
            outputs = self._outputs(X)
            return outputs[:, 0] if self.flat_ else outputs
        check_is_fitted(self, "solution_")
        sequences = self._sequences(X, fitting=False)
        outputs = self.solution_.predict(self.feature_map_.states(sequences, self.n_jobs))
        return np.split(outputs[:, 0] if self.flat_ else outputs, sequences.offsets[1:-1])

    def _answering(self) -> Callable[[Float[np.ndarray, "row feature"]], Any]:
        solution, flat = self.solution_, self.flat_
        return lambda features: solution.predict(features)[:, 0] if flat else solution.predict(features)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return R^2, the mean over outputs; per step over all steps after the washout."""
        if not self.return_sequences:
            return float(super().score(X, _own_numbers(X, y), sample_weight))
        wanted = [np.asarray(target)[self.washout :] for target in y]
        got = [output[self.washout :] for output in self.predict(X)]
        return float(r2_score(np.concatenate(wanted), np.concatenate(got)))

    def _targets(self, X: Any, y: Any, sequences: Sequences) -> Shaped[np.ndarray, "..."]:
        y = _own_numbers(X, y)
        if y is None:
            raise InputError("E104", NO_TARGETS, cause="a regressor learns from numbers", hint="give targets")
        if self.return_sequences:
            return self._step_targets(y, sequences)
        targets = _numbers(y)
        _check_length(targets, sequences)
        self._check_axes(targets, 1, "y", "(item,) or (item, output)")
        return targets

    def _step_targets(self, y: Any, sequences: Sequences) -> Shaped[np.ndarray, "..."]:
        parts = [_numbers(target) for target in y]
        _check_length(parts, sequences)
        for index, (part, steps) in enumerate(zip(parts, sequences.lengths, strict=True)):
            self._check_axes(part, 1, f"y[{index}]", "(step,) or (step, output)")
            if len(part) != steps:
                raise InputError(
                    "E108",
                    f"y[{index}] has {len(part)} steps, sequence {index} has {steps}",
                    cause="each step needs its target",
                    hint="targets of the washout are needed too; they are not used",
                )
        return np.concatenate(parts)

    def _check_axes(self, targets: Shaped[np.ndarray, "..."], axes: int, name: str, shape: str) -> None:
        if targets.ndim not in (axes, axes + 1):
            raise InputError(
                "E108",
                f"{name} has {targets.ndim} axes",
                cause=f"the shape must be {shape}",
                hint="reshape y",
            )

    def _statistics_of(
        self, feature_map: FeatureMap, sequences: Sequences, targets: Shaped[np.ndarray, "..."], classes: Any
    ) -> RidgeStatistics:
        if not self.return_sequences:
            return feature_map.statistics(sequences, targets, None, self.n_jobs)
        return feature_map.step_statistics(sequences, targets.reshape(len(targets), -1), self.n_jobs)


def _numbers(y: Any) -> Shaped[np.ndarray, "..."]:
    """Return y as an array of numbers; an array of Python numbers, as data frames give, is one."""
    targets = np.asarray(y)
    if targets.dtype.kind in "biuf":
        return targets
    try:
        return targets.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(
            "E116", f"y holds {targets.dtype}", cause=str(error), hint="give numbers as targets"
        ) from error


def _own_target(X: Any, y: Any) -> Any:
    if y is not None:
        return y
    if isinstance(X, Dataset) and X.goals is None:
        return X.target
    raise InputError(
        "E104", NO_TARGETS, cause="a classifier learns from labels", hint="give labels, or a Dataset"
    )


def _own_numbers(X: Any, y: Any) -> Any:
    """Return `y`, or the numbers of the data set X, if it has any."""
    if y is not None or not isinstance(X, Dataset) or X.goals is None:
        return y
    return X.goals[:, 0] if X.goals.shape[1] == 1 else X.goals


def _check_length(targets: Any, sequences: Sequences) -> None:
    if len(targets) != len(sequences):
        raise InputError(
            "E108",
            f"{len(sequences)} sequences, {len(targets)} targets",
            cause="each sequence needs its target",
            hint="check which ones were left out",
        )
