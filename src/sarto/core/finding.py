"""A finding: what must not be overlooked about a model or its data, in words that carry their numbers.

>>> print(Finding("echo-state gap", "warning", "after 100 steps the first state still counts for 30 %"))
warning: echo-state gap: after 100 steps the first state still counts for 30 %
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["warning", "note"]
"""warning: something is to be done. note: a property that decides how the model is to be used."""


@dataclass(frozen=True)
class Finding:
    """One finding.

    Attributes:
        what: the quantity or the fault it is about.
        severity: see `Severity`.
        text: what was found with its numbers, and what to do.
    """

    what: str
    severity: Severity
    text: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.what}: {self.text}"

    def to_json(self) -> dict[str, str]:
        """Return the finding as plain JSON values, as a line of `findings.jsonl`."""
        return asdict(self)

    @staticmethod
    def from_json(fields: Mapping[str, Any]) -> Finding:
        """Return the finding that `to_json` wrote."""
        return Finding(fields["what"], fields["severity"], fields["text"])
