"""Runs an audit and says what it found: the screen, the JSON document, the files, and the exit code."""

from __future__ import annotations

import csv
import io
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sarto import __version__
from sarto.audit.gates import OF_FAULTS, Gate, Judged, read_gate
from sarto.audit.group_tables import REALS, GroupSettings
from sarto.audit.of_groups import GroupAudit, audit_groups
from sarto.cli import _answer
from sarto.cli._failures import show
from sarto.cli._folder import shown
from sarto.core.errors import EXIT_DONE, SartoError
from sarto.core.evidence import Ledger
from sarto.core.store import file_sha256, write_atomic
from sarto.data.examples import of_images
from sarto.data.joined import joined
from sarto.data.predictions import Predictions, read_predictions
from sarto.report.audited import Audited, GateRow

if TYPE_CHECKING:
    from sarto.core.table import Table

FILES = ("audit.json", "audit.html", "subgroups.csv")
SHOWN, MOST = 10, 20
"""Rows of a table of subgroups on the screen, and of others."""


@dataclass(frozen=True)
class Asked:
    """What was asked for; see the options of `sarto audit`."""

    subject: str
    command: str
    target: str | None
    model: str | None
    original: str | None
    row_id: str | None
    against: str | None
    attributes: str | None
    data: str | None
    unlabelled: bool
    confidence: str | None
    labelled: str | None
    groups: tuple[str, ...] | None
    metric: str
    positive: str | None
    support: float
    depth: int | None
    cut: Any
    null: Any
    fdr: Any
    confirm: float | None
    faults: bool
    formats: bool
    where: tuple[str, ...] | None
    fault: Any
    pattern: Any
    extent: int
    permanent: bool
    by: Any
    half_width: float
    confidence_level: float
    guard: str | None
    fit: float | None
    gates: tuple[str, ...]
    out: Path | None
    junit: Path | None
    quiet: bool
    as_json: bool

    @property
    def folder(self) -> Path | None:
        """The output folder that is audited, if it is one."""
        return Path(self.subject) if Path(self.subject).is_dir() else None

    @property
    def item_data(self) -> str | None:
        """The data whose items make groups; images that only formats are judged on have no columns."""
        if self.data is None or (self.formats and not self.groups and of_images(self.data)):
            return None
        return self.data


def answer(asked: Asked) -> int:
    """Run the audit, print and write what it found, and return the exit code."""
    began = time.monotonic()
    gates = tuple(read_gate(text) for text in asked.gates)
    for gate in gates:
        if gate.figure in OF_FAULTS and not asked.faults:
            cause = f"{gate.figure} is of faults, and none are injected"
            raise SartoError(
                "E161",
                f"'{gate.text}' needs --faults",
                cause=cause,
                hint="add --faults; OUT is a folder then",
            )
    rows = _rows(asked)
    found = _by_group(asked, rows, gates)
    audited = _audited(asked, rows, found)
    if asked.folder is not None:
        audited = _with_folder(asked, asked.folder, rows, gates, audited)
    order = {text: i for i, text in enumerate(asked.gates)}
    audited = replace(audited, gates=tuple(sorted(audited.gates, key=lambda g: order[g.text])))
    out = asked.out or asked.folder
    if out is not None:
        _write(out, audited, found)
    if asked.junit is not None:
        from sarto.report.junit import junit

        write_atomic(asked.junit, junit(audited.name, audited.gates, time.monotonic() - began))
    if asked.as_json:
        _answer.document(audited.to_json())
    else:
        _show(audited, found, out)
    return _exit(audited)


def _by_group(asked: Asked, rows: Predictions, gates: tuple[Gate, ...]) -> GroupAudit | None:
    """Return the audit by subgroup; None of a folder of which only faults or formats are asked."""
    told = (
        asked.item_data or asked.attributes or asked.groups or any(g.figure not in OF_FAULTS for g in gates)
    )
    if (asked.faults or asked.formats) and not told:
        return None
    settings = GroupSettings(
        asked.metric,
        asked.positive,
        asked.support,
        asked.depth,
        asked.cut,
        asked.null,
        asked.fdr,
        groups=asked.groups or (),
        confirm=asked.confirm or 0.0,
    )
    if asked.unlabelled:
        return _unlabelled(asked, rows, settings)
    return audit_groups(rows, settings, gates, command=asked.command)


