"""The curves of a federation's page, as SVG; see `sarto.report.charts` for what all charts share.

Lines are told apart by colour and by a number at their right end, which is the method's in the page's legend.

>>> svg = course("rounds", [[(1, 0.5), (2, 0.9)], [(2, 0.8)]], "round", log=False)
>>> svg.startswith("<svg") and "http" not in svg
True
"""

# pyright: basic
# matplotlib's own types are partial.

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sarto.report.charts import _canvas, _cost_ticks, _frame, _inline, _settings
from sarto.report.palette import KINDS, MARKS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_POINTS = 120
"""Of a line; longer ones are thinned, and keep their first and last point."""
APART = 0.062
"""Least distance of two numbers at the right edge, as a share of the chart's height."""

Line = Sequence[tuple[float, float]]


def thinned(line: Line, most: int = MOST_POINTS) -> list[tuple[float, float]]:
    """Return evenly chosen points of a line, at most `most`, its first and last among them.

    >>> thinned([(i, 0.0) for i in range(10)], 4)
    [(0, 0.0), (3, 0.0), (6, 0.0), (9, 0.0)]
    """
    if len(line) <= most:
        return list(line)
    return [line[round(i * (len(line) - 1) / (most - 1))] for i in range(most)]


def course(name: str, lines: Sequence[Line], label: str, *, log: bool) -> str:
    """Draw accuracy as a line for each method; where a method is done, a dotted line carries its accuracy on.

    Args:
        name: tells charts apart.
        lines: of each method, what was spent and the accuracy (0 to 1) then.
        label: what is spent.
        log: whether it is drawn on a logarithmic axis, of bytes.
    """
    with _settings():
        figure, axes = _canvas()
        spent = [x for line in lines for x, _ in line if x > 0 or not log]
        low, high = (min(spent) / 1.5, max(spent) * 1.15) if log else (0.0, max(spent) * 1.04 or 1.0)
        _frame(axes, [y for line in lines for _, y in line])
        if log:
            axes.set_xscale("log")
        axes.set_xlim(low, high)
        for index, line in enumerate(lines):
            points = thinned([(max(x, low), y) for x, y in line])
            if not points:
                continue
            colour = MARKS[f"kind-{index % KINDS + 1}"]
            marks = "o-" if len(points) < 9 else "-"
            axes.plot(*zip(*points, strict=True), marks, color=colour, linewidth=1.5, markersize=4, zorder=3)
            axes.plot(
                [points[-1][0], high], [points[-1][1]] * 2, color=colour, linewidth=1.1, linestyle=(0, (1, 2)), zorder=2
            )  # fmt: skip
        _numbers(axes, [line[-1][1] if line else None for line in lines])
        if log:
            _cost_ticks(axes, low, high, "B")
        else:
            _whole_ticks(axes)
        axes.set_ylabel("test accuracy, %")
        axes.set_xlabel(f"{label}, logarithmic" if log else label)
        return _inline(figure, f"federation-{name}", f"test accuracy by {label}")


def drift(name: str, lines: Sequence[Line], label: str, y_label: str, *, log: bool = False) -> str:
    """Draw a figure of the drift, or an accuracy, a line for each method.

    Args:
        name: tells charts apart.
        lines: of each method, x and the figure; an empty one is left out and keeps its number.
        label: of the horizontal axis.
        y_label: of the vertical axis; shares are drawn in percent where it ends so.
        log: whether the horizontal axis is logarithmic.
    """
    from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

    with _settings():
        figure, axes = _canvas()
        xs, ys = ([p[i] for line in lines for p in line] for i in (0, 1))
        if log:
            axes.set_xscale("log")
            axes.set_xlim(min(xs) / 1.3, max(xs) * 1.3)
            axes.xaxis.set_major_locator(FixedLocator(sorted(set(xs))))
            axes.xaxis.set_minor_locator(NullLocator())
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.4g}"))
        else:
            axes.set_xlim(0, max(xs) * 1.04)
            _whole_ticks(axes)
        if y_label.endswith("%"):
            _frame(axes, ys)
        else:
            low = min(0.0, *ys)
            axes.set_ylim(1.1 * low, 1.08 * max(*ys, 0.0) or 1.0)
            axes.yaxis.set_major_locator(MaxNLocator(5))
            axes.grid(axis="y", zorder=0)
            axes.spines["left"].set_visible(False)
        for index, line in enumerate(lines):
            points = thinned(line)
            if points:
                colour = MARKS[f"kind-{index % KINDS + 1}"]
                marks = "o-" if len(points) < 9 else "-"
                axes.plot(
                    *zip(*points, strict=True), marks, color=colour, linewidth=1.4, markersize=4, zorder=3
                )
        _numbers(axes, [line[-1][1] if line else None for line in lines])
        axes.set_ylabel(y_label)
        axes.set_xlabel(label)
        return _inline(figure, f"federation-{name}", f"{y_label.removesuffix(', %')} by {label}")


def spread(places: Sequence[float], apart: float = APART) -> list[float]:
    """Return where numbers stand whose lines end at `places` (0 to 1), none nearer to another than `apart`.

    >>> [round(p, 2) for p in spread([0.5, 0.5, 0.9], 0.1)]
    [0.55, 0.45, 0.9]
    """
    order = sorted(range(len(places)), key=lambda i: (places[i], -i))
    groups: list[tuple[list[int], float]] = []
    for i in order:
        members, middle = [i], places[i]
        # Numbers that touch stand as one block around the mean of their places.
        while groups and middle - groups[-1][1] < apart * (len(members) + len(groups[-1][0])) / 2 - 1e-12:
            before, at = groups.pop()
            middle = (len(before) * at + len(members) * middle) / (len(before) + len(members))
            members = before + members
        groups.append((members, middle))
    found = [0.0] * len(places)
    for members, middle in groups:
        for rank, i in enumerate(members):
            found[i] = middle + (rank - (len(members) - 1) / 2) * apart
    return found


def _numbers(axes: Axes, ends: Sequence[float | None]) -> None:
    """Write the number of each line at the right edge, in order of their ends."""
    if len(ends) < 2:
        return
    bottom, top = axes.get_ylim()
    there = [(i, (y - bottom) / (top - bottom)) for i, y in enumerate(ends) if y is not None]
    for (index, _), place in zip(there, spread([p for _, p in there]), strict=True):
        axes.annotate(
            f"{index + 1}", (1.0, place), (2, 0), xycoords="axes fraction", textcoords="offset points",
            color=MARKS["ink"], va="center", annotation_clip=False,
        )  # fmt: skip


def _whole_ticks(axes: Axes) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
