"""Measured figures, taken from `benchmarks/results/*.json` when the page is built: none is written by hand.

>>> figure("seeded_weights", "64 units, 8 inputs, cortex_m4, -Os: flash saved").endswith("(measured)")
True
"""

from __future__ import annotations

import difflib
import fnmatch
import json
import re
from pathlib import Path
from typing import Any

from docs._parts._docstrings import escaped
from docs._parts._tables import table
from sarto.core.units import format_quantity

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks" / "results"
ROUNDING = 1e-9
"""What is smaller, as a difference of two equal accuracies can be, is shown as 0."""
SIGNS: dict[str, str] = {"<=": "≤", ">=": "≥"}


def figure(benchmark: str, name: str) -> str:
    """Return one figure as words: its value, and how it was come by.

    Raises:
        LookupError: when the benchmark has no result, or none of that name.
    """
    found: dict[str, Any] = _outcome(benchmark)["figures"]
    if name not in found:
        near = difflib.get_close_matches(name, found, n=3, cutoff=0.4)
        raise LookupError(f"{benchmark} has no figure '{name}'; near it: {near}")
    return f"{_shown(found[name]['value'], found[name]['unit'])} ({found[name]['how']})"


def figures(benchmark: str, *patterns: str) -> str:
    """Return a table of the figures whose names match a pattern (`*` is anything), with their spread.

    Raises:
        LookupError: when the benchmark has no result, or no figure matches a pattern.
    """
    found = _outcome(benchmark)["figures"]
    rows: list[tuple[str, ...]] = []
    for pattern in patterns:
        names = [name for name in found if fnmatch.fnmatchcase(name, pattern)]
        if not names:
            raise LookupError(f"{benchmark} has no figure that matches '{pattern}'")
        rows += [_row(name, found[name]) for name in names]
    rows = list(dict.fromkeys(rows))
    caption = f"From `python -m benchmarks {benchmark}`."
    return f"{table(('figure', 'value', 'range', 'n', 'how'), rows, right=(1, 2, 3))}\n\n{caption}"


def compared(benchmark: str, name: str) -> str:
    """Return a table of figures whose names are made of a row and a column, such as `{column}, {row}: accuracy`.

    Raises:
        LookupError: when the benchmark has no result, no name fits, or one of the table's is missing.
    """
    found = _outcome(benchmark)["figures"]
    form = re.escape(name).replace(r"\{row\}", "(?P<row>[^,:]+)").replace(r"\{column\}", "(?P<column>[^,:]+)")
    matched = [match for match in (re.fullmatch(form, known) for known in found) if match]
    rows, columns = (list(dict.fromkeys(match[part] for match in matched)) for part in ("row", "column"))
    names = [[name.format(row=row, column=column) for column in columns] for row in rows]
    if missing := [wanted for line in names for wanted in line if wanted not in found] or (
        [] if rows else [name]
    ):
        raise LookupError(f"{benchmark} has no figure '{missing[0]}'")
    lines = [(row, *(_with_range(found[n]) for n in line)) for row, line in zip(rows, names, strict=True)]
    return table(("", *columns), lines, right=range(1, len(columns) + 1))


def bars(*benchmarks: str) -> str:
    """Return a table of every bar that the benchmarks set themselves, met or missed; without a name of all of them.

    Raises:
        LookupError: when a benchmark has no result.
    """
    rows = [
        (
            f"`{name}`",
            escaped(bar["what"]),
            _unbroken(bar["wanted"]),
            _number(bar["got"]),
            _met(bar["met"]),
        )
        for name in benchmarks or sorted(path.stem for path in RESULTS.glob("*.json"))
        for bar in _outcome(name)["bars"]
    ]
    missed = sum(row[-1] != "met" for row in rows)
    intro = f"{len(rows)} bars, of which {missed} are missed."
    return f"{intro}\n\n{table(('benchmark', 'what', 'wanted', 'got', ''), rows, right=(3,))}"


def _outcome(benchmark: str) -> dict[str, Any]:
    path = RESULTS / f"{benchmark}.json"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in RESULTS.glob("*.json")))
        raise LookupError(f"there is no result of a benchmark {benchmark}; there are {known}")
    return json.loads(path.read_text(encoding="utf-8"))


def _row(name: str, figure: dict[str, Any]) -> tuple[str, ...]:
    unit, spread = figure["unit"], figure["spread"]
    shown = " to ".join(_shown(value, unit) for value in spread) if spread else ""
    return escaped(name), _shown(figure["value"], unit), shown, str(figure["n"]), figure["how"]


def _with_range(figure: dict[str, Any]) -> str:
    value = _shown(figure["value"], figure["unit"])
    if not figure["spread"]:
        return value
    low, high = (_shown(end, figure["unit"]) for end in figure["spread"])
    return f"{value} ({low} to {high})"


def _shown(value: float, unit: str) -> str:
    if unit == "1" and abs(value) < 1:
        few = ROUNDING < abs(value) < 0.01
        return f"{value:.2g}" if few else f"{round(value, 3) + 0.0:.3f}"  # no minus before a zero
    if abs(value) < 1000 and value != int(value):
        value = float(f"{value:.4g}")
    return format_quantity(value, unit)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _unbroken(wanted: str) -> str:
    r"""Return a bar such as `<= 1e+09` as the number it is, on one line.

    >>> _unbroken("<= 1e+09")
    '≤\xa01,000,000,000'
    """
    sign, _, limit = wanted.partition(" ")
    return f"{SIGNS.get(sign, sign)}\xa0{_number(float(limit))}"


def _met(met: bool) -> str:
    return "met" if met else "**missed**"
