"""Whether the shares of a label can all be true at once: its own, or those that somebody published.

Returns a `Check` for each question that the shares can answer:

    sum_ij P(i, j) = 1        sum_i P(i) = 1       sum_i P(i | j) = 1       sum_j P(j | i) = 1
    P(i, j) = P(i | j) P(j) = P(j | i) P(i)        P(i) = sum_j P(i, j)     P(j) = sum_i P(i, j)

A published share x with d digits stands for any from x - h to x + h with h = 10^-d / 2, so a sum is known to within
the sum of their h, and a product a b to within h_a b + h_b a + h_a h_b. Only what no such shares can explain fails. A
publication may show some values only, so a sum that falls short fails where every value is known to be there: where it
is said, or where shares of one kind over the same values do sum to 1.

Where all joint shares are off by one factor, the number that counts were divided by is told: with n rows and the
factor s it is n / s.

>>> joint = {(a, y): Share(x, 4) for a, y, x in (("a", "0", 0.15), ("a", "1", 0.05), ("b", "0", 0.1), ("b", "1", 0.2))}
>>> told = Published("slide", "race", "y", {"joint": joint}, rows=5000, complete=True)
>>> [(found.what, found.state) for found in check(told)]
[('joint shares sum to 1', 'failed')]
>>> check(told)[0].text
'they sum to 0.5000; counts were divided by 10,000, not by the 5,000 rows'
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from sarto.core.finding import Finding

if TYPE_CHECKING:
    from sarto.audit.labels.label import Part

Kind = Literal["joint", "protected", "target", "protected given target", "target given protected"]
KINDS: tuple[Kind, ...] = ("joint", "protected", "target", "protected given target", "target given protected")
FULL = 12
"""Digits of shares that a program wrote in full."""
Cell = tuple[str, str]
"""A protected value and one of the target; of a marginal the other is empty."""


@dataclass(frozen=True)
class Share:
    """A share, and the digits after its point."""

    value: float
    digits: int = FULL

    @property
    def half(self) -> float:
        """How far the share may be from what was rounded."""
        return 0.5 * 10.0**-self.digits * (1 + 1e-9) + 1e-12


@dataclass(frozen=True)
class Published:
    """The shares of a label.

    Attributes:
        name: of the label, for a person.
        protected: the attribute.
        target: the target.
        shares: of each kind, those that are given.
        rows: of the data, or 0 if that is not said.
        twice: cells that are given more than once, as `kind, cell`.
        complete: whether it is said that no value is left out.
    """

    name: str
    protected: str
    target: str
    shares: Mapping[Kind, Mapping[Cell, Share]]
    rows: int = 0
    twice: tuple[tuple[Kind, Cell], ...] = ()
    complete: bool = False

    def values(self, place: int) -> list[str]:
        """Return every protected value (0), or every value of the target (1), in the order in which they are met."""
        return list(dict.fromkeys(c[place] for kind in KINDS for c in self.shares.get(kind, {}) if c[place]))

    def has_all(self, place: int) -> bool:
        """Return whether every protected value (0), or every value of the target (1), is there."""
        if self.complete:
            return True
        values, other = set(self.values(place)), 1 - place
        kinds: tuple[Kind, Kind] = (
            ("protected", "protected given target") if place == 0 else ("target", "target given protected")
        )
        for kind in kinds:
            shares = self.shares.get(kind, {})
            for given in {cell[other] for cell in shares}:
                of_given = {cell[place]: share for cell, share in shares.items() if cell[other] == given}
                total, slack = summed(of_given.values())
                if set(of_given) == values and abs(total - 1) <= slack:
                    return True
        return False


@dataclass(frozen=True)
class Check:
    """One question and its answer."""

    what: str
    state: Literal["passed", "failed", "not checked"]
    text: str
    of: str = field(default="", compare=False)

    def to_json(self) -> dict[str, str]:
        """Return the check as plain JSON values."""
        return {"what": self.what, "of": self.of, "state": self.state, "text": self.text}


def of_part(part: Part) -> Published:
    """Return the shares of a part of a label."""
    joint = part.joint
    names, n = joint.names, joint.n
    lines = [i for i in range(len(names)) if joint.counts[i].sum()]
    cells = [(i, j) for i in lines for j in range(len(joint.targets))]

    def every(table: Any) -> dict[Cell, Share]:
        return {(names[i], joint.targets[j]): Share(float(table[i, j])) for i, j in cells}

    shares: dict[Kind, Mapping[Cell, Share]] = {
        "joint": every(joint.shares),
        "protected": {(names[i], ""): Share(float(joint.counts[i].sum() / n)) for i in lines},
        "target": {("", t): Share(float(joint.counts[:, j].sum() / n)) for j, t in enumerate(joint.targets)},
        "protected given target": every(joint.given_target),
        "target given protected": every(joint.given_protected),
    }
    return Published("this label", joint.name, joint.target, shares, n, complete=True)


def check(label: Published, true: Published | None = None) -> list[Check]:
    """Return what the shares of a label say of each other, and of those of the data that it is about if given."""
    found = [_twice(label), *_sums(label), _products(label), _marginals(label), _true(label, true)]
    of = f"{label.protected} and {label.target}"
    return [Check(c.what, c.state, c.text, of) for c in found if c is not None]


def findings(checks: Iterable[Check], name: str) -> list[Finding]:
    """Return a finding for each check that failed."""
    return [Finding(f"{name}: {c.what}", "warning", c.text) for c in checks if c.state == "failed"]


def worded(kind: Kind, cell: Cell) -> str:
    """Return a share's name, as it is written: P(Black and 0), P(Black | 1)."""
    a, y = cell
    return {
        "joint": f"P({a} and {y})",
        "protected": f"P({a})",
        "target": f"P({y})",
        "protected given target": f"P({a} | {y})",
        "target given protected": f"P({y} | {a})",
    }[kind]


