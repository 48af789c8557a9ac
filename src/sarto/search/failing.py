"""Whether the gates that a point was judged by let it pass: returns the error that a chosen one does not.

Reads the point's evidence and no more, so that a finished folder answers without the statistics behind it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sarto.audit.gates import FAILING
from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence
from sarto.core.points import OperatingPoint


def also(point: OperatingPoint, evidence: Iterable[Evidence]) -> OperatingPoint:
    """Return a point with more evidence; how many gates it fails is added up, and what was found of them joined."""
    found = list(point.evidence)
    for item in evidence:
        place = next((i for i, e in enumerate(found) if item.what == e.what == FAILING), None)
        if place is None:
            found.append(item)
            continue
        before = found[place]
        tools = [e.tool for e in (before, item) if e.value] or [before.tool]
        found[place] = replace(before, value=before.value + item.value, tool="; ".join(tools))
    return replace(point, evidence=tuple(found))


def fails(point: OperatingPoint) -> bool:
    """Return whether a point fails a gate."""
    return any(e.what == FAILING and e.value > 0 for e in point.evidence)


def failure(point: OperatingPoint) -> SartoError | None:
    """Return the error that a chosen point fails gates, or None."""
    if not fails(point):
        return None
    found = next(e for e in point.evidence if e.what == FAILING)
    count = "a gate" if found.value == 1 else f"{found.value:.0f} gates"
    hint = "the front in front.json says what every point fails; loosen the gate or the limits, or bring more such data"
    return SartoError("E502", f"no point passes: {point.name} fails {count}", cause=found.tool, hint=hint)
