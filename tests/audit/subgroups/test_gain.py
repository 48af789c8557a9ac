"""Gain: published examples of its tests and intervals, likelihoods, SciPy, and what cannot be had."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportAttributeAccessIssue=false

from typing import Any

import numpy as np
import pytest
from scipy import optimize, stats

from sarto.audit.subgroups import Attributes, Outcomes, mine
from sarto.audit.subgroups.paired_tests import bonett_price, dirichlet_t, mcnemar, tango
from sarto.models.input_error import InputError


def one(value: int) -> "np.ndarray[Any, np.dtype[np.int64]]":
    return np.array([value])


def models(first: list[int], last: list[int], group: list[int] | None = None) -> Any:
    """What is mined of outcomes of two models."""
    attributes = Attributes.from_columns({"g": group or [0] * len(first)})
    return mine(attributes, Outcomes.from_booleans({"x": (first, last)}))


def test_the_airway_example() -> None:
    """21 children before and after a transplantation, 7 worse and 1 better: Fagerland, Lydersen and Laake (2014)."""
    z, p = mcnemar(one(1), one(7))
    assert (round(float(z[0]), 3), round(float(p[0]), 3)) == (-2.121, 0.070)
    low, high = bonett_price(one(1), one(7), one(21))
    assert (round(float(low[0]), 3), round(float(high[0]), 3)) == (-0.508, -0.013)
    # The bounds of Tango's interval are the gains that his statistic just rejects.
    assert tango(one(1), one(7), one(21), -0.517)[0] == pytest.approx(1.96, abs=0.01)
    assert tango(one(1), one(7), one(21), -0.026)[0] == pytest.approx(-1.96, abs=0.01)


@pytest.mark.parametrize(("n01", "n10"), [(0, 0), (3, 9), (24, 0), (10, 15), (40, 20)])
def test_mcnemar_is_exact_below_25_changes(n01: int, n10: int) -> None:
    for alternative in ("two-sided", "less", "greater"):
        z, p = mcnemar(one(n01), one(n10), alternative)
        if n01 + n10 >= 25:
            tail = {"two-sided": 2 * stats.norm.sf(abs(z[0])), "less": stats.norm.cdf(z[0])}
            assert p[0] == pytest.approx(tail.get(alternative, stats.norm.sf(z[0])))
            assert z[0] ** 2 == pytest.approx((n01 - n10) ** 2 / (n01 + n10))
        elif n01 + n10:
            assert p[0] == pytest.approx(stats.binomtest(n01, n01 + n10, alternative=alternative).pvalue)
        else:
            assert (z[0], p[0]) == (0, 1)


@pytest.mark.parametrize("null", [-0.1, 0.0, 0.05])
def test_tango_is_the_score_at_the_likeliest_share_under_the_null(null: float) -> None:
    n01, n10, n = 5, 15, 100

    def unlikely(q: float) -> float:
        return -(n01 * np.log(q + null) + n10 * np.log(q) + (n - n01 - n10) * np.log(1 - 2 * q - null))

    bounds = (max(0, -null) + 1e-9, (1 - null) / 2 - 1e-9)
    q = optimize.minimize_scalar(unlikely, bounds=bounds, method="bounded", options={"xatol": 1e-12}).x
    wanted = (n01 - n10 - n * null) / np.sqrt(n * (2 * q + null - null**2))
    assert tango(one(n01), one(n10), one(n), null)[0] == pytest.approx(wanted, abs=1e-5)


def test_the_gain_of_groups_and_its_paired_test() -> None:
    first = [1] * 8 + [0] * 2 + [1] * 10
    last = [0] * 6 + [1] * 4 + [1] * 10
    table = models(first, last, [0] * 10 + [1] * 10).gain("x")
    rows = {row.label["g"]: row for row in table}
    assert (table.overall_rate, table.overall) == (0.7, pytest.approx(-0.2))
    assert (rows["0"].rate, rows["0"].value, rows["0"].t) == (
        0.4,
        pytest.approx(-0.4),
        pytest.approx(-4 / 8**0.5),
    )
    assert rows["0"].p == pytest.approx(stats.binomtest(2, 8).pvalue)
    assert (rows["1"].value, rows["1"].t, rows["1"].p) == (0, 0, 1)
    unpaired = models(first, last, [0] * 10 + [1] * 10).gain("x", test="unpaired")
    assert next(iter(unpaired.top(1))).t == pytest.approx(-0.4 / np.sqrt(0.6 * 0.4 * 2 / 10))


def test_against_the_overall_gain_is_against_the_other_rows() -> None:
    t = dirichlet_t((one(2), one(6), one(10)), (one(1), one(3), one(10)))[0]

    def posterior(n01: int, n10: int, n: int) -> tuple[float, float]:
        shares = stats.dirichlet([1 + n01, 1 + n10, 1 + n - n01 - n10])
        cov, mean = shares.cov(), shares.mean()
        return mean[0] - mean[1], cov[0, 0] + cov[1, 1] - 2 * cov[0, 1]

    (mean, var), (mean_rest, var_rest) = posterior(2, 6, 10), posterior(1, 3, 10)
    assert t == pytest.approx((mean - mean_rest) / np.sqrt(var + var_rest))
    first = [1] * 6 + [0] * 2 + [1] * 2 + [1] * 3 + [0] * 7
    last = [0] * 6 + [1] * 2 + [1] * 2 + [0] * 3 + [1] + [0] * 6
    table = models(first, last, [0] * 10 + [1] * 10).gain("x", null="overall")
    assert {row.label["g"]: row.t for row in table} == pytest.approx({"0": t, "1": -t})


def test_where_the_models_count_different_rows_the_score_is_over_all_of_them() -> None:
    """Precision; with equal rows the same statistic is McNemar's."""
    rng = np.random.default_rng(0)
    target, original, small = (rng.random((3, 80)) < [[0.4], [0.5], [0.3]]).astype(int)
    attributes = Attributes.from_columns({"g": [0] * 80})
    table = mine(attributes, Outcomes.from_predictions(target, original, small)).gain("precision")
    v1, v2, f0 = original == 1, small == 1, target[original == 1].sum() + target[small == 1].sum()
    f0 = f0 / (v1.sum() + v2.sum())
    d = v2 * (target - f0) / v2.sum() - v1 * (target - f0) / v1.sum()
    assert d.sum() == pytest.approx(table.value[0]) == target[v2].mean() - target[v1].mean()
    assert table.t[0] == pytest.approx(d.sum() / np.sqrt((d**2).sum()))
    e = v2 * (target - target[v2].mean()) / v2.sum() - v1 * (target - target[v1].mean()) / v1.sum()
    assert table.high[0] - table.low[0] == pytest.approx(2 * 1.959964 * np.sqrt((e**2).sum()))
    with pytest.raises(InputError, match="the gain of precision is tested against zero only"):
        mine(attributes, Outcomes.from_predictions(target, original, small)).gain("precision", null="overall")


