"""The NumPy interpreter of the integer network: the definition that generated C must equal bit for bit.

`trace` runs the reservoir and returns its running sums; `decide` turns them into features, scores and classes;
`interpret` is both. Sequences of unequal length run as one batch that shrinks as sequences end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, Integer

from sarto.core.graph.operations import POOLED_STEPS, features, pool, recurrent, requantise, standardise
from sarto.core.graph.values import Graph, Window


@dataclass(frozen=True, eq=False)
class Trace:
    """Running sums of every sequence and pooling segment, and how many steps went into them (0: not reached)."""

    total: Int[np.ndarray, "item segment unit"]
    count: Int[np.ndarray, "item segment"]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What the network says of each sequence: int32 `scores` and the class with the highest (the first of equals)."""

    scores: Int[np.ndarray, "item class"]
    classes: Int[np.ndarray, " item"]


def interpret(
    graph: Graph, raw: Integer[np.ndarray, "row channel"], offsets: Int[np.ndarray, " item_plus_1"]
) -> Outcome:
    """Return scores and class of every sequence `raw[offsets[i]:offsets[i+1]]` of raw sensor words."""
    return decide(graph, trace(graph, raw, offsets))


def decide(graph: Graph, traced: Trace) -> Outcome:
    """Return scores and classes from the sums that `trace` gives."""
    (readout,) = graph.segment
    (argmax,) = graph.finish
    pooled = features(traced.total, traced.count, graph.const(readout.inputs["exponent"]))
    weights = graph.const(readout.inputs["weights"])
    flat = pooled.reshape(len(pooled), -1).astype(np.float64)
    sums = (flat @ weights.reshape(flat.shape[1], -1).astype(np.float64)).astype(np.int64)
    factor = graph.const(argmax.inputs["factor"])
    scores = requantise(sums, factor, argmax.attributes["shift"]) + graph.const(argmax.inputs["bias"])
    return Outcome(scores, np.argmax(scores, axis=1))


def trace(
    graph: Graph, raw: Integer[np.ndarray, "row channel"], offsets: Int[np.ndarray, " item_plus_1"]
) -> Trace:
    """Return the running sums of every sequence, from the `step` program alone.

    Where the graph pools the last state, a segment's sum is the state at its last step and its count is 1.
    """
    (scale, cell, *pools) = graph.step
    consts = {role: graph.const(name) for role, name in cell.inputs.items() if graph.by_name[name].kind == "const"}
    attributes = dict(cell.attributes)
    square_shift = pools[0].attributes["square_shift"] if pools else 0
    width = graph.by_name[pools[0].outputs["total"] if pools else cell.outputs["state"]].shape[0]

    lengths = np.diff(offsets)
    order = np.argsort(-lengths, kind="stable")
    starts, ends = offsets[:-1][order], lengths[order]
    x = standardise(raw, graph.const(scale.inputs["zero"]), graph.const(scale.inputs["factor"]), scale.attributes["shift"])
    h = np.zeros((len(order), graph.by_name[cell.outputs["state"]].shape[0]), np.int64)
    total = np.zeros((len(order), width), np.int64)
    totals = np.zeros((len(order), graph.segments, width), np.int64)
    counts = np.zeros((len(order), graph.segments), np.int64)
    segment = count = 0
    for step in range(int(ends[0]) if len(ends) else 0):
        live = int(np.searchsorted(-ends, -step))
        h = recurrent(h[:live], x[starts[:live] + step], consts, attributes)
        total = total[:live]
        if count < POOLED_STEPS:
            count += 1
            total = pool(total, h, square_shift) if pools else h
        boundary = segment < graph.segments - 1 and count == graph.segment_steps
        going_on = 0 if boundary else int(np.searchsorted(-ends, -(step + 1)))
        totals[going_on:live, segment] = total[going_on:]
        counts[going_on:live, segment] = count if pools else 1
        if boundary:
            total = np.zeros_like(total)
            segment, count = segment + 1, 0
    back = np.argsort(order, kind="stable")
    return Trace(totals[back], counts[back])


def windows(window: Window, steps: int) -> Int[np.ndarray, "window 2"]:
    """Return first and last-plus-one step of every whole window in a stream of `steps` samples.

    >>> windows(Window(4, 2), 9).tolist()
    [[0, 4], [2, 6], [4, 8]]
    """
    first = np.arange(0, max(steps - window.length + 1, 0), window.hop)
    return np.stack([first, first + window.length], axis=1)
