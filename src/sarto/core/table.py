"""A table of figures (curve, matrix, timeline) with units and how they were obtained.

>>> Table("front", ("flash", "accuracy"), ("B", "1"), ((4096, 0.9),), ("estimated", "measured")).column("flash")
(4096,)
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Table:
    """Rows of values; `units` and `how` have one entry per column (`how` may be "" for names)."""

    name: str
    columns: tuple[str, ...]
    units: tuple[str, ...]
    rows: tuple[tuple[float | int | str, ...], ...]
    how: tuple[str, ...]

    def __post_init__(self) -> None:
        assert len(self.columns) == len(self.units) == len(self.how)
        assert all(len(row) == len(self.columns) for row in self.rows)

    def column(self, name: str) -> tuple[float | int | str, ...]:
        """Return the values of column `name`."""
        index = self.columns.index(name)
        return tuple(row[index] for row in self.rows)

    def records(self) -> list[dict[str, Any]]:
        """Return the rows, each with its values by the names of the columns."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def to_json(self) -> dict[str, Any]:
        """Return the table as plain JSON values."""
        return asdict(self)

    @staticmethod
    def from_json(data: dict[str, Any]) -> Table:
        """Return the table that `to_json` wrote."""
        return Table(
            data["name"],
            tuple(data["columns"]),
            tuple(data["units"]),
            tuple(tuple(row) for row in data["rows"]),
            tuple(data["how"]),
        )
