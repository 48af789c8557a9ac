"""The curves of the section on a reservoir's dynamics, as SVG; see `sarto.report.charts` for what all charts share.

>>> svg = spectrum([[(0.5, 0.5), (0.5, -0.5)]])
>>> svg.startswith("<svg") and "http" not in svg
True
"""

# pyright: basic
# matplotlib's own types are partial.

from __future__ import annotations

import math
from collections.abc import Sequence

from sarto.report.charts import HEIGHT, MOST_DOTS, WIDTH, _canvas, _inline, _settings
from sarto.report.palette import KINDS, MARKS

RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
SMALLEST = 1e-16
"""Of a logarithmic axis: rounding of float64 is all that is below."""


def spectrum(layers: Sequence[Sequence[tuple[float, float]]]) -> str:
    """Draw eigenvalues (real, imaginary) of each layer with the unit circle."""
    from matplotlib.ticker import MaxNLocator

    with _settings():
        figure, axes = _canvas()
        turn = [2 * math.pi * i / 120 for i in range(121)]
        axes.plot(
            [math.cos(t) for t in turn], [math.sin(t) for t in turn], color=MARKS["muted"], linewidth=1.0, zorder=1
        )  # fmt: skip
        for index, points in enumerate(layers):
            shown = points[:: math.ceil(len(points) * len(layers) / MOST_DOTS) or 1]
            axes.plot(
                [x for x, _ in shown],
                [y for _, y in shown],
                "o",
                color=_colour(index, len(layers)),
                markersize=3,
                alpha=0.75,
                zorder=3,
            )
        every = [abs(v) for points in layers for point in points for v in point]
        high = 1.12 * max([1.0, *every])
        shape = (WIDTH - 0.62) / (HEIGHT - 0.74)  # of the drawing area, so that the circle is round
        axes.set_ylim(-high, high)
        axes.set_xlim(-high * shape, high * shape)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(5))
        axes.axhline(0, color=MARKS["line"], linewidth=0.6, zorder=0)
        axes.axvline(0, color=MARKS["line"], linewidth=0.6, zorder=0)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("real part")
        axes.set_ylabel("imaginary part")
        return _inline(figure, "reservoir-spectrum", "eigenvalues of a step at rest with the unit circle")


def curves(
    name: str,
    x: Sequence[float],
    layers: Sequence[Sequence[float]],
    x_label: str,
    y_label: str,
    *,
    log: bool,
) -> str:
    """Draw one curve for each layer, whose numbers stand at their ends where there are several.

    Args:
        name: tells charts apart.
        x: ascending.
        layers: the values of each; on a logarithmic axis those below `SMALLEST` end a curve.
        x_label: of the horizontal axis.
        y_label: of the vertical axis.
        log: whether the vertical axis is logarithmic.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

    with _settings():
        figure, axes = _canvas()
        drawn: list[float] = []
        for index, values in enumerate(layers):
            pairs = [
                (a, b)
                for a, b in zip(x, values, strict=True)
                if math.isfinite(b) and (not log or b > SMALLEST)
            ]
            if not pairs:
                continue
            colour = _colour(index, len(layers))
            axes.plot(*zip(*pairs, strict=True), color=colour, linewidth=1.6, zorder=3)
            drawn += [b for _, b in pairs]
            if len(layers) > 1:
                axes.annotate(
                    f"{index + 1}", pairs[-1], (3, 0), textcoords="offset points", color=MARKS["ink"], va="center",
                    annotation_clip=False,
                )  # fmt: skip
        if log:
            axes.set_yscale("log")
            if drawn and max(drawn) < 10 * min(drawn):
                middle = math.sqrt(max(drawn) * min(drawn))
                axes.set_ylim(middle / 10, middle * 10)
            axes.yaxis.set_major_locator(LogLocator(numticks=6))
            axes.yaxis.set_minor_locator(NullLocator())
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: power(value)))
        else:
            axes.set_ylim(min(0.0, *drawn, 0.0), 1.08 * max(drawn, default=1.0) or 1.0)
            axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.grid(axis="y", zorder=0)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        return _inline(figure, f"reservoir-{name}", f"{y_label} by {x_label}")


def power(value: float) -> str:
    """Return a power of ten as its tick says it: plain text, which is drawn ten times as fast as a formula.

    >>> power(1.0), power(1e-12)
    ('1', '10⁻¹²')
    """
    exponent = round(math.log10(value))
    return "1" if exponent == 0 else "10" + str(exponent).translate(RAISED)


def _colour(index: int, layers: int) -> str:
    return MARKS["accent"] if layers == 1 else MARKS[f"kind-{index % KINDS + 1}"]
