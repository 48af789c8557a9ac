"""Attributes, their intervals, and outcomes of predictions."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from sarto.audit.subgroups import Attributes, Outcomes, Tree, quantile_bins, tree_bins
from sarto.audit.subgroups.items import distinct
from sarto.models.input_error import InputError


def test_values_become_items_and_missing_ones_do_not() -> None:
    assert distinct([True, False])[0] == ("False", "True")
    assert distinct([3.0, np.nan, 1.5])[0] == ("1.5", "3")
    items, codes = distinct(np.array(["b", None, 2], dtype=object))
    assert (items, codes.tolist()) == (("2", "b"), [1, -1, 0])


@pytest.mark.parametrize(
    ("columns", "options", "said"),
    [
        ({}, {}, "there is no attribute"),
        ({"a": [1, 2], "b": [1]}, {}, "columns of different lengths: a 2, b 1"),
        ({"a": [None, None]}, {}, "a has no value"),
        ({"a": range(40_000)}, {}, "a has 40000 different values > 32767"),
        ({"a": [[1, 2], [3, 4]]}, {}, "a column of 2 dimensions"),
        ({"a": [1, 2]}, {"discretise": "tree"}, "a tree cuts by an outcome"),
        ({"a": [1, 2]}, {"bins": {"b": quantile_bins(np.arange(4.0))}}, "there is no column b"),
        ({"a": ["x", "y"]}, {"bins": {"a": quantile_bins(np.arange(4.0))}}, "a cannot be cut into intervals"),
    ],
)
def test_columns_that_make_no_attributes_are_said(columns: Any, options: Any, said: str) -> None:
    with pytest.raises(InputError) as caught:
        Attributes.from_columns(columns, **options)
    assert caught.value.code == ("E108" if "lengths" in said else "E138")
    assert said in caught.value.message


def test_quantile_bins_halve_the_ranks_at_every_level() -> None:
    values = np.random.default_rng(0).normal(size=800)
    bins = quantile_bins(values, levels=3)
    codes = bins.codes(values)
    assert [np.bincount(level - level.min()).tolist() for level in codes] == [[400] * 2, [200] * 4, [100] * 8]
    for wide, narrow in pairwise(codes):
        for item in np.unique(narrow):
            assert len(np.unique(wide[narrow == item])) == 1
    ties = np.array([0.0] * 7 + [1.0] * 2 + [2.0])
    assert quantile_bins(ties, levels=3).items == ("<= 0.5", "> 0.5", "0.5 to 1.5", "> 1.5")
    near = quantile_bins(np.array([1.0, 1.0 + 1e-9, 1.0 + 2e-9, 1.0 + 3e-9]))
    assert len(set(near.items)) == len(near.items) == 6
    assert quantile_bins(ties).codes(np.array([5.0, np.nan, -9.0]))[:, 0].tolist() == [1, 3]


@pytest.mark.parametrize("seed", range(3))
def test_tree_bins_are_those_of_a_regression_tree(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values, noise = rng.normal(size=(2, 300))
    y = (np.abs(values) + 0.3 * noise > 0.8).astype(float)
    real = values**2 + 0.1 * noise
    for outcome, make in ((y, DecisionTreeClassifier), (real, DecisionTreeRegressor)):
        peer = make(max_depth=3, min_samples_leaf=30).fit(values[:, None], outcome)
        wanted = {float(t) for t in peer.tree_.threshold[peer.tree_.feature >= 0]}
        bins = tree_bins(values, Tree(outcome, min_support=0.1, levels=3))
        cuts = {bound for level in bins.levels for interval in level for bound in interval}
        assert sorted(cuts - {-np.inf, np.inf}) == pytest.approx(sorted(wanted))


def test_rows_at_bottom_and_missing_values_do_not_move_a_tree() -> None:
    rng = np.random.default_rng(5)
    values = rng.normal(size=200)
    outcome = (values > 0.3).astype(float)
    wanted = tree_bins(values, Tree(outcome, min_support=0.05))
    more, unsure = np.append(values, [np.nan, 9.0]), np.append(outcome, [1.0, np.nan])
    found = tree_bins(more, Tree(unsure, min_support=0.05 * 200 / 202))
    assert found == wanted
    assert wanted.items[0].startswith("<= 0.3")
    attributes = Attributes.from_columns({"v": more, "w": [0, 1] * 101}, discretise=Tree(unsure))
    assert attributes.columns[1].items == ("0", "1"), "few numbers are taken as they are"
    assert attributes.columns[0].codes[0, -2] == -1
    assert Attributes.from_columns({"v": more}, discretise="quantile").columns[0].codes.shape[0] == 3


def test_values_that_cannot_be_cut_are_said() -> None:
    with pytest.raises(InputError, match="no cut was found"):
        quantile_bins(np.ones(9))
    with pytest.raises(InputError, match="no cut was found"):
        tree_bins(np.arange(9.0), Tree(np.ones(9)))
    with pytest.raises(InputError, match="infinite values cannot be cut"):
        quantile_bins(np.array([0.0, 1.0, np.inf]))
    with pytest.raises(InputError, match="8 outcomes and 9 values"):
        tree_bins(np.arange(9.0), Tree(np.ones(8)))


def test_metrics_are_those_of_the_confusion_matrix() -> None:
    rng = np.random.default_rng(0)
    target, guess, small = rng.integers(2, size=(3, 200))
    outcomes = Outcomes.from_predictions(target, guess, small)
    TP, FP = ((guess == 1) & (target == 1)).sum(), ((guess == 1) & (target == 0)).sum()
    FN, TN = ((guess == 0) & (target == 1)).sum(), ((guess == 0) & (target == 0)).sum()
    wanted = {
        "accuracy": (TP + TN, 200), "error": (FP + FN, 200), "positive_rate": (TP + FP, 200),
        "fpr": (FP, FP + TN), "fnr": (FN, FN + TP), "tpr": (TP, FN + TP), "tnr": (TN, FP + TN),
        "precision": (TP, TP + FP), "agreement": ((guess == small).sum(), 200),
    }  # fmt: skip
    assert set(outcomes.metrics) == set(wanted)
    for name, (T, n) in wanted.items():
        states = outcomes.original[name][outcomes.codes]
        assert ((states == 1).sum(), (states >= 0).sum()) == (T, n), name
    assert (outcomes.small["fpr"][outcomes.codes] == np.where(target == 1, -1, small)).all()
    assert outcomes.n_codes == 8
    again = outcomes.rows(np.arange(5))
    assert len(again) == 5 and again.n_codes == 8


def test_several_classes_have_recalls_and_a_positive_class_if_it_is_named() -> None:
    target, guess = ["a", "b", "c", "a"], ["a", "c", "c", "b"]
    assert Outcomes.from_predictions(target, guess).metrics == ("accuracy", "error")
    outcomes = Outcomes.from_predictions(target, guess, positive="b", metrics=["recall:a", "fpr"])
    assert outcomes.original["recall:a"][outcomes.codes].tolist() == [1, -1, -1, 0]
    assert outcomes.original["fpr"][outcomes.codes].tolist() == [0, -1, 0, 1]
    floats = Outcomes.from_predictions([0.0, 1.0], [1.0, 1.0], positive="0", metrics=["recall:1", "tpr"])
    assert floats.original["tpr"][floats.codes].tolist() == [0, -1]
    assert (Outcomes.from_predictions([0, 1], ["0", "1"]).original["accuracy"] == 1).all()


@pytest.mark.parametrize(
    ("arguments", "options", "code", "said"),
    [
        (([0, 1], [0]), {}, "E108", "different lengths: 2, 1"),
        (([0, None], [0, 1]), {}, "E138", "a target or a guess is missing"),
        (([0, 1], [0, 1]), {"positive": 2}, "E140", "no target and no guess is '2'"),
        (([0, 1], [0, 1]), {"metrics": ["f1"]}, "E140", "there is no metric 'f1'"),
        (([0, 1], [0, 1]), {"metrics": ["agreement"]}, "E140", "agreement is between two models"),
        (([0, 1], [0, 1]), {"metrics": ["recall:2"]}, "E140", "no class is '2'"),
        (([0, 1, 2], [0, 1, 2]), {"metrics": ["fpr"]}, "E140", "fpr needs a positive class"),
        (([0, 1], [0, 1], [1, 1]), {"reals": {"loss": [1.0, 2.0]}}, "E140", "loss is given for 1 models"),
        (([0, 1], [0, 1]), {"reals": {"loss": [1.0, np.inf]}}, "E140", "loss has infinite values"),
        (([0, 1], [0, 1]), {"booleans": {"x": [1]}}, "E108", "x has 1 rows"),
        (([], []), {}, "E140", "there is no outcome of any row"),
    ],
)
def test_outcomes_that_cannot_be_had_are_said(arguments: Any, options: Any, code: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        Outcomes.from_predictions(*arguments, **options)
    assert caught.value.code == code and said in caught.value.message
