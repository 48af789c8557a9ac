"""What the operations of a network write while its C is emitted: tables, calls, and which kernels they need.

>>> parts = Parts()
>>> parts.needs("words")
>>> parts.needs("network_pool", "int8")
>>> list(parts.kernels)
['words', 'network_pool int8']
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sarto.core.errors import SartoError
from sarto.core.graph import Graph, Op
from sarto.deploy.plan import Plan

MOST = 65535
"""Layers are described in 16 bits."""


@dataclass
class Parts:
    """What the operations of a network need, as far as they were looked at.

    Attributes:
        first: definitions that kernels read by name.
        tables: of layers, behind the kernels.
        calls: of kernels, one after the other.
        kernels: files, each with the type of numbers that it reads.
        features: that kernels are to have, see `resolved`.
        added: the most tensors that are added up.
    """

    first: list[str] = field(default_factory=list[str])
    tables: list[str] = field(default_factory=list[str])
    calls: list[str] = field(default_factory=list[str])
    kernels: dict[str, None] = field(default_factory=dict[str, None])
    features: set[str] = field(default_factory=set[str])
    added: int = 0

    def needs(self, kernel: str, *number: str) -> None:
        """Note a kernel file, and the type of numbers that it reads."""
        for one in number or ("",):
            self.kernels[f"{kernel} {one}".strip()] = None


class Emission:
    """A graph, where its tensors lie, and what was written so far."""

    def __init__(self, graph: Graph, plan: Plan) -> None:
        self.graph, self.plan, self.parts = graph, plan, Parts()

    def place(self, name: str, const: bool = True) -> str:
        """Return the C of where a tensor lies, as numbers of its own type, or as bytes to write to."""
        at = f"m + {self.plan.places[name]}"
        return f"(const {self.graph.by_name[name].dtype}_t *)({at})" if const else at

    def describe(self, kind: str, name: str, fields: str) -> str:
        """Note what a layer is made of; return the C of where that lies."""
        self.parts.tables.append(f"static const {kind} {name} = {fields};\n")
        return f"&{name}"

    def call(self, what: str, text: str) -> None:
        """Add a statement that makes tensor `what`."""
        self.parts.calls.append(f"    {text}; /* {what} */\n")


def refused(op: Op, cause: str) -> SartoError:
    """Return the error of an operation that C cannot be written for."""
    where = next(iter(op.outputs.values()), op.kind)
    return SartoError("E126", f"no C can be generated for '{where}'", cause=cause)


def check(op: Op, *sizes: int) -> None:
    """Refuse an operation with a size that its description has no room for.

    Raises:
        SartoError: E126.
    """
    if max(sizes) > MOST:
        raise refused(
            op, f"it has a size of {max(sizes)}, and layers are described in 16 bits: {MOST} at most"
        )
