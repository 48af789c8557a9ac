"""The charts of a run of jobs, as SVG; see `sarto.report.charts` for what all charts share.

>>> svg = timeline("deadline", [1.0, 1.0, 0.5], [0.4, 0.6, 0.6], [False, False, True], "s", "time of a job")
>>> svg.startswith("<svg") and "http" not in svg
True
"""

# pyright: basic
# matplotlib's own types are partial.

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sarto.core.units import format_quantity
from sarto.report.charts import MOST_DOTS, _canvas, _cost_ticks, _frame, _inline, _round_ticks, _settings
from sarto.report.palette import KINDS, MARKS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_JOBS = 400
"""Jobs that are drawn; of more, every so many-th, and every one that broke its limit as far as there is room."""

MOST_NAMED = 5
"""Points whose shares are written at them."""


def drawn_jobs(broken: Sequence[bool]) -> list[int]:
    """Return the jobs to draw, in order: those that broke a limit, thinned if need be, and others evenly.

    >>> drawn_jobs([False, True, False])
    [0, 1, 2]
    """
    jobs = len(broken)
    if jobs <= MOST_JOBS:
        return list(range(jobs))
    wrong = [i for i in range(jobs) if broken[i]]
    kept = wrong[:: math.ceil(2 * len(wrong) / MOST_JOBS) or 1]
    step = math.ceil(jobs / (MOST_JOBS - len(kept)))
    return sorted({*range(0, jobs, step), *kept})


def timeline(
    name: str, limits: Sequence[float], got: Sequence[float], broken: Sequence[bool], unit: str, label: str
) -> str:
    """Draw a limit as a staircase over the jobs, and what each job came to as a dot; what broke the limit is red.

    Args:
        name: tells charts apart.
        limits: of each job; infinite where there is none.
        got: of each job.
        broken: whether it broke its limit.
        unit: of both; a share is drawn in percent, all else on a logarithmic axis; `x` is a factor.
        label: of the vertical axis.
    """
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    with _settings():
        figure, axes = _canvas(0.82)
        jobs = len(limits)
        # Only where a limit changes is there anything to draw.
        turns = _turns(limits)
        shown = [(i + 1, limits[i]) for i in turns]
        finite = [v for _, v in shown if math.isfinite(v)]
        axes.plot(
            [x for x, _ in shown],
            [y if math.isfinite(y) else math.nan for _, y in shown],
            drawstyle="steps-post",
            color=MARKS["ink"],
            linewidth=1.1,
            zorder=3,
        )
        drawn = drawn_jobs(broken)
        for wrong, role in ((False, "accent"), (True, "bad")):
            chosen = [i for i in drawn if broken[i] == wrong]
            axes.plot(
                [i + 1 for i in chosen],
                [got[i] for i in chosen],
                "o",
                color=MARKS[role],
                markersize=2.6,
                alpha=0.75,
                zorder=2 + 2 * wrong,
                clip_on=False,
            )
        values = [*finite, *got]
        if unit == "1":
            _frame(axes, values)
        else:
            low, high = min(values) / 1.2, max(values) * 1.2
            axes.set_yscale("log")
            axes.set_ylim(low, high)
            axes.yaxis.set_major_locator(FixedLocator(_round_ticks(low, high, high)))
            axes.yaxis.set_minor_locator(NullLocator())
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _worded(value, unit)))
            axes.grid(axis="y", zorder=0)
            axes.spines["left"].set_visible(False)
        _jobs_axis(axes, jobs)
        axes.set_ylabel(f"{label}, %" if unit == "1" else label)
        return _inline(figure, f"timeline-{name}", f"{label} by job")


