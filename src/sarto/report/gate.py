"""Gates on a comparison: figures that may not get worse, or not by more than an allowance.

Returns the `Gate`s that texts such as `flash`, `flash:2%`, `test accuracy:0.01` or `all` name, and judges them. What
cannot be judged fails: a figure that one side lacks, one whose unit is another, and one that a model or a data sheet
gives in B where A had measured or emulated it. The interval of a figure plays no part.

>>> from sarto.core.evidence import Evidence
>>> base, new = (Evidence("flash", v, "B", "measured", "ELF") for v in (2000, 2050))
>>> figure = Figure("flash", base, new)
>>> [gate.failure(figure) for gate in read_gates(["flash:5%"], [figure])]
['']
>>> [gate.failure(figure).replace(chr(0xA0), " ") for gate in read_gates(["flash:40B"], [figure])]
['worse by 50 B (2.5 %), 2 kB to 2.05 kB']
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sarto.core.budget import better
from sarto.core.errors import SartoError
from sarto.core.units import parse_allowance
from sarto.report import words
from sarto.report.compare import ROUNDING, Figure

ALL = "all"
"""Gates every figure of A that has a direction."""
SEEN = ("measured", "emulated")
"""What was seen of the program itself."""


@dataclass(frozen=True)
class Gate:
    """A figure that may get worse by `allowed` and no more: in its unit, or as a share of A's when `relative`."""

    what: str
    allowed: float = 0.0
    relative: bool = False

    def allowance(self, figure: Figure) -> str:
        """Return what is allowed in words."""
        if not self.allowed:
            return "nothing"
        if self.relative:
            return f"{100 * self.allowed:.4g}\u00a0%"
        return words.apart(self.allowed, figure.either.unit, figure.what)

    def failure(self, figure: Figure) -> str:
        """Return why the gate fails on `figure`, or nothing when it passes."""
        a, b, worse_by = figure.a, figure.b, figure.worse_by
        if figure.apart:
            return figure.apart
        if a is None or b is None:
            return "B has no such figure" if b is None else "A has no such figure to hold it against"
        if a.how in SEEN and b.how not in SEEN:
            return f"{b.how} in B, {a.how} in A"
        if worse_by is None:
            return f"in {b.unit} in B, in {a.unit} in A"
        allowed = self.allowed * abs(a.value) if self.relative else self.allowed
        if worse_by <= allowed + ROUNDING * max(abs(a.value), abs(b.value)):
            return ""
        share = "" if figure.relative is None else f" ({100 * abs(figure.relative):.4g}\u00a0%)"
        before, after = (words.figure(e.value, e.unit, e.what) for e in (a, b))
        return f"worse by {words.apart(worse_by, a.unit, figure.what)}{share}, {before} to {after}"

    def to_json(self, figure: Figure) -> dict[str, Any]:
        """Return the gate and what it says of `figure` as plain JSON values."""
        failure = self.failure(figure).replace("\u00a0", " ")
        limit = {"share" if self.relative else "amount": self.allowed}
        return {"what": self.what, "allowed": limit, "passed": not failure, "failure": failure or None}


def read_gates(texts: Sequence[str], figures: Sequence[Figure]) -> list[Gate]:
    """Return the gates that `texts` name, in the order of `figures`; a figure's own text goes before `all`.

    Args:
        texts: `NAME` or `NAME:ALLOWANCE` each; `all` takes a percentage only.
        figures: those that either folder has.

    Raises:
        SartoError: E110, for an allowance that is no quantity; E111, for a name that neither folder has; E112, for a
            figure that is gated twice, or has no direction.
    """
    known = {figure.what: figure for figure in figures}
    asked: dict[str, tuple[str, str]] = {}
    for text in texts:
        name, allowance = _parted(text, known)
        if name in asked:
            cause = f"the second is '{text}'"
            raise SartoError("E112", f"'{name}' is gated twice", cause=cause, hint="leave one out")
        if name != ALL and not better(name):
            cause = "neither more nor less of it is better"
            raise SartoError("E112", f"'{name}' cannot be gated", cause=cause, hint="gate another figure")
        if name == ALL and allowance and not allowance.endswith("%"):
            raise _unreadable(text, "the figures have different units", "as in all:2%")
        asked[name] = (allowance, text)
    every = [f.what for f in figures if ALL in asked and f.a is not None and better(f.what)]
    wanted = dict.fromkeys(every, asked.get(ALL, ("", ""))) | {n: a for n, a in asked.items() if n != ALL}
    return [_gate(figure, *wanted[figure.what]) for figure in figures if figure.what in wanted]


def enough(figures: Sequence[Figure]) -> str:
    """Return the gates that `figures`, which failed theirs, would pass; nothing when no allowance is enough for all."""
    found: list[str] = []
    for figure in figures:
        relative = figure.either.unit != "1"
        share = (figure.relative if relative else figure.worse_by) or math.inf
        if abs(share) > 1:
            return ""
        percent = math.ceil(1000 * abs(share) - ROUNDING) / 10
        if Gate(figure.what, percent / 100, relative).failure(figure):
            return ""
        found.append(f"--gate '{figure.what}:{percent:g}%'")
    return " ".join(found)


def _parted(text: str, known: Mapping[str, Figure]) -> tuple[str, str]:
    """Return the name of a figure, or `all`, and the allowance; a name may have colons of its own."""
    found = _named(text, known)
    if found is not None:
        return found, ""
    name, colon, allowance = (part.strip() for part in text.rpartition(":"))
    if not colon:
        name, allowance = allowance, ""
    elif not allowance:
        hint = "as in flash:2%, or without the colon for no allowance"
        raise _unreadable(text, "nothing follows the colon", hint)
    found = _named(name, known)
    if found is None:
        raise _unknown(name, known)
    return found, allowance


def _named(text: str, known: Mapping[str, Figure]) -> str | None:
    """Return the name that `text` is, without regard to case where only one is meant."""
    name = text.strip()
    same = [entry for entry in (*known, ALL) if entry.lower() == name.lower()]
    return name if name in same else same[0] if len(same) == 1 else None


def _gate(figure: Figure, allowance: str, text: str) -> Gate:
    if not allowance:
        return Gate(figure.what)
    try:
        return Gate(figure.what, *parse_allowance(allowance, figure.either.unit))
    except SartoError as error:
        example = "0.01" if figure.either.unit == "1" else "2%"
        hint = f"{error.hint}, or '{figure.what}:{example}', or '{figure.what}' for no allowance"
        raise _unreadable(text, f"{error.message}: {error.cause}", hint) from None


def _unreadable(text: str, cause: str, hint: str) -> SartoError:
    return SartoError("E110", f"'{text}' is not a figure and an allowance", cause=cause, hint=hint)


def _unknown(name: str, known: Mapping[str, Figure]) -> SartoError:
    by_lower = {entry.lower(): entry for entry in (*known, ALL)}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1)
    names = [what for what in known if better(what)]
    hint = f"did you mean '{by_lower[near[0]]}'?" if near else f"there is {', '.join([*names, ALL])}"
    return SartoError(
        "E111", f"'{name}' is not a figure of either folder", cause="no evidence has that name", hint=hint
    )
