"""Quantities with SI units, as users write and read them.

>>> parse_quantity("64kB", "byte")
Quantity(value=64000.0, unit='B')
>>> parse_quantity("64KiB", "byte").value
65536.0
>>> parse_quantity("20 ms", "time")
Quantity(value=0.02, unit='s')
>>> print(Quantity(0.0123, "s"), Quantity(21400, "B"), Quantity(85, "instructions"))
12.3 ms 21.4 kB 85 instructions

A bare number is refused, since 64 could be bytes or kilobytes.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from sarto.core.errors import SartoError

_PREFIX = {"": 1.0, "n": 1e-9, "u": 1e-6, "µ": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9}
_SUFFIXES: dict[str, dict[str, float]] = {
    "byte": {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3},
    "time": {p + "s": f for p, f in _PREFIX.items() if f <= 1} | {"min": 60.0, "h": 3600.0, "d": 86400.0},
    "energy": {p + "J": f for p, f in _PREFIX.items() if f <= 1e3},
    "power": {p + "W": f for p, f in _PREFIX.items() if f <= 1e3},
    "frequency": {p + "Hz": f for p, f in _PREFIX.items() if f >= 1},
    "instruction": {"instructions": 1, "kinstructions": 1e3, "Minstructions": 1e6},
}
_BASE = {
    "byte": "B",
    "time": "s",
    "energy": "J",
    "power": "W",
    "frequency": "Hz",
    "instruction": "instructions",
}
COUNTED = ("instructions", "cycles", "ticks")
"""Units that are written in full, without a prefix."""
_NUMBER = re.compile(r"\s*([0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)\s*([A-Za-zµ%]*)\s*")


@dataclass(frozen=True)
class Quantity:
    """A `value` in the base `unit` of its dimension: B, s, J, Hz, instructions, or 1 for a ratio."""

    value: float
    unit: str

    def __str__(self) -> str:
        return format_quantity(self.value, self.unit)


def parse_quantity(text: str, dimension: str, *, zero: bool = False) -> Quantity:
    """Read `text`, such as `"64kB"`, as a quantity of `dimension`.

    Args:
        text: a number and a unit. `kB` is 1000 B, `KiB` is 1024 B.
        dimension: `byte`, `time`, `energy`, `power`, `frequency` or `instruction`.
        zero: whether it may be 0.

    Raises:
        SartoError: E110, when the number or its unit is missing, unknown or not positive.
    """
    suffixes = _SUFFIXES[dimension]
    match = _NUMBER.fullmatch(text)
    known = ", ".join(suffixes)
    if match is None and _NUMBER.fullmatch(text.lstrip().removeprefix("-")):
        raise _too_small(text, zero)
    if match is None:
        raise SartoError(
            "E110",
            f"'{text}' is not a quantity",
            cause="a number and a unit are needed",
            hint=f"use one of {known}",
        )
    number, suffix = match.groups()
    if suffix not in suffixes:
        cause = f"'{suffix}' is no unit of {dimension}" if suffix else "the unit is missing"
        example = "64kB" if dimension == "byte" else "20" + next(iter(suffixes))
        raise SartoError(
            "E110", f"'{text}' is not a quantity", cause=cause, hint=f"use one of {known}, as in {example}"
        )
    value = float(number) * suffixes[suffix]
    if math.isinf(value):
        raise SartoError(
            "E110", f"'{text}' is not a quantity", cause="no number is that large", hint="lower it"
        )
    if value == 0 and not zero:
        raise _too_small(text, zero)
    return Quantity(value, _BASE[dimension])


def _too_small(text: str, zero: bool) -> SartoError:
    if zero:
        return SartoError("E110", f"'{text}' is below zero", cause="it must be at least 0", hint="raise it")
    return SartoError(
        "E110", f"'{text}' is not above zero", cause="a limit must be positive", hint="raise it"
    )


def parse_ratio(text: str) -> float:
    """Read `"0.85"` or `"85%"` as a ratio between 0 and 1.

    >>> parse_ratio("85%"), parse_ratio("0.85")
    (0.85, 0.85)

    Raises:
        SartoError: E110, when `text` is no number or lies outside 0..1.
    """
    match = _NUMBER.fullmatch(text)
    if match is None or match.group(2) not in ("", "%"):
        raise SartoError(
            "E110", f"'{text}' is not a ratio", cause="it is no number from 0 to 1", hint="write 0.85 or 85%"
        )
    value = float(match.group(1)) / (100 if match.group(2) else 1)
    if not 0 <= value <= 1:
        raise SartoError(
            "E110", f"'{text}' lies outside 0..1", cause="a ratio is needed", hint="write 0.85 or 85%"
        )
    return value


def parse_intensity(text: str) -> float:
    """Read how much greenhouse gas a kWh stands for, `"300g/kWh"` or `"0.3kg/kWh"`, in g of CO2 equivalent per kWh.

    >>> parse_intensity("300g/kWh"), parse_intensity("0.3 kg/kWh")
    (300.0, 300.0)

    Raises:
        SartoError: E110, when it is no number above 0 with that unit.
    """
    bare = text.strip()
    match = _NUMBER.fullmatch(bare.removesuffix("/kWh"))
    factor = {"g": 1.0, "kg": 1e3}.get(match.group(2)) if match and bare.endswith("/kWh") else None
    value = 0.0 if match is None or factor is None else float(match.group(1)) * factor
    if not 0 < value < math.inf:
        raise SartoError(
            "E110",
            f"'{text}' is not an intensity",
            cause="a number above 0 of g/kWh or kg/kWh is needed",
            hint="as in 300g/kWh",
        )
    return value


def parse_allowance(text: str, unit: str) -> tuple[float, bool]:
    """Read how far a figure in `unit` may move: an amount, and whether that is a share of what the figure was.

    Of a figure without a unit, such as an accuracy, `1%` and `0.01` are the same amount.

    >>> parse_allowance("0.5kB", "B"), parse_allowance("2%", "B"), parse_allowance("1%", "1")
    ((500.0, False), (0.02, True), (0.01, False))
    >>> parse_allowance("500", "instructions"), parse_allowance("0.1 m/s", "m/s")
    ((500.0, False), (0.1, False))

    Raises:
        SartoError: E110, when it is no number, lacks its unit, or has another one.
    """
    bare = text.strip()
    if unit in ("1", ""):
        return parse_ratio(bare), False
    if bare.endswith("%"):
        return parse_ratio(bare), True
    dimension = next((name for name, base in _BASE.items() if base == unit), None)
    if dimension is not None:
        counted = unit == "instructions" and bare.isdecimal()
        return parse_quantity(bare + unit if counted else bare, dimension).value, False
    match = _NUMBER.fullmatch(bare.removesuffix(unit))
    if not bare.endswith(unit) or match is None or match.group(2):
        raise SartoError(
            "E110",
            f"'{text}' is not a quantity",
            cause=f"a number of {unit} is needed",
            hint=f"as in '0.1 {unit}' or 2%",
        )
    return float(match.group(1)), False


def format_quantity(value: float, unit: str) -> str:
    """Return `value` with an SI prefix and four significant digits.

    >>> format_quantity(16384, "B"), format_quantity(2e-6, "J"), format_quantity(0.9321, "1")
    ('16.38 kB', '2 µJ', '0.9321')
    """
    if unit in ("1", ""):
        return f"{value:.4g}"
    if unit in COUNTED:
        return f"{value:,.0f} {unit}"
    if unit == "B":
        steps = [("GB", 1e9), ("MB", 1e6), ("kB", 1e3), ("B", 1.0)]
    elif unit in ("s", "J", "W", "Hz"):
        prefixes = [
            ("G", 1e9),
            ("M", 1e6),
            ("k", 1e3),
            ("", 1.0),
            ("m", 1e-3),
            ("µ", 1e-6),
            ("n", 1e-9),
            ("p", 1e-12),
        ]
        steps = [(p + unit, f) for p, f in prefixes if not (unit == "s" and f > 1)]
    else:
        return f"{value:.6g} {unit}"
    for name, factor in steps:
        if abs(value) >= factor:
            return f"{value / factor:.4g} {name}"
    return f"{value:.4g} {unit}"
