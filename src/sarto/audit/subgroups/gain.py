"""How much each subgroup gains by the small model, tested on the same rows under both models.

    gain_f(S) = f(S, small) - f(S, original),   in {T, F} outcomes  (n01 - n10) / n

where `n01` of the group's `n` counted rows go from F to T and `n10` from T to F. The tests are *paired*, see
`sarto.audit.subgroups.paired_tests`: McNemar's of no gain, Tango's of a gain that is given, and the Dirichlet t of
the gain that the other rows have, which tests the gain against the overall gain, since

    gain(S) - gain(all) = (1 - share of S) (gain(S) - gain(rest)).

Where the models do not count the same rows (precision), with `f0` the rate of both together and `N` the counted rows of
each, every row has

    d = [counted under small] (T - f0) / N_small - [counted under original] (T - f0) / N_original,

and `z = gain / sqrt(sum of d^2)`, which is McNemar's z where the rows are the same. Real outcomes: the paired t of the
differences, and Welch's t against the rest.

Source: Koudounas et al., "Exploring subgroup performance in end-to-end speech models", ICASSP 2023 (gain); Leisenring,
Alonzo and Pepe, "Comparisons of predictive values of binary medical diagnostic tests for paired designs", Biometrics 56
(2000) (score test where the counted rows differ).

>>> from sarto.audit.subgroups import Attributes, Outcomes, mine
>>> attributes = Attributes.from_columns({"sex": ["f", "m"] * 20})
>>> found = mine(attributes, Outcomes.from_predictions([0, 1] * 20, [0, 1] * 20, [0, 0] * 10 + [0, 1] * 10))
>>> [(row.label, row.value, round(row.p, 4)) for row in found.gain("accuracy").top(1)]
[({'sex': 'm'}, -0.5, 0.002)]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from jaxtyping import Int8
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
from sarto.audit.subgroups.paired_tests import (
    Counts,
    Values,
    bonett_price,
    dirichlet_t,
    mcnemar,
    tango,
    unpaired_z,
)
from sarto.audit.subgroups.significance import Z95, Alternative, Control, p_values, q_values
from sarto.audit.subgroups.subgroup_table import SubgroupTable
from sarto.models.input_error import InputError

if TYPE_CHECKING:
    from sarto.audit.subgroups.lattice import Subgroups

Null: TypeAlias = Literal["zero", "overall"] | float
Test: TypeAlias = Literal["paired", "unpaired"]


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
        InputError: E140 (no such metric, no small model, a test that there is not), E137 (no row counts), E139 (a null
            out of range).
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
        if not -1 < null < 1:
            raise InputError("E139", f"a gain of {null:g} is not in (-1, 1)", hint="-0.02 is 2 points less")
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
