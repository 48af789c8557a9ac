"""Faults in a deployed integer graph: any bit of any constant, of activations, state and inputs, judged exactly.

The verdict on a fault is that of a whole run of the NumPy interpreter with the fault in it (`plainly`). It is found
faster: what comes before the faulty operation was computed once, only the channels that a fault touches are computed
anew, only the inputs of which something changed go on, those of many faults at once, and they stop where nothing is
left of the change. What the interpreter has no answer to, such as an index outside of a table or a tree that does not
end, is due.

>>> from sarto.core.graph import Op, Tensor
>>> consts = {"w": np.array([[1, -1], [2, 0]], np.int8), "b": np.array([0, 1], np.int32),
...           "m": np.array([16384] * 2, np.int16), "s": np.array([14] * 2, np.uint8)}
>>> tensors = [Tensor(n, str(a.dtype), a.shape, "const", a) for n, a in consts.items()]
>>> tensors += [Tensor("x", "uint8", (2,), "input"), Tensor("y", "int32", (2,), "output")]
>>> op = Op("dense", {"x": "x", "weights": "w", "bias": "b", "factor": "m", "shift": "s"}, {"y": "y"},
...         {"low": -100, "high": 100})
>>> graph = Graph("net", tuple(tensors), (), (), (), 1, 0, None, ("a", "b"), (), (), (op, Op("argmax", {"x": "y"}, {})))
>>> space = GraphSpace(graph, np.array([[3, 1]]), np.array([0, 1]), where=("bias",))
>>> [(c.layer, c.part, c.bit, c.size) for c in space.cells[:2]], len(space.cells)
([('y', 'bias', 0, 2), ('y', 'bias', 1, 2)], 32)
>>> space.judge(np.array([[2, 0], [3, 0]])).kinds.tolist()
[1, 2]
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Int, Int64, Integer

from sarto.audit.faults import _streams, _whole
from sarto.audit.faults._whole import UNDEFINED, with_const
from sarto.audit.faults.model import FLIP, Fault
from sarto.audit.faults.sample import Cell
from sarto.audit.faults.verdicts import Judged, judged
from sarto.core.bits import inject
from sarto.core.errors import SartoError
from sarto.core.evidence import How
from sarto.core.graph import Graph, Tensor, infer, interpret, items_of
from sarto.core.store import content_hash

PARTS = ("weights", "bias", "multipliers", "shifts", "tables", "activations", "state", "input")
"""What can be faulty."""
_ROLES = {
    "bias": "bias",
    "factor": "multipliers",
    "factor_below": "multipliers",
    "factor_turn": "multipliers",
    "latest_factor": "multipliers",
    "factor_hidden": "multipliers",
    "bias_hidden": "bias",
    "shift": "shifts",
    "shift_below": "shifts",
    "exponent": "shifts",
    "zero": "bias",
    "threshold": "bias",
}
_WEIGHTS = ("weights", "inputs", "rotation", "memory_in", "memory_out", "weights_hidden", "taps")


@dataclass(frozen=True)
class _Target:
    tensor: str
    part: str
    bit: int


@dataclass(frozen=True, eq=False)
class GraphSpace:
    """The faults of a graph, seen by inputs as a device is given them.

    Attributes:
        graph: the integer network.
        raw, offsets: raw words, item i is `raw[offsets[i]:offsets[i + 1]]`.
        where: which of `PARTS`; those that the graph does not have are left out.
        fault: of what kind.
        tolerance: of a graph that predicts numbers, in counts: a number further off is wrong. Half a score's range of
            the inputs, if None.
    """

    graph: Graph
    raw: Integer[np.ndarray, "row channel"]
    offsets: Int[np.ndarray, " item_plus_1"]
    where: tuple[str, ...] = ("weights", "bias", "multipliers", "shifts", "tables")
    fault: Fault = FLIP
    tolerance: float | None = None

    def __post_init__(self) -> None:
        if strange := [part for part in self.where if part not in PARTS]:
            raise SartoError(
                "E148",
                f"'{strange[0]}' is no part of a graph that can be faulty",
                cause="there is none of that name",
                hint=f"known: {', '.join(PARTS)}",
            )

    @property
    def name(self) -> str:
        """What is faulty."""
        return "graph"

    @property
    def how(self) -> How:
        """How verdicts come about."""
        return "measured"

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def sha256(self) -> str:
        """Hash over all that verdicts depend on."""
        given = [self.raw.tobytes().hex(), str(self.raw.dtype), self.offsets.tolist()]
        return content_hash("faults of a graph", self.graph.sha256, given, repr(self.fault), list(self.where))

    @cached_property
    def _targets(self) -> tuple[tuple[Cell, _Target], ...]:
        found: list[tuple[Cell, _Target]] = []
        for tensor, layer, part in addressed(self.graph):
            if part in self.where:
                width = np.dtype(tensor.dtype).itemsize * 8
                moments = self._moments(part)
                size = int(np.prod(tensor.shape)) * moments
                for bit in range(width):
                    found.append((Cell(layer, part, bit, size, moments), _Target(tensor.name, part, bit)))
        return tuple(found)

    def _moments(self, part: str) -> int:
        """Return at how many moments of a sequence a fault of this part may come."""
        if self.graph.whole or part not in ("state", "input") or self.fault.permanent:
            return 1
        return int(np.diff(self.offsets).max(initial=1))

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells of the space, bit by bit of each tensor."""
        return self._cells

    @cached_property
    def _cells(self) -> tuple[Cell, ...]:
        return tuple(cell for cell, _ in self._targets)

    @property
    def bits(self) -> int:
        """How many bits are exposed."""
        return sum(cell.bits for cell in self.cells)

    @cached_property
    def golden(self) -> Int64[np.ndarray, "item output"]:
        """The scores without a fault."""
        return _scores(self.graph, self.raw, self.offsets)

    @cached_property
    def tolerance_of_numbers(self) -> float | None:
        """How far off a predicted number is wrong, in counts; None where classes are predicted."""
        if not self.graph.quanta:
            return None
        return float(np.ptp(self.golden)) / 2 if self.tolerance is None else self.tolerance

    def judge(self, places: Int64[np.ndarray, "fault 2"]) -> Judged:
        """Return what faults do, each given by the number of its cell and its own in the cell."""
        scores, failed = self.answers(places)
        return judged(self.golden, scores, failed=failed, tolerance=self.tolerance_of_numbers)

    def answers(
        self, places: Int64[np.ndarray, "fault 2"]
    ) -> tuple[Int64[np.ndarray, "fault item output"], Bool[np.ndarray, "fault item"]]:
        """Return the scores of every input with each fault, and where there are none."""
        scores = np.repeat(self.golden[None], len(places), axis=0)
        failed = np.zeros(scores.shape[:2], bool)
        by_tensor: dict[str, list[int]] = {}
        for number, cell in enumerate(places[:, 0]):
            by_tensor.setdefault(self._targets[int(cell)][1].tensor, []).append(number)
        for name, numbers in by_tensor.items():
            tensor = self.graph.by_name[name]
            if tensor.kind == "const":
                self._constants(tensor, places, numbers, scores, failed)
            else:
                self._written(tensor, places, numbers, scores)
        return scores, failed

    def plainly(self, cell: int, number: int) -> Judged:
        """Return what one fault of a constant does, by a whole run with it; see the module."""
        target = self._targets[cell][1]
        data = self._faulty(self.graph.by_name[target.tensor], number, target.bit)
        scores, failed = or_failed(with_const(self.graph, target.tensor, data), self.raw, self.offsets)
        return judged(self.golden, scores[None], failed=failed[None], tolerance=self.tolerance_of_numbers)

    def _faulty(self, tensor: Tensor, element: int, bit: int) -> Integer[np.ndarray, "..."]:
        return inject(self.graph.const(tensor.name), self._places(tensor, element, bit), self.fault.kind)

    def _places(self, tensor: Tensor, element: int, bit: int) -> Any:
        width = np.dtype(tensor.dtype).itemsize * 8
        outputs_first = tensor.kind == "const" and len(tensor.shape) > 1
        return self.fault.places(tensor.shape, element, bit, width, outputs_first=outputs_first)

    def _constants(
        self,
        tensor: Tensor,
        places: Int64[np.ndarray, "fault 2"],
        numbers: list[int],
        scores: Int64[np.ndarray, "fault item output"],
        failed: Bool[np.ndarray, "fault item"],
    ) -> None:
        """Fill in the scores of faults in one constant."""
        golden, changed = self.graph.const(tensor.name), list[tuple[int, Integer[np.ndarray, "..."]]]()
        for n in numbers:
            data = self._faulty(tensor, int(places[n, 1]), self._targets[int(places[n, 0])][1].bit)
            if not np.array_equal(data, golden):
                changed.append((n, data))
        readers = [op for op in self.graph.ops if tensor.name in op.inputs.values()]
        if self.graph.whole and len(readers) == 1:
            left = self._engine.constants(readers[0], tensor.name, changed, scores)
        elif not self.graph.whole and readers[0] not in self.graph.step:
            _streams.decided(self._means, self._last, self.graph, tensor.name, changed, scores, failed)
            left = []
        elif not self.graph.whole and len(readers) == 1:
            left = _streams.summed(self.graph, self.raw, self.offsets, tensor.name, changed, scores)
        else:
            left = changed
        for n, data in left:
            scores[n], failed[n] = or_failed(
                with_const(self.graph, tensor.name, data), self.raw, self.offsets
            )

    def _written(
        self,
        tensor: Tensor,
        places: Int64[np.ndarray, "fault 2"],
        numbers: list[int],
        scores: Int64[np.ndarray, "fault item output"],
    ) -> None:
        """Fill in the scores of faults in one tensor that is written during an inference."""
        moments = self._moments(self._targets[int(places[numbers[0], 0])][1].part)
        faults = [
            (
                n,
                int(places[n, 1]) % moments,
                self._places(tensor, int(places[n, 1]) // moments, self._targets[int(places[n, 0])][1].bit),
            )
            for n in numbers
        ]
        if self.graph.whole:
            self._engine.written(tensor, [(n, p) for n, _, p in faults], self.fault.kind, scores)
        else:
            once = None if self.fault.permanent else moments
            _streams.upset(self.graph, self.raw, self.offsets, tensor, faults, self.fault.kind, once, scores)

    @cached_property
    def _engine(self) -> _whole.Engine:
        return _whole.Engine(self.graph, items_of(self.graph, self.raw, self.offsets))

    @cached_property
    def _means(self) -> Int[np.ndarray, "item segment unit"]:
        return _streams.means(self.graph, self.raw, self.offsets)

    @cached_property
    def _last(self) -> Int[np.ndarray, "item channel"]:
        return _streams.last(self.raw, self.offsets)

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs: not what it finds again by itself."""
        return {name: self.__dict__[name] for name in self.__dataclass_fields__}


def _scores(
    graph: Graph, raw: Integer[np.ndarray, "row channel"], offsets: Int[np.ndarray, " item_plus_1"]
) -> Int64[np.ndarray, "item output"]:
    run = infer(graph, items_of(graph, raw, offsets)) if graph.whole else interpret(graph, raw, offsets)
    return run.scores.astype(np.int64)


def or_failed(
    graph: Graph, raw: Integer[np.ndarray, "row channel"], offsets: Int[np.ndarray, " item_plus_1"]
) -> tuple[Int64[np.ndarray, "item output"], Bool[np.ndarray, " item"]]:
    """Return the scores of every item, and which of them have none."""
    try:
        scores = _scores(graph, raw, offsets)
        return scores, np.zeros(len(scores), bool)
    except UNDEFINED:
        scores = np.zeros((len(offsets) - 1, len(graph.outputs)), np.int64)
        failed = np.zeros(len(scores), bool)
        for i in range(len(scores)):
            try:
                scores[i] = _scores(graph, raw[offsets[i] : offsets[i + 1]], offsets[i : i + 2] - offsets[i])[
                    0
                ]
            except UNDEFINED:
                failed[i] = True
        return scores, failed


def addressed(graph: Graph) -> list[tuple[Tensor, str, str]]:
    """Return every tensor that can be faulty once, with its layer and part."""
    found: dict[str, tuple[Tensor, str, str]] = {}
    for op in graph.ops:
        layer = next(iter(op.outputs.values()), op.kind)
        for role, name in op.inputs.items():
            tensor = graph.by_name[name]
            if tensor.kind == "const" and name not in found:
                part = "weights" if role in _WEIGHTS else _ROLES.get(role, "tables")
                found[name] = (tensor, layer, part)
            elif tensor.kind == "input" and name not in found:
                found[name] = (tensor, name, "input")
    if graph.whole:
        for op in graph.whole:
            for name in op.outputs.values():
                found[name] = (graph.by_name[name], name, "activations")
    for tensor in _streams.states(graph):
        found[tensor.name] = (tensor, tensor.name, "state")
    return list(found.values())
