"""A recipe: the ordered steps that made a model, given or recorded.

>>> recipe = Recipe((Step("reservoir", {"cell": "esn", "units": 100}), Step("ptq", {"weight_bits": 8})))
>>> print(recipe)
reservoir(cell=esn, units=100) > ptq(weight_bits=8)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Step:
    """One step: the method's name and its settings."""

    method: str
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __str__(self) -> str:
        return f"{self.method}({', '.join(f'{k}={v}' for k, v in self.settings.items())})"


@dataclass(frozen=True)
class Recipe:
    """Steps in the order in which they ran."""

    steps: tuple[Step, ...]

    def __str__(self) -> str:
        return " > ".join(map(str, self.steps))

    def to_json(self) -> list[dict[str, Any]]:
        """Return the recipe as plain JSON values."""
        return [{"method": s.method, "settings": dict(s.settings)} for s in self.steps]

    @staticmethod
    def from_json(data: list[dict[str, Any]]) -> Recipe:
        """Return the recipe that `to_json` wrote."""
        return Recipe(tuple(Step(s["method"], s["settings"]) for s in data))
