"""Outcomes as text: a table of figures and one of bars, columns aligned.

>>> print(aligned([("flash", "1.2 kB"), ("peak stack", "96 B")]))
flash       1.2 kB
peak stack  96 B
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sarto.core.units import format_quantity


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Return `rows` with columns of equal width, two spaces apart."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def outcome_text(outcome: dict[str, Any]) -> str:
    """Return the JSON form of an outcome as text for people."""
    figures = [("figure", "value", "how", "n", "smallest .. largest")]
    for key, figure in outcome["figures"].items():
        unit = figure["unit"]
        spread = figure["spread"]
        shown = " .. ".join(format_quantity(v, unit) for v in spread) if spread else ""
        figures.append((key, format_quantity(figure["value"], unit), figure["how"], str(figure["n"]), shown))
    parts = [aligned(figures)]
    if outcome["bars"]:
        bars = [("bar", "wanted", "got", "met")]
        for bar in outcome["bars"]:
            bars.append((bar["what"], bar["wanted"], f"{bar['got']:.5g}", "yes" if bar["met"] else "MISSED"))
        parts.append(aligned(bars))
    return "\n\n".join(parts)


def summary(outcome: dict[str, Any] | None) -> str:
    """Return in one phrase how a kept outcome (or None) stands.

    >>> summary({"bars": []})
    'measured, nothing to be met'
    """
    if outcome is None:
        return "no result kept"
    if not outcome["bars"]:
        return "measured, nothing to be met"
    met = sum(bar["met"] for bar in outcome["bars"])
    return f"{met} of {len(outcome['bars'])} bars met"
