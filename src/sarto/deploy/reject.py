"""The reject option becomes part of a graph: three tables beside its last operation, and nothing where there is none.

Returns a graph whose answer is a class, or the number of classes where it rejects; its scores stay as they are. The
tables are 4 bytes a class, and with a box 8 bytes more for each pair of classes.

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
from sarto.core.graph.reject import Rule, stored
from sarto.models.input_error import InputError

ROLES = ("least", "centre", "radius")


def with_reject(graph: Graph, rule: Rule | None) -> Graph:
    """Return the graph with a reject option in the place of the one that it has, or with none.

    Raises:
        InputError: E158, for a graph that predicts numbers, or a rule for other classes.
    """
    program = graph.whole or graph.finish
    last = program[-1]
    if last.kind != "argmax":
        cause = "only classes are said or not" if graph.quanta else f"its last operation is {last.kind}"
        raise InputError("E158", f"'{graph.name}' has nothing to reject", cause=cause)
    if rule is not None and rule.least.shape != (len(graph.outputs),):
        cause = f"the rule is for {len(rule.least)} classes, and the graph has {len(graph.outputs)}"
        raise InputError("E158", f"the rule does not suit '{graph.name}'", cause=cause)
    names = {f"reject_{role}" for role in ROLES}
    tensors = tuple(t for t in graph.tensors if t.name not in names)
    inputs = {role: name for role, name in last.inputs.items() if role not in ROLES}
    if rule is not None:
        tables = _tables(rule)
        tensors += tuple(Tensor(f"reject_{role}", "int32", t.shape, "const", t) for role, t in tables.items())
        inputs |= {role: f"reject_{role}" for role in tables}
    ended = (*program[:-1], Op(last.kind, inputs, last.outputs, last.attributes))
    return replace(graph, tensors=tensors, **{"whole" if graph.whole else "finish": ended})


def rejects(graph: Graph) -> str:
    """Return what a list of the classes says of the number that stands for none, or nothing."""
    program = graph.whole or graph.finish
    return f", {len(graph.outputs)} rejected" if program and "least" in program[-1].inputs else ""


def without_reject(op: Op) -> None:
    """Refuse the last operation of a graph with a reject option, where a form of it cannot hold one.

    Raises:
        InputError: E134.
    """
    if "least" in op.inputs:
        cause = "it is decided from the scores, which the ONNX file gives"
        hint = "deploy it with --to c or --to cmake, or write the file of the model without the option"
        raise InputError("E134", "the reject option has no counterpart in ONNX here", cause=cause, hint=hint)


def _tables(rule: Rule) -> dict[str, Integer[np.ndarray, "..."]]:
    found = {"least": stored(rule.least)}
    if rule.centre is not None and rule.radius is not None:
        found |= {"centre": rule.centre.astype(np.int32), "radius": stored(rule.radius)}
    return found
