"""A network while it is read: nodes by the names of the source, weights as arrays, refusals that name the layer."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from sarto.models.input_error import InputError
from sarto.models.network.architecture import INPUT, Architecture, Node
from sarto.models.network.operations import OPERATIONS, Value

TOLERANCE = 1e-3
"""Largest difference from the original, as a share of its largest output, on random items: sums in another order."""
ITEMS = 4
"""Random items on which both are run."""


@dataclass(frozen=True, eq=False)
class Read:
    """A network that was read: its architecture, its weights, and remarks on what was left away."""

    architecture: Architecture
    arrays: dict[str, Float[np.ndarray, "..."]]
    remarks: tuple[str, ...] = ()


@dataclass
class Sketch:
    """What has been read so far; `place` says which node (or the input) a value of the source comes from."""

    place: dict[str, str] = field(default_factory=dict[str, str])
    nodes: list[Node] = field(default_factory=list[Node])
    arrays: dict[str, Float[np.ndarray, "..."]] = field(default_factory=dict[str, np.ndarray])
    remarks: list[str] = field(default_factory=list[str])

    def put(self, source: str, op: str, inputs: list[str], result: str, **attributes: Value) -> str:
        """Add a node for what `source` is called there, which reads values and gives the value `result`."""
        name = self._name(source, op)
        self.nodes.append(Node(name, op, tuple(self.place[i] for i in inputs), attributes))
        self.place[result] = name
        return name

    def same(self, value: str, result: str) -> None:
        """Say that `result` is `value`: of a dropout, an identity, a flatten of a vector."""
        self.place[result] = self.place[value]

    def weigh(self, name: str, **arrays: Float[np.ndarray, "..."] | None) -> None:
        """Keep the parameters of a node."""
        for own, array in arrays.items():
            if array is not None:
                self.arrays[f"{name}.{own}"] = np.ascontiguousarray(array, np.float32)

    def _name(self, source: str, op: str) -> str:
        """Return an identifier like the source's name that no node has."""
        words = re.sub(r"\W+", "_", source).strip("_") or op
        stem = words if re.match(r"[A-Za-z]", words) else f"{op}_{words}"
        taken = {node.name for node in self.nodes} | {INPUT}
        name, number = stem, 2
        while name in taken:
            name, number = f"{stem}_{number}", number + 1
        return name

    def finish(self, shape: tuple[int, ...], output: str) -> Read:
        """Return the network up to the value `output`, without nodes that nothing reads.

        Raises:
            InputError: E130, when the output does not depend on the input; E121, when shapes do not fit.
        """
        last = self.place[output]
        if last == INPUT:
            raise InputError("E130", "the network's output is its input", cause="it has no operation")
        needed: set[str] = {last}
        for node in reversed(self.nodes):
            if node.name in needed:
                needed |= set(node.inputs)
        kept = [n for n in self.nodes if n.name in needed]
        kept = [n for n in kept if n.name != last] + [n for n in kept if n.name == last]
        architecture = Architecture(shape, tuple(kept))
        return Read(
            architecture, {name: self.arrays[name] for name in architecture.parameters}, tuple(self.remarks)
        )


def refused(what: str, cause: str) -> InputError:
    """Return the error of a layer that cannot be read."""
    return InputError(
        "E130",
        f"{what} cannot be read",
        cause=cause,
        hint=f"Sarto reads networks of {', '.join(OPERATIONS)}",
    )


def check_same(
    ours: Float[np.ndarray, "..."],
    theirs: Float[np.ndarray, "..."],
    source: str,
    tolerance: float = TOLERANCE,
) -> None:
    """Refuse a network whose outputs are not those of the original.

    Raises:
        InputError: E130, with the largest difference.
    """
    wrong = ours.shape != theirs.shape
    most = 0.0 if wrong else float(np.abs(ours - theirs).max()) / max(float(np.abs(theirs).max()), 1e-6)
    if wrong or not most <= tolerance:
        raise InputError(
            "E130",
            f"{source}: what was read gives other outputs, by {most:.2g} of the largest "
            f"(shapes {ours.shape} and {theirs.shape})",
            cause="an operation of the network means something else than Sarto took it for",
            hint="this is a defect worth a report, with the network",
        )
