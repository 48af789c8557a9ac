"""Faults for `sarto audit OUT`: runs what was asked for, and returns tables for the page, evidence and judged gates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Shaped

from sarto.audit.faults.model import Fault
from sarto.audit.gates import OF_FAULTS, Gate, Judged
from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence
from sarto.core.finding import Finding
from sarto.core.progress import Talk
from sarto.core.table import Table

if TYPE_CHECKING:
    from sarto.audit.faults.report import Report


@dataclass(frozen=True)
class Campaign:
    """What was asked of faults.

    Attributes:
        where: graph, image or container; none for all that there are.
        fault: of what kind.
        error: half-width of the interval of the critical share at which a campaign ends.
        confidence: of the intervals.
        by: what has a sample of its own.
        fit: failures of 10^6 bits in 10^9 hours, or None.
        guard: that the image has; then it is what is judged, beside the image without.
    """

    where: tuple[str, ...]
    fault: Fault
    error: float
    confidence: float
    by: Any
    fit: float | None
    guard: str | None


@dataclass(frozen=True)
class Found:
    """Tables, evidence, findings and judgements, to be added to those of an audit."""

    tables: Mapping[str, Table]
    evidence: tuple[Evidence, ...]
    findings: tuple[Finding, ...]
    judged: tuple[Judged, ...]
    words: str


def inject(
    out: Path,
    against: Path | None,
    asked: Campaign,
    gates: Sequence[Gate],
    groups: Mapping[str, Shaped[np.ndarray, " row"]],
    command: str,
    talk: Talk,
) -> Found:
    """Return what faults do to the model in `out`.

    Args:
        out: an output folder.
        against: the folder of the same model without guards, for `mttf_ratio`.
        asked: how.
        gates: of faults are judged, others left out.
        groups: of every test item, what makes groups.
        command: that shows the figures again.
        talk: hears progress.
    """
    from sarto.audit.faults.campaign import Plan
    from sarto.audit.faults.folder import audit_folder
    from sarto.audit.faults.gates import judge, sure
    from sarto.audit.faults.ratio import mttf_ratios
    from sarto.audit.faults.shown import fault_map, hit_groups, outcomes
    from sarto.deploy.guard import Guards
    from sarto.measure.model import read_pinned

    wanted = [gate for gate in gates if gate.figure in OF_FAULTS]
    plan = sure(Plan(by=asked.by, error=asked.error, confidence=asked.confidence), wanted)
    places: Any = asked.where or None
    if any(g.figure == "mttf" for g in wanted) and asked.fit is None:
        hint = "give the failures of 10^6 bits in 10^9 hours: --fit 100"
        raise SartoError(
            "E161", "an MTTF needs --fit", cause="it follows from how often a bit fails", hint=hint
        )

    guards = None if asked.guard is None else Guards.of(asked.guard)
    if guards is not None:
        if against is not None or asked.where not in ((), ("image",)):
            cause = "a guard is judged in the image, beside the same image without it"
            raise SartoError("E112", "--guard with --against or --where", cause=cause, hint="leave them out")
        places = ("image",)
    chosen: list[Evidence] = []
    if guards is not None and guards.copy is not None:
        from sarto.audit.faults.copies import choose_folder

        copies, chosen = choose_folder(out, guards.copy, talk=talk, cache=out / ".audit", command=command)
        guards = replace(guards, copy=copies)

    def campaign(folder: Path, guards: Guards | None = None) -> list[Report]:
        return audit_folder(
            folder,
            places,
            guards=guards,
            plan=plan,
            fault=asked.fault,
            talk=talk,
            cache=folder / ".audit",
            command=command,
            raw_fit_per_mbit=asked.fit,
        )

    reports = campaign(out, guards)
    evidence = [*chosen, *(e for report in reports for e in report.evidence)]
    if guards is not None or any(g.figure == "mttf_ratio" for g in wanted):
        if against is None and guards is None:
            cause = "it compares a model with guards with the same one without"
            hint = "--guard flash, or --against OUT, the folder of the model without guards"
            raise SartoError("E161", "mttf_ratio needs --against", cause=cause, hint=hint)
        evidence += mttf_ratios(reports, campaign(against or out), command)
    tables = {
        "faults": outcomes(reports),
        "fault map": fault_map(reports[0], 2),
        "fault map by part": fault_map(reports[0], 1),
    }
    of_graph = next((r for r in reports if r.space == "graph"), None)
    hit = None if of_graph is None else hit_groups(of_graph, groups, len(read_pinned(out)))
    if hit is not None:
        tables["hit groups"] = hit
    for report in reports:
        for table in report.tables:
            tables[table.name] = table
    judged = tuple(judge(gate, reports, evidence) for gate in wanted)
    findings = tuple(finding for report in reports for finding in report.findings)
    if guards is not None:
        evidence = [replace(e, what=f"{e.what} with the guard {guards}") for e in evidence]
    words = ", ".join(f"{r.rates.faults:,} of the {r.space}'s {r.bits:,} bits" for r in reports)
    text = f"Faults were drawn at random ({_told(asked.fault)}): {words}; intervals at {100 * plan.confidence:g} %."
    return Found(tables, tuple(evidence), findings, judged, text)


def _told(fault: Fault) -> str:
    """Return a kind of fault in words."""
    pattern = "" if fault.pattern == "single" else fault.pattern
    extent = str(fault.extent) if fault.pattern not in ("single", "channel") else ""
    return " ".join(filter(None, ("permanent" * fault.permanent, fault.kind, pattern, extent)))
