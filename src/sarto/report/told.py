"""What a page tells, whatever it is about: evidence, findings and tables under a name, with where they come from.

>>> class Example(Told):
...     "An example."
...     FORMAT = "sarto-example/1"
>>> told = Example("demo", "nothing happened", "sarto demo", (), (), {}, {})
>>> Example.from_json(told.to_json()) == told
True
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from sarto.core.evidence import Evidence
from sarto.core.finding import Finding
from sarto.core.table import Table


@dataclass(frozen=True)
class Told:
    """What a page tells; each kind of page has a class of its own, which says what tables it has.

    Attributes:
        name: of what it is about.
        summary: in a sentence.
        command: that shows it again.
        evidence: its first figures.
        findings: what must not be overlooked.
        tables: by name.
        provenance: plain values: files and their hashes, settings, versions.
    """

    FORMAT: ClassVar[str] = ""

    name: str
    summary: str
    command: str
    evidence: tuple[Evidence, ...]
    findings: tuple[Finding, ...]
    tables: Mapping[str, Table]
    provenance: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {
            "format": self.FORMAT,
            "name": self.name,
            "summary": self.summary,
            "command": self.command,
            "evidence": [e.to_json() for e in self.evidence],
            "findings": [f.to_json() for f in self.findings],
            "tables": {name: table.to_json() for name, table in self.tables.items()},
            "provenance": dict(self.provenance),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Return what `to_json` wrote."""
        return cls(
            data["name"],
            data["summary"],
            data["command"],
            tuple(Evidence.from_json(e) for e in data["evidence"]),
            tuple(Finding.from_json(f) for f in data["findings"]),
            {name: Table.from_json(t) for name, t in data["tables"].items()},
            data["provenance"],
        )
