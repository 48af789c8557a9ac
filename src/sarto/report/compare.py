"""Two finished output folders side by side: every figure of either, what changed, and what is not like with like.

Returns a `Comparison` of plain values; nothing is measured. The newest evidence of each name counts. Evidence of
another device is named after it (`flash on NAME`), so that where two folders are of two devices, `sarto measure` on one
of them gives figures that are like with like: the other folder's `flash` is also its `flash on` its own device.

>>> from sarto.core.evidence import Evidence
>>> base, new = (Evidence("flash", v, "B", "measured", "ELF") for v in (2000, 2500))
>>> figure = Figure("flash", base, new)
>>> figure.state, figure.change, figure.relative
('worse', 500, 0.25)
>>> Figure("flash", base, None).state
'only in A'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from sarto.core.budget import better, is_cost
from sarto.core.evidence import Evidence
from sarto.report import views, words
from sarto.report.differences import Difference, differences
from sarto.report.run import Run, read_request, read_run

ROUNDING = 1e-9
"""Share of a figure below which a difference is of rounding: float64 has a precision of 1.1e-16, and one item of fewer
than a thousand million counts for more."""
State = Literal["better", "worse", "same", "changed", "unlike", "only in A", "only in B"]
"""What became of a figure; `changed`: neither direction is better; `unlike`: `how` or the unit is another."""


@dataclass(frozen=True)
class Side:
    """One of the two folders: where it is, what it says, and what was asked for."""

    folder: Path
    run: Run
    request: Mapping[str, Any]

    @property
    def device(self) -> str:
        """The device that the model was made for."""
        return str(self.run.artifact["device"])

    def find(self, what: str) -> Evidence | None:
        """Return the newest evidence named `what`, whose device need not be named where it is the folder's own."""
        found = self.run.latest(what)
        return found or self.run.latest(what.removesuffix(f" on {self.device}"))


def read_side(folder: Path) -> Side:
    """Return what a finished output folder says, every hash in it checked.

    Raises:
        SartoError: E114, when it is none, or was changed.
    """
    return Side(folder, read_run(folder), read_request(folder))


@dataclass(frozen=True)
class Figure:
    """One figure in the base `a` and in the candidate `b`; None where a folder has none."""

    what: str
    a: Evidence | None
    b: Evidence | None
    apart: str = ""
    """Why the two cannot be held against each other, such as that they are of two devices; else empty."""

    @property
    def either(self) -> Evidence:
        """The evidence of one side, for its unit."""
        found = self.a or self.b
        assert found is not None, "a figure that neither side has"
        return found

    @property
    def change(self) -> float | None:
        """How much more B has, or None where that is no number."""
        if self.a is None or self.b is None or self.a.unit != self.b.unit:
            return None
        return self.b.value - self.a.value

    @property
    def relative(self) -> float | None:
        """`change` as a share of what A has."""
        return (
            None if self.change is None or not self.a or not self.a.value else self.change / abs(self.a.value)
        )

    @property
    def worse_by(self) -> float | None:
        """How far the figure went the wrong way, negative for the right one; None without a direction or a change."""
        direction = better(self.what)
        if self.change is None or not direction:
            return None
        return self.change if direction == "less" else -self.change

    @property
    def state(self) -> State:
        """What became of the figure."""
        if self.a is None or self.b is None:
            return "only in B" if self.a is None else "only in A"
        if self.a.how != self.b.how or self.change is None:
            return "unlike"
        if abs(self.change) <= ROUNDING * max(abs(self.a.value), abs(self.b.value)):
            return "same"
        return "changed" if self.worse_by is None else "worse" if self.worse_by > 0 else "better"

    @property
    def overlap(self) -> bool | None:
        """Whether the intervals of a share overlap; None without two. Those of counts are ranges, and tell nothing."""
        if not (self.a and self.b and self.a.interval and self.b.interval) or self.either.unit != "1":
            return None
        return self.a.interval[0] <= self.b.interval[1] and self.b.interval[0] <= self.a.interval[1]

    def to_json(self) -> dict[str, Any]:
        """Return the figure as plain JSON values."""
        return {
            "what": self.what,
            "better": better(self.what) or None,
            "a": None if self.a is None else self.a.to_json(),
            "b": None if self.b is None else self.b.to_json(),
            "change": self.change,
            "relative": self.relative,
            "state": self.state,
            "intervals_overlap": self.overlap,
        }