def _with_folder(
    asked: Asked, out: Path, rows: Predictions, gates: tuple[Gate, ...], audited: Audited
) -> Audited:
    """Return an audit with faults and formats of the folder, as they were asked for."""
    from sarto.audit.faults.model import Fault
    from sarto.cli._faults import Campaign, inject
    from sarto.cli._talk import open_talk

    talk = open_talk(asked.quiet)
    if asked.faults:
        campaign = Campaign(
            asked.where or (),
            Fault(asked.fault, asked.pattern, asked.extent, asked.permanent),
            asked.half_width,
            asked.confidence_level,
            asked.by,
            asked.fit,
            asked.guard,
        )
        against = None if asked.against is None else Path(asked.against)
        known = {name: rows.columns[name] for name in asked.groups or rows.columns if name in rows.columns}
        hit = inject(out, against, campaign, gates, known, asked.command, talk)
        audited = replace(
            audited,
            evidence=(*audited.evidence, *hit.evidence),
            findings=(*audited.findings, *hit.findings),
            tables={**audited.tables, **hit.tables},
            gates=(*audited.gates, *map(_gate_row, hit.judged)),
            provenance={**audited.provenance, "faults": hit.words},
        )
        Ledger(out / "evidence.jsonl").append(*hit.evidence)
    if asked.formats:
        from sarto.audit.formats import pivoted
        from sarto.search.folder_formats import folder_formats

        told = folder_formats(out, asked.data, asked.command, talk)
        audited = replace(
            audited,
            findings=(*audited.findings, *told.findings),
            tables={**audited.tables, "formats": pivoted(told.table), "formats in full": told.table},
        )
    return audited


def _gate_row(judged: Judged) -> GateRow:
    return GateRow(judged.gate.text, judged.passed, judged.found, judged.failing)


def _rows(asked: Asked) -> Predictions:
    if asked.folder is None:
        rows = read_predictions(
            asked.subject,
            target=asked.target,
            model=asked.model,
            original=asked.original,
            row_id=asked.row_id,
            against=asked.against,
            labelled=not asked.unlabelled,
        )
    else:
        from sarto.search.predicted_rows import folder_predictions

        against = None if asked.against is None else Path(asked.against)
        rows = folder_predictions(asked.folder, asked.item_data, against)
    if asked.attributes is None:
        return rows
    ids = {} if rows.ids is None else {"id": rows.ids}
    return replace(rows, columns={**rows.columns, **joined({**ids, **rows.columns}, asked.attributes)})


def _unlabelled(asked: Asked, rows: Predictions, settings: GroupSettings) -> GroupAudit:
    from sarto.audit.of_unlabelled import audit_unlabelled

    labelled = None
    if asked.labelled is not None:
        original = asked.original if rows.original is not None and asked.against is None else None
        labelled = read_predictions(
            asked.labelled, target=asked.target, model=rows.named["model"], original=original
        )
    return audit_unlabelled(rows, asked.confidence, labelled, settings, asked.command)


def _audited(asked: Asked, rows: Predictions, found: GroupAudit | None) -> Audited:
    """Return what the page and the document show."""
    named = rows.named
    summary = f"'{named['model']}' on {len(rows):,} rows"
    if rows.original is not None:
        summary = f"'{named['model']}', held to '{named['original']}', on {len(rows):,} rows"
    if found is not None:
        count, by = len(found.subgroups), ", ".join(found.attributes)
        summary += f": {count:,} subgroups of {100 * asked.support:g} % or more by {by}"
    path = Path(asked.subject)
    provenance: dict[str, Any] = {
        "rows": len(rows),
        "columns": dict(named),
        "versions": {"sarto": __version__},
    }
    if found is not None:
        provenance |= {
            "metric": found.full.metric,
            "of": f"the model '{named['model']}'",
            "null": asked.null,
            "fdr": {"bh": "Benjamini-Hochberg", "by": "Benjamini-Yekutieli"}[asked.fdr],
            "support": asked.support,
            "cut": asked.cut,
        }
    if path.is_file():
        provenance["sha256"] = file_sha256(path)
    if found is None:
        return Audited(rows.name, f"{summary}.", asked.command, (), (), (), {}, provenance)
    gates = tuple(map(_gate_row, found.judged))
    return Audited(
        rows.name,
        f"{summary}.",
        asked.command,
        gates,
        found.evidence,
        found.findings,
        found.tables,
        provenance,
    )


def _write(out: Path, audited: Audited, found: GroupAudit | None) -> None:
    """Write the page, the document, and all subgroups if there are any."""
    from sarto.report.audit_page import audit_html

    out.mkdir(parents=True, exist_ok=True)
    texts = (
        json.dumps(audited.to_json(), indent=1, allow_nan=False) + "\n",
        audit_html(audited),
        *([] if found is None else [_as_csv(found)]),
    )
    for name, text in zip(FILES, texts, strict=False):
        write_atomic(out / name, text)


