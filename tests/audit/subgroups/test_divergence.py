"""Divergence: known answers of COMPAS, Welch's t as SciPy has it, and what cannot be had."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportAttributeAccessIssue=false

import csv
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from sarto.audit.subgroups import Attributes, Outcomes, mine
from sarto.audit.subgroups.significance import p_values, q_values
from sarto.models.input_error import InputError


def two_groups(T: int, F: int, T_rest: int, F_rest: int) -> tuple[Attributes, Outcomes]:
    """A group with T and F rows of an outcome, and the rest."""
    outcome = np.repeat([1, 0, 1, 0], [T, F, T_rest, F_rest])
    group = np.repeat(["in", "out"], [T + F, T_rest + F_rest])
    return Attributes.from_columns({"group": group}), Outcomes.from_booleans({"fp": outcome})


def test_bayesian_t_of_the_group_that_divexplorer_finds() -> None:
    """69 of 224 in the group and 297 of 3,363 in all: {African-American, priors > 3, 25-45, Male} of COMPAS."""
    table = mine(*two_groups(69, 155, 228, 2911)).divergence("fp")
    row = next(row for row in table if row.label == {"group": "in"})
    assert table.overall_rate == pytest.approx(0.0883, abs=5e-5)
    assert row.value == pytest.approx(0.2197, abs=5e-5)
    assert row.t == pytest.approx(7.116857024, abs=1e-8)
    assert (row.support, row.counted, row.share) == (224, 224, 224 / 3363)
    assert row.p == pytest.approx(2 * stats.norm.sf(row.t))
    spread = (70 / 226 - 298 / 3365) / row.t
    assert row.low == pytest.approx(70 / 226 - 298 / 3365 - 1.959964 * spread)
    assert row.high == pytest.approx(70 / 226 - 298 / 3365 + 1.959964 * spread)


def test_against_the_rest_is_the_difference_of_two_independent_posteriors() -> None:
    table = mine(*two_groups(69, 155, 228, 2911)).divergence("fp", against="rest")
    row = next(row for row in table if row.label == {"group": "in"})
    own, rest = stats.beta(70, 156), stats.beta(229, 2912)
    assert row.value == pytest.approx(69 / 224 - 228 / 3139)
    assert row.t == pytest.approx((own.mean() - rest.mean()) / np.sqrt(own.var() + rest.var()))


def test_compas_as_published(real_data: Path) -> None:
    with (real_data / "compas" / "compas_discretized.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = ("age", "charge", "race", "sex", "#prior", "stay")
    attributes = Attributes.from_columns({name: [row[name] for row in rows] for name in names})
    outcomes = Outcomes.from_predictions([row["class"] for row in rows], [row["predicted"] for row in rows])
    for support, groups, kept in ((0.1, 154, 5), (0.01, 968, 38)):
        table = mine(attributes, outcomes, min_support=support).divergence("fpr")
        # The peer counts the group of all rows as one more row, before and after pruning.
        assert (len(table), len(table.prune(0.05))) == (groups, kept)
        assert round(table.overall_rate, 4) == 0.0883
    best = mine(attributes, outcomes, min_support=0.1).divergence("fpr").top(1).row(0)
    assert best.label == {"age": "25-45", "race": "Afr-Am", "sex": "Male", "#prior": ">3"}
    assert (round(best.share, 4), round(best.rate, 4)) == (0.1286, 0.3080)
    assert (round(best.value, 4), round(best.t, 2)) == (0.2197, 7.12)


def test_welch_of_a_real_outcome_is_that_of_scipy() -> None:
    rng = np.random.default_rng(0)
    group, loss = rng.integers(3, size=90), rng.gamma(2.0, size=90) + 100
    loss[:5] = np.nan
    found = mine(Attributes.from_columns({"g": group}), Outcomes.from_reals({"loss": loss}))
    counted = ~np.isnan(loss)
    for row in found.divergence("loss", against="rest"):
        inside = (group == int(row.label["g"])) & counted
        wanted = stats.ttest_ind(loss[inside], loss[~inside & counted], equal_var=False)
        assert (row.t, row.p) == pytest.approx((wanted.statistic, wanted.pvalue))
        bounds = wanted.confidence_interval(0.95)
        assert (row.low, row.high) == pytest.approx((bounds.low, bounds.high))
        assert (row.counted, row.rate) == (inside.sum(), pytest.approx(loss[inside].mean()))
    for row in found.divergence("loss"):
        inside = (group == int(row.label["g"])) & counted
        wanted = stats.ttest_ind(loss[inside], loss[counted], equal_var=False)
        assert row.t == pytest.approx(wanted.statistic)
        assert row.value == pytest.approx(loss[inside].mean() - loss[counted].mean())


def test_rows_at_bottom_are_not_counted_and_a_group_of_them_has_no_value() -> None:
    attributes = Attributes.from_columns({"g": ["a"] * 4 + ["b"] * 4})
    outcomes = Outcomes.from_booleans({"x": [True, False, None, None] + [None] * 4})
    table = mine(attributes, outcomes).divergence("x")
    by_group = {row.label["g"]: row for row in table}
    assert (by_group["a"].counted, by_group["a"].rate, by_group["a"].value) == (2, 0.5, 0)
    assert by_group["b"].counted == 0
    assert np.isnan([by_group["b"].rate, by_group["b"].value, by_group["b"].p, by_group["b"].q]).all()
    assert len(table.top()) == 1 and len(table.significant(1.0)) == 1


def test_q_values_are_those_of_the_step_up_procedures() -> None:
    p = np.array([0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205])
    # Rejected at .05 by hand: the largest i with p_(i) <= i .05 / 8 is 2.
    assert (q_values(p, "bh") <= 0.05).sum() == 2
    assert q_values(p, "bh")[:2] == pytest.approx([0.008, 0.032])
    assert q_values(p, "by")[:2] == pytest.approx(np.array([0.008, 0.032]) * sum(1 / k for k in range(1, 9)))
    assert (q_values(p, "none") == p).all()
    assert p_values(np.array([1.5]), "greater")[0] == pytest.approx(stats.norm.sf(1.5))


@pytest.mark.parametrize(
    ("target", "guess", "metric", "code", "said"),
    [
        ([1, 1, 1], [0, 1, 1], "fpr", "E137", "fpr counts none of 3 rows"),
        ([1, 0, 1], [1, 0, 1], "accuracy", "E137", "accuracy is 1 in all 3 rows"),
        ([1, 0, 1], [0, 1, 0], "accuracy", "E137", "accuracy is 0 in all 3 rows"),
        ([1, 0, 1], [0, 1, 1], "f1", "E140", "there is no metric 'f1' here"),
    ],
)
def test_what_has_no_divergence_is_said(
    target: list[int], guess: list[int], metric: str, code: str, said: str
) -> None:
    found = mine(Attributes.from_columns({"g": [0, 0, 1]}), Outcomes.from_predictions(target, guess))
    with pytest.raises(InputError) as caught:
        found.divergence(metric)
    assert caught.value.code == code and said in caught.value.message


def test_a_real_outcome_that_is_everywhere_the_same_is_said() -> None:
    found = mine(Attributes.from_columns({"g": [0, 0, 1]}), Outcomes.from_reals({"loss": [2.0, 2.0, 2.0]}))
    with pytest.raises(InputError, match="loss is 2 in all rows"):
        found.divergence("loss")
    with pytest.raises(InputError, match="no guesses of a small model"):
        found.gain("loss")
