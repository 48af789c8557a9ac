"""The label of a data set as one page, in the manner of the label on food: who is in it, and what to beware of.

Returns the page as text, self-contained and under the size of every page. It reads core values only: tables by name,
with a share and the bounds of its interval in three columns, findings, evidence and the answers to checks.

>>> names = ("sex", "y", "n", "joint", "l", "u", "sex given y", "l", "u", "y given sex", "l", "u")
>>> rows = ("f", "0", 3, 0.3, 0.1, 0.6, 0.6, 0.2, 0.9, 1, 0, 1), ("m", "0", 2, 0.2, 0.0, 0.5, 0.4, 0.1, 0.8, 1, 0, 1)
>>> [(line.value, line.n) for line in lines(Table("joint", names, ("1",) * 12, rows, ("measured",) * 12))]
[('f', 3), ('m', 2)]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sarto.core.evidence import Evidence
from sarto.core.finding import Finding
from sarto.core.table import Table
from sarto.report import palette, words
from sarto.report.page import LIMIT_B, environment, newest, script_json

MOST_LINES = (40, 20, 10, 5, 2)
"""Values of an attribute that the page shows: as many as fit its bytes. The JSON has all."""
MOST_TARGETS = 8
"""Values of the target side by side."""
MOST_FACTS = 12
"""Values in the panel on top."""


@dataclass(frozen=True)
class Cell:
    """A pair of values: its rows, and its shares of all and given either value, each with bounds."""

    n: int
    joint: tuple[float, float, float]
    given_target: tuple[float, float, float] | None
    given_protected: tuple[float, float, float] | None

    def shade(self, share: float, most: float) -> str:
        """Return how strongly the cell is coloured."""
        scaled = share / most if most else 0.0
        return f"{palette.FAINT + (palette.SHADE - palette.FAINT) * scaled:.3f}"


@dataclass(frozen=True)
class Line:
    """A protected value with its cells."""

    value: str
    cells: tuple[Cell, ...]

    @property
    def n(self) -> int:
        """Its rows."""
        return sum(cell.n for cell in self.cells)


@dataclass(frozen=True)
class LabelPart:
    """One attribute, or several together: the name, the target, the rows counted, tables by name, whether it is one."""

    name: str
    target: str
    n: int
    tables: Mapping[str, Table]
    single: bool

    @cached_property
    def lines(self) -> list[Line]:
        """The joint table by protected value."""
        return lines(self.tables["joint"])

    @cached_property
    def targets(self) -> list[str]:
        """The values of the target."""
        return list(dict.fromkeys(map(str, self.tables["joint"].column(self.tables["joint"].columns[1]))))

    def marginals(self, name: str) -> list[tuple[float | int | str, ...]]:
        """Return value, rows, share and bounds of each value of a column."""
        return [row[1:] for row in self.tables["marginals"].rows if row[0] == name]


@dataclass(frozen=True)
class LabelPage:
    """What the page says.

    Attributes:
        name: of the data.
        rows: that were read.
        parts: single attributes first.
        findings: warnings first.
        checks: a table with the columns of, what, state, text.
        evidence: every measure.
        counted: how rows and values were chosen, in sentences.
        facts: what is known of the data, by what it is called.
    """

    name: str
    rows: int
    parts: Sequence[LabelPart]
    findings: Sequence[Finding]
    checks: Table
    evidence: Sequence[Evidence]
    counted: Sequence[str]
    facts: Mapping[str, str]


def lines(joint: Table) -> list[Line]:
    """Return the rows of a joint table by protected value."""
    found: dict[str, list[Cell]] = {}
    for value, _, n, *shares in joint.rows:
        triples = [_bounds(shares[i : i + 3]) for i in (0, 3, 6)]
        assert triples[0] is not None, "a share of all rows"
        found.setdefault(str(value), []).append(Cell(int(n), triples[0], triples[1], triples[2]))
    return [Line(value, tuple(cells)) for value, cells in found.items()]


def label_html(page: LabelPage) -> str:
    """Return the page of a label."""
    from markupsafe import Markup

    shown: dict[str, Any] = dict(
        page=page,
        words=words,
        light=Markup(palette.variables(palette.LIGHT)),
        dark=Markup(palette.variables(palette.DARK)),
        most_targets=MOST_TARGETS,
        most_facts=MOST_FACTS,
    )
    template = environment(autoescape=True).get_template("label.html.j2")
    frame = ""
    for most in MOST_LINES:
        shown["most_lines"] = most
        frame = template.render(shown, ledger_json="")
        if len(frame.encode()) <= LIMIT_B:
            break
    entries, _ = newest(tuple(page.evidence), LIMIT_B - len(frame.encode()))
    return template.render(shown, ledger_json=Markup(script_json(entries)))


def _bounds(values: Sequence[float | int | str]) -> tuple[float, float, float] | None:
    share, low, high = values
    return None if isinstance(share, str) else (float(share), float(low), float(high))
