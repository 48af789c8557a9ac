"""How much each subgroup gains by the small model, tested on the same rows under both models.

    gain_f(S) = f(S, small) - f(S, original),   in {T, F} outcomes  (n01 - n10) / n

where `n01` of the group's `n` counted rows go from F to T and `n10` from T to F. Rows that both models judge alike
say nothing of a difference, so the *paired* tests look at the others. The null hypothesis is a gain of `u`:

    u = 0        McNemar  z = (n01 - n10) / sqrt(n01 + n10);  fewer than 25 such rows: exact, n01 ~ Bin(n01 + n10, 1/2)
    u a number   Tango's score  z = (n01 - n10 - n u) / sqrt(n (2 q + u (1 - u))),  q the likeliest share of n10 under u
    overall      the gain of the rows outside of S: Dirichlet t, below

For the last, the shares (F to T, T to F, alike) have the posterior Dirichlet(1 + n01, 1 + n10, 1 + rest); A is the sum
of its parameters:

    mu = (n01 - n10) / A,        var = ((n01 + n10 + 2) / A - mu^2) / (A + 1),
    t = (mu_S - mu_rest) / sqrt(var_S + var_rest).

As `gain(S) - gain(all) = (1 - share of S) (gain(S) - gain(rest))`, it tests the gain against the overall gain. The
interval is Bonett and Price's,

    a - b +- 1.96 sqrt((a + b - (a - b)^2) / (n + 2)),   a = (n01 + 1) / (n + 2),   b = (n10 + 1) / (n + 2).

Where the models do not count the same rows (precision), with `f0` the rate of both together and `N` the counted rows of
each, every row has

    d = [counted under small] (T - f0) / N_small - [counted under original] (T - f0) / N_original,

and `z = gain / sqrt(sum of d^2)`, which is McNemar's z where the rows are the same. Real outcomes: the paired t of the
differences, and Welch's t against the rest.

Source: Koudounas et al., "Exploring subgroup performance in end-to-end speech models", ICASSP 2023 (gain); McNemar,
Psychometrika 12 (1947); Tango, Statistics in Medicine 17 (1998), equation 7; Bonett and Price, J. Educational and
Behavioral Statistics 37 (2012); Leisenring, Alonzo and Pepe, Biometrics 56 (2000) (score test of predictive values).

>>> from sarto.audit.subgroups import Attributes, Outcomes, mine
>>> attributes = Attributes.from_columns({"sex": ["f", "m"] * 20})
>>> found = mine(attributes, Outcomes.from_predictions([0, 1] * 20, [0, 1] * 20, [0, 0] * 10 + [0, 1] * 10))
>>> [(row.label, row.value, round(row.p, 4)) for row in found.gain("accuracy").top(1)]
[({'sex': 'm'}, -0.5, 0.002)]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from jaxtyping import Float, Int8, Int64
from scipy import special

from sarto.audit.subgroups.cells import real_centres
from sarto.audit.subgroups.divergence import (
    boolean_states,
    mean_variance,
    no_small,
    one_class,
    real_column,
    welch,
)
from sarto.audit.subgroups.significance import Z95, Alternative, Control, p_values, q_values
from sarto.audit.subgroups.subgroup_table import SubgroupTable
from sarto.models.input_error import InputError

if TYPE_CHECKING:
    from sarto.audit.subgroups.lattice import Subgroups

Null: TypeAlias = Literal["zero", "overall"] | float
Test: TypeAlias = Literal["paired", "unpaired"]

EXACT_BELOW = 25
"""Rows that change below which McNemar's test is exact: the customary limit, and one of computing time alone."""

Counts: TypeAlias = Int64[np.ndarray, " subgroup"]
Values: TypeAlias = Float[np.ndarray, " subgroup"]


