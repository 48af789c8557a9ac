"""Chains of convolutions drawn at random, so that one compiled model runs many kernels in many shapes."""

from __future__ import annotations

import numpy as np

from sarto.core.graph import Graph, Op, Tensor, network
from sarto.core.graph.network import Slide

KINDS = ("HIGH", "LEAKY", "GENERAL")


def chain(seed: int, layers: int) -> Graph:
    """Return up to `layers` convolutions, and a fully connected layer of 32-bit scores.

    Shapes, strides, paddings up to beyond the kernel, dilations, groups, types and ways to rescale are drawn. Sums are
    rescaled so that about as many counts come out as went in. A layer that made the same
    of unlike items is left out.
    """
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(1, 9)), int(rng.integers(3, 9)), int(rng.choice([1, 2, 3, 4, 5, 8, 12])))
    tensors = [Tensor("x0", str(rng.choice(["int8", "uint8"])), shape, "input")]
    ops: list[Op] = []
    least, most = (0, 256) if tensors[0].dtype == "uint8" else (-127, 128)
    seen = [rng.integers(least, most, (8, *shape)).astype(tensors[0].dtype)]
    for number in range(layers):
        given = tensors[-1]
        slide, outputs, groups = _drawn(rng, given.shape)
        rows, columns = slide.size(*given.shape[:2])
        if rows < 1 or columns < 1 or rows * columns * outputs > 600:
            continue
        size = (outputs, *slide.kernel, given.shape[2] // groups)
        attributes = {"groups": groups}
        for name in ("stride", "padding", "dilation"):
            row, column = getattr(slide, name)
            attributes |= {f"{name}_row": row, f"{name}_column": column}
        made = Tensor(f"y{number}", str(rng.choice(["int8", "uint8"])), (rows, columns, outputs), "scratch")
        _put(rng, "conv", size, str(rng.choice(KINDS)), attributes, tensors, ops, made, seen)
    flat = int(np.prod(tensors[-1].shape))
    tensors.append(Tensor("flat", tensors[-1].dtype, (flat,), "scratch"))
    ops.append(Op("reshape", {"x": tensors[-2].name}, {"y": "flat"}))
    scores = int(rng.integers(2, 8))
    _put(
        rng,
        "dense",
        (scores, flat),
        "SCORES",
        {},
        tensors,
        ops,
        Tensor("scores", "int32", (scores,), "output"),
        seen,
    )
    ops.append(Op("argmax", {"x": "scores"}, {}))
    return Graph(
        "model", tuple(tensors), (), (), (), 1, 0, None, tuple(map(str, range(scores))), (), (), tuple(ops)
    )


def items(graph: Graph, count: int) -> np.ndarray:
    """Return random items for a graph, numbers at the ends of their range among them."""
    (given,) = graph.kind("input")
    most = int(np.iinfo(given.dtype).max)
    drawn = np.random.default_rng(9).integers(
        0 if given.dtype == "uint8" else -most, most + 1, (count, *given.shape)
    )
    drawn[0] = most
    return drawn


def _drawn(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[Slide, int, int]:
    """Return the slide of a convolution on an image of `shape`, its outputs, and its groups."""

    def two(*values: int) -> tuple[int, int]:
        return int(rng.choice(values)), int(rng.choice(values))

    channels = shape[2]
    groups = int(rng.choice([n for n in range(1, channels + 1) if channels % n == 0]))
    each = 1 if groups == channels and rng.random() < 0.7 else int(rng.integers(1, 10))
    slide = Slide(two(1, 2, 3), two(1, 1, 2), two(0, 1, 1, 2, 3), two(1, 1, 2))
    return slide, groups * each if groups * each <= 24 else groups, groups


def _put(
    rng: np.random.Generator,
    op: str,
    size: tuple[int, ...],
    kind: str,
    attributes: dict[str, int],
    tensors: list[Tensor],
    ops: list[Op],
    made: Tensor,
    seen: list[np.ndarray],
) -> None:
    """Add a layer with weights of `size`, whose sums are rescaled as `kind` says, from the last tensor to `made`."""
    number, outputs = len(ops), size[0]
    weights = rng.integers(-127, 128, size).astype(np.int8)
    slide = network.Slide.of((size[1], size[2]), attributes) if op == "conv" else None
    x = seen[-1]
    sums = (
        network.convolve(x, weights, slide, attributes["groups"], 255)
        if slide
        else network.dense(x.reshape(len(x), -1), weights, 255)
    )
    spread = int(sums.std()) + 1
    bias = rng.integers(-spread, spread + 1, size[0])
    ratio = min(1.0, 60 / max(float(sums.std()), 1.0))
    limits = (0, 255) if made.dtype == "uint8" else (-127, 127)
    now = np.clip(np.rint((sums + bias) * ratio), *limits).astype(np.int64)
    if op == "conv" and len(np.unique(now.reshape(len(now), -1), axis=0)) < len(now):
        return  # what it reads would not reach the scores
    seen.append(now)
    shift = 14 - int(np.floor(np.log2(ratio)))
    values = {
        "weights": weights,
        "bias": bias,
        "factor": rng.integers(2**14, 2**15, outputs),
        "shift": np.full(outputs, shift),
    }
    if kind == "GENERAL":
        values |= {"factor": np.maximum(values["factor"] >> (shift - 15), 1), "shift": np.full(outputs, 15)}
    if kind == "LEAKY" or (kind in ("GENERAL", "SCORES") and rng.random() < 0.5):
        values |= {"factor_below": np.maximum(values["factor"] // 3, 1), "shift_below": values["shift"]}
    types = {
        "bias": np.int32,
        "factor": np.int16,
        "shift": np.uint8,
        "factor_below": np.int16,
        "shift_below": np.uint8,
    }
    consts = {role: a.astype(types.get(role, a.dtype)) for role, a in values.items()}
    low, high = (-(2**30), 2**30) if kind == "SCORES" else (0, 255) if made.dtype == "uint8" else (-127, 127)
    inputs = {"x": tensors[-1].name} | {role: f"{role}{number}" for role in consts}
    ops.append(Op(op, inputs, {"y": made.name}, attributes | {"low": low, "high": high}))
    tensors += [Tensor(f"{role}{number}", str(a.dtype), a.shape, "const", a) for role, a in consts.items()]
    tensors.append(made)
