"""The curves of the report, as SVG to be written into a page: text stays text, colours are the page's variables.

Returns deterministic text: no date, hashed ids, and every id begins with the chart's own name so that several charts
can stand in one page. Only numbers and words of this module reach matplotlib, never a name that a user gave.

>>> svg = trade_off("flash", [4000, 9000], [0.9, 0.95], 1, 16000, "B")
>>> svg.startswith("<svg") and "http" not in svg
True
"""

# pyright: basic
# matplotlib's own types are partial; this is the one file that touches it.

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Literal

from sarto.core.units import format_quantity
from sarto.report.palette import MARKS
from sarto.report.tuning import Tuning

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 3.6, 2.75
"""Inches at 100 dots: a chart is drawn about as wide as a phone, so that its text is never scaled far from 11 px."""
MOST_DOTS = 300
"""Dots drawn at most; beyond it a chart thins them, which its caption says."""
MOST_NUMBERED = 12
"""Trainings that are numbered in their chart; more would run into each other."""
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "sarto",
    "font.size": 9,
    "axes.edgecolor": MARKS["line"],
    "axes.labelcolor": MARKS["muted"],
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.labelpad": 5,
    "figure.facecolor": "none",
    "grid.color": MARKS["line"],
    "grid.linewidth": 0.6,
    "text.color": MARKS["ink"],
    "xtick.color": MARKS["line"],
    "ytick.color": MARKS["line"],
    "xtick.labelcolor": MARKS["muted"],
    "ytick.labelcolor": MARKS["muted"],
    "xtick.major.size": 3,
    "ytick.major.size": 0,
}


def trade_off(
    cost: str,
    costs: Sequence[float],
    qualities: Sequence[float],
    chosen: int | None,
    limit: float | None,
    unit: str,
    quality: Literal["accuracy", "explained variance"] = "accuracy",
) -> str:
    """Draw quality (0 to 1) against a cost: the best reachable quality as a staircase, the chosen point, the budget.

    Args:
        cost: name of the cost, for the axis and the ids.
        costs: cost of each point in `unit`.
        qualities: validation accuracy of each point, or its like.
        chosen: index of the point that was built, if it is among them.
        limit: the budget of this cost, if one was set.
        unit: `B`, `instructions` or another unit of `core.units`.
        quality: what quality is called.
    """
    with _settings():
        figure, axes = _canvas()
        order = sorted(range(len(costs)), key=lambda i: (costs[i], -qualities[i]))
        best = list(accumulate((qualities[i] for i in order), max))
        ends = [*costs, *([limit] if limit else [])]
        low, high = min(ends) / 1.35, max(ends) * 1.35
        x = [costs[i] for i in order]
        axes.set_xscale("log")
        axes.set_xlim(low, high)
        axes.plot(
            [*x, high],
            [*best, best[-1]],
            drawstyle="steps-post",
            color=MARKS["accent"],
            linewidth=1.4,
            zorder=2,
        )
        axes.plot(
            x,
            [qualities[i] for i in order],
            "o",
            color=MARKS["accent"],
            markersize=4.5,
            zorder=3,
            clip_on=False,
        )
        if limit:
            axes.axvspan(limit, high, color=MARKS["bad"], alpha=0.07, linewidth=0, zorder=0)
            axes.axvline(limit, color=MARKS["bad"], linewidth=1.1, linestyle=(0, (4, 2.5)), zorder=1)
            place = math.log(limit / low) / math.log(high / low)
            text = f"budget {_short(limit, unit)}"
            axes.text(
                place, 1.03, text, transform=axes.transAxes, color=MARKS["bad"], ha=_side(place), va="bottom"
            )
        if chosen is not None:
            here = (costs[chosen], qualities[chosen])
            axes.plot(
                *here,
                "o",
                color=MARKS["paper"],
                markeredgecolor=MARKS["ink"],
                markersize=9.5,
                mew=1.6,
                zorder=4,
                clip_on=False,
            )
            axes.plot(*here, "o", color=MARKS["ink"], markersize=4.5, zorder=5, clip_on=False)
            right = math.log(here[0] / low) / math.log(high / low) > 0.62
            axes.annotate(
                "chosen", here, (-9 if right else 9, -10), textcoords="offset points", ha="right" if right else "left",
                va="center", zorder=6,
            )  # fmt: skip
        _frame(axes, qualities)
        axes.set_ylabel(f"validation {quality}, %")
        axes.set_xlabel(f"{cost}, logarithmic")
        _cost_ticks(axes, low, high, unit)
        return _inline(figure, re.sub(r"\W+", "-", cost), f"validation {quality} against {cost}")