def test_the_gain_of_a_real_outcome_is_the_paired_t() -> None:
    rng = np.random.default_rng(0)
    group, first = rng.integers(2, size=60), rng.normal(size=60) + 50
    last = first + rng.normal(size=60) * 0.3 + 0.1
    found = mine(Attributes.from_columns({"g": group}), Outcomes.from_reals({"loss": (first, last)}))
    inside = group == 0
    row = next(row for row in found.gain("loss") if row.label == {"g": "0"})
    wanted = stats.ttest_rel(last[inside], first[inside])
    bounds = wanted.confidence_interval()
    assert (row.t, row.p, row.low, row.high) == pytest.approx((wanted.statistic, wanted.pvalue, *bounds))
    assert (row.rate, row.value) == pytest.approx((last[inside].mean(), (last - first)[inside].mean()))
    row = next(row for row in found.gain("loss", null="overall") if row.label == {"g": "0"})
    d = last - first
    assert row.t == pytest.approx(stats.ttest_ind(d[inside], d[~inside], equal_var=False).statistic)
    row = next(row for row in found.gain("loss", null=0.2, alternative="less") if row.label == {"g": "0"})
    assert row.p == pytest.approx(stats.ttest_1samp(d[inside], 0.2, alternative="less").pvalue)
    row = next(row for row in found.gain("loss", test="unpaired") if row.label == {"g": "0"})
    assert row.t == pytest.approx(stats.ttest_ind(last[inside], first[inside], equal_var=False).statistic)


def test_what_has_no_gain_is_said() -> None:
    found = mine(Attributes.from_columns({"g": [0, 0, 1]}), Outcomes.from_predictions([0, 1, 1], [0, 1, 0]))
    for work, code, said in (
        (lambda: found.gain("accuracy"), "E140", "no guesses of a small model"),
        (lambda: found.gain("agreement"), "E140", "agreement is of two models"),
        (lambda: models([1, 0], [0, 0]).gain("x", null="overall", test="unpaired"), "E140", "unpaired test"),
        (lambda: models([1, 0], [0, 0]).gain("x", null=-2.0), "E139", "a gain of -2 is not in (-1, 1)"),
        (lambda: models([-1, -1], [0, 0]), "E140", "x is no boolean outcome"),
    ):
        with pytest.raises(InputError) as caught:
            work()
        assert caught.value.code == code and said in caught.value.message
