"""How strongly the target depends on protected attributes: four measures of one table of counts, with intervals.

Returns a `Dependence`. Over the r lines and c columns with rows, n in all, with counts O_ij and E_ij = O_i. O_.j / n:

    chi2 = sum (O_ij - E_ij)^2 / E_ij (no correction of Yates'), df = (r - 1)(c - 1), p = P(chi2_df >= chi2)
    C = sqrt(chi2 / (chi2 + n))     contingency coefficient, at most sqrt((k - 1) / k) with k = min(r, c)
    w = sqrt(chi2 / n)              effect size; Cohen's marks are .1 small, .3 medium, .5 large
    V = sqrt(max(0, chi2 / n - df / (n - 1)) / min(r' - 1, c' - 1)), r' = r - (r - 1)^2 / (n - 1), c' alike
                                    Cramer's V without its bias: 0 on average where nothing depends

C and w of a sample are above those of the population, the more so the more cells and the fewer rows there are; a
bootstrap adds the same once more, and with V too. So the intervals are those of the noncentral chi-square: all
w = sqrt(lambda / n) for which neither 2.5 % tail of chi2_df(lambda) holds what was observed, and C = w / sqrt(1 + w^2),
V = w / sqrt(k - 1) of these. In a table of many cells the C and w of the sample may lie above their intervals.

Source: Pearson, "On the theory of contingency" (1904); Cohen, "Statistical power analysis for the behavioral sciences",
2nd ed. 1988, section 7.2 (w and its marks); Bergsma, "A bias-correction for Cramer's V and Tschuprow's T", J. Korean
Stat. Soc. 42 (2013); Steiger, "Beyond the F test", Psychological Methods 9 (2004) (intervals by noncentrality).

>>> found = dependence(np.array([[30, 10], [20, 40]]))
>>> round(found.chi2, 3), found.df, round(found.C, 4), round(found.w, 4), round(found.V, 4)
(16.667, 1, 0.378, 0.4082, 0.3977)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.special import chdtr, chdtrc, chndtrinc

TAIL = 0.025
"""Share beyond either end of an interval of 95 %."""
MARKS = ((0.5, "large"), (0.3, "medium"), (0.1, "small"))
"""Cohen's marks of w."""
FEW = 5.0
"""Expected count that a fifth of the cells may lack at most, and none may be below 1, for chi2 to be distributed so.
Source: Cochran, "Some methods for strengthening the common chi-square tests", Biometrics 10 (1954)."""


@dataclass(frozen=True)
class Dependence:
    """The measures; intervals hold 95 %."""

    n: int
    chi2: float
    df: int
    p: float
    C: float
    C_most: float
    w: float
    V: float
    C_interval: tuple[float, float]
    w_interval: tuple[float, float]
    V_interval: tuple[float, float]
    approximate: bool
    """Whether expected counts are large enough for the distribution of chi2, and so for p and the intervals."""

    @property
    def size(self) -> str:
        """The word for w."""
        return next((word for mark, word in MARKS if self.w >= mark), "negligible")


def dependence(counts: Int[np.ndarray, "value target"]) -> Dependence:
    """Return the measures of a table of counts that has at least two lines and two columns with rows."""
    held = counts[counts.sum(1) > 0][:, counts.sum(0) > 0]
    (r, c), n = held.shape, int(held.sum())
    assert r > 1 and c > 1, "one value depends on nothing"
    expected = held.sum(1, keepdims=True) / n * held.sum(0, keepdims=True)
    chi2, df, k = float(chi_squares(counts[None])[0]), (r - 1) * (c - 1), min(r, c)
    low, high = (math.sqrt(value / n) for value in _noncentrality(chi2, df))
    return Dependence(
        n=n,
        chi2=chi2,
        df=df,
        p=p_value(chi2, df),
        C=math.sqrt(chi2 / (chi2 + n)),
        C_most=math.sqrt((k - 1) / k),
        w=math.sqrt(chi2 / n),
        V=float(cramer(counts[None])[0]),
        C_interval=(low / math.sqrt(1 + low**2), high / math.sqrt(1 + high**2)),
        w_interval=(low, high),
        V_interval=(low / math.sqrt(k - 1), high / math.sqrt(k - 1)),
        approximate=bool((expected < FEW).mean() <= 0.2 and expected.min() >= 1),
    )


def chi_squares(counts: Int[np.ndarray, "table value target"]) -> Float[np.ndarray, " table"]:
    """Return chi2 of each table; empty lines and columns add nothing."""
    n = counts.sum((1, 2), keepdims=True)
    expected = (
        counts.sum(2, keepdims=True) / n * counts.sum(1, keepdims=True)
    )  # no product of large whole numbers
    return ((counts - expected) ** 2 / np.where(expected > 0, expected, 1)).sum((1, 2))


def cramer(counts: Int[np.ndarray, "table value target"]) -> Float[np.ndarray, " table"]:
    """Return V without its bias of each table, 0 for one that has a single line or column."""
    n = counts.sum((1, 2))
    r, c = (counts.sum(2) > 0).sum(1), (counts.sum(1) > 0).sum(1)
    excess = np.maximum(chi_squares(counts) / n - (r - 1) * (c - 1) / (n - 1), 0)
    most = np.minimum(r - 1 - (r - 1) ** 2 / (n - 1), c - 1 - (c - 1) ** 2 / (n - 1))
    return np.sqrt(np.where(most > 0, excess / np.where(most > 0, most, 1), 0))


def p_value(chi2: float, df: int) -> float:
    """Return the share of tables of independent columns whose chi-square is as large."""
    return float(chdtrc(df, chi2))


def _noncentrality(chi2: float, df: int) -> tuple[float, float]:
    """Return the least and the largest lambda for which chi2 is in neither tail of the noncentral chi-square."""
    low, high = (
        0.0 if chdtr(df, chi2) <= tail else float(chndtrinc(chi2, df, tail)) for tail in (1 - TAIL, TAIL)
    )
    return low, high
