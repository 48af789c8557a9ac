"""Gates: what must hold for a model to pass, in one line each, and whether it does.

A gate is `FIGURE[(METRIC)] >= LIMIT`, or `<=`, and after `@` how it is judged:

    gain >= -2pp @ q=0.05, support=0.02     no subgroup of 2 % of the rows is shown to lose more than 2 points
    gain(fpr) <= 1pp @ 95%                  every subgroup is shown to gain at most 1 point of false positives
    accuracy >= 80% @ support=0.05          every subgroup of 5 % has it, without regard to chance
    critical <= 0.1% @ 99%                  the 99 % interval of the share of critical faults ends at or below 0.1 %
    mttf_ratio >= 5                         the figure itself

Of a group there are three ways. With `q` the gate fails where a group is *shown* to break the limit, at that false
discovery rate over all groups (Benjamini and Hochberg). With a confidence it passes only where the interval of every
group lies on the right side: the limit is *shown* to hold. With neither the figures themselves are compared.

Returns `Gate`s, which `read_gate` reads, and `Judged` ones.

>>> read_gate("gain(fpr) <= 1pp @ 95%, support=5%")
Gate(text='gain(fpr) <= 1pp @ 95%, support=5%', figure='gain', metric='fpr', at_least=False, limit=0.01, q=None, confidence=0.95, support=0.05)
"""  # noqa: E501

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence

OF_GROUPS = {
    "gain": "of the small model over the original, in each subgroup",
    "divergence": "of each subgroup from all rows",
    "rate": "in each subgroup",
}
"""Figures that every subgroup has; each takes a metric in brackets, and a metric's own name is its rate."""
OF_ALL = {
    "overall_gain": "of the small model over the original, on all rows",
    "agreement": "share of rows on which both models say the same",
    "critical": "share of faults that silently change the class of any input",
    "misclassified": "share of inputs that a fault makes wrong, mean over faults: the other definition of critical",
    "hurt": "share of faults that make more than a tenth of the inputs wrong",
    "due": "share of faults that crash, hang, or are detected",
    "mttf": "hours to the first critical fault",
    "mttf_ratio": "of the guarded model's mean time to failure over the plain one's",
}
"""Figures that a model has once."""
OF_FAULTS = ("critical", "misclassified", "hurt", "due", "mttf", "mttf_ratio")
"""Those that a fault campaign finds."""
FAILING = "failing gates"
"""Evidence of a point: how many gates it fails."""
METRICS = (
    "accuracy", "error", "fpr", "fnr", "tpr", "tnr", "precision", "positive_rate", "absolute error", "squared error",
)  # fmt: skip
"""What a figure of groups can be of, besides `recall:CLASS`; the name of one alone is its rate."""
_GATE = re.compile(
    r"\s*([a-z_]\w*)\s*(?:\(\s*([^()]+?)\s*\))?\s*(>=|<=|≥|≤)\s*([^@]+?)\s*(?:@\s*(.*\S)\s*)?", re.IGNORECASE
)
_LIMIT = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*(pp|%|h)?", re.I)
_EXAMPLE = "as in 'gain >= -2pp @ q=0.05, support=0.02', or 'critical <= 0.1% @ 99%'"


@dataclass(frozen=True)
class Gate:
    """What must hold.

    Attributes:
        text: as it was written.
        figure: one of `OF_GROUPS` or `OF_ALL`.
        metric: what the figure is of, such as `fpr`; nothing for the audit's own.
        at_least: whether `limit` is the least that is allowed, not the most.
        limit: as a share (2pp and 2 % are .02), a ratio, or hours.
        q: false discovery rate at which a group is shown to break the limit.
        confidence: of the intervals that must lie on the right side.
        support: least share of the rows of a group that is judged; None for the audit's own.
    """

    text: str
    figure: str
    metric: str
    at_least: bool
    limit: float
    q: float | None = None
    confidence: float | None = None
    support: float | None = None

    @property
    def of_groups(self) -> bool:
        """Whether it is judged in every subgroup."""
        return self.figure in OF_GROUPS

    def breaks(self, value: float) -> bool:
        """Return whether `value` is beyond the limit."""
        return value < self.limit if self.at_least else value > self.limit


