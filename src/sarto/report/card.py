r"""The model card: one Markdown document on what the model is, what it was made from, what it reaches, what is unknown.

Returns CommonMark with tables (GitHub's extension). Every text that a user gave is escaped, so that a class called
`a|b` or `<b>` stays what it is.

Source: Mitchell et al., "Model Cards for Model Reporting", FAT* 2019 (the sections).

>>> print(escape("<b>&|*x* snake_case _y_"))
\<b\>&\|\*x\* snake_case \_y\_
"""

from __future__ import annotations

import re
from typing import Any

from sarto.core.evidence import Evidence
from sarto.report import byte_table, places, views, words
from sarto.report.page import environment
from sarto.report.run import Run

MOST_IN_TABLE = 40
CARD = {"model": "card.md.j2", "network": "network.md.j2", "storage": "storage.md.j2"}
"""Template of each kind of run."""
_MARKS = re.compile(r"[\\`*\[\]<>|~]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|&(?=[#A-Za-z0-9]+;)|\A[#+=-](?!\d)")
_NUMBERED = re.compile(r"\A(\d{1,9})([.)])(?=\s|\Z)")


def escape(text: object) -> str:
    """Return `text` on one line, with a backslash before each character that Markdown would read as a mark."""
    line = _MARKS.sub(r"\\\g<0>", " ".join(str(text).split()))
    return _NUMBERED.sub(r"\1\\\2", line)


def code(text: object, *, cell: bool = False) -> str:
    r"""Return `text` as a code span, whatever backticks it holds; in a table's `cell` a bar gets a backslash.

    >>> code("a"), code("a`b"), code("a|b", cell=True)
    ('`a`', '`` a`b ``', '`a\\|b`')
    """
    line = " ".join(str(text).split())
    longest = max((len(run) for run in re.findall("`+", line)), default=0)
    fence, pad = "`" * (longest + 1), " " if longest else ""
    return f"{fence}{pad}{line.replace('|', chr(92) + '|') if cell else line}{pad}{fence}"


def card(run: Run) -> str:
    """Return the model card of `run` as Markdown."""
    template = environment(autoescape=False)
    template.filters.update(md=escape, code=code)
    table = run.tables.get("bytes")
    return template.get_template(CARD[run.kind]).render(
        run=run,
        words=words,
        views=views,
        verdict=words.verdict(run),
        figures=_newest_of_each(run),
        places=places,
        placement=places.newest(run.evidence),
        absent=[h for h in views.headlines(run) if h.evidence is None],
        limits=views.limits(run),
        classes=_rows(run, "classes"),
        groups=_rows(run, "groups"),
        bytes=None if table is None else byte_table.by_tensor(table),
        most=MOST_IN_TABLE,
    )


def _newest_of_each(run: Run) -> list[Evidence]:
    """Return the newest evidence of each name, without that of placements, which have a table of their own."""
    found = [e for what in views.names(run) if (e := run.latest(what)) is not None]
    return [e for e in found if not places.is_placement(e)]


def _rows(run: Run, name: str) -> dict[str, Any] | None:
    """Return columns (name and how) and worded rows of a table, the lowest of its rates first; None without one."""
    table = run.tables.get(name)
    if table is None or not table.rows:
        return None
    rate = next(name for name in ("accuracy", "explained", "recall") if name in table.columns)
    at = table.columns.index(rate)
    rows = [
        [
            words.figure(value, unit, column) if isinstance(value, float) else str(value)
            for value, unit, column in zip(row, table.units, table.columns, strict=True)
        ]
        for row in sorted(table.rows, key=lambda row: float(row[at]))
    ]
    shown, left_out = views.cut(rows, MOST_IN_TABLE)
    return {"columns": list(zip(table.columns, table.how, strict=True)), "rows": shown, "left_out": left_out}
