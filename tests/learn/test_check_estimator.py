"""scikit-learn's own checks, each one test.

A row of a table is a sequence of one step (see `rows.py`), or a graph of one node (see `graph_rows.py`).
"""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from tests.learn.graph_rows import GraphRowsClassifier, GraphRowsRegressor, GraphRowsTransformer
from tests.learn.oracles import estimator_checks_generator
from tests.learn.rows import RowsClassifier, RowsRegressor, RowsTransformer

# float64, since the checks compare to 1e-7, where float32 rounds; few units for speed.
ROWS = (RowsTransformer, RowsClassifier, RowsRegressor)
GRAPHS = (GraphRowsTransformer, GraphRowsClassifier, GraphRowsRegressor)
ESTIMATORS: list[Any] = [cls(units=20, dtype="float64") for cls in (*ROWS, *GRAPHS)]
NOT_RUN = {"check_array_api_input"}
"""Needs an environment variable of SciPy and a second array library; the estimators compute in NumPy."""


def _name(check: Any) -> str:
    return getattr(check, "func", check).__name__


CASES = [
    pytest.param(estimator, check, id=f"{type(estimator).__name__}-{_name(check)}")
    for estimator in ESTIMATORS
    for estimator, check in estimator_checks_generator(estimator)
    if _name(check) not in NOT_RUN
]


def test_the_battery_is_there() -> None:
    assert len(CASES) > 240


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize(("estimator", "check"), CASES)
def test_scikit_learn_check(estimator: Any, check: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some checks warn on purpose, to see what an estimator makes of it
        check(estimator)
