r"""How names, figures and the verdict are worded, the same on the page and on the card.

>>> name("ram"), figure(16384, "B", "ram"), figure(0.9321, "1", "test accuracy"), figure(0.81, "1", "kappa")
('RAM', '16.38\xa0kB', '93.21\xa0%', '0.81')
"""

from __future__ import annotations

import re
from typing import Any

from sarto.core.budget import Margin
from sarto.core.evidence import Evidence
from sarto.core.units import COUNTED, format_quantity
from sarto.report.run import Run

_SHARES = re.compile(
    r"accuracy|explained|error|recall|precision|f1|share|purity|lower|upper|so far", re.IGNORECASE
)
SLACK = 0.1
"""A limit of which more than this share is left does not bind: the next larger model would fit too."""
_ESTIMATES = ("latency", "energy")
"""What follows from the device file alone, so that `sarto devices NAME` says which sourced number is missing."""


def name(what: str) -> str:
    """Return the name of a figure as it is written in a sentence."""
    return re.sub(r"\bram\b", "RAM", what)


def title(what: str) -> str:
    """Return the name of a figure as it begins a line."""
    worded = name(what)
    return worded[:1].upper() + worded[1:]


def figure(value: float, unit: str, what: str) -> str:
    """Return `value` in words that no line break parts: shares in percent, everything else with its SI prefix."""
    if unit in ("1", "") and _SHARES.search(what.partition(" of ")[0]):
        return f"{100 * value:.4g}\u00a0%"
    if what.endswith("compression"):
        return f"{value:.4g}\u00a0×"
    if unit == "packets":
        return f"{value:.4g}"
    if unit in COUNTED and unit in what:
        return f"{value:,.0f}"
    return format_quantity(value, unit).replace(" ", "\u00a0")


def apart(difference: float, unit: str, what: str) -> str:
    """Return how far two figures are apart, without a sign; shares in percentage points."""
    text = figure(abs(difference), unit, what)
    return text.replace("%", "point" if text == "1\u00a0%" else "points")


def difference(margin: Margin) -> str:
    """Return how far a limit is from what was got, without a sign; shares in percentage points."""
    return apart(margin.left or 0, margin.unit, margin.limit)


def change(before: Evidence, after: Evidence) -> str:
    """Return how much more `after` is than `before`, with its sign.

    >>> change(*(Evidence("test accuracy", v, "1", "measured", "t") for v in (0.95, 0.94))).replace(chr(0xA0), " ")
    '-1 point'
    """
    more = after.value - before.value
    sign = "+" if more > 0 else "-" if more < 0 else "±"
    return f"{sign}{apart(more, after.unit, after.what)}"


def exact(value: float, unit: str) -> str:
    """Return the byte count in full where `figure` rounds it, otherwise nothing.

    >>> exact(16384, "B"), exact(16000, "B")
    ('16,384 B', '')
    """
    rounded = unit == "B" and abs(value) >= 1e3 and float(f"{value:.4g}") != value
    return f"{value:,.0f} B" if rounded else ""


def interval(evidence: Evidence) -> str:
    """Return the interval of `evidence` in the unit of its figure, or nothing."""
    if evidence.interval is None:
        return ""
    if evidence.interval[0] == evidence.interval[1]:
        return "all equal"
    lower, upper = (figure(bound, evidence.unit, evidence.what) for bound in evidence.interval)
    return f"{lower} to {upper}"


def setting(value: Any) -> str:
    """Return the value of a setting in words.

    >>> setting(0.30000000000000004), setting(None), setting([1, 2]), setting(True)
    ('0.3', 'none', '1, 2', 'yes')
    """
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        entries: list[Any] = list(value)  # pyright: ignore[reportUnknownArgumentType]
        return ", ".join(map(setting, entries))
    return str(value)


def remedy(what: str, device: str, native: bool = False) -> str:
    """Return the command that gets a figure which nobody measured, or shows what it needs.

    Args:
        what: the figure.
        device: of the model.
        native: whether that is the computer which Sarto ran on, where nothing is counted.
    """
    lacking = what in _ESTIMATES or (native and what == "instructions per inference")
    return f"sarto devices {device}" if lacking else f"sarto measure OUT --device {device}"


def effort(run: Run) -> str:
    """Return in words what was tried to make the model."""
    search = run.provenance["search"]
    if run.kind != "model":
        passes = len(run.tables["training"].rows) if "training" in run.tables else 0
        steps = len(run.recipe.steps)
        text = f"{_counted(steps, 'step')}, {_counted(passes, 'pass', 'es')} over the training items in all"
        if "threads" in search:
            text += f", {_counted(search['threads'], 'thread')}"
        trials = search["trials"]
        return text if trials == 1 else f"the best of {trials} trials of recipes; its own: {text}"
    text = (
        f"{search['trials']} trials in {search['batches']} batches on {_counted(search['workers'], 'worker')}"
    )
    dropped = search.get("dropped")
    return f"{text}; {dropped} candidates that could not fit were dropped untrained" if dropped else text


def _counted(number: int, word: str, ending: str = "s") -> str:
    return f"{number} {word}{ending if number != 1 else ''}"


def room(margin: Margin) -> str:
    """Return what is left of a limit in words, with its share of the budget; nothing when nobody measured."""
    if margin.left is None:
        return ""
    if margin.at_least:
        return f"{difference(margin)} {'above' if margin.left >= 0 else 'short'}"
    return f"{difference(margin)} {'left' if margin.left >= 0 else 'over'} ({100 * abs(margin.relative):.0f}\u00a0%)"


def verdict(run: Run) -> str:
    """Return the verdict in one sentence, with the limit that binds."""
    fits, fails, unset = _heads(run)
    binding = next((m for m in run.verdict.margins if m.limit == run.verdict.binding), None)
    if binding is None:
        return f"{unset}, so nothing was judged."
    limit = figure(binding.budget, binding.unit, binding.limit)
    if run.verdict.fits and binding.got is not None:
        got = figure(binding.got, binding.unit, binding.limit)
        kind = "at least" if binding.at_least else "at most"
        which = "the binding limit is" if binding.relative < SLACK else "no limit binds; the nearest is"
        return f"{fits}: {which} {name(binding.limit)}, {got} where {kind} {limit} was asked."
    reasons = (
        [f"nobody measured the {name(binding.limit)}, whose limit is {limit}"] if binding.got is None else []
    )
    broken = [m for m in run.verdict.margins if m.left is not None and m.left < 0]
    if broken:
        worst = min(broken, key=lambda m: m.relative)
        got, asked = (figure(v, worst.unit, worst.limit) for v in (worst.got or 0, worst.budget))
        off = f"short of {asked}" if worst.at_least else f"over the limit of {asked}"
        reasons.append(f"{name(worst.limit)} is {got}, {difference(worst)} {off}")
    return f"{fails}: {'; '.join(reasons)}."


def _heads(run: Run) -> tuple[str, str, str]:
    """Return how the verdict begins: for a model that fits, for one that does not, and without a budget."""
    if run.stored:
        return (
            "The file fits, storage only",
            "The file does not fit, storage only",
            "No budget was set for the file",
        )
    device = run.artifact["device"]
    return f"Fits {device}", f"Does not fit {device}", f"No budget was set for {device}"


def verdict_hows(run: Run) -> list[str]:
    """Return where the figures in the sentence of the verdict come from."""
    judged = sorted((m for m in run.verdict.margins if m.how is not None), key=lambda m: m.relative)
    named = judged[:1] if run.verdict.fits else [m for m in judged[:1] if m.relative < 0]
    return [m.how for m in named if m.how is not None]
