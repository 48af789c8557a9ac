"""The kernel that runs a graph reservoir: blocks of whole graphs, one sparse and one dense product per sweep.

    x <- tanh(U + (A x) W^T)     U = u W_in^T + b,  A x sums over neighbours; see `sarto.models.graphs.reservoir`

A graph whose nodes stand still has its states taken then, and leaves the block when enough of it has. The cut into
blocks depends on the graphs alone, so the bits of the result do not depend on the number of threads. In what company
a graph is computed changes them by the rounding of a matrix product (some 1e-7 of 1 in float32), and where that
decides whether a graph sweeps once more, by the tolerance.

>>> from sarto.models.graphs.node_graphs import read_node_graphs
>>> from sarto.models.graphs.reservoir import FixedPoint, build
>>> cell = build(4, 1, seed=0, iteration=FixedPoint(tolerance=1e-6), norm=0.3)
>>> ring = read_node_graphs(np.ones((6, 1)), np.array([[0, 1], [1, 2], [2, 3], [3, 4], [4, 5], [5, 0]]))
>>> found = encode(cell, ring, "sum")
>>> found.values.shape, bool(found.converged.all()), int(found.sweeps[0, 0]) > 3
((1, 4), True, True)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Bool, Float, Int

from sarto.models.graphs._sparse import adjacency, kept_rows, neighbour_sum
from sarto.models.graphs.node_graphs import GraphId, NodeGraphs, picked
from sarto.models.graphs.reservoir import FixedPoint, GraphLayer, GraphReservoir, Iteration
from sarto.models.input_error import InputError
from sarto.models.states import Precision, map_blocks

GraphPooling = Literal["sum", "mean", "max"]
POOLINGS: tuple[GraphPooling, ...] = get_args(GraphPooling)
Readouts = Literal["last", "all"]
BLOCK_NODES = 2048
"""Nodes of a block, or of the one graph that has more: at 100 units in float32 its arrays stay in a second-level
cache, and the overhead of a sweep, some 50 us, is a few per cent of it."""
LEAVE = 0.25
"""Share of a block's rows that must stand still before they are taken out: taking out copies the block."""


@dataclass(frozen=True, eq=False)
class Encoding:
    """What a reservoir made of graphs.

    Attributes:
        values: pooled states, one row per graph, or the states, one row per node; columns layer by layer.
        ids: of the graphs.
        sweeps: how often each graph was swept in each layer.
        change: how far the node that moved most moved in the last of them.
        converged: whether that is within the tolerance in every layer; with fixed steps there is nothing to reach, and
            it is True.
    """

    values: Float[np.ndarray, "row feature"]
    ids: tuple[GraphId, ...]
    sweeps: Int[np.ndarray, "graph layer"]
    change: Float[np.ndarray, "graph layer"]
    converged: Bool[np.ndarray, " graph"]

    def unsettled(self) -> tuple[GraphId, ...]:
        """Return the graphs that were still moving when the sweeps ended."""
        return picked(self.ids, ~self.converged)


def encode(
    reservoir: GraphReservoir,
    graphs: NodeGraphs,
    pooling: GraphPooling | None,
    *,
    dtype: Precision = "float32",
    n_jobs: int = 1,
    readout_layers: Readouts = "last",
) -> Encoding:
    """Return the pooled states of every graph, or with `pooling` None the states of every node.

    Args:
        reservoir: the layers.
        graphs: as the reservoir sees them (already standardised).
        pooling: `sum`, `mean` or `max` over the nodes of a graph.
        dtype: of the states; sums run in float64.
        n_jobs: threads; -1 is one per processor.
        readout_layers: whether the states of the `last` layer are wanted, or those of `all`, side by side.

    Raises:
        InputError: E108 (other channels than the reservoir's), E116.
    """
    _check(reservoir, graphs, pooling, dtype, readout_layers)
    kept = len(reservoir.layers) if readout_layers == "all" else 1
    rows = graphs.nodes if pooling is None else len(graphs)
    values = np.empty((rows, kept * reservoir.units), dtype)
    sweeps = np.empty((len(graphs), len(reservoir.layers)), np.int64)
    change = np.empty((len(graphs), len(reservoir.layers)))

    def run(items: Int[np.ndarray, " item"]) -> None:
        first, stop = int(items[0]), int(items[-1]) + 1
        block = graphs.span(first, stop)
        where = slice(int(graphs.offsets[first]), int(graphs.offsets[stop]))
        signal, column = block.features.astype(dtype), 0
        for index, layer in enumerate(reservoir.layers):
            signal, sweeps[first:stop, index], change[first:stop, index] = sweep(
                layer, reservoir.iteration, block, signal
            )
            if index >= len(reservoir.layers) - kept:
                part = slice(column, column := column + reservoir.units)
                if pooling is None:
                    values[where, part] = signal
                else:
                    values[first:stop, part] = pooled(signal, block.offsets, pooling)

    map_blocks(run, blocks(graphs), n_jobs)
    tolerance = reservoir.iteration.tolerance if isinstance(reservoir.iteration, FixedPoint) else np.inf
    return Encoding(values, graphs.ids, sweeps, change, change.max(axis=1) <= tolerance)


