"""C99 of a network: the layers of a graph of whole items, called one after the other on one arena.

Kernels are the files `kernels/network_*.c`. What they read is laid out here: rows of weights four at a time as in
`dense.c`, padded with zeros to whole words; for each channel its bias and what its sum is rescaled by. A factor
`m 2^-s` with s from 16 to 32 is `m 2^(32 - s)`, so that the high word of a product is the number: the same as
`(acc m + 2^(s-1)) >> s`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from importlib.resources import files

import numpy as np
from jaxtyping import Int

from sarto.core.graph import Graph, Op
from sarto.core.graph.operations import SCORE_LIMIT
from sarto.core.graph.values import DTYPES
from sarto.core.graph.widths import blocks, part
from sarto.deploy.c import between, checksums, front_end, mam
from sarto.deploy.c.convolution import geometry, in_pairs, is_depthwise, is_direct, patch_b
from sarto.deploy.c.emission import Emission, check, refused
from sarto.deploy.c.layout import WORDS, laid_out, table, whole_words
from sarto.deploy.c.network_header import counters_b, header
from sarto.deploy.c.storage import block_b, narrow_bias, storage_of, stream_tables
from sarto.deploy.c.text import comment, resolved
from sarto.deploy.plan import WORD_B, Plan, plan

ORDER = (
    "arithmetic",
    "requantise",
    "clamp",
    "standardise",
    "front_end",
    "front_end_take",
    "words",
    "dense",
    "network_int8",
    "network_uint8",
    "network_settle",
    "network_checked",
    "network_layer",
    "network_rows",
    "network_add_rows",
    "network_pair",
    "network_gather",
    "network_conv",
    "network_sparse",
    "network_coded",
    "network_stream_dense",
    "network_stream_conv",
    "network_depthwise",
    "network_pool_layer",
    "network_pool",
    "network_add",
    "network_permute",
    "network_table",
    "forest",
    "network_concat",
    "network_extremes",
    "network_mam",
    "network_mam_conv",
    "reject",
)
"""Kernel files in the order in which they build on each other."""


def emit_network(graph: Graph, title: str, words: str, checked: Collection[str] = ()) -> dict[str, str]:
    """Return `<name>.h` and `<name>.c` of a graph of whole items; `title` and `words` are for people.

    Layers of the kinds in `checked` are held to their checksums, see `checksums`.

    Raises:
        SartoError: E126, when a layer is too large to be described, or the kernels do not know it.
    """
    return NetworkEmitter(graph, arena_plan(graph), checked).files(title, words)


def arena_plan(graph: Graph) -> Plan:
    """Return the memory plan of a graph of whole items, with the scratch of its kernels."""
    one = part(graph, 0, 1) if graph.groups > 1 else graph
    scratch = {i: _scratch_b(one, op) for i, op in enumerate(one.whole)}
    if graph.groups > 1:
        return plan(one, scratch, kept_of_widths(graph), again=True)
    return plan(graph, scratch, front_end.kept_b(graph.whole[0]))


def kept_of_widths(graph: Graph) -> dict[str, int]:
    """Return the bytes that a nested graph keeps from group to group: sums, and what own heads read once more."""
    found = blocks(graph)
    features_b = -(-found.features // WORD_B) * WORD_B * graph.groups
    return {"sums": WORD_B * len(graph.outputs)} | ({"features": features_b} if found.has_own_heads else {})


def network_arena_b(graph: Graph) -> int:
    """Return the bytes of the arena of a graph of whole items: its plan, and what is counted."""
    return arena_plan(graph).size_b + counters_b(graph)


class NetworkEmitter(Emission):
    """The text of one graph."""

    def __init__(self, graph: Graph, planned: Plan, checked: Collection[str]) -> None:
        super().__init__(graph, planned)
        self.checks = checksums.Checks(self, checked)
        self.kinds: dict[str, Callable[[int, Op], None]] = {
            "dense": self.dense,
            "conv": self.conv,
            "mam": lambda number, op: mam.mam(self, number, op, self.scale(number, op)),
            "mam_conv": lambda number, op: mam.mam_conv(self, number, op, self.scale(number, op)),
            "mean": partial(between.pool, self),
            "max": partial(between.pool, self),
            "add": partial(between.add, self),
            "concat": partial(between.concat, self),
            "table": partial(between.looked_up, self),
            "permute": partial(between.permute, self),
            "forest": partial(between.forest, self),
            "front_end": partial(front_end.front_end, self),
            "standardise": self.standardise,
            "reshape": lambda _number, _op: None,
            "argmax": self.argmax,
        }

    def files(self, title: str, words: str) -> dict[str, str]:
        """Return the header and the source."""
        self.take_all()
        return self.written(self.graph, title, words)

    def take_all(self) -> None:
        """Look at every operation."""
        for number, op in enumerate(self.graph.whole):
            if op.kind not in self.kinds:
                raise refused(op, f"there is no kernel for '{op.kind}'")
            self.kinds[op.kind](number, op)

    def written(self, graph: Graph, title: str, words: str) -> dict[str, str]:
        """Return the header and the source of a graph, once every operation was looked at."""
        text = header(graph, title, words, self.plan.size_b, self.features)
        return {f"{graph.name}.h": text, f"{graph.name}.c": self.source(title)}

    def source(self, title: str) -> str:
        """Return the text of the source, once every operation was looked at."""
        name, parts = self.graph.name, self.parts
        upper = name.upper()
        lines = "".join(f"#define {k} {v}\n" for k, v in self.input_lies().items())
        lines += f"#define SCORES_AT {self.scores_at // WORD_B}\n"
        lines += f"#define MOST_ADDED {parts.added}\n" if parts.added else ""
        check = f"typedef char arena_has_the_size_it_says[sizeof({name}_arena) == {upper}_ARENA_BYTES ? 1 : -1];\n"
        kernels = "\n".join(self.kernel(k) for k in ORDER)
        driver = (
            resolved(kernel_text("network_driver"), self.features)
            .replace("model_", f"{name}_")
            .replace("MODEL_", f"{upper}_")
        )
        pieces = [*parts.first, kernels, *parts.tables, self.network(), driver]
        return f'/* {comment(title)} */\n#include "{name}.h"\n\n{WORDS}{lines}\n{check}\n' + "\n".join(
            filter(None, pieces)
        )

    def network(self) -> str:
        """Return the function that calls the kernels."""
        return f"static void network(uint8_t *m)\n{{\n{''.join(self.parts.calls)}}}\n"

    def kernel(self, name: str) -> str:
        """Return a kernel's text, once for each type of numbers that it reads, or nothing when none needs it."""
        found = [k.partition(" ")[2] for k in self.parts.kernels if k.partition(" ")[0] == name]
        if not found and name not in ("arithmetic",):
            return ""
        text = resolved(kernel_text(name), self.features)
        if not any(found):
            return text
        return "\n".join(_of_type(text, *one.split()) for one in sorted(found))

    def input_lies(self) -> dict[str, object]:
        """Return the `#define`s of what a line is laid into, and where, in its numbers; none behind a front end."""
        first, (given,) = self.graph.whole[0], self.graph.kind("input")
        if first.kind == "front_end":
            return {}
        if first.kind == "standardise":
            given = self.graph.by_name[first.outputs["y"]]
        return {"INPUT": f"{given.dtype}_t", "INPUT_AT": self.plan.places[given.name] // DTYPES[given.dtype]}

    def standardise(self, _number: int, op: Op) -> None:
        """Add the tables by which each sample of a sensor becomes a line of the input as it comes."""
        (given,) = self.graph.kind("input")
        found = {
            "SAMPLE": f"{self.graph.name}_sample",
            "CHANNELS": given.shape[-1],
            "SHIFT_IN": op.attributes["shift"],
        }
        self.parts.first.append("".join(f"#define {name} {value}\n" for name, value in found.items()))
        for role, name in (("zero", "zero"), ("factor", "factor_in")):
            self.parts.first.append(table(name, "int32_t", self.graph.const(op.inputs[role])))
        for kernel in ("arithmetic", "standardise"):
            self.parts.needs(kernel)
        self.parts.features.add("BYTES")

    @property
    def features(self) -> set[str]:
        """What the kernels are to know, see `resolved`."""
        found = (("WINDOWS", self.graph.window), ("NUMBERS", self.graph.quanta), ("BENT", self.bent))
        return self.parts.features | {name for name, there in found if there}

    @property
    def bent(self) -> bool:
        """Whether some layer is rescaled by more than one factor a channel, or not by the high word."""
        return any("LEAKY" in t or "GENERAL" in t for t in self.parts.tables)

    def scale(self, number: int, op: Op, shared: bool = False) -> str:
        """Note what a layer's sums are rescaled by, once for all rows if `shared`; return the C of its `scaling`."""
        kind, rows = scaling(self.graph, op)
        rows = rows[:1] if shared else rows
        for kernel in ("words", "requantise", "network_settle"):
            self.parts.needs(kernel)
        self.parts.tables.append(table(f"scale_{number}", "int32_t", rows[:, :2].reshape(-1)))
        more = f"more_{number}" if rows.shape[1] > 2 else f"scale_{number}"
        if rows.shape[1] > 2:
            self.parts.tables.append(table(more, "int32_t", rows[:, 2:].reshape(-1)))
        return f"{{scale_{number}, {more}, {kind}, {op.attributes['low']}, {op.attributes['high']}}}"

    def scale_rows(self, number: int) -> str:
        """Return the C of where the rows of a layer's `scaling` begin."""
        return f"scale_{number}"

    def weights(self, number: int, values: Int[np.ndarray, " weight"]) -> str:
        """Note a table of weights; return its name."""
        self.parts.tables.append(table(f"weights_{number}", "int8_t", values, words=True))
        return f"weights_{number}"

    def dense(self, number: int, op: Op) -> None:
        """Add a fully connected layer."""
        if storage_of(op) != "plain":
            self.stream_dense(number, op)
            return
        values = whole_words(self.graph.const(op.inputs["weights"]))
        outputs, taps = values.shape
        x, y, kind = op.inputs["x"], op.outputs["y"], self.graph.by_name[op.inputs["x"]].dtype
        check(op, outputs, taps)
        for kernel in ("dense", f"network_{kind}"):
            self.parts.needs(kernel)
        self.parts.needs("network_rows", kind)
        scale, weights = self.scale(number, op), self.weights(number, laid_out(values, swapped=False))
        scaled = self.describe("scaling", f"scaling_{number}", scale)
        text = (
            f"rows_{kind}({scaled}, {self.scale_rows(number)}, {weights}, {self.place(x)}, {taps}, {outputs}"
        )
        self.call(y, self.checks.dense(number, op, f"{text}, {self.place(y, const=False)}, 0)"))

    def stream_dense(self, number: int, op: Op) -> None:
        """Add a fully connected layer whose weights are a stream."""
        outputs, taps = self.graph.const(op.inputs["weights"]).shape
        x, y, storage = self.graph.by_name[op.inputs["x"]], op.outputs["y"], storage_of(op)
        check(op, outputs, taps)
        self.parts.needs(f"network_{storage}")
        self.parts.needs("network_stream_dense", f"{x.dtype} {storage}")
        bias = narrow_bias(scaling(self.graph, op)[1])
        scale = self.scale(number, op, shared=bias is not None)
        tables, weights = stream_tables(number, self.graph, op)
        if bias is not None:
            tables += table(f"bias_{number}", "int16_t", bias)
        own, step = ("0", 2) if bias is None else (f"bias_{number}", 0)
        self.parts.tables.append(
            f"{tables}static const dense_{storage}_{x.dtype} layer_{number} = "
            f"{{{scale}, {weights}, {own}, {taps}, {outputs}, {step}}};\n"
        )
        to = self.place(y, const=False)
        text = f"run_dense_{storage}_{x.dtype}(&layer_{number}, {self.place(x.name)}, {to})"
        self.call(y, self.checks.dense(number, op, text))

    def conv(self, number: int, op: Op) -> None:
        """Add a convolution; one of every channel by itself has a kernel of its own."""
        graph, weights = self.graph, self.graph.const(op.inputs["weights"])
        x, y = graph.by_name[op.inputs["x"]], graph.by_name[op.outputs["y"]]
        each, storage = is_depthwise(weights, op), storage_of(op)
        if each:
            values = np.moveaxis(weights[..., 0], 0, -1).reshape(-1)
        else:
            rows = whole_words(weights.reshape(len(weights), -1))
            groups = op.attributes["groups"]
            values = np.concatenate([laid_out(part, swapped=False) for part in np.split(rows, groups)])
        sizes = dict(geometry(x, y, op, weights.shape[1:3]))
        sizes |= {"taps": patch_b(weights), "direct": int(is_direct(x, weights, op))}
        sizes |= {"pairs": int(in_pairs(y, weights))}
        check(op, *sizes.values())
        for needed in ("network_layer", f"network_{x.dtype}", *(() if each else ("network_gather",))):
            self.parts.needs(needed)
        if storage == "plain":
            self.parts.needs("network_depthwise" if each else "network_conv", x.dtype)
        if not each:
            self.parts.needs("dense")
            self.parts.needs("network_rows", x.dtype)
        if not each and storage == "plain":
            self.parts.needs("network_pair", x.dtype)
            if sizes["pairs"]:
                self.parts.features.add("PAIRS")
        scale = self.scale(number, op)
        table_name = self.weights(number, values) if storage == "plain" else "0"
        fields = ", ".join([*map(str, sizes.values()), *self.checks.fields(number, op)])
        layer = self.describe("conv_layer", f"layer_{number}", f"{{{scale}, {table_name}, {fields}}}")
        kernel = "depthwise" if each else "conv"
        at = self.plan.places.get(f"scratch {number}", 0)
        patch, stream = "" if each else f", m + {at}", ""
        if storage != "plain":
            self.parts.needs(f"network_{storage}")
            self.parts.needs("network_stream_conv", f"{x.dtype} {storage}")
            tables, found = stream_tables(number, self.graph, op)
            self.parts.tables.append(
                f"{tables}static const weights_{storage} stream_of_{number} = {found};\n"
            )
            kernel, stream = f"conv_{storage}", f", &stream_of_{number}"
            patch += f", (int8_t *)m + {at + _scratch_b(self.graph, op) - block_b(self.graph, op)}"
        text = f"{kernel}_{x.dtype}({layer}{stream}, {self.place(x.name)}{patch}"
        self.call(y.name, self.checks.conv(number, f"{text}, {self.place(y.name, const=False)})"))

    def argmax(self, number: int, op: Op) -> None:
        """Note where the scores lie; those of 8 bits are widened."""
        scores = self.graph.by_name[op.inputs["x"]]
        self.scores_at = self.plan.places[scores.name]
        if "least" in op.inputs:
            between.reject(self, op)
        if scores.dtype == "int32":
            return
        read, self.scores_at = self.scores_at, self.plan.places[f"scratch {number}"]
        self.call(
            "the scores",
            f"for (int i = 0; i < {len(self.graph.outputs)}; i++)\n"
            f"        ((int32_t *)(m + {self.scores_at}))[i] = ((const {scores.dtype}_t *)(m + {read}))[i]",
        )


def _of_type(text: str, number: str, stream: str = "") -> str:
    """Return a kernel for the type of numbers, and the kind of stream, that it reads."""
    text = text.replace("number_t", f"{number}_t").replace("_number", f"_{number}")
    return text.replace("_stream", f"_{stream}") if stream else text


def kernel_text(name: str) -> str:
    """Return the text of a kernel's file."""
    return (files("sarto.deploy.c") / "kernels" / f"{name}.c").read_text(encoding="utf-8")


def _scratch_b(graph: Graph, op: Op) -> int:
    """Return the bytes that the kernel of an operation needs while it runs."""
    if op.kind == "conv":
        x, weights = graph.by_name[op.inputs["x"]], graph.const(op.inputs["weights"])
        (y,) = (graph.by_name[name] for name in op.outputs.values())
        if is_depthwise(weights, op):
            return 0
        stream = storage_of(op) != "plain"
        if in_pairs(y, weights) and not stream:
            return 2 * patch_b(weights)
        return (0 if is_direct(x, weights, op) else patch_b(weights)) + block_b(graph, op)
    if op.kind == "argmax" and graph.by_name[op.inputs["x"]].dtype != "int32":
        return WORD_B * len(graph.outputs)
    if op.kind in ("mam", "mam_conv"):
        return mam.scratch_b(graph, op)
    return front_end.scratch_b(op) if op.kind == "front_end" else 0


def scaling(graph: Graph, op: Op) -> tuple[str, Int[np.ndarray, "channel number"]]:
    """Return how the sums of a layer are rescaled, see `network_settle.c`, and the row of each channel."""
    (out,) = (graph.by_name[name] for name in op.outputs.values())

    def read(role: str) -> Int[np.ndarray, " channel"]:
        return graph.const(op.inputs[role]).astype(np.int64)

    bias, factor, shift = read("bias"), read("factor"), read("shift")
    bent = "factor_below" in op.inputs
    below, shift_below = (read("factor_below"), read("shift_below")) if bent else (factor, shift)
    by_high_word = all(
        ((s >= 16) & (s <= 32) | (m == 0)).all() for m, s in ((factor, shift), (below, shift_below))
    )
    wide, a = out.dtype == "int32", op.attributes
    uncut = a["low"] <= -SCORE_LIMIT and a["high"] >= SCORE_LIMIT  # a sum of 31 bits times less than 2^-1
    if not by_high_word or (wide and (bent or not uncut)):
        kind = "SCORES" if wide else "GENERAL"
        return kind, np.stack([bias, factor, below, shift | shift_below << 8], axis=1)
    up, up_below = (np.where(m == 0, 0, m << (32 - np.where(m == 0, 32, s))) for m, s in
                    ((factor, shift), (below, shift_below)))  # fmt: skip
    if bent:
        return "LEAKY", np.stack([bias, up, up_below, np.zeros_like(up)], axis=1)
    if wide:
        return "WIDE", np.stack([bias, up], axis=1)
    byte = (op.attributes["low"], op.attributes["high"]) == (0, 255)
    return "BYTE" if byte else "HIGH", np.stack([bias, up], axis=1)