@dataclass(frozen=True)
class Judged:
    """A gate and what was found.

    Attributes:
        gate: that was judged.
        passed: whether it holds.
        got: the figure, of groups that which is worst; None when nobody measured it.
        found: in words, with the numbers.
        failing: the rows that fail it, worst first: each a name and what it has.
        judged: groups that were looked at.
    """

    gate: Gate
    passed: bool
    got: float | None
    found: str
    failing: tuple[tuple[str, str], ...] = ()
    judged: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return the judgement as plain JSON values."""
        rows = [{"what": what, "found": found} for what, found in self.failing]
        return {
            "gate": self.gate.text,
            "passed": self.passed,
            "got": self.got,
            "found": self.found,
            "judged": self.judged,
            "failing": rows,
        }


def read_gate(text: str) -> Gate:
    """Return the gate that `text` says; see the top of this file.

    Raises:
        SartoError: E161, when it cannot be read, or names a figure, metric or setting that there is not.
    """
    parts = _GATE.fullmatch(text)
    if parts is None:
        raise _unreadable(text, "it is no figure, then >= or <=, then a limit", _EXAMPLE)
    name, metric, sense, limit, settings = parts.groups()
    name, metric = name.lower(), metric or ""
    if name in METRICS and not metric:
        name, metric = "rate", name
    known = (*OF_GROUPS, *OF_ALL, *METRICS)
    if name not in known:
        raise _unreadable(text, f"there is no figure '{name}'", _near(name, known))
    if metric and name not in OF_GROUPS:
        raise _unreadable(text, f"'{name}' has no metric", "leave the brackets out")
    if metric and metric not in METRICS and not metric.startswith("recall:"):
        raise _unreadable(text, f"there is no metric '{metric}'", _near(metric, METRICS))
    number = _LIMIT.fullmatch(limit)
    if number is None:
        raise _unreadable(
            text, f"'{limit}' is no limit", "a share is written 0.02, 2% or 2pp, a ratio 5, hours 1000h"
        )
    value, unit = float(number[1]), (number[2] or "").lower()
    if (unit == "h") != (name == "mttf"):
        raise _unreadable(
            text,
            f"{name} is {'' if name == 'mttf' else 'not '}in hours",
            f"as in '{name} >= 1000h'" if name == "mttf" else "leave the unit out",
        )
    value = value / 100 if unit in ("pp", "%") else value
    shares = name not in ("mttf", "mttf_ratio")
    if (shares and abs(value) > 1) or (name in ("rate", "critical", "due", "agreement") and value < 0):
        raise _unreadable(
            text,
            f"{name} cannot be {limit}",
            "a share lies between 0 and 1, a difference of shares between -1 and 1; two points are 2pp",
        )
    return Gate(
        text.strip(), name, metric, sense in (">=", "≥"), value, **_settings(text, settings or "", name)
    )


def judge_figure(gate: Gate, evidence: Mapping[str, Evidence]) -> Judged:
    """Return what `gate`, of a figure that a model has once, says of `evidence`; what nobody measured fails.

    With a confidence the whole interval, which must be of that confidence, has to lie on the right side.
    """
    found = evidence.get(gate.figure)
    if found is None:
        return Judged(gate, False, None, f"nobody measured {gate.figure}")
    value, words = found.value, _words(gate, found.value)
    if gate.confidence is not None:
        if found.interval is None:
            return Judged(gate, False, found.value, f"{words}, without an interval")
        low, high = found.interval
        value, end = (low, "least") if gate.at_least else (high, "most")
        words += f", at {end} {_words(gate, value)}"
        words += f" at {100 * gate.confidence:g} %"
    passed = not gate.breaks(value)
    return Judged(gate, passed, found.value, words)


def failing(judged: Iterable[Judged], n: int, command: str) -> Evidence:
    """Return how many gates a point fails, and in words what was found of those.

    Args:
        judged: of the point.
        n: items that were looked at.
        command: that shows it again.
    """
    failed = [j for j in judged if not j.passed]
    tool = "; ".join(f"{j.gate.text}: {j.found}" for j in failed) or "every gate holds"
    return Evidence(FAILING, float(len(failed)), "gates", "measured", tool, command, n)


def _words(gate: Gate, value: float) -> str:
    """Return a figure that a model has once in words."""
    if gate.figure == "mttf":
        return f"{value:,.4g} h"
    if gate.figure == "mttf_ratio":
        return f"{value:.4g}"
    return f"{100 * value:+.2f} points" if gate.figure == "overall_gain" else f"{100 * value:.4g} %"


def _settings(text: str, settings: str, figure: str) -> dict[str, float | None]:
    """Return what stands behind the `@`."""
    found: dict[str, float | None] = {}
    for part in filter(None, (p.strip() for p in settings.split(","))):
        name, equals, value = (p.strip() for p in part.partition("="))
        key = name.lower() if equals else "confidence"
        if key not in ("q", "confidence", "support") or (key != "confidence" and figure not in OF_GROUPS):
            known = (
                "q=0.05, support=0.02, or a confidence such as 95%"
                if figure in OF_GROUPS
                else "a confidence, such as 99%"
            )
            raise _unreadable(text, f"'{part}' says nothing about {figure}", f"behind the @ stands {known}")
        number = _LIMIT.fullmatch(value if equals else part)
        share = (
            float(number[1]) / (100 if number[2] == "%" else 1)
            if number and number[2] in (None, "%")
            else -1.0
        )
        if not 0 < share < 1:
            raise _unreadable(
                text, f"'{part}' is no share between 0 and 1", "as in q=0.05, support=2%, or 95%"
            )
        if key in found:
            raise _unreadable(text, f"{key} stands there twice", "leave one out")
        found[key] = share
    if "q" in found and "confidence" in found:
        raise _unreadable(
            text,
            "q and a confidence exclude each other",
            "q fails what is shown to be broken, a confidence passes what is shown to hold",
        )
    return found


def _near(name: str, known: Iterable[str]) -> str:
    known = tuple(known)
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean '{near[0]}'?" if near else f"there is {', '.join(known)}"


def _unreadable(text: str, cause: str, hint: str) -> SartoError:
    return SartoError("E161", f"'{text}' is no gate", cause=cause, hint=hint)
