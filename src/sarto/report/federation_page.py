"""The page of a federation: one HTML file without script, font or request, in the dress of the report.

Returns the page as text; the same federation gives the same bytes. Tables are cut, curves thinned and clients chosen
evenly by size, so that a page stays small whatever the federation, and it says what is left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from sarto.core.evidence import Evidence
from sarto.core.table import Table
from sarto.core.units import format_quantity
from sarto.report import palette, words
from sarto.report.federated import Federated
from sarto.report.federation_views import (
    MOST_CLIENTS,
    MOST_METHODS,
    answers,
    clip,
    methods,
    picture,
    spreads,
    worst,
)
from sarto.report.page import environment, script_json
from sarto.report.views import cut

MOST_ROWS = 12
"""Rows of a table of clients."""
MOST_FINDINGS = 20
LEAK_WORDS = {
    "size": "bytes",
    "classes of one row": "classes with one row",
    "known rows": "rows given away",
    "span": "dimensions known of the rest",
    "determined": "determined, %",
    "masked size": "bytes if masked",
}
"""What columns of the table of leaks are called on the page."""


def federation_html(found: Federated) -> str:
    """Return the page of `found`."""
    from markupsafe import Markup

    tables = found.tables
    listed, unlisted = cut(methods(tables["methods"]), 40)
    leaks = tables.get("leaks of clients")
    shown: dict[str, Any] = dict(
        found=found,
        words=words,
        light=Markup(palette.variables(palette.LIGHT)),
        dark=Markup(palette.variables(palette.DARK)),
        verdict=verdict(tables["methods"]),
        figure=figure,
        clip=clip,
        size=size,
        counted=counted,
        listed=listed,
        unlisted=unlisted,
        drawn=listed[:MOST_METHODS],
        undrawn=max(0, len(listed) + unlisted - MOST_METHODS),
        clients=len(tables["clients"].rows),
        charts={name: Markup(chart) for name, chart in _charts(found).items()},
        levels=levels(tables["drift"]),
        spreads=spreads(tables["clients"]),
        worst=worst(tables["clients"], MOST_ROWS),
        picture=picture(tables["classes"]),
        most_clients=MOST_CLIENTS,
        answers=answers(tables["rounds"])[:40],
        device=tables["device"].rows if "device" in tables else (),
        leaks=None if leaks is None or not leaks.rows else _leaks(leaks),
        findings=cut(found.findings, MOST_FINDINGS),
        provenance=provenance(found.provenance),
        ledger_json=Markup(
            script_json(found.to_json() | {"tables": {}, "findings": [], "provenance": {}, "summary": ""})
        ),
    )
    return environment(autoescape=True).get_template("federation.html.j2").render(shown)


def size(value: float) -> str:
    """Return bytes in words that no line break parts.

    >>> size(0), size(2024).replace(chr(0xA0), " ")
    ('0 B', '2.024 kB')
    """
    return format_quantity(value, "B").replace(" ", "\u00a0") if value else "0 B"


def figure(evidence: Evidence, value: float | None = None) -> str:
    """Return a figure of the headline, or an end of its interval: shares in percent, computations in M or G.

    >>> figure(Evidence("client_macs", 2.5e9, "1", "estimated", "t")).replace(chr(0xA0), " ")
    '2.5 G'
    """
    amount = evidence.value if value is None else value
    if evidence.unit == "1" and "mac" not in evidence.what.lower().removeprefix("test mac"):
        return f"{100 * amount:.2f}\u00a0%"
    if evidence.unit == "1":
        return counted(amount)
    return size(amount) if evidence.unit == "B" else words.figure(amount, evidence.unit, evidence.what)


def counted(number: float) -> str:
    """Return a large number in thousands, millions or billions.

    >>> counted(40099826).replace(chr(0xA0), " "), counted(12)
    ('40.1 M', '12')
    """
    known = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
    return next((f"{number / f:.4g}\u00a0{p}" for f, p in known if number >= f), f"{number:.4g}")


def verdict(table: Table) -> str:
    """Return the outcome in a sentence or two: what the first method gets, and which others get there."""
    first, *others = methods(table)
    air = size(first["up"] + first["down"]).replace("\u00a0", " ")
    text = f"{clip(first['method'])} gets {100 * first['accuracy']:.2f} % of the test items right, with {air} on the "
    text += f"air in {_counted(first['rounds'], 'round')}."
    if not others:
        return text
    reached = [m for m in others if m["bytes to first"] != ""]
    if not reached:
        return (
            f"{text} {'The other method does not' if len(others) == 1 else 'No other method does'} get there."
        )
    best = min(reached, key=lambda m: m["bytes to first"])
    after = size(best["bytes to first"]).replace("\u00a0", " ")
    if len(others) == 1:
        return f"{text} {clip(best['method'])} gets there after {after}."
    return f"{text} Of {len(others)} others {len(reached)} get there, {clip(best['method'])} after {after}."


def levels(table: Table) -> list[dict[str, Any]]:
    """Return the rows of the table of drift, none where only one level of unevenness was looked at."""
    rows = table.records()
    return rows[:60] if len({row["alpha"] for row in rows}) > 1 else []


def provenance(values: Mapping[str, Any]) -> list[tuple[str, str, bool]]:
    """Return names and values in words, and whether one takes the whole width."""
    rows: list[tuple[str, str, bool]] = []
    for key, value in values.items():
        if key == "chains":
            text = "; ".join(" then ".join(_stage(*stage) for stage in chain) for chain in value)
        elif isinstance(value, Mapping):
            pairs: list[tuple[Any, Any]] = list(value.items())  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
            text = ", ".join(
                f"{str(k).replace('_', ' ')} {words.setting(v)}" for k, v in pairs if v is not None
            )
        else:
            text = words.setting(value)
        name = {"chains": "methods"}.get(key, key.replace("_", " "))
        rows.append((name, clip(text, 2000), len(text) > 40))
    return rows


def _stage(name: str, rounds: int, settings: Mapping[str, Any]) -> str:
    given = [f"{key} {words.setting(value)}" for key, value in settings.items()]
    return (
        f"{name} ({', '.join(given)}; at most {rounds} rounds)"
        if given
        else f"{name} (at most {rounds} rounds)"
    )


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _leaks(table: Table) -> dict[str, Any]:
    """Return the table of leaks with the clients that give most away first, and how many give rows away."""
    at = {name: table.columns.index(name) for name in ("known rows", "rows")}
    order = sorted(
        table.rows,
        key=lambda row: (-float(row[at["known rows"]]) / max(1, float(row[at["rows"]])), str(row[0])),
    )
    rows, left_out = cut(order, MOST_ROWS)
    return {
        "columns": [LEAK_WORDS.get(name, name) for name in table.columns],
        "units": table.units,
        "how": table.how,
        "shares": [name == "determined" for name in table.columns],
        "rows": rows,
        "left_out": left_out,
        "clients": len(order),
        "giving": sum(1 for row in order if float(row[at["known rows"]]) > 0),
        "whole": sum(1 for row in order if 0 < float(row[at["rows"]]) <= float(row[at["known rows"]])),
    }


def _charts(found: Federated) -> dict[str, str]:
    from sarto.report.federation_charts import course, drift

    tables = found.tables
    names = [m["method"] for m in methods(tables["methods"])[:MOST_METHODS]]
    charts: dict[str, str] = {}
    for name, label in (("rounds", "round"), ("bytes", "bytes on the air")):
        lines = _lines(tables["accuracy"], names, "bytes" if name == "bytes" else "round", "accuracy")
        if any(x > 0 for line in lines for x, _ in line):
            charts[name] = course(name, lines, label, log=name == "bytes")
    for name, label in (
        ("cosine", "cosine with the mean change"),
        ("ratio", "size relative to the mean change"),
    ):
        lines = _lines(tables["rounds"], names, "round", name)
        if any(lines):
            charts[name] = drift(name, lines, "round", label)
    rows = levels(tables["drift"])
    if rows:
        alphas = [float(row["alpha"]) for row in rows]
        log = min(alphas) > 0 and max(alphas) / min(alphas) > 20
        label = "alpha, the smaller the more uneven"
        for name, figure_label in (("accuracy", "test accuracy, %"), ("cosine", "mean cosine")):
            lines = _lines(tables["drift"], names, "alpha", name, ordered=True)
            if any(lines):
                charts[f"{name} by level"] = drift(f"{name}-by-level", lines, label, figure_label, log=log)
    return charts


def _lines(
    table: Table, names: Sequence[str], x: str, y: str, *, ordered: bool = False
) -> list[list[tuple[float, float]]]:
    """Return points of two columns for each method, those without a figure left out."""
    at = [table.columns.index(name) for name in ("method", x, y)]
    lines: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for row in table.rows:
        name, across, up = (row[i] for i in at)
        if (
            name in lines
            and isinstance(across, int | float)
            and isinstance(up, int | float)
            and math.isfinite(up)
        ):
            lines[str(name)].append((float(across), float(up)))
    return [sorted(line) if ordered else line for line in lines.values()]
