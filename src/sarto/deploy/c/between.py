"""The C of operations without weights: pools, sums, joins, tables and orders between layers, and what rejects items."""

from __future__ import annotations

import numpy as np

from sarto.core.graph import Op
from sarto.core.graph.network import Slide
from sarto.deploy.c.emission import Emission, check, refused
from sarto.deploy.c.layout import table
from sarto.deploy.reject import sizes

MOST_JOIN_SHIFT = 30
"""In 32 bits."""


def pool(e: Emission, number: int, op: Op) -> None:
    """Add a pool."""
    x, y, a = e.graph.by_name[op.inputs["x"]], e.graph.by_name[op.outputs["y"]], op.attributes
    slide = Slide.of((a["kernel_row"], a["kernel_column"]), a)
    channels = x.shape[2]
    rows, columns = slide.size(*x.shape[:2])
    sizes = (*x.shape, rows, columns, *slide.kernel, *slide.stride, *slide.padding)
    assert y.size_b % (rows * columns * channels) == 0
    check(op, *sizes)
    for kernel in ("words", "requantise", "network_settle", "network_pool_layer"):
        e.parts.needs(kernel)
    e.parts.needs("network_pool", x.dtype)
    rescaled = [a.get(name, 0) for name in ("factor", "shift", "low", "high")]
    fields = ", ".join(map(str, (*sizes, int(op.kind == "mean"), int(y.dtype == "int32"), *rescaled)))
    e.parts.tables.append(f"static const pool_layer layer_{number} = {{{fields}}};\n")
    e.call(
        y.name,
        f"pool_{x.dtype}(&layer_{number}, {e.place(x.name)}, {e.place(y.name, const=False)})",
    )


def add(e: Emission, number: int, op: Op) -> None:
    """Add a sum of tensors."""
    read = [e.graph.by_name[op.inputs[f"x{i}"]] for i in range(len(op.inputs))]
    y, a = e.graph.by_name[op.outputs["y"]], op.attributes
    size = int(np.prod(y.shape))
    e.parts.added = max(e.parts.added, len(read))
    for kernel in ("words", "requantise", "network_settle", "network_add"):
        e.parts.needs(kernel)
    factors = ", ".join(str(a[f"factor_{i}"]) for i in range(len(read)))
    signs = ", ".join("128" if x.dtype == "int8" else "0" for x in read)
    fields = f"{size}, {len(read)}, {a['shift']}, {a['low']}, {a['high']}, {int(y.dtype == 'int32')}"
    e.parts.tables.append(
        f"static const add_layer layer_{number} = {{{fields}, {{{factors}}}, {{{signs}}}}};\n"
    )
    places = ", ".join(e.place(x.name, const=False) for x in read)
    e.call(
        y.name,
        f"add(&layer_{number}, (const uint8_t *const[]){{{places}}}, {e.place(y.name, const=False)})",
    )


def permute(e: Emission, number: int, op: Op) -> None:
    """Add another order of a vector's numbers."""
    index, x, y = (
        e.graph.const(op.inputs["index"]),
        op.inputs["x"],
        e.graph.by_name[op.outputs["y"]],
    )
    check(op, int(np.prod(e.graph.by_name[x].shape)))
    e.parts.needs("network_permute")
    e.parts.tables.append(table(f"index_{number}", "uint16_t", index))
    width = y.size_b // len(index)
    to = e.place(y.name, const=False)
    e.call(y.name, f"permute(index_{number}, {len(index)}, {width}, {e.place(x, const=False)}, {to})")


def concat(e: Emission, number: int, op: Op) -> None:
    """Add a join on channels: each tensor by itself is laid into the joined one."""
    y, a, at = e.graph.by_name[op.outputs["y"]], op.attributes, 0
    for kernel in ("words", "requantise", "network_settle", "network_concat"):
        e.parts.needs(kernel)
    for i in range(len(op.inputs)):
        x = e.graph.by_name[op.inputs[f"x{i}"]]
        assert x.dtype in ("int8", "uint8"), "what is joined has 8 bits"
        # Numbers of 8 bits times multipliers of 15 are 0 after a shift of 25 and of every larger one.
        shift = min(a[f"shift_{i}"], MOST_JOIN_SHIFT)
        sizes = (int(np.prod(x.shape[:-1])), x.shape[-1], y.shape[-1], 128 if x.dtype == "int8" else 0)
        rescaled = (a[f"factor_{i}"], shift, a["low"], a["high"], int(y.dtype == "int32"))
        fields = ", ".join(map(str, (*sizes, *rescaled)))
        e.parts.tables.append(f"static const join_layer layer_{number}_{i} = {{{fields}}};\n")
        to = e.place(y.name, const=False)
        e.call(y.name, f"join(&layer_{number}_{i}, {e.place(x.name, const=False)}, {to}, {at})")
        at += x.shape[-1]


def forest(e: Emission, number: int, op: Op) -> None:
    """Add decision trees, whose leaves are added to zeros.

    Raises:
        SartoError: E126, when there is another one, since the tables of its kernel have names of their own.
    """
    x, y = (e.graph.by_name[name] for name in (op.inputs["x"], op.outputs["y"]))
    if "forest" in e.parts.kernels:
        raise refused(op, "it is the second tree, and the kernel knows one")
    outputs, trees = int(np.prod(y.shape)), e.graph.const(op.inputs["root"])
    check(op, int(np.prod(x.shape)))
    found = {"TREES": len(trees), "OUTPUTS": outputs, "VECTOR": f"{x.dtype}_t"}
    e.parts.first.append("".join(f"#define {name} {value}\n" for name, value in found.items()))
    for role, name in op.inputs.items():
        if role != "x":
            data = e.graph.const(name)
            e.parts.first.append(table(f"tree_{role}", f"{data.dtype}_t", data.reshape(-1)))
    e.parts.needs("forest")
    sums = f"(int32_t *)({e.place(y.name, const=False)})"
    e.call(y.name, f"for (int i = 0; i < OUTPUTS; i++)\n        ({sums})[i] = 0")
    e.call(y.name, f"add_outputs({e.place(x.name)}, {sums})")


def looked_up(e: Emission, number: int, op: Op) -> None:
    """Add a table."""
    x, y = (e.graph.by_name[name] for name in (op.inputs["x"], op.outputs["y"]))
    assert x.size_b == y.size_b == int(np.prod(x.shape)), (
        "a table has entries of 8 bits for numbers of 8 bits"
    )
    for kernel in ("words", "network_table"):
        e.parts.needs(kernel)
    found = e.graph.const(op.inputs["table"])
    e.parts.tables.append(table(f"entries_{number}", "uint8_t", found.view(np.uint8)))
    sign = 128 if x.dtype == "int8" else 0
    places = f"{e.place(x.name, const=False)}, {e.place(y.name, const=False)}"
    e.call(y.name, f"looked_up(entries_{number}, {sign}, {x.size_b}, {places})")


def reject(e: Emission, op: Op) -> None:
    """Add what rejects items, and its tables, in front of everything."""
    e.parts.features |= {"REJECT"} | ({"BOX"} if "radius" in op.inputs else set[str]())
    e.parts.needs("reject")
    e.parts.first.append("".join(f"#define {k} {v}\n" for k, v in sizes(e.graph).items()))
    for role in ("least", "centre", "radius"):
        if role in op.inputs:
            e.parts.first.append(
                table(f"reject_{role}", "int32_t", e.graph.const(op.inputs[role]).reshape(-1))
            )
