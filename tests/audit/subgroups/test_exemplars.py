"""Exemplars, where they are concentrated, and agreement by item."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportAttributeAccessIssue=false

import numpy as np
import pytest
from scipy import stats

from sarto.audit.subgroups import Attributes, concentration, taxicab
from sarto.audit.subgroups.agreement import agreement
from sarto.audit.subgroups.exemplars import exemplars
from sarto.models.input_error import InputError


def test_exemplars_are_where_the_modes_differ() -> None:
    originals = [["a", "a", "b"], ["a", "b", "b"], ["b", "b", "a"]]
    compressed = [["b", "b", "a"], ["b", "a", "c"], ["a", "b", "c"], ["b", "b", "b"]]
    assert exemplars(originals, compressed).tolist() == [True, False, True]
    assert taxicab(originals, compressed) == pytest.approx(
        [2 * (2 / 3 - 1 / 4), 2 * (3 / 4 - 2 / 3), 1 / 12 + 5 / 12 + 1 / 2]
    )
    assert exemplars([[0, 1]], [[0, 0]]).tolist() == [False, True]
    assert exemplars([[0], [1]], [[0]]).tolist() == [False], "on a tie the first class"
    with pytest.raises(InputError, match="need the guesses of an original"):
        exemplars([], [[0]])
    with pytest.raises(InputError, match="guesses of 1, 2 rows"):
        exemplars([[0]], [[0, 1]])


def test_concentration_is_the_chi_square_of_scipy() -> None:
    rng = np.random.default_rng(0)
    group = rng.integers(3, size=300).astype(float)
    marked = rng.random(300) < 0.1 + 0.2 * (group == 2)
    group[:9] = np.nan
    found = concentration(Attributes.from_columns({"g": group}), marked, "g")
    there = ~np.isnan(group)
    table = np.array([[((group == g) & (marked == m)).sum() for g in range(3)] for m in (True, False)])
    wanted = stats.chi2_contingency(table, correction=False)
    assert found.overall == pytest.approx((wanted.statistic, wanted.dof, wanted.pvalue))
    for item in range(3):
        own = table[:, item]
        two = stats.chi2_contingency([own, table.sum(axis=1) - own], correction=False)
        assert (found.chi2[item], found.p[item]) == pytest.approx((two.statistic, two.pvalue))
        assert found.share[item] == pytest.approx(marked[there & (group == item)].mean())
    assert found.q == pytest.approx(stats.false_discovery_control(found.p))
    assert not found.small.any() and not found.overall_small


def test_small_expected_counts_are_marked_and_one_class_is_said() -> None:
    attributes = Attributes.from_columns({"g": ["a"] * 4 + ["b"] * 40})
    found = concentration(attributes, np.arange(44) % 8 == 0, "g")
    assert found.small.all() and found.overall_small
    for marks, said in (
        (np.zeros(44), "none of 44 rows are marked"),
        (np.ones(44), "all of 44 rows are marked"),
    ):
        with pytest.raises(InputError, match=said):
            concentration(attributes, marks, "g")


def test_agreement_and_the_shift_of_guesses() -> None:
    rng = np.random.default_rng(0)
    group, first = rng.integers(2, size=400), rng.integers(3, size=400)
    last = np.where((group == 1) & (rng.random(400) < 0.5), 0, first)
    found = agreement(Attributes.from_columns({"g": group}), "g", first, last)
    assert found.agreement[0] == 1 and found.chi2[0] == 0 and found.p[0] == 1
    inside = group == 1
    assert found.agreement[1] == pytest.approx((first == last)[inside].mean())
    assert found.low[1] < found.agreement[1] < found.high[1]
    table = [[(guesses[inside] == c).sum() for c in range(3)] for guesses in (first, last)]
    wanted = stats.chi2_contingency(table, correction=False)
    assert (found.chi2[1], found.freedom[1], found.p[1]) == pytest.approx(
        (wanted.statistic, wanted.dof, wanted.pvalue)
    )
    with pytest.raises(InputError, match="3 and 3 guesses, and 400 rows"):
        agreement(Attributes.from_columns({"g": group}), "g", [0, 1, 2], [0, 1, 2])
