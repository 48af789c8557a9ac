"""What differs between two runs besides their figures: what was asked for, the data, the model, and the tools.

Returns one `Difference` for each fact that is not the same on both sides, in the order in which a reader asks: the
verdict, the device, the request, Sarto and its tools, the data, the model.

>>> Difference("seed", 0, 1).texts, Difference("classes", None, ["a", "b"], absent=True).texts
(('0', '1'), ('', 'a, b'))
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any

from sarto.core.budget import LIMITS
from sarto.core.store import content_hash
from sarto.report import views, words
from sarto.report.run import Run

WIDEST = 44
"""Letters of a value before it is cut short: two of them fit a wide terminal beside their name."""
HASH = 12
"""Letters of a hash that are shown."""
_ELSEWHERE = ("device", "seed", "optimise", "budget", "source", "code", "name")
"""Entries of a request that are told under another name."""


@dataclass(frozen=True)
class Difference:
    """One fact, as it is in A and in B; `absent` when a side does not have it at all, which then is None."""

    what: str
    a: Any
    b: Any
    absent: bool = False

    @property
    def texts(self) -> tuple[str, str]:
        """Both values in words, cut short; what would read the same is told apart by its hash."""
        both = [self._text(value) for value in (self.a, self.b)]
        short = [textwrap.shorten(text, WIDEST, placeholder=" ...") for text in both]
        if short[0] == short[1]:
            short = [
                f"{text} [{content_hash(value)[:HASH]}]"
                for text, value in zip(short, (self.a, self.b), strict=True)
            ]
        return short[0], short[1]

    def _text(self, value: Any) -> str:
        if value in (None, "", []):
            return "" if self.absent else "not set"
        limit = next(((name, unit) for name, unit in LIMITS.values() if self.what == _limit(name)), None)
        if limit is not None:
            return words.figure(value, limit[1], limit[0])
        return words.setting(value)

    def to_json(self) -> dict[str, Any]:
        """Return the difference as plain JSON values; a side that lacks the fact is left out."""
        sides = {"a": self.a, "b": self.b}
        return {"what": self.what, **{k: v for k, v in sides.items() if v is not None or not self.absent}}


def differences(a: Run, asked_a: Mapping[str, Any], b: Run, asked_b: Mapping[str, Any]) -> list[Difference]:
    """Return every fact that is not the same in the runs `a` and `b` and in their requests."""
    steps = {step.method for step in a.recipe.steps} & {step.method for step in b.recipe.steps}
    left, right = (dict(_facts(run, request, steps)) for run, request in ((a, asked_a), (b, asked_b)))
    found: list[Difference] = []
    for what in dict.fromkeys([*left, *right]):
        absent = what not in left or what not in right
        pair = left.get(what), right.get(what)
        if absent or pair[0] != pair[1]:
            found.append(Difference(what, *pair, absent))
    return _tools_once(found)


def _limit(name: str) -> str:
    return f"limit of {words.name(name)}"


def _facts(run: Run, request: Mapping[str, Any], steps: Set[str]) -> Iterator[tuple[str, Any]]:
    """Yield the name of each fact and its value; of the recipe, the settings of `steps`."""
    artifact, provenance = run.artifact, run.provenance
    yield "meets its budget", run.verdict.fits
    yield "device", artifact["device"]
    yield from (
        (_limit(LIMITS[field][0]), limit) for field, limit in request["budget"].items() if field in LIMITS
    )
    yield "seed", provenance["seed"]
    yield from ((key.replace("_", " "), value) for key, value in request.items() if key not in _ELSEWHERE)
    yield "models tried", provenance["search"]["trials"]
    yield "optimisation", artifact.get("optimise")
    for what in views.main_figures(run):
        if (evidence := run.latest(what)) is not None:
            yield f"tool for {words.name(what)}", evidence.tool
    yield "code of Sarto", request.get("code", "")[:HASH]
    yield from ((f"version of {name}", version) for name, version in provenance["versions"].items())
    yield from _data(run, request)
    yield from _model(run, steps)


def _data(run: Run, request: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    artifact, data, parts = run.artifact, run.provenance["data"], run.provenance["split"]
    yield "data", data["name"]
    yield "data from", data["source"]
    yield "files of the data", str(request.get("source", ""))[:HASH]
    yield "data as read", data["sha256"][:HASH]
    yield "items", data["items"]
    yield "groups", data["groups"]
    yield "split", parts["how"]
    yield "training items", parts["train"]
    yield "test items", parts["test"]
    yield "classes", artifact["classes"]
    yield "numbers", [output["name"] for output in artifact["outputs"]]
    if run.kind != "model":
        yield "shape of an item", artifact["input"]["shape"]
        return
    yield "bits of a sensor word", artifact["input"]["bits"]
    channels = artifact["input"]["channels"]
    yield "channels", [channel["name"] for channel in channels]
    yield "scale of the channels", [channel["scale"] for channel in channels]


def _model(run: Run, steps: Set[str]) -> Iterator[tuple[str, Any]]:
    artifact = run.artifact
    yield "name", artifact["name"]
    yield "family", artifact["model"].get("family")
    yield "steps", [step.method for step in run.recipe.steps]
    for step in run.recipe.steps:
        if step.method in steps:
            yield from (
                (f"{step.method}: {key.replace('_', ' ')}", value) for key, value in step.settings.items()
            )
    window: Mapping[str, Any] = artifact["window"] or {}
    yield from ((f"window: {key.replace('_', ' ')}", value) for key, value in window.items())
    yield "integer network", artifact["files"].get("graph.npz", "")[:HASH]


def _tools_once(found: list[Difference]) -> list[Difference]:
    """Return `found` without a tool that is told already, since one emulator gives several figures."""
    told: set[tuple[str, str]] = set()
    kept: list[Difference] = []
    for difference in found:
        pair = str(difference.a), str(difference.b)
        if difference.what.startswith("tool for ") and not difference.absent:
            if pair in told:
                continue
            told.add(pair)
        kept.append(difference)
    return kept
