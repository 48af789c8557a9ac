from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sarto.core.errors import SartoError
from sarto.learn.statistics import CHUNK_ROWS, RidgeStatistics
from sarto.models.input_error import InputError
from tests.learn.oracles import Ridge, RidgeClassifier, inv


def table(n: int = 60, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 6)) + 3
    return x, rng.normal(size=(n, 2)), rng.choice(["a", "b", "c"], n)


def close(a: RidgeStatistics, b: RidgeStatistics, tolerance: float = 1e-11) -> None:
    assert (a.count, a.classes, a.features_id) == (b.count, b.classes, b.features_id)
    for name in ("weight", "mean_x", "mean_y", "C_xx", "C_xy", "C_yy"):
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=0, atol=tolerance, err_msg=name)


def refused(call: Any, code: str, words: str) -> None:
    with pytest.raises(SartoError, match=words) as caught:
        call()
    assert caught.value.code == code
    assert caught.value.cause
    assert caught.value.hint


def test_the_readout_equals_scikit_learns_with_and_without_weights() -> None:
    x, y, _ = table()
    w = np.random.default_rng(1).uniform(0, 2, len(x))
    for weights in (None, w):
        oracle = Ridge(alpha=0.7, solver="svd").fit(x, y, sample_weight=weights)
        solution = RidgeStatistics.of(x, y, weights).solve(0.7)
        np.testing.assert_allclose(solution.weights, oracle.coef_, rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose(solution.intercept, oracle.intercept_, rtol=1e-9)


def test_labels_are_coded_as_in_scikit_learns_classifier() -> None:
    x, _, labels = table()
    statistics = RidgeStatistics.of(x, labels, classes=["a", "b", "c"])
    oracle = RidgeClassifier(alpha=0.7, solver="svd").fit(x, labels)
    np.testing.assert_allclose(statistics.solve(0.7).predict(x), oracle.decision_function(x), atol=1e-11)
    counts = [np.count_nonzero(labels == label) for label in "abc"]
    np.testing.assert_allclose(statistics.class_weights, counts, atol=1e-10)


def test_a_path_of_penalties_is_each_penalty() -> None:
    statistics = RidgeStatistics.of(*table()[:2])
    for solution, ridge in zip(statistics.path([0.1, 10.0]), [0.1, 10.0], strict=True):
        np.testing.assert_allclose(solution.weights, statistics.solve(ridge).weights, rtol=1e-10)


def test_streamed_rows_are_the_rows_at_once() -> None:
    x, y, labels = table()
    numbers, coded = RidgeStatistics.empty(6, 2), RidgeStatistics.empty(6, 3, classes=("a", "b", "c"))
    for row in range(0, 60, 7):
        part = slice(row, row + 7)
        numbers, coded = numbers.update(x[part], y[part]), coded.update(x[part], labels[part])
    close(numbers, RidgeStatistics.of(x, y))
    close(coded, RidgeStatistics.of(x, labels, classes=("a", "b", "c")))


def test_many_rows_go_in_chunks_without_a_trace() -> None:
    x, y, _ = table(2 * CHUNK_ROWS + 10)
    whole = RidgeStatistics.of(x.astype(np.float32), y)
    np.testing.assert_allclose(
        whole.C_xx, np.cov(x.astype(np.float32).T.astype(float), ddof=0) * len(x), rtol=1e-11
    )
    assert whole.C_xx.dtype == np.float64


def test_merging_is_pooling_and_subtracting_is_never_having_added() -> None:
    x, y, labels = table()
    for targets, classes in ((y, None), (labels, ("a", "b", "c"))):
        first = RidgeStatistics.of(x[:25], targets[:25], classes=classes)
        second = RidgeStatistics.of(x[25:], targets[25:], classes=classes)
        close(first + second, RidgeStatistics.of(x, targets, classes=classes))
        close(first + second - first, second)
        close(first + second - second, first)
        for ridge in (1e-6, 1e-2):
            got = (first + second - first).solve(ridge).weights
            np.testing.assert_allclose(got, second.solve(ridge).weights, rtol=1e-8, atol=1e-10)


def test_adding_commutes_in_every_bit_and_merging_forgets_the_order() -> None:
    x, y, _ = table()
    parts = [RidgeStatistics.of(x[a : a + 13], y[a : a + 13]) for a in range(0, 52, 13)]
    assert parts[0] + parts[1] == parts[1] + parts[0]
    merged = {RidgeStatistics.merge(order).pack() for order in itertools.permutations(parts)}
    assert len(merged) == 1
    close(RidgeStatistics.unpack(merged.pop()), RidgeStatistics.of(x[:52], y[:52]))
    chained = {(a + b + c).pack() for a, b, c in itertools.permutations(parts[:3])}
    assert len(chained) > 1  # what `merge` is for
    refused(lambda: RidgeStatistics.merge([]), "E104", "0 statistics")


def test_classes_that_one_side_lacks_are_added_to_it() -> None:
    x, _, labels = table()
    few, other = labels != "c", labels == "c"
    first = RidgeStatistics.of(x[few], labels[few], classes=("a", "b"))
    second = RidgeStatistics.of(x[other], labels[other], classes=("c",))
    whole = RidgeStatistics.of(
        np.vstack([x[few], x[other]]), np.concatenate([labels[few], labels[other]]), classes=("a", "b", "c")
    )
    close(first + second, whole)
    close(second + first, whole)
    rest = whole - second
    assert rest.classes == ("a", "b", "c")
    assert rest.class_weights[2] == pytest.approx(0, abs=1e-9)
    refused(
        lambda: first + RidgeStatistics.of(x, labels == "a", classes=(True, False)), "E116", "different types"
    )


def test_a_subtraction_that_cannot_be_is_refused() -> None:
    x, y, labels = table()
    whole, part = RidgeStatistics.of(x, y), RidgeStatistics.of(x[:35], y[:35])
    refused(lambda: part - whole, "E404", "60 rows of weight 60 taken from 35")
    refused(lambda: whole - part - RidgeStatistics.of(x[:20], y[:20]), "E404", "impossible")
    refused(lambda: whole - RidgeStatistics.of(x[:30] * 2, y[:30]), "E404", "impossible")
    coded = RidgeStatistics.of(x, labels, classes=("a", "b", "c"))
    wrong = RidgeStatistics.of(x[:40], np.full(40, "a"), classes=("a", "b", "c"))
    refused(lambda: coded - wrong, "E404", "impossible")


def test_impossible_classes_are_named() -> None:
    x, _, labels = table()
    good = RidgeStatistics.of(x, labels, classes=("a", "b", "c"))
    good.validate()
    refused(replace(good, mean_y=good.mean_y + np.array([2, -1, -1])).validate, "E404", "exactly one class")
    refused(replace(good, mean_y=good.mean_y + np.array([0.1, 0, 0])).validate, "E404", "exactly one class")


def test_statistics_of_other_features_never_mix() -> None:
    x, y, labels = table()
    one = RidgeStatistics.of(x, y, features_id="one")
    refused(lambda: one + RidgeStatistics.of(x, y, features_id="two"), "E116", "features one and two")
    refused(lambda: one - RidgeStatistics.of(x, y), "E116", "features one and unnamed")
    refused(lambda: one + RidgeStatistics.of(x[:, :5], y, features_id="one"), "E108", "6 features and 5")
    refused(lambda: one + RidgeStatistics.of(x, y[:, 0], features_id="one"), "E108", "2 and 1 targets")
    coded = RidgeStatistics.of(x, labels, classes=("a", "b", "c"), features_id="one")
    refused(lambda: one + coded, "E116", "labels and numbers")
    assert one.update(x, y).features_id == "one"


@pytest.mark.parametrize("classes", [None, ("a", "b", "c"), (0, 1, 2), (True, False), (0.5, 1.5)])
def test_bytes_there_and_back_are_the_same_bytes(classes: Any) -> None:
    x, y, _ = table()
    targets = y if classes is None else np.array(classes)[np.arange(60) % len(classes)]
    statistics = RidgeStatistics.of(x, targets, classes=classes, features_id="id")
    copy = RidgeStatistics.unpack(statistics.pack())
    assert copy.pack() == statistics.pack()
    assert copy == statistics
    assert hash(copy) == hash(statistics)
    assert (copy.classes, copy.features_id, copy.count) == (classes, "id", 60)
    np.testing.assert_array_equal(copy.C_xx, statistics.C_xx)
    np.testing.assert_array_equal(copy.solve().weights, statistics.solve().weights)
    assert statistics != statistics.update(x, targets)


def test_half_of_the_matrix_travels() -> None:
    x = np.random.default_rng(0).normal(size=(30, 200))
    assert len(RidgeStatistics.of(x, x[:, :1]).pack()) < 8 * (200 * 201 / 2 + 3 * 200) + 300


def test_damaged_bytes_are_refused() -> None:
    data = RidgeStatistics.of(*table()[:2]).pack()
    refused(lambda: RidgeStatistics.unpack(data[:-5]), "E103", "not a packed")


def test_penalties_convert_between_their_forms() -> None:
    x, y, _ = table()
    w = np.random.default_rng(1).uniform(0, 2, len(x))
    s = RidgeStatistics.of(x, y, w)
    # The mean form by hand: (1/w) sum |.|^2 + m |W|^2 has the normal equations (C_xx / w + m I) W = C_xy / w.
    by_hand = inv(s.C_xx / w.sum() + 0.3 * np.eye(6)) @ s.C_xy / w.sum()
    np.testing.assert_allclose(s.solve(s.ridge_from_mean(0.3)).weights, by_hand.T, rtol=1e-10)
    assert s.ridge_from_relative(0.5) == pytest.approx(0.5 * np.linalg.eigvalsh(s.C_xx).mean())
    assert s.ridge_to_mean(s.ridge_from_mean(0.3)) == pytest.approx(0.3)
    assert s.ridge_to_relative(s.ridge_from_relative(0.3)) == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("changed", "code", "words"),
    [
        ({"x": np.nan}, "E105", "features have 1 missing or infinite values .*row 7"),
        ({"y": np.inf}, "E105", "targets have 1 missing or infinite values .*row 7"),
        ({"w": np.nan}, "E105", "weights have 1"),
        ({"w": -1.0}, "E116", "weight -1"),
    ],
)
def test_rows_that_would_spoil_the_sums_are_refused(changed: dict[str, float], code: str, words: str) -> None:
    x, y, _ = table()
    columns = {"x": x, "y": y, "w": np.ones(60)}
    for name, value in changed.items():
        columns[name][7] = value if columns[name].ndim == 1 else [value, *columns[name][7][1:]]
    refused(lambda: RidgeStatistics.of(columns["x"], columns["y"], columns["w"]), code, words)


@pytest.mark.usefixtures("unchecked_types")
def test_targets_and_weights_that_do_not_fit_are_refused() -> None:
    x, y, labels = table()
    refused(lambda: RidgeStatistics.of(x, y, np.ones(59)), "E108", "60 rows of features, 59 weights")
    refused(lambda: RidgeStatistics.of(x, y[:50]), "E108", "60 rows of features, 50 rows of targets")
    refused(lambda: RidgeStatistics.of(x, labels), "E116", "targets hold")
    refused(lambda: RidgeStatistics.of(x, labels, classes=("a", "b")), "E116", "is not one of the classes")
    with pytest.raises(InputError, match="0 rows"):
        RidgeStatistics.empty(3, 1).solve()
