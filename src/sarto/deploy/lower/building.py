"""A graph of whole items while it is built: its tensors, its operations, and which tensor a node's numbers lie in.

>>> from sarto.deploy.lower.layout import canonical
>>> build = GraphBuilding()
>>> build.put("a", (2, 3), "input", 0.5, (0, 255), canonical((2, 3)))
'a'
>>> build.put("a", (2,), "", 1.0, (-127, 127), canonical((2,)))
'a_'
>>> [(t.dtype, t.shape) for t in build.tensors.values()]
[('uint8', (1, 3, 2)), ('int8', (2,))]
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, Integer

from sarto.core.graph import Op, Tensor
from sarto.core.graph.operations import SCORE_LIMIT
from sarto.deploy.lower.layout import graph_shape
from sarto.models.input_error import InputError
from sarto.models.network.operations import Shape


@dataclass(frozen=True, eq=False)
class Held:
    """What a node returns: the tensor's name, scale and limits, and which of the node's numbers lies at each place."""

    name: str
    scale: float
    limits: tuple[int, int]
    order: Int[np.ndarray, " place"]

    @property
    def peak(self) -> int:
        """The largest size of a number."""
        return max(abs(self.limits[0]), self.limits[1])


class GraphBuilding:
    """The graph as far as it is built.

    Attributes:
        tensors: by name, in the order of their first use.
        ops: its program.
        held: what each node returned.
    """

    def __init__(self) -> None:
        self.tensors: dict[str, Tensor] = {}
        self.ops: list[Op] = []
        self.held: dict[str, Held] = {}

    @staticmethod
    def fail(node: str, what: str, cause: str, hint: str = "") -> InputError:
        """Return the error for what cannot be lowered."""
        return InputError("E126", f"'{node}' {what}", cause=cause, hint=hint)

    def put(
        self,
        node: str,
        shape: Shape,
        kind: str,
        scale: float,
        limits: tuple[int, int],
        order: Int[np.ndarray, " place"],
        name: str = "",
    ) -> str:
        """Add the tensor of what `node` returns, and return its name."""
        name = self.free(name or node)
        dtype = "uint8" if limits[0] >= 0 and limits[1] <= 255 else "int8"
        largest = max(-limits[0], limits[1])
        dtype = dtype if largest <= 255 else "int16" if largest < 2**15 else "int32"
        stored = graph_shape(shape)
        tensor = Tensor(name, dtype, stored, "input" if kind == "input" else "scratch", scale=scale)
        self.tensors[name] = tensor
        self.held[node] = Held(name, scale, limits, order)
        return name

    def free(self, name: str) -> str:
        """Return the name, with underscores if a tensor has it already."""
        while name in self.tensors:
            name += "_"
        return name

    def const(self, name: str, data: Integer[np.ndarray, "..."], dtype: str) -> str:
        """Add a constant and return its name."""
        name, held = self.free(name), data.astype(dtype)
        assert (held == data).all(), f"{name} has numbers beyond {dtype}"
        self.tensors[name] = Tensor(name, dtype, held.shape, "const", held)
        return name

    def ordered(self, read: Held, order: Int[np.ndarray, " place"]) -> Held:
        """Return what was read with its numbers, or some of them, in `order`: moved where they lie otherwise."""
        if np.array_equal(read.order, order):
            return read
        index = np.argsort(read.order)[order]
        name = self.free(f"{read.name}_ordered")
        before = self.tensors[read.name]
        self.tensors[name] = Tensor(name, before.dtype, (len(order),), "scratch", scale=read.scale)
        places = self.const(f"{name}_index", index, "uint16" if len(index) <= 2**16 else "int32")
        self.ops.append(Op("permute", {"x": read.name, "index": places}, {"y": name}))
        return Held(name, read.scale, read.limits, order)

    def in_32_bits(self, read: Held) -> Held:
        """Return the same numbers as scores, which have 32 bits."""
        if self.tensors[read.name].dtype == "int32" or self.tensors[read.name].kind == "input":
            return read
        name, limits = self.free(f"{read.name}_scores"), (-SCORE_LIMIT, SCORE_LIMIT)
        self.tensors[name] = Tensor(name, "int32", self.tensors[read.name].shape, "scratch", scale=read.scale)
        attributes = {"factor_0": 2, "shift": 1, "low": limits[0], "high": limits[1]}
        self.ops.append(Op("add", {"x0": read.name}, {"y": name}, attributes))
        return Held(name, read.scale, limits, read.order)
