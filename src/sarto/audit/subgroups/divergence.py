"""How far the rate of each subgroup is from that of all rows, with test, interval and adjusted p-value.

    divergence  D_f(S) = f(S) - f(all)

Boolean outcomes, with T and F the counted rows: the posterior of a rate under a flat prior is Beta(a, b),

    a = 1 + T,  b = 1 + F,  mu = a / (a + b),  var = a b / ((a + b)^2 (a + b + 1)),
    t = (mu_S - mu_R) / sqrt(var_S + var_R),   interval  (mu_S - mu_R) +- 1.96 sqrt(var_S + var_R).

Real outcomes, with means `m`, sample variances `s^2` and counted rows `n` (Welch, with Satterthwaite's degrees of
freedom):

    t = (m_S - m_R) / sqrt(s_S^2 / n_S + s_R^2 / n_R).

`R` is all rows, as in the source (up to its sign, which t has not there; and its variances divide by n), or with
`against="rest"` the rows outside of S. A group and all rows are not independent, since it is part of them: the test
against all errs on the safe side. The divergence is then `f(S) - f(rest)`.

Source: Pastor, de Alfaro and Baralis, "Looking for trouble", SIGMOD 2021, sections 3 and 4 (divergence, Bayesian t);
Welch, "The generalization of Student's problem", Biometrika 34 (1947).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from jaxtyping import Float, Int64
from scipy import special

from sarto.audit.subgroups.cells import REAL_COLUMNS, counted_rows, real_centres
from sarto.audit.subgroups.significance import Z95, Alternative, Control, p_values, q_values
from sarto.audit.subgroups.subgroup_table import SubgroupTable
from sarto.models.input_error import InputError

if TYPE_CHECKING:
    from sarto.audit.subgroups.lattice import Subgroups
    from sarto.audit.subgroups.metrics import States

Model = Literal["original", "small"]
Against = Literal["all", "rest"]


def divergence(
    found: Subgroups,
    metric: str,
    *,
    model: Model = "original",
    against: Against = "all",
    fdr: Control = "bh",
    alternative: Alternative = "two-sided",
    constant: bool = False,
) -> SubgroupTable:
    """Return the divergence of every subgroup; see the top of the module.

    Args:
        found: subgroups.
        metric: a name of the outcomes'.
        model: whose outcomes.
        against: all rows, or those outside of the subgroup.
        fdr: how p-values are adjusted.
        alternative: side of the test.
        constant: let an outcome pass that is the same in all rows, of which every divergence is 0.

    Raises:
        InputError: E140 (no such metric or model), E137 (all counted rows are T, or all F, or all equal, or none
        counts).
    """
    if metric in found.outcomes.reals:
        return _real(found, metric, model, against, fdr, alternative, constant)
    state = boolean_states(found, metric, model)
    T, F = found.counts @ (state == 1), found.counts @ (state == 0)
    T_all, F_all = (int(found.total_counts @ (state == value)) for value in (1, 0))
    if not T_all + F_all or not (constant or (T_all and F_all)):
        raise one_class(metric, T_all, F_all, len(found.outcomes))
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = T / (T + F)
        inside = 1 if against == "rest" else 0
        T_ref, F_ref = T_all - inside * T, F_all - inside * F
        value = rate - T_ref / (T_ref + F_ref)
    (mean, var), (mean_ref, var_ref) = beta_moments(T, F), beta_moments(T_ref, F_ref)
    spread = np.sqrt(var + var_ref)
    middle = mean - mean_ref
    t = np.where(np.isnan(value), np.nan, middle / spread)
    p = p_values(t, alternative)
    return SubgroupTable(
        found, metric, "divergence", np.arange(len(found)), T + F, rate, value, t, p, q_values(p, fdr),
        np.where(np.isnan(value), np.nan, middle - Z95 * spread),
        np.where(np.isnan(value), np.nan, middle + Z95 * spread),
        T_all / (T_all + F_all), 0.0, value,
    )  # fmt: skip


def boolean_states(found: Subgroups, metric: str, model: Model) -> States:
    """Return the state of a boolean metric for each joint code.

    Raises:
        InputError: E140.
    """
    outcomes = found.outcomes
    if metric not in outcomes.original:
        told = ", ".join(outcomes.metrics)
        raise InputError("E140", f"there is no metric '{metric}' here", hint=f"metrics: {told}")
    if model == "small" and not outcomes.small:
        raise no_small()
    return (outcomes.small if model == "small" else outcomes.original)[metric]


def no_small() -> InputError:
    """Return the error that there is one model where two are needed."""
    return InputError(
        "E140",
        "there are no guesses of a small model",
        cause="a gain is between two models",
        hint="give the guesses of both for the same rows",
    )


def one_class(metric: str, T: int, F: int, n_rows: int) -> InputError:
    """Return the error that an outcome has no two classes."""
    if not T + F:
        message = f"{metric} counts none of {n_rows} rows"
    else:
        message = f"{metric} is {'1' if T else '0'} in all {T + F} rows that it counts"
    return InputError(
        "E137",
        message,
        cause="an outcome of one class differs nowhere",
        hint="check targets, guesses and the positive class, or take another metric",
    )


def beta_moments(
    T: Int64[np.ndarray, " subgroup"], F: Int64[np.ndarray, " subgroup"]
) -> tuple[Float[np.ndarray, " subgroup"], Float[np.ndarray, " subgroup"]]:
    """Return mean and variance of Beta(1 + T, 1 + F)."""
    a, b = T + 1.0, F + 1.0
    return a / (a + b), a * b / ((a + b) ** 2 * (a + b + 1))


def _real(
    found: Subgroups,
    metric: str,
    model: Model,
    against: Against,
    fdr: Control,
    alternative: Alternative,
    constant: bool,
) -> SubgroupTable:
    """Return the divergences of a real outcome."""
    values = found.outcomes.reals[metric]
    if model == "small" and len(values) < 2:
        raise no_small()
    at = real_column(found, metric)
    first = at + (1 if model == "original" else 3)
    n, total, square = (found.sums[:, column] for column in (at, first, first + 1))
    n_all, total_all, square_all = (found.total_sums[column] for column in (at, first, first + 1))
    counted = values[int(model == "small")][counted_rows(values)]
    if not len(counted) or (np.ptp(counted) == 0 and not constant):
        raise InputError(
            "E137",
            f"{metric} is {counted[0]:g} in all rows" if len(counted) else f"{metric} counts no row",
            cause="an outcome that is the same everywhere differs nowhere",
        )
    inside = float(against == "rest")
    reference = (n_all - inside * n, total_all - inside * total, square_all - inside * square)
    mean = mean_variance(n, total, square)[0]
    centre = real_centres(values)[int(model == "small")]
    value, t, freedom, spread = welch((n, total, square), reference)
    p = p_values(t, alternative, freedom)
    width = special.stdtrit(freedom, 0.975) * spread
    overall = float(total_all / n_all)
    return SubgroupTable(
        found, metric, "divergence", np.arange(len(found)), n.astype(np.int64), mean + centre, value, t, p,
        q_values(p, fdr), value - width, value + width, overall + centre, 0.0, value,
    )  # fmt: skip


def real_column(found: Subgroups, metric: str) -> int:
    """Return the first column of a real outcome's sums."""
    return REAL_COLUMNS * list(found.outcomes.reals).index(metric)


