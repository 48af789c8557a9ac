"""Faults and number formats for `sarto audit OUT`: the campaigns, their tables for the page, and the gates on them.

A gate on faults has to hold of everything that was made faulty: of the integer network and of the image.
"""

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

MOST_GROUPS = 12
"""Different values of a column up to which it is shown whom faults hit."""


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
    from sarto.deploy.guard import Guards

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
        "faults": _outcomes(reports),
        "fault map": _map(reports[0], 2),
        "fault map by part": _map(reports[0], 1),
    }
    hit = _hit(out, reports, groups)
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


def _outcomes(reports: Sequence[Report]) -> Table:
    rows: list[tuple[float | int | str, ...]] = []
    for report in reports:
        for e in report.evidence:
            if e.unit == "1" and e.interval is not None:
                rows.append((e.what, e.value, *e.interval, e.n or 0, e.how))
    columns = ("outcome", "share", "at least", "at most", "faults", "how")
    return Table("faults", columns, ("", "1", "1", "1", "faults", ""), tuple(rows), ("",) * 6)


def _map(report: Report, number: int) -> Table:
    """Return the critical share by layer or part (rows) and bit (columns); nothing where no fault was drawn."""
    by_bit = report.tables[number]
    key = by_bit.columns[0]
    rows = [dict(zip(by_bit.columns, row, strict=True)) for row in by_bit.rows]
    bits = sorted({int(row["bit"]) for row in rows})
    parts = list(dict.fromkeys(str(row[key]) for row in rows))
    share = {(str(row[key]), int(row["bit"])): float(row["critical"]) for row in rows if row["faults"]}
    body = tuple((part, *(share.get((part, bit), "") for bit in bits)) for part in parts)
    columns = (key, *map(str, bits))
    how = ("", *[by_bit.how[-1]] * len(bits))
    return Table("fault map", columns, ("", *["1"] * len(bits)), body, how)


def _hit(
    out: Path, reports: Sequence[Report], groups: Mapping[str, Shaped[np.ndarray, " row"]]
) -> Table | None:
    """Return whom the critical faults of the integer network hit, for every column of few values.

    The folder keeps inputs spread over all test items, and a large network is judged by fewer, spread over those.
    """
    from sarto.measure.model import read_pinned, spread

    report = next((r for r in reports if r.space == "graph"), None)
    if report is None:
        return None
    rows: list[tuple[float | int | str, ...]] = []
    last: Table | None = None
    pinned = len(read_pinned(out))
    for name, values in groups.items():
        if len(np.unique(values)) > MOST_GROUPS:
            continue
        kept = spread(len(values), pinned)
        chosen = kept[spread(len(kept), report.inputs)]
        if len(chosen) != report.inputs:
            continue
        last = report.groups(values[chosen], name)
        rows += [(f"{name} = {row[0]}", *row[1:]) for row in last.rows]
    if last is None:
        return None
    units = (*last.units[:-1], "x")
    return Table("hit groups", ("group", *last.columns[1:]), units, tuple(rows), last.how)


def pivoted(found: Table) -> Table:
    """Return the table of number formats with one row for each, and a column for each share of wrong bits."""
    rows = [dict(zip(found.columns, row, strict=True)) for row in found.rows]
    rates = sorted({float(row["rate"]) for row in rows if row["rate"]})
    names = list(dict.fromkeys(str(row["format"]) for row in rows))
    quality = {(str(row["format"]), float(row["rate"])): row for row in rows}
    body = tuple(
        (
            name,
            quality[name, 0.0]["bits"],
            quality[name, 0.0]["size"],
            quality[name, 0.0]["quality"],
            *(quality[name, rate]["quality"] for rate in rates),
        )
        for name in names
    )
    columns = ("format", "bits", "bytes", "accuracy", *(f"BER {rate:g}" for rate in rates))
    units = ("", "bit", "B", "1", *["1"] * len(rates))
    return Table(
        "formats", columns, units, body, ("", "", "measured", "measured", *["measured"] * len(rates))
    )
