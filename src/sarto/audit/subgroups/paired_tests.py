"""Tests and an interval of the gain of a group, from the rows that two models judge differently.

`n` rows are counted, `n01` go from F to T and `n10` from T to F; rows that both judge alike say nothing of a
difference.

    McNemar (no gain)     z = (n01 - n10) / sqrt(n01 + n10);  below 25 changes exact, n01 ~ Bin(n01 + n10, 1/2)
    Tango (a gain u)      z = (n01 - n10 - n u) / sqrt(n (2 q + u (1 - u))),  q the likeliest share of n10 under u:
                          the larger root of  2 n q^2 + (u (2 n - n01 + n10) - n01 - n10) q - n10 u (1 - u) = 0

Dirichlet (the gain of other rows, R): the shares (F to T, T to F, alike) have the posterior Dirichlet(1 + n01, 1 +
n10, 1 + rest), as the rates of a divergence have a Beta; A is the sum of its parameters. In groups of few changes it
is cautious.

    mu = (n01 - n10) / A,   var = ((n01 + n10 + 2) / A - mu^2) / (A + 1),   t = (mu_S - mu_R) / sqrt(var_S + var_R)

Interval (Bonett and Price):

    a - b +- 1.96 sqrt((a + b - (a - b)^2) / (n + 2)),   a = (n01 + 1) / (n + 2),   b = (n10 + 1) / (n + 2)

Source: McNemar, Psychometrika 12 (1947); Tango, "Equivalence test and confidence interval for the difference in
proportions for the paired-sample design", Statistics in Medicine 17 (1998); Bonett and Price, "Adjusted Wald
confidence interval for a difference of binomial proportions based on paired data", J. Educational and Behavioral
Statistics 37 (2012).

>>> z, p = mcnemar(np.array([5, 40]), np.array([15, 20]))
>>> z.round(3), p.round(4)
(array([-2.236,  2.582]), array([0.0414, 0.0098]))
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from jaxtyping import Float, Int64
from scipy import special

from sarto.audit.subgroups.significance import Z95, Alternative, p_values

Counts: TypeAlias = Int64[np.ndarray, " subgroup"]
Values: TypeAlias = Float[np.ndarray, " subgroup"]

EXACT_BELOW = 25
"""Rows that change below which McNemar's test is exact: the customary limit, and one of computing time alone."""


def mcnemar(n01: Counts, n10: Counts, alternative: Alternative = "two-sided") -> tuple[Values, Values]:
    """Return z and p of the test that as many rows go from F to T as from T to F; exact where few do either."""
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
