"""Faults in a graph of whole items, from the faulty operation on.

`Engine` holds every tensor of every item without a fault. Of a constant of a dense layer or a convolution, only the
outputs that it takes part in are computed, from the sums without a fault:

    acc'_c = acc_c + sum_e (w'_e - w_e) x_e     for the changed weights e of output c,

which is exact, since both are integers. Then all items of all faults in which the operation says something else run
through what comes after it as one batch; those that come out as they would without a fault are dropped on the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Int, Int64, Integer

from sarto.core.bits import Kind, Places, put
from sarto.core.graph import Graph, Op, Tensor
from sarto.core.graph.heads import EndlessTreeError
from sarto.core.graph.network import Slide, rescale
from sarto.core.graph.whole import MOST_VALUES, Values, run_op, tensors, width

_BY_CHANNEL = ("dense", "conv")
UNDEFINED = (IndexError, EndlessTreeError, AssertionError, OverflowError, ValueError)
"""What the interpreter raises where a faulty graph means nothing."""
Changed = Sequence[tuple[int, Integer[np.ndarray, "..."]]]
"""Faults of one constant: the number of each, and the constant with it."""
Scores = Int64[np.ndarray, "fault item output"]


@dataclass(frozen=True, eq=False)
class Engine:
    """Runs `graph` with faults on `items`."""

    graph: Graph
    items: Integer[np.ndarray, "item ..."]

    @cached_property
    def golden(self) -> Values:
        """Every tensor without a fault."""
        return tensors(self.graph, self.items)

    @cached_property
    def most(self) -> int:
        """How many items of faults run together."""
        return max(1, MOST_VALUES // max(width(self.graph, op) for op in self.graph.whole))

    def constants(self, op: Op, name: str, changed: Changed, scores: Scores) -> Changed:
        """Fill in the scores of faults in a constant of `op`; return those that it has no answer to."""
        (out,) = op.outputs.values()
        by_channel = op.kind in _BY_CHANNEL
        layer = _Layer(self.graph, op, self.golden[op.inputs["x"]]) if by_channel else None
        batch, undefined = _Batch(self, self.graph.whole.index(op) + 1, out, scores), list(changed[:0])
        for number, data in changed:
            try:
                found = (
                    self._again(op, name, data)
                    if layer is None
                    else layer.with_const(name, data, self.golden[out])
                )
            except UNDEFINED:
                undefined.append((number, data))
                continue
            batch.put(number, found)
        batch.run()
        return undefined

    def _again(self, op: Op, name: str, data: Integer[np.ndarray, "..."]) -> Integer[np.ndarray, "item ..."]:
        """Return what `op` says with another constant."""
        (out,) = op.outputs.values()
        golden = self.golden[out]
        return (
            run_op(with_const(self.graph, name, data), op, self.golden)
            .reshape(golden.shape)
            .astype(golden.dtype)
        )

    def written(
        self, tensor: Tensor, faults: Sequence[tuple[int, Places]], kind: Kind, scores: Scores
    ) -> None:
        """Fill in the scores of faults in what an operation wrote, or in the inputs."""
        golden, size = self.golden[tensor.name], int(np.prod(tensor.shape))
        writer = [i for i, op in enumerate(self.graph.whole) if tensor.name in op.outputs.values()]
        batch = _Batch(self, writer[0] + 1 if writer else 0, tensor.name, scores)
        first = np.arange(len(golden))[:, None] * size
        for number, places in faults:
            found = golden.copy()
            everywhere = Places((first + places.element).reshape(-1), np.tile(places.bit, len(golden)))
            put(found, everywhere, kind)
            batch.put(number, found)
        batch.run()

    def after(
        self, first: int, name: str, values: Integer[np.ndarray, "pair ..."], item: Int[np.ndarray, " pair"]
    ) -> tuple[Int[np.ndarray, " left"], Int64[np.ndarray, "left output"]]:
        """Return which pairs still differ at the end, and their scores, where tensor `name` has `values` for `item`s.

        Args:
            first: number of the operation that comes next.
            name: of the tensor.
            values: of it, one for each pair of a fault and an item.
            item: of each pair.
        """
        other: Values = {name: values}
        pair = np.arange(len(item))
        last = {n: i for i, op in enumerate(self.graph.whole) for n in op.inputs.values()}
        for number, op in enumerate(self.graph.whole[first:], first):
            if op.kind == "argmax" or not (set(op.inputs.values()) & set(other)):
                continue
            read = {
                n: other[n] if n in other else self.golden[n][item[pair]]
                for n in op.inputs.values()
                if n in self.golden
            }
            (out,) = (self.graph.by_name[n] for n in op.outputs.values())
            other[out.name] = run_op(self.graph, op, read).reshape(len(pair), *out.shape).astype(out.dtype)
            other = {n: v for n, v in other.items() if last.get(n, -1) > number or n == out.name}
            alive = np.zeros(len(pair), bool)
            for n, v in other.items():
                alive |= (v != self.golden[n][item[pair]]).reshape(len(pair), -1).any(axis=1)
            if not alive.all():
                pair, other = pair[alive], {n: v[alive] for n, v in other.items()}
            if not len(pair):
                break
        (output,) = self.graph.kind("output")
        if not len(pair) or output.name not in other:
            return pair[:0], np.zeros((0, len(self.graph.outputs)), np.int64)
        found = other[output.name].reshape(len(pair), -1).astype(np.int64)
        return pair, found[:, : len(self.graph.outputs)]


def with_const(graph: Graph, name: str, data: Integer[np.ndarray, "..."]) -> Graph:
    """Return `graph` with other values in one constant."""
    swapped = tuple(replace(t, data=data) if t.name == name else t for t in graph.tensors)
    return replace(graph, tensors=swapped)


class _Batch:
    """Items of faults that wait for what comes after an operation."""

    def __init__(self, engine: Engine, first: int, name: str, scores: Scores) -> None:
        self.engine, self.first, self.name, self.scores = engine, first, name, scores
        self.waiting: list[tuple[int, Int[np.ndarray, " item"], Integer[np.ndarray, "item ..."]]] = []
        self.pairs = 0

    def put(self, number: int, found: Integer[np.ndarray, "item ..."]) -> None:
        """Let those items of fault `number` wait that are not what they would be without it."""
        golden = self.engine.golden[self.name]
        items = np.flatnonzero((found != golden).reshape(len(golden), -1).any(axis=1))
        if len(items):
            self.waiting.append((number, items, found[items]))
            self.pairs += len(items)
        if self.pairs >= self.engine.most:
            self.run()

    def run(self) -> None:
        """Run all that waits, and fill in its scores."""
        if not self.waiting:
            return
        fault = np.concatenate([np.full(len(items), n) for n, items, _ in self.waiting])
        item = np.concatenate([items for _, items, _ in self.waiting])
        values = np.concatenate([v for _, _, v in self.waiting])
        pair, found = self.engine.after(self.first, self.name, values, item)
        self.scores[fault[pair], item[pair]] = found
        self.waiting, self.pairs = [], 0


class _Layer:
    """A dense layer or a convolution with its sums without a fault."""

    def __init__(self, graph: Graph, op: Op, x: Integer[np.ndarray, "item ..."]) -> None:
        self.graph, self.op = graph, op
        self.weights = graph.const(op.inputs["weights"])
        self.x = x.reshape(len(x), -1).astype(np.int64) if op.kind == "dense" else x.astype(np.int64)
        bare = graph.const(op.inputs["bias"]) * 0
        (out,) = op.outputs.values()
        plain = {r: op.inputs[r] for r in ("x", "weights")} | {"bias": "bias", "factor": "one", "shift": "by"}
        consts = {"bias": bare, "one": np.full(len(bare), 2, np.int16), "by": np.full(len(bare), 1, np.uint8)}
        far = {"low": -(2**62), "high": 2**62}
        sums = Op(op.kind, plain, {"y": out}, {**op.attributes, **far})
        read = (graph.by_name[plain["weights"]], graph.by_name[plain["x"]], graph.by_name[out])
        made = tuple(Tensor(n, str(a.dtype), a.shape, "const", a) for n, a in consts.items())
        alone = Graph("sums", (*read, *made), (), (), (), 1, 0, None, graph.outputs, (), (), (sums,))
        self.acc = run_op(alone, sums, {plain["x"]: x})
        if op.kind == "conv":
            slide = Slide.of((self.weights.shape[1], self.weights.shape[2]), op.attributes)
            self.taps = dict(slide.taps(self.x, 0))

    def with_const(
        self, name: str, data: Integer[np.ndarray, "..."], golden: Integer[np.ndarray, "item ..."]
    ) -> Integer[np.ndarray, "item ..."]:
        """Return what the layer says with another constant, where `golden` is what it says without a fault."""
        c = {role: self.graph.const(n) for role, n in self.op.inputs.items() if role != "x"}
        role = next(role for role, n in self.op.inputs.items() if n == name)
        where = np.argwhere(data != c[role])
        channels = np.unique(where[:, 0])
        acc = self.acc[..., channels].copy()
        if role == "weights":
            for place in where:
                delta = int(data[tuple(place)]) - int(self.weights[tuple(place)])
                acc[..., np.searchsorted(channels, place[0])] += delta * self._under(place)
        c[role] = data
        below = None
        if "factor_below" in c:
            below = c["factor_below"][channels], c["shift_below"][channels]
        limits = self.op.attributes["low"], self.op.attributes["high"]
        part = rescale(acc + c["bias"][channels], c["factor"][channels], c["shift"][channels], limits, below)
        found = golden.copy().reshape(self.acc.shape)
        found[..., channels] = part.astype(golden.dtype)
        return found.reshape(golden.shape)

    def _under(self, place: Int[np.ndarray, " axis"]) -> Int64[np.ndarray, "item ..."]:
        """Return what a weight is multiplied with."""
        if self.op.kind == "dense":
            return self.x[:, place[1]]
        each = len(self.weights) // self.op.attributes["groups"]
        channel = int(place[0]) // each * self.weights.shape[3] + int(place[3])
        return self.taps[int(place[1]), int(place[2])][..., channel]
