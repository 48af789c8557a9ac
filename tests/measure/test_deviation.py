"""Quality of numbers: known answers, scikit-learn's figures, intervals that cover, and tables."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as untyped

from sarto.measure.deviation import (
    MOST_PAIRS,
    bootstrap,
    deviation_by_group,
    deviation_evidence,
    guess_evidence,
    mae,
    predictions_table,
    r2,
    rmse,
)

metrics: Any = untyped


def interval(true: Any, said: Any, groups: Any = None, block: int = 1) -> tuple[float, float]:
    found = bootstrap(true, said, groups, block)
    assert found is not None
    return found


@given(st.integers(2, 30), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_as_scikit_learn(n: int, outputs: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    true, said = random.normal(size=(n, outputs)) * 7 + 3, random.normal(size=(n, outputs))
    np.testing.assert_allclose(r2(true, said), metrics.r2_score(true, said))
    np.testing.assert_allclose(
        rmse(true, said), metrics.root_mean_squared_error(true, said, multioutput="raw_values")
    )
    np.testing.assert_allclose(
        mae(true, said), metrics.mean_absolute_error(true, said, multioutput="raw_values")
    )


def test_a_number_without_variance_explains_nothing() -> None:
    assert r2(np.ones((3, 1)), np.zeros((3, 1))) == 0


def test_the_interval_covers() -> None:
    """A known signal-to-noise ratio: R2 of the true model is 1 / (1 + 1/4) = .8."""
    random, inside = np.random.default_rng(1), 0
    for _ in range(60):
        said = random.normal(size=(150, 1))
        true = said + random.normal(size=(150, 1)) / 2
        low, high = interval(true, said)
        inside += low <= 0.8 <= high
    assert inside >= 51  # 57 are expected of 60, and 51 or fewer with probability .008


def test_groups_are_drawn_whole() -> None:
    """Ten equal items in each of six groups: as if each group were one item."""
    random = np.random.default_rng(2)
    true, said = random.normal(size=(6, 1)), random.normal(size=(6, 1))
    whole = interval(np.repeat(true, 10, axis=0), np.repeat(said, 10, axis=0), np.repeat(np.arange(6), 10))
    np.testing.assert_allclose(whole, interval(true, said))


def test_evidence() -> None:
    true = np.tile([[0.0, 10], [1, 20], [2, 30], [3, 40]], (2, 1))
    said = np.tile([[0.0, 10], [1, 20], [2, 30], [2, 20]], (2, 1))
    found = deviation_evidence(
        true, said, ("a", "b"), ("degC", ""), groups=None, part="test", tool="t", command="c", subject="s"
    )
    assert {e.what: (e.value, e.unit) for e in found} == {
        "test R2": (pytest.approx(0.5), "1"),
        "test RMSE of a": (0.5, "degC"),
        "test RMSE of b": (10, "1"),
        "test MAE of a": (0.25, "degC"),
        "test MAE of b": (5, "1"),
    }
    assert all((e.n, e.how) == (8, "measured") for e in found)
    assert found[0].interval is not None
    guess = guess_evidence(
        true, np.broadcast_to(true.mean(axis=0), true.shape), "the mean", part="test", tool="t", command="c"
    )
    assert (guess.what, guess.value) == ("test R2 of the mean", 0)


def test_tables() -> None:
    true = np.arange(2000.0).reshape(1000, 2)
    table = predictions_table(true, true + 1, ("a", "b"), ("V", ""))
    assert table.columns == ("item", "a, true", "a, predicted", "b, true", "b, predicted")
    assert table.units == ("", "V", "V", "1", "1")
    assert len(table.rows) == MOST_PAIRS
    assert table.rows[-1] == (999, 1998, 1999, 1999, 2000)
    groups = np.array(["x", "y"])[np.arange(4) % 2]
    said = np.array([[0.0], [1], [2], [5]])
    by = deviation_by_group(np.array([[0.0], [1], [2], [3]]), said, groups)
    assert by.rows == (("x", 2, 1.0), ("y", 2, 1 - 2 / 1.25))


def test_few_groups_have_no_interval_and_blocks_widen_it() -> None:
    random = np.random.default_rng(4)
    slow = np.repeat(random.normal(size=(40, 1)), 10, axis=0)
    said = slow + np.repeat(random.normal(size=(40, 1)) / 2, 10, axis=0)
    assert bootstrap(slow, said, np.arange(400) // 100) is None
    plain, blocks = interval(slow, said), interval(slow, said, block=10)
    assert blocks[1] - blocks[0] > 2 * (plain[1] - plain[0])
    np.testing.assert_allclose(blocks, interval(slow, said, np.arange(400) // 10))
