r"""What a reservoir adds to the C of a graph: `#define`s and kernels, of one layer as it is, of several with numbers.

A kernel names a layer's sizes and tables without a number (`NEURONS`, `weights`). Where a graph has one layer they are
called so; the kernels of a stack are repeated for each layer, with `_0`, `_1` and so on behind those names.

>>> numbered("/* weights of a row */\nreturn weights[i] + WEIGHTS;\n", {"WEIGHTS"}, 1)
'/* weights of a row */\nreturn weights_1[i] + WEIGHTS_1;\n'
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from sarto.core.graph import Graph, Op
from sarto.core.graph.layer import MIX_SHIFT

Defines = dict[str, int | str]
TANH = {"int16": ("interpolated", "tanh_int16"), "int8": ("tanh_int8",)}
"""Kernels of tanh, by the width of its table."""
ROWS = 4
"""Rows that a dense kernel takes at a time; models with fewer do without it."""
OWN = (
    *("settle", "driving", "turned", "remember", "rescale", "recurrent", "move_layer"),
    *("weights", "weights_in", "bias", "factor", "rotation", "factor_turn", "memory_in", "memory_out"),
)
"""Functions and tables that every layer of a stack has for itself."""


@dataclass(frozen=True)
class Kernel:
    """A kernel file of a graph.

    Attributes:
        name: of the file.
        features: of `sarto.deploy.c.text`, that the graph or the layer has.
        layer: number of the layer that it is for; None where it serves all.
        names: that get this number.
    """

    name: str
    features: frozenset[str] = frozenset()
    layer: int | None = None
    names: frozenset[str] = frozenset()


def numbered(text: str, names: Collection[str], layer: int) -> str:
    """Return a kernel with the number of a layer behind `names` and `OWN`; its first comment stays as it is."""
    comment, end, code = text.partition("*/") if text.startswith("/*") else ("", "", text)
    words = "|".join(sorted({*names, *OWN}))
    return comment + end + re.sub(rf"\b({words})\b", rf"\1_{layer}", code)


def reservoir(graph: Graph) -> tuple[Defines, list[Kernel]]:
    """Return the `#define`s and the kernels of the step program of `graph`, in order."""
    cells = [op for op in graph.step if op.kind == "recurrent"]
    pools = [op for op in graph.step if op.kind == "pool"]
    state = graph.by_name[cells[0].outputs["state"]]
    units = graph.by_name["total"].shape[0] if pools else 0
    pooled: Defines = {
        "NEURONS": state.shape[0],
        "UNITS": units,
        "STATE": f"{state.dtype}_t",
        "POOLS": len(pools),
        "POOL_SQUARES": int(units > state.shape[0]),
        "LAST": int("state" in graph.segment[0].inputs),
        "SQUARE_SHIFT": pools[0].attributes["square_shift"] if pools else 0,
    }
    shared: Defines = {"STATE_LIMIT": cells[0].attributes["limit"]}
    tables = [graph.const(op.inputs["table"]) for op in cells if "table" in op.inputs]
    if tables:
        shared["TABLE_SHIFT"] = table_shift(tables[0])
    before = ["magnitude", *TANH[str(tables[0].dtype)]] if tables else []
    fine = max(op.attributes.get("fine", 0) for op in cells)
    if fine:
        shared["FINE"] = fine
    finer = frozenset({"FINE"} if fine else ())
    after = ["pool", "reciprocal", "mean_feature"] * len(pools) + ["value_feature"] * int(pooled["LAST"])
    own = [_layer(graph, op) for op in cells]
    if len(cells) == 1:
        (layer,) = own
        features = layer.features | finer
        kernels = [Kernel(name, features) for name in [*before, *layer.kernels, *after]]
        return {**pooled, **layer.first, **shared, **layer.sums}, kernels
    dense = dict.fromkeys(
        k for layer in own for k in layer.kernels if k.startswith(("words", "dense", "generated"))
    )
    kernels = [Kernel(k, finer) for k in [*before, *dense]]
    defines = pooled | shared
    for index, (op, layer) in enumerate(zip(cells, own, strict=True)):
        numbers = {**_place(graph, op, index), **layer.first, **layer.sums}
        if "SLOTS" in numbers:
            numbers["MEMORY"] = f"bank->{op.outputs['memory']}"
        defines |= {f"{name}_{index}": value for name, value in numbers.items()}
        features = layer.features | frozenset(["ABOVE"] * (index > 0))
        files = [*["rescale"] * (index > 0), *(k for k in layer.kernels if k not in dense), "stack_layer"]
        kernels += [Kernel(k, features, index, frozenset(numbers)) for k in files]
    return defines, [*kernels, *map(Kernel, after)]


def table_shift(table: np.ndarray) -> int:
    """Return how many low bits of an argument lie within one interval of the table."""
    return 15 - (len(table) - (1 if table.dtype == np.int8 else 2)).bit_length()


def _place(graph: Graph, op: Op, index: int) -> Defines:
    """Return where a layer of a stack has its states and its inputs."""
    found: Defines = {
        "NEURONS": op.attributes["units"],
        "FIRST": op.attributes["first"],
        "CHANNELS": len(graph.channels),
        "INPUT": f"arena->{op.inputs['x']}",
    }
    if index:
        below = [other for other in graph.step if other.kind == "recurrent"][index - 1]
        rescale = next(r for r in graph.step if r.kind == "rescale" and r.outputs["x"] == op.inputs["x"])
        found |= {
            "CHANNELS": below.attributes["units"],
            "BELOW": below.attributes["first"],
            "RESCALE": rescale.attributes["factor"],
            "RESCALE_SHIFT": rescale.attributes["shift"],
        }
    return found


@dataclass(frozen=True)
class _Layer:
    """One layer: `#define`s that come first, those of its sums, its kernels in order, and its features."""

    first: Defines
    sums: Defines
    kernels: list[str]
    features: frozenset[str]


def _layer(graph: Graph, op: Op) -> _Layer:
    attributes = op.attributes
    generated = "start" in attributes
    first: Defines = {
        "RING": attributes["ring"],
        "SEEDED": int(generated),
        "ROW_STRIDE": int(graph.by_name[op.inputs["factor"]].shape[0] > 1),
        "SHIFT": attributes["shift"],
        "ALPHA": attributes["alpha"],
        "BETA": attributes["beta"],
    }
    sums, kernels = _generated(graph, op) if generated else _stored(graph, op)
    features: set[str] = set()
    if "linear" in attributes:
        sums["LINEAR"] = attributes["linear"]
        features.add("LINEAR")
    if "mix_shift" in attributes or "lift" in attributes:
        sums |= {"MIX_SHIFT": attributes.get("mix_shift", MIX_SHIFT), "LIFT": attributes.get("lift", 0)}
        features.add("OWN_MIX")
    if attributes.get("cyclic"):
        features.add("CYCLIC")
    if "rotation" in op.inputs:
        sums |= {
            "TURN_SHIFT": attributes["turn_shift"],
            "TURN_STRIDE": int(graph.by_name[op.inputs["factor_turn"]].shape[0] > 1),
        }
        features.add("TURNED")
        kernels.insert(-1, "turned")
    if "memory" in op.outputs:
        sums |= {
            "SLOTS": graph.by_name[op.outputs["memory"]].shape[0],
            "KEEP": attributes["keep"],
            "ENTERING": attributes["entering"],
            "ENTERING_SHIFT": attributes["entering_shift"],
            "MEMORY_SHIFT": attributes["memory_shift"],
        }
        features.add("SLOTS")
        kernels.insert(-1, "remember")
    return _Layer(first, sums, ["neuron", *kernels], frozenset(features))


def _stored(graph: Graph, op: Op) -> tuple[Defines, list[str]]:
    """Return what the sums of a layer add whose weights are tables."""
    state, ring = graph.by_name[op.outputs["state"]], op.attributes["ring"]
    defines: Defines = {
        "DENSE_STATE": f"dense_{state.dtype}",
        "RING_STRIDE": int(graph.by_name[op.inputs["weights"]].shape[0] > 1),
        "INPUT_SHIFT": op.attributes["input_shift"],
        "BIAS_SHIFT": op.attributes["bias_shift"],
    }
    units = op.attributes.get("units", state.shape[0])
    dense = ["words", "dense", *dict.fromkeys(["dense_int16", f"dense_{state.dtype}"])]
    dense = [] if ring or units < ROWS else dense
    return defines, ["driving", *dense, f"recurrent_{'ring' if ring else 'dense'}"]


def _generated(graph: Graph, op: Op) -> tuple[Defines, list[str]]:
    """Return what the sums of a layer add whose weights are stored nowhere."""
    units = op.attributes.get("units", graph.by_name[op.outputs["state"]].shape[0])
    return {
        "STATES": -(-units // ROWS) * ROWS,
        "INPUTS": graph.by_name[op.inputs["x"]].shape[0],
        "START": f"{op.attributes['start']}u",
        "CONSTANT": op.attributes["constant"],
        "STATE_UP": op.attributes["state_up"],
        "STATE_DOWN": op.attributes["state_down"],
    }, ["words", "dense", "generated", "recurrent_seeded"]
