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
from sarto.audit.gates import OF_FAULTS, read_gate
from sarto.audit.of_groups import REALS, GroupAudit, GroupSettings, audit_groups
from sarto.cli import _answer
from sarto.cli._failures import show
from sarto.cli._folder import shown
from sarto.core.errors import EXIT_DONE, SartoError
from sarto.core.store import file_sha256, write_atomic
from sarto.data.joined import joined
from sarto.data.predictions import Predictions, read_predictions
from sarto.report.audited import Audited, GateRow

if TYPE_CHECKING:
    from sarto.core.table import Table

FILES = ("audit.json", "audit.html", "subgroups.csv")
SHOWN = 10
"""Rows of a table on the screen."""


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
    gates: tuple[str, ...]
    out: Path | None
    junit: Path | None
    as_json: bool

    @property
    def folder(self) -> Path | None:
        """The output folder that is audited, if it is one."""
        return Path(self.subject) if Path(self.subject).is_dir() else None


def answer(asked: Asked) -> int:
    """Run the audit, print and write what it found, and return the exit code."""
    began = time.monotonic()
    gates = tuple(read_gate(text) for text in asked.gates)
    for gate in gates:
        if gate.figure in OF_FAULTS:
            cause = f"{gate.figure} is of faults, and none are injected"
            raise SartoError(
                "E161",
                f"'{gate.text}' needs --faults",
                cause=cause,
                hint="add --faults; OUT is a folder then",
            )
    rows = _rows(asked)
    settings = GroupSettings(
        asked.metric,
        asked.positive,
        asked.support,
        asked.depth,
        asked.cut,
        asked.null,
        asked.fdr,
        groups=asked.groups or (),
    )
    if asked.unlabelled:
        found = _unlabelled(asked, rows, settings)
    else:
        found = audit_groups(rows, settings, gates, command=asked.command)
    audited = _audited(asked, rows, settings, found)
    out = asked.out or asked.folder
    if out is not None:
        _write(out, audited, found)
    if asked.junit is not None:
        from sarto.report.junit import junit

        write_atomic(asked.junit, junit(audited.name, audited.gates, time.monotonic() - began).decode())
    if asked.as_json:
        _answer.document(audited.to_json())
    else:
        _show(audited, found, out)
    return _exit(audited)


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
        rows = folder_predictions(asked.folder, asked.data, against)
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


def _audited(asked: Asked, rows: Predictions, settings: GroupSettings, found: GroupAudit) -> Audited:
    """Return what the page and the document show."""
    named = rows.named
    models = (
        f"'{named['model']}'"
        if rows.original is None
        else f"'{named['model']}', held to '{named['original']}',"
    )
    summary = (
        f"{models} on {len(rows):,} rows: {len(found.subgroups):,} subgroups of {100 * settings.support:g} % or more "
        f"by {', '.join(found.attributes)}."
    )
    path = Path(asked.subject)
    provenance: dict[str, Any] = {
        "rows": len(rows),
        "columns": dict(named),
        "metric": found.full.metric,
        "of": f"the model '{named['model']}'",
        "null": settings.null,
        "fdr": {"bh": "Benjamini-Hochberg", "by": "Benjamini-Yekutieli"}[settings.fdr],
        "support": settings.support,
        "cut": settings.cut,
        "versions": {"sarto": __version__},
        **({"sha256": file_sha256(path)} if path.is_file() else {}),
    }
    gates = tuple(GateRow(j.gate.text, j.passed, j.found, j.failing) for j in found.judged)
    return Audited(
        rows.name, summary, asked.command, gates, found.evidence, found.findings, found.tables, provenance
    )


def _write(out: Path, audited: Audited, found: GroupAudit) -> None:
    """Write the page, the document, and all subgroups."""
    from sarto.report.audit_page import audit_html

    out.mkdir(parents=True, exist_ok=True)
    texts = (
        json.dumps(audited.to_json(), indent=1, allow_nan=False) + "\n",
        audit_html(audited),
        _as_csv(found),
    )
    for name, text in zip(FILES, texts, strict=True):
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


def _show(audited: Audited, found: GroupAudit, out: Path | None) -> None:
    """Print what was found."""
    _answer.line(f"{audited.name}: {audited.summary}\n")
    share = found.full.metric not in REALS
    rows: list[tuple[str, str, str, str]] = []
    for e in audited.evidence:
        apart = e.what == "overall_gain"
        interval = "" if e.interval is None else " to ".join(_figure(v, share, apart) for v in e.interval)
        rows.append((e.what.replace("_", " "), _figure(e.value, share, apart), interval, f"{e.n or 0:,}"))
    _answer.table(("of all rows", "figure", "95 % interval", "n"), rows, right=(1, 2, 3))
    _answer.line()
    main = "gain" if "gain" in audited.tables else "subgroups"
    _subgroups(audited.tables[main], "gain" if main == "gain" else "divergence", share)
    for finding in audited.findings:
        _answer.remark(f"\n{finding}")
    if audited.gates:
        _answer.line()
        fates = [(g.text, "holds" if g.passed else "fails", g.found) for g in audited.gates]
        styles = ["green" if g.passed else "red" for g in audited.gates]
        _answer.table(("gate", "result", "found"), fates, styles=styles)
    if out is not None:
        _answer.line(
            f"\nfiles: {shown(out)}, the page in {out / FILES[1]}, every subgroup in {out / FILES[2]}"
        )


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
