"""A quantised network becomes a graph of whole items: integers only, with what quantisation chose and nothing else.

With the scale s_x of what a layer reads, s_c of its weights and s_y of what it returns, for each channel c,

    b_c = round(bias_c / (s_x s_c)),    m_c 2^-(shift_c) = s_x s_c / s_y       (times the slope, below 0, of LeakyReLU)

(so too for what MAM layers add up), of a sum m_i 2^-shift = s_i / s_y, of a mean over k numbers m 2^-shift = s_x / (k
s_y), and of a join m_i 2^-(shift_i) = s_i / s_y, where equal scales need no rescaling (`rescaling` makes m and shift).
ReLU, ReLU6 and bounds are limits of the operation before them, norms are folded before; other activations are tables
(`table`).
Scores keep 32 bits, in counts of the largest s_x s_c, or of four times that where sums are large; where the network
ends with an activation of 8 bits they are its numbers. Every sum is proven to stay in 32 bits, whatever the input;
where a bias alone would not, since a channel's weights are next to nothing beside it, that channel's weights get a
coarser scale.

>>> from sarto.compress.quantize import _example, ptq
>>> state, evaluation = _example.trained()
>>> small = ptq.quantise(state, evaluation).network
>>> lowered = lower_network(small)
>>> [op.kind for op in lowered.graph.whole], lowered.graph.by_name["fc1_relu"].dtype
(['dense', 'dense', 'dense', 'argmax'], 'uint8')
>>> bool(abs(integer_accuracy(small, evaluation.validation) - evaluation.accuracy(small)) < 0.01)
True
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from sarto.compress.places import LIMITING, bent_by, by_table, in_full
from sarto.compress.uniform import quantiser
from sarto.core.graph import Graph, Op, Tensor, infer
from sarto.core.graph.operations import INT32_MAX, SCORE_LIMIT
from sarto.data.examples import Examples
from sarto.deploy.lower.building import GraphBuilding
from sarto.deploy.lower.constants import constants
from sarto.deploy.lower.forest import tables_of
from sarto.deploy.lower.layout import canonical, channels_last, graph_shape, kernel
from sarto.deploy.lower.rescaling import rescaling
from sarto.deploy.lower.table import entries, function_of
from sarto.deploy.lower.target import Target
from sarto.deploy.lower.tree import lowered_tree
from sarto.deploy.lower.weights import integer_weights
from sarto.models.input_error import InputError
from sarto.models.network.architecture import INPUT, Node
from sarto.models.network.bound import Bound
from sarto.models.network.branches import branches
from sarto.models.network.module import Network
from sarto.models.network.operations import WEIGHTED, ints, places_of, whole

MOST_BIAS = 2**30
COARSER, LARGE = 4, 2**16
"""Sums per count of a score, where sums can be as large as this: one multiplication's high word then gives it, and no
score leaves its limits. Smaller sums are kept as they are."""
LEAST_PART = 2.0**-12
"""Scores that are joined have counts of so much of the largest scale."""


@dataclass(frozen=True, eq=False)
class Lowered:
    """A graph, and what it makes of floats.

    Attributes:
        graph: the network.
        scale: what a count of its input stands for.
        limits: of the input's numbers.
        score_scale: what a count of its scores stands for.
        weight_error: of each layer the largest |w - q s|; 0 where integers stand for the weights exactly.
    """

    graph: Graph
    scale: float
    limits: tuple[int, int]
    score_scale: float
    weight_error: Mapping[str, float]

    def items(self, x: Float[np.ndarray, "item ..."]) -> Int[np.ndarray, "item ..."]:
        """Return items as the graph takes them: integers, channels last; of one with a front end they are samples."""
        q = np.rint(x.astype(np.float32) / np.float32(self.scale)).clip(*self.limits)
        if self.graph.whole[0].kind == "front_end":
            return q.astype(np.int64).reshape(len(x), -1, 1)
        return channels_last(q.astype(np.int64), skipped=1)

    def given(self, examples: Examples) -> Int[np.ndarray, "item ..."]:
        """Return what a device is given of examples: their samples, where the graph begins with a front end."""
        if self.graph.whole[0].kind != "front_end":
            return self.items(examples.x)
        assert examples.samples is not None
        return examples.samples.astype(np.int64)[..., None]


def integer_accuracy(network: Network, examples: Examples) -> float:
    """Return the share of items whose class the integers of a quantised network find."""
    lowered = lower_network(network, examples.classes)
    found = infer(lowered.graph, lowered.items(examples.x)).classes
    return int(np.count_nonzero(found == examples.y)) / len(examples)


def lower_network(network: Network, classes: tuple[str, ...] = (), name: str = "model") -> Lowered:
    """Return the integer graph of a quantised `network`.

    Args:
        network: quantised by a method of `compress/quantize`.
        classes: names of its outputs; their numbers by default.
        name: of the graph, a C identifier.

    Raises:
        InputError: E126, when something cannot be lowered; the message names the layer.
    """
    nodes = network.architecture.nodes
    build = _Lowering(network)
    for node in nodes:
        build.take(node)
    return build.done(classes, name)


class _Lowering(GraphBuilding):
    """The graph of a network as far as it is built."""

    def __init__(self, network: Network) -> None:
        form = quantiser(network, INPUT)
        if form is None:
            raise InputError(
                "E126",
                "the network computes in floats",
                cause="its activations have no scales",
                hint="quantise it first: ptq, or qat",
            )
        self.network, self.architecture = network, network.architecture
        self.full = in_full(self.architecture)
        self.errors: dict[str, float] = {}
        self.scale, self.limits = form.numbers.scale[0], form.numbers.limits
        shape = self.architecture.input_shape
        super().__init__()
        self.put(INPUT, shape, "input", self.scale, self.limits, canonical(shape))

    def target(self, node: Node) -> Target:
        """Return what `node`, and the activation that bends it, write."""
        bend, slope = bent_by(self.architecture, node), 1.0
        end = bend or node
        if bend is not None and bend.op == "leaky_relu":
            slope, bend = float(str(bend.attributes["slope"])), bent_by(self.architecture, bend)
            end = bend or end
        form = quantiser(self.network, end.name)
        if form is None and end.name not in self.full:
            raise self.fail(
                end.name, "has no scale", "its output was not quantised", "quantise with ptq or qat"
            )
        scale = 0.0 if form is None else form.numbers.scale[0]
        limits = (-SCORE_LIMIT, SCORE_LIMIT) if form is None else form.numbers.limits
        return Target(end.name, scale, limits, slope, self.bounds(end))

    def bounds(self, node: Node) -> tuple[float, float]:
        """Return what bounds the numbers of a node: ReLU, ReLU6 or `clip`."""
        if node.op != "clip":
            low = 0.0 if node.op in LIMITING else -math.inf
            return low, 6.0 if node.op == "relu6" else math.inf
        layer = self.network.layers[node.name]
        assert isinstance(layer, Bound)
        if node.attributes["by_channel"]:
            raise self.fail(
                node.name,
                "has bounds of channels",
                "integers have limits of a tensor",
                "quantise with ptq or qat",
            )
        return float(layer.low), float(layer.high)

    def take(self, node: Node) -> None:
        """Add the operations of a node."""
        if node.name in self.held or any(self._bends(name, node) for name in node.inputs):
            return
        if node.op in WEIGHTED:
            self.layer(node)
        elif node.op == "add" or node.op in LIMITING:
            self.add(node)
        elif node.op == "concat":
            self.concat(node)
        elif by_table(self.architecture, node):
            self.table(node)
        elif node.op in ("mean_pool", "global_mean_pool"):
            self.mean(node)
        elif node.op == "max_pool":
            self.largest(node)
        elif node.op in ("flatten", "reshape"):
            self.reshape(node)
        elif node.op == "take":
            self.some(node)
        elif node.op == "tree":
            self.tree(node)
        else:
            hint = "fold it first: ptq and qat do" if node.op == "batch_norm" else ""
            raise self.fail(
                node.name, f"is {node.op}, which has no integer counterpart here", "see E126", hint
            )

    def _bends(self, name: str, node: Node) -> bool:
        """Return whether `node` is the activation that is part of the operation of node `name`."""
        before = self.architecture.by_name.get(name)
        return before is not None and bent_by(self.architecture, before) is node

    def layer(self, node: Node) -> None:
        """Add a layer with weights: linear, a convolution, or one of MAM."""
        layer, read, target = self.network.layer(node.name), self.held[node.inputs[0]], self.target(node)
        if node.op == "mam_linear" and whole(node.attributes, "splits") > 1:
            read = self.ordered(read, np.arange(len(read.order)))
        bias = (
            np.zeros(len(layer.weight))
            if layer.bias is None
            else layer.bias.detach().cpu().numpy().astype(float)
        )
        weights = integer_weights(layer).coarser(np.abs(bias) / (read.scale * MOST_BIAS))
        self.errors[node.name] = weights.error
        unit = read.scale * weights.scale
        counts = np.rint(bias / unit).astype(np.int64)
        made = constants(node, layer, weights.values, read)
        worst = self.prove(node.name, made.most + np.abs(counts))
        scale = target.scale or float(unit.max()) * (COARSER if worst >= LARGE else 1)
        factors = {"": unit / scale}
        if target.slope != 1:
            factors["_below"] = unit * target.slope / scale
        inputs = {"x": read.name}
        for role, (data, dtype) in made.data.items():
            inputs[role] = self.const(f"{node.name}_{role}", data, dtype)
        inputs["bias"] = self.const(f"{node.name}_bias", counts, "int32")
        for suffix, ratio in factors.items():
            m, s = self.multipliers(node.name, ratio)
            inputs[f"factor{suffix}"] = self.const(f"{node.name}_factor{suffix}", m, "int16")
            inputs[f"shift{suffix}"] = self.const(f"{node.name}_shift{suffix}", s, "uint8")
        self.emit(made.kind, inputs, target, scale, made.attributes)

    def prove(self, name: str, most: Int[np.ndarray, " c"]) -> int:
        """Return the largest of the sums that there can be, in whatever order each is added up: within 32 bits."""
        worst = int(most.max())
        if worst > INT32_MAX:
            raise self.fail(
                name,
                "has sums that could leave 32 bits",
                f"the largest is {worst}, the limit {INT32_MAX}",
                "quantise its weights to fewer bits, or cut the layer in two",
            )
        return worst

    def multipliers(
        self, name: str, ratios: Float[np.ndarray, " c"]
    ) -> tuple[Int[np.ndarray, " c"], Int[np.ndarray, " c"]]:
        """Return 15-bit multipliers (0 where nothing could come through) and their shifts."""
        try:
            m, s = np.array([rescaling(ratio) for ratio in ratios.tolist()], np.int64).T
        except ValueError as error:
            raise self.fail(name, "cannot be rescaled", str(error)) from error
        return m, s

    def emit(
        self,
        kind: str,
        inputs: Mapping[str, str],
        target: Target,
        scale: float,
        attributes: Mapping[str, int],
        order: Int[np.ndarray, " place"] | None = None,
    ) -> None:
        """Add an operation that writes `target`."""
        shape = self.architecture.shapes[target.node]
        low, high = target.within(scale)
        order = canonical(shape) if order is None else order
        out = self.put(target.node, shape, "", scale, target.held(scale), order)
        self.ops.append(Op(kind, dict(inputs), {"y": out}, {**attributes, "low": low, "high": high}))

    def add(self, node: Node) -> None:
        """Add a sum, or an activation on its own, which is a sum of one."""
        target = self.target(node)
        reads = [self.held[name] for name in node.inputs]
        reads = [reads[0], *(self.ordered(read, reads[0].order) for read in reads[1:])]
        largest = max(read.scale for read in reads)
        scale = target.scale or largest / 128
        _, shift = self.multipliers(node.name, np.array([largest / scale]))
        factors = [round(read.scale / scale * 2.0 ** int(shift[0])) for read in reads]
        worst = sum(f * r.peak for f, r in zip(factors, reads, strict=True)) + 2 ** (int(shift[0]) - 1)
        if worst > INT32_MAX:
            raise self.fail(node.name, "has sums that could leave 32 bits", f"the largest is {worst}")
        inputs = {f"x{i}": read.name for i, read in enumerate(reads)}
        attributes = {f"factor_{i}": factor for i, factor in enumerate(factors)} | {"shift": int(shift[0])}
        self.emit("add", inputs, target, scale, attributes, reads[0].order)

    def concat(self, node: Node) -> None:
        """Add a join on channels; vectors keep the orders in which their numbers lie."""
        target, reads = self.target(node), [self.held[name] for name in node.inputs]
        scale = target.scale or max(read.scale for read in reads) * LEAST_PART
        attributes: dict[str, int] = {}
        for i, read in enumerate(reads):
            m, s = self.multipliers(node.name, np.array([read.scale / scale]))
            within = target.limits[0] <= read.limits[0] and read.limits[1] <= target.limits[1]
            same = read.scale == scale and within
            attributes |= {f"factor_{i}": 1 if same else int(m[0]), f"shift_{i}": 0 if same else int(s[0])}
        order = None
        if len(self.architecture.shapes[node.name]) == 1:
            firsts = np.cumsum([0, *(len(read.order) for read in reads)])
            order = np.concatenate([read.order + first for read, first in zip(reads, firsts, strict=False)])
        self.emit(
            "concat", {f"x{i}": read.name for i, read in enumerate(reads)}, target, scale, attributes, order
        )

    def table(self, node: Node) -> None:
        """Add an activation that is a table."""
        read, target = self.held[node.inputs[0]], self.target(node)
        signed = self.tensors[read.name].dtype == "int8"
        assert signed or self.tensors[read.name].dtype == "uint8", f"{node.name} reads more than 8 bits"
        limits = target.within(target.scale)
        found = entries(function_of(node), read.scale, signed=signed, scale=target.scale, limits=limits)
        shape = self.architecture.shapes[node.name]
        out = self.put(target.node, shape, "", target.scale, target.held(target.scale), read.order)
        table = self.const(f"{node.name}_table", found, self.tensors[out].dtype)
        self.ops.append(Op("table", {"x": read.name, "table": table}, {"y": out}))

    def mean(self, node: Node) -> None:
        """Add a mean over a kernel, or over all places."""
        read, target = self.held[node.inputs[0]], self.target(node)
        shape = graph_shape(self.architecture.shapes[node.inputs[0]])
        sliding = {"kernel_row": shape[0], "kernel_column": shape[1]}
        if node.op == "mean_pool":
            sliding = kernel(node)
        count = sliding["kernel_row"] * sliding["kernel_column"]
        if count * read.peak > INT32_MAX:
            raise self.fail(node.name, "has sums that could leave 32 bits", f"it sums {count} numbers")
        scale = target.scale or read.scale / count
        m, s = self.multipliers(node.name, np.array([read.scale / (count * scale)]))
        self.emit(
            "mean", {"x": read.name}, target, scale, {**sliding, "factor": int(m[0]), "shift": int(s[0])}
        )

    def largest(self, node: Node) -> None:
        """Add a maximum over a kernel."""
        read, shape = self.held[node.inputs[0]], self.architecture.shapes[node.name]
        out = self.put(node.name, shape, "", read.scale, read.limits, canonical(shape))
        self.ops.append(Op("max", {"x": read.name}, {"y": out}, kernel(node)))

    def reshape(self, node: Node) -> None:
        """Add another shape of the same numbers; a vector keeps the order in which they lie."""
        read, shape = self.held[node.inputs[0]], self.architecture.shapes[node.name]
        if len(shape) > 1:
            read = self.ordered(read, canonical(shape))
        out = self.put(node.name, shape, "", read.scale, read.limits, read.order)
        self.ops.append(Op("reshape", {"x": read.name}, {"y": out}))

    def some(self, node: Node) -> None:
        """Add a choice among the numbers of a vector."""
        read, kept = self.held[node.inputs[0]], np.array(places_of(ints(node.attributes, "runs")))
        self.held[node.name] = replace(self.ordered(read, kept), order=np.arange(len(kept)))

    def tree(self, node: Node) -> None:
        """Add a decision tree, whose scores are 1 and 0."""
        read, shape = self.held[node.inputs[0]], self.architecture.shapes[node.name]
        threshold = self.network.arrays()[f"{node.name}.threshold"]
        found = branches(ints(node.attributes, "preorder"))
        trees = lowered_tree(found, threshold, read.scale, read.limits, np.argsort(read.order), *shape)
        out = self.put(node.name, shape, "", 1.0, (-SCORE_LIMIT, SCORE_LIMIT), canonical(shape))
        inputs = {"x": read.name}
        for role, (data, dtype) in tables_of(trees, len(read.order)).items():
            inputs[role] = self.const(f"{node.name}_{role}", data, dtype)
        self.ops.append(Op("forest", inputs, {"y": out}))

    def done(self, classes: tuple[str, ...], name: str) -> Lowered:
        """Return the graph, whose last tensor is the output."""
        last = self.held[self.architecture.output]
        last = self.in_32_bits(self.ordered(last, np.arange(len(last.order))))
        outputs = classes or tuple(map(str, range(len(last.order))))
        if len(outputs) != len(last.order) or last.name == INPUT:
            raise self.fail(
                self.architecture.output,
                f"has {len(last.order)} outputs",
                f"{len(outputs)} classes are named",
            )
        tensor = self.tensors[last.name]
        self.tensors[last.name] = Tensor(tensor.name, tensor.dtype, tensor.shape, "output", scale=last.scale)
        self.ops.append(Op("argmax", {"x": last.name}, {}))
        graph = Graph(
            name, tuple(self.tensors.values()), (), (), (), 1, 0, None, outputs, (), (), tuple(self.ops)
        )
        return Lowered(graph, self.scale, self.limits, last.scale, self.errors)
