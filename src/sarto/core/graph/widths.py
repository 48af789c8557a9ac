"""The first groups of channels of a nested graph as a graph of their own: one integer network, at any of its widths.

A nested graph of G groups says so (`Graph.groups`). Its tensors are whole (the input, and what is pooled of it) or
grouped: G equal blocks of channels, of which block g depends on the input and on block g of tensors before, and on
nothing else. Its last layer adds up the blocks' features f_g, in integers and so in any order,

    scores = rescale(b + W_1 f_1 + ... + W_k f_k)        at a width of k groups

with one bias and one factor for all widths, or with those of an own head for each, whose constants of a width k < G
are called like those of the last layer with `_k` behind. Scales are of channels and of whole tensors at full width, so
that no integer of a group depends on the width: a wider run is the narrower one and what it adds, to the bit.

| operation | of `part(graph, first, last)` |
|---|---|
| conv, dense on what is whole | the rows of these blocks |
| conv on blocks | their rows, each with the inputs of its own block; as many of its groups |
| the last dense | the columns of these blocks |
| max, mean, add, table, reshape | the same on fewer channels |

`cut` is what a width is by definition; the generated C agrees with it bit for bit.

>>> from sarto.core.graph.values import Tensor
>>> consts = {"w": np.array([[1], [2]], np.int8), "v": np.array([[3, 4], [5, 6]], np.int8)}
>>> for name in ("w", "v"):
...     consts |= {f"{name}b": np.zeros(2, np.int32), f"{name}m": np.full(2, 16384, np.int16)}
...     consts[f"{name}s"] = np.full(2, 14, np.uint8)
>>> tensors = [Tensor(n, str(a.dtype), a.shape, "const", a) for n, a in consts.items()]
>>> tensors += [Tensor("x", "int8", (1,), "input"), Tensor("f", "int8", (2,), "scratch")]
>>> tensors += [Tensor("y", "int32", (2,), "output")]
>>> ops = [Op("dense", {"x": x, "weights": w, "bias": f"{w}b", "factor": f"{w}m", "shift": f"{w}s"}, {"y": y},
...        {"low": -127, "high": 127}) for x, w, y in (("x", "w", "f"), ("f", "v", "y"))]
>>> whole = (*ops, Op("argmax", {"x": "y"}, {}))
>>> graph = Graph("net", tuple(tensors), (), (), (), 1, 0, None, ("a", "b"), (), (), whole)
>>> from sarto.core.graph.whole import infer
>>> nested = in_groups(graph, 2)
>>> [infer(cut(nested, width), np.array([[2]])).scores.tolist() for width in (1, 2)]
[[[6, 10]], [[22, 34]]]
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Integer

from sarto.core.errors import SartoError
from sarto.core.graph.values import Graph, Op, Tensor

ROLES = ("bias", "factor", "shift", "factor_below", "shift_below")
"""Constants of a layer with a number for each output."""
HEAD_ROLES = ("weights", "bias", "factor", "shift")
"""Of which a head of a width has its own."""
KEPT = ("max", "mean", "add", "table", "reshape")
"""Operations that keep blocks apart whatever their number."""


@dataclass(frozen=True, eq=False)
class Blocks:
    """How a graph is nested.

    Attributes:
        graph: of full width.
        channels: of each grouped tensor, how many channels lie side by side: those of its blocks in turn.
    """

    graph: Graph
    channels: Mapping[str, int]

    @property
    def head(self) -> Op:
        """The operation that adds up the blocks."""
        return self.graph.whole[-2]

    @property
    def features(self) -> int:
        """Numbers that the head reads of each block."""
        return int(np.prod(self.graph.by_name[self.head.inputs["x"]].shape)) // self.graph.groups

    @property
    def has_own_heads(self) -> bool:
        """Whether there is a head for each width."""
        return f"{self.head.inputs['weights']}_1" in self.graph.by_name

    def head_of(self, width: int) -> dict[str, str]:
        """Return the names of the constants of the head of a width by their roles."""
        own = self.has_own_heads and width < self.graph.groups
        return {
            role: f"{self.head.inputs[role]}_{width}" if own else self.head.inputs[role]
            for role in HEAD_ROLES
        }


def in_groups(graph: Graph, groups: int) -> Graph:
    """Return the graph as one that is nested in so many groups, once that is seen to hold.

    Raises:
        SartoError: E173, when it does not; the message names the first operation that breaks it.
    """
    found = replace(graph, groups=groups)
    blocks(found)
    return found


def blocks(graph: Graph) -> Blocks:
    """Return how a graph is nested in its groups.

    Raises:
        SartoError: E173, when it is not.
    """
    channels: dict[str, int] = {}
    if len(graph.whole) < 2 or graph.whole[-1].kind != "argmax" or len(graph.whole[-1].inputs) > 1:
        raise _refused(graph, "the end", "it does not end in the class of a layer's scores")
    *body, head, _ = graph.whole
    for op in body:
        (out,) = op.outputs.values()
        if found := _channels(graph, op, channels):
            if found % graph.groups:
                raise _refused(graph, out, f"{found} channels cannot be cut into {graph.groups} equal blocks")
            channels[out] = found
    (scores,) = head.outputs.values()
    if head.kind != "dense" or head.inputs["x"] not in channels or "factor_below" in head.inputs:
        raise _refused(graph, scores, f"it is {head.kind}, and not a linear layer that reads the blocks")
    return Blocks(graph, channels)


def cut(graph: Graph, width: int) -> Graph:
    """Return the ordinary graph of the first `width` groups of a nested one.

    Raises:
        SartoError: E173, when there are not so many, or the graph is not nested.
    """
    if not 1 <= width <= graph.groups:
        raise SartoError(
            "E173",
            f"a width of {width} groups",
            cause=f"the model has {graph.groups}",
            hint=f"take 1 to {graph.groups}",
        )
    found = blocks(graph)
    narrow = part(graph, 0, width)
    if not found.has_own_heads or width == graph.groups:
        return narrow
    renamed = {found.head.inputs[role]: name for role, name in found.head_of(width).items()}
    own = {old: replace(graph.by_name[new], name=old) for old, new in renamed.items()}
    return replace(narrow, tensors=tuple(own.get(t.name, t) for t in narrow.tensors))


def part(graph: Graph, first: int, last: int) -> Graph:
    """Return the ordinary graph of the groups `first` to `last` (from 0, the last left out), with the head of all.

    Raises:
        SartoError: E173, when the graph is not nested.
    """
    found = blocks(graph)
    share = last - first
    changed: dict[str, Tensor] = {}
    for name, channels in found.channels.items():
        tensor = graph.by_name[name]
        *places, _ = tensor.shape
        if places:
            shape = (*places, channels // graph.groups * share)
        else:
            shape = (tensor.shape[0] // graph.groups * share,)
        changed[name] = replace(tensor, shape=shape)
    ops: list[Op] = []
    for op in graph.whole[:-2]:
        (out,) = op.outputs.values()
        if out in found.channels and "weights" in op.inputs:
            for role in ("weights", *ROLES):
                if role in op.inputs:
                    name = op.inputs[role]
                    changed[name] = _with(graph.by_name[name], _rows(graph, name, first, last))
            if op.inputs["x"] in found.channels:
                number = op.attributes["groups"] // graph.groups * share
                op = replace(op, attributes={**op.attributes, "groups": number})
        ops.append(op)
    weights = found.head.inputs["weights"]
    columns = columns_of(found, graph.const(weights), graph.groups, first, last)
    changed[weights] = _with(graph.by_name[weights], columns)
    own = {f"{name}_{k}" for name in found.head_of(graph.groups).values() for k in range(1, graph.groups)}
    kept = [changed.get(t.name, t) for t in graph.tensors if t.name not in own or not found.has_own_heads]
    return replace(graph, tensors=tuple(kept), whole=(*ops, *graph.whole[-2:]), groups=1)


def columns_of(
    found: Blocks, weights: Integer[np.ndarray, "output feature"], width: int, first: int, last: int
) -> Integer[np.ndarray, "output fewer"]:
    """Return the columns of some blocks of a head's weights that read `width` of them, as `part` orders features."""
    each = found.channels[found.head.inputs["x"]] // found.graph.groups
    wide = weights.reshape(len(weights), -1, width * each)
    return wide[:, :, first * each : last * each].reshape(len(weights), -1)


