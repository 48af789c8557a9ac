"""p-values of statistics, and their adjustment for the number of subgroups that were looked at.

    p = 2 Phi(-|t|) two-sided,   Phi(t) for "less",   Phi(-t) for "greater"

with Student's distribution in the place of the normal Phi where a statistic has degrees of freedom. The q-values
control the share of false discoveries: with m p-values in rising order,

    q_(i) = min over j >= i of  p_(j) m c / j,    c = 1 (BH),   c = sum_(k=1..m) 1/k (BY: under any dependence).

Subgroups overlap, and most tests are positively dependent, for which BH is known to hold; BY holds always.

Source: Benjamini and Hochberg, "Controlling the false discovery rate", JRSS B 57 (1995); Benjamini and Yekutieli, "The
control of the false discovery rate in multiple testing under dependency", Annals of Statistics 29 (2001).

>>> q_values(np.array([0.01, 0.04, np.nan, 0.03]), "bh").round(3)
array([0.03, 0.04,  nan, 0.04])
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from jaxtyping import Float, Int64
from scipy import special

Alternative: TypeAlias = Literal["two-sided", "less", "greater"]
Control: TypeAlias = Literal["bh", "by", "none"]

Z95 = 1.959963984540054
"""The 97.5 % quantile of the normal distribution."""


def p_values(
    t: Float[np.ndarray, " subgroup"],
    alternative: Alternative = "two-sided",
    freedom: Float[np.ndarray, " subgroup"] | None = None,
) -> Float[np.ndarray, " subgroup"]:
    """Return the p-value of each statistic; NaN where it is NaN.

    >>> p_values(np.array([-1.96, 0.0])).round(3), p_values(np.array([-1.96, 0.0]), "less").round(3)
    (array([0.05, 1.  ]), array([0.025, 0.5  ]))
    """
    tail = {"two-sided": -np.abs(t), "less": t, "greater": -t}[alternative]
    below = special.ndtr(tail) if freedom is None else special.stdtr(freedom, tail)
    return 2 * below if alternative == "two-sided" else below


def q_values(p: Float[np.ndarray, " subgroup"], control: Control) -> Float[np.ndarray, " subgroup"]:
    """Return the adjusted p-values; those that are NaN (no test) stay so and do not count."""
    if control == "none":
        return p.copy()
    order = np.argsort(p)[: np.count_nonzero(~np.isnan(p))]  # NaN comes last
    place = np.arange(1, len(order) + 1)
    factor = len(order) * (1.0 if control == "bh" else np.sum(1 / place))
    q = np.full(len(p), np.nan)
    q[order] = np.minimum.accumulate((p[order] * factor / place)[::-1])[::-1]
    return np.minimum(q, 1)


def chi_square_tail(
    chi2: Float[np.ndarray, " value"], freedom: Int64[np.ndarray, " value"]
) -> Float[np.ndarray, " value"]:
    """Return the probability of a larger chi-square.

    >>> chi_square_tail(np.array([3.841]), np.array([1])).round(3)
    array([0.05])
    """
    return special.chdtrc(freedom, chi2)
