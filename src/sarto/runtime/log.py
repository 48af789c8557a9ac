"""The log of a manager's decisions: a line of JSON whenever something changed or went wrong, and a sentence for each.

A line says which point was chosen and which one was left, what was asked for, which limits kept the policy from what it
would have chosen without any, which gave way, and how the job went. Jobs that were as the one before have no line. A
file that has reached its length is renamed, and the one before it removed: the disk does not fill.

>>> from sarto.devices.platforms import platform
>>> from sarto.runtime.goal import Goal
>>> from sarto.runtime.manager import Manager
>>> from sarto.runtime.points import Points, Variant, grid
>>> points = Points.of(grid([Variant("half", 0.63, 0.5), Variant("full", 0.71, 1.0)], platform("odroid_xu3")))
>>> manager = Manager(points, "min_energy")
>>> decision = manager.decide(Goal.of(deadline="400ms", accuracy=0.65))
>>> print(sentence(entry(manager, decision, Job(1, 0.43))))
Job 1 ran as full on a7 at 1.3 GHz, expected to take 280 ms of 400 ms. Without limits it would have been half on a7 at \
700 MHz, which is less accurate than the 0.65 asked for. It took 430 ms, and was late.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sarto.core.errors import SartoError
from sarto.core.units import format_quantity
from sarto.runtime.manager import Decision, Manager

SLOW = 1.05
"""Times as slow as stated from which it is told."""
LONGEST = 100_000
"""Lines of a file."""


@dataclass(frozen=True, slots=True)
class Job:
    """How a job went.

    Attributes:
        number: of it.
        took_s: time that it took.
        unanswered: places that were tried before, and did not answer.
        refused: knobs and values that points were left out for.
        kept: whether it needed one of them, as no other point was left.
    """

    number: int
    took_s: float
    unanswered: Sequence[str] = ()
    refused: Sequence[str] = ()
    kept: bool = False


def entry(manager: Manager, decision: Decision, job: Job) -> dict[str, Any]:
    """Return a decision and how its job went as plain JSON values; what is not limited is left out.

    What was known of the machine is told as it was when the decision was made, whatever was learned since.
    """
    goal, points = decision.goal, manager.points
    limits = {
        "deadline_s": goal.deadline_s,
        "accuracy": goal.accuracy,
        "power_w": goal.power_w,
        "energy_j": goal.energy_j,
    }
    favourite, binding = manager.reasons(decision)
    slowdown = (decision.expected_s - decision.change_s) / float(points.latency_s[decision.index])
    found: dict[str, Any] = {
        "job": job.number,
        "point": decision.point.name,
        "expected_s": decision.expected_s,
        "margin": decision.margin,
        "slowdown": slowdown,
        "asked": {name: limit for name, limit in limits.items() if math.isfinite(limit)},
        "relaxed": list(decision.relaxed),
        "took_s": job.took_s,
        "late": job.took_s > goal.deadline_s,
    }
    if favourite != decision.index:
        found |= {"without limits": points.points[favourite].name, "binding": list(binding)}
    if decision.others:
        found["others"] = decision.others
    if job.unanswered:
        found["unanswered"] = list(job.unanswered)
    return found | ({"refused": list(job.refused), "kept": job.kept} if job.refused or job.kept else {})


def sentence(line: Mapping[str, Any]) -> str:
    """Return what a line of the log says."""
    asked = line["asked"]
    expected = format_quantity(line["expected_s"], "s")
    of = f" of {format_quantity(asked['deadline_s'], 's')}" if "deadline_s" in asked else ""
    left = f" in place of {line['was']}" if line.get("was") else ""
    text = f"Job {line['job']} ran as {line['point']}{left}, expected to take {expected}{of}."
    if line.get("binding"):
        why = " and ".join(_broken(limit, asked) for limit in line["binding"])
        text += f" Without limits it would have been {line['without limits']}, which {why}."
    if line.get("unanswered"):
        text += f" Before it {' and '.join(line['unanswered'])} did not answer: the link is taken for lost for a while."
    if line.get("kept"):
        text += " Knobs were refused at every point that was left: they stayed as they were."
    elif line.get("refused"):
        text += f" Points that need {' or '.join(line['refused'])} were left out: it was refused."
    if line["relaxed"]:
        given = " and ".join(line["relaxed"])
        text += f" No point met all limits: {given} gave way."
    if line.get("others"):
        text += f" Beside it {line['others']:.0f} other{'s' * (line['others'] > 1)} wanted a processor."
    if line["slowdown"] >= SLOW:
        text += f" Jobs there are expected to take {line['slowdown']:.2g} times as long as stated."
    if line["late"]:
        text += f" It took {format_quantity(line['took_s'], 's')}, and was late."
    return text


def _broken(limit: str, asked: Mapping[str, float]) -> str:
    if limit == "deadline":
        return "is too slow for that"
    if limit == "accuracy":
        return f"is less accurate than the {asked['accuracy']:.4g} asked for"
    name, unit = {"power": ("power_w", "W"), "energy": ("energy_j", "J")}[limit]
    verb = "draws" if limit == "power" else "takes"
    return f"{verb} more than the {format_quantity(asked[name], unit)} allowed"


@dataclass
class Log:
    """A file of decisions.

    Args:
        path: of the file, which is added to; `path` with `.1` behind it holds the lines before.
        longest: lines of a file.
    """

    path: Path
    longest: int = LONGEST
    _lines: int = field(default=0, init=False)
    _before: tuple[Any, ...] = field(default=(), init=False)

    def __post_init__(self) -> None:
        if self.path.exists():
            with self.path.open("rb") as file:
                self._lines = sum(1 for _ in file)

    def heard(self, manager: Manager, decision: Decision, job: Job) -> None:
        """Add a line, if something changed, the job was late, or places were tried that did not answer."""
        now = (decision.point.name, decision.goal, decision.relaxed, tuple(job.refused), job.kept)
        late = job.took_s > decision.goal.deadline_s
        if now == self._before and not late and not job.unanswered:
            return
        line = entry(manager, decision, job)
        if self._before and self._before[0] != now[0]:
            line["was"] = self._before[0]
        self._before = now
        if self._lines >= self.longest:
            self.path.replace(self.path.with_name(self.path.name + ".1"))
            self._lines = 0
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        self._lines += 1


def sentences(path: Path) -> Iterator[str]:
    """Yield what each line of a log says.

    Raises:
        SartoError: E101, when it cannot be read; E114, when a line is none of a log. A last line that was cut off, by a
            process that was killed, is left out.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    except (OSError, UnicodeDecodeError) as error:
        cause = str(error.strerror) if isinstance(error, OSError) else "it is no text"
        raise SartoError(
            "E101", f"'{path}' cannot be read", cause=cause, hint="give decisions.jsonl"
        ) from error
    for number, line in enumerate(lines, 1):
        try:
            yield sentence(json.loads(line))
        except (ValueError, KeyError, TypeError) as error:
            if number == len(lines) and line.startswith("{") and not line.endswith("\n"):
                return
            raise SartoError(
                "E114",
                f"line {number} of '{path}' is no decision",
                cause="a manager's log has a JSON object in each line",
                hint="give the decisions.jsonl of sarto adapt, or of a session",
            ) from error
