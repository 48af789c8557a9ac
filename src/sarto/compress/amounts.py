"""Amounts that a recipe leaves open: `gradual:auto,codebook:auto`.

A number of bits is one of a few, and each gives a recipe of its own. Every other open amount of a recipe lies on a
scale of its step, from a little smaller at t = 0 to as small as networks have been made at t = 1; all of them share t,
and the share of weights that is kept, of channels, of the rank, or the price of a bit is `least (most / least)^t`.
Which t is right, bytes and accuracy decide (`sarto.search.auto`).

>>> from sarto.compress.recipe import parse
>>> first, *others = choices(parse("distil,gradual:auto,codebook:auto,rans"))
>>> [str(order) for order in first], len(others)
(['distil', 'gradual:auto', 'codebook:5', 'rans'], 3)
>>> [str(at(first, t)[1]) for t in (0, 1)]
['gradual:0.5', 'gradual:0.997']
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import product

from sarto.compress.recipe import Order
from sarto.core.rooms import load_method

BITS = (8, 4, 2)
"""Numbers of bits that are tried, unless a method says others."""
WEIGHT_BITS = 7
"""What a kept weight takes in a file, about."""
FIGURES = 3
"""Digits of an amount, so that its recipe can be read, and typed again."""


@dataclass(frozen=True)
class Scale:
    """Where an amount lies: `least` at t = 0 and `most` at t = 1, geometrically.

    `gone` is for 1 less that, and `whole` for whole numbers.
    """

    least: float
    most: float
    gone: bool = True
    whole: bool = False

    def at(self, t: float) -> float:
        """Return the amount at t.

        >>> [Scale(1e-8, 1e-4, gone=False).at(t) for t in (0, 0.5, 1)]
        [1e-08, 1e-06, 0.0001]
        >>> [SCALES["tree"].at(t) for t in (0, 0.5, 1)]
        [128.0, 16.0, 2.0]
        """
        if self.whole:
            return float(round(self.least * (self.most / self.least) ** t))
        value = float(f"{self.least * (self.most / self.least) ** t:.{FIGURES}g}")
        return float(f"{1 - value:.10g}") if self.gone else value


WEIGHTS = Scale(0.5, 0.003)
"""Share of weights that is kept."""
SCALES = {
    "channels": Scale(0.9, 0.05),
    "low_rank": Scale(0.9, 0.05, gone=False),
    "rate": Scale(1e-8, 1e-4, gone=False),
    "tree": Scale(128, 2, gone=False, whole=True),
}
"""Scales of steps that do not prune weights one by one."""


def scale_of(order: Order) -> Scale | None:
    """Return the scale of an open amount; None for an amount that is given, or a number of bits."""
    return SCALES.get(order.name, WEIGHTS) if order.open and order.room != "quantize" else None


def choices(orders: tuple[Order, ...]) -> list[tuple[Order, ...]]:
    """Return a recipe for every choice of the open numbers of bits; other amounts stay open."""
    return list(product(*(_with_bits(order) for order in orders)))


def _with_bits(order: Order) -> list[Order]:
    if not order.open or order.room != "quantize":
        return [order]
    tried = getattr(load_method("sarto.compress.quantize", order.name), "TRIED_BITS", BITS)
    return [replace(order, amount=float(bits), open=False) for bits in tried]


def at(orders: tuple[Order, ...], t: float) -> tuple[Order, ...]:
    """Return a recipe with its open amounts at t."""
    scales = [scale_of(order) for order in orders]
    return tuple(
        order if scale is None else replace(order, amount=scale.at(t), open=False)
        for order, scale in zip(orders, scales, strict=True)
    )


def start_of(orders: tuple[Order, ...], share: float) -> float:
    """Return the t to begin with for a file of a `share` of what float32 numbers take.

    It takes a kept weight for `WEIGHT_BITS`, its place included; what the price of a bit comes to, nobody knows before.

    >>> from sarto.compress.recipe import parse
    >>> [round(start_of(parse(text), 0.02), 2) for text in ("gradual:auto,codebook:4", "rate:auto")]
    [0.33, 0.5]
    """
    scale = next((s for s in map(scale_of, orders) if s is not None), None)
    if scale is None or not scale.gone:
        return 0.5
    kept = share * 32 / WEIGHT_BITS
    t = math.log(kept / scale.least) / math.log(scale.most / scale.least)
    return min(0.9, max(0.02, t))


def is_open(orders: tuple[Order, ...]) -> bool:
    """Return whether an amount of a recipe is open.

    >>> from sarto.compress.recipe import parse
    >>> is_open(parse("px:auto")), is_open(parse("px:0.9,codebook:4"))
    (True, False)
    """
    return any(order.open for order in orders)
