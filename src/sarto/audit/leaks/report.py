"""What an upload reveals, in a table and in words; and of many clients how many reveal what.

Returned is what a server finds in the bytes that it is sent, nothing that it would have to be told: the number of rows,
the label histogram, the means of the features and of every class, the rows themselves where `sarto.audit.leaks.rows`
works them out, and whether a row that is thought of can be told to be one of the client's. Beside each stands what
takes it away, and what that costs.

>>> from sarto.learn.payload import packed
>>> x, y = np.array([[3.0, 1.0], [1.0, 5.0], [2.0, 6.0], [4.0, 4.0]]), np.array(["a", "b", "b", "b"])
>>> found = leaks(packed(x, y, classes=("a", "b"), how="factor-f64"), "ward 7")
>>> found.table.rows[1][:2], found.known.features.round(6).tolist()
(('rows of each class', 'a 1, b 3'), [[3.0, 1.0]])
>>> print(found.findings[0])
warning: known rows: ward 7: 1 of 4 rows can be worked out from the upload, feature by feature; masks or noise hide them
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from sarto.audit.leaks.rows import Groups, KnownRows, determined, known_rows
from sarto.core.errors import SartoError
from sarto.core.finding import Finding
from sarto.core.table import Table
from sarto.learn.payload import how_of, received
from sarto.learn.statistics import RidgeStatistics

MASKED_B = 8
"""Bytes of a number under a mask, see `sarto.learn.masking`: the triangle, all of it."""
MASK, NOISE = "masks", "noise of each client"
COLUMNS = ("what", "revealed", "numbers", "taken away by", "which costs")
OF_CLIENTS = (
    "client", "form", "size", "rows", "classes", "classes of one row", "known rows", "span", "determined",
    "masked size",
)  # fmt: skip
_UNITS = ("", "", "B", "1", "1", "1", "1", "1", "1", "B")


@dataclass(frozen=True, eq=False)
class Leaks:
    """What one upload reveals.

    Attributes:
        table: a row for each thing, with what takes it away and what that costs.
        findings: the same in words.
        known: rows that were worked out.
    """

    table: Table
    findings: tuple[Finding, ...]
    known: KnownRows


@dataclass(frozen=True, eq=False)
class LeaksOfClients:
    """What the uploads of many clients reveal.

    Attributes:
        table: a row for each client.
        findings: how many reveal what.
    """

    table: Table
    findings: tuple[Finding, ...]


def leaks(payload: bytes, client: str = "") -> Leaks:
    """Return what a payload reveals.

    Args:
        payload: as `sarto.learn.payload.packed` makes it, in any form.
        client: its name, for the findings.

    Raises:
        InputError: E103, when the bytes are no payload.
        SartoError: E404, when no rows have such statistics.
    """
    how, s = how_of(payload), received(payload)
    groups, known = Groups(s), known_rows(s)
    span, d = _span(groups), len(s.mean_x)
    masked = f"{_masked_b(s):,} B in place of {len(payload):,} B, and a second message"
    both, accuracy = f"{MASK}, or {NOISE}", f"{masked}; or accuracy, see the price of an epsilon"
    histogram = _histogram(s, groups)
    rows = [
        ("rows", f"{s.count}", 1, MASK, masked),
        ("rows of each class", histogram, len(groups.counts), both, accuracy),
        ("mean of every feature", f"{d} means", d, both, accuracy),
        (
            "mean of every feature in each class",
            f"{len(groups.means)} classes",
            d * len(groups.means),
            both,
            accuracy,
        ),
        ("rows, feature by feature", f"{len(known)} of {s.count}", d * len(known), both, accuracy),
        (
            "whether a row is among them",
            _membership(span, d, len(known) == s.count),
            span * d,
            both,
            accuracy,
        ),
        ("share of the numbers of all rows", f"{100 * determined(s):.4g} %", s.count * d, both, accuracy),
        (
            "rows that come before the next epoch",
            "as an upload of them alone",
            0,
            NOISE,
            "accuracy, in every epoch anew",
        ),
    ]
    if s.classes is None:
        rows = [row for row in rows if "class" not in row[0]]
    table = Table(
        "leaks", COLUMNS, ("", "", "1", "", ""), tuple(rows), ("", "measured", "measured", "", "estimated")
    )
    row = _row(client, payload)
    return Leaks(table, tuple(_of_one(client or "the upload", how, row, d)), known)


def leaks_of_clients(
    uploads: Iterable[tuple[str, bytes]], on_refused: Callable[[str, SartoError], None] | None = None
) -> LeaksOfClients:
    """Return what the payloads of many clients reveal; each is looked at by itself and not kept.

    Args:
        uploads: name and payload of each client.
        on_refused: told of a client whose payload is none, before the next one is taken; None raises.

    Raises:
        InputError: E103, when bytes are no payload.
        SartoError: E404, when no rows have such statistics.
    """
    found: list[tuple[float | int | str, ...]] = []
    for client, payload in uploads:
        try:
            found.append(_row(client, payload))
        except SartoError as error:
            if on_refused is None:
                raise
            on_refused(client, error)
    rows = tuple(found)
    how = tuple("" if not unit else "measured" for unit in _UNITS)
    table = Table("leaks of clients", OF_CLIENTS, _UNITS, rows, how)
    return LeaksOfClients(table, tuple(_of_many(table)) if rows else ())


def _row(client: str, payload: bytes) -> tuple[float | int | str, ...]:
    s = received(payload)
    groups = Groups(s)
    single = int((groups.counts == 1).sum()) if s.classes is not None else 0
    return (
        client, how_of(payload), len(payload), s.count, 0 if s.classes is None else len(groups.counts), single,
        len(known_rows(s)), _span(groups), determined(s), _masked_b(s),
    )  # fmt: skip


def _masked_b(s: RidgeStatistics) -> int:
    """Return the bytes of the same statistics under a mask."""
    f, o = len(s.mean_x), len(s.mean_y)
    return MASKED_B * (f * (f + 1) // 2 + f * o + f + 2 * o + 4)


def _histogram(s: RidgeStatistics, groups: Groups) -> str:
    if s.classes is None:
        return ""
    if not groups.counts.all():
        return f"weights of {len(groups.counts)} classes"
    there = s.class_weights > 0.5
    names = [str(c) for c, known in zip(s.classes, there, strict=True) if known]
    return ", ".join(f"{name} {count}" for name, count in zip(names, groups.counts.tolist(), strict=False))


def _span(groups: Groups) -> int:
    """Return how many directions the rows span, where that is for being few; 0 where it is for what they are of."""
    if groups.free >= len(groups.statistics.mean_x):
        return 0
    span = len(groups.within)
    return span if span == groups.free else 0


def _membership(span: int, d: int, known: bool) -> str:
    if known:
        return "yes: they are known"
    return f"yes: they span {span} of {d} directions" if span else "not from the span of the rows"


def _of_one(name: str, how: str, row: tuple[float | int | str, ...], d: int) -> list[Finding]:
    value = dict(zip(OF_CLIENTS, row, strict=True))
    known, rows = value["known rows"], value["rows"]
    found = list[Finding]()
    if known:
        text = f"{name}: {known} of {rows} rows can be worked out from the upload, feature by feature"
        found.append(Finding("known rows", "warning", f"{text}; masks or noise hide them"))
    if value["span"] or known == rows:
        text = (
            f"{name}: any row that is thought of can be told to be among its {rows} rows, or not, to rounding"
        )
        found.append(
            Finding(
                "membership", "warning", f"{text}; masks or noise hide it, and rows that span all features"
            )
        )
    text = f"{name}: number of rows, rows of each class, and means of {d} features, of all and of each class"
    found.append(Finding("upload", "note", f"{text}, can be read off"))
    if how.startswith("factor"):
        text = f"{name}: a QR factor is the features up to a rotation, no more than a triangle says"
        ratio = float(value["masked size"]) / float(value["size"])
        found.append(
            Finding("QR factor", "note", f"{text}; under a mask it takes {ratio:.1f} times as many bytes")
        )
    return found


def _of_many(table: Table) -> list[Finding]:
    n = len(table.rows)
    columns = {name: np.array(table.column(name)) for name in table.columns[2:]}
    rows, known = int(columns["rows"].sum()), int(columns["known rows"].sum())
    shares = {
        "clients of one row": ((columns["rows"] == 1), "have one row, which their upload is"),
        "classes of one row": (
            (columns["classes of one row"] > 0),
            "have a class with one row, which the mean of the class is",
        ),
        "all rows known": (
            (columns["known rows"] == columns["rows"]) & (columns["rows"] > 0),
            "have all of their rows known",
        ),
        "membership": (
            ((columns["span"] > 0) | (columns["known rows"] == columns["rows"])) & (columns["rows"] > 0),
            "tell of any row that is thought of whether they have it",
        ),
    }
    found = [
        Finding(what, "warning" if count else "note", f"{count} of {n} clients {words}")
        for what, (which, words) in shares.items()
        for count in [int(np.count_nonzero(which))]
    ]
    if known:
        text = f"{known} of {rows} rows of {n} clients can be worked out, feature by feature"
        found.insert(0, Finding("known rows", "warning", f"{text}; masks or noise of each client hide them"))
    total, masked = float(columns["size"].sum()), float(columns["masked size"].sum())
    text = f"masks hide all but the sum from a server that keeps to the protocol: {masked / total:.1f} times as many"
    found.append(
        Finding("masks", "note", f"{text} bytes in all, and fewer clients than the threshold give nothing")
    )
    return found
