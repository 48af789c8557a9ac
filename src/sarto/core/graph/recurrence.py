"""A reservoir over a batch of sequences of unequal length, which shrinks as sequences end."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int, Integer

from sarto.core.graph.generated import generated
from sarto.core.graph.operations import POOLED_STEPS, pool, recurrent, scaled
from sarto.core.graph.values import Graph


def reservoir_means(
    graph: Graph, x: Integer[np.ndarray, "row channel"], offsets: Int[np.ndarray, " item_plus_1"]
) -> Int[np.ndarray, "item segment unit"]:
    """Return what is pooled of the states under standardised inputs `x`, with 30 fractional bits.

    Units are the running means first and the segment's last state after them, each where the `features` operation
    takes it; all are 0 where a sequence never reached the segment.
    """
    _, cell, *pools = graph.step
    consts = {
        role: graph.const(name) for role, name in cell.inputs.items() if graph.by_name[name].kind == "const"
    }
    attributes = dict(cell.attributes)
    units = graph.by_name[cell.outputs["state"]].shape[0]
    if "start" in attributes:
        consts["weights"], consts["inputs"] = generated(attributes["start"], units, x.shape[1])
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
    h = np.zeros((len(order), units), np.int64)
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
