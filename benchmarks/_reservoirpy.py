"""Adapter of ReservoirPy: its nodes with the weights of a reservoir of ours, as arrays in and arrays out.

Its conventions. `Reservoir` and `ES2N` leak the state. `IPReservoir` leaks the drive, and starts each series and epoch
where the one before ended, so its state is put to rest in between here. `LocalPlasticityReservoir.fit` never moves the
state while it learns, so it is given one step at a time here, and the state that this step leads to is put in between.
That node takes x and y before the activation and leaks the output into the drive, which no paper does: with the
identity and no leak nothing of this matters.
"""

# ReservoirPy is typed loosely.
# pyright: basic

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from sarto.core.errors import SartoError
from sarto.models.reservoir._cell import Reservoir

Series = Float[np.ndarray, "step channel"]
States = Float[np.ndarray, "step neuron"]


def nodes() -> Any:
    """Return the module of ReservoirPy's nodes.

    Raises:
        SartoError: E302, when it is not installed.
    """
    try:
        from reservoirpy import nodes
    except ImportError as error:
        raise SartoError(
            "E302",
            "this benchmark needs ReservoirPy",
            cause="the package reservoirpy is not installed",
            hint="pip install -c constraints.txt -e '.[peers]'",
        ) from error
    return nodes


def node(cell: Reservoir, kind: str, **settings: Any) -> Any:
    """Return a node with copies of the weights of `cell`; `kind` is its class."""
    weights: dict[str, Any] = dict(
        W=cell.recurrent_matrix().copy(), Win=cell.inputs.copy(), bias=cell.bias.copy()
    )
    if kind == "ES2N":
        settings |= dict(proximity=cell.beta, O=cell.rotation_matrix().copy())
    else:
        settings |= dict(lr=cell.beta)
    made = getattr(nodes(), kind)(**weights, activation=cell.activation, **settings)
    made.initialize(np.zeros((1, cell.channels)))
    return made


def states(made: Any, series: Sequence[Series]) -> list[States]:
    """Return the states of each series, each from rest."""
    found = []
    for x in series:
        made.reset()
        found.append(made.run(x))
    made.reset()
    return found


def fit_intrinsic(made: Any, series: Sequence[Series], epochs: int) -> None:
    """Teach an `IPReservoir` gain `a` and shift `b`, each series from rest."""
    for _ in range(epochs):
        for x in series:
            made.reset()
            made.partial_fit(x)


def fit_synaptic(made: Any, series: Sequence[Series], epochs: int) -> None:
    """Teach a `LocalPlasticityReservoir` its `W` while its state moves, each series from rest."""
    for _ in range(epochs):
        for x in series:
            made.reset()
            for u in x:
                moved = made._step(made.state, u)
                made.fit(u[None])
                made.state = moved