def search_course(errors: Sequence[float], best: Sequence[float]) -> str:
    """Draw the validation error (0 to 1) of each trial as a dot and the best so far as a line, in trial order."""
    from matplotlib.ticker import MaxNLocator

    with _settings():
        figure, axes = _canvas()
        step = math.ceil(len(errors) / MOST_DOTS)
        shown = [i for i in range(len(errors)) if i % step == 0 and math.isfinite(errors[i])]
        turns = [i for i in range(len(best)) if i in (0, len(best) - 1) or best[i] != best[i - 1]]
        axes.plot(
            [i + 1 for i in shown],
            [errors[i] for i in shown],
            "o",
            color=MARKS["kind-8"],
            markersize=3,
            zorder=2,
        )
        axes.plot(
            [i + 1 for i in turns], [best[i] for i in turns], drawstyle="steps-post", color=MARKS["accent"],
            linewidth=1.6, zorder=3,
        )  # fmt: skip
        _frame(axes, [*errors, *best])
        axes.set_xlim(0.5 - len(errors) / 100, len(errors) + 0.5 + len(errors) / 100)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.set_ylabel("validation error, %")
        axes.set_xlabel("trial")
        return _inline(figure, "search", "validation error by trial")


def predictions(true: Sequence[float], said: Sequence[float], number: int) -> str:
    """Draw predicted values against true ones, with the line on which they are equal; `number` tells charts apart."""
    from matplotlib.ticker import MaxNLocator

    with _settings():
        figure, axes = _canvas()
        step = math.ceil(len(true) / MOST_DOTS)
        low, high = min(*true, *said), max(*true, *said)
        air = 0.04 * (high - low) or 1.0
        axes.plot([low, high], [low, high], color=MARKS["muted"], linewidth=1.0, zorder=1)
        axes.plot(true[::step], said[::step], "o", color=MARKS["accent"], markersize=3, alpha=0.6, zorder=2)
        axes.set_xlim(low - air, high + air)
        axes.set_ylim(low - air, high + air)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(5))
        axes.grid(axis="y", zorder=0)
        axes.spines["left"].set_visible(False)
        axes.set_ylabel("predicted")
        axes.set_xlabel("true")
        return _inline(figure, f"predictions-{number}", "predicted against true values")


def tuning_course(tunings: Sequence[Tuning]) -> list[tuple[str, str]]:
    """Draw what trainings saw, one after the other: the losses, and the accuracy on validation.

    Returns:
        each chart with its caption; that of the accuracy is missing where no pass was validated.
    """
    if not tunings:
        return []
    losses = [v for t in tunings for v in t.loss]
    judged = [v for t in tunings for v in t.validation_loss]
    accuracies = [v for t in tunings for v in t.validation_accuracy]
    known = any(v is not None for v in judged)
    charts: list[tuple[str, str]] = []
    with _settings():
        lines = [(losses, "kind-8", 1.2), (judged, "accent", 1.6)]
        figure = _course(tunings, lines, "loss", margin=0.72)
        _loss_axis(figure.axes[0], [v for v in (*losses, *judged) if v is not None])
        caption = "Loss of each pass: grey, what is trained for, on the training items"
        caption += "; blue, the cross-entropy on validation" if known else ""
        charts.append((_inline(figure, "loss", "loss by pass"), caption))
        if known:
            figure = _course(tunings, [(accuracies, "accent", 1.6)], "validation accuracy, %")
            _frame(figure.axes[0], [v for v in accuracies if v is not None])
            charts.append(
                (
                    _inline(figure, "accuracy", "validation accuracy by pass"),
                    "Validation accuracy of each pass",
                )
            )
    return charts


def _course(
    tunings: Sequence[Tuning],
    lines: Sequence[tuple[Sequence[float | None], str, float]],
    label: str,
    margin: float = 0.52,
) -> Figure:
    """Draw lines over the passes of all trainings, each training apart from the next and numbered."""
    from matplotlib.ticker import MaxNLocator

    figure, axes = _canvas(margin)
    start, many = 0, len(tunings) > MOST_NUMBERED
    for tuning in tunings:
        end = start + tuning.passes
        if start:
            axes.axvline(start + 0.5, color=MARKS["line"], linewidth=0.8, zorder=1)
        if not many:
            axes.text(
                (start + end + 1) / 2, 1.03, str(tuning.number), transform=axes.get_xaxis_transform(),
                color=MARKS["muted"], ha="center", va="bottom",
            )  # fmt: skip
        for values, role, width in lines:
            seen = [(i + 1, v) for i in range(start, end) if (v := values[i]) is not None]
            axes.plot(
                [x for x, _ in seen], [y for _, y in seen], "o-" if len(seen) < 2 else "-", color=MARKS[role],
                linewidth=width, markersize=3, zorder=2,
            )  # fmt: skip
        start = end
    axes.set_xlim(0.5, start + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.set_ylabel(label)
    axes.set_xlabel("pass")
    return figure


def _loss_axis(axes: Axes, losses: Sequence[float]) -> None:
    """Set a vertical axis of losses: logarithmic, unless one is 0."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    if min(losses) > 0:
        low, high = min(losses) / 1.15, max(losses) * 1.15
        axes.set_yscale("log")
        axes.set_ylim(low, high)
        axes.yaxis.set_major_locator(FixedLocator(_round_ticks(low, high, high)))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}".replace("e-0", "e-")))
        axes.set_ylabel("loss, logarithmic")
    axes.grid(axis="y", zorder=0)
    axes.spines["left"].set_visible(False)


@contextmanager
def _settings() -> Iterator[None]:
    """Draw with matplotlib's own defaults and ours, whatever a user's matplotlibrc says, and restore what was set."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_SETTINGS)
        yield


def _canvas(margin: float = 0.52) -> tuple[Figure, Axes]:
    """Return an empty figure whose left margin has room for the tick labels."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, HEIGHT), dpi=100)
    FigureCanvasSVG(figure)
    left, right, bottom, top = margin / WIDTH, 0.1 / WIDTH, 0.48 / HEIGHT, 0.26 / HEIGHT
    return figure, figure.add_axes((left, bottom, 1 - left - right, 1 - bottom - top))


def _frame(axes: Axes, shares: Sequence[float]) -> None:
    """Set a vertical axis of shares: percent, some air above and below, quiet horizontal lines."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

    finite = [s for s in shares if math.isfinite(s)]
    low, high = min(finite), max(finite)
    air = max(0.12 * (high - low), 0.005)
    bottom = max(low - air, -0.01) if low >= 0 else low - air
    top = min(high + air, 1.004) if high <= 1 else high + air
    axes.set_ylim(bottom, top)
    # Quarters of a percent would be wider than the margin.
    steps = [1, 2, 5, 10] if top - bottom < 0.02 else [1, 2, 2.5, 5, 10]
    last = min(top, 1 + 1e-9) if high <= 1 else top
    ticks = [t for t in MaxNLocator(6, steps=steps).tick_values(bottom, top) if bottom <= t <= last]
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.4g}"))
    axes.grid(axis="y", zorder=0)
    axes.spines["left"].set_visible(False)


