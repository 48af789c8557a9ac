"""C99 of a nested network: its width is an argument, and groups run one after the other.

A group is a column of layers from the input to the features that the head reads of it; it runs on the arena of one
group, whatever the width, and adds its share to sums that are kept. So a wider answer goes on from a narrower one, and
no layer is ever laid out, or its output held, for more than a group. Layers are the kernels of any other network; each
has as many descriptions as there are groups, of the same sizes, which differ in where their numbers lie.

Weights are one table, group by group: those of the first k groups, head included, are its first k parts of equal size.
So are biases and factors (`scales`). Own heads have a table of their own, which each width reads a part of.

>>> from sarto.core.graph.widths import in_groups
>>> from sarto.core.graph import Op, Tensor
>>> consts = {"w": np.ones((2, 1), np.int8), "v": np.ones((2, 2), np.int8)}
>>> for name in ("w", "v"):
...     consts |= {f"{name}b": np.zeros(2, np.int32), f"{name}m": np.full(2, 16384, np.int16)}
...     consts[f"{name}s"] = np.full(2, 24, np.uint8)
>>> tensors = [Tensor(n, str(a.dtype), a.shape, "const", a) for n, a in consts.items()]
>>> tensors += [Tensor("x", "int8", (1,), "input"), Tensor("f", "int8", (2,), "scratch")]
>>> tensors += [Tensor("y", "int32", (2,), "output")]
>>> ops = [Op("dense", {"x": x, "weights": w, "bias": f"{w}b", "factor": f"{w}m", "shift": f"{w}s"}, {"y": y},
...        {"low": -127, "high": 127}) for x, w, y in (("x", "w", "f"), ("f", "v", "y"))]
>>> whole = (*ops, Op("argmax", {"x": "y"}, {}))
>>> graph = Graph("net", tuple(tensors), (), (), (), 1, 0, None, ("a", "b"), (), (), whole)
>>> emit_widths(in_groups(graph, 2), "", "")["net.h"].partition("int net_run")[2].partition(";")[0]
'(net_arena *arena, int width)'
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from jaxtyping import Int

from sarto.core.errors import SartoError
from sarto.core.graph import Graph, Op
from sarto.core.graph.widths import blocks, columns_of, cut, part
from sarto.deploy.c.emission import Parts
from sarto.deploy.c.layout import laid_out, table, whole_words
from sarto.deploy.c.network import NetworkEmitter, arena_plan, kernel_text, scaling
from sarto.deploy.c.storage import storage_of
from sarto.deploy.c.text import resolved
from sarto.deploy.plan import WORD_B


def emit_widths(graph: Graph, title: str, words: str, checked: Collection[str] = ()) -> dict[str, str]:
    """Return `<name>.h` and `<name>.c` of a nested graph; `title` and `words` are for people.

    Raises:
        SartoError: E126, as `emit_network`; E173, when layers are to be checked, weights are a stream, or the input
            comes through a front end or in windows.
    """
    causes = {
        "a checksum of a layer is of all its groups": bool(checked),
        "a stream of weights is of all groups": any(storage_of(op) != "plain" for op in graph.whole),
        "what is heard goes on while an item is run at several widths": graph.window is not None
        or graph.whole[0].kind == "front_end",
    }
    for cause, found in causes.items():
        if found:
            raise SartoError(
                "E173",
                f"no C with a width can be generated for '{graph.name}'",
                cause=cause,
                hint="leave that out, or cut the model to one width",
            )
    return _Widths(graph).files(title, words)


class _Widths(NetworkEmitter):
    """The text of a nested graph; `graph` is that of the group that is looked at."""

    def __init__(self, graph: Graph) -> None:
        super().__init__(part(graph, 0, 1), arena_plan(graph), ())
        self.nested = blocks(graph)
        self.blob: list[Int[np.ndarray, " weight"]] = []
        self.rows: list[Int[np.ndarray, " number"]] = []
        self.more: list[Int[np.ndarray, " number"]] = []
        self.described: dict[tuple[str, str], list[str]] = {}
        self.kinds["dense"] = self.dense_or_head
        self.head_at = 0

    def files(self, title: str, words: str) -> dict[str, str]:
        """Return the header and the source."""
        full, first = self.nested.graph, self.graph
        for group in range(full.groups):
            self.graph, before = part(full, group, group + 1), self.parts
            self.parts = Parts()
            self.take_all()
            if group:  # what differs from the first group's is in the tables of all
                before.kernels |= self.parts.kernels
                before.features |= self.parts.features
                self.parts = before
        self.graph = first
        self.parts.features |= {"WIDTHS"} | ({"OWN_HEADS"} if self.nested.has_own_heads else set())
        self.parts.tables += self.tables()
        return self.written(full, title, words)

    def describe(self, kind: str, name: str, fields: str) -> str:
        """Note what a layer of this group is made of."""
        self.described.setdefault((kind, name), []).append(fields)
        return f"{name} + g"

    def scale(self, number: int, op: Op, shared: bool = False) -> str:
        """Note what the sums of a layer of this group are rescaled by."""
        del number, shared
        kind, rows = scaling(self.graph, op)
        for kernel in ("words", "requantise", "network_settle"):
            self.parts.needs(kernel)
        here = f"scales + {_size(self.rows)}"
        self.rows.append(rows[:, :2].reshape(-1))
        more = here
        if rows.shape[1] > 2:
            more = f"more + {_size(self.more)}"
            self.more.append(rows[:, 2:].reshape(-1))
        return f"{{{here}, {more}, {kind}, {op.attributes['low']}, {op.attributes['high']}}}"

    def scale_rows(self, number: int) -> str:
        """Return the C of where the rows of a layer begin."""
        return f"scaling_{number}[g].row"

    def weights(self, number: int, values: Int[np.ndarray, " weight"]) -> str:
        """Note weights of this group."""
        del number
        at = _size(self.blob)
        self.blob.append(values)
        return f"weights + {at}"

    def dense_or_head(self, number: int, op: Op) -> None:
        """Add a layer that begins the groups, or what the head reads of this group."""
        if op is not self.graph.whole[-2]:
            at = _size(self.blob)
            self.dense(number, op)
            call = self.parts.calls[-1]
            self.parts.calls[-1] = call.replace(f"weights + {at}", f"weights + {at} + g * GROUP_WEIGHTS")
            return
        read = self.graph.by_name[op.inputs["x"]]
        for kernel in ("words", "dense", "requantise", "network_settle", f"network_{read.dtype}"):
            self.parts.needs(kernel)
        self.parts.needs("network_add_rows", read.dtype)
        if self.nested.has_own_heads:
            return
        self.head_at = self.head_at or _size(self.blob)
        values = whole_words(self.graph.const(op.inputs["weights"]))
        self.blob.append(laid_out(values, swapped=False))

    def tables(self) -> list[str]:
        """Return the tables of all groups."""
        wide = table("weights", "int8_t", np.concatenate(self.blob), words=True)
        found = [wide, table("scales", "int32_t", np.concatenate(self.rows))]
        if self.more:
            found.append(table("more", "int32_t", np.concatenate(self.more)))
        for (kind, name), fields in self.described.items():
            rows = ",\n    ".join(fields)
            found.append(f"static const {kind} {name}[{len(fields)}] = {{\n    {rows}}};\n")
        return [*found, *(self.own_heads() if self.nested.has_own_heads else self.shared_head())]

    def shared_head(self) -> list[str]:
        """Return the table of what all scores are rescaled by."""
        (kind, rows), a = scaling(self.nested.graph, self.nested.head), self.nested.head.attributes
        found = [table("head_scale", "int32_t", rows[:, :2].reshape(-1))]
        more = "head_scale"
        if rows.shape[1] > 2:
            more = "head_more"
            found.append(table(more, "int32_t", rows[:, 2:].reshape(-1)))
        return [
            *found,
            f"static const scaling head = {{head_scale, {more}, {kind}, {a['low']}, {a['high']}}};\n",
        ]

    def own_heads(self) -> list[str]:
        """Return the tables of the head of each width, one after the other."""
        nested, a = self.nested, self.nested.head.attributes
        weights: list[Int[np.ndarray, " weight"]] = []
        scales: list[Int[np.ndarray, " number"]] = []
        fields: list[str] = []
        for width in range(1, nested.graph.groups + 1):
            narrow = cut(nested.graph, width)
            values = nested.graph.const(nested.head_of(width)["weights"])
            for group in range(width):
                block = columns_of(nested, values, width, group, group + 1)
                weights.append(laid_out(whole_words(block), swapped=False))
            kind, rows = scaling(narrow, narrow.whole[-2])
            at = _size(scales)
            scales.append(rows[:, :2].reshape(-1))
            more = at
            if rows.shape[1] > 2:
                more = _size(scales)
                scales.append(rows[:, 2:].reshape(-1))
            fields.append(f"{{head_scales + {at}, head_scales + {more}, {kind}, {a['low']}, {a['high']}}}")
        rows_of_all = ",\n    ".join(fields)
        return [
            table("head_weights", "int8_t", np.concatenate(weights), words=True),
            table("head_scales", "int32_t", np.concatenate(scales)),
            f"static const scaling heads[{len(fields)}] = {{\n    {rows_of_all}}};\n",
        ]

    @property
    def bent(self) -> bool:
        """Whether some layer of some group is rescaled by more than one factor a channel, or not by the high word."""
        return any("LEAKY" in t or "GENERAL" in t for t in (*self.parts.tables, *self.tables()))

    def network(self) -> str:
        """Return what runs a group, and what makes scores of the sums."""
        nested, places = self.nested, self.plan.places
        read = self.graph.by_name[nested.head.inputs["x"]]
        taps = -(-nested.features // WORD_B) * WORD_B
        lines = {
            "GROUP_WEIGHTS": _size(self.blob) // nested.graph.groups,
            "SUMS_AT": places["sums"],
            "FOUND_AT": places[read.name],
            "FEATURES_B": taps,
            "ADD_ROWS": f"add_rows_{read.dtype}",
        }
        if nested.has_own_heads:
            lines |= {"FEATURES": nested.features, "FEATURES_AT": places["features"]}
            lines |= {"HEAD_B": taps * len(self.nested.graph.outputs)}
        else:
            lines["HEAD_AT"] = self.head_at
        defines = "".join(f"#define {name} {value}\n" for name, value in lines.items())
        defines += f"typedef {read.dtype}_t found_t;\n"
        calls = "".join(self.parts.calls)
        text = resolved(kernel_text("network_widths"), self.features)
        upper = nested.graph.name.upper()
        layers = f"static void layers_of(uint8_t *m, int g)\n{{\n{calls}}}\n"
        return f"{defines}\n{layers}\n{text.replace('MODEL_', f'{upper}_')}"


def _size(parts: Collection[Int[np.ndarray, " number"]]) -> int:
    return sum(len(one) for one in parts)
