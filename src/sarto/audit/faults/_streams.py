"""Faults in a graph of a stream: what decides from pooled means, and states and samples that are upset on the way.

Faults in state and samples run side by side: each has its own copy of every sequence in one batch. A fault that comes
once comes at the moment t of T, after step floor(t n / T) of a sequence of n steps. So do faults in what a reservoir's
sums are linear in, its weights and its bias: with w' in the place of w, that of v_c in the sum of neuron r,

    acc'_r = acc_r + (w' - w) v_c,

which is exact, since both are integers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Int, Int64, Integer

from sarto.audit.faults._whole import UNDEFINED, Changed, Scores, with_const
from sarto.core.bits import Kind, Places, put
from sarto.core.graph import Graph, Tensor, decide, interpret, last_samples, trace
from sarto.core.graph.layer import Sums
from sarto.core.graph.recurrence import State

_AT_ONCE = 1 << 16
"""Sequences that run side by side."""
_STATES = 15_000
"""States of a reservoir that move on side by side: 120 kB; arrays from 128 kB on are mapped anew in every step."""
LINEAR = ("weights", "inputs", "bias")
"""Roles of what the sums of a reservoir are linear in."""
Table = Int64[np.ndarray, "fault place 3"]


def means(
    graph: Graph, raw: Integer[np.ndarray, "row channel"], offsets: Int[np.ndarray, " item_plus_1"]
) -> Int[np.ndarray, "item segment unit"]:
    """Return what a segment's end sees, without a fault."""
    return trace(graph, raw, offsets)


def last(
    raw: Integer[np.ndarray, "row channel"], offsets: Int[np.ndarray, " item_plus_1"]
) -> Int[np.ndarray, "item channel"]:
    """Return the last sample of every sequence."""
    return last_samples(raw, offsets)


def states(graph: Graph) -> list[Tensor]:
    """Return the tensors of state that can be upset: those of a reservoir."""
    cells = [op for op in graph.step if op.kind == "recurrent"]
    if not cells:
        return []
    names = [cells[0].outputs["state"], *(op.outputs["memory"] for op in cells if "memory" in op.outputs)]
    names += [op.outputs["total"] for op in graph.step if op.kind == "pool"]
    return [graph.by_name[name] for name in dict.fromkeys(names)]


def decided(
    pooled: Int[np.ndarray, "item segment unit"],
    seen: Int[np.ndarray, "item channel"],
    graph: Graph,
    name: str,
    changed: Changed,
    scores: Scores,
    failed: Bool[np.ndarray, "fault item"],
) -> None:
    """Fill in the scores of faults in a constant that is used after the steps, and for which items there are none."""
    for number, data in changed:
        faulty = with_const(graph, name, data)
        try:
            scores[number] = decide(faulty, pooled, seen).scores
        except UNDEFINED:
            for i in range(len(pooled)):
                try:
                    scores[number, i] = decide(faulty, pooled[i : i + 1], seen[i : i + 1]).scores[0]
                except UNDEFINED:
                    failed[number, i] = True


