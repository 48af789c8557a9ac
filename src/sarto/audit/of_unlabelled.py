"""Audits rows whose truth nobody knows: which subgroups are likely to be the worst.

Returns a `GroupAudit` whose figures are expected errors (`sarto.audit.label_free`), or, without confidences, the share
of rows on which two models disagree.

>>> import pandas
>>> from sarto.data.predictions import read_predictions
>>> frame = pandas.DataFrame({"model": [0, 1] * 40, "conf": [0.9] * 40 + [0.6] * 40, "sex": ["f"] * 40 + ["m"] * 40})
>>> rows = read_predictions(frame, labelled=False)
>>> found = audit_unlabelled(rows, "conf", None, GroupSettings(support=0.25))
>>> [(row[0], round(row[3], 2)) for row in found.tables["subgroups"].rows], str(found.evidence[0])
([('sex = m', 0.4), ('sex = f', 0.1)], 'expected error 0.25 (estimated)')
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float, Shaped

from sarto.audit.group_tables import EXPECTED, GroupSettings
from sarto.audit.label_free import check_confidence, fit_risk
from sarto.audit.of_groups import GroupAudit, group_columns, mined
from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence
from sarto.core.finding import Finding
from sarto.data.predictions import Predictions
from sarto.measure.quality import wilson


def audit_unlabelled(
    rows: Predictions,
    confidence: str | None,
    labelled: Predictions | None,
    settings: GroupSettings,
    command: str = "",
) -> GroupAudit:
    """Return the audit of rows without truth; the metric of `settings` is not looked at.

    Args:
        rows: what the model said, and perhaps the original.
        confidence: the column that says how sure the model is; None for none, which needs an original.
        labelled: other rows of the same columns whose truth is known, to calibrate the confidence by.
        settings: see `GroupSettings`.
        command: that shows the figures again.

    Raises:
        SartoError: E163, without confidences and without an original, or for confidences that are none; E112, a column
            that is not there; E137 to E141, as mining says.
    """
    from sarto.audit.subgroups.outcomes import Outcomes

    disagree = None if rows.original is None else _differ(rows)
    if confidence is None:
        if disagree is None:
            hint = "name the column of confidences with --confidence, or that of the original with --original"
            cause = "there is neither a confidence nor another model"
            raise SartoError("E163", f"nothing tells where {rows.name} may be wrong", cause=cause, hint=hint)
        share, n = int(disagree.sum()), len(rows)
        outcomes = Outcomes.from_booleans({"disagreement": disagree})
        evidence = Evidence(
            "disagreement",
            share / n,
            "1",
            "measured",
            f"{n:,} rows of {rows.name}",
            command,
            n,
            wilson(share, n),
        )
        note = "groups are ranked by how often the models disagree; nobody knows which of them is right"
    else:
        risk, note = _risk(rows, confidence, labelled, disagree)
        outcomes = Outcomes.from_reals({EXPECTED: risk})
        evidence = Evidence(EXPECTED, float(risk.mean()), "1", "estimated", note, command, len(rows))
    metric = "disagreement" if confidence is None else EXPECTED
    left = {name: values for name, values in rows.columns.items() if name != confidence}
    columns, notes = group_columns(replace(rows, columns=left), settings.groups)
    found = mined(columns, outcomes, replace(settings, metric=metric))
    findings = (Finding("no truth", "note", note), *notes, *found.findings)
    return replace(found, evidence=(evidence,), findings=findings)


def _risk(
    rows: Predictions, column: str, labelled: Predictions | None, disagree: Bool[np.ndarray, " row"] | None
) -> tuple[Float[np.ndarray, " row"], str]:
    """Return the probability that each row is wrong, and how it was come by."""
    sure = _confidences(rows, column)
    if labelled is None:
        check_confidence(sure)
        return 1 - sure, "1 - confidence, which nobody calibrated: give labelled rows with --labelled"
    known = labelled.classes()
    paired = disagree is not None and known.original is not None
    fitted = fit_risk(
        _confidences(known, column), known.target != known.small, _differ(known) if paired else None
    )
    how = f"confidence{' and disagreement' if paired else ''}, calibrated on {len(known):,} rows of {known.name}"
    return fitted(sure, disagree if paired else None), how


def _confidences(rows: Predictions, column: str) -> Float[np.ndarray, " row"]:
    values: Shaped[np.ndarray, " row"] | None = rows.columns.get(column)
    if values is None or values.dtype.kind not in "iuf":
        cause = "it holds texts" if values is not None else f"its columns are {', '.join(rows.columns)}"
        raise SartoError(
            "E112", f"{rows.name} has no confidences '{column}'", cause=cause, hint="name a column of numbers"
        )
    return values.astype(np.float64)


def _differ(rows: Predictions) -> Bool[np.ndarray, " row"]:
    named = rows.classes()
    assert named.original is not None
    return named.small != named.original
