"""What the reservoir of a run does, from the tables that begin with "reservoir": figures, curves and findings.

Returns plain values, and the charts as SVG; nothing where the model is no reservoir.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sarto.core.table import Table
from sarto.report.run import Run

LEFT_OUT = ("layer",)
MOST_LAYERS = 8
"""Layers that a curve is drawn of; there is a colour for each."""


@dataclass(frozen=True)
class Figure:
    """A figure of every layer: its name, unit, how it was come by, and the values, texts among them."""

    what: str
    unit: str
    how: str
    values: tuple[float | int | str, ...]


@dataclass(frozen=True)
class Chart:
    """A drawing with its caption; `layered` where it has a curve for each layer."""

    svg: str
    caption: str
    how: str
    layered: bool


@dataclass(frozen=True)
class Dynamics:
    """The section on the dynamics: `whole` are figures of all layers together, each with one value."""

    sample: str
    layers: int
    figures: list[Figure]
    whole: list[Figure]
    charts: list[Chart]
    findings: list[tuple[str, str, str]]


def dynamics(run: Run) -> Dynamics | None:
    """Return the section of `run`, or None for a model without dynamics."""
    layers, figures = run.tables.get("reservoir layers"), run.tables.get("reservoir figures")
    if layers is None or figures is None:
        return None
    said = run.tables.get("reservoir findings")
    named = {str(what): value for what, value in figures.rows}
    return Dynamics(
        str(named.pop("sample", "")),
        len(layers.rows),
        [
            Figure(what, "" if unit == "1" else unit, how, layers.column(what))
            for what, unit, how in zip(layers.columns, layers.units, layers.how, strict=True)
            if what not in LEFT_OUT and any(value != "" for value in layers.column(what))
        ],
        [Figure(what, "", "measured", (value,)) for what, value in named.items()],
        _charts(run),
        [] if said is None else [(str(a), str(b), str(c)) for a, b, c in said.rows],
    )


def _charts(run: Run) -> list[Chart]:
    from sarto.report import dynamics_charts as draw

    found: list[Chart] = []

    def add(name: str, svg: str, caption: str) -> None:
        layered = name not in ("reservoir spectrum", "reservoir memory")
        found.append(Chart(svg, caption, run.tables[name].how[1], layered))

    if (table := run.tables.get("reservoir spectrum")) is not None and table.rows:
        layers = [int(v) for v in table.column("layer")]
        points = [
            [
                (x, y)
                for x, y, owner in zip(
                    numbers(table, "real"), numbers(table, "imaginary"), layers, strict=True
                )
                if owner == layer
            ]
            for layer in sorted(set(layers))[:MOST_LAYERS]
        ]
        add(
            table.name,
            draw.spectrum(points),
            "Eigenvalues of a step at rest, in the complex plane. Outside the circle a part of the state grows; the "
            "nearer to it, the longer it lasts; its angle is how fast it turns",
        )
    if (table := run.tables.get("reservoir states")) is not None and table.rows:
        add(
            table.name,
            draw.curves("states", *_columns(table), "step", "size of the state", log=False),
            "Size |h| of the state by step, root mean square over the sequences",
        )
    if (table := run.tables.get("reservoir growth")) is not None and table.rows:
        steps, curves = _columns(table)
        add(
            table.name,
            draw.curves("growth", steps, curves[::2], "step", "size of a change", log=True),
            "By how much small changes of the first state have grown or faded after so many steps along the longest "
            "sequence, root mean square over all directions: what the state still knows of its beginning",
        )
    if (table := run.tables.get("reservoir gap")) is not None and table.rows:
        add(
            table.name,
            draw.curves("gap", *_columns(table), "step", "relative gap", log=True),
            "How far apart two states stay that saw the same data after different pasts, relative to their size",
        )
    if (table := run.tables.get("reservoir directions")) is not None and table.rows:
        add(
            table.name,
            draw.curves("directions", *_columns(table), "direction", "relative strength", log=True),
            "Singular values of the states: how strong the directions are that they span",
        )
    if (table := run.tables.get("reservoir memory")) is not None and table.rows:
        add(
            table.name,
            draw.curves("memory", *_columns(table), "lag in steps", "capacity", log=False),
            "How much of white input so many steps ago a linear readout recovers, summed over the channels; its sum "
            "from lag 1 on is the linear memory capacity",
        )
    return found


def _columns(table: Table) -> tuple[list[float], list[list[float]]]:
    """Return the first column of a table, and the others."""
    first, *rest = table.columns
    return numbers(table, first), [numbers(table, name) for name in rest[: 2 * MOST_LAYERS]]


def numbers(table: Table, name: str) -> list[float]:
    """Return a column as numbers, NaN where it has a text."""
    values: Sequence[float | int | str] = table.column(name)
    return [float(v) if isinstance(v, int | float) else float("nan") for v in values]
