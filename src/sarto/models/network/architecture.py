"""What a feed-forward network computes, as a value: operations in the order in which they run, without their weights.

It is what a file keeps of a network beside its weights, so that it is loaded again without the program that made it;
what pruning follows a channel through; and what is lowered to integers.

>>> net = Architecture((4,), (Node("hidden", "linear", ("input",), {"features": 3}), Node("bend", "relu", ("hidden",)),
...                           Node("out", "linear", ("bend",), {"features": 2})))
>>> net.shapes["hidden"], net.parameters["out.weight"], net.size
((3,), (2, 3), 23)
>>> Architecture.from_json(net.to_json()) == net
True
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sarto.models.input_error import InputError
from sarto.models.network.operations import OPERATIONS, WEIGHTED, Shape, Value, complete

INPUT = "input"
"""Name of what a network is given."""
_MOST_VALUES = 2**40
"""No tensor of a network has as many; a larger one is a damaged file."""


@dataclass(frozen=True)
class Node:
    """One operation: a name of its own, its kind, the nodes that it reads, and its complete attributes."""

    name: str
    op: str
    inputs: tuple[str, ...]
    attributes: Mapping[str, Value] = field(default_factory=dict[str, Value])

    def __post_init__(self) -> None:
        if not self.name.isidentifier() or self.name == INPUT:
            raise InputError(
                "E121",
                f"'{self.name}' cannot name a node",
                cause=f"a name is an identifier and not '{INPUT}'",
            )
        try:
            object.__setattr__(self, "attributes", complete(self.op, self.attributes))
        except ValueError as error:
            raise InputError("E121", f"node '{self.name}' cannot be made", cause=str(error)) from error


@dataclass(frozen=True)
class Architecture:
    """A network without its weights.

    Attributes:
        input_shape: of one item, without the batch: (feature), (channel, step) or (channel, row, column).
        nodes: every operation; a node reads only nodes before it, or the input. The last one is the output.

    Raises:
        InputError: E121, when a node is read before it is there, a name is there twice, or shapes do not fit; the
            message names the node.
    """

    input_shape: Shape
    nodes: tuple[Node, ...]

    def __post_init__(self) -> None:
        if not self.nodes or not 1 <= len(self.input_shape) <= 3 or min(self.input_shape) < 1:
            raise InputError(
                "E121",
                f"no network of {len(self.nodes)} nodes on items of shape {self.input_shape}",
                cause="a network has at least one node, and an item one to three dimensions",
            )
        seen = {INPUT}
        for node in self.nodes:
            if node.name in seen:
                raise InputError(
                    "E121", f"there are two nodes '{node.name}'", cause="a name stands for one node"
                )
            if lost := [name for name in node.inputs if name not in seen]:
                raise InputError(
                    "E121", f"node '{node.name}' reads '{lost[0]}'", cause="no node before it has that name"
                )
            seen.add(node.name)
        _ = self.shapes

    @cached_property
    def shapes(self) -> dict[str, Shape]:
        """Shape of what every node returns, and of the input, without the batch."""
        shapes = {INPUT: self.input_shape}
        for node in self.nodes:
            read, operation = [shapes[name] for name in node.inputs], OPERATIONS[node.op]
            wanted = operation.inputs
            if len(read) != wanted if wanted else len(read) < 2:
                raise InputError(
                    "E121",
                    f"node '{node.name}' reads {len(read)} nodes",
                    cause=f"{node.op} takes {wanted or 'two or more'}",
                )
            try:
                shapes[node.name] = operation.shape(read, node.attributes)
            except ValueError as error:
                raise InputError("E121", f"node '{node.name}' cannot be made", cause=str(error)) from error
            if math.prod(shapes[node.name]) > _MOST_VALUES:
                raise InputError("E121", f"node '{node.name}' is too large", cause=f"{shapes[node.name]}")
        return shapes

    @cached_property
    def parameters(self) -> dict[str, Shape]:
        """Shape of every parameter, by the name `node.parameter`; running means and variances are among them."""
        return {
            f"{node.name}.{name}": shape
            for node in self.nodes
            for name, shape in OPERATIONS[node.op]
            .parameters([self.shapes[i] for i in node.inputs], node.attributes)
            .items()
        }

    @property
    def output(self) -> str:
        """Name of the last node."""
        return self.nodes[-1].name

    @property
    def size(self) -> int:
        """Number of parameters."""
        return sum(math.prod(shape) for shape in self.parameters.values())

    @cached_property
    def by_name(self) -> dict[str, Node]:
        """The nodes by name."""
        return {node.name: node for node in self.nodes}

    @cached_property
    def readers(self) -> dict[str, tuple[Node, ...]]:
        """The nodes that read each node, and the input, in order."""
        return {
            name: tuple(n for n in self.nodes if name in n.inputs)
            for name in (INPUT, *(n.name for n in self.nodes))
        }

    @property
    def weighted(self) -> tuple[Node, ...]:
        """The nodes with weights that can be pruned, quantised and coded, in order."""
        return tuple(node for node in self.nodes if node.op in WEIGHTED)

    def to_json(self) -> dict[str, Any]:
        """Return the architecture as plain JSON values."""
        nodes = [
            [
                n.name,
                n.op,
                list(n.inputs),
                {k: list(v) if isinstance(v, tuple) else v for k, v in n.attributes.items()},
            ]
            for n in self.nodes
        ]
        return {"input_shape": list(self.input_shape), "nodes": nodes}

    @staticmethod
    def from_json(data: Any) -> Architecture:
        """Return the architecture that `to_json` wrote.

        Raises:
            InputError: E121, when `data` is anything else.
        """
        try:
            nodes = tuple(
                Node(
                    str(name),
                    str(op),
                    tuple(map(str, inputs)),
                    {str(k): _value(v) for k, v in attributes.items()},
                )
                for name, op, inputs, attributes in data["nodes"]
            )
            return Architecture(tuple(map(int, data["input_shape"])), nodes)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(
                "E121", "this is no description of a network", cause=f"{type(error).__name__}: {error}"
            ) from error


def _value(value: Any) -> Value:
    """Return an attribute as JSON has it."""
    if isinstance(value, list):
        return tuple(int(part) for part in value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, (bool, int, float)):
        return value
    raise TypeError(f"an attribute is a number or a list of numbers, not {value!r}")
