# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUntypedBaseClass=false
"""scikit-learn estimators over any substrate: `SubstrateClassifier` and `SubstrateRegressor`.

    features = pool(readings of the substrate on standardised x);   readout = W features + b by ridge regression

What is noisy stays noisy: fitting and predicting each run the substrate once, on noise that depends on `noise_seed` and
the sequence. `moved_to` gives the same scaling and readout on another substrate of the same sizes: a readout that was
trained on the clean or young one, used on the noisy or aged one.

>>> from sarto.models.substrate.black_box import BlackBox
>>> rng = np.random.default_rng(0)
>>> X = [rng.normal(size=(20, 1)) * size for size in (1, 3) for _ in range(8)]
>>> y = ["calm"] * 8 + ["wild"] * 8
>>> leaky = BlackBox(lambda s, u: 0.5 * s + abs(u), channels=1, units=1)
>>> SubstrateClassifier(leaky, pooling="mean").fit(X, y).predict(X[7:9]).tolist()
['calm', 'wild']
"""

from __future__ import annotations

import copy
import hashlib
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal, Self

import numpy as np
from jaxtyping import Float, Shaped
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from sarto.core.dataset import Dataset
from sarto.learn._estimator import check_ridge_parameter, whole
from sarto.learn.features import channel_scaling
from sarto.learn.labels import checked_labels
from sarto.learn.ridge import RidgeSolution
from sarto.learn.statistics import RidgeStatistics
from sarto.models.input_error import InputError
from sarto.models.pooling import Pooling, PoolingKind
from sarto.models.sequences import Sequences, read_sequences
from sarto.models.states import check_washout
from sarto.models.substrate.noise import sequence_keys
from sarto.models.substrate.protocol import Substrate
from sarto.models.substrate.run import pooled_readings


@dataclass(eq=False, repr=False)
class SubstrateEstimator(BaseEstimator):
    """What both share: scaling, pooling, statistics of the readings, and the readout."""

    substrate: Substrate
    _: KW_ONLY
    pooling: PoolingKind = "last"
    segments: int = 1
    washout: int = 0
    standardise: bool = True
    ridge: Literal["gcv"] | float = "gcv"
    noise_seed: int = 0
    n_jobs: int = 1

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        return tags

    def fit(self, X: Any, y: Any = None) -> Self:
        """Run the substrate on X, and fit scaling, segments and readout anew.

        Args:
            X: sequences.
            y: targets; None when X is a `Dataset`, which has its own.

        Raises:
            InputError: E104, E105, E108, E115 for the data or what the substrate returns, E116 for a parameter, E107
                for a single class.
        """
        check_ridge_parameter(self.ridge)
        sequences = read_sequences(X)
        targets = self._targets(X, y)
        if len(targets) != len(sequences):
            raise InputError(
                "E108",
                f"{len(sequences)} sequences, {len(targets)} targets",
                cause="each sequence needs its target",
                hint="check which ones were left out",
            )
        washout = whole("washout", self.washout)
        check_washout(sequences.lengths, washout)
        plain = np.zeros(sequences.channels), np.ones(sequences.channels)
        self.mean_, self.scale_ = channel_scaling(sequences) if self.standardise else plain
        longest = int(sequences.lengths.max()) - washout
        self.pooling_ = Pooling.fitted(self.pooling, whole("segments", self.segments), longest)
        self.n_features_in_ = sequences.channels
        return self.solved(self._statistics_of(self.features(sequences), targets))

    def features(self, X: Any) -> Float[np.ndarray, "item feature"]:
        """Return the pooled readings of each sequence, under the noise of `noise_seed`."""
        check_is_fitted(self, "pooling_")
        sequences = read_sequences(X)
        if sequences.channels != self.n_features_in_:
            raise InputError(
                "E108",
                f"X has {sequences.channels} channels, the model was fitted on {self.n_features_in_}",
                cause="each channel has its own scaling",
                hint="give the same channels in the same order",
            )
        scaled = Sequences((sequences.values - self.mean_) / self.scale_, sequences.offsets)
        return pooled_readings(
            self.substrate,
            scaled,
            self.pooling_,
            seed=whole("noise_seed", self.noise_seed),
            keys=sequence_keys(sequences),
            washout=self.washout,
            n_jobs=self.n_jobs,
        )

    def statistics(self, X: Any, y: Any = None) -> RidgeStatistics:
        """Return the statistics of more data on this fitted estimator, to be added to `statistics_` and `solved`."""
        return self._statistics_of(self.features(X), self._targets(X, y))

    def solved(self, statistics: RidgeStatistics) -> Self:
        """Take the readout from `statistics` of the same features."""
        self.solution_: RidgeSolution = statistics.solve(self.ridge)
        self.statistics_ = statistics
        self.coef_, self.intercept_ = self.solution_.weights, self.solution_.intercept
        self.ridge_ = self.solution_.ridge
        return self

    def moved_to(self, substrate: Substrate, *, noise_seed: int | None = None) -> Self:
        """Return this fitted estimator, scaling and readout unchanged, on another substrate.

        Args:
            substrate: of as many channels and units.
            noise_seed: of its noise; None keeps the seed.

        Raises:
            InputError: E108, when the sizes differ.
        """
        check_is_fitted(self, "solution_")
        old = (self.substrate.channels, self.substrate.units)
        if (substrate.channels, substrate.units) != old:
            raise InputError(
                "E108",
                f"a substrate of {substrate.channels} channels and {substrate.units} units",
                cause=f"the readout was trained on {old[0]} channels and {old[1]} units",
                hint="fit anew",
            )
        moved = copy.copy(self)
        moved.substrate = substrate
        if noise_seed is not None:
            moved.noise_seed = noise_seed
        return moved

    def _outputs(self, X: Any) -> Float[np.ndarray, "item output"]:
        check_is_fitted(self, "solution_")
        return self.solution_.predict(self.features(X))

    @property
    def _features_id(self) -> str:
        pooling = (self.pooling_.kind, self.pooling_.segments, self.pooling_.segment_steps, self.washout)
        digest = hashlib.sha256(repr((self.substrate.substrate_id, pooling, self.noise_seed)).encode())
        for array in (self.mean_, self.scale_):
            digest.update(np.ascontiguousarray(array, "<f8").tobytes())
        return digest.hexdigest()

    def _targets(self, X: Any, y: Any) -> Shaped[np.ndarray, "..."]:
        raise NotImplementedError

    def _statistics_of(
        self, features: Float[np.ndarray, "item feature"], targets: Shaped[np.ndarray, "..."]
    ) -> RidgeStatistics:
        raise NotImplementedError