def _as_csv(found: GroupAudit) -> str:
    """Return every subgroup with its figures, a column for each attribute."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    kind = found.full.kind
    writer.writerow([*found.attributes, "rows", "support", "rate", kind, "lower", "upper", "t", "p", "q"])
    for row in found.full:
        figures = (row.support, row.share, row.rate, row.value, row.low, row.high, row.t, row.p, row.q)
        writer.writerow([*(row.label.get(a, "") for a in found.attributes), *(f"{v:.6g}" for v in figures)])
    return stream.getvalue()


def _show(audited: Audited, found: GroupAudit | None, out: Path | None) -> None:
    """Print what was found."""
    _answer.line(f"{audited.name}: {audited.summary}\n")
    if found is not None:
        _groups(audited, found)
    for name in ("confirmed", "faults", "hit groups", "formats"):
        if name in audited.tables:
            _answer.line()
            _plain(audited.tables[name])
    for finding in audited.findings:
        _answer.remark(f"\n{finding}")
    if audited.gates:
        _answer.line()
        fates = [(g.text, "holds" if g.passed else "fails", g.found) for g in audited.gates]
        styles = ["green" if g.passed else "red" for g in audited.gates]
        _answer.table(("gate", "result", "found"), fates, styles=styles)
    if out is not None:
        every = f", every subgroup in {out / FILES[2]}" if found is not None else ""
        _answer.line(f"\nfiles: {shown(out)}, the page in {out / FILES[1]}{every}")


def _groups(audited: Audited, found: GroupAudit) -> None:
    """Print the figures of all rows, and the subgroups that matter most."""
    share = found.full.metric not in REALS
    rows: list[tuple[str, str, str, str]] = []
    for e in found.evidence:
        apart = e.what == "overall_gain"
        interval = "" if e.interval is None else " to ".join(_figure(v, share, apart) for v in e.interval)
        rows.append((e.what.replace("_", " "), _figure(e.value, share, apart), interval, f"{e.n or 0:,}"))
    _answer.table(("of all rows", "figure", "95 % interval", "n"), rows, right=(1, 2, 3))
    _answer.line()
    main = "gain" if "gain" in audited.tables else "subgroups"
    _subgroups(audited.tables[main], "gain" if main == "gain" else "divergence", share)


def _plain(table: Table) -> None:
    """Print a table as it is: shares in percent."""

    def cell(value: float | int | str, unit: str) -> str:
        if isinstance(value, str):
            return value
        if unit == "pp":
            return f"{100 * value:+.2f} pp"
        return f"{100 * value:.4g} %" if unit == "1" else f"{value:.2g}" if unit == "q" else f"{value:,.6g}"

    shown = table.rows[:MOST]
    rows = [[cell(v, u) for v, u in zip(row, table.units, strict=True)] for row in shown]
    _answer.table(table.columns, rows, right=range(1, len(table.columns)))
    if len(table.rows) > len(shown):
        _answer.line(f"and {len(table.rows) - len(shown)} more in audit.json")


def _subgroups(table: Table, value: str, share: bool) -> None:
    """Print the rows of a table of subgroups that matter most."""
    named = [dict(zip(table.columns, row, strict=True)) for row in table.rows[:SHOWN]]
    shares = ("original", "small") if value == "gain" else ("rate",)
    rows = [
        (
            str(row["subgroup"]),
            f"{row['rows']:,}",
            *(_figure(float(row[s]), share, apart=False) for s in shares),
            _figure(float(row[value]), share, apart=True),
            f"{row['q']:.2g}",
        )
        for row in named
    ]
    columns = ("subgroup", "rows", *shares, value, "q")
    _answer.table(columns, rows, right=range(1, len(columns)))
    left = len(table.rows) - len(rows)
    if left > 0:
        _answer.line(f"and {left} more; those that say the same as a larger one are left out")


def _figure(value: float, share: bool, apart: bool) -> str:
    if not share:
        return f"{value:+.4g}" if apart else f"{value:.4g}"
    return f"{100 * value:+.2f} pp" if apart else f"{100 * value:.2f} %"


def _exit(audited: Audited) -> int:
    """Return the exit code, after saying which gates failed."""
    failed = [gate for gate in audited.gates if not gate.passed]
    if not failed:
        return EXIT_DONE
    asked = len(audited.gates)
    message = "the gate fails" if asked == 1 else f"{len(failed)} of {asked} gates fail"
    failure = SartoError(
        "E502",
        f"{message}: {failed[0].text}",
        cause=failed[0].found,
        hint="audit.json has every row that fails (-o FOLDER); `sarto explain E502` says what a gate looks at",
    )
    show(failure)
    return failure.exit_code