def strip(
    heights: Sequence[float],
    clusters: Sequence[int],
    unit: str,
    label: str,
    heat: Sequence[float],
    second: Sequence[int],
) -> str:
    """Draw what was chosen for each job as a dot, its height the clock and its colour the cluster.

    What heat takes away is shaded. A band at the foot, in a cluster's colour, says when a second model has it.

    Args:
        heights: clock of each job, or its cores; NaN where none is set, as at a place elsewhere: below all others.
        clusters: number of each job's cluster, for its colour.
        unit: `Hz`, or `1` for cores.
        label: of the vertical axis.
        heat: highest clock of each job; infinite where there is no limit.
        second: number of the cluster that a second model has to itself; -1 where there is none.
    """
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    with _settings():
        figure, axes = _canvas(0.82)
        jobs = len(heights)
        known = [h for h in heights if math.isfinite(h)]
        most = 2 * max(known)
        bounds = [*known, *(h for h in heat if h <= most)]
        low, high = min(bounds), max(bounds)
        air = 0.12 * (high - low) or 0.1 * high
        unset = len(known) < jobs
        foot = low - (3.4 if unset else 1.6) * air
        axes.set_ylim(foot, high + air)
        _heat(axes, heat, high + air)
        changed = [
            i > 0 and (heights[i], clusters[i]) != (heights[i - 1], clusters[i - 1]) for i in range(jobs)
        ]
        drawn = drawn_jobs(changed)
        for cluster in sorted(set(clusters)):
            here = [i for i in drawn if clusters[i] == cluster]
            places = [heights[i] if math.isfinite(heights[i]) else low - 1.8 * air for i in here]
            colour = MARKS[f"kind-{cluster % KINDS + 1}"]
            axes.plot(
                [i + 1 for i in here], places, "o", color=colour, markersize=2.6, alpha=0.75, zorder=3, clip_on=False
            )  # fmt: skip
        turns = _turns(second)
        ends = [*turns[1:], jobs]
        for cluster in sorted(set(second) - {-1}):
            spans = [(i + 1, end - i) for i, end in zip(turns, ends, strict=True) if second[i] == cluster]
            colour = MARKS[f"kind-{cluster % KINDS + 1}"]
            axes.broken_barh(
                spans,
                (0.015, 0.035),
                transform=axes.get_xaxis_transform(),
                color=colour,
                linewidth=0,
                zorder=2,
            )
        ticks = [
            t
            for t in MaxNLocator(5, integer=unit == "1").tick_values(low, high)
            if low - air <= t <= high + air
        ]
        axes.set_yticks([*([low - 1.8 * air] if unset else []), *ticks])
        axes.yaxis.set_major_formatter(
            FuncFormatter(lambda value, _: "not set" if unset and value < low - air else _worded(value, unit))
        )
        axes.grid(axis="y", zorder=0)
        axes.spines["left"].set_visible(False)
        _jobs_axis(axes, jobs)
        axes.set_ylabel(label)
        return _inline(figure, "strip", f"{label} by job")


def _heat(axes: Axes, heat: Sequence[float], top: float) -> None:
    """Shade the clocks that heat takes away, up to the upper end of the axis."""
    if not any(clock < top for clock in heat):
        return
    turns = _turns(heat)
    x = [i + 1 for i in turns]
    axes.fill_between(
        x,
        [min(heat[i], top) for i in turns],
        top,
        step="post",
        color=MARKS["bad"],
        alpha=0.13,
        linewidth=0,
        zorder=0,
    )
    axes.plot(
        x, [heat[i] if heat[i] < top else math.nan for i in turns], drawstyle="steps-post", color=MARKS["bad"],
        linewidth=1.0, zorder=1,
    )  # fmt: skip


def _turns(values: Sequence[float]) -> list[int]:
    """Return the jobs from which on a value is another one, the first and the last; thinned where they are many."""
    last = len(values) - 1
    found = [i for i in range(len(values)) if i in (0, last) or values[i] != values[i - 1]]
    return found if len(found) <= MOST_JOBS else sorted({*found[:: math.ceil(len(found) / MOST_JOBS)], last})


