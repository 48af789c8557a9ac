"""The newest comparison of places to compute in, as the page and the card show it.

Returns rows by figure and columns by place, of the evidence that `sarto measure OUT --placement` added.

>>> from sarto.core.evidence import Evidence
>>> energy = Evidence("placement over ble_1m, on the sensor: delay, at least", 0.1, "s", "estimated", "")
>>> found = newest([energy])
>>> found.links, found.places, found.rows[0][0], at_least(energy)
('ble_1m', ['sensor'], 'delay', True)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sarto.core.evidence import Evidence

_NAME = re.compile(
    r"placement over (?P<links>.+?)(?:, on the (?P<place>sensor|gateway|server))?: (?P<what>.+)"
)
_AT_LEAST = ", at least"


@dataclass(frozen=True)
class Placements:
    """The places, the figures of each, and the break-even by its unit."""

    links: str
    places: list[str]
    rows: list[tuple[str, list[Evidence | None]]]
    break_even: list[Evidence]


def is_placement(evidence: Evidence) -> bool:
    """Return whether `evidence` is of a comparison of places."""
    return _NAME.fullmatch(evidence.what) is not None


def at_least(evidence: Evidence) -> bool:
    """Return whether the figure is a lower bound."""
    return evidence.what.endswith(_AT_LEAST)


def newest(evidence: Sequence[Evidence]) -> Placements | None:
    """Return the comparison that was made last, None where there was none."""
    found = [(match, e) for e in evidence if (match := _NAME.fullmatch(e.what)) is not None]
    if not found:
        return None
    links = found[-1][0]["links"]
    rows: dict[str, dict[str, Evidence]] = {}
    break_even: dict[str, Evidence] = {}
    for match, item in found:
        if match["links"] == links:
            what = match["what"].removesuffix(_AT_LEAST)
            if match["place"] is None:
                break_even[what] = item
            else:
                rows.setdefault(what, {})[match["place"]] = item
    places = [p for p in ("sensor", "gateway", "server") if any(p in row for row in rows.values())]
    return Placements(
        links,
        places,
        [(what, [row.get(place) for place in places]) for what, row in rows.items()],
        list(break_even.values()),
    )