Sums = tuple[Float[np.ndarray, " subgroup"], Float[np.ndarray, " subgroup"], Float[np.ndarray, " subgroup"]]
"""Rows, sum of values, sum of their squares."""


def mean_variance(
    n: Float[np.ndarray, " subgroup"],
    total: Float[np.ndarray, " subgroup"],
    square: Float[np.ndarray, " subgroup"],
) -> tuple[Float[np.ndarray, " subgroup"], Float[np.ndarray, " subgroup"]]:
    """Return mean and sample variance; NaN for no row, and the variance for one row."""
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / n
        return mean, np.maximum(square - total * mean, 0) / np.where(n > 1, n - 1, np.nan)


def welch(
    own: Sums, other: Sums
) -> tuple[
    Float[np.ndarray, " subgroup"],
    Float[np.ndarray, " subgroup"],
    Float[np.ndarray, " subgroup"],
    Float[np.ndarray, " subgroup"],
]:
    """Return difference of means, t, degrees of freedom, and the standard error."""
    (mean, var), (mean_ref, var_ref) = mean_variance(*own), mean_variance(*other)
    with np.errstate(invalid="ignore", divide="ignore"):
        a, b = var / own[0], var_ref / other[0]
        spread = np.sqrt(a + b)
        freedom = (a + b) ** 2 / (a**2 / (own[0] - 1) + b**2 / (other[0] - 1))
        value = mean - mean_ref
        t = np.where((spread == 0) & (value == 0), 0.0, value / spread)
    return value, t, freedom, spread
