"""Which layers a method may give a form: those without one. A step that finds none refuses; it never does nothing.

>>> from sarto.models.network.weights import LinearLayer
>>> [name for name, _ in formless("binary", [("fc", LinearLayer(2, 2))])]
['fc']
"""

from __future__ import annotations

from collections.abc import Iterable

from sarto.compress.uniform import Uniform
from sarto.models.input_error import InputError
from sarto.models.network.weights import WeightedLayer

Layers = list[tuple[str, WeightedLayer]]


def formless(method: str, layers: Iterable[tuple[str, WeightedLayer]]) -> Layers:
    """Return the layers without a form.

    Raises:
        InputError: E128, when there is none.
    """
    given = list(layers)
    found = [(name, layer) for name, layer in given if layer.form is None]
    if not found:
        had = ", ".join(f"'{name}' ({type(layer.form).__name__})" for name, layer in given)
        raise InputError(
            "E128",
            f"{method} finds no layer to take",
            cause=f"{had} have a form already" if had else "the first and the last layer are left out",
            hint="leave one of the steps out, or let it take all layers",
        )
    return found


def refuse_other_bits(layers: Iterable[tuple[str, WeightedLayer]], bits: int) -> None:
    """Refuse layers of integers of another width, which would keep it.

    Raises:
        InputError: E128, which names the first of them.
    """
    for name, layer in layers:
        if isinstance(layer.form, Uniform) and layer.form.bits != bits:
            raise InputError(
                "E128",
                f"layer '{name}' has integers of {layer.form.bits} bits, not {bits}",
                cause="a weight that is in a form already keeps it",
                hint="leave the first of both steps out, or give it as many bits",
            )
