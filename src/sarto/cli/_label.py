"""What `sarto label` shows: the label on a terminal, the page made of core values, and the answers to `--check`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sarto
from sarto.audit.labels import Check, Label, Part, check, evidence, findings, of_part, read_published, tables
from sarto.audit.labels.joint import APART
from sarto.audit.labels.tables import MEASURES, measures
from sarto.cli import _answer
from sarto.core.errors import SartoError
from sarto.core.table import Table
from sarto.report.label import LabelPage, LabelPart

MOST_LINES, MOST_COMBINED = 24, 12
"""Values of an attribute, and of several together, that a screen shows; the page and the JSON have more."""
NAME, TARGET = 24, 10
"""Letters of a value that a screen shows."""
WIDTH = 80
"""Columns of a terminal that the shares of a value fit side by side."""


@dataclass(frozen=True)
class Checked:
    """The answers about a published label, and the error if one failed."""

    name: str
    checks: tuple[Check, ...]

    @property
    def failure(self) -> SartoError | None:
        """What failed, as an error."""
        failed = [c for c in self.checks if c.state == "failed"]
        if not failed:
            return None
        message = f"{len(failed)} of {len(self.checks)} checks failed on '{self.name}'"
        cause = f"{failed[0].what}: {failed[0].text}"
        return SartoError("E501", message, cause=cause, hint="`sarto label DATA` counts the shares again")

    def to_json(self) -> dict[str, Any]:
        """Return the answers as plain JSON values."""
        return {
            "format": "sarto-label-check/1",
            "label": self.name,
            "checks": [c.to_json() for c in self.checks],
            "passed": self.failure is None,
        }


def checked(path: Path, label: Label | None) -> Checked:
    """Return the answers about the label in a file, held against that of the data if there is one."""
    published = read_published(path)
    true = [of_part(part) for part in label.parts] if label else []
    found: list[Check] = []
    for one in published:
        same = [t for t in true if (t.protected, t.target) == (one.protected, one.target)]
        found += check(one, same[0] if same else true[0] if true else None)
    return Checked(path.name, tuple(found))


def checked_text(answer: Checked) -> None:
    """Print the answers."""
    styles = [{"failed": "red", "passed": "green"}.get(c.state, "") for c in answer.checks]
    rows = [(c.what, c.state) for c in answer.checks]
    _answer.table(("check", "answer"), rows, styles=styles)
    for c in answer.checks:
        if c.state == "failed":
            _answer.line()
            _answer.remark(f"{c.what}: {c.text}")


def as_text(label: Label) -> None:
    """Print the label."""
    names = ", ".join(column.name for column in label.columns[:-1])
    _answer.line(f"{label.name}: {label.rows:,} rows, {names} and the target {label.columns[-1].name}")
    for part in label.parts:
        _answer.line()
        _dependence(part)
        _answer.line()
        _shares(part)
    _answer.line()
    for finding in findings(label):
        _answer.remark(str(finding))
    failed = [c for c in label.checks if c.state == "failed"]
    _answer.line(
        f"{len(label.checks) - len(failed)} of {len(label.checks)} checks passed: shares sum to 1, and joint shares "
        "are conditionals times marginals"
    )


def _dependence(part: Part) -> None:
    joint, d = part.joint, part.dependence
    rows = [
        (MEASURES[key], _three(v), f"{_three(a)} to {_three(b)}", "measured")
        for key, (v, (a, b)) in measures(part).items()
    ]
    rows.append(
        (
            "chi-square",
            f"{d.chi2:.1f}",
            f"df {d.df}, p {'< 0.0001' if d.p < 1e-4 else format(d.p, '.2g')}",
            "measured",
        )
    )
    for name, indices in ((joint.name, part.protected), (joint.target, part.target)):
        value, (low, high) = indices["shannon"]
        rows.append(
            (f"balance of {name} (Shannon)", _three(value), f"{_three(low)} to {_three(high)}", "measured")
        )
    _answer.table(
        (f"{joint.target} and {joint.name}, {joint.n:,} rows", "figure", "95 %", "how"), rows, right=(1,)
    )


def _shares(part: Part) -> None:
    """Print a line for each protected value: rows, share, and of each target value joint and conditional shares."""
    joint = part.joint
    totals, columns_of = joint.counts.sum(1), joint.counts.sum(0)
    names, headings, targets = _fitting(part)
    rows = [
        [name, f"{totals[i]:,}", _three(totals[i] / joint.n)]
        + [
            _three(float(table[i, j]))
            for j in targets
            for table in (joint.shares, joint.given_protected, joint.given_target)
        ]
        for i, name in enumerate(names)
    ]
    share_of_all = (_three(columns_of[j] / joint.n) for j in targets)
    rows.append(
        ["all", f"{joint.n:,}", "1", *(text for share in share_of_all for text in (share, share, "1"))]
    )
    columns = [joint.name, "rows", "share", *headings]
    _answer.table(columns, rows, right=range(1, len(columns)))
    _answer.line(f"a dot stands for the value of {joint.name}")
    hidden = ((len(totals) - len(names), joint.name), (len(joint.targets) - len(targets), joint.target))
    if parts := [f"{n} more of {name}" for n, name in hidden if n > 0]:
        _answer.line(f"{' and '.join(parts)} in --json and on the page")


def _fitting(part: Part) -> tuple[list[str], list[str], list[int]]:
    """Return the names of the lines, the headings, and the target values whose columns stand side by side in `WIDTH`.

    Those are the last ones of the target, and at least one.
    """
    joint = part.joint
    each = max(NAME // len(joint.protected) - len(APART), 8)
    most = MOST_LINES if len(joint.protected) == 1 else MOST_COMBINED
    names = [APART.join(_shortened(value, each) for value in values) for values in joint.values[:most]]
    room = WIDTH - max(map(len, (*names, joint.name))) - len("  00,000  0.0000")
    headings: list[str] = []
    targets: list[int] = []
    for j in reversed(range(len(joint.targets))):
        y = _shortened(joint.targets[j], TARGET)
        these = [f"P(.,{y})", f"P({y}|.)", f"P(.|{y})"]
        room -= sum(max(len(heading), len("0.0000")) + 2 for heading in these)
        if room < 0 and targets:
            break
        headings, targets = these + headings, [j, *targets]
    return names, headings, targets


def _shortened(text: str, most: int) -> str:
    """Return a text with its middle left out where it is long; ends tell texts apart as often as beginnings do.

    >>> _shortened("Married-civ-spouse", 10), _shortened("Divorced", 10)
    ('Marr..ouse', 'Divorced')
    """
    if len(text) <= most:
        return text
    first = (most - 1) // 2
    return f"{text[:first]}..{text[len(text) - (most - first - 2) :]}"


def _three(value: float) -> str:
    """Return a share to three digits, as labels print them; a smaller one with its first digit."""
    if value != value:
        return "-"
    return f"{value:.3f}" if value >= 0.0005 or value == 0 else f"{value:.1g}"


def page_of(label: Label, made: dict[str, Any]) -> LabelPage:
    """Return what the page of a label says; `made` is its JSON document."""
    command, sha256 = made["command"] or "", made["data"]["sha256"] or ""
    checks = tuple((c.of, c.what, c.state, c.text) for c in label.checks)
    counted = [f"Only rows with {condition} are counted." for condition in label.where]
    counted += [f"Numbers are counted by bins: {column.words}." for column in label.columns if column.words]
    if label.missing:
        kept = "have a value of their own" if label.kept else "are left out of what concerns it"
        counted.append(f"Rows that lack a value {kept}.")
    counted.append(
        "Intervals hold 95 %: of shares Wilson's, of C, w and V those of the noncentral chi-square, of the indices the "
        f"bootstrap over rows with {label.resamples:,} resamples, and of the smallest over the largest Wilson's of all."
    )
    facts = {
        "rows": f"{label.rows:,}",
        "seed": str(label.seed),
        "Sarto": sarto.__version__,
        "command": command,
        "SHA-256": sha256,
    }
    return LabelPage(
        label.name,
        label.rows,
        [
            LabelPart(p.joint.name, p.joint.target, p.joint.n, tables(p), len(p.joint.protected) == 1)
            for p in label.parts
        ],
        findings(label),
        Table("checks", ("of", "what", "state", "text"), ("",) * 4, checks, ("",) * 4),
        evidence(label, command, sha256),
        counted,
        {key: value for key, value in facts.items() if value},
    )
