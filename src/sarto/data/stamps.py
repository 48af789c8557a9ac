"""Columns that tell the time: which they are, dates as seconds, and the sampling rate that follows.

>>> import numpy as np
>>> from sarto.data.columns import ColumnTable, Places
>>> places = Places.of(["a.csv"], [np.arange(2, 7)])
>>> table = ColumnTable("a.csv", {"time": np.array([0, 20, 40, 0, 20])}, {"time": "ms"}, places)
>>> tells_time("time"), rate(table, "time", np.array([0, 3]))
(True, 50.0)
>>> microseconds(["2026-03-01T12:00:00.5", "2026-03-01 12:00:01Z"]).tolist()
[1772366400500000.0, 1772366401000000.0]
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int, Num

from sarto.core.errors import SartoError
from sarto.data.columns import ColumnTable, Texts
from sarto.data.spool import let_go, spans

SCALES = {"s": 1.0, "sec": 1.0, "seconds": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
"""Seconds in a unit of time."""
SPREAD = 0.05
"""Rates that differ by no more are one rate, read off by clocks that are not exact."""
STEPS = 4096
"""Steps of a sequence from whose start its rate is read."""
DATE_HINT = "write dates as in 2026-03-01T12:00:00.020, in UTC or without a zone, or seconds as numbers"
GAP = 1.5
"""Time from a row to the next, in usual ones, from which on a row is missing: half of one is jitter."""
_NAME = re.compile(r"(?:t|time|timestamp|date|datetime|seconds)(?:_(s|ms|us|ns))?")


def tells_time(name: str) -> bool:
    """Return whether a column is by its name one of time stamps."""
    return _NAME.fullmatch(name.lower()) is not None


def microseconds(texts: Sequence[str]) -> Float[np.ndarray, " row"]:
    """Return dates in ISO 8601 as whole microseconds since 1970, NaN for empty texts.

    Raises:
        ValueError: a text is no date, or one with another time zone than UTC.
    """
    plain = [
        text.strip().removesuffix("Z").removesuffix("+00:00").replace(" ", "T", 1) or "NaT" for text in texts
    ]
    if any("+" in text for text in plain):
        raise ValueError("a time zone")
    stamps = np.array(plain, "datetime64[us]")
    return np.where(np.isnat(stamps), np.nan, stamps.astype(np.int64))


def rate(table: ColumnTable, name: str, first: Int[np.ndarray, " item"]) -> float | None:
    """Return the sampling rate in Hz, or None where the unit of the time stamps is not known.

    Args:
        table: the table.
        name: of the column of time stamps, which are numbers.
        first: the row in which each sequence begins.

    Raises:
        SartoError: E103 texts; E105 a time stamp is missing; E108 time does not rise within a sequence, or two
            sequences were sampled at different rates.
    """
    column, match = table.columns[name], _NAME.fullmatch(name.lower())
    assert match is not None
    if isinstance(column, Texts):
        message, cause = f"{table.place(0, name)} is no time", f"it is '{column.names[0][:30]}'"
        raise SartoError("E103", message, cause=cause, hint=DATE_HINT)
    unit = "s" if name.lower() == "seconds" else match[1] or table.units.get(name, "")
    scale, known = SCALES.get(unit, 1.0), unit in SCALES
    _check_rises(table, name, column, first, scale)
    ends = np.append(first[1:], len(table))
    periods = np.array(
        [_period(column[a : min(b, a + STEPS)], scale) for a, b in zip(first, ends, strict=True)]
    )
    let_go(column)
    if np.isnan(periods).all():
        return None
    slowest, fastest = int(np.nanargmax(periods)), int(np.nanargmin(periods))
    if periods[slowest] > periods[fastest] * (1 + SPREAD):
        rows = [table.places.at(int(first[i])) for i in (slowest, fastest)]
        unit = " s" if known else ""
        cause = (
            f"the sequence from {rows[0]} has a row every {periods[slowest]:.4g}{unit}, "
            f"that from {rows[1]} every {periods[fastest]:.4g}{unit}"
        )
        hint = "resample to one rate: a model on a device sees one"
        raise SartoError("E108", f"'{table.name}' mixes sampling rates", cause=cause, hint=hint)
    return float(f"{1 / np.nanmedian(periods):.6g}") if known else None


def gaps(table: ColumnTable, name: str, first: Int[np.ndarray, " item"]) -> str:
    """Return a remark where rows are missing within sequences by their time stamps; nothing where none are.

    A row is missing where more than `GAP` times the usual time passes from one to the next.
    """
    column = table.columns[name]
    if isinstance(column, Texts):
        return ""
    count, where = 0, 0
    ends = np.append(first[1:], len(table))
    for a, b in zip(first.tolist(), ends.tolist(), strict=True):
        usual = _period(column[a : min(b, a + STEPS)], 1.0)
        for begin in range(a, b - 1, STEPS):
            wide = np.diff(column[begin : min(b, begin + STEPS + 1)].astype(np.float64)) > GAP * usual
            if wide.any() and not count:
                where = begin + int(np.argmax(wide)) + 1
            count += int(np.count_nonzero(wide))
    let_go(column)
    if not count:
        return ""
    more = f" and {count - 1} more" if count > 1 else ""
    return f"rows are missing before {table.place(where, name)}{more}, by their time stamps: no model sees such gaps"


def rises(table: ColumnTable, name: str) -> bool:
    """Return whether numbers in a column rise from each row to the next, as the time of one recording does."""
    column = table.columns[name]
    if isinstance(column, Texts) or len(table) < 3:
        return False
    return all(
        bool((np.diff(column[s].astype(np.float64)) > 0).all()) for s in spans(len(table), column, overlap=1)
    )


def _period(stamps: Num[np.ndarray, " step"], scale: float) -> float:
    return float(np.median(np.diff(stamps.astype(np.float64)))) * scale if len(stamps) > 1 else np.nan


def _check_rises(
    table: ColumnTable,
    name: str,
    column: Num[np.ndarray, " row"],
    first: Int[np.ndarray, " item"],
    scale: float,
) -> None:
    """Check that no time stamp is missing, and that time rises within each sequence."""
    for span in spans(len(table), column, overlap=min(1, len(table) - 1)):
        times = column[span].astype(np.float64)
        if np.isnan(times).any():
            where = table.place(span.start + int(np.argmax(np.isnan(times))), name)
            raise SartoError(
                "E105", "a time stamp is missing", cause=where, hint="fill it in, or leave the column out"
            )
        stuck = ~(np.diff(times) > 0)
        begins = first[np.searchsorted(first, span.start + 1) : np.searchsorted(first, span.stop)]
        stuck[begins - span.start - 1] = False
        if stuck.any():
            at = int(np.argmax(stuck)) + 1
            before, after = (times[at - 1] * scale, times[at] * scale)
            cause = f"it goes from {before:.17g} to {after:.17g} within a sequence"
            hint = "sort the rows of each sequence by time, remove doubles, or begin a new sequence there"
            message = f"{table.place(span.start + at, name)}: time does not rise"
            raise SartoError("E108", message, cause=cause, hint=hint)