@dataclass(frozen=True)
class Comparison:
    """A base `a` and a candidate `b`."""

    a: Side
    b: Side

    @cached_property
    def figures(self) -> tuple[Figure, ...]:
        """Every figure that either has."""
        names = views.names(self.a.run, self.b.run)
        return tuple(Figure(what, self.a.find(what), self.b.find(what), self._apart(what)) for what in names)

    def _apart(self, what: str) -> str:
        """Return why figures named `what` are not of one thing: what a model takes is of its device."""
        if self.a.device == self.b.device or " on " in what or not is_cost(what):
            return ""
        return f"of {self.b.device} in B, of {self.a.device} in A"

    @cached_property
    def differences(self) -> list[Difference]:
        """What else is not the same."""
        return differences(self.a.run, self.a.request, self.b.run, self.b.request)

    @property
    def same_data(self) -> bool:
        """Whether both are of the same data."""
        a, b = (side.run.provenance["data"] for side in (self.a, self.b))
        return a["sha256"] == b["sha256"]

    @property
    def same_test_items(self) -> bool:
        """Whether both models were scored on the same test items, as far as the folders tell.

        They were if the inputs kept in `pinned.npz` are the same, which are spread over all test items; or, where the
        sensor words are others, if the same seed drew as many items in the same way. The split of a stored network has
        the hash of its test items.
        """
        a, b = self.a.run, self.b.run
        pinned = [run.artifact["files"].get("pinned.npz") for run in (a, b)]
        kept = (pinned[0] is not None and pinned[0] == pinned[1]) or "test_sha256" in a.provenance["split"]
        drawn = a.artifact["input"] != b.artifact["input"] and a.provenance["seed"] == b.provenance["seed"]
        return self.same_data and a.provenance["split"] == b.provenance["split"] and (kept or drawn)

    @property
    def unlike(self) -> list[str]:
        """What makes figures of the two not like with like, one sentence for each reason."""
        a, b = self.a, self.b
        found: list[str] = []
        if a.run.stored != b.run.stored:
            kinds = ["a file, storage only" if s.run.stored else f"an image for {s.device}" for s in (a, b)]
            found.append(f"A is {kinds[0]}, and B {kinds[1]}: flash is not of the same thing.")
        elif a.device != b.device:
            found.append(
                f"A is for {a.device} and B for {b.device}: flash, RAM, instructions and what follows from them are of "
                f"different devices; `sarto measure {b.folder} --device {a.device}` adds those of B on A's."
            )
        if not self.same_data:
            of = [f"{d['name']} ({d['items']} items)" for d in (s.run.provenance["data"] for s in (a, b))]
            found.append(f"The data differ, {of[0]} and {of[1]}: accuracy and errors are of different items.")
        elif not self.same_test_items:
            found.append("The test items may be others, though the data are the same: see what changed.")
        hows = [f for f in self.figures if f.a and f.b and f.a.how != f.b.how]
        found += [f"{words.title(f.what)} is {f.a.how} in A and {f.b.how} in B." for f in hows if f.a and f.b]
        return found

    @property
    def chance(self) -> list[str]:
        """What the intervals of the test figures say, one sentence for each figure that has two."""
        found: list[str] = []
        for figure in self.figures:
            a, b = figure.a, figure.b
            if a is None or b is None or figure.overlap is None:
                continue
            text = f"{words.title(figure.what)}, 95 % intervals: A {words.interval(a)} (n = {a.n}), "
            text += f"B {words.interval(b)} (n = {b.n})"
            if self.same_test_items:
                text += ", on the same test items"
                if figure.change:
                    overlapping = "They overlap: the change may be chance"
                    text += f". {overlapping if figure.overlap else 'They do not overlap'}"
            found.append(f"{text}.")
        return found

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as plain JSON values."""
        return {
            "format": "sarto-compare/1",
            **{name: _side(side) for name, side in (("a", self.a), ("b", self.b))},
            "same_data": self.same_data,
            "same_test_items": self.same_test_items,
            "unlike": [text.replace("\u00a0", " ") for text in self.unlike],
            "figures": [figure.to_json() for figure in self.figures],
            "differences": [difference.to_json() for difference in self.differences],
        }


def _side(side: Side) -> dict[str, Any]:
    artifact = side.run.artifact
    return {
        "out": str(side.folder),
        "name": artifact["name"],
        "model": artifact["summary"],
        "device": side.device,
        "artifact_sha256": artifact["sha256"],
        "fits": side.run.verdict.fits,
    }
