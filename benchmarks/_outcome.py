"""What a benchmark found: figures, and the bars that they are held against.

    {name, figures: {key: {value, unit, how, n, spread}}, bars: [{what, wanted, got, met}], environment}

`how` has the meaning of `sarto.core.evidence`; `n` is the number of observations behind the value and `spread` the
smallest and the largest of them (where the key names an interval, its bounds). A missed bar stays in the list.

>>> over_seeds("accuracy", [0.9, 1.0, 0.8], "1", "measured")
{'accuracy, mean': Figure(value=0.9, unit='1', how='measured', n=3, spread=(0.8, 1.0))}
>>> at_least("accuracy", 0.9, 0.92)
Bar(what='accuracy', wanted='>= 0.92', got=0.9, met=False)
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sarto.core.evidence import How


@dataclass(frozen=True)
class Figure:
    """One figure; see the top of the module."""

    value: float
    unit: str
    how: How
    n: int = 1
    spread: tuple[float, float] | None = None


@dataclass(frozen=True)
class Bar:
    """One limit of the claim, in words, with what was got and whether that meets it."""

    what: str
    wanted: str
    got: float
    met: bool


@dataclass(frozen=True)
class Outcome:
    """The figures of a benchmark by their names, and its bars; a quick run has none."""

    figures: dict[str, Figure]
    bars: tuple[Bar, ...] = ()

    def to_json(self, name: str, environment: dict[str, Any]) -> dict[str, Any]:
        """Return the outcome of benchmark `name` as plain JSON values."""
        return {
            "name": name,
            "figures": {key: asdict(figure) for key, figure in self.figures.items()},
            "bars": [asdict(bar) for bar in self.bars],
            "environment": environment,
        }


def over_seeds(
    what: str,
    values: Sequence[float],
    unit: str,
    how: How,
    pick: Literal["mean", "median", "largest"] = "mean",
) -> dict[str, Figure]:
    """Return one figure for `values`, named after what was picked of them, with smallest and largest as spread."""
    value = {"mean": statistics.fmean, "median": statistics.median, "largest": max}[pick](values)
    return {f"{what}, {pick}": Figure(value, unit, how, len(values), (min(values), max(values)))}


def at_least(what: str, got: float, limit: float) -> Bar:
    """Return the bar that `got` reaches `limit`."""
    return Bar(what, f">= {limit:g}", float(got), bool(got >= limit))


def at_most(what: str, got: float, limit: float) -> Bar:
    """Return the bar that `got` does not exceed `limit`."""
    return Bar(what, f"<= {limit:g}", float(got), bool(got <= limit))


def above(what: str, got: float, limit: float) -> Bar:
    """Return the bar that `got` exceeds `limit`."""
    return Bar(what, f"> {limit:g}", float(got), bool(got > limit))
