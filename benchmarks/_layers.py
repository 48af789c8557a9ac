"""Graphs of one layer with made-up numbers, and the graph that is left when the layer is taken out.

A chain of layers ends in scores of 8 bits; taken out, a layer's output becomes the input of what is left, so that the
difference of two models is what the layer costs: its call, its weights, and all that it needs of the kernels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sarto.core.graph import Graph, Op, Tensor
from sarto.core.graph.network import Slide

FILLS = 40.0
"""Counts that outputs are spread over, as a standard deviation."""


@dataclass(frozen=True)
class Layer:
    """A convolution of an image, or with no `kernel` a fully connected layer."""

    outputs: int
    kernel: tuple[int, int] | None = (3, 3)
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    reads: str = "int8"
    low: int = -127
    leaky: bool = False


def chain(shape: tuple[int, ...], layers: list[Layer], scores: str = "int8", last: bool = True) -> Graph:
    """Return the graph of `layers` one after the other on items of `shape`, without `last` all but the last of them."""
    rng = np.random.default_rng(0)
    tensors = [Tensor("x0", layers[0].reads, shape, "input")]
    ops: list[Op] = []
    for i, layer in enumerate(layers):
        given = tensors[-1]
        final = i + 1 == len(layers)
        wide = final and scores == "int32"
        made, consts, op = _layer(i, layer, given.shape, rng, wide)
        dtype = scores if final else layers[i + 1].reads
        tensors += [*consts, Tensor(f"x{i + 1}", dtype, made, "scratch")]
        ops.append(op)
    ended = tensors[-1]
    size = int(np.prod(ended.shape))
    tensors.append(Tensor("scores", ended.dtype, (size,), "output"))
    ops += [Op("reshape", {"x": ended.name}, {"y": "scores"}), Op("argmax", {"x": "scores"}, {})]
    if not last:
        place = len(layers)
        before = next(t for t in tensors if t.name == f"x{place - 1}")
        return _without(tensors, ops, place, before)
    return _graph(tensors, ops, size)


def _without(tensors: list[Tensor], ops: list[Op], place: int, before: Tensor) -> Graph:
    """Return the graph whose scores are what layer `place` reads, or whose input is what the only layer makes."""
    if place == 1:
        made = next(t for t in tensors if t.name == "x1")
        rest = [t for t in tensors if t.name == "scores"]
        return _graph([replace(made, kind="input"), *rest], ops[1:], int(np.prod(made.shape)))
    names = {name for op in ops[: place - 1] for name in (*op.inputs.values(), *op.outputs.values())}
    size = int(np.prod(before.shape))
    kept = [t for t in tensors if t.name in names]
    kept.append(Tensor("scores", before.dtype, (size,), "output"))
    ends = [Op("reshape", {"x": before.name}, {"y": "scores"}), Op("argmax", {"x": "scores"}, {})]
    return _graph(kept, [*ops[: place - 1], *ends], size)


def _graph(tensors: list[Tensor], ops: list[Op], size: int) -> Graph:
    classes = tuple(map(str, range(size)))
    return Graph("model", tuple(tensors), (), (), (), 1, 0, None, classes, (), (), tuple(ops))


def _layer(
    number: int, layer: Layer, shape: tuple[int, ...], rng: np.random.Generator, wide: bool
) -> tuple[tuple[int, ...], list[Tensor], Op]:
    """Return the shape of what a layer makes, its constants, and its operation."""
    if layer.kernel is None:
        sizes, made = (layer.outputs, int(np.prod(shape))), (layer.outputs,)
    else:
        slide = Slide(layer.kernel, layer.stride, layer.padding, layer.dilation)
        sizes = (layer.outputs, *layer.kernel, shape[2] // layer.groups)
        made = (*slide.size(shape[0], shape[1]), layer.outputs)
    taps = int(np.prod(sizes[1:]))
    # scores have counts of four sums, as lowering gives them where sums are large
    ratio = 0.25 if wide else FILLS / (73.0 * 73.0 * taps**0.5)
    shift = int(14 - np.floor(np.log2(ratio)))
    values = {
        "weights": rng.integers(-127, 128, sizes).astype(np.int8),
        "bias": rng.integers(-9000, 9000, layer.outputs).astype(np.int32),
        "factor": rng.integers(2**14, 2**15, layer.outputs).astype(np.int16),
        "shift": np.full(layer.outputs, shift, np.uint8),
    }
    if layer.leaky:
        values["factor_below"] = (values["factor"] // 4).astype(np.int16)
        values["shift_below"] = values["shift"]
    limits = {"low": -(2**30), "high": 2**30} if wide else {"low": layer.low, "high": 127}
    if not wide and layer.low == 0:
        limits["high"] = 255
    attributes = dict(limits)
    if layer.kernel is not None:
        for name, pair in (
            ("stride", layer.stride),
            ("padding", layer.padding),
            ("dilation", layer.dilation),
        ):
            attributes |= {f"{name}_row": pair[0], f"{name}_column": pair[1]}
        attributes["groups"] = layer.groups
    inputs = {"x": f"x{number}"} | {role: f"{role}{number}" for role in values}
    consts = [Tensor(f"{role}{number}", str(a.dtype), a.shape, "const", a) for role, a in values.items()]
    kind = "dense" if layer.kernel is None else "conv"
    return made, consts, Op(kind, inputs, {"y": f"x{number + 1}"}, attributes)
