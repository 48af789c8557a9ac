"""The tables of a diagnosis.

    reservoir layers      a row for each layer: size, criteria, rank, what the neurons do
    reservoir spectrum    a row for each eigenvalue of a step at rest: layer, real, imaginary, time scale, frequency
    reservoir states      by step: |h| of each layer, root mean square over the sequences
    reservoir growth      by step: by how much small changes of the first state have grown, in the mean and at most
    reservoir gap         by step: the echo-state gap of each layer
    reservoir directions  singular values of the centred states, of each layer, relative to the largest
    reservoir memory      by lag: capacity, summed over the channels

>>> plain(float("inf")), plain(0.5)
('infinite', 0.5)
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from sarto.core.table import Table
from sarto.learn.diagnosis_layer import LayerDiagnosis, Observed
from sarto.models.diagnosis.spectrum import frequencies, time_scales

DIGITS = 6
Row = tuple[float | int | str, ...]
_FIGURES = (
    ("neurons", "", ""),
    ("effective radius", "1", "estimated"),
    ("contraction in the 2-norm", "1", "estimated"),
    ("beta", "1", "estimated"),
    ("largest beta", "1", "estimated"),
    ("slowest time scale", "steps", "estimated"),
    ("effective rank", "1", "measured"),
    ("saturated share", "1", "measured"),
    ("dead neurons", "neurons", "measured"),
    ("input's share of the drive", "1", "measured"),
    ("gap after the last step", "1", "measured"),
)


def plain(value: float) -> float | str:
    """Return a figure as JSON can hold it, to `DIGITS` digits."""
    if math.isinf(value):
        return "infinite" if value > 0 else "-infinite"
    return float(f"{value:.{DIGITS}g}")


def tables(seen: Observed, steps: Sequence[int]) -> list[Table]:
    """Return the tables of what was observed, curves over the data at `steps`."""
    layers = tuple(f"layer {i}" for i in range(1, len(seen.layers) + 1))
    measured = ("", *["measured"] * len(layers))
    found = [
        Table(
            "reservoir layers",
            ("layer", *(name for name, _, _ in _FIGURES)),
            ("", *(unit for _, unit, _ in _FIGURES)),
            tuple(_figures(i, layer, seen) for i, layer in enumerate(seen.layers)),
            ("", *(how for _, _, how in _FIGURES)),
        ),
        _spectrum(seen.layers),
    ]
    norms = [layer.activity.norm for layer in seen.layers]
    rows = [(t, *(plain(float(n[t - 1])) for n in norms)) for t in steps if 0 < t <= len(norms[0])]
    curves: list[tuple[str, str, list[Row]]] = [
        ("reservoir states", "step", list(rows)),
        ("reservoir gap", "step", [(t, *map(plain, seen.echo.gap[t].tolist())) for t in steps]),
    ]
    values = [layer.activity.singular_values for layer in seen.layers]
    values = [v / v[0] if v[0] > 0 else v for v in values]
    deepest = max(map(len, values))
    curves.append(
        (
            "reservoir directions",
            "direction",
            [(i + 1, *(plain(float(v[i])) if i < len(v) else "" for v in values)) for i in range(deepest)],
        )
    )
    for name, first, body in curves:
        found.append(Table(name, (first, *layers), ("", *["1"] * len(layers)), tuple(body), measured))
    growth = seen.growth
    pairs = np.stack([growth.mean, growth.largest], axis=2).reshape(len(growth.steps), -1)
    columns = tuple(f"{layer}, {kind}" for layer in layers for kind in ("mean", "largest"))
    grown = tuple((t, *map(plain, row)) for t, row in zip(growth.steps, pairs.tolist(), strict=True))
    found.append(
        Table(
            "reservoir growth",
            ("step", *columns),
            ("", *["1"] * len(columns)),
            grown,
            ("", *["measured"] * len(columns)),
        )
    )
    if seen.memory is not None:
        lags = tuple((k, plain(c)) for k, c in enumerate(seen.memory.curve.sum(axis=1).tolist()))
        found.append(Table("reservoir memory", ("lag", "capacity"), ("steps", "1"), lags, ("", "measured")))
    return found


def _figures(index: int, layer: LayerDiagnosis, seen: Observed) -> Row:
    bound = layer.step_bound
    return (
        index + 1,
        layer.units,
        plain(layer.radius),
        plain(layer.contraction),
        plain(layer.step),
        "" if bound is None else plain(bound),
        plain(layer.slowest),
        plain(layer.rank),
        plain(float(layer.activity.saturated.mean())),
        int(layer.activity.dead.sum()),
        plain(float(np.median(layer.activity.input_share))),
        plain(float(seen.echo.gap[-1, index])),
    )


def _spectrum(layers: Sequence[LayerDiagnosis]) -> Table:
    rows: list[Row] = []
    for index, layer in enumerate(layers, 1):
        order = np.argsort(-np.abs(layer.eigenvalues), kind="stable")
        values = layer.eigenvalues[order]
        for value, scale, turn in zip(values, time_scales(values), frequencies(values), strict=True):
            rows.append(
                (index, plain(value.real), plain(value.imag), plain(float(scale)), plain(float(turn)))
            )
    return Table(
        "reservoir spectrum",
        ("layer", "real", "imaginary", "time scale", "frequency"),
        ("", "1", "1", "steps", "turns per step"),
        tuple(rows),
        ("", *["estimated"] * 4),
    )
