"""What a federation came to, as the page and the JSON document show it.

Returns `Federated`, a plain value of tables, evidence and findings that whoever ran the federation fills in.

| table | a row for each |
|---|---|
| methods | method (a chain of stages): accuracy, rounds, bytes both ways, computations, what the first accuracy took |
| rounds | method and round: who was asked, answered, was late, heard twice, refused; bytes; drift |
| accuracy | method and look at the model: round, bytes on the air until then, accuracy |
| clients | client: items, test items, and the accuracy of each method on them |
| classes | client: its items of each class |
| drift | level of unevenness and method: cosine and ratio of what clients changed, accuracy |
| device | figure of the image, where one is made: its value, unit and how it was come by |
| leaks of clients | client: what its upload reveals, see `sarto.audit.leaks` |

>>> found = Federated("demo", "8 clients", "sarto federate simulate demo.toml", (), (), {}, {})
>>> Federated.from_json(found.to_json()) == found
True
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sarto.core.evidence import Evidence
from sarto.core.finding import Finding
from sarto.core.table import Table

FORMAT = "sarto-federation/1"


@dataclass(frozen=True)
class Federated:
    """A federation that was simulated.

    Attributes:
        name: of it.
        summary: who learned what, in a sentence.
        command: that shows it again.
        evidence: figures of the first method.
        findings: what must not be overlooked.
        tables: by name, see the module.
        provenance: plain values: the data and their hash, the file, versions.
    """

    name: str
    summary: str
    command: str
    evidence: tuple[Evidence, ...]
    findings: tuple[Finding, ...]
    tables: Mapping[str, Table]
    provenance: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return the federation as plain JSON values."""
        return {
            "format": FORMAT,
            "name": self.name,
            "summary": self.summary,
            "command": self.command,
            "evidence": [e.to_json() for e in self.evidence],
            "findings": [f.to_json() for f in self.findings],
            "tables": {name: table.to_json() for name, table in self.tables.items()},
            "provenance": dict(self.provenance),
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Federated:
        """Return the federation that `to_json` wrote."""
        return Federated(
            data["name"],
            data["summary"],
            data["command"],
            tuple(Evidence.from_json(e) for e in data["evidence"]),
            tuple(Finding.from_json(f) for f in data["findings"]),
            {name: Table.from_json(t) for name, t in data["tables"].items()},
            data["provenance"],
        )
