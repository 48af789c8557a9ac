"""Columns that tell the time: which they are, their seconds, and the sampling rate that follows.

>>> import numpy as np
>>> from sarto.data.delimited import TextTable
>>> table = TextTable("a.csv", {"time": np.array([0, 20, 40, 0, 20])}, {"time": "ms"}, np.arange(2, 7))
>>> tells_time(table, "time"), check_rates(table, "time", seconds(table, "time"), np.array([0, 3]))
(True, 50.0)
"""

from __future__ import annotations

import re

import numpy as np
from jaxtyping import Float, Int

from sarto.core.errors import SartoError
from sarto.data.delimited import Texts, TextTable

SCALES = {"s": 1.0, "sec": 1.0, "seconds": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
"""Seconds in a unit of time."""
SPREAD = 0.05
"""Rates that differ by no more are one rate, read off by clocks that are not exact."""
_NAME = re.compile(r"(?:t|time|timestamp|datetime|seconds)(?:_(s|ms|us|ns))?")


def tells_time(table: TextTable, name: str) -> bool:
    """Return whether a column is by its name one of time stamps."""
    return _NAME.fullmatch(name.lower()) is not None


def seconds(table: TextTable, name: str) -> tuple[Float[np.ndarray, " row"], bool]:
    """Return the time of each row in seconds, or in an unknown unit and False.

    Raises:
        SartoError: E103 a text that is no date.
    """
    column, match = table.columns[name], _NAME.fullmatch(name.lower())
    assert match is not None
    if isinstance(column, Texts):
        dates = np.zeros(len(column.names))
        for index, text in enumerate(column.names):
            try:
                date = np.datetime64(text.removesuffix("Z").replace(" ", "T", 1), "us")
            except ValueError as error:
                row = int(np.argmax(column.codes == index))
                cause = f"it is '{text[:30]}'"
                hint = "write dates as in 2026-03-01T12:00:00.020, or seconds as numbers"
                raise SartoError(
                    "E103", f"{table.place(row, name)} is no time", cause=cause, hint=hint
                ) from error
            dates[index] = date.astype(np.int64) * 1e-6
        return dates[column.codes], True
    unit = "s" if name.lower() == "seconds" else match[1] or table.units.get(name, "")
    return column.astype(np.float64) * SCALES.get(unit, 1.0), unit in SCALES


def check_rates(
    table: TextTable,
    name: str,
    stamps: tuple[Float[np.ndarray, " row"], bool],
    first: Int[np.ndarray, " item"],
) -> float | None:
    """Return the sampling rate in Hz, or None where the unit of the time stamps is not known.

    Args:
        table: the file.
        name: of the column.
        stamps: what `seconds` returned.
        first: the row in which each sequence begins.

    Raises:
        SartoError: E105 a time stamp is missing; E108 time does not rise within a sequence, or two sequences were
            sampled at different rates.
    """
    times, known = stamps
    if np.isnan(times).any():
        where = table.place(int(np.argmax(np.isnan(times))), name)
        raise SartoError(
            "E105", "a time stamp is missing", cause=where, hint="fill it in, or leave the column out"
        )
    steps = np.diff(times)
    within = np.ones(len(times), bool)
    within[first] = False
    within = within[1:]
    if (stuck := within & ~(steps > 0)).any():
        row = int(np.argmax(stuck)) + 1
        cause = f"it goes from {times[row - 1]:.17g} to {times[row]:.17g} within a sequence"
        hint = "sort the rows of each sequence by time, remove doubles, or begin a new sequence there"
        raise SartoError("E108", f"{table.place(row, name)}: time does not rise", cause=cause, hint=hint)
    ends = np.append(first[1:], len(times))
    periods = np.array(
        [np.median(steps[a : b - 1]) if b - a > 1 else np.nan for a, b in zip(first, ends, strict=True)]
    )
    if np.isnan(periods).all():
        return None
    slowest, fastest = int(np.nanargmax(periods)), int(np.nanargmin(periods))
    if periods[slowest] > periods[fastest] * (1 + SPREAD):
        lines = [int(table.lines[first[i]]) for i in (slowest, fastest)]
        unit = " s" if known else ""
        cause = (
            f"the sequence from line {lines[0]} has a row every {periods[slowest]:.4g}{unit}, "
            f"that from line {lines[1]} every {periods[fastest]:.4g}{unit}"
        )
        hint = "resample to one rate: a model on a device sees one"
        raise SartoError("E108", f"'{table.name}' mixes sampling rates", cause=cause, hint=hint)
    return float(f"{1 / np.nanmedian(periods):.6g}") if known else None
