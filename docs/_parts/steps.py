"""The steps of a recipe for shrinking: their names, what their amounts are, and what their files say of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from docs._parts._tables import table
from sarto.cli._docline import docline
from sarto.core.rooms import load_method, methods

AMOUNTS = {
    "density": "share of the weights that goes",
    "share": "share of a layer's parameters that stays",
    "price": "price of a bit, in nats of the loss",
    "leaves": "leaves, at most",
    "": "none",
}
"""What `compress/recipe.STEPS` calls an amount -> what a reader does."""


def steps(room: str) -> str:
    """Return the table of the steps of a room: `prune`, `quantize`, `code`, or `step` for those that are in none.

    Raises:
        LookupError: when the steps cannot be imported, or one has an amount that has no words here.
    """
    rows = [
        (f"`{name}`", amount, what.split(". ")[0].rstrip(".").replace("`", ""))
        for name, amount, what in _rows(room)
    ]
    return table(("step", "amount", "what it does"), rows)


def _rows(room: str) -> list[tuple[str, str, str]]:
    try:
        from sarto.compress.recipe import STEPS
    except ImportError as error:
        raise LookupError(f"the steps of a recipe need the extra nn: {error}") from error
    if room == "step":
        return [(name, _amount(name, amount), docline(_home(make))) for name, (make, amount) in STEPS.items()]
    place = f"sarto.compress.{room}"
    said = [(name, docline(f"{place}.{name}")) for name in methods(place)]
    if room == "code":
        return [(name, "none", what) for name, what in said]
    if room == "prune":
        parts = {"channels": "share of the parameters that goes"}
        return [(name, parts.get(name, AMOUNTS["density"]), what) for name, what in said]
    found = {name: inspect.signature(load_method(place, name).quantise).parameters for name, _ in said}
    return [(name, "bits" if "bits" in found[name] else "none", what) for name, what in said]


def _amount(name: str, amount: str) -> str:
    if name == "distil":
        return "temperature, 4 unless said"
    if amount not in AMOUNTS:
        raise LookupError(
            f"the step {name} has the amount '{amount}': docs/_parts/steps.py has no words for it"
        )
    return AMOUNTS[amount]


def _home(make: Callable[..., Any]) -> str:
    return make.__module__
