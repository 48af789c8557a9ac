"""The report as one JSON document: what `sarto report OUT --json` prints.

Returns plain JSON values only; numbers are in base units (B, s, J, instructions, 1), each with its `how`.
"""

from __future__ import annotations

from typing import Any

from sarto.report.run import Run


def as_json(run: Run) -> dict[str, Any]:
    """Return everything the report shows as plain JSON values."""
    return {
        "format": "sarto-report/1",
        "artifact": dict(run.artifact),
        "verdict": run.verdict.to_json(),
        "front": {
            "points": [p.to_json() for p in run.points],
            "chosen": run.chosen,
            "objectives": list(run.objectives),
        },
        "recipe": run.recipe.to_json(),
        "evidence": [e.to_json() for e in run.evidence],
        "findings": [dict(f) for f in run.findings],
        "tables": [t.to_json() for t in run.tables.values()],
        "provenance": dict(run.provenance),
    }
