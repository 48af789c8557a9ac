"""What the sections of a federation's page show, worked out from its tables: rows, spreads over clients, a picture.

Returns plain values. What is more than a page can carry is cut or chosen evenly.

>>> clip("a very long name", 8), even([(5.0, 0), (1.0, 1), (4.0, 2)], 2)
('a very …', [(5.0, 0), (1.0, 1)])
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sarto.core.table import Table
from sarto.report.palette import KINDS

MOST_METHODS = KINDS
"""Methods that are drawn; there is a colour for each."""
MOST_CLIENTS, MOST_CLASSES = 60, 24
"""Clients and classes of the picture."""
MOST_LETTERS = 40
"""Of a name; of a class in the picture there are fewer."""
BINS = 20
"""Of a distribution over clients."""
CELL, RADIUS, BARS, LABEL_LETTERS = 11, 5.2, 34, 16
"""Of the picture, in px: a cell, its largest disc, the row of sizes; letters of a class name."""


@dataclass(frozen=True)
class Spread:
    """How a method does over the clients: `bars` are shares of the tallest bar, of accuracies from 0 to 1."""

    number: int
    method: str
    clients: int
    lowest: float
    tenth: float
    median: float
    mean: float
    bars: list[float]


@dataclass(frozen=True)
class Picture:
    """Clients (columns, the largest first) and their items of each class (rows), as places and radii in px.

    Attributes:
        width, height, left: of the drawing, and where its columns begin.
        bars: of each client, x and height of the bar of its size.
        rows: of each class its name, y, and its discs: x, radius.
        clients, left_out: how many are drawn, and how many are not.
        classes_left_out: how many classes are in the last row together.
        largest, most: items of the largest client, and of the largest disc.
    """

    width: int
    height: int
    left: int
    bars: list[tuple[str, float, float]]
    rows: list[tuple[str, float, list[tuple[str, str]]]]
    clients: int
    left_out: int
    classes_left_out: int
    largest: int
    most: int


def clip(text: Any, most: int = MOST_LETTERS) -> str:
    """Return a name, cut where it is too long for a page."""
    words = str(text)
    return words if len(words) <= most else words[: most - 1] + "…"


def even(values: Sequence[tuple[float, int]], most: int) -> list[tuple[float, int]]:
    """Return the values from the largest to the smallest, at most so many, evenly chosen by rank."""
    order = sorted(values, reverse=True)
    if len(order) <= most:
        return order
    return [order[round(i * (len(order) - 1) / (most - 1))] for i in range(most)]


def methods(table: Table) -> list[dict[str, Any]]:
    """Return the rows of the table of methods by column, numbered from 1."""
    return [{"number": number, **row} for number, row in enumerate(table.records(), 1)]


def spreads(table: Table) -> list[Spread]:
    """Return how each method does over the clients that have test items."""
    found: list[Spread] = []
    for number, method in enumerate(table.columns[3 : 3 + MOST_METHODS], 1):
        seen = sorted(float(v) for v in table.column(method) if isinstance(v, int | float))
        if not seen:
            continue
        counts = [0] * BINS
        for value in seen:
            counts[min(BINS - 1, int(value * BINS + 1e-9))] += 1
        bars = [count / max(counts) for count in counts]
        n = len(seen)
        tenth, median = (seen[min(n - 1, int(share * n))] for share in (0.1, 0.5))
        found.append(Spread(number, method, n, seen[0], tenth, median, sum(seen) / n, bars))
    return found


def worst(table: Table, most: int) -> tuple[list[tuple[Any, ...]], int]:
    """Return clients by what the first method gets right of their test items, the least first, and how many are not.

    Of clients that are equally bad, those with more test items come first. There are columns for `MOST_METHODS`.
    """
    width = 3 + MOST_METHODS
    rows = [row[:width] for row in table.rows if len(row) > 3 and isinstance(row[3], int | float)]
    rows.sort(key=lambda row: (float(row[3]), -float(row[2])))
    return rows[:most], max(0, len(rows) - most)


def answers(table: Table) -> list[dict[str, Any]]:
    """Return what became of what each method asked for, over all its rounds."""
    sums: dict[str, dict[str, Any]] = {}
    names = ("asked", "answered", "late", "twice", "refused", "folded")
    at = {name: table.columns.index(name) for name in (*names, "method")}
    for row in table.rows:
        method = str(row[at["method"]])
        total = sums.setdefault(method, {"method": method, **dict.fromkeys(names, 0)})
        for name in names:
            value = row[at[name]]
            total[name] += value if isinstance(value, int | float) else 0
    return list(sums.values())


def picture(table: Table) -> Picture | None:
    """Return the picture of who holds what, or None where nobody holds anything."""
    sized = [(sum(float(v) for v in row[1:]), -i) for i, row in enumerate(table.rows)]
    holders = [pair for pair in sized if pair[0] > 0]
    if not holders or len(table.columns) < 2:
        return None
    chosen = [table.rows[-i] for _, i in even(holders, MOST_CLIENTS)]
    classes = list(range(1, len(table.columns)))
    totals = {c: sum(float(row[c]) for row in table.rows) for c in classes}
    others = list[int]()
    if len(classes) > MOST_CLASSES:
        kept = set(sorted(classes, key=lambda c: -totals[c])[: MOST_CLASSES - 1])
        others = [c for c in classes if c not in kept]
        classes = [c for c in classes if c in kept]
    lines = [(clip(table.columns[c], LABEL_LETTERS), [int(row[c]) for row in chosen]) for c in classes]
    if others:
        lines.append((f"{len(others)} others", [sum(int(row[c]) for c in others) for row in chosen]))
    most = max(max(counts) for _, counts in lines) or 1
    sizes = [sum(int(v) for v in row[1:]) for row in chosen]
    left = max(46, 14 + math.ceil(6.6 * max(len(name) for name, _ in lines)))
    rows: list[tuple[str, float, list[tuple[str, str]]]] = []
    for line, (name, counts) in enumerate(lines):
        discs = [
            (f"{left + CELL * (i + 0.5):g}", f"{max(0.8, RADIUS * math.sqrt(count / most)):.2g}")
            for i, count in enumerate(counts)
            if count
        ]
        rows.append((name, BARS + 6 + (CELL + 4) * (line + 0.5), discs))
    bars = [
        (clip(row[0], 20), left + CELL * i + 1.5, max(1.0, round(BARS * size / max(sizes), 1)))
        for i, (row, size) in enumerate(zip(chosen, sizes, strict=True))
    ]
    return Picture(
        left + CELL * len(chosen) + 4,
        BARS + 10 + (CELL + 4) * len(lines),
        left,
        bars,
        rows,
        len(chosen),
        len(holders) - len(chosen),
        len(others),
        max(sizes),
        most,
    )
