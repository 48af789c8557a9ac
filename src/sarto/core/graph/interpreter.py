"""The NumPy interpreter of the integer network: the definition that generated C must equal bit for bit.

`trace` runs what looks at every sample and returns pooled means; `decide` turns them into features, scores and
classes; `interpret` is both.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float, Int, Integer

from sarto.core.graph.convolution import Groups, convolution
from sarto.core.graph.heads import Trees, activations, forest
from sarto.core.graph.operations import INT32_MAX, SCORE_LIMIT, features, requantise, standardise
from sarto.core.graph.recurrence import Changed, Upset, reservoir_means
from sarto.core.graph.reject import decided
from sarto.core.graph.rows import PooledRows
from sarto.core.graph.statistics import STATISTICS, statistics
from sarto.core.graph.values import Graph, Window


@dataclass(frozen=True, eq=False)
class Outcome:
    """What the network says of each sequence: int32 `scores`, and the class with the highest (the first of equals).

    Where the graph has a reject option, the class of an item that is rejected is the number of classes (see `reject`);
    what its box sees beside the scores is not among them.
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
    last = graph.finish[-1]
    scores = scored(graph, _sums(graph, vectors(graph, means)))
    if "latest" in last.inputs:
        assert last_sample is not None, "a forecast needs the last samples"
        seen = last_sample[:, graph.const(last.inputs["channel"])]
        added = requantise(seen, graph.const(last.inputs["latest_factor"]), last.attributes["latest_shift"])
        scores = (scores + added.clip(-SCORE_LIMIT, SCORE_LIMIT)).clip(-INT32_MAX, INT32_MAX)
    if last.kind != "argmax":
        return Outcome(scores, np.zeros(len(scores), np.int64))
    classes = len(graph.outputs)
    return Outcome(scores[:, :classes], decided(scores, classes, last.inputs, graph.const))


def scored(graph: Graph, sums: Int[np.ndarray, "item output"]) -> Int[np.ndarray, "item output"]:
    """Return the sums of a head in the unit of the scores."""
    last = graph.finish[-1]
    scaled = requantise(sums, graph.const(last.inputs["factor"]), last.attributes["shift"])
    return scaled.clip(-SCORE_LIMIT, SCORE_LIMIT) + graph.const(last.inputs["bias"])


def numbers(graph: Graph, outcome: Outcome) -> Float[np.ndarray, "item output"]:
    """Return the numbers that a graph predicted, in their units."""
    return outcome.scores * np.array(graph.quanta)


def trace(
    graph: Graph,
    raw: Integer[np.ndarray, "row channel"],
    offsets: Int[np.ndarray, " item_plus_1"],
    upset: Upset | None = None,
    change: Changed | None = None,
) -> Int[np.ndarray, "item segment unit"]:
    """Return what a segment's end sees of every sequence and pooling segment, with 30 fractional bits.

    All of it is 0 where a sequence never reached the segment. Only the `step` program is run. Of a reservoir, `upset`
    may change the state after each step, and `change` the sums in it.
    """
    scale, body = graph.step[0], graph.step[1]
    x = standardise(
        raw, graph.const(scale.inputs["zero"]), graph.const(scale.inputs["factor"]), scale.attributes["shift"]
    )
    if body.kind == "recurrent":
        return reservoir_means(graph, x, offsets, upset, change)
    assert upset is None and change is None, "only a reservoir has a state that can be upset"
    rows = PooledRows.of(offsets, graph.segments, graph.segment_steps)
    x = x[offsets[0] : offsets[-1]]
    if body.kind == "statistics":
        return statistics(x, rows, [name for name in STATISTICS if body.attributes[name]])
    assert body.kind == "convolution", f"there is no body {body.kind}"
    return convolution(x, rows, groups(graph), graph.const("taps"), graph.const("threshold"))


def groups(graph: Graph) -> Groups:
    """Return the groups of the kernels of a graph that convolves."""
    return Groups(*(graph.const(f"group_{name}") for name in ("channel", "dilation", "end")))


def vectors(graph: Graph, means: Int[np.ndarray, "item segment unit"]) -> Int[np.ndarray, "item feature"]:
    """Return the features of every sequence from the means that `trace` gives, segment by segment."""
    pooled = features(means, graph.const("exponent"))
    return pooled.reshape(len(pooled), pooled.shape[1] * pooled.shape[2])


def _sums(graph: Graph, vector: Int[np.ndarray, "item feature"]) -> Int[np.ndarray, "item output"]:
    """Return the sums of the outputs, by whichever operation decides from the features."""
    if graph.head.kind == "forest":
        return forest(vector, Trees(*(graph.const(f"tree_{f.name}") for f in fields(Trees))))
    return summed(graph, columns(graph, vector))


def summed(graph: Graph, column: Int[np.ndarray, "item column"]) -> Int[np.ndarray, "item output"]:
    """Return the sums of a linear readout over its columns."""
    weights = graph.const("weights_out").reshape(column.shape[1], -1)
    return (column.astype(np.float64) @ weights.astype(np.float64)).astype(np.int64)


def columns(graph: Graph, vector: Int[np.ndarray, "item feature"]) -> Int[np.ndarray, "item column"]:
    """Return what the linear readout of a graph sees: the features, or what a layer makes of them."""
    head = graph.head
    if head.kind != "random_features":
        return vector
    consts = {role: graph.const(name) for role, name in head.inputs.items() if role != "vector"}
    return activations(vector, consts, dict(head.attributes))


def windows(window: Window, steps: int) -> Int[np.ndarray, "window 2"]:
    """Return first and last-plus-one step of every whole window in a stream of `steps` samples.

    >>> windows(Window(4, 2), 9).tolist()
    [[0, 4], [2, 6], [4, 8]]
    """
    first = np.arange(0, max(steps - window.length + 1, 0), window.hop)
    return np.stack([first, first + window.length], axis=1)