@dataclass(eq=False, repr=False)
class SubstrateClassifier(ClassifierMixin, SubstrateEstimator):
    """Classifies sequences by the largest output of a readout that was fitted to +1 and -1.

    Args:
        substrate: anything that is a `sarto.models.substrate.protocol.Substrate`.
        pooling: `last`, `mean`, `mean_square` or `mean_square_last`; see `sarto.models.pooling`.
        segments: that are pooled apart.
        washout: first steps of each sequence that are not pooled.
        standardise: whether each channel is scaled to mean 0 and deviation 1 over the training steps.
        ridge: `gcv`, or the penalty in the sum form of `sarto.learn.ridge`.
        noise_seed: of the substrate's noise.
        n_jobs: threads, for a substrate that allows them; the result does not depend on it.

    Attributes:
        classes_, coef_ (class, feature), intercept_, ridge_, solution_, statistics_, pooling_, mean_, scale_.
    """

    def solved(self, statistics: RidgeStatistics) -> Self:
        """Take the readout from `statistics` of the same features and their classes."""
        if statistics.classes is None or len(statistics.classes) < 2:
            raise InputError(
                "E107",
                f"1 class only: {statistics.classes and statistics.classes[0]!r}",
                cause="a classifier needs at least 2 classes",
                hint="add sequences of another class",
            )
        super().solved(statistics)
        self.classes_ = np.array(statistics.classes)
        return self

    def decision_function(self, X: Any) -> Float[np.ndarray, "item class"] | Float[np.ndarray, " item"]:
        """Return the outputs, (item, class); of two classes that of `classes_[1]` alone, (item,)."""
        outputs = self._outputs(X)
        return outputs[:, 1] if outputs.shape[1] == 2 else outputs

    def predict(self, X: Any) -> Shaped[np.ndarray, " item"]:
        """Return the label of each sequence."""
        return self.classes_[self._outputs(X).argmax(axis=1)]

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return the accuracy; `y` may be None when X is a `Dataset`."""
        return float(super().score(X, self._targets(X, y), sample_weight))

    def _targets(self, X: Any, y: Any) -> Shaped[np.ndarray, "..."]:
        if y is None and isinstance(X, Dataset) and X.goals is None:
            return X.target
        if y is None:
            raise InputError(
                "E104", "y is None", cause="a classifier learns from labels", hint="give labels, or a Dataset"
            )
        return checked_labels(y)

    def _statistics_of(
        self, features: Float[np.ndarray, "item feature"], targets: Shaped[np.ndarray, "..."]
    ) -> RidgeStatistics:
        classes = tuple(np.unique(targets).tolist())
        return RidgeStatistics.of(features, targets, classes=classes, features_id=self._features_id)


@dataclass(eq=False, repr=False)
class SubstrateRegressor(RegressorMixin, SubstrateEstimator):
    """Predicts one or more numbers of each sequence; arguments and attributes as `SubstrateClassifier`."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def predict(self, X: Any) -> Shaped[np.ndarray, "..."]:
        """Return (item,) for one number of each sequence, else (item, output)."""
        outputs = self._outputs(X)
        return outputs[:, 0] if outputs.shape[1] == 1 else outputs

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return R^2, the mean over outputs."""
        return float(super().score(X, self._targets(X, y), sample_weight))

    def _targets(self, X: Any, y: Any) -> Shaped[np.ndarray, "..."]:
        goals = X.goals if y is None and isinstance(X, Dataset) else y
        targets = np.asarray(goals)
        if goals is None or targets.dtype.kind not in "biuf" or targets.ndim not in (1, 2):
            raise InputError(
                "E116",
                f"targets hold {targets.dtype} in {targets.ndim} axes",
                cause="a regressor learns from numbers, (item,) or (item, output)",
                hint="give numbers, or a Dataset that has some",
            )
        return targets

    def _statistics_of(
        self, features: Float[np.ndarray, "item feature"], targets: Shaped[np.ndarray, "..."]
    ) -> RidgeStatistics:
        return RidgeStatistics.of(features, targets, features_id=self._features_id)
