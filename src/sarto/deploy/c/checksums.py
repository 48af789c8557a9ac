"""Checksums of layers: the sums of a layer must add up to what the sums of its weights and biases tell.

A layer with weights W (output c, tap i) and biases b makes of x the sums s_c = sum_i W_ci x_i + b_c. Added up,

    sum_c s_c = sum_i k_i x_i + B,   k_i = sum_c W_ci,   B = sum_c b_c          modulo 2^32

where k, a row as long as one of W, and B are stored beside the layer. One wrong weight W_ci makes the left side wrong
by less than 2^16, and by what is not 0 wherever x_i is not 0; where x_i is 0, no sum is wrong. One wrong bias or sum,
or one wrong bit of k or B, shows likewise. Two errors may cancel, and so may a stream of weights that is read at wrong
places where the numbers are alike. What comes after the sums, which are rescaled and stored, is not checked, nor are
numbers that were wrong before the layer read them.

The readout of a reservoir takes its features one by one and forgets them. There k_i z_i is taken off one more sum as
each feature comes, and at the end all sums together must be 0. Nothing can be computed once more: there is no answer.

k_i fits 16 bits up to 258 outputs; a row that does not is the sum of several that do. The check costs one more row of
multiplications, 1/c of the layer's, and of a convolution so much at every place.

Source: Huang and Abraham, Algorithm-Based Fault Tolerance for Matrix Operations, IEEE Transactions on Computers C-33,
1984 (the column checksum matrix, here times a vector).

>>> w, b = np.array([[1, -2, 3], [4, 5, -6]]), np.array([7, -9])
>>> rows, base = checksum(w, b)
>>> rows.tolist(), base, residue(w, b, np.array([1, 2, 3]), rows, base)
([[5, 3, -3]], 4294967294, 0)
>>> w[1, 1] ^= 1
>>> residue(w, b, np.array([1, 2, 3]), rows, base) - 2**32, residue(w, b, np.array([1, 0, 3]), rows, base)
(-2, 0)
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from importlib.resources import files

import numpy as np
from jaxtyping import Int, Integer

from sarto.core.graph import Graph, Op
from sarto.core.graph.whole import SUMMED
from sarto.deploy.c.convolution import is_depthwise, patch_b
from sarto.deploy.c.emission import Emission
from sarto.deploy.c.layout import table, whole_words
from sarto.deploy.c.storage import storage_of

KINDS = ("dense", "conv")
"""Operations of a network that can be checked; a readout goes with what is dense."""
DIGIT = 256
"""Of the two digits in which a readout stores a sum of weights beside them."""
MOST = 2**15 - 1
"""Of a sum of weights, in 16 bits; four products with numbers of 8 bits stay far below 2^31."""


def checksum(
    weights: Integer[np.ndarray, "output tap"], bias: Integer[np.ndarray, " output"]
) -> tuple[Int[np.ndarray, "row tap"], int]:
    """Return rows of 16 bits whose sum is that of the weights at each tap, and the sum of the biases modulo 2^32."""
    left, rows = weights.sum(axis=0, dtype=np.int64), list[np.ndarray]()
    while left.any() or not rows:
        rows.append(left.clip(-MOST, MOST))
        left = left - rows[-1]
    return np.stack(rows), int(bias.sum(dtype=np.int64)) % 2**32


def residue(
    weights: Integer[np.ndarray, "output tap"],
    bias: Integer[np.ndarray, " output"],
    x: Integer[np.ndarray, " tap"],
    rows: Integer[np.ndarray, "row tap"],
    base: int,
) -> int:
    """Return by how much the sums of a layer differ from what its checksum tells, modulo 2^32: 0 if they are right."""
    sums = weights.astype(np.int64) @ x.astype(np.int64) + bias
    return (int(sums.sum()) - int((rows.astype(np.int64) @ x.astype(np.int64)).sum()) - base) % 2**32


@dataclass(frozen=True)
class Coverage:
    """How much of a network is checked.

    Attributes:
        layers: that are checked.
        of_layers: with weights that there are.
        multiplications: of an inference, the share in checked layers; None for a stream, where it is a matter of steps.
        weights: the share in checked layers.
        left_out: the outputs of the other layers with weights, and why each is one of them.
    """

    layers: int
    of_layers: int
    multiplications: float | None
    weights: float
    left_out: dict[str, str]


def coverage(graph: Graph, kinds: Collection[str]) -> Coverage:
    """Return how much of a graph is checked where layers of `kinds` are."""
    if graph.step:
        return _of_stream(graph, kinds)
    summed = [op for op in graph.whole if op.kind in SUMMED]
    reasons = {op.outputs["y"]: _reason(graph, op, kinds) for op in summed}
    of: list[tuple[bool, int, int]] = []
    for op in summed:
        count = int(np.prod(graph.by_name[op.inputs["weights"]].shape))
        (y,) = (graph.by_name[name] for name in op.outputs.values())
        places = int(np.prod(y.shape[:-1])) if op.kind.endswith("conv") else 1
        of.append((not reasons[y.name], count, count * places))
    work, held = (sum(row[i] for row in of) for i in (2, 1))
    checked = [row for row in of if row[0]]
    return Coverage(
        len(checked),
        len(summed),
        sum(row[2] for row in checked) / max(work, 1),
        sum(row[1] for row in checked) / max(held, 1),
        {name: reason for name, reason in reasons.items() if reason},
    )


def _of_stream(graph: Graph, kinds: Collection[str]) -> Coverage:
    """Return how much of a reservoir is checked: its readout, or nothing."""
    weighted = {
        t.name: t.size_b
        for t in graph.kind("const")
        if t.dtype == "int8" and len(t.shape) > 1 and t.data is not None
    }
    reasons = dict.fromkeys(weighted, "only a linear readout is checked")
    if "dense" in kinds and _readout_fits(graph):
        del reasons["weights_out"]
    checked = sum(size_b for name, size_b in weighted.items() if name not in reasons)
    share = checked / max(sum(weighted.values()), 1)
    return Coverage(int(checked > 0), len(weighted), None, share, reasons)


def _readout_fits(graph: Graph) -> bool:
    """Return whether a graph ends in a readout whose sums of weights fit two digits."""
    found = graph.head.kind == "readout" and "weights_out" in graph.by_name
    return (
        found
        and int(np.abs(graph.const("weights_out").sum(axis=-1, dtype=np.int64)).max()) <= MOST - DIGIT // 2
    )


def is_checked(graph: Graph) -> bool:
    """Return whether a graph of a stream is one that `checked_readout` returned."""
    return "sums" in graph.by_name and graph.by_name["sums"].shape[0] > graph.by_name["scores"].shape[0]


def checked_readout(graph: Graph) -> Graph:
    """Return a graph whose readout has the sum of its weights beside them, and one more sum; for its C alone.

    The sum k of the weights of a feature is 256 h + l with l from -128 to 127.
    """
    if not _readout_fits(graph):
        return graph
    weights = graph.const("weights_out")
    whole = weights.sum(axis=-1, dtype=np.int64)
    low = (whole + DIGIT // 2) % DIGIT - DIGIT // 2
    digits = np.stack([low, (whole - low) // DIGIT], axis=-1).astype(np.int8)
    data = np.concatenate([weights, digits], axis=-1)
    sums = graph.by_name["sums"]
    made = {
        "weights_out": replace(graph.by_name["weights_out"], data=data, shape=data.shape),
        "sums": replace(sums, shape=(sums.shape[0] + 1,)),
    }
    return replace(graph, tensors=tuple(made.get(t.name, t) for t in graph.tensors))


def fault_text() -> str:
    """Return the C of what happens where there is no answer."""
    return (files("sarto.deploy.c") / "guard" / "fault.c").read_text(encoding="utf-8")


def _reason(graph: Graph, op: Op, kinds: Collection[str]) -> str:
    """Return why an operation with weights is not checked, or nothing where it is."""
    if op.kind not in KINDS:
        return "its products are not added up"
    if op.kind not in kinds:
        return "it is a convolution"
    if op.kind == "dense":
        return ""
    weights = graph.const(op.inputs["weights"])
    if is_depthwise(weights, op):
        return "every channel is convolved by itself"
    if storage_of(op) != "plain":
        return "its weights are a stream, which a convolution lays out in parts"
    if any(len(rows) > 1 for rows, _ in _of_groups(graph, op)):
        return "a sum of its weights exceeds 16 bits"
    return ""


def _of_groups(graph: Graph, op: Op) -> list[tuple[Int[np.ndarray, "row tap"], int]]:
    """Return the checksum of each group of a layer."""
    weights, bias = graph.const(op.inputs["weights"]), graph.const(op.inputs["bias"])
    groups = op.attributes.get("groups", 1)
    rows = weights.reshape(groups, len(weights) // groups, -1)
    return [checksum(w, b) for w, b in zip(rows, np.split(bias.astype(np.int64), groups), strict=True)]


class Checks:
    """Writes the checksums of one graph, and the calls that hold its layers to them."""

    def __init__(self, emission: Emission, kinds: Collection[str]) -> None:
        self.graph, self.emission, self.parts = emission.graph, emission, emission.parts
        summed = [(number, op) for number, op in enumerate(self.graph.whole) if op.kind in SUMMED]
        self.numbers = {number for number, op in summed if not _reason(self.graph, op, kinds)}
        if not self.numbers:
            return
        self.parts.features.add("CHECKED")
        twice = files("sarto.deploy.c") / "guard" / "twice.c"
        self.parts.first += [fault_text(), twice.read_text(encoding="utf-8")]
        if any(op.kind == "conv" and number in self.numbers for number, op in summed):
            self.parts.features.add("CHECKED_CONV")

    def dense(self, number: int, op: Op, call: str) -> str:
        """Return the statement that runs a fully connected layer by `call`, which returns the sum of its sums."""
        if number not in self.numbers:
            return call
        x = self.graph.by_name[op.inputs["x"]]
        ((rows, base),) = _of_groups(self.graph, op)
        wanted, laid = f"{base}u", _laid(rows)
        for row, values in enumerate(laid):
            name = f"check_{number}_{row}"
            self.parts.tables.append(table(name, "int16_t", values, words=True))
            wanted = f"checked_{x.dtype}({name}, {wanted}, {self.emission.place(x.name)}, {len(values)}, 4)"
        self._needs(x.dtype)
        return f"TWICE({call}, {wanted})"

    def fields(self, number: int, op: Op) -> list[str]:
        """Return the last fields of the description of a convolution."""
        if "CHECKED_CONV" not in self.parts.features:
            return []
        if storage_of(op) == "plain" and not is_depthwise(self.graph.const(op.inputs["weights"]), op):
            self._needs(self.graph.by_name[op.inputs["x"]].dtype)
        if number not in self.numbers:
            return ["0", "0"]
        found = _of_groups(self.graph, op)
        laid = np.concatenate([_laid(rows) for rows, _ in found]).reshape(-1)
        assert len(laid) == len(found) * patch_b(self.graph.const(op.inputs["weights"]))
        self.parts.tables.append(table(f"check_{number}", "int16_t", laid, words=True))
        sums = ", ".join(f"{base}u" for _, base in found)
        self.parts.tables.append(f"static const uint32_t sums_{number}[{len(found)}] = {{{sums}}};\n")
        return [f"check_{number}", f"sums_{number}"]

    def conv(self, number: int, call: str) -> str:
        """Return the statement that runs a convolution by `call`, which returns 0 if all of its sums are right."""
        return f"TWICE({call}, 0)" if number in self.numbers else call

    def _needs(self, number_type: str) -> None:
        for kernel in ("words", f"network_{number_type}"):
            self.parts.needs(kernel)
        self.parts.needs("network_checked", number_type)


def _laid(rows: Integer[np.ndarray, "row tap"]) -> Integer[np.ndarray, "row wider"]:
    """Return rows as the kernel reads them: whole words of four, the middle two changed."""
    wide = whole_words(rows)
    return wide.reshape(len(rows), -1, 4)[:, :, [0, 2, 1, 3]].reshape(wide.shape)
