"""The curves of an audit's page, as SVG; see `sarto.report.charts` for what all charts share.

>>> svg = gains([0.1, 0.02], [-0.03, 0.01], [True, False], -0.01)
>>> svg.startswith("<svg") and "http" not in svg
True
"""

# pyright: basic
# matplotlib's own types are partial.

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from sarto.report.charts import MOST_DOTS, _canvas, _frame, _inline, _settings
from sarto.report.dynamics_charts import power
from sarto.report.palette import KINDS, MARKS


def gains(supports: Sequence[float], values: Sequence[float], shown: Sequence[bool], overall: float) -> str:
    """Draw the gain of each subgroup against its support: those that are shown to differ filled, the others grey.

    Args:
        supports: share of all rows, 0 to 1.
        values: gain in shares; the largest differences are drawn where there are more than a chart holds.
        shown: whether a gain is significant.
        overall: gain on all rows, drawn as a line.
    """
    return _scatter("gain", supports, values, shown, overall, "gain, points")


def divergences(supports: Sequence[float], values: Sequence[float], shown: Sequence[bool]) -> str:
    """Draw the divergence of each subgroup against its support; arguments as for `gains`."""
    return _scatter("divergence", supports, values, shown, 0.0, "divergence, points")


def formats(
    rates: Sequence[float], accuracy: Mapping[str, Sequence[float]], clean: Mapping[str, float]
) -> str:
    """Draw accuracy against the rate of wrong bits, a line for each number format with its name at the end.

    Args:
        rates: of wrong bits, ascending, above 0.
        accuracy: of each format at each rate.
        clean: accuracy without wrong bits, drawn at the left end.
    """
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    with _settings():
        figure, axes = _canvas()
        left = rates[0] / 10
        axes.set_xscale("log")
        for index, (name, values) in enumerate(accuracy.items()):
            role = f"kind-{min(index + 1, KINDS)}"
            axes.plot(
                [left, *rates], [clean[name], *values], "-o", color=MARKS[role], linewidth=1.3, markersize=3
            )
        _frame(axes, [v for values in accuracy.values() for v in values] + list(clean.values()))
        axes.xaxis.set_major_locator(FixedLocator([left, *rates]))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(
            FuncFormatter(lambda value, _: "0" if value <= left * 1.01 else power(value))
        )
        axes.set_ylabel("accuracy, %")
        axes.set_xlabel("share of stored bits that are wrong")
        return _inline(figure, "formats", "accuracy against the share of wrong bits")


def _scatter(
    name: str,
    supports: Sequence[float],
    values: Sequence[float],
    shown: Sequence[bool],
    line: float,
    label: str,
) -> str:
    from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

    with _settings():
        figure, axes = _canvas()
        order = sorted(range(len(values)), key=lambda i: -abs(values[i] - line))[:MOST_DOTS]
        axes.set_xscale("log")
        axes.axhline(line, color=MARKS["muted"], linewidth=1.0, zorder=1)
        for significant, role, size in ((False, "kind-8", 2.5), (True, "bad", 3.2)):
            some = [i for i in order if shown[i] == significant]
            axes.plot(
                [supports[i] for i in some], [values[i] for i in some], "o", color=MARKS[role], markersize=size,
                alpha=0.75, zorder=2 + significant,
            )  # fmt: skip
        low = min([supports[i] for i in order] or [0.1]) / 1.2
        axes.set_xlim(low, 1.15)
        decades = range(math.floor(math.log10(low)), 1)
        ticks = [lead * 10.0**d for d in decades for lead in (1, 2, 5) if low <= lead * 10.0**d <= 1.001]
        axes.xaxis.set_major_locator(FixedLocator(ticks[:: math.ceil(len(ticks) / 6) or 1]))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.4g} %"))
        axes.yaxis.set_major_locator(MaxNLocator(6))
        axes.yaxis.set_major_formatter(
            FuncFormatter(lambda value, _: f"{100 * value:+.3g}" if value else "0")
        )
        axes.grid(axis="y", zorder=0)
        axes.spines["left"].set_visible(False)
        axes.set_ylabel(label)
        axes.set_xlabel("share of the rows, logarithmic")
        return _inline(figure, name, f"{label} by the share of the rows")
