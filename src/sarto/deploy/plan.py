"""The memory plan of a network: where in its arena every tensor lies, known before anything is compiled.

A tensor lives from the operation that writes it to the last one that reads it; the input from the beginning, the
scores to the end. What an operation may write over what it reads shares its place: another shape of the same numbers,
a sum of numbers of the same size, a pool without padding (each of its outputs lies at or before the first number that
a later one reads). Kernels may ask for scratch while they run. What a front end has heard, and what it keeps from
sample to sample, is never shared; its input is not stored, and its scratch may be anything else, since it runs between
two runs of the network. Nor are the words of a sensor stored; what became of them is not shared where windows overlap.

`bound_b` is the largest sum of what is alive at one operation: no arena can be smaller. Buffers are laid out first-fit
in several orders, and the smallest arena is taken.

Source: Pisarchyk and Lee, Efficient Memory Management for Deep Neural Net Inference, 2020, section 5 (greedy by size).

>>> buffers = [Buffer(("a",), 8, -1, 0), Buffer(("b",), 4, 0, 1), Buffer(("c",), 8, 1, 2)]
>>> placed = laid_out(buffers)
>>> placed.size_b, placed.bound_b, placed.places
(12, 12, {'a': 0, 'b': 8, 'c': 0})
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sarto.core.graph import Graph, Op
from sarto.core.graph.network import Slide
from sarto.core.graph.values import DTYPES
from sarto.core.seed import generator

WORD_B = 4
"""Every buffer begins at a whole word, as cores without unaligned loads need it."""
DRAWN_ORDERS = 200
STREAMED = ("front_end", "standardise")
"""First operations that take samples as they come: what they read is not stored."""


@dataclass(frozen=True)
class Buffer:
    """Bytes that are in use from operation `first` to operation `last` (-1: before all), for the tensors `names`."""

    names: tuple[str, ...]
    size_b: int
    first: int
    last: int

    def meets(self, other: Buffer) -> bool:
        """Return whether both are in use at some operation."""
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True)
class Plan:
    """A memory plan.

    Attributes:
        buffers: what shares a place, in the order of first use.
        places: first byte of each tensor by name, and of the scratch of operation i as `scratch i`.
        size_b: bytes of all buffers as they lie.
        bound_b: the largest sum of buffers that are in use at one operation.
        peak: number of that operation.
    """

    buffers: tuple[Buffer, ...]
    places: Mapping[str, int]
    size_b: int
    bound_b: int
    peak: int

    @property
    def at_peak(self) -> tuple[Buffer, ...]:
        """What is in use at the peak, the largest first."""
        live = [b for b in self.buffers if b.first <= self.peak <= b.last]
        return tuple(sorted(live, key=lambda b: -b.size_b))


def plan(
    graph: Graph, scratch: Mapping[int, int], kept: Mapping[str, int] | None = None, again: bool = False
) -> Plan:
    """Return the plan of a graph of whole items.

    Args:
        graph: to plan.
        scratch: bytes that the kernel of an operation asks for, by its number.
        kept: bytes that are in use from call to call, by name.
        again: whether the program runs more than once on its input, which is then kept.
    """
    buffers = list(_shared(graph, again))
    buffers += [Buffer((name,), size_b, -1, len(graph.whole)) for name, size_b in (kept or {}).items()]
    buffers += [Buffer((f"scratch {i}",), size_b, i, i) for i, size_b in scratch.items() if size_b]
    return laid_out(buffers)


def laid_out(buffers: Sequence[Buffer]) -> Plan:
    """Return the smallest of the plans that first-fit finds."""
    whole = [replace(b, size_b=-(-b.size_b // WORD_B) * WORD_B) for b in buffers]
    steps = range(-1, max(b.last for b in whole) + 1)
    alive = {i: sum(b.size_b for b in whole if b.first <= i <= b.last) for i in steps}
    peak = max(alive, key=lambda i: alive[i])
    numbers = range(len(whole))
    orders = [
        sorted(numbers, key=lambda i: (-whole[i].size_b, whole[i].first)),
        sorted(numbers, key=lambda i: (-whole[i].size_b * (whole[i].last - whole[i].first + 1), i)),
        sorted(numbers, key=lambda i: (not whole[i].first <= peak <= whole[i].last, -whole[i].size_b)),
        sorted(numbers, key=lambda i: whole[i].first),
    ]
    best, size_b = _placed(whole, orders[0])
    rng = generator(0, "orders of a memory plan")
    for number in range(1, len(orders) + DRAWN_ORDERS):
        if size_b == alive[peak]:
            break
        order = orders[number] if number < len(orders) else rng.permutation(len(whole)).tolist()
        found, found_b = _placed(whole, order)
        if found_b < size_b:
            best, size_b = found, found_b
    places = {name: best[i] for i in numbers for name in whole[i].names}
    return Plan(tuple(whole), places, size_b, alive[peak], peak)


def _placed(buffers: Sequence[Buffer], order: Sequence[int]) -> tuple[dict[int, int], int]:
    """Return the first byte of every buffer, each at the lowest place that is free, and the bytes of all."""
    places: dict[int, int] = {}
    for i in order:
        at = 0
        taken = sorted(
            (places[j], places[j] + buffers[j].size_b) for j in places if buffers[i].meets(buffers[j])
        )
        for begin, end in taken:
            if begin - at >= buffers[i].size_b:
                break
            at = max(at, end)
        places[i] = at
    return places, max(places[i] + buffers[i].size_b for i in places)


def _shared(graph: Graph, again: bool) -> Sequence[Buffer]:
    """Return the buffers of the tensors of a graph, those that lie in one place together."""
    ops, sizes = graph.whole, {t.name: t.size_b for t in graph.tensors}
    last = {name: i for i, op in enumerate(ops) for name in op.inputs.values()}
    last |= {t.name: len(ops) for t in graph.kind("output")}
    (given,) = (tensor.name for tensor in graph.kind("input"))
    if ops[0].kind in STREAMED:
        (given,) = ops[0].outputs.values()
        if ops[0].kind == "front_end" or (graph.window and graph.window.hop < graph.window.length):
            last[given] = len(ops)
    if again:
        last[given] = len(ops)
    buffers = [Buffer((given,), sizes[given], -1, last.get(given, -1))]
    holds = {given: 0}
    for i, op in enumerate(ops):
        for name in op.outputs.values():
            if name == given:
                continue
            over = next((x for x in _writable(graph, op) if _dies(op, buffers[holds[x]], i)), None)
            if over is None:
                holds[name] = len(buffers)
                buffers.append(Buffer((name,), sizes[name], i, last.get(name, i)))
                continue
            at = holds[name] = holds[over]
            old = buffers[at]
            buffers[at] = replace(
                old,
                names=(*old.names, name),
                size_b=max(old.size_b, sizes[name]),
                last=max(old.last, last.get(name, i)),
            )
    return buffers


def _dies(op: Op, buffer: Buffer, number: int) -> bool:
    """Return whether `op`, number `number`, may take the place of what it reads: nobody reads that later."""
    return op.kind == "reshape" or buffer.last == number


def _writable(graph: Graph, op: Op) -> list[str]:
    """Return which of its inputs an operation may write over while it reads them."""
    tensors = graph.by_name
    read = list(dict.fromkeys(name for name in op.inputs.values() if tensors[name].kind != "const"))
    (out,) = op.outputs.values()
    if op.kind in ("reshape", "table"):
        return read
    if op.kind == "add":
        return [name for name in read if tensors[name].size_b == tensors[out].size_b]
    if op.kind in ("mean", "max"):
        slide = Slide.of((op.attributes["kernel_row"], op.attributes["kernel_column"]), op.attributes)
        same = DTYPES[tensors[out].dtype] == DTYPES[tensors[read[0]].dtype]
        return read if same and not any(slide.padding) else []
    return []