def gain(
    found: Subgroups,
    metric: str,
    *,
    null: Null = "zero",
    fdr: Control = "bh",
    alternative: Alternative = "two-sided",
    test: Test = "paired",
) -> SubgroupTable:
    """Return the gain of every subgroup; see the top of the module.

    Args:
        found: subgroups.
        metric: a name of the outcomes'.
        null: the gain that is tested: zero, the overall gain, or a number such as -0.02.
        fdr: how p-values are adjusted.
        alternative: side of the test; "less" asks for a gain below the null.
        test: "unpaired" takes the two models' rows as independent (the pooled test of two shares, Welch's t).

    Raises:
        InputError: E140 (no such metric, no small model, a null or a test that there is not), E137 (no row counts).
    """
    if metric in found.outcomes.reals:
        return _real(found, metric, null, fdr, alternative, test)
    if metric == "agreement":
        raise InputError("E140", "agreement is of two models, and gains nothing", hint="take its divergence")
    first, last = boolean_states(found, metric, "original"), boolean_states(found, metric, "small")
    rates: list[Values] = []
    overall: list[float] = []
    counted: list[Counts] = []
    for states in (first, last):
        T, n = found.counts @ (states == 1), found.counts @ (states >= 0)
        T_all, n_all = int(found.total_counts @ (states == 1)), int(found.total_counts @ (states >= 0))
        if not n_all:
            raise one_class(metric, 0, 0, len(found.outcomes))
        with np.errstate(invalid="ignore", divide="ignore"):
            rates.append(T / n)
        overall.append(T_all / n_all)
        counted.append(n)
    value = rates[1] - rates[0]
    same = bool((((first >= 0) == (last >= 0)) | (found.total_counts == 0)).all())
    n01, n10 = (found.counts @ ((first == a) & (last == 1 - a)) for a in (0, 1))
    if test == "unpaired":
        if null != "zero":
            raise InputError("E140", "the unpaired test is of a gain of zero", hint="take the paired test")
        t = unpaired_z(rates, counted)
        p = p_values(t, alternative)
    elif not same:
        if null != "zero":
            raise InputError(
                "E140",
                f"the gain of {metric} is tested against zero only",
                cause="the models count different rows of it",
            )
        t = _score(found, rates, counted, (first, last))
        p = p_values(t, alternative)
    elif null == "zero":
        t, p = mcnemar(n01, n10, alternative)
    elif null == "overall":
        n_all = int(found.total_counts @ (first >= 0))
        n01_all, n10_all = (int(found.total_counts @ ((first == a) & (last == 1 - a))) for a in (0, 1))
        t = dirichlet_t((n01, n10, counted[0]), (n01_all - n01, n10_all - n10, n_all - counted[0]))
        p = p_values(t, alternative)
    else:
        t = tango(n01, n10, counted[0], null)
        p = p_values(t, alternative)
    none = np.isnan(value)
    t, p = np.where(none, np.nan, t), np.where(none, np.nan, p)
    if same:
        low, high = bonett_price(n01, n10, counted[0])
    else:
        low, high = _wald(found, rates, counted, (first, last))
    return SubgroupTable(
        found, metric, "gain", np.arange(len(found)), counted[1], rates[1], value, t, p, q_values(p, fdr),
        np.where(none, np.nan, low), np.where(none, np.nan, high), overall[1], overall[1] - overall[0], value,
    )  # fmt: skip


def mcnemar(n01: Counts, n10: Counts, alternative: Alternative = "two-sided") -> tuple[Values, Values]:
    """Return z and p of the test that as many rows go from F to T as from T to F; exact where few do either.

    >>> z, p = mcnemar(np.array([5, 40]), np.array([15, 20]))
    >>> z.round(3), p.round(4)
    (array([-2.236,  2.582]), array([0.0414, 0.0098]))
    """
    changed = n01 + n10
    z = (n01 - n10) / np.sqrt(np.maximum(changed, 1))
    p = p_values(z, alternative)
    few = changed < EXACT_BELOW
    a, b, m = n01[few], n10[few], changed[few]
    if alternative == "two-sided":
        exact = np.minimum(1.0, 2 * special.bdtr(np.minimum(a, b), m, 0.5))
    else:
        exact = special.bdtr(a if alternative == "less" else b, m, 0.5)
    p[few] = exact
    return z, p


def tango(n01: Counts, n10: Counts, n: Counts, null: float) -> Values:
    """Return the score statistic of the test that the gain is `null`; at 0 it is McNemar's z.

    >>> tango(np.array([5, 1]), np.array([15, 14]), np.array([100, 100]), 0.0).round(3)
    array([-2.236, -3.357])
    """
    a = 2.0 * n
    b = -n01 - n10 + (2 * n - n01 + n10) * null
    c = -n10 * null * (1 - null)
    with np.errstate(invalid="ignore", divide="ignore"):
        q = (np.sqrt(np.maximum(b * b - 4 * a * c, 0)) - b) / (2 * a)
        spread = np.sqrt(np.maximum(n * (2 * q + null * (1 - null)), 0))
        off = n01 - n10 - n * null
        return np.where(spread > 0, off / spread, np.where(off == 0, 0.0, np.sign(off) * np.inf))


def dirichlet_t(own: tuple[Counts, Counts, Counts], rest: tuple[Counts, Counts, Counts]) -> Values:
    """Return t of the test that two disjoint sets of rows, each given as (n01, n10, n), gain the same."""

    def moments(n01: Counts, n10: Counts, n: Counts) -> tuple[Values, Values]:
        total = n + 3.0
        mean = (n01 - n10) / total
        return mean, ((n01 + n10 + 2) / total - mean**2) / (total + 1)

    (mean, var), (mean_rest, var_rest) = moments(*own), moments(*rest)
    return (mean - mean_rest) / np.sqrt(var + var_rest)


