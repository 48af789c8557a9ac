"""Small graphs of every other body and head than the reservoir with its readout, and a slow interpreter of them.

The interpreter is written from the words of `sarto.core.graph.statistics`, `convolution` and `heads`, with none of
their code: one sequence, one channel, one Python integer at a time.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Integer

from sarto.core.graph import Graph, Op, Tensor, Window
from tests.core.graph.graphs import FEATURE, clamp, rounded, slow_answer, small_graph

STATISTICS = ("mean", "deviation", "least", "largest", "change", "crossings")
KEPT = {
    "mean": {"sum": "int32"},
    "deviation": {"sum": "int32", "square": "int64"},
    "least": {"low": "int16"},
    "largest": {"high": "int16"},
    "change": {"moved": "int32", "before": "int16"},
    "crossings": {"crossed": "int32", "before": "int16"},
}


def companion(
    body: str | tuple[str, ...],
    head: str,
    seed: int = 0,
    *,
    channels: int = 2,
    classes: int = 3,
    segments: int = 1,
    segment_steps: int = 0,
    window: Window | None = None,
    word: str = "int16",
    forecast: bool = False,
    cosine: bool = False,
    wide: bool = False,
) -> Graph:
    """Return a graph of random constants: `body` is `convolution`, or the names of statistics."""
    rng = np.random.default_rng(seed)
    plain = small_graph(seed, channels=channels, classes=classes, word=word, forecast=forecast, steep=False)
    names = {"raw", "zero", "factor_in", "x", "factor_out", "bias_out", "scores", "latest", "latest_channel"}
    tensors = [t for t in plain.tensors if t.name in names | {"latest_factor"}]

    def constant(name: str, dtype: str, low: int, high: int, shape: tuple[int, ...]) -> Tensor:
        return Tensor(name, dtype, shape, "const", rng.integers(low, high + 1, shape).astype(dtype))

    if isinstance(body, tuple):
        kept = {name: dtype for s in body for name, dtype in KEPT[s].items()}
        tensors += [Tensor(name, dtype, (channels,), "state") for name, dtype in kept.items()]
        units = len(body) * channels
        roles = {name: name for name in kept}
        step = Op("statistics", {"x": "x", **roles}, roles, {s: int(s in body) for s in STATISTICS})
        low, high = (26, 33) if not wide else (20, 26)
    else:
        words = [p | q << 4 | r << 8 for p in range(7) for q in range(p + 1, 8) for r in range(q + 1, 9)]
        units, groups = 7, 3
        consts = {
            "group_channel": rng.integers(0, channels, groups).astype(np.int16),
            "group_dilation": np.array([1, 3, 2], np.int16),
            "group_end": np.array([3, 3, 7], np.int16),
            "taps": rng.choice(words, units).astype(np.uint16),
            "threshold": rng.integers(-400, 400, units).astype(np.int16),
        }
        tensors += [Tensor(n, str(v.dtype), v.shape, "const", v) for n, v in consts.items()]
        states = (("history", "int16", 25 * channels), ("position", "uint16", 1), ("above", "uint16", units))
        tensors += [Tensor(name, dtype, (size,), "state") for name, dtype, size in states]
        step = Op("convolution", {"x": "x"}, {"above": "above"})
        low, high = 17, 19
    tensors.append(constant("exponent", "uint8", low, high, (units,)))
    features = units * segments
    vector, sums = (
        Tensor("vector", "int16", (features,), "state"),
        Tensor("sums", "int32", (classes,), "scratch"),
    )
    collect = Op("collect", {}, {"vector": "vector"})
    if head == "readout":
        tensors += [
            constant("weights_out", "int8", -127, 127, (segments, units, classes)),
            replace(sums, kind="state"),
        ]
        segment, finish = Op("readout", {"weights": "weights_out"}, {"sums": "sums"}), ()
    elif head == "forest":
        tensors += [vector, sums, *_trees(rng, features, classes, 900 if isinstance(body, tuple) else 1500)]
        parts = ("root", "feature", "threshold", "child", "leaf")
        op = Op("forest", {"vector": "vector"} | {p: f"tree_{p}" for p in parts}, {"sums": "sums"})
        segment, finish = collect, (op,)
    else:
        hidden = 5
        knots = np.arange(17) / 16
        table = np.rint(FEATURE * (np.cos(np.pi * knots) if cosine else np.tanh(4 * knots))).astype(np.int16)
        tensors += [
            vector,
            sums,
            constant("weights_hidden", "int8", -127, 127, (hidden, features)),
            constant("bias_hidden", "int16", -32767, 32767, (hidden,)),
            constant("factor_hidden", "int16", 2**13, 2**15 - 1, (1 if wide else hidden,)),
            Tensor("table", "int16", table.shape, "const", table),
            constant("weights_out", "int8", -127, 127, (hidden, classes)),
        ]
        inputs = ("weights_hidden", "bias_hidden", "factor_hidden", "table")
        attributes = {"bias_shift": 4, "shift": 18, "cosine": int(cosine)}
        op = Op(
            "random_features", {"vector": "vector"} | {n: n for n in inputs}, {"sums": "sums"}, attributes
        )
        segment, finish = collect, (op,)
    shift = 6 if head == "forest" else 20
    last = replace(plain.finish[0], attributes={**plain.finish[0].attributes, "shift": shift})
    return replace(
        plain,
        tensors=tuple(tensors),
        step=(plain.step[0], step),
        segment=(Op("features", {"exponent": "exponent"}, {}), segment),
        finish=(*finish, last),
        segments=segments,
        segment_steps=segment_steps,
        window=window,
    )


def _trees(rng: np.random.Generator, features: int, classes: int, reach: int) -> list[Tensor]:
    """Three random trees: one of four leaves, one of two, one that is a leaf alone."""
    data: dict[str, Any] = {
        "root": np.array([0, 3, -3]),
        "feature": rng.integers(0, features, 4),
        "threshold": rng.integers(-reach // 3, reach, 4),
        "child": np.array([1, 2, -1, -2, -3, -4, -5, -2]),
        "leaf": rng.integers(-127, 128, (5, classes)),
    }
    dtypes = dict(root="int16", feature="uint8", threshold="int16", child="int16", leaf="int8")
    arrays = {name: value.astype(dtypes[name]) for name, value in data.items()}
    return [Tensor(f"tree_{name}", str(v.dtype), v.shape, "const", v) for name, v in arrays.items()]


def _inputs(graph: Graph, sequence: Integer[np.ndarray, "step channel"]) -> list[list[int]]:
    zero, factor = graph.const("zero").tolist(), graph.const("factor_in").tolist()
    shift = graph.step[0].attributes["shift"]
    return [
        [clamp(rounded(r - z, f, shift), 32767) for r, z, f in zip(sample, zero, factor, strict=True)]
        for sample in sequence.tolist()
    ]


def _statistic(name: str, seen: list[int], before: list[int]) -> int:
    """One statistic of one channel with 30 fractional bits; `before` has the sample before each."""
    n = len(seen)
    reciprocal = (2**30 + n // 2) // n
    if name == "mean":
        return sum(seen) * reciprocal
    if name == "deviation":
        return math.isqrt(n * sum(v * v for v in seen) - sum(seen) ** 2) * reciprocal
    if name == "least":
        return min(seen) * 2**30
    if name == "largest":
        return max(seen) * 2**30
    if name == "change":
        return sum(abs(v - b) // 2 for v, b in zip(seen, before, strict=True)) * reciprocal
    return sum(2**14 for v, b in zip(seen, before, strict=True) if (v < 0) != (b < 0)) * reciprocal


def _means(graph: Graph, x: list[list[int]], steps: list[int]) -> list[int]:
    """What is pooled over `steps` of the inputs `x` of one sequence."""
    body = graph.step[1]
    if body.kind == "statistics":
        columns = [
            ([x[t][c] for t in steps], [x[t - 1 if t else 0][c] for t in steps]) for c in range(len(x[0]))
        ]
        return [_statistic(s, *column) for s in STATISTICS if body.attributes[s] for column in columns]
    found: list[int] = []
    ends = graph.const("group_end").tolist()
    for kernel, (word, bound) in enumerate(
        zip(graph.const("taps").tolist(), graph.const("threshold").tolist(), strict=True)
    ):
        group = next(g for g, end in enumerate(ends) if kernel < end)
        channel = int(graph.const("group_channel")[group])
        dilation = int(graph.const("group_dilation")[group])
        heavy = (word & 15, word >> 4 & 15, word >> 8 & 15)
        above = 0
        for t in steps:
            value = 0
            for tap in range(9):
                at = t - (8 - tap) * dilation
                value += (2 if tap in heavy else -1) * (x[at][channel] if at >= 0 else 0)
            above += value > bound * 16
        found.append(above * ((2**30 + len(steps) // 2) // len(steps)))
    return found


def _activation(graph: Graph, argument: int) -> int:
    entries = graph.const("table").tolist()
    step = 32768 // (len(entries) - 1)
    if graph.head.attributes["cosine"]:
        place, sign = argument % 65536, 1
        place = min(place, 65536 - place, 32767)
    else:
        place, sign = min(abs(argument), 32767), 1 if argument >= 0 else -1
    left, part = divmod(place, step)
    return sign * (entries[left] + ((entries[left + 1] - entries[left]) * part + step // 2) // step)


def slow_companion(graph: Graph, sequence: Integer[np.ndarray, "step channel"]) -> list[int]:
    """Scores of one sequence."""
    x = _inputs(graph, sequence)
    parts: list[list[int]] = [[] for _ in range(graph.segments)]
    for t in range(len(x)):
        parts[min(t // graph.segment_steps, graph.segments - 1) if graph.segments > 1 else 0].append(t)
    exponent = graph.const("exponent").tolist()
    vector: list[int] = []
    for steps in parts:
        means = _means(graph, x, steps) if steps else [0] * len(exponent)
        vector += [clamp(rounded(m, 1, e), FEATURE) for m, e in zip(means, exponent, strict=True)]
    classes = range(len(graph.outputs))
    if graph.head.kind == "forest":
        root, feature, threshold, child, leaf = (
            graph.const(f"tree_{n}").tolist() for n in ("root", "feature", "threshold", "child", "leaf")
        )
        total = [0 for _ in classes]
        for node in root:
            while node >= 0:
                node = child[2 * node + (0 if vector[feature[node]] <= threshold[node] else 1)]
            total = [t + v for t, v in zip(total, leaf[-node - 1], strict=True)]
    else:
        if graph.head.kind == "random_features":
            a, factor = graph.head.attributes, graph.const("factor_hidden").tolist()
            sums: list[int] = [
                sum(w * v for w, v in zip(row, vector, strict=True)) + b * 2 ** a["bias_shift"]
                for row, b in zip(
                    graph.const("weights_hidden").tolist(), graph.const("bias_hidden").tolist(), strict=True
                )
            ]
            assert max(map(abs, sums)) < 2**31
            factor = factor if len(factor) > 1 else factor * len(sums)
            vector = [
                _activation(graph, rounded(s, f, a["shift"])) for s, f in zip(sums, factor, strict=True)
            ]
        weights = graph.const("weights_out").reshape(len(vector), -1).tolist()
        total = [sum(row[c] * v for row, v in zip(weights, vector, strict=True)) for c in classes]
    return slow_answer(graph, total, sequence)
