# pyright: basic
"""Adapter of ReservoirPy: its nodes with the weights of a reservoir of ours. A peer, which only benchmarks install.

>>> from sarto.models.reservoir import esn
>>> cell = esn.build(5, 2, seed=0, leak=0.3, radius=0.9, input_scaling=0.5, bias_scaling=0.1)
>>> reservoir(cell, sparse=False)(np.zeros((4, 2))).shape
(4, 5)
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse

from benchmarks._reservoirpy import nodes
from sarto.models.reservoir._cell import Reservoir

CONNECTIVITY = 0.1
"""Share of W that is not 0, by ReservoirPy's default."""


def _weights(cell: Reservoir) -> dict[str, Any]:
    assert cell.structure == "dense" and cell.rotation is None and cell.memory is None
    return dict(lr=cell.beta, W=cell.recurrent, Win=cell.inputs, bias=cell.bias)


def reservoir(cell: Reservoir, sparse: bool) -> Callable[[Any], Any]:
    """Return what runs ReservoirPy's node over a series, or over each of a list, from the zero state.

    Args:
        cell: a leaky echo state network.
        sparse: whether W is a sparse matrix of which a tenth is not 0, in place of that of `cell`.
    """
    weights = _weights(cell)
    if sparse:
        kept = np.random.default_rng(0).random(cell.recurrent.shape) < CONNECTIVITY
        weights["W"] = scipy.sparse.csr_matrix(cell.recurrent * kept)
    node = nodes().Reservoir(cell.units, **weights)

    def run(x: Any) -> Any:
        if node.initialized:
            node.reset()
        return node.run(x)

    return run


def jax_reservoir(cell: Reservoir) -> Callable[[Any], Any] | None:
    """Return the same with ReservoirPy's JAX node, in float32; None where JAX is not installed.

    Sequences of one length go as one array: over a list it would compile a loop for each.
    """
    if importlib.util.find_spec("jax") is None:
        return None
    narrow = {k: v.astype(np.float32) if isinstance(v, np.ndarray) else v for k, v in _weights(cell).items()}
    node = importlib.import_module("reservoirpy.jax.nodes").Reservoir(cell.units, **narrow)

    def run(x: Any) -> Any:
        if node.initialized:
            node.reset()
        return node.run(np.asarray(x, np.float32)).block_until_ready()

    return run


def ridge_fit(cell: Reservoir) -> Callable[[Any, Any], None]:
    """Return what fits ReservoirPy's Ridge to the states of its node for lists of series and targets."""
    run = reservoir(cell, sparse=False)

    def fit(x: Any, y: Any) -> None:
        nodes().Ridge(ridge=1e-6).fit(run(x), y)

    return fit
