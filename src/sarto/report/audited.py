"""What an audit found, as the page and the JSON document show it.

Returns `Audited`, a plain value of tables, evidence and findings that whoever ran the audit fills in.

>>> gate = GateRow("gain >= 0pp", False, "-1 point", ())
>>> [Audited("net", "one model", "sarto audit net.csv", gates, (), (), {}, {}).passed for gates in ((), (gate,))]
[None, False]
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sarto.core.evidence import Evidence
from sarto.core.finding import Finding
from sarto.core.table import Table

FORMAT = "sarto-audit/1"


@dataclass(frozen=True)
class GateRow:
    """A gate as it was written, whether it holds, what was found, and the rows that fail it: name and figures."""

    text: str
    passed: bool
    found: str
    failing: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Audited:
    """An audit.

    Attributes:
        name: of what was audited.
        summary: what was compared with what, in a sentence.
        command: that shows it again.
        gates: in the order in which they were asked.
        evidence: figures of the whole.
        findings: what must not be overlooked.
        tables: by name; `subgroups`, `gain`, `contributions`, `faults`, `fault map`, `hit groups`, `formats` are shown.
        provenance: plain values: the data and their hash, versions, settings.
    """

    name: str
    summary: str
    command: str
    gates: tuple[GateRow, ...]
    evidence: tuple[Evidence, ...]
    findings: tuple[Finding, ...]
    tables: Mapping[str, Table]
    provenance: Mapping[str, Any]

    @property
    def passed(self) -> bool | None:
        """Whether every gate holds; None when there is none."""
        return all(gate.passed for gate in self.gates) if self.gates else None

    def to_json(self) -> dict[str, Any]:
        """Return the audit as plain JSON values."""
        return {
            "format": FORMAT,
            "name": self.name,
            "summary": self.summary,
            "command": self.command,
            "passed": self.passed,
            "gates": [
                {
                    "gate": g.text,
                    "passed": g.passed,
                    "found": g.found,
                    "failing": [list(r) for r in g.failing],
                }
                for g in self.gates
            ],
            "evidence": [e.to_json() for e in self.evidence],
            "findings": [f.to_json() for f in self.findings],
            "tables": {name: table.to_json() for name, table in self.tables.items()},
            "provenance": dict(self.provenance),
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Audited:
        """Return the audit that `to_json` wrote."""
        return Audited(
            data["name"],
            data["summary"],
            data["command"],
            tuple(
                GateRow(g["gate"], g["passed"], g["found"], tuple((w, f) for w, f in g["failing"]))
                for g in data["gates"]
            ),
            tuple(Evidence.from_json(e) for e in data["evidence"]),
            tuple(Finding.from_json(f) for f in data["findings"]),
            {name: Table.from_json(t) for name, t in data["tables"].items()},
            data["provenance"],
        )
