"""The estimators over the rows of a table: each row is a sequence of one step, each column a channel.

scikit-learn's own checks speak tables. A sequence of one step has all the arithmetic but the recurrence, so the whole
battery runs on the real estimators, with nothing but the reading of X replaced.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from sarto.learn.readout import ESNClassifier, ESNRegressor, ReservoirTransformer
from sarto.models.sequences import Sequences
from tests.learn.oracles import validate_data


class _Rows(BaseEstimator):
    def _sequences(self, X: Any, *, fitting: bool) -> Sequences:
        table = validate_data(self, X, reset=fitting, dtype=[np.float64, np.float32])
        return Sequences(table, np.arange(len(table) + 1))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.input_tags.three_d_array = False
        return tags


class RowsTransformer(_Rows, ReservoirTransformer):
    pass


class RowsClassifier(_Rows, ESNClassifier):
    pass


class RowsRegressor(_Rows, ESNRegressor):
    pass
