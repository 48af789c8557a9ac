"""Gates on faults: how sure a campaign has to be for them, and whether they hold of everything that was made faulty.

A gate on faults has to hold of the integer network and of the image.

>>> from sarto.audit.gates import read_gate
>>> sure(Plan(error=0.05, confidence=0.9), [read_gate("critical <= 2% @ 99%")])
Plan(by='layer', error=0.01, confidence=0.99, most=None, seed=0)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sarto.audit.faults.campaign import Plan
from sarto.audit.faults.report import Report
from sarto.audit.gates import Gate, Judged, judge_figure
from sarto.core.evidence import Evidence

NAMES = {
    "critical": "critical faults",
    "misclassified": "inputs that a fault makes wrong",
    "hurt": "faults that make over 10% of the inputs wrong",
    "due": "due faults",
    "mttf": "MTTF",
    "mttf_ratio": "MTTF ratio",
}
"""Figure of a gate -> evidence of a campaign."""


def sure(plan: Plan, gates: Sequence[Gate]) -> Plan:
    """Return a plan by which the gates can be judged: shares are known to half of their limits, as surely as asked."""
    shares = [abs(g.limit) / 2 for g in gates if g.figure not in ("mttf", "mttf_ratio") and g.limit]
    confidence = max([plan.confidence, *(g.confidence for g in gates if g.confidence is not None)])
    return replace(plan, error=min([plan.error, *shares]), confidence=confidence)


def judge(gate: Gate, reports: Sequence[Report], evidence: Sequence[Evidence]) -> Judged:
    """Return whether a gate holds of everything that was made faulty."""
    by_name = {e.what: e for e in evidence}
    judged: list[tuple[str, Judged]] = []
    for report in reports:
        found = by_name.get(f"{NAMES[gate.figure]}, {report.space}")
        if found is None and gate.figure == "mttf_ratio":
            continue
        if found is None and gate.figure == "mttf":  # no critical fault was drawn, so only its least is known
            judged.append((report.space, Judged(gate, gate.at_least, None, "no critical fault was seen")))
            continue
        judged.append((report.space, judge_figure(gate, {gate.figure: found} if found else {})))
    words = "; ".join(f"{space}: {j.found}" for space, j in judged) or "nothing to compare"
    failing = tuple((space, j.found) for space, j in judged if not j.passed)
    worst = min(judged, key=lambda pair: pair[1].passed)[1].got if judged else None
    return Judged(gate, bool(judged) and not failing, worst, words, failing)
