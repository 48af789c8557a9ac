"""What a reader of a label must not overlook, in sentences that carry their numbers.

Returns core findings: how strongly the target depends on an attribute, between which values it differs most, values and
combinations with few rows or none, rows that are left out because a value is missing, and where a test is a guess.

A share p in n rows is known to within 1.96 sqrt(p (1 - p) / n), at most .98 / sqrt(n): `FEWEST` rows are needed for 10
points. Cells of 1 to `DISCLOSIVE` rows may point to single people.

Source: Wald's interval at p = 1/2; Centers for Medicare and Medicaid Services, cell size suppression policy (no cell of
1 to 10 is published).
"""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np

from sarto.audit.labels.check import findings as of_checks
from sarto.audit.labels.dependence import MARKS, chi_squares, p_value
from sarto.audit.labels.joint import Joint
from sarto.audit.labels.label import Label, Missing, Part
from sarto.core.finding import Finding
from sarto.measure.quality import Z95, wilson

WITHIN = 0.1
"""How well the shares in a group should be known: the interval of 95 % is no wider to either side."""
FEWEST = math.ceil((Z95 / 2 / WITHIN) ** 2)
"""Rows of a group for that: 97."""
DISCLOSIVE = 10
_SMALL = MARKS[-1][0]
_NAMED = 4
"""Values that a sentence names; tables have all."""


def findings(label: Label) -> list[Finding]:
    """Return the findings on a label, warnings first."""
    found = [f for part in label.parts for f in _of(part)]
    for missing in label.missing:
        found.append(_missing(missing, label))
    found += of_checks(label.checks, "this label")
    return sorted(found, key=lambda finding: finding.severity != "warning")


def groups_apart(joint: Joint) -> tuple[int, int, int] | None:
    """Return a target value, and the protected values of which it has the largest and the smallest share.

    Only groups of at least `FEWEST` rows count, and only two whose intervals do not overlap. Of target values whose
    shares are as far apart it is the last.
    """
    totals = joint.counts.sum(1)
    large = [i for i in range(len(totals)) if totals[i] >= FEWEST]
    best, apart = 0.0, None
    for j in range(len(joint.targets)):
        for a, b in combinations(large, 2):
            ends = [wilson(int(joint.counts[i, j]), int(totals[i])) for i in (a, b)]
            gap = float(joint.given_protected[a, j] - joint.given_protected[b, j])
            if (ends[0][0] > ends[1][1] or ends[1][0] > ends[0][1]) and abs(gap) >= best - 1e-12:
                best, apart = abs(gap), (j, a, b) if gap > 0 else (j, b, a)
    return apart


def _of(part: Part) -> list[Finding]:
    joint = part.joint
    checks = (
        _dependence(part),
        _apart(joint),
        _small(joint),
        _unseen(joint),
        _disclosive(joint),
        _approximate(part),
    )
    return [finding for finding in checks if finding is not None]


def _dependence(part: Part) -> Finding:
    d, joint = part.dependence, part.joint
    what = f"dependence of {joint.target} on {joint.name}"
    numbers = f"w = {d.w:.3f} ({d.w_interval[0]:.3f} to {d.w_interval[1]:.3f}), chi-square {d.chi2:.1f} with {d.df} "
    numbers += f"degree{'s' * (d.df > 1)} of freedom, p {_p(d.p)}"
    if d.w > d.w_interval[1]:
        numbers += f". Of so many cells w is too large by itself: without its bias, V = {d.V:.3f}"
    if d.p >= 0.05:
        return Finding(what, "note", f"none can be told from {d.n:,} rows: {numbers}")
    size = (
        f"{d.size} by Cohen's marks (.1, .3, .5)"
        if d.w >= _SMALL
        else "below Cohen's mark of a small one, .1"
    )
    text = f"it is {size}: {numbers}. What is trained on these rows can tell {joint.target} from {joint.name}"
    return Finding(what, "warning" if d.w >= _SMALL else "note", text)


