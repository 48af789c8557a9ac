"""Audits a table of predictions by subgroup: for whom the model is worse, and for whom the small one lost.

Returns a `GroupAudit`: the subgroups as they were mined, tables for a report, the figures of all rows, findings, and
the gates judged. Of two models the small one is audited, and its gain over the original told; of one, its divergence.

>>> import pandas
>>> from sarto.data.predictions import read_predictions
>>> frame = pandas.DataFrame({"y": [0, 1] * 40, "model": [0, 1] * 20 + [0, 0] * 20, "sex": ["f"] * 40 + ["m"] * 40})
>>> found = audit_groups(read_predictions(frame), GroupSettings(support=0.25), ())
>>> [row[:2] for row in found.tables["subgroups"].rows], str(found.evidence[0])
([('sex = m', 40), ('sex = f', 40)], 'accuracy 0.75 (measured)')
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Shaped

from sarto.audit.gates import Gate, Judged, judge_figure
from sarto.audit.group_gates import judge_groups
from sarto.audit.group_tables import (
    MOST_VALUES,
    REALS,
    GroupSettings,
    agreement_table,
    confirmed,
    tables_of,
)
from sarto.audit.overall import at_confidence, overall
from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence
from sarto.core.finding import Finding
from sarto.core.table import Table
from sarto.data.predictions import Predictions, unknown_groups

if TYPE_CHECKING:
    from sarto.audit.subgroups.items import Attributes
    from sarto.audit.subgroups.lattice import Subgroups
    from sarto.audit.subgroups.outcomes import Outcomes
    from sarto.audit.subgroups.subgroup_table import SubgroupTable


@dataclass(frozen=True, eq=False)
class GroupAudit:
    """What was found.

    Attributes:
        subgroups: as they were mined.
        full: every subgroup with its figures, the one that is most worth a look first.
        tables: `subgroups`, and of two models `gain`; `contributions`.
        evidence: figures of all rows.
        findings: what must not be overlooked.
        judged: the gates.
        attributes: names of the columns that make the groups.
    """

    subgroups: Subgroups
    full: SubgroupTable
    tables: Mapping[str, Table]
    evidence: tuple[Evidence, ...]
    findings: tuple[Finding, ...]
    judged: tuple[Judged, ...]
    attributes: tuple[str, ...]


def audit_groups(
    rows: Predictions,
    settings: GroupSettings,
    gates: Sequence[Gate],
    *,
    command: str = "",
    executor: Executor | None = None,
) -> GroupAudit:
    """Return the audit of `rows`.

    Args:
        rows: the predictions, with the columns that make the groups.
        settings: see `GroupSettings`.
        gates: to be judged; those of faults are left to whoever injects them.
        command: that shows the figures again.
        executor: for large lattices.

    Raises:
        SartoError: E112, a column that is not there; E137 to E141, as mining says; E161, a gate of a gain without an
            original.
    """
    _check_gates(gates, rows)
    columns, notes = group_columns(rows, settings.groups)
    rows = rows.numbers() if settings.metric in REALS else rows.classes()
    outcomes = _outcomes(rows, settings, [settings.metric, *(g.metric for g in gates if g.metric)])
    evidence = overall(rows, outcomes, settings.metric, command)
    found = mined(columns, outcomes, settings, gates, executor)
    tables = dict(found.tables)
    if rows.original is not None:
        tables["agreement"] = agreement_table(found.subgroups.attributes, rows, settings)
    if settings.confirm:
        table, told = confirmed(found.subgroups.attributes, outcomes, settings)
        tables["confirmed"] = table
        found = replace(found, findings=(*found.findings, told))
    return replace(
        found,
        tables=tables,
        evidence=evidence,
        findings=(*notes, *found.findings),
        judged=_judged(found, evidence, settings, gates),
    )


def mined(
    columns: Mapping[str, Shaped[np.ndarray, " row"]],
    outcomes: Outcomes,
    settings: GroupSettings,
    gates: Sequence[Gate] = (),
    executor: Executor | None = None,
) -> GroupAudit:
    """Return the subgroups of rows with these outcomes and what is found in them, without evidence and judgement."""
    from sarto.audit.subgroups.mining import mine

    attributes = _attributes(columns, outcomes, settings)
    least = min([settings.support, *(g.support for g in gates if g.support is not None)])
    found = mine(attributes, outcomes, min_support=least, max_len=settings.depth, executor=executor)
    tables, findings, full = tables_of(found, settings, constant=bool(gates))
    return GroupAudit(found, full, tables, (), tuple(findings), (), attributes.names)


def _judged(
    found: GroupAudit, evidence: Sequence[Evidence], settings: GroupSettings, gates: Sequence[Gate]
) -> tuple[Judged, ...]:
    """Return the judgement of the gates of groups, and of figures of all rows; others are left out."""
    figures = {e.what: e for e in evidence}
    return tuple(
        judge_groups(g, found.subgroups, settings.metric, settings.support)
        if g.of_groups
        else judge_figure(g, {g.figure: at_confidence(figures[g.figure], g.confidence)})
        for g in gates
        if g.of_groups or g.figure in figures
    )


def _check_gates(gates: Sequence[Gate], rows: Predictions) -> None:
    pairs = [g for g in gates if g.figure in ("gain", "overall_gain", "agreement") or g.metric == "agreement"]
    if pairs and rows.original is None:
        cause = "there are predictions of one model only"
        hint = "name the column of the original with --original, or its own table with --against"
        raise SartoError("E161", f"'{pairs[0].text}' cannot be judged", cause=cause, hint=hint)


def group_columns(
    rows: Predictions, groups: Sequence[str]
) -> tuple[dict[str, Shaped[np.ndarray, " row"]], list[Finding]]:
    """Return the columns that make the groups, and what is said of those that are left out."""
    known = {rows.named["target"]: rows.target, **rows.columns}
    if groups:
        stranger = unknown_groups(groups, replace(rows, columns=known))
        if stranger is not None:
            raise stranger
        return {name: known[name] for name in groups}, []
    chosen: dict[str, Shaped[np.ndarray, " row"]] = {}
    notes: list[Finding] = []
    for column, values in rows.columns.items():
        if values.dtype.kind == "U" and len(np.unique(values)) > MOST_VALUES:
            text = (
                f"it has more than {MOST_VALUES} different texts: it makes groups only if --groups names it"
            )
            notes.append(Finding(f"column {column}", "note", text))
        else:
            chosen[column] = values
    if not chosen:
        cause = f"besides truth and predictions it has {', '.join(rows.columns) or 'no column'}"
        hint = "add columns, or a table of them with --attributes; --groups TARGET groups by the true class"
        raise SartoError("E112", f"{rows.name} has no column to group by", cause=cause, hint=hint)
    return chosen, notes


def _outcomes(rows: Predictions, settings: GroupSettings, metrics: Sequence[str]) -> Outcomes:
    from sarto.audit.subgroups.outcomes import Outcomes

    first = rows.small if rows.original is None else rows.original
    if settings.metric in REALS:
        models = [rows.small] if rows.original is None else [rows.original, rows.small]
        values = tuple(np.abs(said - rows.target) ** REALS[settings.metric] for said in models)
        return Outcomes.from_reals({settings.metric: values})
    pair = ["agreement"] if rows.original is not None else []
    wanted = list(dict.fromkeys([*metrics, "error", *pair]))
    if rows.original is None:
        return Outcomes.from_predictions(rows.target, first, positive=settings.positive, metrics=wanted)
    return Outcomes.from_predictions(
        rows.target, first, rows.small, positive=settings.positive, metrics=wanted
    )


def _attributes(
    columns: Mapping[str, Shaped[np.ndarray, " row"]], outcomes: Outcomes, settings: GroupSettings
) -> Attributes:
    from sarto.audit.subgroups.discretise import Tree
    from sarto.audit.subgroups.items import Attributes

    cleaned: dict[str, Any] = {
        column: [text or None for text in values.tolist()] if values.dtype.kind == "U" else values
        for column, values in columns.items()
    }
    if settings.cut == "quantile":
        return Attributes.from_columns(cleaned, discretise="quantile")
    if settings.metric in outcomes.reals:
        outcome = outcomes.reals[settings.metric][-1]
    else:
        states = (outcomes.small or outcomes.original)[settings.metric][outcomes.codes]
        outcome = np.where(states < 0, np.nan, states.astype(np.float64))
    return Attributes.from_columns(cleaned, discretise=Tree(outcome))
