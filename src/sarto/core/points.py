"""Operating points: a model, or a setting of one, with its cost and quality; and the front of the best.

>>> a = OperatingPoint("a", {}, (Evidence("flash", 10, "B", "estimated", "plan"),
...                              Evidence("validation error", 0.1, "1", "measured", "interpreter")))
>>> b = OperatingPoint("b", {}, (Evidence("flash", 20, "B", "estimated", "plan"),
...                              Evidence("validation error", 0.2, "1", "measured", "interpreter")))
>>> [p.name for p in front([a, b], ("flash", "validation error"))]
['a']
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sarto.core.evidence import Evidence


@dataclass(frozen=True)
class OperatingPoint:
    """A named point: the `settings` that make it, and the evidence of what it costs and how good it is."""

    name: str
    settings: Mapping[str, Any]
    evidence: tuple[Evidence, ...]

    def __getitem__(self, what: str) -> float:
        """Return the value of the evidence named `what`."""
        return self.find(what).value

    def find(self, what: str) -> Evidence:
        """Return the evidence named `what`.

        Raises:
            KeyError: when the point has none.
        """
        for item in self.evidence:
            if item.what == what:
                return item
        raise KeyError(f"point {self.name} has no evidence of {what}")

    def to_json(self) -> dict[str, Any]:
        """Return the point as plain JSON values."""
        return {
            "name": self.name,
            "settings": dict(self.settings),
            "evidence": [e.to_json() for e in self.evidence],
        }

    @staticmethod
    def from_json(data: dict[str, Any]) -> OperatingPoint:
        """Return the point that `to_json` wrote."""
        return OperatingPoint(
            data["name"], data["settings"], tuple(Evidence.from_json(e) for e in data["evidence"])
        )


def unbeaten(values: Sequence[tuple[float, ...]]) -> list[int]:
    """Return the indices of the values that no other beats: not worse in every place and better in one.

    Smaller is better. Of equal values the first stays.

    >>> unbeaten([(1, 2), (2, 1), (2, 2), (1, 2)])
    [0, 1]
    """

    def beats(j: int, i: int) -> bool:
        other, mine = values[j], values[i]
        return all(o <= m for o, m in zip(other, mine, strict=True)) and (other != mine or j < i)

    return [i for i in range(len(values)) if not any(beats(j, i) for j in range(len(values)) if j != i)]


def front(points: Sequence[OperatingPoint], objectives: Sequence[str]) -> list[OperatingPoint]:
    """Return the points that no other point beats in `objectives`, all of them minimised, in the order given."""
    return [points[i] for i in unbeaten([tuple(p[o] for o in objectives) for p in points])]


def told_apart(points: list[OperatingPoint]) -> list[OperatingPoint]:
    """Return the points with a number on the names that were there before: steps of a recipe may be alike."""
    names: list[str] = []
    for point in points:
        again = sum(name.partition(" (")[0] == point.name for name in names)
        names.append(f"{point.name} ({again + 1})" if again else point.name)
    return [replace(point, name=name) for point, name in zip(points, names, strict=True)]