def _channels(graph: Graph, op: Op, known: Mapping[str, int]) -> int:
    """Return how many channels lie side by side in what an operation returns, 0 where that has no blocks.

    Raises:
        SartoError: E173, when it would mix blocks.
    """
    (out,) = op.outputs.values()
    read = [name for name in op.inputs.values() if graph.by_name[name].kind != "const"]
    grouped = [name for name in read if name in known]
    if op.kind in ("conv", "dense"):
        if not grouped and op.attributes.get("groups", 1) == 1:
            return graph.by_name[out].shape[-1]
        if grouped and op.kind == "conv" and op.attributes["groups"] % graph.groups == 0:
            return graph.by_name[out].shape[-1]
        raise _refused(graph, out, "its channels read those of other groups, or not all of the input")
    if not grouped:
        return 0
    if op.kind not in KEPT or len(grouped) != len(read):
        raise _refused(graph, out, f"{op.kind} does not keep blocks apart here")
    shape = graph.by_name[out].shape
    if op.kind == "reshape" and len(shape) > 1 and shape[-1] != known[read[0]]:
        raise _refused(graph, out, "another shape has other channels side by side")
    if len({known[name] for name in grouped}) > 1:
        raise _refused(graph, out, "what it adds up does not lie alike")
    return known[read[0]]


def _rows(graph: Graph, name: str, first: int, last: int) -> Integer[np.ndarray, "row ..."]:
    """Return the rows of some blocks of a constant that has one for each channel."""
    data = graph.const(name)
    each = len(data) // graph.groups
    return data[first * each : last * each]


def _with(tensor: Tensor, data: Integer[np.ndarray, "..."]) -> Tensor:
    return replace(tensor, shape=data.shape, data=np.ascontiguousarray(data))


def _refused(graph: Graph, where: str, cause: str) -> SartoError:
    return SartoError(
        "E173", f"the model is not nested in {graph.groups} groups: '{where}'", cause=cause, hint="see E121"
    )
