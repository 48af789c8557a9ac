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

from sarto.core.units import format_quantity
from sarto.report.charts import MOST_DOTS, _canvas, _cost_ticks, _frame, _inline, _round_ticks, _settings
from sarto.report.palette import MARKS

MOST_JOBS = 400
"""Jobs that are drawn; of more, every so many-th, and every one that broke its limit as far as there is room."""


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
        unit: of both; a share is drawn in percent, all else on a logarithmic axis.
        label: of the vertical axis.
    """
    from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

    with _settings():
        figure, axes = _canvas(0.82)
        jobs = len(limits)
        # Only where a limit changes is there anything to draw.
        turns = [i for i in range(jobs) if i in (0, jobs - 1) or limits[i] != limits[i - 1]]
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
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: format_quantity(value, unit)))
            axes.grid(axis="y", zorder=0)
            axes.spines["left"].set_visible(False)
        axes.set_xlim(0.5, jobs * 1.04 + 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.set_ylabel(f"{label}, %" if unit == "1" else label)
        axes.set_xlabel("job")
        return _inline(figure, f"timeline-{name}", f"{label} by job")


def choices(
    costs: Sequence[float], accuracies: Sequence[float], shares: Sequence[float], unit: str, cost: str
) -> str:
    """Draw the points by cost and accuracy, with a disc around those that were chosen: its area is the share of jobs.

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
        every = math.ceil(len(shares) / MOST_DOTS)
        shown = [i for i in range(len(shares)) if i % every == 0 or shares[i] > 0]
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
        axes.plot(
            [costs[i] for i in shown],
            [accuracies[i] for i in shown],
            "o",
            color=MARKS["muted"],
            markersize=2.4,
            zorder=3,
            clip_on=False,
        )
        _frame(axes, accuracies)
        axes.set_ylabel("accuracy, %")
        axes.set_xlabel(f"{cost} of a job, logarithmic")
        _cost_ticks(axes, low, high, unit)
        return _inline(figure, "points", f"accuracy by {cost}")
