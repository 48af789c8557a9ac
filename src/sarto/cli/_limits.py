"""The last screen of a verb that judges: each limit beside what was got, what binds, and the error of a budget not met.

`rows` gives `limit | budget | got | margin | how`; the main figures without a limit follow, with their interval.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Sequence

from sarto.cli import _answer
from sarto.core.budget import Margin, Verdict
from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence
from sarto.core.points import OperatingPoint
from sarto.core.units import format_quantity
from sarto.report import Run, words
from sarto.report.words import name, remedy

COLUMNS = ("limit", "budget", "got", "margin", "how")
FIGURES = ("flash", "ram", "instructions per inference", "latency", "test accuracy", "test R2")
"""What is always shown of a model, with or without a limit, and of points that come near one; the latency where no
instructions are counted."""
_CODES = {
    "flash": "E202",
    "ram": "E203",
    "instructions per inference": "E204",
    "latency": "E205",
    "energy": "E206",
    "test accuracy": "E207",
    "test R2": "E207",
}
"""Limit -> the code of the error when it binds and is broken."""
_FLAGS = {
    "flash": "--flash",
    "ram": "--ram",
    "instructions per inference": "--instructions",
    "latency": "--latency",
    "energy": "--energy",
    "test accuracy": "--min-accuracy",
    "test R2": "--min-r2",
}


def show_verdict(verdict: Verdict, evidence: Iterable[Evidence], device: str) -> None:
    """Print the table of `verdict`, and below its limits the newest of the `FIGURES` that no limit was set for."""
    styles = ["" if m.left is None else "green" if m.left >= 0 else "red" for m in verdict.margins]
    newest = {item.what: item for item in evidence}
    limited = {m.limit for m in verdict.margins}
    free = [newest[what] for what in _figures(newest) if what not in limited]
    table = [
        *rows(verdict, device),
        *((name(e.what), "none", _figure(e.value, e.unit, e.what), _plain(_spread(e)), e.how) for e in free),
    ]
    _answer.table(COLUMNS, table, right=(1, 2), styles=[*styles, *[""] * len(free)])


def _figures(there: Container[str]) -> list[str]:
    """Return the `FIGURES` to show of those that are there."""
    counted = "instructions per inference" in there
    return [what for what in FIGURES if what in there and not (counted and what == "latency")]


def _spread(item: Evidence) -> str:
    """Return the interval of a share and the number of items behind it, or nothing."""
    if item.interval is None or item.unit != "1":
        return ""
    low, high = (words.figure(bound, item.unit, item.what) for bound in item.interval)
    return f"{low} to {high}, n = {item.n}"


def rows(verdict: Verdict, device: str) -> list[tuple[str, ...]]:
    """Return the rows of the table, one for each limit, in the order of the budget.

    >>> margin = Margin("ram", 16000, 21400, "B", False, "emulated")
    >>> rows(Verdict(False, (margin,), "ram"), "cortex_m4")
    [('RAM', '<= 16 kB', '21.4 kB', '5.4 kB over (34 %)', 'emulated')]
    """
    return [
        (
            name(m.limit),
            f"{'>=' if m.at_least else '<='} {_figure(m.budget, m.unit, m.limit)}",
            "not measured" if m.got is None else _figure(m.got, m.unit, m.limit),
            _plain(words.room(m)) or f"run {remedy(m.limit, device)}",
            m.how or "",
        )
        for m in verdict.margins
    ]


def unmet(verdict: Verdict, device: str, model: str) -> SartoError:
    """Return the error of the limit that binds, for a verdict that does not fit.

    >>> margin = Margin("ram", 16000, 21400, "B", False, "emulated")
    >>> print(unmet(Verdict(False, (margin,), "ram"), "cortex_m4", "esn, 600 units"))
    error[E203]: RAM 21.4 kB > 16 kB on cortex_m4 (over by 5.4 kB)
    cause: the nearest model found: esn, 600 units
    hint: raise --ram to 21400B, or search longer with more --trials
    """
    binding = next(m for m in verdict.margins if m.limit == verdict.binding)
    limit = _figure(binding.budget, binding.unit, binding.limit)
    flag = _FLAGS[binding.limit]
    if binding.got is None or binding.left is None:
        message = f"{name(binding.limit)} was not measured on {device}, and its limit is {limit}"
        hint = f"leave {flag} out; `sarto devices {device}` shows what can be told of it"
        return SartoError("E201", message, cause="a limit that nobody measured cannot be kept", hint=hint)
    change = "lower" if binding.at_least else "raise"
    return SartoError(
        _CODES[binding.limit],
        _missed(binding, f"on {device}"),
        cause=f"the nearest model found: {model.rstrip('.')}{_others(verdict, binding)}",
        hint=f"{change} {flag} to {_as_flag(binding)}, or search longer with more --trials",
    )


def unmet_file(verdict: Verdict) -> SartoError:
    """Return the error of the limit that binds, for a network in a file that does not fit.

    >>> print(unmet_file(Verdict(False, (Margin("flash", 2000, 2400, "B", False, "measured"),), "flash")))
    error[E202]: flash 2.4 kB > 2 kB in a file, storage only (over by 400 B)
    cause: the steps end there
    hint: raise --flash to 2400B, or shrink more: prune a larger share, or share fewer values
    """
    binding = next(m for m in verdict.margins if m.limit == verdict.binding)
    hint = (
        f"raise --flash to {_as_flag(binding)}, or shrink more: prune a larger share, or share fewer values"
    )
    if binding.at_least:
        hint = "allow a larger --max-drop, or shrink less, or tune longer with --epochs"
    return SartoError(
        _CODES[binding.limit],
        _missed(binding, "in a file, storage only"),
        cause=f"the steps end there{_others(verdict, binding)}",
        hint=hint,
    )


def _missed(binding: Margin, where: str) -> str:
    """Return by how much a measured limit is missed."""
    assert binding.got is not None, "a limit that nobody measured"
    got, limit = (_figure(v, binding.unit, binding.limit) for v in (binding.got, binding.budget))
    off = _plain(words.difference(binding))
    sign, by = ("<", f"short by {off}") if binding.at_least else (">", f"over by {off}")
    return f"{name(binding.limit)} {got} {sign} {limit} {where} ({by})"


def _others(verdict: Verdict, binding: Margin) -> str:
    """Return which other limits are not met, as the end of a sentence."""
    others = [name(m.limit) for m in verdict.margins if m is not binding and (m.left is None or m.left < 0)]
    return f"; {' and '.join(others)} {'is' if len(others) == 1 else 'are'} not met either" if others else ""


def show_nearest(points: Sequence[OperatingPoint], verdict: Verdict) -> None:
    """Print the points that came nearest with what they cost, and their validation error, the figures side by side.

    Where recipes were tried, that of each point is told.
    """
    limits = [m.limit for m in verdict.margins]
    there = {item.what for point in points for item in point.evidence}
    known = (*limits, *_figures(there), "validation error")
    columns = [what for what in dict.fromkeys(known) if what in there]
    hows = {what: {p.find(what).how for p in points if _has(p, what)} for what in columns}
    names = [f"{name(what)} ({', '.join(sorted(hows[what]))})" for what in columns]
    table = [(point.name, *(_cell(point, what, len(hows[what]) > 1) for what in columns)) for point in points]
    if any("recipe" in point.settings for point in points):
        names.append("recipe")
        recipes = [str(point.settings.get("recipe", "")) for point in points]
        table = [(*row, recipe) for row, recipe in zip(table, recipes, strict=True)]
    _answer.table(("point", *names), table, right=range(1, len(columns) + 1))


def sentence(run: Run) -> str:
    """Return the verdict of a folder in one sentence, with the limit that binds."""
    return _plain(words.verdict(run))


def _plain(text: str) -> str:
    """Return `text` with spaces that a terminal may break at."""
    return text.replace("\u00a0", " ")


def _figure(value: float, unit: str, what: str) -> str:
    return _plain(words.figure(value, unit, what))


def _has(point: OperatingPoint, what: str) -> bool:
    return any(item.what == what for item in point.evidence)


def _cell(point: OperatingPoint, what: str, mixed: bool) -> str:
    """Return a figure, and how it was got where its column is mixed."""
    if not _has(point, what):
        return "-"
    item = point.find(what)
    return _figure(item.value, item.unit, what) + (f" ({item.how})" if mixed else "")


def _as_flag(margin: Margin) -> str:
    """Return what was got as the flag takes it, without rounding a limit below what is needed.

    >>> _as_flag(Margin("latency", 5e-4, 5.351125e-4, "s", False, "estimated"))
    '536us'
    """
    assert margin.got is not None
    if margin.unit == "1":
        return f"{math.floor(1000 * margin.got) / 1000:g}"
    if margin.unit in ("s", "J"):
        step = 10.0 ** (math.floor(math.log10(margin.got)) - 2)
        return (
            format_quantity(math.ceil(margin.got / step) * step, margin.unit)
            .replace(" ", "")
            .replace("µ", "u")
        )
    return f"{margin.got:.17g}{'' if margin.unit == 'instructions' else margin.unit}"