def _jobs_axis(axes: Axes, jobs: int) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_xlim(0.5, jobs * 1.04 + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.set_xlabel("job")


def _worded(value: float, unit: str) -> str:
    return f"{value:.3g}" if unit in ("x", "1") else format_quantity(value, unit)


def front(costs: Sequence[float], accuracies: Sequence[float]) -> list[int]:
    """Return the points of which no other is both as cheap and as accurate, by rising cost.

    >>> front([3.0, 1.0, 2.0, 4.0], [0.9, 0.6, 0.5, 0.9])
    [1, 0]
    """
    found: list[int] = []
    for i in sorted(range(len(costs)), key=lambda i: (costs[i], -accuracies[i])):
        if not found or accuracies[i] > accuracies[found[-1]]:
            found.append(i)
    return found


def choices(
    costs: Sequence[float], accuracies: Sequence[float], shares: Sequence[float], unit: str, cost: str
) -> str:
    """Draw the points by cost and accuracy, and as a staircase the best accuracy at each cost.

    A disc around those that were chosen has the share of jobs as its area; the largest say it in percent.

    Args:
        costs: of a job at each point, in `unit`.
        accuracies: of each point.
        shares: of the jobs that ran there.
        unit: of the costs.
        cost: what they are: energy or time.
    """
    with _settings():
        figure, axes = _canvas()
        low, high = min(costs) / 1.35, max(costs) * 1.35
        axes.set_xscale("log")
        axes.set_xlim(low, high)
        most = max(shares) or 1.0
        used = [i for i, share in enumerate(shares) if share > 0]
        every, best = math.ceil(len(shares) / MOST_DOTS), front(costs, accuracies)
        others = sorted(set(range(len(shares))) - set(best))
        rest = [i for i in others if i % every == 0 or shares[i] > 0]
        # A front of very many points keeps its ends, the rest of it is thinned.
        best = [*best[: -1 : math.ceil(len(best) / MOST_DOTS)], best[-1]]
        axes.plot(
            [*(costs[i] for i in best), high],
            [*(accuracies[i] for i in best), accuracies[best[-1]]],
            drawstyle="steps-post",
            color=MARKS["ink"],
            linewidth=1.1,
            zorder=1,
        )
        axes.scatter(
            [costs[i] for i in used],
            [accuracies[i] for i in used],
            s=[260 * shares[i] / most for i in used],
            color=MARKS["accent"],
            alpha=0.35,
            linewidths=0,
            zorder=2,
            clip_on=False,
        )
        for some, role, size in ((rest, "kind-8", 2.2), (best, "ink", 3.2)):
            axes.plot(
                [costs[i] for i in some], [accuracies[i] for i in some], "o", color=MARKS[role], markersize=size,
                zorder=3, clip_on=False,
            )  # fmt: skip
        _frame(axes, accuracies)
        _percents(axes, costs, accuracies, shares)
        axes.set_ylabel("accuracy, %")
        axes.set_xlabel(f"{cost} of a job, logarithmic")
        _cost_ticks(axes, low, high, unit)
        return _inline(figure, "points", f"accuracy by {cost}")


def _percents(
    axes: Axes, costs: Sequence[float], accuracies: Sequence[float], shares: Sequence[float]
) -> None:
    """Write the shares of the points that were chosen most beside their discs, as far as none covers another."""
    (low, high), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    placed: list[tuple[float, float]] = []
    for i in sorted(range(len(shares)), key=lambda i: -shares[i])[:MOST_NAMED]:
        x = math.log(costs[i] / low) / math.log(high / low)
        y = (accuracies[i] - bottom) / (top - bottom)
        if shares[i] > 0 and all(abs(x - a) > 0.14 or abs(y - b) > 0.09 for a, b in placed):
            placed.append((x, y))
            above = y < 0.9
            axes.annotate(
                f"{100 * shares[i]:.0f} %",
                (costs[i], accuracies[i]),
                (0, 8) if above else (5, -6),
                textcoords="offset points",
                ha="center" if above else "left",
                va="bottom" if above else "top",
                zorder=5,
                annotation_clip=False,
            )
