# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUntypedBaseClass=false
"""What every estimator over a reservoir does, of sequences or of graphs: be saved and loaded, and solve its readout.

`Kept` saves and loads; `Solved` adds a readout solved from `RidgeStatistics`. Neither has parameters of its own. Which
file holds an estimator, `estimator_file` or `graph_file`, its class says.

>>> from sarto.learn.readout import ESNRegressor
>>> issubclass(ESNRegressor, Solved) and issubclass(Solved, Kept)
True
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, Self

from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from sarto.learn._archive import Content
from sarto.learn.ridge import RidgeSolution
from sarto.learn.statistics import RidgeStatistics
from sarto.models.input_error import InputError


class File(Protocol):
    """The module of a kind of file."""

    def write(self, path: Path, estimator: str, content: Content[Any]) -> None: ...
    def read(self, path: Path, estimator: str) -> Content[Any]: ...


class Kept(BaseEstimator):
    """An estimator that is kept as one file; `feature_map_` is what it has when it is fitted."""

    feature_map_: Any
    _file: ClassVar[File]
    _extra: ClassVar[tuple[str, ...]] = ()
    """Attributes of plain values that are kept too."""

    def save(self, path: str | Path) -> None:
        """Write the fitted estimator to `path` as one .npz file of arrays and JSON (no pickle), whole or not at all."""
        check_is_fitted(self, "feature_map_")
        content = Content(
            self._written(self.get_params(deep=False)),
            self.feature_map_,
            getattr(self, "statistics_", None),
            getattr(self, "solution_", None),
            {name: getattr(self, name) for name in self._extra},
        )
        self._file.write(Path(path), type(self).__name__, content)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Return the fitted estimator that `save` wrote; its weights are read, not drawn again.

        Raises:
            InputError: E101 (no such file), E103 (another kind of file, estimator or version, or damaged).
        """
        content = cls._file.read(Path(path), cls.__name__)
        estimator = cls(**cls._given(content.parameters))
        estimator._keep_map(content.feature_map)
        for name, value in content.extra.items():
            setattr(estimator, name, value)
        estimator._restore(content.statistics, content.solution)
        return estimator

    @staticmethod
    def _written(parameters: dict[str, Any]) -> dict[str, Any]:
        """Return the parameters of the constructor as plain values."""
        return parameters

    @staticmethod
    def _given(parameters: dict[str, Any]) -> dict[str, Any]:
        """Return the parameters that `_written` made plain."""
        return parameters

    def _keep_map(self, feature_map: Any) -> None:
        """Take in the feature map."""
        raise NotImplementedError

    def _restore(self, statistics: RidgeStatistics | None, solution: RidgeSolution | None) -> None:
        """Take in what was learned; a transformer learns nothing."""


class Solved(Kept):
    """An estimator whose readout is solved from `RidgeStatistics`, with its parameter `ridge`."""

    ridge: Literal["gcv"] | float

    def refit(self, statistics: RidgeStatistics) -> Self:
        """Solve the readout of this fitted estimator from other statistics of the same features.

        They may be merged from several places, or lack what is to be forgotten.

        Raises:
            InputError: E116, when they are of other features.
        """
        check_is_fitted(self, "feature_map_")
        check_features_id(statistics, self.feature_map_.features_id)
        self._learn(self.feature_map_, statistics)
        return self

    def of_statistics(self, feature_map: Any, statistics: RidgeStatistics) -> Self:
        """Become the fitted estimator of a feature map and statistics of its features, which came from elsewhere.

        Raises:
            InputError: E116, when they are of other features; E107 for a classifier of one class.
        """
        check_features_id(statistics, feature_map.features_id)
        self._learn(feature_map, statistics)
        return self

    def _learn(self, feature_map: Any, statistics: RidgeStatistics) -> None:
        """Keep what was learned, all of it or nothing."""
        solution = statistics.solve(self.ridge)
        self._keep_map(feature_map)
        self._restore(statistics, solution)

    def _restore(self, statistics: RidgeStatistics | None, solution: RidgeSolution | None) -> None:
        assert statistics is not None and solution is not None, "a readout has both"
        self.statistics_, self.solution_ = statistics, solution
        self.coef_, self.intercept_, self.ridge_ = solution.weights, solution.intercept, solution.ridge


def check_features_id(statistics: RidgeStatistics, features_id: str) -> None:
    """Refuse statistics of other features than those of the estimator (E116)."""
    if statistics.features_id != features_id:
        raise InputError(
            "E116",
            f"statistics of features {statistics.features_id[:12] or 'unnamed'}, the estimator computes "
            f"{features_id[:12]}",
            cause="they are of another reservoir, pooling or input scaling",
            hint="compute them with `statistics` of this estimator",
        )
