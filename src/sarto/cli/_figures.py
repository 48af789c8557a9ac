"""The table of evidence that a verb added: each figure with its interval, how it was got, and by what."""

from __future__ import annotations

from collections.abc import Iterable

from sarto.cli import _answer
from sarto.core.evidence import Evidence


def show_figures(evidence: Iterable[Evidence]) -> None:
    """Print `figure | value | interval | how | by` of every item."""
    from sarto.report import words

    rows = [
        tuple(
            text.replace("\u00a0", " ")
            for text in (
                words.name(item.what),
                words.figure(item.value, item.unit, item.what),
                words.interval(item),
                item.how,
                item.tool,
            )
        )
        for item in evidence
    ]
    _answer.table(("figure", "value", "interval", "how", "by"), rows, right=(1,))
