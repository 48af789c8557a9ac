"""Operating points of any callables: each variant is timed on the same items, in turn, on this machine.

>>> points = timed_points({"small": abs, "large": str}, [1.0, 2.0], {"small": 0.8, "large": 0.9}, repeats=3)
>>> [p.name for p in points], points[0].find("latency").how, points[0].find("latency").n
(['small', 'large'], 'measured', 6)
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence
from sarto.core.points import OperatingPoint
from sarto.measure.operating import ACCURACY, LATENCY

X = TypeVar("X")


def timed_points(
    ladder: Mapping[str, Callable[[X], object]],
    items: Sequence[X],
    accuracy: Mapping[str, float],
    *,
    repeats: int = 7,
    clock: Callable[[], float] = time.perf_counter,
) -> list[OperatingPoint]:
    """Return a point for each variant, with its median time and the least and most; power is not known.

    Args:
        ladder: variant -> function of an item.
        items: to run on; every variant sees each of them once before it is timed.
        accuracy: of each variant, as the caller knows it.
        repeats: how often each item is run; variants take turns, so that what else runs slows them down alike.
        clock: in s.

    Raises:
        SartoError: E116, when there is no variant or item, or a variant has no accuracy.
    """
    missing = [name for name in ladder if name not in accuracy]
    if not ladder or not len(items) or repeats < 1 or missing:
        cause = (
            f"'{missing[0]}' has no accuracy" if missing else "there is at least one variant, item and repeat"
        )
        raise SartoError(
            "E116", f"{len(ladder)} variants on {len(items)} items", cause=cause, hint="give each one"
        )
    times: dict[str, list[float]] = {name: [] for name in ladder}
    for turn in range(repeats + 1):
        for item in items:
            for name, function in ladder.items():
                began = clock()
                function(item)
                if turn:
                    times[name].append(clock() - began)
    return [
        OperatingPoint(
            name,
            {"variant": name},
            (
                Evidence(
                    LATENCY,
                    statistics.median(seen),
                    "s",
                    "measured",
                    "wall clock of a call, on this machine",
                    n=len(seen),
                    interval=(min(seen), max(seen)),
                ),
                Evidence(ACCURACY, accuracy[name], "1", "declared", "given by the caller"),
            ),
        )
        for name, seen in times.items()
    ]