def _twice(label: Published) -> Check | None:
    if not label.twice:
        return None
    names = ", ".join(worded(kind, cell) for kind, cell in label.twice)
    return Check("each share is given once", "failed", f"{names} stands more than once; which one is meant?")


def summed(shares: Iterable[Share]) -> tuple[float, float]:
    """Return a sum of shares, and how far it may be from what was rounded."""
    listed = list(shares)
    return sum(share.value for share in listed), sum(share.half for share in listed)


def _sums(label: Published) -> Iterable[Check | None]:
    """Yield the checks of what must sum to 1."""
    people, classes = label.values(0), label.values(1)
    all_people, all_classes = label.has_all(0), label.has_all(1)
    shares = label.shares
    both = len(people) * len(classes) if all_people and all_classes else 0
    yield _sum("joint shares sum to 1", [("", shares.get("joint", {}))], both, label)
    marginals: tuple[tuple[Kind, int, bool], ...] = (
        ("protected", len(people), all_people), ("target", len(classes), all_classes),
    )  # fmt: skip
    for kind, most, known in marginals:
        yield _sum(f"{kind} shares sum to 1", [("", shares.get(kind, {}))], most if known else 0, label)
    given: tuple[tuple[Kind, int, list[str], int], ...] = (
        ("protected given target", 1, classes, len(people) if all_people else 0),
        ("target given protected", 0, people, len(classes) if all_classes else 0),
    )
    for kind, place, values, most in given:
        of_kind = shares.get(kind, {})
        groups = [(f"given {v} ", {c: s for c, s in of_kind.items() if c[place] == v}) for v in values]
        yield _sum(f"{kind} sums to 1", groups, most, label)


def _sum(
    what: str, groups: Iterable[tuple[str, Mapping[Cell, Share]]], most: int, label: Published
) -> Check | None:
    """Return the check that each group of shares sums to 1: of `most` shares, or of 0 if nobody knows how many."""
    groups = [(name, shares) for name, shares in groups if shares]
    if not groups:
        return None
    short = ""
    for name, shares in groups:
        total, slack = summed(shares.values())
        text = f"{name}they sum to {total:.{min(max(s.digits for s in shares.values()), 4)}f}"
        if total > 1 + slack or (len(shares) == most and total < 1 - slack):
            told = _divisor(label.rows, total, slack) if what.startswith("joint") else ""
            return Check(what, "failed", f"{text}; {told}" if told else text)
        if total < 1 - slack:
            short = short or text
    if short:
        return Check(what, "not checked", f"{short}: some values may be left out")
    return Check(what, "passed", "within rounding")


def _divisor(rows: int, factor: float, slack: float) -> str:
    """Return what counts were divided by, if the number of rows is known and shares are off by `factor`."""
    if not rows or factor <= 0:
        return ""
    low, high = rows / (factor + slack), rows / max(factor - slack, 1e-9)
    number = _roundest(low, high)
    return f"counts were divided by {number:,}, not by the {rows:,} rows"


