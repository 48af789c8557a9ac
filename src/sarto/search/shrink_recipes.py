"""The recipes of a request: the one that is given, or those that race."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sarto.core.errors import SartoError
from sarto.search.limits import steering
from sarto.search.shrink_folder import ShrinkRequest
from sarto.search.shrink_image import in_floats

if TYPE_CHECKING:
    from sarto.compress.recipe import Order

SEARCHED = (
    "distil,rate:auto,dead_units,settle",
    "distil,gradual:auto,dead_units,fold,codebook:4,settle",
    "distil,gradual:auto,dead_units,qat:8",
    "distil,gradual:auto,dead_units,qat:4",
    "distil,channels:auto,qat:8",
)
"""Recipes that race when none is given: bits priced in training; shared values; integers; fewer channels."""
ON_DEVICE = ("distil,channels:auto,qat:8", "channels:auto,ptq:8", "distil,gradual:auto,dead_units,qat:8")
"""Those that race for a device, which all end in integers."""


def recipes_of(request: ShrinkRequest) -> list[tuple[Order, ...]]:
    """Return the recipe that was given, or those that are searched.

    Raises:
        SartoError: E133, for a recipe that cannot be read, or an amount left open without a limit to choose it by.
    """
    from sarto.compress.amounts import at, choices, is_open
    from sarto.compress.recipe import checked_step, parse
    from sarto.devices import any_device

    searched = SEARCHED if request.device is None else ON_DEVICE
    given = [parse(text) for text in ([request.recipe] if request.recipe else searched)]
    found = [one for orders in given for one in choices(orders)]
    limits = steering(request.budget, any_device(request.device) if request.device else None)
    if not limits and request.max_drop is None and any(map(is_open, given)):
        raise SartoError(
            "E133",
            f"nothing says how small the network of '{request.recipe}' is to be"
            if request.recipe
            else "neither a recipe nor a limit is given",
            cause="amounts are chosen by what the file or the image may take, or what accuracy may be lost",
            hint="give --flash 20kB, or --max-drop 0.5%, or both",
        )
    for order in (order for orders in found for order in at(orders, 0.5) if order.room != "code"):
        checked_step(order)
    return found


def check_integers(recipes: Sequence[tuple[Order, ...]], device: str) -> None:
    """Refuse recipes that leave the network in floats, before anything is trained for an image.

    Raises:
        SartoError: E133.
    """
    from sarto.compress.recipe import TREE

    for orders in recipes:
        if not {order.name for order in orders} & {"ptq", "qat", TREE}:
            raise in_floats(device, ",".join(map(str, orders)))
