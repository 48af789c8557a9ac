"""A reservoir over a batch of sequences of unequal length, which shrinks as sequences end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, Integer

from sarto.core.graph.generated import generated
from sarto.core.graph.layer import Constants, Sums, recurrent, remember, rescaled
from sarto.core.graph.operations import POOLED_STEPS, pool, scaled
from sarto.core.graph.values import Graph

State = dict[str, Int[np.ndarray, "item _"]]
Upset = Callable[[int, Int[np.ndarray, " item"], State], None]
"""Changes the state in place after a step: its number, the numbers of the sequences, and by name their tensors."""
Changed = Callable[[int, Int[np.ndarray, " item"]], Sums | None]
"""Returns what changes the sums of a layer, given its number and the numbers of the sequences."""


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer as the interpreter needs it.

    Attributes:
        consts: by role.
        attributes: of its operation.
        span: which of all neurons are its own.
        below: of its input, the neurons and the attributes that rescale them; None where it sees the sensor.
        slots: of its linear memory.
        memory: name of that tensor, empty without one.
    """

    consts: Constants
    attributes: dict[str, int]
    span: slice
    below: tuple[slice, dict[str, int]] | None
    slots: int
    memory: str = ""


def layers(graph: Graph) -> list[Layer]:
    """Return the layers of the reservoir of `graph`, from the input on."""
    found: list[Layer] = []
    channels, below = len(graph.channels), None
    for op in graph.step[1:]:
        if op.kind == "rescale":
            below = found[-1].span, dict(op.attributes)
            channels = below[0].stop - below[0].start
        if op.kind != "recurrent":
            continue
        attributes = dict(op.attributes)
        consts = {
            r: graph.const(name) for r, name in op.inputs.items() if graph.by_name[name].kind == "const"
        }
        first = attributes.get("first", 0)
        units = attributes.get("units", graph.by_name[op.outputs["state"]].shape[0])
        if "start" in attributes:
            consts["weights"], consts["inputs"] = generated(attributes["start"], units, channels)
        memory = op.outputs.get("memory", "")
        slots = graph.by_name[memory].shape[0] if memory else 0
        found.append(Layer(consts, attributes, slice(first, first + units), below, slots, memory))
    return found


def advance(
    graph_layers: list[Layer],
    h: Int[np.ndarray, "item neuron"],
    memories: list[Int[np.ndarray, "item _"]],
    x: Integer[np.ndarray, "item channel"],
    change: Sequence[Sums | None] = (),
) -> None:
    """Move the states `h` and the memories on by one step under the inputs `x`, in place; `change` changes sums."""
    for i, (layer, m) in enumerate(zip(graph_layers, memories, strict=True)):
        seen = x if layer.below is None else rescaled(h[:, layer.below[0]], layer.below[1])
        if layer.slots:
            m[:] = remember(m, seen, layer.consts, layer.attributes)
        own = h[:, layer.span]
        own[:] = recurrent(
            own,
            seen,
            layer.consts,
            layer.attributes,
            m if layer.slots else None,
            change[i] if change else None,
        )


def reservoir_means(
    graph: Graph,
    x: Integer[np.ndarray, "row channel"],
    offsets: Int[np.ndarray, " item_plus_1"],
    upset: Upset | None = None,
    change: Changed | None = None,
) -> Int[np.ndarray, "item segment unit"]:
    """Return what is pooled of the states under standardised inputs `x`, with 30 fractional bits.

    Units are the running means first and the segment's last state after them, each where the `features` operation
    takes it; all are 0 where a sequence never reached the segment. After each step `upset` may change the state, in it
    `change` the sums.
    """
    every = layers(graph)
    pools = [op for op in graph.step if op.kind == "pool"]
    square_shift = pools[0].attributes["square_shift"] if pools else 0
    seen = [
        graph.by_name[graph.segment[0].inputs[role]]
        for role in ("total", "state")
        if role in graph.segment[0].inputs
    ]
    width = graph.by_name[pools[0].outputs["total"]].shape[0] if pools else 0

    names = next(op.outputs for op in graph.step if op.kind == "recurrent")

    lengths = np.diff(offsets)
    order = np.argsort(-lengths, kind="stable")
    starts, ends = offsets[:-1][order], lengths[order]
    h = np.zeros((len(order), every[-1].span.stop), np.int64)
    memories: list[Int[np.ndarray, "item _"]] = [
        np.zeros((len(order), layer.slots), np.int64) for layer in every
    ]
    total = np.zeros((len(order), width), np.int64)
    means = np.zeros((len(order), graph.segments, sum(t.shape[0] for t in seen)), np.int64)
    segment = count = 0
    for step in range(int(ends[0]) if len(ends) else 0):
        live = int(np.searchsorted(-ends, -step))
        h, memories, total = h[:live], [m[:live] for m in memories], total[:live]
        changes = [change(i, order[:live]) for i in range(len(every))] if change is not None else ()
        advance(every, h, memories, x[starts[:live] + step], changes)
        if count < POOLED_STEPS:
            count += 1
            total = pool(total, h, square_shift) if pools else total
        if upset is not None:
            own = {layer.memory: m for layer, m in zip(every, memories, strict=True) if layer.memory}
            pooled = {pools[0].outputs["total"]: total} if pools else {}
            upset(step, order[:live], {names["state"]: h, **pooled, **own})
        boundary = segment < graph.segments - 1 and count == graph.segment_steps
        going_on = 0 if boundary else int(np.searchsorted(-ends, -(step + 1)))
        if going_on < live:
            parts = {"total": (total, count), "state": (h, 1)}
            blocks = [
                scaled(v[going_on:], n) for role, (v, n) in parts.items() if role in graph.segment[0].inputs
            ]
            means[going_on:live, segment] = np.concatenate(blocks, axis=1)
        if boundary:
            total = np.zeros_like(total)
            segment, count = segment + 1, 0
    return means[np.argsort(order, kind="stable")]