def _apart(joint: Joint) -> Finding | None:
    apart = groups_apart(joint)
    if apart is None:
        return None
    j, a, b = apart
    shares, target = joint.given_protected, joint.targets[j]
    gap, ratio = shares[a, j] - shares[b, j], shares[a, j] / shares[b, j] if shares[b, j] else math.inf
    times = f", {ratio:.2f} times as often" if math.isfinite(ratio) else ""
    most, least = (f"P({target} | {joint.names[i]}) = {shares[i, j]:.3f}" for i in (a, b))
    text = f"{most} and {least}: "
    text += f"{100 * gap:.1f} points apart{times}; their intervals do not overlap"
    return Finding(f"{joint.target} = {target} by {joint.name}", "warning" if gap >= WITHIN else "note", text)


def _small(joint: Joint) -> Finding | None:
    totals = joint.counts.sum(1)
    small = sorted((int(totals[i]), joint.names[i]) for i in range(len(totals)) if 0 < totals[i] < FEWEST)
    if not small:
        return None
    named = _named([f"{name} has {n}" for n, name in small])
    off = 100 * Z95 / 2 / math.sqrt(small[0][0])
    known = f"to within {off:.0f} points only" if off < 50 else "not at all"
    text = (
        f"{named}; with fewer than {FEWEST} rows a share is not known to 10 points, in the smallest {known}. "
    )
    text += "No accuracy of such a group can be shown either; collect more"
    return Finding(f"few rows of {joint.name}", "warning", text)


def _unseen(joint: Joint) -> Finding | None:
    nobody = [joint.names[i] for i in range(len(joint.names)) if not joint.counts[i].sum()]
    without = [
        f"{joint.names[i]} with {joint.targets[j]}"
        for i, j in zip(*np.nonzero(joint.counts == 0), strict=True)
        if joint.counts[i].sum()
    ]
    if not nobody and not without:
        return None
    parts = [f"no row is {_named(nobody)}"] if nobody else []
    parts += [f"no row is {_named(without)}"] if without else []
    return Finding(
        f"nobody of {joint.name}", "warning", "; ".join(parts) + ": what is not there cannot be learned"
    )


def _disclosive(joint: Joint) -> Finding | None:
    few = int(((joint.counts > 0) & (joint.counts <= DISCLOSIVE)).sum())
    if not few:
        return None
    cells = "cell has" if few == 1 else "cells have"
    text = f"{few} {cells} 1 to {DISCLOSIVE} rows, which may point to single people: think before you publish them"
    return Finding(f"small cells of {joint.name} and {joint.target}", "note", text)


def _approximate(part: Part) -> Finding | None:
    if part.dependence.approximate:
        return None
    joint = part.joint
    text = "more than a fifth of the expected counts are below 5, or one is below 1: p and the intervals of C, w "
    text += "and V are guesses; put rare values together"
    return Finding(f"chi-square of {joint.name} and {joint.target}", "note", text)


def _missing(missing: Missing, label: Label) -> Finding:
    share = missing.rows / label.rows
    done = "counted with a value of their own" if label.kept else "left out of what concerns it"
    text = f"{missing.rows:,} of {label.rows:,} rows ({100 * share:.1f} %) have none and are {done}"
    severity = "warning" if share > 0.05 else "note"
    pairs = [(value, lacking, n) for value, (lacking, n) in missing.by_target.items() if n]
    if len(pairs) > 1:
        table = np.array([[lacking, n - lacking] for _, lacking, n in pairs])
        p = p_value(float(chi_squares(table[None])[0]), len(pairs) - 1)
        if p < 0.05:
            ordered = sorted(pairs, key=lambda pair: pair[1] / pair[2])
            least, most = (f"{100 * k / n:.1f} % of {value}" for value, k, n in (ordered[0], ordered[-1]))
            text += f"; not at random: {most} and {least} lack it (p {_p(p)})"
            severity = "warning"
    return Finding(f"missing values of {missing.column}", severity, text)


def _p(p: float) -> str:
    return f"= {p:.2g}" if p >= 1e-4 else "< 0.0001"


def _named(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
