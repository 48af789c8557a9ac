"""Evidence: one figure with where it comes from, and the append-only ledger that keeps them.

>>> e = Evidence("flash", 5000, "B", "measured", "ELF of zig cc 0.17.0", "sarto fit x.npz")
>>> print(e)
flash 5 kB (measured)
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from sarto.core.units import format_quantity

How = Literal["measured", "emulated", "estimated", "declared"]
"""measured: the thing itself, here. emulated: the real binary in an emulator. estimated: a model, named
in `tool`. declared: a data sheet or paper, cited in `tool`."""


@dataclass(frozen=True)
class Evidence:
    """One figure.

    Attributes:
        what: the quantity's name, such as `flash` or `test accuracy`.
        value: the figure in `unit` (`B`, `s`, `J`, `instructions`, `1` for a ratio).
        how: see `How`.
        tool: what produced it: program and version, model, or citation.
        command: the command that shows it again.
        n: number of observations behind it, if more than one.
        interval: lower and upper bound (95 % unless `tool` says otherwise; min and max for counts).
        seed: of the random draw behind it.
        subject_sha256: hash of the artifact or graph the figure belongs to.
    """

    what: str
    value: float
    unit: str
    how: How
    tool: str
    command: str = ""
    n: int | None = None
    interval: tuple[float, float] | None = None
    seed: int | None = None
    subject_sha256: str = ""

    def __post_init__(self) -> None:
        assert self.how in get_args(How), f"unknown kind of evidence {self.how!r}"

    def __str__(self) -> str:
        return f"{self.what} {format_quantity(self.value, self.unit)} ({self.how})"

    def to_json(self) -> dict[str, Any]:
        """Return the fields as plain JSON values, without those that are empty."""
        return {k: v for k, v in asdict(self).items() if v is not None and v != ""}

    @staticmethod
    def from_json(fields: dict[str, Any]) -> Evidence:
        """Return the evidence that `to_json` wrote."""
        interval: list[float] | None = fields.get("interval")
        kept: dict[str, Any] = {
            **fields,
            "interval": None if interval is None else (interval[0], interval[1]),
        }
        return Evidence(**kept)


@dataclass(frozen=True)
class Ledger:
    """The evidence of one artifact, one JSON object per line of `path`; lines are only ever added."""

    path: Path

    def append(self, *evidence: Evidence) -> None:
        """Add `evidence` at the end, one line each, or nothing of it.

        Raises:
            ValueError: when a figure is no finite number.
        """
        lines = [json.dumps(item.to_json(), sort_keys=True, allow_nan=False) + "\n" for item in evidence]
        with self.path.open("a", encoding="utf-8") as file:
            file.write("".join(lines))

    def __iter__(self) -> Iterator[Evidence]:
        if not self.path.exists():
            return
        with self.path.open(encoding="utf-8") as file:
            for line in file:
                yield Evidence.from_json(json.loads(line))

    def latest(self, what: str) -> Evidence | None:
        """Return the newest evidence named `what`, or None."""
        found = None
        for item in self:
            if item.what == what:
                found = item
        return found
