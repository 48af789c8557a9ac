"""Findings of an audit under the headings of two public frameworks, without a claim that either is met.

Returns one `Heading` for each kind of finding that the audit has: what was found in a sentence, the point of the
technical documentation of the EU AI Act that asks for it, and the subcategory of the NIST AI RMF.

Source: Regulation (EU) 2024/1689, Annex IV, points 2(d), 2(g), 3 and 4; NIST AI 100-1 (2023), Artificial Intelligence
Risk Management Framework 1.0, tables 2 and 3, MAP 2.3, MEASURE 2.1, 2.3, 2.5, 2.7 and 2.11.

>>> [h.annex for h in headings(Audited("net", "", "", (), (), (), {}, {}))]
['Annex IV, 2(g): validation and testing procedures, metrics, test data']
"""

from __future__ import annotations

from dataclasses import dataclass

from sarto.core.table import Table
from sarto.report.audited import Audited

GROUPS = "Annex IV, 3: degrees of accuracy for specific persons or groups; sources of risk of discrimination"
ROBUST = "Annex IV, 2(g): metrics of accuracy, robustness and potentially discriminatory impacts"
TESTED = "Annex IV, 2(g): validation and testing procedures, metrics, test data"
METRICS = "Annex IV, 4: appropriateness of the performance metrics"
FAIR = "MEASURE 2.11: fairness and bias are evaluated, and results documented"
RESILIENT = "MEASURE 2.7: security and resilience are evaluated and documented"
VALID = (
    "MEASURE 2.5: the system is demonstrated to be valid and reliable; limits of generalisation documented"
)
RECORDED = "MEASURE 2.1: test sets, metrics, and details about the tools are documented"
PERFORMANCE = "MEASURE 2.3: performance is measured for conditions similar to deployment"


@dataclass(frozen=True)
class Heading:
    """What was found, in a sentence, and where such a finding would stand in each framework."""

    found: str
    annex: str
    nist: str


def headings(audited: Audited) -> list[Heading]:
    """Return where the findings of an audit would stand."""
    rows: list[Heading] = []
    tables = audited.tables
    if (worst := _worst(tables.get("gain"), "gain")) is not None:
        rows.append(Heading(f"The smaller model gains least in: {worst}.", GROUPS, FAIR))
    if (worst := _worst(tables.get("subgroups"), "divergence")) is not None:
        rows.append(Heading(f"The subgroup that differs most from all rows: {worst}.", GROUPS, FAIR))
    figures = {e.what: e for e in audited.evidence}
    if "critical" in figures:
        share = figures["critical"]
        found = f"Of {share.n or 0:,} injected faults {100 * share.value:.3g} % were critical."
        rows.append(Heading(found, ROBUST, RESILIENT))
    if "formats" in tables:
        found = f"Accuracy was measured in {len(tables['formats'].rows)} number formats, and with wrong bits."
        rows.append(Heading(found, ROBUST, VALID))
    if audited.gates:
        held = sum(gate.passed for gate in audited.gates)
        rows.append(
            Heading(
                f"{held} of {len(audited.gates)} criteria that were set beforehand hold.",
                METRICS,
                PERFORMANCE,
            )
        )
    found = (
        "The rows, their hash, and the command that shows every figure again stand at the end of this page."
    )
    rows.append(Heading(found, TESTED, RECORDED))
    return rows


def _worst(table: Table | None, column: str) -> str | None:
    """Return the name and the figure of the row that is furthest from 0; of a gain, the least."""
    if table is None or not table.rows:
        return None
    values = [float(v) for v in table.column(column)]
    at = min(range(len(values)), key=lambda i: values[i] if column == "gain" else -abs(values[i]))
    return f"{table.column('subgroup')[at]} ({100 * values[at]:+.2f} points)"
