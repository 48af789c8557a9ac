"""Memories below their nominal voltage: how many bits are wrong, and what power is left, each with its source.

A file is a published curve of one memory, a table for each of its points:

    title = "Block RAM of an FPGA"
    source = "authors, title, venue, figure"
    nominal_v = 1.0
    [[point]]
    voltage_v = 0.6
    bit_error_rate = 1e-6
    power = 0.3                 # of the memory, as a share of that at the nominal voltage

Sarto ships none, since none was opened whose numbers could be copied with their source: a sweep of bit-error rates then
says what a network bears, and nothing of what is saved. With a file of yours a point of the sweep is given the lowest
voltage whose published rate is no higher; nothing is drawn between points.

>>> curve = parse_curve("mine", '''
... title = "An SRAM"
... source = "measured by me on one board"
... nominal_v = 0.9
... [[point]]
... voltage_v = 0.7
... bit_error_rate = 1e-6
... power = 0.55
... [[point]]
... voltage_v = 0.65
... bit_error_rate = 1e-4
... power = 0.45
... ''')
>>> curve.at(1e-5).voltage_v, curve.at(1e-4).power, curve.at(1e-7)
(0.7, 0.45, None)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from sarto.devices._files import described, files_of, parsed, table, words


@dataclass(frozen=True)
class VoltagePoint:
    """A voltage, with the share of wrong bits and the power as a share of that at the nominal voltage."""

    voltage_v: float
    bit_error_rate: float
    power: float


@dataclass(frozen=True)
class Curve:
    """A memory below its nominal voltage.

    Attributes:
        name: file name.
        title: for people.
        source: of all of its numbers.
        nominal_v: voltage at which there is no error.
        points: from the highest voltage to the lowest.
    """

    name: str
    title: str
    source: str
    nominal_v: float
    points: tuple[VoltagePoint, ...]

    def at(self, bit_error_rate: float) -> VoltagePoint | None:
        """Return the lowest voltage with no more errors than that, or None where there is none below the nominal."""
        fitting = [point for point in self.points if point.bit_error_rate <= bit_error_rate]
        return fitting[-1] if fitting else None


def curves() -> list[str]:
    """Return the names of the curves that outside packages admit, sorted; none comes with Sarto."""
    return sorted(files_of(__name__))


def curve(name: str) -> Curve:
    """Return the curve of a file of the user's, or of an entry point in the group `sarto.devices.voltages`.

    Raises:
        SartoError: E111, when there is no such file; E112, when it lacks a field, has one that is unknown or wrong, or
            its errors fall or its power rises with a lower voltage.
    """
    return described(__name__, name, "voltage", parse_curve)


def parse_curve(name: str, text: str) -> Curve:
    """Return the curve that the TOML `text` describes.

    Raises:
        SartoError: E112, as `curve`.
    """
    like = "the form in the reference of sarto.devices.voltages"
    return parsed(text, lambda fields: _curve(name, fields), f"the voltage file {name}.toml", like)


def _curve(name: str, fields: dict[str, Any]) -> Curve:
    title, source = (words(fields.pop(key), key) for key in ("title", "source"))
    nominal_v = _number(fields.pop("nominal_v"), "nominal_v", 10.0)
    rows = fields.pop("point")
    if not isinstance(rows, list) or not rows:
        raise ValueError("point must be one or more tables")
    points = tuple(sorted(map(_point, rows), key=lambda p: -p.voltage_v))  # pyright: ignore[reportUnknownArgumentType]
    for higher, lower in pairwise(points):
        if lower.voltage_v == higher.voltage_v:
            raise ValueError(f"two points have {lower.voltage_v:g} V")
        if lower.bit_error_rate < higher.bit_error_rate or lower.power > higher.power:
            raise ValueError(
                f"at {lower.voltage_v:g} V fewer bits are wrong, or more power is drawn, than at {higher.voltage_v:g} V"
            )
    if points[0].voltage_v > nominal_v:
        raise ValueError(f"{points[0].voltage_v:g} V is above the nominal {nominal_v:g} V")
    return Curve(name, title, source, nominal_v, points)


def _point(value: object) -> VoltagePoint:
    row: Mapping[str, Any] = table(value, "point", {"voltage_v", "bit_error_rate", "power"})
    most = {"voltage_v": 10.0, "bit_error_rate": 0.5, "power": 1.0}
    return VoltagePoint(**{key: _number(row[key], f"point.{key}", limit) for key, limit in most.items()})


def _number(value: object, key: str, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= most:
        raise ValueError(f"{key} must be a number above 0 and at most {most:g}")
    return float(value)
