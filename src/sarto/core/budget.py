"""The budget a model must fit, and the verdict on whether it does.

>>> budget = Budget(flash_b=64000, ram_b=16000)
>>> got = {"ram": Evidence("ram", 21400, "B", "emulated", "unicorn"),
...        "flash": Evidence("flash", 30000, "B", "measured", "ELF")}
>>> verdict = judge(budget, got)
>>> verdict.fits, verdict.binding, [str(m) for m in verdict.margins]
(False, 'ram', ['flash: 30 kB of 64 kB, 34 kB left (measured)', 'ram: 21.4 kB of 16 kB, over by 5.4 kB (emulated)'])
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from sarto.core.evidence import Evidence
from sarto.core.units import format_quantity

LIMITS: dict[str, tuple[str, str]] = {
    "flash_b": ("flash", "B"),
    "ram_b": ("ram", "B"),
    "instructions": ("instructions per inference", "instructions"),
    "latency_s": ("latency", "s"),
    "energy_j": ("energy", "J"),
    "min_accuracy": ("test accuracy", "1"),
    "min_r2": ("test R2", "1"),
}
"""Field of `Budget` -> name of the evidence it is judged by, and its unit."""
_COST = re.compile(r"\b(flash|ram|stack|tables?|instructions|cycles|ticks|latency|energy)\b")
_LOSS = re.compile(r"\b(error|loss|RMSE|MAE)\b")
_MORE = re.compile(r"\b(accuracy|R2|F1|precision|recall|compression)\b")
_OF_A_GUESS = re.compile(r"\bR2 of ")
_OF_MAKING = re.compile(r"^training (time|processor time|energy|carbon)$")


def better(what: str) -> Literal["less", "more", ""]:
    """Return whether less or more of the evidence named `what` is better; nothing where neither is, or nobody knows.

    What follows " of " is a name that a user gave and says nothing; the R2 of a guess is none of the model's figures,
    nor is what making it took, which differs between two runs.

    >>> better("ram"), better("test macro-F1"), better("test RMSE of accuracy"), better("test R2 of the mean")
    ('less', 'more', 'less', '')
    """
    if _OF_A_GUESS.search(what) or _OF_MAKING.search(what):
        return ""
    quantity = what.partition(" of ")[0]
    if _COST.search(quantity) or _LOSS.search(quantity):
        return "less"
    return "more" if _MORE.search(quantity) else ""


def is_cost(what: str) -> bool:
    """Return whether the evidence named `what` is of what a model takes on its device.

    >>> is_cost("flash"), is_cost("tanh table error"), is_cost("test accuracy")
    (True, False, False)
    """
    return better(what) == "less" and not _LOSS.search(what)


@dataclass(frozen=True)
class Budget:
    """Upper limits (flash and RAM in bytes, seconds, joules) and the least accuracy or R2; None is no limit."""

    flash_b: float | None = None
    ram_b: float | None = None
    instructions: float | None = None
    latency_s: float | None = None
    energy_j: float | None = None
    min_accuracy: float | None = None
    min_r2: float | None = None

    def limits(self) -> Iterator[tuple[str, float, str, bool]]:
        """Yield evidence name, limit, unit, and whether the figure must be at least the limit."""
        for field in fields(self):
            limit = getattr(self, field.name)
            if limit is not None:
                name, unit = LIMITS[field.name]
                yield name, float(limit), unit, better(name) == "more"


@dataclass(frozen=True)
class Margin:
    """One limit of a budget beside what was got; `got` and `how` are None when nobody measured it."""

    limit: str
    budget: float
    got: float | None
    unit: str
    at_least: bool
    how: str | None

    @property
    def left(self) -> float | None:
        """What is left of the budget, negative when the limit is broken."""
        if self.got is None:
            return None
        return self.got - self.budget if self.at_least else self.budget - self.got

    @property
    def relative(self) -> float:
        """`left` as a share of the budget; minus infinity when not measured."""
        return float("-inf") if self.left is None else self.left / self.budget if self.budget else self.left

    def __str__(self) -> str:
        budget = format_quantity(self.budget, self.unit)
        if self.got is None or self.left is None:
            return f"{self.limit}: not measured, limit {budget}"
        got = format_quantity(self.got, self.unit)
        room = format_quantity(abs(self.left), self.unit)
        relation = "at least " + budget if self.at_least else f"of {budget}"
        state = (
            f"{room} {'above' if self.at_least else 'left'}"
            if self.left >= 0
            else (f"short by {room}" if self.at_least else f"over by {room}")
        )
        return f"{self.limit}: {got} {relation if not self.at_least else '(' + relation + ')'}, {state} ({self.how})"


@dataclass(frozen=True)
class Verdict:
    """Whether a model fits: every margin, and `binding`, the limit with the least relative room."""

    fits: bool
    margins: tuple[Margin, ...]
    binding: str | None

    def to_json(self) -> dict[str, Any]:
        """Return the verdict as plain JSON values."""
        rows = [{**{f.name: getattr(m, f.name) for f in fields(m)}, "left": m.left} for m in self.margins]
        return {"fits": self.fits, "binding": self.binding, "margins": rows}

    @staticmethod
    def from_json(data: dict[str, Any]) -> Verdict:
        """Return the verdict that `to_json` wrote."""
        margins = tuple(Margin(**{k: v for k, v in row.items() if k != "left"}) for row in data["margins"])
        return Verdict(bool(data["fits"]), margins, data["binding"])


def judge(budget: Budget, evidence: Mapping[str, Evidence]) -> Verdict:
    """Return the verdict of `evidence` (by name) under `budget`; a limit without evidence does not fit."""
    margins: list[Margin] = []
    for name, limit, unit, at_least in budget.limits():
        item = evidence.get(name)
        margins.append(
            Margin(name, limit, item.value if item else None, unit, at_least, item.how if item else None)
        )
    binding = min(margins, key=lambda m: m.relative).limit if margins else None
    return Verdict(all(m.left is not None and m.left >= 0 for m in margins), tuple(margins), binding)
