from __future__ import annotations

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.learn.leave_one_out import left_out_outputs, leverage
from sarto.learn.statistics import RidgeStatistics, coded_targets

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(40, 5)) + 3, RANDOM.choice([0, 1, 2], 40)
CODED = coded_targets(Y, (0, 1, 2))
WHOLE = RidgeStatistics.of(X, Y, classes=(0, 1, 2))


@pytest.mark.parametrize("ridge", [0.0, 0.5, 1000.0])
def test_each_row_is_judged_by_the_readout_of_the_others(ridge: float) -> None:
    own = np.arange(0, 40, 3)  # a client's rows among those of all
    brute = [
        RidgeStatistics.of(np.delete(X, i, 0), np.delete(Y, i), classes=(0, 1, 2))
        .solve(ridge)
        .predict(X[i : i + 1])[0]
        for i in own
    ]
    np.testing.assert_allclose(left_out_outputs(WHOLE, ridge, X[own], CODED[own]), brute, rtol=1e-9)


def test_rows_of_another_weight_are_left_out_with_it() -> None:
    weights = np.where(np.arange(40) < 6, 7.0, 1.0)
    whole = RidgeStatistics.of(X, Y, weights, classes=(0, 1, 2))
    found = left_out_outputs(whole, 0.5, X[:6], CODED[:6], weight=7.0)
    for i in range(6):
        rest = np.delete(np.arange(40), i)
        other = RidgeStatistics.of(X[rest], Y[rest], weights[rest], classes=(0, 1, 2))
        np.testing.assert_allclose(found[i], other.solve(0.5).predict(X[i : i + 1])[0], rtol=1e-9)


def test_leverages_add_up_to_the_degrees_of_freedom() -> None:
    values = np.linalg.eigvalsh(WHOLE.C_xx)
    assert leverage(WHOLE, 2.0, X).sum() == pytest.approx(1 + (values / (values + 2.0)).sum(), rel=1e-12)


def test_rows_that_nothing_else_determines_are_refused() -> None:
    few = RidgeStatistics.of(X[:3], Y[:3], classes=(0, 1, 2))
    with pytest.raises(SartoError, match="singular"):
        leverage(few, 0.0, X)
    with pytest.raises(SartoError, match="row 0 cannot be left out: its leverage is 1") as caught:
        left_out_outputs(RidgeStatistics.of(X[:1], Y[:1], classes=(0, 1, 2)), 0.5, X[:1], CODED[:1])
    assert caught.value.code == "E404"