def sweep(
    layer: GraphLayer, iteration: Iteration, graphs: NodeGraphs, signal: Float[np.ndarray, "node channel"]
) -> tuple[Float[np.ndarray, "node neuron"], Int[np.ndarray, " graph"], Float[np.ndarray, " graph"]]:
    """Return the states of one layer fed by `signal`, in its dtype, and per graph the sweeps and the last change."""
    dtype = signal.dtype
    weights = np.ascontiguousarray(layer.recurrent.T, dtype)
    drive = signal @ layer.inputs.T.astype(dtype) + layer.bias.astype(dtype)
    heard = adjacency(graphs.starts, graphs.sources, dtype)
    states = np.empty_like(drive)
    sweeps, change = np.zeros(len(graphs), np.int64), np.zeros(len(graphs))
    # Of the graphs that are still in the block: which they are, where their rows begin, and where these belong.
    live, offsets, rows = np.arange(len(graphs)), graphs.offsets, np.arange(graphs.nodes)
    still = np.zeros(len(graphs), bool)
    x, advance, most = np.zeros_like(drive), _advance(iteration, dtype), _most(iteration)
    for number in range(1, most + 1):
        fresh = neighbour_sum(heard, x) @ weights if number > 1 else np.zeros_like(drive)
        fresh += drive
        np.tanh(fresh, out=fresh)
        moved = advance(x, fresh)
        moving = np.sqrt(np.maximum.reduceat(moved, offsets[:-1]), dtype=np.float64)
        sweeps[live[~still]], change[live[~still]] = number, moving[~still]
        if isinstance(iteration, FixedPoint):
            newly = ~still & (moving <= iteration.tolerance)
            still |= newly
            taken = np.repeat(newly, np.diff(offsets))
            states[rows[taken]] = x[taken]
            if still.all():
                return states, sweeps, change
            out = np.repeat(still, np.diff(offsets))
            if out.mean() >= LEAVE:
                keep = np.flatnonzero(~out)
                heard, x, drive, rows = kept_rows(heard, keep), x[keep], drive[keep], rows[keep]
                offsets = np.concatenate([[0], np.cumsum(np.diff(offsets)[~still])])
                live, still = live[~still], still[~still]
    unfinished = np.repeat(~still, np.diff(offsets))
    states[rows[unfinished]] = x[unfinished]
    return states, sweeps, change


def _most(iteration: Iteration) -> int:
    return iteration.most if isinstance(iteration, FixedPoint) else iteration.steps


def _advance(
    iteration: Iteration, dtype: np.dtype[Any]
) -> Callable[
    [Float[np.ndarray, "node neuron"], Float[np.ndarray, "node neuron"]], Float[np.ndarray, " node"]
]:
    """Return what moves `x` to, or towards, the new activation, in place, and says how far, squared."""
    leak = dtype.type(1.0 if isinstance(iteration, FixedPoint) else iteration.leak)

    def advance(
        x: Float[np.ndarray, "node neuron"], fresh: Float[np.ndarray, "node neuron"]
    ) -> Float[np.ndarray, " node"]:
        move = fresh - x
        if leak == 1:
            x[...] = fresh
        else:
            move *= leak
            x += move
        return np.einsum("ij,ij->i", move, move)

    return advance


def pooled(
    states: Float[np.ndarray, "node neuron"], offsets: Int[np.ndarray, " graph_plus_1"], pooling: GraphPooling
) -> Float[np.ndarray, "graph neuron"]:
    """Return sum, mean or largest state over the nodes of each graph; sums in float64."""
    if pooling == "max":
        return np.maximum.reduceat(states, offsets[:-1], axis=0)
    total = np.add.reduceat(states, offsets[:-1], axis=0, dtype=np.float64)
    return (total / np.diff(offsets)[:, None] if pooling == "mean" else total).astype(states.dtype)


def blocks(graphs: NodeGraphs) -> list[Int[np.ndarray, "_"]]:
    """Return the graphs in runs of at most BLOCK_NODES nodes; a larger graph is a run of its own."""
    cuts, begin = [0], 0
    for index, end in enumerate(graphs.offsets[1:].tolist()):
        if end - begin > BLOCK_NODES and index > cuts[-1]:
            cuts.append(index)
            begin = int(graphs.offsets[index])
    return [np.arange(a, b) for a, b in zip(cuts, [*cuts[1:], len(graphs)], strict=True)]


def _check(
    reservoir: GraphReservoir, graphs: NodeGraphs, pooling: object, dtype: str, readout_layers: str
) -> None:
    if graphs.channels != reservoir.channels:
        raise InputError(
            "E108",
            f"nodes have {graphs.channels} features, the reservoir was built for {reservoir.channels}",
            cause="the input weights have one column per feature",
            hint="give the features that the model was fitted on",
        )
    choices = {
        "pooling": (pooling, (*POOLINGS, None)),
        "dtype": (dtype, ("float32", "float64")),
        "readout_layers": (readout_layers, get_args(Readouts)),
    }
    for name, (value, allowed) in choices.items():
        if value not in allowed:
            raise InputError(
                "E116",
                f"{name} = {value!r}",
                cause="no such choice",
                hint=f"use one of {', '.join(map(str, allowed))}",
            )
