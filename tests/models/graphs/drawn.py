"""Graphs for the tests, and the slow interpreter in plain Python that the kernel is held to."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sarto.models.graphs.node_graphs import NodeGraphs, joined, read_node_graphs
from sarto.models.graphs.reservoir import FixedPoint, GraphLayer, GraphReservoir, Iteration


def graph(nodes: int, edges: Any, channels: int = 2, seed: int = 0, directed: bool = False) -> NodeGraphs:
    features = np.random.default_rng(seed).normal(size=(nodes, channels))
    return read_node_graphs(features, np.array(edges).reshape(-1, 2), directed=directed)


def random_graph(nodes: int, seed: int, *, directed: bool = False, share: float = 0.3) -> NodeGraphs:
    rng = np.random.default_rng(seed)
    pairs = np.argwhere(rng.random((nodes, nodes)) < share)
    pairs = pairs[pairs[:, 0] != pairs[:, 1] if directed else pairs[:, 0] < pairs[:, 1]]
    return graph(nodes, pairs, seed=seed, directed=directed)


def random_graphs(count: int, seed: int = 0, *, directed: bool = False) -> NodeGraphs:
    sizes = np.random.default_rng(seed).integers(1, 15, count)
    return joined([random_graph(int(n), seed=seed + 1 + i, directed=directed) for i, n in enumerate(sizes)])


def scalar(recurrent: float, iteration: Iteration, inputs: float = 1.0, bias: float = 0.0) -> GraphReservoir:
    """One neuron, one channel."""
    layer = GraphLayer(np.array([[recurrent]]), np.array([[inputs]]), np.array([bias]))
    return GraphReservoir((layer,), iteration)


def complete(nodes: int) -> list[tuple[int, int]]:
    return [(a, b) for a in range(nodes) for b in range(a)]


def ring(nodes: int) -> list[tuple[int, int]]:
    return [(a, (a + 1) % nodes) for a in range(nodes)]


def slow(reservoir: GraphReservoir, one: NodeGraphs) -> tuple[list[list[list[float]]], list[int]]:
    """States of one graph in every layer, and the sweeps, node by node and number by number."""
    heard: list[list[int]] = [one.neighbours_of(v).tolist() for v in range(one.nodes)]
    signal: list[list[float]] = one.features.astype(float).tolist()
    found: list[list[list[float]]] = []
    sweeps: list[int] = []
    for layer in reservoir.layers:
        W, W_in, b = layer.recurrent.tolist(), layer.inputs.tolist(), layer.bias.tolist()
        units = range(len(b))
        x = [[0.0 for _ in units] for _ in heard]
        number = 0
        while True:
            new: list[list[float]] = []
            for v, neighbours in enumerate(heard):
                total = [sum(x[w][i] for w in neighbours) for i in units]
                row: list[float] = []
                for i in units:
                    z = b[i] + sum(W_in[i][c] * u for c, u in enumerate(signal[v]))
                    z += sum(W[i][j] * total[j] for j in units)
                    leak = 1.0 if isinstance(reservoir.iteration, FixedPoint) else reservoir.iteration.leak
                    row.append((1 - leak) * x[v][i] + leak * math.tanh(z))
                new.append(row)
            number += 1
            moved = max(math.dist(p, q) for p, q in zip(x, new, strict=True))
            x = new
            if isinstance(reservoir.iteration, FixedPoint):
                if moved <= reservoir.iteration.tolerance or number == reservoir.iteration.most:
                    break
            elif number == reservoir.iteration.steps:
                break
        found.append(x)
        sweeps.append(number)
        signal = x
    return found, sweeps
