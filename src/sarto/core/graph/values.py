"""The integer network as a value: tensors, operations and programs.

A graph of a stream has three programs. `step` runs for every sample, `segment` at the end of every pooling segment
(and at the end of the sequence for what is left), `finish` once at the end of the sequence. State tensors
start at zero with every sequence; constants are in flash; scratch lives within one program run.

A graph of whole items has one program, `whole`, which runs once for an item that lies in its input tensor (see
`network`). It has no state, and none of the other programs. For the windows of a stream, its first operation makes
numbers of each sample as it comes.

>>> import numpy as np
>>> t = Tensor("table", "int8", (2,), "const", np.array([1, 2], np.int8))
>>> t.size_b, Window(100, 50).banks, Window(100, 30).banks
(2, 2, 4)
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from jaxtyping import Integer

from sarto.core.graph.generated import assert_start
from sarto.core.graph.operations import POOLED_STEPS

Kind = Literal["input", "const", "state", "scratch", "output"]
DTYPES = {"int8": 1, "uint8": 1, "int16": 2, "uint16": 2, "int32": 4, "int64": 8}


@dataclass(frozen=True, eq=False)
class Tensor:
    """A named integer array.

    Attributes:
        name: unique in the graph, a C identifier.
        dtype: one of `DTYPES`.
        shape: without batch.
        kind: input (the raw sample), const (flash), state (kept over steps), scratch, output.
        data: the values of a const, else None.
        scale: real value of one count, where it has one; documentation, never used in a computation.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    kind: Kind
    data: Integer[np.ndarray, "..."] | None = None
    scale: float | None = None

    def __post_init__(self) -> None:
        assert self.dtype in DTYPES, f"{self.name}: {self.dtype} is no integer type of a graph"
        assert self.name.isidentifier()
        assert (self.kind == "const") == (self.data is not None), (
            f"{self.name}: constants have data, others none"
        )
        if self.data is not None:
            assert self.data.dtype == np.dtype(self.dtype) and self.data.shape == self.shape, self.name

    @property
    def size_b(self) -> int:
        """Bytes of the tensor."""
        return DTYPES[self.dtype] * int(np.prod(self.shape, dtype=np.int64))


@dataclass(frozen=True)
class Op:
    """One operation: its `kind` (a function of `operations` and a kernel in C), tensors and integer attributes."""

    kind: str
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    attributes: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True)
class Window:
    """Streaming windows: one of `length` steps starts every `hop` steps; `banks` of them run side by side."""

    length: int
    hop: int

    def __post_init__(self) -> None:
        assert 1 <= self.hop <= self.length, "a hop is between 1 and the window's length"

    @property
    def banks(self) -> int:
        """How many windows are open at once, at the most: ceil(length / hop)."""
        return -(-self.length // self.hop)


@dataclass(frozen=True, eq=False)
class Graph:
    """The integer network.

    Attributes:
        name: C identifier, prefix of the generated names.
        tensors: every tensor, in the order of their first use.
        step, segment, finish: the programs, see the module.
        segments: number of pooling segments; the last one is open-ended.
        segment_steps: steps of a segment, at most `POOLED_STEPS`; meaningless (0) when there is one segment.
        window: how windows overlap in a stream, or None where the caller ends each sequence.
        outputs: names of the scores: classes, or the numbers that are predicted.
        channels: names of the raw channels.
        quanta: real value of one count of each number that is predicted; empty for classes.
        whole: the program of a graph of whole items, empty for a stream.
        groups: equal blocks that its channels fall into, of which no block reads a later one (see `widths`); 1 for any
            other graph.
    """

    name: str
    tensors: tuple[Tensor, ...]
    step: tuple[Op, ...]
    segment: tuple[Op, ...]
    finish: tuple[Op, ...]
    segments: int
    segment_steps: int
    window: Window | None
    outputs: tuple[str, ...]
    channels: tuple[str, ...]
    quanta: tuple[float, ...] = ()
    whole: tuple[Op, ...] = ()
    groups: int = 1

    def __post_init__(self) -> None:
        assert self.segments == 1 or 1 <= self.segment_steps <= POOLED_STEPS
        streams = self.step or self.segment or self.finish or self.kind("state")
        assert not (self.whole and streams), "a graph runs on a stream or on whole items"
        for op in self.ops:
            for name in (*op.inputs.values(), *op.outputs.values()):
                assert name in self.by_name, f"{op.kind} uses {name}, which the graph does not have"
            if op.kind == "recurrent":
                assert ("start" in op.attributes) != ("weights" in op.inputs), (
                    "weights are stored or generated"
                )
                assert_start(op.attributes.get("start", 1))

    @cached_property
    def by_name(self) -> dict[str, Tensor]:
        """The tensors by name."""
        return {t.name: t for t in self.tensors}

    def const(self, name: str) -> Integer[np.ndarray, "..."]:
        """Return the data of constant `name`."""
        data = self.by_name[name].data
        assert data is not None, f"{name} is no constant"
        return data

    def kind(self, kind: Kind) -> list[Tensor]:
        """Return the tensors of one kind."""
        return [t for t in self.tensors if t.kind == kind]

    @property
    def ops(self) -> tuple[Op, ...]:
        """Every operation of the programs."""
        return (*self.step, *self.segment, *self.finish, *self.whole)

    @property
    def head(self) -> Op:
        """The operation that makes the sums of the outputs out of features."""
        return self.finish[0] if len(self.finish) > 1 else self.segment[1]

    def describe(self) -> dict[str, Any]:
        """Return everything but the constants' values, as plain JSON values."""
        programs = {"step": self.step, "segment": self.segment, "finish": self.finish}
        if self.whole:
            programs = {"whole": self.whole}
        return {
            "name": self.name,
            "tensors": [[t.name, t.dtype, list(t.shape), t.kind, t.scale] for t in self.tensors],
            "programs": {
                name: [[o.kind, dict(o.inputs), dict(o.outputs), dict(o.attributes)] for o in program]
                for name, program in programs.items()
            },
            "segments": self.segments,
            "segment_steps": self.segment_steps,
            "window": None if self.window is None else [self.window.length, self.window.hop],
            "outputs": list(self.outputs),
            "channels": list(self.channels),
            "quanta": list(self.quanta),
            **({"groups": self.groups} if self.groups > 1 else {}),
        }

    @cached_property
    def sha256(self) -> str:
        """Hash over structure and constants: equal graphs, equal hash, also after a way through a file."""
        digest = hashlib.sha256(json.dumps(self.describe()).encode())
        for tensor in self.kind("const"):
            digest.update(tensor.name.encode() + np.ascontiguousarray(self.const(tensor.name)).tobytes())
        return digest.hexdigest()
