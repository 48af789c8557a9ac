"""Where a network of integers has integers: which nodes return numbers that are quantised.

A layer or a sum hands on to an activation that alone reads it what it has in full (32 bits); the activation is then
where integers are made. Pooling by maximum, flattening, reshaping and taking keep the numbers they are given. The
scores, and what only keeps them, stay in full. So a network is quantised at its input and behind

    layers, sums and means that are not read by one activation alone, and activations.

>>> from sarto.models.network.named import named
>>> places(named("lenet5", (1, 28, 28), 10))
('input', 'conv1', 'conv2', 'fc1_relu')
"""

from __future__ import annotations

from sarto.models.network.architecture import INPUT, Architecture, Node
from sarto.models.network.operations import PIECEWISE_LINEAR, SATURATING, WEIGHTED

KEEPING = ("max_pool", "flatten", "reshape", "take")
"""Operations that return some of the numbers that they are given."""
SUMMING = (*WEIGHTED, "add", "mean_pool", "global_mean_pool")
"""Operations that return sums, which an activation may still bend."""
BENDING = (*PIECEWISE_LINEAR, *SATURATING)
"""Activations."""


def places(architecture: Architecture) -> tuple[str, ...]:
    """Return the nodes whose output is quantised, the input first."""
    full = in_full(architecture)
    found = [INPUT]
    for node in architecture.nodes:
        if node.op not in KEEPING and bent_by(architecture, node) is None and node.name not in full:
            found.append(node.name)
    return tuple(found)


def bent_by(architecture: Architecture, node: Node) -> Node | None:
    """Return the activation that alone reads a layer, sum or mean, or None."""
    readers = architecture.readers[node.name]
    alone = node.op in SUMMING and len(readers) == 1 and node.name != architecture.output
    return readers[0] if alone and readers[0].op in BENDING else None


def in_full(architecture: Architecture) -> set[str]:
    """Return the output, and the nodes before it from which on the numbers are only kept."""
    found = {architecture.output}
    node = architecture.by_name[architecture.output]
    while node.op in KEEPING and node.inputs[0] != INPUT and len(architecture.readers[node.inputs[0]]) == 1:
        node = architecture.by_name[node.inputs[0]]
        found.add(node.name)
    return found


def positive(architecture: Architecture, input_positive: bool) -> set[str]:
    """Return the nodes that can never return a negative number."""
    found: set[str] = {INPUT} if input_positive else set()
    for node in architecture.nodes:
        kept = node.op in (*KEEPING, "mean_pool", "global_mean_pool", "add", "concat", "leaky_relu")
        if node.op in ("relu", "relu6", "sigmoid") or (kept and set(node.inputs) <= found):
            found.add(node.name)
    return found