def bonett_price(n01: Counts, n10: Counts, n: Counts) -> tuple[Values, Values]:
    """Return the bounds of the 95 % interval of the gain; see the top of the module."""
    a, b = (n01 + 1) / (n + 2), (n10 + 1) / (n + 2)
    spread = Z95 * np.sqrt((a + b - (a - b) ** 2) / (n + 2))
    return np.maximum(a - b - spread, -1.0), np.minimum(a - b + spread, 1.0)


def unpaired_z(rates: list[Values], counted: list[Counts]) -> Values:
    """Return z of the test that two independent samples have the same share."""
    with np.errstate(invalid="ignore", divide="ignore"):
        both = (rates[0] * counted[0] + rates[1] * counted[1]) / (counted[0] + counted[1])
        spread = np.sqrt(both * (1 - both) * (1 / counted[0] + 1 / counted[1]))
        return np.where(spread > 0, (rates[1] - rates[0]) / spread, 0.0)


def _sum_of_squares(
    found: Subgroups,
    rates: list[Values],
    counted: list[Counts],
    states: tuple[Int8[np.ndarray, " code"], ...],
) -> Values:
    """Return the sum over rows of `d^2`, where `rates` are what is taken from T under each model."""
    total = np.zeros(len(found))
    with np.errstate(invalid="ignore", divide="ignore"):
        for code in range(found.counts.shape[1]):
            first, last = (int(each[code]) for each in states)
            d = ((last - rates[1]) / counted[1] if last >= 0 else 0.0) - (
                (first - rates[0]) / counted[0] if first >= 0 else 0.0
            )
            there = found.counts[:, code] > 0
            total += np.where(there, found.counts[:, code] * np.square(d), 0.0)
    return total


def _score(
    found: Subgroups,
    rates: list[Values],
    counted: list[Counts],
    states: tuple[Int8[np.ndarray, " code"], ...],
) -> Values:
    """Return z where the models count different rows."""
    with np.errstate(invalid="ignore", divide="ignore"):
        both = (rates[0] * counted[0] + rates[1] * counted[1]) / (counted[0] + counted[1])
        spread = np.sqrt(_sum_of_squares(found, [both, both], counted, states))
        return np.where(spread > 0, (rates[1] - rates[0]) / spread, 0.0)


def _wald(
    found: Subgroups,
    rates: list[Values],
    counted: list[Counts],
    states: tuple[Int8[np.ndarray, " code"], ...],
) -> tuple[Values, Values]:
    """Return the bounds of the interval where the models count different rows."""
    value = rates[1] - rates[0]
    spread = Z95 * np.sqrt(_sum_of_squares(found, rates, counted, states))
    return np.maximum(value - spread, -1.0), np.minimum(value + spread, 1.0)


def _real(
    found: Subgroups, metric: str, null: Null, fdr: Control, alternative: Alternative, test: Test
) -> SubgroupTable:
    """Return the gains of a real outcome."""
    values = found.outcomes.reals[metric]
    if len(values) < 2:
        raise no_small()
    at = real_column(found, metric)
    n, first, first_square, last, last_square, square = found.sums[:, at : at + 6].T
    n_all, first_all, _, last_all, _, square_all = found.total_sums[at : at + 6]
    if not n_all:
        raise InputError(
            "E137", f"{metric} counts no row", cause="each row has no value under one of the models"
        )
    centres = real_centres(values)
    overall = float(centres[1] - centres[0])
    mean, var = mean_variance(n, last - first, square)
    value = mean + overall
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = np.sqrt(var / n)
        freedom = n - 1
        if test == "unpaired":
            _, _, freedom, spread = welch((n, last, last_square), (n, first, first_square))
            t = value / spread
        elif null == "overall":
            rest = (n_all - n, (last_all - first_all) - (last - first), square_all - square)
            _, t, freedom, _ = welch((n, last - first, square), rest)
        else:
            t = (value - (0.0 if null == "zero" else null)) / spread
    p = p_values(t, alternative, freedom)
    width = special.stdtrit(n - 1, 0.975) * np.sqrt(var / n)
    rate = last / np.maximum(n, 1) + centres[1]
    return SubgroupTable(
        found, metric, "gain", np.arange(len(found)), n.astype(np.int64), rate, value, t, p, q_values(p, fdr),
        value - width, value + width, float(centres[1]), overall, value,
    )  # fmt: skip
