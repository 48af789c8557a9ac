"""The tables that a fit writes of a made-up reservoir's dynamics."""

from __future__ import annotations

import cmath
import math

from sarto.core.table import Table


def reservoir_tables(layers: int, neurons: int = 60) -> list[Table]:
    names = tuple(f"layer {i}" for i in range(1, layers + 1))
    index = range(1, layers + 1)
    figures = Table(
        "reservoir layers",
        ("layer", "neurons", "effective radius", "largest beta", "slowest time scale", "dead neurons"),
        ("", "", "1", "1", "steps", "neurons"),
        tuple((i, neurons, 0.9 + i / 100, "", "infinite", 0) for i in index),
        ("", "", "estimated", "estimated", "estimated", "measured"),
    )
    roots = [(i, 0.9 * cmath.exp(2j * math.pi * k / neurons)) for i in index for k in range(neurons)]
    spectrum = Table(
        "reservoir spectrum",
        ("layer", "real", "imaginary", "time scale", "frequency"),
        ("", "1", "1", "steps", "turns per step"),
        tuple((i, z.real, z.imag, 9.5, 0.1) for i, z in roots),
        ("", *["estimated"] * 4),
    )

    def curve(name: str, first: str, columns: tuple[str, ...], base: float) -> Table:
        rows = tuple((t, *(base**t / (1 + k) for k in range(len(columns)))) for t in range(40))
        return Table(
            name, (first, *columns), ("", *["1"] * len(columns)), rows, ("", *["measured"] * len(columns))
        )

    pairs = tuple(f"{name}, {kind}" for name in names for kind in ("mean", "largest"))
    whole = (
        ("sample", "16 of 40 sequences, 100 steps of each at most"),
        ("largest Lyapunov exponent", "-infinite"),
        ("steps until the beginning is forgotten", 45),
        ("linear memory capacity", 12.07),
    )
    said = (("note", "washout <i>", "within 45 steps & no fewer"), ("warning", "dead neurons", "2 of 60"))
    return [
        figures,
        spectrum,
        curve("reservoir states", "step", names, 1.01),
        curve("reservoir gap", "step", names, 0.3),
        curve("reservoir directions", "direction", names, 0.9),
        curve("reservoir growth", "step", pairs, 0.8),
        curve("reservoir memory", "lag", ("capacity",), 0.7),
        Table("reservoir figures", ("what", "value"), ("", ""), whole, ("", "measured")),
        Table("reservoir findings", ("severity", "what", "text"), ("",) * 3, said, ("",) * 3),
    ]
