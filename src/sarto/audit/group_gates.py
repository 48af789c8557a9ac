"""Judges a gate in every subgroup: what `sarto.audit.gates` says, held to what was mined.

For each group there is a figure (gain, divergence, or rate), and a p-value for its lying beyond the limit. With `q` a
gate fails where a p-value, adjusted for all groups by Benjamini and Hochberg, is at most q. With a confidence it passes
where the test of the opposite, that the figure lies on the right side, has a p-value of at most (1 - confidence) / 2 in
every group: the two-sided interval of that confidence ends within the limit.

Gains are tested as `sarto.audit.subgroups.gain` does, by pairs against the limit, and rates by the exact binomial;
divergences, and rates that are real, by the normal deviate of the figure from the limit, with the error that its
interval tells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int
from scipy import special

from sarto.audit.gates import Gate, Judged
from sarto.audit.subgroups.mining import least_rows
from sarto.audit.subgroups.significance import Z95, Alternative, q_values

if TYPE_CHECKING:
    from sarto.audit.subgroups.lattice import Subgroups
    from sarto.audit.subgroups.subgroup_table import SubgroupTable

MOST_FAILING = 1000
"""Failing rows that are told; more are counted."""


def judge_groups(gate: Gate, found: Subgroups, metric: str, support: float) -> Judged:
    """Return what `gate` says of the subgroups.

    Args:
        gate: of groups.
        found: the subgroups, of one model or two; of two the small one is judged.
        metric: of the audit, where the gate names none.
        support: of the audit, where the gate names none; groups with less are not looked at.

    Raises:
        InputError: E137 and E140, as `divergence` and `gain`.
    """
    metric = gate.metric or metric
    table = _table(gate, found, metric)
    least = least_rows(support if gate.support is None else gate.support, len(found.outcomes))
    looked = (table.support >= least) & ~np.isnan(_figure(gate, table))
    table = table.where(looked)
    values = _figure(gate, table)
    if not len(values):
        return Judged(gate, False, None, f"no subgroup has {least} rows that count", (), 0)
    beyond = _p(gate, found, table, values, within=False)
    if gate.q is not None:
        certain = q_values(beyond, "bh")
        fails, mark = certain <= gate.q, "q"
    elif gate.confidence is not None:
        certain = _p(gate, found, table, values, within=True)
        fails, mark = ~(certain <= (1 - gate.confidence) / 2), "p"
    else:
        certain, mark = beyond, ""
        fails = np.array([gate.breaks(float(v)) for v in values])
    sense = 1 if gate.at_least else -1
    order = np.argsort(sense * values, kind="stable")
    worst = int(order[0])
    failing = [int(i) for i in order if fails[i]]
    rows = tuple(
        (name(table.label(i)), _words(gate, table, values, certain, mark, i)) for i in failing[:MOST_FAILING]
    )
    at = f"{name(table.label(worst))}: {_words(gate, table, values, certain, mark, worst)}"
    count = (
        f"{len(failing):,} of {len(values):,} subgroups fail"
        if failing
        else f"all {len(values):,} subgroups hold"
    )
    return Judged(gate, not failing, float(values[worst]), f"{count}; the worst is {at}", rows, len(values))


def name(label: dict[str, str]) -> str:
    """Return a subgroup's items as one text.

    >>> name({"sex": "f", "age": "<25"})
    'sex = f, age <25'
    """
    return ", ".join(
        f"{a} {item}" if item[:1] in ("<", ">") else f"{a} = {item}" for a, item in label.items()
    )


def _table(gate: Gate, found: Subgroups, metric: str) -> SubgroupTable:
    if gate.figure == "gain":
        return found.gain(metric)
    return found.divergence(metric, model="small" if found.outcomes.paired else "original", constant=True)


def _figure(gate: Gate, table: SubgroupTable) -> Float[np.ndarray, " row"]:
    return table.rate if gate.figure == "rate" else table.value


def _p(
    gate: Gate, found: Subgroups, table: SubgroupTable, values: Float[np.ndarray, " row"], *, within: bool
) -> Float[np.ndarray, " row"]:
    """Return the p-value of each row for lying beyond the limit, or `within` it."""
    side: Alternative = "less" if gate.at_least != within else "greater"
    if gate.figure == "gain":
        null = gate.limit if gate.limit else "zero"
        tested = found.gain(table.metric, null=null, fdr="none", alternative=side)
        return tested.p[table.index]
    if gate.figure == "rate" and table.metric in found.outcomes.original:
        return share_p(table.counted, np.rint(table.rate * table.counted).astype(np.int64), gate.limit, side)
    spread = (table.high - table.low) / (2 * Z95)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(values == gate.limit, 0.0, (values - gate.limit) / spread)
    return special.ndtr(z if side == "less" else -z)


def share_p(
    n: Int[np.ndarray, " group"], counted: Int[np.ndarray, " group"], limit: float, side: Alternative
) -> Float[np.ndarray, " group"]:
    """Return the p-value of the exact binomial test that a share is `less` or `greater` than a limit.

    >>> share_p(np.array([10]), np.array([0]), 0.5, "less"), share_p(np.array([10]), np.array([0]), 0.5, "greater")
    (array([0.00097656]), array([1.]))
    """
    if side == "less":
        return special.bdtr(counted, n, limit)
    return np.where(counted > 0, special.bdtrc(np.maximum(counted - 1, 0), n, limit), 1.0)


def _words(
    gate: Gate,
    table: SubgroupTable,
    values: Float[np.ndarray, " row"],
    certain: Float[np.ndarray, " row"],
    mark: str,
    i: int,
) -> str:
    """Return the figure of a row in words."""
    value = float(values[i])
    if table.metric in table.subgroups.outcomes.reals:
        figure = f"{value:.4g}" if gate.figure == "rate" else f"{value:+.4g}"
    else:
        figure = f"{100 * value:.2f} %" if gate.figure == "rate" else f"{100 * value:+.2f} points"
    return f"{figure} of {int(table.counted[i]):,} rows" + (f", {mark} = {certain[i]:.2g}" if mark else "")
