"""The reject option becomes part of a graph: tables beside its last operation, and nothing where there is none.

Returns a graph whose answer is a class, or the number of classes where it rejects; its scores stay as they are. The
tables are 4 bytes a class, and with a box 8 bytes more for each pair of a class and an output. An output beside the
scores is a row of weights in the last linear layer: a byte for each number that the layer reads, and what a row takes
to be rescaled.

>>> from sarto.core.graph import Op, Tensor
>>> scores, op = Tensor("y", "int32", (2,), "output"), Op("argmax", {"x": "y"}, {})
>>> plain = Graph("net", (scores,), (), (), (), 1, 0, None, ("a", "b"), (), (), (op,))
>>> made = with_reject(plain, Rule(np.array([7, 2**32 - 1])))
>>> made.const("reject_least").tolist(), rejects(made), with_reject(made, None).sha256 == plain.sha256
([7, -1], ', 2 rejected', True)
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Integer

from sarto.core.graph import Graph, Op, Tensor
from sarto.core.graph.last_layer import last_layer
from sarto.core.graph.operations import FEATURE_LIMIT, INT32_MAX
from sarto.core.graph.reject import Rule, stored
from sarto.models.input_error import InputError

ROLES = ("least", "centre", "radius")
FACTOR, SHIFT = 2**15 - 1, 16
"""Sums of an output beside the scores are halved in a network, which is one product's high word; in a stream they take
the largest factor of the shift that the scores have."""


def with_reject(graph: Graph, rule: Rule | None) -> Graph:
    """Return the graph with a reject option in the place of the one that it has, or with none.

    Raises:
        InputError: E158, for a graph that predicts numbers, or a rule for other classes or another last layer.
    """
    last = (graph.whole or graph.finish)[-1]
    if last.kind != "argmax":
        cause = "only classes are said or not" if graph.quanta else f"its last operation is {last.kind}"
        raise InputError("E158", f"'{graph.name}' has nothing to reject", cause=cause)
    if rule is not None:
        _check(graph, rule)
    names = {f"reject_{role}" for role in ROLES}
    tensors = tuple(t for t in graph.tensors if t.name not in names)
    inputs = {role: name for role, name in last.inputs.items() if role not in ROLES}
    plain = with_beside(_ended(graph, tensors, inputs), None)
    if rule is None:
        return plain
    found = _tables(rule)
    made = plain if rule.rows is None else with_beside(plain, rule.rows)
    tables = tuple(Tensor(f"reject_{role}", "int32", t.shape, "const", t) for role, t in found.items())
    inputs |= {role: f"reject_{role}" for role in found}
    return _ended(made, (*made.tensors, *tables), inputs)


def with_beside(graph: Graph, rows: Integer[np.ndarray, "beside column"] | None) -> Graph:
    """Return the graph with outputs beside its scores in the place of those that it has, or with none.

    Args:
        graph: of classes, without a reject option.
        rows: 8-bit weights of each output, on the columns that the last layer reads.

    Raises:
        InputError: E158, when the graph ends in no linear layer, or in one that reads other columns.
    """
    op, classes = last_layer(graph), len(graph.outputs)
    if op is None:
        if rows is None:
            return graph
        raise InputError(
            "E158", f"'{graph.name}' has no place for more outputs", cause="it ends in no linear layer"
        )
    name = op.inputs["weights"] if graph.whole else "weights_out"
    weights = graph.const(name)
    last = graph.finish[-1] if graph.finish else op
    wide = weights if graph.whole else np.moveaxis(weights, -1, 0)
    more = np.zeros((0, wide[0].size), np.int8) if rows is None else rows
    limit = FEATURE_LIMIT if not graph.whole else 255
    if (
        more.shape[1] != wide[0].size
        or np.abs(more.astype(np.int64)).sum(axis=1).max(initial=0) * limit > INT32_MAX
    ):
        cause = f"its last layer reads {wide[0].size} numbers, and the rows have {more.shape[1]}"
        raise InputError("E158", f"the rule does not suit '{graph.name}'", cause=cause)
    joined = np.concatenate([wide[:classes], more.reshape(-1, *wide.shape[1:]).astype(np.int8)])
    ends = {"bias": 0, "factor": FACTOR} | ({"shift": SHIFT} if graph.whole else {})
    data = {name: joined if graph.whole else np.moveaxis(joined, 0, -1)}
    for role, value in ends.items():
        old = graph.const(last.inputs[role])
        data[last.inputs[role]] = np.append(old[:classes], np.full(len(more), value, old.dtype))
    sizes = {*last.outputs.values()} | ({last.inputs["sums"]} if graph.finish else set[str]())
    shape = (classes + len(more),)
    tensors = tuple(
        _with_data(t, data[t.name]) if t.name in data else replace(t, shape=shape) if t.name in sizes else t
        for t in graph.tensors
    )
    return replace(graph, tensors=tensors)


def rejects(graph: Graph) -> str:
    """Return what a list of the classes says of the number that stands for none, or nothing."""
    program = graph.whole or graph.finish
    return f", {len(graph.outputs)} rejected" if program and "least" in program[-1].inputs else ""


def sizes(graph: Graph) -> dict[str, int]:
    """Return the `#define`s of the sizes of a reject option, none where there is none."""
    inputs = (graph.whole or graph.finish)[-1].inputs
    found = {"CLASSES": len(graph.outputs)} if "least" in inputs else {}
    return found | ({"BOXED": graph.const(inputs["centre"]).shape[1]} if "centre" in inputs else {})


def without_reject(op: Op) -> None:
    """Refuse the last operation of a graph with a reject option, where a form of it cannot hold one.

    Raises:
        InputError: E134.
    """
    if "least" in op.inputs:
        cause = "it is decided from the scores, which the ONNX file gives"
        hint = "deploy it with --to c or --to cmake, or write the file of the model without the option"
        raise InputError("E134", "the reject option has no counterpart in ONNX here", cause=cause, hint=hint)


def _check(graph: Graph, rule: Rule) -> None:
    beside, cause = 0 if rule.rows is None else len(rule.rows), ""
    if rule.least.shape != (len(graph.outputs),):
        cause = f"the rule is for {len(rule.least)} classes, and the graph has {len(graph.outputs)}"
    elif rule.centre is not None and rule.centre.shape[1] != len(rule.least) + beside:
        cause = f"its box is of {rule.centre.shape[1]} outputs, {beside} of them beside the scores"
    if cause:
        raise InputError("E158", f"the rule does not suit '{graph.name}'", cause=cause)


def _ended(graph: Graph, tensors: tuple[Tensor, ...], inputs: dict[str, str]) -> Graph:
    """Return the graph with other tensors, whose last operation reads `inputs`."""
    program = graph.whole or graph.finish
    ended = (*program[:-1], replace(program[-1], inputs=inputs))
    return replace(graph, tensors=tensors, **{"whole" if graph.whole else "finish": ended})


def _with_data(tensor: Tensor, data: Integer[np.ndarray, "..."]) -> Tensor:
    return replace(tensor, data=np.ascontiguousarray(data), shape=data.shape)


def _tables(rule: Rule) -> dict[str, Integer[np.ndarray, "..."]]:
    found = {"least": stored(rule.least)}
    if rule.centre is not None and rule.radius is not None:
        found |= {"centre": rule.centre.astype(np.int32), "radius": stored(rule.radius)}
    return found
