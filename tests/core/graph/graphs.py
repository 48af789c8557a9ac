"""Small graphs with numbers that are easy to choose, and a slow interpreter of plain Python integers.

The interpreter is written from the words of `sarto.core.graph.operations` and of the architecture, with none of its
code: one sequence, one neuron, one Python integer at a time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Int, Integer

from sarto.core.graph import Graph, Op, Tensor, Window

FEATURE = 8191
SCORE = 2**30 - 1


def table(bits: int, intervals: int) -> Integer[np.ndarray, " entry"]:
    """The tanh table of `sarto.deploy.lower`, written again."""
    step = 4 / intervals
    if bits == 8:
        return np.rint(127 * np.tanh((np.arange(intervals) + 0.5) * step)).astype(np.int8)
    return np.rint(32767 * np.tanh(np.arange(intervals + 1) * step)).astype(np.int16)


def small_graph(
    seed: int = 0,
    *,
    units: int = 4,
    channels: int = 2,
    classes: int = 3,
    ring: bool = False,
    bits: int = 16,
    kind: str = "mean_square_last",
    segments: int = 1,
    segment_steps: int = 0,
    window: Window | None = None,
    per_row: bool = True,
    shared_ring: bool = False,
    word: str = "int16",
    steep: bool = False,
    forecast: bool = False,
    start: int | None = None,
) -> Graph:
    """Return a graph of random constants; `steep` drives every clamp, `forecast` adds the last samples.

    With `start` the weights of the reservoir are generated.
    """
    rng = np.random.default_rng(seed)
    limit = 32767 if bits == 16 else 127
    sums = {"last": 0, "mean": 1, "mean_square": 2, "mean_square_last": 2}[kind]
    seen = units * (sums + (kind in ("last", "mean_square_last")))
    rows = units if per_row else 1
    shape = ((1,) if shared_ring else (units,)) if ring else (units, units)

    def constant(name: str, dtype: str, low: int, high: int, shape: tuple[int, ...]) -> Tensor:
        return Tensor(name, dtype, shape, "const", rng.integers(low, high + 1, shape).astype(dtype))

    values = table(bits, 16 if bits == 8 else 8)
    tensors = [
        Tensor("raw", word, (channels,), "input"),
        constant("zero", "int32", -50, 50, (channels,)),
        constant("factor_in", "int32", 2**20, 2**23, (channels,)),
        Tensor("x", "int16", (channels if start is None else (channels + 4) // 4 * 4,), "scratch"),
        *(
            [
                constant("inputs", "int8", -127, 127, (units, channels)),
                constant("weights", "int8", -127, 127, shape),
                constant("bias", "int8", -127, 127, (units,)),
            ]
            if start is None
            else [Tensor("before", "int16", ((units + 3) // 4 * 4,), "scratch")]
        ),
        constant("factor", "int16", 2**12, 2**15 - 1, (rows,)),
        Tensor("table", str(values.dtype), values.shape, "const", values),
        Tensor("h", f"int{bits}", (units,), "state"),
        *([] if ring or start is not None else [Tensor("next", f"int{bits}", (units,), "scratch")]),
        *([Tensor("total", "int32", (units * sums,), "state")] if sums else []),
        Tensor(
            "exponent",
            "uint8",
            (seen,),
            "const",
            rng.integers(*((17, 20) if bits == 8 else (24, 31)), seen).astype(np.uint8)
            - np.uint8((2 if bits == 8 else 6) * steep),
        ),
        constant("weights_out", "int8", -127, 127, (segments, seen, classes)),
        constant("factor_out", "int16", 1, 2**15 - 1, (classes,)),
        constant("bias_out", "int32", -SCORE if steep else -9999, SCORE if steep else 9999, (classes,)),
        Tensor("sums", "int32", (classes,), "state"),
        Tensor("scores", "int32", (classes,), "output"),
    ]
    latest = (
        {"latest": "latest", "channel": "latest_channel", "latest_factor": "latest_factor"}
        if forecast
        else {}
    )
    if forecast:
        tensors += [
            Tensor("latest", word, (classes,), "state"),
            constant("latest_channel", "int16", 0, channels - 1, (classes,)),
            constant("latest_factor", "int16", 1, 2**15 - 1, (classes,)),
        ]
    stored = ("weights", "inputs", "bias") if start is None else ()
    cell = {k: k for k in (*stored, "factor", "table")} | {"x": "x", "state": "h"}
    if start is None:
        sums_of = {"input_shift": 2, "bias_shift": 7 if bits == 16 else 0}
    else:
        sums_of = {
            "start": start,
            "constant": 9000,
            "state_up": 6 * (bits == 8),
            "state_down": 3 * (bits == 16),
        }
    attributes = {
        "ring": int(ring),
        **sums_of,
        "shift": (14 if steep else 20) if bits == 16 else (9 if steep else 14),
        "alpha": 9000 if not steep else 32768,
        "beta": 23768 if not steep else 32766,
        "limit": limit,
    }
    roles = ({"total": "total"} if sums else {}) | ({"state": "h"} if "last" in kind else {})
    pool = Op(
        "pool",
        {"state": "h", "total": "total"},
        {"total": "total"},
        {"square_shift": 15 if bits == 16 else 0},
    )
    return Graph(
        name="model",
        tensors=tuple(tensors),
        step=(
            Op(
                "standardise",
                {"raw": "raw", "zero": "zero", "factor": "factor_in"},
                {"x": "x"},
                {"shift": 17 if steep else 21},
            ),
            Op("recurrent", cell, {"state": "h"}, attributes),
            *([pool] if sums else []),
        ),
        segment=(
            Op("features", {**roles, "exponent": "exponent"}, {}),
            Op("readout", {"weights": "weights_out"}, {"sums": "sums"}),
        ),
        finish=(
            Op(
                "values" if forecast else "argmax",
                {"sums": "sums", "factor": "factor_out", "bias": "bias_out", **latest},
                {"scores": "scores"},
                {"shift": 3 if steep else 20} | ({"latest_shift": 1 if steep else 9} if forecast else {}),
            ),
        ),
        segments=segments,
        segment_steps=segment_steps,
        window=window,
        outputs=tuple(f"class {i}" for i in range(classes)),
        channels=tuple(f"channel {i}" for i in range(channels)),
        quanta=(0.5,) * classes if forecast else (),
    )


def clamp(value: int, limit: int) -> int:
    return max(-limit, min(limit, value))


def rounded(acc: int, m: int, s: int) -> int:
    """`(acc*m + 2^(s-1)) >> s` on integers without end."""
    return (acc * m + 2 ** (s - 1)) // 2**s


def slow_tanh(z: int, entries: list[int], bits: int, fine: int = 0) -> int:
    """tanh from a table over [0, 32768): by interval (8 bits) or between knots (16 bits); odd; finer by a factor."""
    z = clamp(z, (32768 << fine) - 1)
    if z < 0:
        return -slow_tanh(-z, entries, bits, fine)
    if bits == 8:
        return entries[z // (32768 // len(entries))]
    step = 32768 // (len(entries) - 1)
    left, part = divmod(z, step << fine)
    return (entries[left] << fine) + ((entries[left + 1] - entries[left]) * part + step // 2) // step


def slow_weights(start: int, units: int, channels: int) -> list[tuple[list[int], list[int]]]:
    """Generated weights of every neuron: of the states, and of the inputs with the bias last."""
    word = start
    rows: list[tuple[list[int], list[int]]] = []
    while len(rows) < units:
        four: list[tuple[list[int], list[int]]] = [([], []) for _ in range(4)]
        for part, columns in ((0, units), (1, channels + 1)):
            while len(four[0][part]) < columns:
                for row in four:
                    word = (word ^ word * 2**13) % 2**32
                    word = word ^ word // 2**17
                    word = (word ^ word * 2**5) % 2**32
                    first, third, second, fourth = word.to_bytes(4, "little")
                    row[part].extend(b - 256 if b > 127 else b for b in (first, second, third, fourth))
            for row in four:
                del row[part][columns:]
        rows += four
    return rows[:units]


def slow_layer(graph: Graph, op: Op, h: list[int], m: list[int], x: list[int]) -> tuple[list[int], list[int]]:
    """The next state and the next memory of one layer under the inputs `x`."""
    const: dict[str, Any] = {
        role: graph.const(name).tolist()
        for role, name in op.inputs.items()
        if graph.by_name[name].kind == "const"
    }
    a = dict(op.attributes)
    entering = [sum(w * v for w, v in zip(row, x, strict=True)) for row in const.get("memory_in", [])]
    m = [
        clamp(
            rounded(m[i - 1], a["keep"], 15) + rounded(entering[i], a["entering"], a["entering_shift"]), 32767
        )
        for i in range(len(m))
    ]
    after: list[int] = []
    generated = slow_weights(a["start"], len(h), len(x)) if "start" in a else []
    for i in range(len(h)):
        if generated:
            states, inputs = generated[i]
            acc = sum(w * v for w, v in zip(states, h, strict=True)) * 2 ** a["state_up"]
            assert abs(acc) < 2**31
            acc = rounded(acc, 1, a["state_down"]) if a["state_down"] else acc
            acc += sum(w * v for w, v in zip(inputs, [*x, a["constant"]], strict=True))
        else:
            weights = const["weights"]
            if a["ring"]:
                acc = weights[i if len(weights) > 1 else 0] * h[i - 1]
            else:
                acc = sum(w * v for w, v in zip(weights[i], h, strict=True))
            acc += sum(w * v for w, v in zip(const["inputs"][i], x, strict=True)) * 2 ** a["input_shift"]
            acc += const["bias"][i] * 2 ** a["bias_shift"]
        if m:
            acc += sum(w * v for w, v in zip(const["memory_out"][i], m, strict=True)) * 2 ** a["memory_shift"]
        assert -(2**31) <= acc < 2**31
        argument = rounded(acc, const["factor"][i if len(const["factor"]) > 1 else 0], a["shift"])
        assert abs(argument) < 2**31
        if a.get("linear"):
            target = clamp(argument, a["limit"])
            target = max(target, 0) if a["linear"] == 2 else target
        else:
            width = 8 * graph.const(op.inputs["table"]).itemsize
            target = slow_tanh(argument, const["table"], width, a.get("fine", 0)) + a.get("lift", 0)
        carried = h[i - 1] if a.get("cyclic") else h[i]
        if "rotation" in const:
            row, factor = const["rotation"][i], const["factor_turn"]
            turned = sum(w * v for w, v in zip(row, h, strict=True))
            factor = factor[i if len(factor) > 1 else 0]
            carried = clamp(rounded(turned, factor, a["turn_shift"]), 2 * a["limit"])
        mixed = carried * a["alpha"] + target * a["beta"]
        shift = a.get("mix_shift", 15)
        assert abs(mixed) + 2 ** (shift - 1) < 2**31
        after.append(clamp(rounded(mixed, 1, shift), a["limit"]))
    return after, m


def slow_states(graph: Graph, sequence: Integer[np.ndarray, "step channel"]) -> list[list[int]]:
    """The states of all layers after every raw sample."""
    zero, factor = graph.const("zero").tolist(), graph.const("factor_in").tolist()
    shift = graph.step[0].attributes["shift"]
    cells = [op for op in graph.step if op.kind == "recurrent"]
    whole = graph.by_name["h"].shape[0]
    h = [[0] * op.attributes.get("units", whole) for op in cells]
    m = [
        [0] * (graph.by_name[op.outputs["memory"]].shape[0] if "memory" in op.outputs else 0) for op in cells
    ]
    found: list[list[int]] = []
    for sample in sequence.tolist():
        x = [clamp(rounded(r - z, f, shift), 32767) for r, z, f in zip(sample, zero, factor, strict=True)]
        place = 0
        for op in graph.step[1:]:
            if op.kind == "rescale":
                by = op.attributes
                x = [clamp(rounded(v, by["factor"], by["shift"]), 32767) for v in h[place - 1]]
            elif op.kind == "recurrent":
                h[place], m[place] = slow_layer(graph, op, h[place], m[place], x)
                place += 1
        found.append([v for layer in h for v in layer])
    return found


def slow_step(graph: Graph, h: list[int], sample: list[int]) -> list[int]:
    """The next state of a single layer without memory, from the state `h` and one raw sample."""
    zero, factor = graph.const("zero").tolist(), graph.const("factor_in").tolist()
    shift = graph.step[0].attributes["shift"]
    x = [clamp(rounded(r - z, f, shift), 32767) for r, z, f in zip(sample, zero, factor, strict=True)]
    return slow_layer(graph, graph.step[1], h, [], x)[0]


def slow_scores(graph: Graph, sequence: Integer[np.ndarray, "step channel"]) -> list[int]:
    """Scores of one sequence."""
    units = graph.by_name["h"].shape[0]
    roles = graph.segment[0].inputs
    sums_per_unit = graph.by_name["total"].shape[0] // units if "total" in roles else 0
    square_shift = graph.step[-1].attributes["square_shift"] if sums_per_unit else 0
    parts: list[list[list[int]]] = [[] for _ in range(graph.segments)]
    for step, h in enumerate(slow_states(graph, sequence)):
        where = min(step // graph.segment_steps, graph.segments - 1) if graph.segments > 1 else 0
        parts[where].append(h)
    exponent, weights = graph.const("exponent").tolist(), graph.const("weights_out").tolist()
    total = [0] * len(graph.outputs)
    for segment, states in enumerate(parts):
        if not states:
            continue
        reciprocal = (2**30 + len(states) // 2) // len(states)
        means = [sum(s[i] for s in states) * reciprocal for i in range(units)] if sums_per_unit else []
        if sums_per_unit == 2:
            for i in range(units):
                squares = [
                    s[i] ** 2 if not square_shift else rounded(s[i] ** 2, 1, square_shift) for s in states
                ]
                means.append(sum(squares) * reciprocal)
        if "state" in roles:
            means += [value * 2**30 for value in states[-1]]
        for place, mean in enumerate(means):
            z = clamp(rounded(mean, 1, exponent[place]), FEATURE)
            for c in range(len(total)):
                total[c] += weights[segment][place][c] * z
    return slow_answer(graph, total, sequence)


def slow_answer(graph: Graph, total: list[int], sequence: Integer[np.ndarray, "step channel"]) -> list[int]:
    """Scores of one sequence from the sums of its outputs."""
    factor, bias = graph.const("factor_out").tolist(), graph.const("bias_out").tolist()
    shift = graph.finish[-1].attributes["shift"]
    scores = [clamp(rounded(t, f, shift), SCORE) + b for t, f, b in zip(total, factor, bias, strict=True)]
    if "latest" not in graph.finish[-1].inputs:
        return scores
    channel, factor = graph.const("latest_channel").tolist(), graph.const("latest_factor").tolist()
    shift, seen = (
        graph.finish[-1].attributes["latest_shift"],
        sequence[-1].tolist() if len(sequence) else None,
    )
    last = [seen[c] if seen else 0 for c in channel]
    added = [clamp(rounded(v, f, shift), SCORE) for v, f in zip(last, factor, strict=True)]
    return [clamp(s + a, 2**31 - 1) for s, a in zip(scores, added, strict=True)]


def raw_words(
    seed: int, lengths: list[int], channels: int = 2, word: str = "int16"
) -> tuple[Integer[np.ndarray, "row channel"], Int[np.ndarray, " item_plus_1"]]:
    """Random raw words of some sequences, the extreme ones among them."""
    rng = np.random.default_rng(seed)
    info = np.iinfo(word)
    raw = rng.integers(-300, 300, (sum(lengths), channels)).clip(info.min, info.max).astype(word)
    raw[rng.random(raw.shape) < 0.05] = info.max
    raw[rng.random(raw.shape) < 0.05] = info.min
    return raw, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
