"""The C of MAM layers: what their kernels read, and the scratch that they ask for.

Kept weights lie as pairs of a weight and how far it is behind the one before, so that a core reads two of them as one
word; rows in full lie one after the other. A convolution gathers what lies under its kernel run by run, as a
convolution of so many groups as it has runs in all would.

>>> entries(np.array([5, -1], np.int8), np.array([3, 255], np.uint8)).tolist()
[5, 3, 255, 255]
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Integer, UInt8

from sarto.core.graph import Graph, Op, Tensor
from sarto.core.graph.network import Slide
from sarto.deploy.c.emission import Emission, check
from sarto.deploy.c.layout import table


def entries(
    weights: Integer[np.ndarray, " entry"], skip: Integer[np.ndarray, " entry"]
) -> UInt8[np.ndarray, " twice"]:
    """Return kept weights as the kernel reads them."""
    return np.stack([weights.astype(np.int8).view(np.uint8), skip.astype(np.uint8)], axis=1).reshape(-1)


def mam(e: Emission, number: int, op: Op, scale: str) -> None:
    """Add a fully connected layer; `scale` is the C of its `scaling`."""
    x, y = e.graph.by_name[op.inputs["x"]], op.outputs["y"]
    _layer(e, number, op, scale)
    e.call(
        y,
        f"mam_{x.dtype}(&layer_{number}, 0, layer_{number}.weights, {e.place(x.name)}, {e.place(y, const=False)}, 0)",
    )


def mam_conv(e: Emission, number: int, op: Op, scale: str) -> None:
    """Add a convolution."""
    x, y = (e.graph.by_name[name] for name in (op.inputs["x"], op.outputs["y"]))
    slide, splits = _slide(op), op.attributes["splits"]
    sizes = {
        **dict(zip(("rows", "columns", "channels"), x.shape, strict=True)),
        **dict(zip(("to_rows", "to_columns", "outputs"), y.shape, strict=True)),
        **dict(zip(("kernel_rows", "kernel_columns"), slide.kernel, strict=True)),
        **dict(zip(("stride_row", "stride_column"), slide.stride, strict=True)),
        **dict(zip(("padding_row", "padding_column"), slide.padding, strict=True)),
        **dict(zip(("dilation_row", "dilation_column"), slide.dilation, strict=True)),
        "groups": op.attributes["groups"] * splits,
        "direct": int(is_direct(x, op)),
    }
    check(op, *sizes.values())
    for needed in ("network_layer", "network_gather"):
        e.parts.needs(needed)
    e.parts.needs("network_mam_conv", x.dtype)
    _layer(e, number, op, scale)
    fields = ", ".join(f".{name} = {size}" for name, size in sizes.items())
    e.parts.tables.append(f"static const conv_layer under_{number} = {{{fields}}};\n")
    patch = e.plan.places.get(f"scratch {number}", 0)
    e.call(
        y.name,
        f"mam_conv_{x.dtype}(&layer_{number}, &under_{number}, {e.place(x.name)}, m + {patch}, "
        f"{e.place(y.name, const=False)})",
    )


def scratch_b(graph: Graph, op: Op) -> int:
    """Return the bytes of scratch of a MAM operation: those of what one group sees at a place."""
    x = graph.by_name[op.inputs["x"]]
    return 0 if op.kind == "mam" or is_direct(x, op) else _row(graph, op)


def is_direct(x: Tensor, op: Op) -> bool:
    """Return whether what a group sees at a place lies in the input side by side, in the order of its weights."""
    slide = _slide(op)
    if any(slide.padding):
        return False
    rows, columns = slide.kernel
    if rows == columns == 1:
        return True
    one = op.attributes["groups"] * op.attributes["splits"] == 1
    beside = rows == 1 or (columns == x.shape[1] and slide.dilation[0] == 1)
    return one and beside and (columns == 1 or slide.dilation[1] == 1)


def _layer(e: Emission, number: int, op: Op, scale: str) -> None:
    """Note the weights of a layer and what describes them."""
    graph, splits = e.graph, op.attributes["splits"]
    weights, sparse = graph.const(op.inputs["weights"]), "skip" in op.inputs
    kind = graph.by_name[op.inputs["x"]].dtype
    outputs = len(graph.const(op.inputs["bias"]))
    rows, length = outputs // op.attributes.get("groups", 1), _row(graph, op) // splits
    check(op, outputs, rows, splits, length)
    for needed in (
        "words",
        "requantise",
        "network_settle",
        f"network_{kind}",
        "network_extremes",
    ):
        e.parts.needs(needed)
    e.parts.needs("network_mam", kind)
    e.parts.features.add("KEPT" if sparse else "WHOLE")
    name, count, wide = f"weights_{number}", "0", 0
    if sparse:
        counts = e.graph.by_name[op.inputs["count"]]
        count, wide = f"count_{number}", int(counts.dtype == "uint16")
        found = entries(weights, graph.const(op.inputs["skip"]))
        e.parts.tables.append(table(name, "uint8_t", found, words=True))
        e.parts.tables.append(table(count, f"{counts.dtype}_t", graph.const(counts.name)))
        name = f"(const int8_t *){name}"
    else:
        e.parts.tables.append(table(name, "int8_t", weights.reshape(-1), words=True))
    fields = f"{scale}, {name}, {count}, {rows}, {splits}, {length}, {wide}"
    e.parts.tables.append(f"static const mam_layer layer_{number} = {{{fields}}};\n")


def _row(graph: Graph, op: Op) -> int:
    """Return how many numbers an output sees."""
    x = graph.by_name[op.inputs["x"]]
    if op.kind == "mam":
        return int(np.prod(x.shape))
    kernel = _slide(op).kernel
    return kernel[0] * kernel[1] * x.shape[2] // op.attributes["groups"]


def _slide(op: Op) -> Slide:
    return Slide.of((op.attributes["kernel_row"], op.attributes["kernel_column"]), op.attributes)
