"""The NumPy interpreter of the integer network: the definition that generated C must equal bit for bit.

`trace` runs the reservoir and returns pooled means; `decide` turns them into features, scores and classes;
`interpret` is both. Sequences of unequal length run as one batch that shrinks as sequences end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Integer

from sarto.core.graph.operations import (
    INT32_MAX,
    POOLED_STEPS,
    SCORE_LIMIT,
    features,
    pool,
    recurrent,
    requantise,
    scaled,
    standardise,
)
from sarto.core.graph.values import Graph, Window


@dataclass(frozen=True, eq=False)
class Outcome:
    """What the network says of each sequence: int32 `scores`, and the class with the highest (the first of equals).

    Where numbers are predicted, the scores are those in counts of the graph's `quanta`, and the class is 0.
    """

    scores: Int[np.ndarray, "item output"]
    classes: Int[np.ndarray, " item"]


def interpret(
    graph: Graph, raw: Integer[np.ndarray, "row channel"], offsets: Int[np.ndarray, " item_plus_1"]
) -> Outcome:
    """Return scores and class of every sequence `raw[offsets[i]:offsets[i+1]]` of raw sensor words."""
    return decide(graph, trace(graph, raw, offsets), last_samples(raw, offsets))


def last_samples(
    raw: Integer[np.ndarray, "row channel"], offsets: Int[np.ndarray, " item_plus_1"]
) -> Int[np.ndarray, "item channel"]:
    """Return the last sample of every sequence, 0 for one without samples."""
    found = np.zeros((len(offsets) - 1, raw.shape[1]), np.int64)
    filled = np.diff(offsets) > 0
    found[filled] = raw[offsets[1:][filled] - 1]
    return found


def decide(
    graph: Graph,
    means: Int[np.ndarray, "item segment unit"],
    last_sample: Int[np.ndarray, "item channel"] | None = None,
) -> Outcome:
    """Return scores and classes from the means that `trace` gives.

    A graph that forecasts adds what was last seen of the forecast channels, scaled as the scores are, and needs
    the `last_sample` of each sequence for it.
    """
    scale, readout = graph.segment
    (last,) = graph.finish
    pooled = features(means, graph.const(scale.inputs["exponent"]))
    weights = graph.const(readout.inputs["weights"])
    flat = pooled.reshape(len(pooled), pooled.shape[1] * pooled.shape[2]).astype(np.float64)
    sums = (flat @ weights.reshape(flat.shape[1], -1).astype(np.float64)).astype(np.int64)
    factor = graph.const(last.inputs["factor"])
    scaled_sums = requantise(sums, factor, last.attributes["shift"]).clip(-SCORE_LIMIT, SCORE_LIMIT)
    scores = scaled_sums + graph.const(last.inputs["bias"])
    if "latest" in last.inputs:
        assert last_sample is not None, "a forecast needs the last samples"
        seen = last_sample[:, graph.const(last.inputs["channel"])]
        added = requantise(seen, graph.const(last.inputs["latest_factor"]), last.attributes["latest_shift"])
        scores = (scores + added.clip(-SCORE_LIMIT, SCORE_LIMIT)).clip(-INT32_MAX, INT32_MAX)
    return Outcome(
        scores, np.argmax(scores, axis=1) if last.kind == "argmax" else np.zeros(len(scores), np.int64)
    )


def numbers(graph: Graph, outcome: Outcome) -> Float[np.ndarray, "item output"]:
    """Return the numbers that a graph predicted, in their units."""
    return outcome.scores * np.array(graph.quanta)


def trace(
    graph: Graph, raw: Integer[np.ndarray, "row channel"], offsets: Int[np.ndarray, " item_plus_1"]
) -> Int[np.ndarray, "item segment unit"]:
    """Return what the readout sees of every sequence and pooling segment, with 30 fractional bits.

    Units are the running means first and the segment's last state after them, each where the `features` operation
    takes it; all are 0 where a sequence never reached the segment. Only the `step` program is run.
    """
    (scale, cell, *pools) = graph.step
    consts = {
        role: graph.const(name) for role, name in cell.inputs.items() if graph.by_name[name].kind == "const"
    }
    attributes = dict(cell.attributes)
    square_shift = pools[0].attributes["square_shift"] if pools else 0
    seen = [
        graph.by_name[graph.segment[0].inputs[role]]
        for role in ("total", "state")
        if role in graph.segment[0].inputs
    ]
    width = graph.by_name[pools[0].outputs["total"]].shape[0] if pools else 0

    lengths = np.diff(offsets)
    order = np.argsort(-lengths, kind="stable")
    starts, ends = offsets[:-1][order], lengths[order]
    x = standardise(
        raw, graph.const(scale.inputs["zero"]), graph.const(scale.inputs["factor"]), scale.attributes["shift"]
    )
    h = np.zeros((len(order), graph.by_name[cell.outputs["state"]].shape[0]), np.int64)
    total = np.zeros((len(order), width), np.int64)
    means = np.zeros((len(order), graph.segments, sum(t.shape[0] for t in seen)), np.int64)
    segment = count = 0
    for step in range(int(ends[0]) if len(ends) else 0):
        live = int(np.searchsorted(-ends, -step))
        h = recurrent(h[:live], x[starts[:live] + step], consts, attributes)
        total = total[:live]
        if count < POOLED_STEPS:
            count += 1
            total = pool(total, h, square_shift) if pools else total
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


def windows(window: Window, steps: int) -> Int[np.ndarray, "window 2"]:
    """Return first and last-plus-one step of every whole window in a stream of `steps` samples.

    >>> windows(Window(4, 2), 9).tolist()
    [[0, 4], [2, 6], [4, 8]]
    """
    first = np.arange(0, max(steps - window.length + 1, 0), window.hop)
    return np.stack([first, first + window.length], axis=1)
