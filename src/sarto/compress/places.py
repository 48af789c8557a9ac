"""Where a network of integers has integers: which nodes return numbers that are quantised.

A layer, a sum, a mean or a join hands on what it has in full (32 bits) to a ReLU, a ReLU6 or bounds (`clip`) that alone
read it, a layer to a LeakyReLU too; the activation is then where integers are made. Every other activation is a table
with an entry for each number that it can be given, so those are integers of 8 bits; bounds that alone read an
activation are limits of its integers. Pooling by maximum, flattening, reshaping and taking keep the numbers they are
given. The scores, and what only keeps them, stay in full, unless they come from a table or a ReLU6. So a network is
quantised at its input and behind

    layers, sums, means and joins that no activation is part of, and activations.

>>> from sarto.models.network.named import named
>>> places(named("lenet5", (1, 28, 28), 10))
('input', 'conv1', 'conv2', 'fc1_relu')
"""

from __future__ import annotations

import math

from sarto.models.network.architecture import INPUT, Architecture, Node
from sarto.models.network.operations import KEEPING, PIECEWISE_LINEAR, SATURATING, WEIGHTED

SUMMING = (*WEIGHTED, "add", "mean_pool", "global_mean_pool", "concat")
"""Operations that return sums, or rescale, which an activation may still bend."""
BENDING = (*PIECEWISE_LINEAR, *SATURATING)
"""Activations."""
LIMITING = ("relu", "relu6", "clip")
"""Activations that are limits of numbers."""
REACH = {"tanh": math.atanh(1 - 0.5 / 127), "sigmoid": math.log(255 / 0.5 - 1)}
"""Arguments beyond these change the value of an activation by less than half a count of 8 bits."""


def places(architecture: Architecture) -> tuple[str, ...]:
    """Return the nodes whose output is quantised, the input first."""
    full = in_full(architecture)
    found = [INPUT]
    for node in architecture.nodes:
        if node.op not in KEEPING and bent_by(architecture, node) is None and node.name not in full:
            found.append(node.name)
    return tuple(found)


def bent_by(architecture: Architecture, node: Node) -> Node | None:
    """Return the activation that is part of a layer, sum, mean or join, since it alone reads it, or None.

    Bounds are part of any activation.
    """
    readers = architecture.readers[node.name]
    if len(readers) != 1 or node.name == architecture.output:
        return None
    if node.op in BENDING and node.op not in LIMITING:
        return readers[0] if readers[0].op == "clip" else None
    if node.op not in SUMMING:
        return None
    part = readers[0].op in LIMITING or (readers[0].op == "leaky_relu" and node.op in WEIGHTED)
    return readers[0] if part else None


def by_table(architecture: Architecture, node: Node) -> bool:
    """Return whether a node is an activation that is computed by a table."""
    if node.op not in BENDING or node.op in LIMITING:
        return False
    before = architecture.by_name.get(node.inputs[0])
    return before is None or bent_by(architecture, before) is not node


def in_full(architecture: Architecture) -> set[str]:
    """Return the output, and nodes before it from which on numbers are only kept; none is a table or a ReLU6.

    Bounds of a table are part of it.
    """
    found = {architecture.output}
    node = architecture.by_name[architecture.output]
    while node.op in KEEPING and node.inputs[0] != INPUT and len(architecture.readers[node.inputs[0]]) == 1:
        node = architecture.by_name[node.inputs[0]]
        found.add(node.name)
    ends = [architecture.by_name[name] for name in found]
    return {end.name for end in ends if end.op != "relu6" and not _of_table(architecture, end)}


def _of_table(architecture: Architecture, node: Node) -> bool:
    """Return whether a table, with bounds if it has some, ends with a node."""
    if node.op == "clip" and (before := architecture.by_name.get(node.inputs[0])) is not None:
        return by_table(architecture, before) and bent_by(architecture, before) is node
    return by_table(architecture, node)


def reach(architecture: Architecture, name: str) -> float:
    """Return the size beyond which nothing that reads a node or the input can tell its numbers apart, or infinity."""
    return max((REACH.get(reader.op, math.inf) for reader in architecture.readers[name]), default=math.inf)


def positive(architecture: Architecture, input_positive: bool) -> set[str]:
    """Return the nodes that can never return a negative number."""
    found: set[str] = {INPUT} if input_positive else set()
    for node in architecture.nodes:
        kept = node.op in (*KEEPING, "mean_pool", "global_mean_pool", "add", "concat", *BENDING)
        never = node.op in ("relu", "relu6", "sigmoid") or not node.attributes.get("signed", True)
        if never or (kept and set(node.inputs) <= found):
            found.add(node.name)
    return found
