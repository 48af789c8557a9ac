"""Hypervolume: the share of the box between the ideal point and the reference point that a front of points dominates.

All objectives are minimised and divided by the reference point, so the box is the unit cube: 0 is nothing, 1 the
ideal point itself. In three dimensions the cube is cut into slabs along the third objective, in each of which the
dominated area is that of a staircase.

Source: Zitzler and Thiele, "Multiobjective evolutionary algorithms: a comparative case study and the strength Pareto
approach", IEEE Trans. Evol. Comp. 3 (1999), there called the size of the space covered.

>>> hypervolume([(0.5, 5.0, 50.0)], (1.0, 10.0, 100.0))
0.125
>>> hypervolume([(0.5, 0.0, 0.0), (0.0, 0.5, 0.0)], (1.0, 1.0, 1.0))
0.75
"""

from __future__ import annotations

from collections.abc import Sequence

Point = tuple[float, float, float]


def hypervolume(points: Sequence[Point], reference: Point) -> float:
    """Return the share of the box up to `reference` that `points` dominate; points beyond it count for nothing."""
    scaled = [tuple(v / r for v, r in zip(point, reference, strict=True)) for point in points]
    inside = sorted((p for p in scaled if max(p) < 1), key=lambda p: p[2])
    volume = 0.0
    for index, point in enumerate(inside):
        top = inside[index + 1][2] if index + 1 < len(inside) else 1.0
        volume += _area([(p[0], p[1]) for p in inside[: index + 1]]) * (top - point[2])
    return volume


def _area(points: Sequence[tuple[float, float]]) -> float:
    """Return the area of the unit square that `points` dominate."""
    area, lowest = 0.0, 1.0
    for x, y in sorted(points):
        if y < lowest:
            area += (1 - x) * (lowest - y)
            lowest = y
    return area
