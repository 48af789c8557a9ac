"""A label as core values: tables, evidence and one JSON document.

Returns for each part four tables (dependence, balance, marginals, joint), whose names are in `TABLES`, and a figure of
evidence for each measure and index. A share in a table stands between the bounds of its interval of 95 %.
"""

from __future__ import annotations

from typing import Any

from sarto.audit.labels.balance import INDICES
from sarto.audit.labels.findings import findings
from sarto.audit.labels.label import Label, Part
from sarto.core.evidence import Evidence
from sarto.core.table import Table
from sarto.measure.quality import wilson

FORMAT = "sarto-label/1"
TABLES = ("dependence", "balance", "marginals", "joint")
MEASURES = {"C": "contingency coefficient C", "w": "effect size w", "V": "Cramer's V, bias-corrected"}
Row = tuple[float | int | str, ...]


def tables(part: Part) -> dict[str, Table]:
    """Return the tables of a part by their names."""
    return {
        name: make(part)
        for name, make in zip(TABLES, (_dependence, _balance, _marginals, _joint), strict=True)
    }


def measures(part: Part) -> dict[str, tuple[float, tuple[float, float]]]:
    """Return C, w and V with their intervals."""
    d = part.dependence
    return {"C": (d.C, d.C_interval), "w": (d.w, d.w_interval), "V": (d.V, d.V_interval)}


def evidence(label: Label, command: str = "", subject_sha256: str = "") -> list[Evidence]:
    """Return every measure and index of a label.

    Args:
        label: of the data.
        command: that shows it again.
        subject_sha256: hash of the data.
    """
    found: list[Evidence] = []
    bootstrap = f"interval: basic bootstrap, {label.resamples:,} resamples"
    for part in label.parts:
        joint = part.joint
        pair = f"{joint.name} and {joint.target}"
        of: dict[str, Any] = {"n": joint.n, "command": command, "subject_sha256": subject_sha256}
        d = part.dependence
        found.append(
            Evidence(
                f"chi-square of {pair}", d.chi2, "1", "measured", f"Pearson's, {d.df} df, p {d.p:.3g}", **of
            )
        )
        for key, (value, ends) in measures(part).items():
            tool, what = "interval: noncentral chi-square", f"{MEASURES[key]} of {pair}"
            found.append(Evidence(what, value, "1", "measured", tool, interval=ends, **of))
        for name, indices in ((joint.name, part.protected), (joint.target, part.target)):
            if name == joint.target and part is not label.parts[0]:
                continue  # the target's balance is told once
            for index, (value, ends) in indices.items():
                what = f"balance of {name}, {index}"
                tool, seed = (
                    (bootstrap, label.seed)
                    if index != "ratio"
                    else ("interval: Wilson's of all shares", None)
                )
                found.append(Evidence(what, value, "1", "measured", tool, interval=ends, seed=seed, **of))
    return found


def document(label: Label, command: str = "", subject_sha256: str = "") -> dict[str, Any]:
    """Return everything that is known of a label as plain JSON values."""
    return {
        "format": FORMAT,
        "data": {
            "name": label.name,
            "rows": label.rows,
            "sha256": subject_sha256 or None,
            "where": list(label.where),
        },
        "protected": [column.name for column in label.columns[:-1]],
        "target": label.columns[-1].name,
        "bins": [column.words for column in label.columns if column.words],
        "missing": [
            {"column": m.column, "rows": m.rows, "by_target": {k: list(v) for k, v in m.by_target.items()}}
            for m in label.missing
        ],
        "missing_rows": "kept" if label.kept else "left out",
        "seed": label.seed,
        "resamples": label.resamples,
        "command": command or None,
        "parts": [_json(part) for part in label.parts],
        "evidence": [item.to_json() for item in evidence(label, command, subject_sha256)],
        "findings": [finding.to_json() for finding in findings(label)],
        "checks": [check.to_json() for check in label.checks],
    }


def _json(part: Part) -> dict[str, Any]:
    joint, d = part.joint, part.dependence

    def figures(found: dict[str, tuple[float, tuple[float, float]]]) -> dict[str, Any]:
        return {key: {"value": value, "interval": list(ends)} for key, (value, ends) in found.items()}

    return {
        "protected": list(joint.protected),
        "target": joint.target,
        "n": joint.n,
        "values": list(map(list, joint.values)),
        "targets": list(joint.targets),
        "counts": joint.counts.tolist(),
        "dependence": {"chi2": d.chi2, "df": d.df, "p": d.p, **figures(measures(part))},
        "balance": {"protected": figures(dict(part.protected)), "target": figures(dict(part.target))},
        "tables": {name: table.to_json() for name, table in tables(part).items()},
    }


def _dependence(part: Part) -> Table:
    d = part.dependence
    rows: tuple[Row, ...] = tuple(
        (MEASURES[key], value, *ends) for key, (value, ends) in measures(part).items()
    )
    rows += (("chi-square", d.chi2, "", ""), ("degrees of freedom", d.df, "", ""), ("p", d.p, "", ""))
    return _table(f"{part.joint.name}: dependence", ("measure", "value", "lower", "upper"), rows)


def _balance(part: Part) -> Table:
    rows: tuple[Row, ...] = tuple(
        (
            index,
            part.protected[index][0],
            *part.protected[index][1],
            part.target[index][0],
            *part.target[index][1],
        )
        for index in INDICES
    )
    names = (part.joint.name, "lower", "upper", part.joint.target, "target lower", "target upper")
    return _table(f"{part.joint.name}: balance", ("index", *names), rows)


def _marginals(part: Part) -> Table:
    joint, rows = part.joint, list[Row]()
    sides = (
        (joint.name, joint.names, joint.counts.sum(1)),
        (joint.target, joint.targets, joint.counts.sum(0)),
    )
    for name, values, counts in sides:
        rows += [
            (name, v, int(n), int(n) / joint.n, *wilson(int(n), joint.n))
            for v, n in zip(values, counts, strict=True)
        ]
    return _table(
        f"{joint.name}: marginals", ("column", "value", "n", "share", "lower", "upper"), tuple(rows)
    )


def _joint(part: Part) -> Table:
    """Return a row for each pair of values; shares given a value that no row has are left empty."""
    joint, rows = part.joint, list[Row]()
    lines, columns = joint.counts.sum(1), joint.counts.sum(0)
    pairs = [(i, j) for i in range(len(joint.names)) for j in range(len(joint.targets))]
    for i, j in pairs:
        k = int(joint.counts[i, j])
        shares = [_share(k, n) for n in (joint.n, int(columns[j]), int(lines[i]))]
        rows.append((joint.names[i], joint.targets[j], k, *shares[0], *shares[1], *shares[2]))
    bounds = ("lower", "upper")
    given = (f"{joint.name} given {joint.target}", f"{joint.target} given {joint.name}")
    names = [
        name for share in ("joint", *given) for name in (share, *(f"{share}, {bound}" for bound in bounds))
    ]
    target = joint.target if joint.target != joint.name else f"{joint.target} (target)"
    return _table(f"{joint.name}: joint", (joint.name, target, "n", *names), tuple(rows))


def _share(k: int, n: int) -> tuple[float | str, ...]:
    return (k / n, *wilson(k, n)) if n else ("", "", "")


def _table(name: str, columns: tuple[str, ...], rows: tuple[Row, ...]) -> Table:
    numbers = [any(isinstance(row[i], float | int) for row in rows) for i in range(len(columns))]
    units = tuple("1" if number else "" for number in numbers)
    return Table(name, columns, units, rows, tuple("measured" if number else "" for number in numbers))
