"""An operation before a network: `before` returns the graph that begins with it, on an input of its own.

>>> from sarto.core.graph.values import Op, Tensor
>>> tensors = (Tensor("x", "int8", (4,), "input"), Tensor("y", "int8", (2, 2), "output"))
>>> graph = Graph("net", tensors, (), (), (), 1, 0, None, ("a",) * 4, (), (), (Op("reshape", {"x": "x"}, {"y": "y"}),))
>>> own = [Tensor("y", "int16", (4,), "input"), Tensor("x", "int8", (), "scratch")]
>>> made = before(graph, Op("first", {"raw": "y"}, {"x": "x"}), own)
>>> [(op.kind, dict(op.inputs), dict(op.outputs)) for op in made.whole]
[('first', {'raw': 'y_'}, {'x': 'x'}), ('reshape', {'x': 'x'}, {'y': 'y'})]
>>> [(t.name, t.shape, t.kind) for t in made.tensors]
[('y_', (4,), 'input'), ('x', (4,), 'scratch'), ('y', (2, 2), 'output')]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sarto.core.graph import Graph, Op, Tensor


def before(graph: Graph, op: Op, tensors: Sequence[Tensor]) -> Graph:
    """Return `graph` behind `op`, whose `tensors` end with what it makes of its input; names that are taken change.

    What it makes is in the shape of the input of `graph`, and takes its place.
    """
    (given,), (out,) = graph.kind("input"), op.outputs
    taken = {tensor.name for tensor in graph.tensors} - {given.name}
    names = {tensor.name: _free(tensor.name, taken) for tensor in tensors}
    made = names[op.outputs[out]]
    first = replace(op, inputs=_renamed(op.inputs, names), outputs={out: made})
    own = [replace(t, name=names[t.name]) for t in tensors]
    own[-1] = replace(own[-1], shape=given.shape)
    rest = [replace(op, inputs=_renamed(op.inputs, {given.name: made})) for op in graph.whole]
    kept = (t for t in graph.tensors if t is not given)
    return replace(graph, tensors=(*own, *kept), whole=(first, *rest))


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _renamed(inputs: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    return {role: names.get(name, name) for role, name in inputs.items()}