def _cost_ticks(axes: Axes, low: float, high: float, unit: str) -> None:
    """Put three to five ticks at round numbers on a logarithmic axis, none so far right that its label is cut off."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    axes.xaxis.set_major_locator(FixedLocator(_round_ticks(low, low * (high / low) ** 0.95, high)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _short(value, unit)))


def _round_ticks(low: float, last: float, high: float) -> list[float]:
    """Return three to five round numbers from `low` to `last`, for a logarithmic axis that ends at `high`."""
    from matplotlib.ticker import MaxNLocator

    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for leads in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7)):
        ticks = [lead * 10.0**d for d in decades for lead in leads if low <= lead * 10.0**d <= last]
        if len(ticks) >= 3:
            break
    else:
        ticks = [float(t) for t in MaxNLocator(4).tick_values(low, high) if low <= t <= last]
    return ticks[:: math.ceil(len(ticks) / 5) or 1]


def _short(value: float, unit: str) -> str:
    """Return a quantity as short as a tick needs it; instructions are counted in thousands and millions."""
    if unit != "instructions":
        return format_quantity(value, unit)
    return next((f"{value / f:.4g}{p}" for f, p in ((1e6, " M"), (1e3, " k")) if value >= f), f"{value:.4g}")


def _side(place: float) -> str:
    return "left" if place < 0.25 else "right" if place > 0.75 else "center"


def _inline(figure: Figure, prefix: str, label: str) -> str:
    """Write `figure` as an SVG element without prolog, size, metadata, namespaces or colours of its own."""
    stream = io.StringIO()
    figure.savefig(stream, format="svg")
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>|<style[^>]*>.*?</style>", "", svg, flags=re.DOTALL)
    view = re.search(r'viewBox="([^"]+)"', svg)
    assert view is not None
    width = float(view[1].split()[2]) * 100 / 72
    start = f'<svg class="chart" viewBox="{view[1]}" style="max-width: {1.25 * width:.0f}px" role="img" '
    svg = start + f'aria-label="{escape(label)}" focusable="false">' + svg[svg.index(">") + 1 :]
    svg = svg.replace("xlink:href", "href")
    svg = re.sub(r'<g id="[^"]+">', "<g>", svg)
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', svg)
    svg = re.sub(r'(href="#|url\(#)', rf"\g<1>{prefix}-", svg)
    svg = re.sub(r"font-family: [^;\"]+;? ?", "", svg)
    svg = re.sub(r'(?<==")[^"]*', lambda found: re.sub(r"(\d\.\d\d)\d+", r"\1", found[0]), svg)
    for role, mark in MARKS.items():
        svg = svg.replace(mark, f"var(--{role})")
    svg = re.sub(r"<g([^>]*)>\s*((?:<use [^>]+/>\s*)+)</g>", _hoist, svg)
    svg = re.sub(r"<g[^>]*/>|<defs>\s*</defs>| transform=\"rotate\(-0[^\"]*\"", "", svg)
    return re.sub(r"\s*\n\s*", "\n", svg).strip()


def _hoist(group: re.Match[str]) -> str:
    """Write the style that every dot of a group repeats once, on the group."""
    styles = set(re.findall(r' style="[^"]*"', group[2]))
    if len(styles) != 1 or "style=" in group[1]:
        return group[0]
    style = styles.pop()
    return f"<g{group[1]}{style}>{group[2].replace(style, '')}</g>"
