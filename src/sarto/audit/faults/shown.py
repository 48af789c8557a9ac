"""Tables of campaigns as a page shows them: outcomes, maps of critical faults by bit, and the groups that they hit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Shaped

from sarto.audit.faults.report import Report
from sarto.core.table import Table
from sarto.measure.model import spread

MOST_GROUPS = 12
"""Different values of a column up to which it is shown whom faults hit."""


def outcomes(reports: Sequence[Report]) -> Table:
    """Return every share of every campaign with its interval."""
    rows: list[tuple[float | int | str, ...]] = []
    for report in reports:
        for e in report.evidence:
            if e.unit == "1" and e.interval is not None:
                rows.append((e.what, e.value, *e.interval, e.n or 0, e.how))
    columns = ("outcome", "share", "at least", "at most", "faults", "how")
    return Table("faults", columns, ("", "1", "1", "1", "faults", ""), tuple(rows), ("",) * 6)


def fault_map(report: Report, number: int) -> Table:
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


def hit_groups(report: Report, groups: Mapping[str, Shaped[np.ndarray, " row"]], kept: int) -> Table | None:
    """Return whom the critical faults of the integer network hit, for every column of few values; None without one.

    The folder keeps inputs spread over all test items, and a large network is judged by fewer, spread over those.

    Args:
        report: of the integer network.
        groups: of every test item, by column.
        kept: how many inputs the folder keeps.
    """
    rows: list[tuple[float | int | str, ...]] = []
    last: Table | None = None
    for name, values in groups.items():
        if len(np.unique(values)) > MOST_GROUPS:
            continue
        among = spread(len(values), kept)
        chosen = among[spread(len(among), report.inputs)]
        if len(chosen) != report.inputs:
            continue
        last = report.groups(values[chosen], name)
        rows += [(f"{name} = {row[0]}", *row[1:]) for row in last.rows]
    if last is None:
        return None
    units = (*last.units[:-1], "x")
    return Table("hit groups", ("group", *last.columns[1:]), units, tuple(rows), last.how)
