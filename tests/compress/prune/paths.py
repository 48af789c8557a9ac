"""Every path of a small network, one by one: the slow truth that sums over paths are held to.

A path is a chain of edges from an input value, or from a bias or a norm's shift, to an output value. An edge has the
place of its weight or none, a coefficient `c` that does not depend on the data, and one `g` that does.
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from sarto.models.network.architecture import INPUT, Node
from sarto.models.network.module import Network
from sarto.models.network.operations import ints, whole

Unit = tuple[str, int]
Weight = tuple[str, int]


@dataclass(frozen=True)
class Edge:
    """From `source` (None: a constant 1) over `weight` with its coefficients."""

    source: Unit | None
    weight: Weight | None
    c: float
    g: float


@dataclass(frozen=True)
class Path:
    """What lies on one path: weights, the products of c and of g, what it starts with, and where it ends."""

    weights: tuple[Weight, ...]
    c: float
    g: float
    x: float
    output: int


def paths(network: Network, x: torch.Tensor) -> list[Path]:
    """Return every path of `network`, in use, on one item `x` (without the batch)."""
    network.eval()
    network = copy.deepcopy(network).requires_grad_(False)
    values = {INPUT: x.double().numpy()}

    def look(name: str, y: torch.Tensor) -> None:
        values[name] = y[0].double().numpy()

    with torch.no_grad():
        network.run(x[None], look)
    into: dict[Unit, list[Edge]] = {}
    for node in network.architecture.nodes:
        for unit, edge in edges(network, node, values):
            into.setdefault(unit, []).append(edge)

    def back(unit: Unit) -> Iterator[tuple[tuple[Weight, ...], float, float, float]]:
        if unit[0] == INPUT:
            yield (), 1.0, 1.0, float(values[INPUT].flat[unit[1]])
        for edge in into.get(unit, []):
            before = iter([((), 1.0, 1.0, 1.0)]) if edge.source is None else back(edge.source)
            for weights, c, g, start in before:
                more = () if edge.weight is None else (edge.weight,)
                yield (*weights, *more), c * edge.c, g * edge.g, start

    name = network.architecture.output
    return [Path(*found, k) for k in range(values[name].size) for found in back((name, k))]


def edges(network: Network, node: Node, values: dict[str, np.ndarray]) -> Iterator[tuple[Unit, Edge]]:
    """Yield every edge into the units of a node."""
    shapes, a = network.architecture.shapes, node.attributes
    shape, read = shapes[node.name], node.inputs
    size, source = math.prod(shape), shapes[read[0]]
    if node.op in ("linear", "conv"):
        layer = network.layer(node.name)
        mask = np.ones(tuple(layer.weight.shape)) if layer.mask is None else layer.mask.numpy()
        for out, inner, place in weighted_links(node, source, shape, mask.shape):
            if mask.flat[place]:
                yield (node.name, out), Edge((read[0], inner), (node.name, place), 1.0, 1.0)
        if layer.bias is not None:
            for out in range(size):
                value = float(layer.bias[out // math.prod(shape[1:])])
                if value:
                    yield (node.name, out), Edge(None, None, value, 1.0)
    elif node.op == "batch_norm":
        norm = network.layers[node.name]
        assert isinstance(norm, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d))
        assert norm.running_mean is not None
        assert norm.running_var is not None
        per = math.prod(shape[1:])
        for out in range(size):
            c = out // per
            scale = float(norm.weight[c] / torch.sqrt(norm.running_var[c] + norm.eps))
            shift = float(norm.bias[c]) - float(norm.running_mean[c]) * scale
            yield (node.name, out), Edge((read[0], out), None, scale, 1.0)
            if shift:
                yield (node.name, out), Edge(None, None, shift, 1.0)
    elif node.op in ("relu", "leaky_relu"):
        slope = float(str(a["slope"])) if node.op == "leaky_relu" else 0.0
        for out in range(size):
            g = 1.0 if values[read[0]].flat[out] > 0 else slope
            yield (node.name, out), Edge((read[0], out), None, 1.0, g)
    elif node.op in ("max_pool", "mean_pool", "global_mean_pool"):
        for out, members, share in windows(node, source, shape):
            best = max(members, key=lambda m: values[read[0]].flat[m])
            for inner in members:
                g = float(inner == best) if node.op == "max_pool" else 1.0
                c = 1.0 if node.op == "max_pool" else share
                yield (node.name, out), Edge((read[0], inner), None, c, g)
    elif node.op == "add":
        for other, out in itertools.product(read, range(size)):
            yield (node.name, out), Edge((other, out), None, 1.0, 1.0)
    elif node.op == "concat":
        first = 0
        for other in read:
            for inner in range(math.prod(shapes[other])):
                yield (node.name, first + inner), Edge((other, inner), None, 1.0, 1.0)
            first += math.prod(shapes[other])
    else:
        assert node.op in ("flatten", "reshape")
        for out in range(size):
            yield (node.name, out), Edge((read[0], out), None, 1.0, 1.0)


def weighted_links(
    node: Node, source: tuple[int, ...], shape: tuple[int, ...], weight: tuple[int, ...]
) -> Iterator[tuple[int, int, int]]:
    """Yield (output, input, place of the weight) of a linear layer or a convolution."""
    if node.op == "linear":
        for out, inner in itertools.product(range(shape[0]), range(source[0])):
            yield out, inner, out * source[0] + inner
        return
    a = node.attributes
    stride, padding, dilation = (ints(a, name) for name in ("stride", "padding", "dilation"))
    per_in, per_out = weight[1], shape[0] // whole(a, "groups")
    for out in itertools.product(*map(range, shape)):
        for w in itertools.product(*map(range, weight[1:])):
            at = [
                o * s - p + k * d
                for o, s, p, k, d in zip(out[1:], stride, padding, w[1:], dilation, strict=True)
            ]
            if all(0 <= place < limit for place, limit in zip(at, source[1:], strict=True)):
                inner = (out[0] // per_out * per_in + w[0], *at)
                yield _flat(out, shape), _flat(inner, source), _flat((out[0], *w), weight)


def windows(
    node: Node, source: tuple[int, ...], shape: tuple[int, ...]
) -> Iterator[tuple[int, list[int], float]]:
    """Yield (output, inputs in its window, one over the size of the window)."""
    if node.op == "global_mean_pool":
        per = math.prod(source[1:])
        for out in range(shape[0]):
            yield out, list(range(out * per, (out + 1) * per)), 1 / per
        return
    kernel, stride, padding = (ints(node.attributes, name) for name in ("kernel", "stride", "padding"))
    for out in itertools.product(*map(range, shape)):
        members: list[int] = []
        for k in itertools.product(*map(range, kernel)):
            at = [o * s - p + j for o, s, p, j in zip(out[1:], stride, padding, k, strict=True)]
            if all(0 <= place < limit for place, limit in zip(at, source[1:], strict=True)):
                members.append(_flat((out[0], *at), source))
        yield _flat(out, shape), members, 1 / math.prod(kernel)


def _flat(index: tuple[int, ...], shape: tuple[int, ...]) -> int:
    return int(np.ravel_multi_index(index, shape))