def _roundest(low: float, high: float) -> int:
    """Return the whole number from `low` to `high` with the most zeros at its end."""
    for step in (10**e for e in range(15, -1, -1)):
        first = math.ceil(low / step) * step
        if first <= high:
            return first
    return round((low + high) / 2)


def _products(label: Published) -> Check | None:
    """Return the check that joint shares are conditionals times marginals, or that both ways give the same."""
    shares = label.shares
    ways: tuple[tuple[Kind, Kind, Callable[[Cell], Cell]], ...] = (
        ("protected given target", "target", lambda c: ("", c[1])),
        ("target given protected", "protected", lambda c: (c[0], "")),
    )
    off: list[tuple[float, str, Cell, float, float]] = []
    ratios: list[tuple[float, float]] = []
    seen = 0
    for given, marginal, place in ways:
        for cell, conditional in shares.get(given, {}).items():
            joint, one = shares.get("joint", {}).get(cell), shares.get(marginal, {}).get(place(cell))
            if joint is None or one is None:
                continue
            seen += 1
            product = conditional.value * one.value
            slack = conditional.half * one.value + one.half * conditional.value + conditional.half * one.half
            if product > slack:
                ratios.append(
                    (
                        (joint.value - joint.half) / (product + slack),
                        (joint.value + joint.half) / (product - slack),
                    )
                )
            if abs(joint.value - product) > joint.half + slack:
                name = f"{worded(given, cell)} {worded(marginal, place(cell))}"
                off.append((abs(joint.value - product), name, cell, joint.value, product))
    what = "joint share = conditional x marginal"
    if not seen:
        return None
    if not off:
        return Check(what, "passed", f"{seen} products, within rounding")
    _, name, cell, value, product = max(off)
    text = (
        f"{len(off)} of {seen} are not: {worded('joint', cell)} is {value:.4g}, and {name} is {product:.4g}"
    )
    low, high = max(low for low, _ in ratios), min(high for _, high in ratios)
    if low <= high and len(ratios) > 1:
        text += f"; all are off by one factor, {(low + high) / 2:.4g}"
        if told := _divisor(label.rows, (low + high) / 2, (high - low) / 2):
            text += f": {told}"
    return Check(what, "failed", text)


def _marginals(label: Published) -> Check | None:
    """Return the check that marginals are sums of joint shares."""
    what, joint, seen = "marginal share = sum of joint shares", label.shares.get("joint", {}), 0
    kinds: tuple[tuple[Kind, int], ...] = (("protected", 0), ("target", 1))
    for kind, place in kinds:
        others, known = len(label.values(1 - place)), label.has_all(1 - place)
        for cell, share in label.shares.get(kind, {}).items():
            row = [s for c, s in joint.items() if c[place] == cell[place]]
            total, slack = summed(row)
            more = total - share.value
            if more > slack + share.half or (known and len(row) == others and -more > slack + share.half):
                text = f"the joint shares of {cell[place]} sum to {total:.4g}, "
                text += f"and {worded(kind, cell)} is {share.value:.4g}"
                return Check(what, "failed", text)
            seen += len(row) == others
    return Check(what, "passed", f"{seen} sums, within rounding") if seen else None


def _true(label: Published, true: Published | None) -> Check | None:
    """Return the check that shares are those of the data."""
    if true is None:
        return None
    what, off, seen, strange = "shares are those of the data", list[str](), 0, list[str]()
    for kind in KINDS:
        for cell, share in label.shares.get(kind, {}).items():
            known = true.shares.get(kind, {}).get(cell)
            if known is None:
                strange.append(worded(kind, cell))
                continue
            seen += 1
            if abs(known.value - share.value) > share.half + known.half:
                off.append(
                    f"{worded(kind, cell)} is {share.value:.4g} there and {known.value:.4f} in the data"
                )
    if not seen:
        return Check(what, "not checked", f"none of its values is in the data, such as that of {strange[0]}")
    rest = f"; the data have no {strange[0]}" if strange else ""
    if off or strange:
        more = f", and {len(off) - 1} more" if len(off) > 1 else ""
        text = f"{len(off)} of {seen} differ: {off[0]}{more}" if off else f"{seen} are equal within rounding"
        return Check(what, "failed", text + rest)
    return Check(what, "passed", f"{seen} are equal within rounding")
