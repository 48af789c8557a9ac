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
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sarto.core.budget import better
from sarto.core.errors import SartoError
from sarto.core.units import parse_allowance
from sarto.report import words
from sarto.report.compare import Figure

ALL = "all"
"""Gates every figure of A that has a direction."""
SEEN = ("measured", "emulated")
"""What was seen of the program itself."""
ROUNDING = 1e-9
"""Share of a figure by which an allowance may be passed, since `0.93 - 0.92 > 0.01` in float64, whose precision is
1.1e-16; one item of fewer than a thousand million counts for more."""


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
    known = {figure.what.lower(): figure for figure in figures}
    named: dict[str, Gate] = {}
    every: tuple[Figure, ...] = ()
    allowance_of_all = ""
    for text in texts:
        name, allowance = _parted(text, known)
        if name in named or (name == ALL and every):
            raise SartoError(
                "E112", f"'{name}' is gated twice", cause=f"the second is '{text}'", hint="leave one out"
            )
        if name == ALL:
            every = tuple(f for f in figures if f.a is not None and better(f.what))
            allowance_of_all = allowance
            if allowance and not allowance.endswith("%"):
                raise _unreadable(text, "the figures have different units", "as in all:2%")
            continue
        figure = known.get(name)
        if figure is None:
            raise _unknown(name, known)
        if not better(figure.what):
            cause = "neither more nor less of it is better"
            raise SartoError(
                "E112", f"'{figure.what}' cannot be gated", cause=cause, hint="gate another figure"
            )
        named[name] = _gate(figure, allowance, text)
    gates = {f.what.lower(): _gate(f, allowance_of_all, f"{ALL}:{allowance_of_all}") for f in every} | named
    return [gates[name] for name in known if name in gates]


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


def _parted(text: str, known: dict[str, Figure]) -> tuple[str, str]:
    """Return name and allowance; a name may have colons of its own."""
    whole = text.strip().lower()
    if whole in known or ":" not in whole:
        return whole, ""
    name, _, allowance = text.rpartition(":")
    if not allowance.strip():
        raise _unreadable(
            text, "nothing follows the colon", "as in flash:2%, or without the colon for no allowance"
        )
    return name.strip().lower(), allowance.strip()


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


def _unknown(name: str, known: dict[str, Figure]) -> SartoError:
    near = difflib.get_close_matches(name, [*known, ALL], n=1)
    names = [figure.what for figure in known.values() if better(figure.what)]
    hint = f"did you mean '{near[0]}'?" if near else f"there is {', '.join([*names, ALL])}"
    return SartoError(
        "E111", f"'{name}' is not a figure of either folder", cause="no evidence has that name", hint=hint
    )