def summed(
    graph: Graph,
    raw: Integer[np.ndarray, "row channel"],
    offsets: Int[np.ndarray, " item_plus_1"],
    name: str,
    changed: Changed,
    scores: Scores,
) -> Changed:
    """Fill in the scores of faults in what the sums of a reservoir are linear in; return those of anything else."""
    cells = [op for op in graph.step if op.kind == "recurrent"]
    found = [(i, role) for i, op in enumerate(cells) for role in LINEAR if op.inputs.get(role) == name]
    items = len(offsets) - 1
    if len(found) != 1 or not items:
        return changed
    ((layer, role),) = found
    attributes, golden = cells[layer].attributes, graph.const(name)
    shift = {"weights": 0, "inputs": attributes["input_shift"], "bias": attributes["bias_shift"]}[role]
    units = sum(graph.by_name[op.outputs["state"]].shape[0] for op in cells[:1])
    each, left = max(1, _STATES // (items * units)), list(changed[:0])
    for first in range(0, len(changed), each):
        part = changed[first : first + each]
        terms = [_terms(golden, data) for _, data in part]
        most = max(len(t) for t in terms)
        # Of each fault as many places as any has; those that it has not add nothing.
        table = np.array([[*t, *[(0, 0, 0)] * (most - len(t))] for t in terms], np.int64)

        def change(number: int, sequence: Int[np.ndarray, " item"], table: Table = table) -> Sums | None:
            if number != layer:
                return None
            own = table[sequence // items]
            row = np.arange(len(sequence))

            def add(
                acc: Int[np.ndarray, "item neuron"],
                h: Integer[np.ndarray, "item neuron"],
                x: Integer[np.ndarray, "item channel"],
            ) -> None:
                for k in range(own.shape[1]):
                    neuron, column, delta = own[:, k].T
                    if role == "weights":
                        seen = h[row, neuron - 1] if attributes["ring"] else h[row, column]
                    else:
                        seen = x[row, column] if role == "inputs" else 1
                    acc[row, neuron] += (delta * seen) << shift

            return add

        samples = np.tile(raw[offsets[0] : offsets[-1]], (len(part), 1))
        ends = np.concatenate([[0], np.cumsum(np.tile(np.diff(offsets), len(part)))])
        try:
            said = decide(graph, trace(graph, samples, ends, change=change), last_samples(samples, ends))
        except UNDEFINED:
            left += part
            continue
        for (number, _), mine in zip(part, _shaped(said.scores, len(part)), strict=True):
            scores[number] = mine
    return left


def _terms(
    golden: Integer[np.ndarray, "..."], data: Integer[np.ndarray, "..."]
) -> list[tuple[int, int, int]]:
    """Return row, column and difference of every number that is another one."""
    where = np.argwhere(data != golden)
    delta = data.astype(np.int64) - golden
    return [(int(at[0]), int(at[1]) if len(at) > 1 else 0, int(delta[tuple(at)])) for at in where]


def upset(
    graph: Graph,
    raw: Integer[np.ndarray, "row channel"],
    offsets: Int[np.ndarray, " item_plus_1"],
    tensor: Tensor,
    faults: Sequence[tuple[int, int, Places]],
    kind: Kind,
    moments: int | None,
    scores: Scores,
) -> None:
    """Fill in the scores of faults in state or samples.

    Args:
        graph: of a stream.
        raw: all samples.
        offsets: of the sequences.
        tensor: that is upset.
        faults: number, moment and places of each.
        kind: what they do.
        moments: of a sequence; None upsets after every step.
        scores: of every fault.
    """
    items = len(offsets) - 1
    each = max(1, _AT_ONCE // max(items, 1))
    for first in range(0, len(faults), each):
        part = faults[first : first + each]
        found = _together(graph, raw, offsets, tensor, part, kind, moments)
        for (number, _, _), own in zip(part, found, strict=True):
            scores[number] = own


def _together(
    graph: Graph,
    raw: Integer[np.ndarray, "row channel"],
    offsets: Int[np.ndarray, " item_plus_1"],
    tensor: Tensor,
    faults: Sequence[tuple[int, int, Places]],
    kind: Kind,
    moments: int | None,
) -> Int64[np.ndarray, "fault item output"]:
    """Return the scores of faults that run side by side."""
    count, items, rows = len(faults), len(offsets) - 1, int(offsets[-1] - offsets[0])
    samples = np.tile(raw[offsets[0] : offsets[-1]], (count, 1))
    lengths = np.diff(offsets)
    ends = np.concatenate([[0], np.cumsum(np.tile(lengths, count))])
    when = np.array([-1 if moments is None else t for _, t, _ in faults])
    # Of every copy of every sequence, the step after which its fault comes.
    step = (when[:, None] * lengths // (moments or 1)).reshape(-1)
    if tensor.kind == "input":
        for f, (_, _, places) in enumerate(faults):
            own = samples[f * rows : (f + 1) * rows].astype(tensor.dtype)
            chosen = np.arange(rows)
            if moments is not None:
                reached = (
                    offsets[:-1][lengths > 0] - offsets[0] + step[f * items : (f + 1) * items][lengths > 0]
                )
                chosen = reached
            width = own.shape[1]
            at = Places(
                (chosen[:, None] * width + places.element).reshape(-1), np.tile(places.bit, len(chosen))
            )
            put(own, at, kind)
            samples[f * rows : (f + 1) * rows] = own
        return _shaped(interpret(graph, samples, ends).scores, count)

    def change(now: int, sequence: Int[np.ndarray, " item"], state: State) -> None:
        values = state[tensor.name]
        due = np.flatnonzero((step[sequence] == now) | (step[sequence] < 0))
        if not len(due):
            return
        own = values[due].astype(tensor.dtype)
        width = own.shape[1]
        for fault in np.unique(sequence[due] // items):
            row = np.flatnonzero(sequence[due] // items == fault)
            places = faults[int(fault)][2]
            at = Places((row[:, None] * width + places.element).reshape(-1), np.tile(places.bit, len(row)))
            put(own, at, kind)
        values[due] = own

    found = decide(graph, trace(graph, samples, ends, change), last_samples(samples, ends))
    return _shaped(found.scores, count)


def _shaped(scores: Int64[np.ndarray, "pair output"], count: int) -> Int64[np.ndarray, "fault item output"]:
    return scores.reshape(count, -1, scores.shape[1])
