"""Faults in integer graphs: the quick verdict is that of a whole run with the fault in it, whatever the graph."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from jaxtyping import Int64

from sarto.audit.faults.graph import GraphSpace
from sarto.audit.faults.model import Fault
from sarto.audit.faults.sample import draw
from sarto.audit.faults.verdicts import DUE, KINDS, Judged
from sarto.core.bits import Places, flip
from sarto.core.errors import SartoError
from sarto.core.graph import Graph, Outcome, Tensor, decide, infer, interpret, items_of
from sarto.core.graph.operations import scaled, standardise
from sarto.core.graph.recurrence import advance, layers
from sarto.core.graph.whole import tensors
from sarto.measure.model import RawSequences, of_items
from sarto.models.pooling import Pooling
from tests.core.graph.companions import STATISTICS, companion
from tests.deploy import models
from tests.deploy.c.chains import chain, items
from tests.deploy.c.test_emit_network import of_everything


def space(graph: Graph, given: RawSequences, **settings: Any) -> GraphSpace:
    return GraphSpace(graph, given.raw, given.offsets, **settings)


def network(seed: int, **settings: Any) -> GraphSpace:
    graph = chain(seed, 3)
    return space(graph, of_items(items(graph, 6)), **settings)


def stream(graph: Graph, **settings: Any) -> GraphSpace:
    lengths = np.array([9, 1, 0, 14, 6])
    rng = np.random.default_rng(1)
    raw = rng.integers(-3000, 3000, (int(lengths.sum()), len(graph.channels))).astype(np.int16)
    return GraphSpace(graph, raw, np.concatenate([[0], np.cumsum(lengths)]), **settings)


def some(of: GraphSpace, count: int, seed: int = 0) -> Int64[np.ndarray, "fault 2"]:
    """Faults of every cell in turn: number of the cell, and in the cell."""
    order = draw(sum(c.size for c in of.cells), count, seed)
    edges = np.cumsum([0, *(c.size for c in of.cells)])
    cell = np.searchsorted(edges, order, side="right") - 1
    return np.stack([cell, order - edges[cell]], axis=1)


def check(of: GraphSpace, count: int = 80) -> Judged:
    chosen = some(of, count)
    found = of.judge(chosen)
    plain = Judged.joined([of.plainly(int(c), int(n)) for c, n in chosen])
    for name in ("changed", "wrong", "failed", "wrong_by_input"):
        np.testing.assert_array_equal(getattr(found, name), getattr(plain, name), err_msg=name)
    return found


@pytest.mark.parametrize("seed", range(6))
def test_convolutions_of_all_shapes(seed: int) -> None:
    found = check(network(seed))
    assert 0 < (found.kinds > 0).sum() < len(found)


@pytest.mark.parametrize(
    "fault",
    [
        Fault("stuck0"),
        Fault("stuck1", "burst", 5),
        Fault(pattern="several", extent=3),
        Fault(pattern="line", extent=3),
        Fault(pattern="square"),
        Fault(pattern="channel"),
    ],
    ids=lambda f: f"{f.kind} {f.pattern}",
)
def test_every_kind_and_pattern(fault: Fault) -> None:
    assert set(check(network(3, fault=fault)).kinds.tolist()) > {0}


@pytest.mark.parametrize("seed", [6, 9])
def test_every_operation_of_networks(seed: int) -> None:
    found, sequences = of_everything(seed)
    check(space(found.graph, sequences))


@pytest.mark.parametrize(
    ("body", "head"),
    [("convolution", "readout"), (STATISTICS, "forest"), (("mean", "largest"), "random_features")],
)
def test_other_bodies_and_heads(body: Any, head: str) -> None:
    found = check(stream(companion(body, head)), 120)
    assert (DUE in found.kinds) == (head == "forest")


def reservoir(**settings: Any) -> tuple[Graph, GraphSpace]:
    made = models.lowered("esn", units=6, lengths=(9, 4, 12, 1), pooling=Pooling("last"))
    graph = models.complete(made)
    return graph, GraphSpace(graph, made.raw, made.offsets, **settings)


def test_a_reservoir() -> None:
    check(reservoir()[1])


@pytest.mark.parametrize("cell", ["esn", "ring", "es2n", "seeded"])
@pytest.mark.parametrize("pattern", ["single", "line"])
def test_faults_in_what_sums_are_linear_in(cell: str, pattern: Any) -> None:
    made = models.lowered(cell, units=6, layers=2, lengths=(9, 4, 12, 1), pooling=Pooling("last"))
    graph = models.complete(made)
    of = GraphSpace(graph, made.raw, made.offsets, fault=Fault(pattern=pattern, extent=3))
    assert len(set(check(of, 60).kinds)) > 1


def test_a_bit_of_its_state_flips_after_one_step() -> None:
    graph, of = reservoir(where=("state",))
    moments, number = 12, 12 * 3 + 5  # neuron 3 at 5/12 of each sequence
    bit = 14
    assert (of.cells[bit].size, of.cells[bit].part, of.bits) == (6 * moments, "state", 6 * 16)
    scores = np.concatenate([_upset(graph, of, i, 3, bit, 5, moments).scores for i in range(len(of))])
    expected = [
        int((scores != of.golden).any(axis=1).sum()),
        int((scores.argmax(1) != of.golden.argmax(1)).sum()),
    ]
    found = of.judge(np.array([[bit, number], [bit, number + 1]]))
    assert [int(found.changed[0]), int(found.wrong[0])] == expected
    assert expected[0] >= 3


def _upset(
    graph: Graph, of: GraphSpace, item: int, neuron: int, bit: int, moment: int, moments: int
) -> Outcome:
    raw = of.raw[of.offsets[item] : of.offsets[item + 1]]
    scale = graph.step[0]
    x = standardise(raw, graph.const("zero"), graph.const("factor_in"), scale.attributes["shift"])
    h = np.zeros((1, 6), np.int64)
    for step in range(len(raw)):
        advance(layers(graph), h, [np.zeros((1, 0), np.int64)], x[step : step + 1])
        if step == moment * len(raw) // moments:
            h = flip(h.astype(np.int16), Places(neuron, bit)).astype(np.int64)
    return decide(graph, scaled(h, 1)[:, None], raw[-1:].astype(np.int64))


def test_a_stuck_bit_of_the_state_is_stuck_after_every_step() -> None:
    _, once = reservoir(where=("state",), fault=Fault("stuck1"))
    _, always = reservoir(where=("state",), fault=Fault("stuck1", permanent=True))
    assert always.cells[0].size * 12 == once.cells[0].size
    assert always.judge(np.array([[14, 3]])).changed[0] >= once.judge(np.array([[14, 12 * 3]])).changed[0] > 0


def test_a_bit_of_a_sample_flips_once_or_in_all_samples() -> None:
    for permanent in (False, True):
        graph, of = reservoir(where=("input",), fault=Fault(permanent=permanent))
        raw, bit, moments, moment = of.raw.copy(), 13, 12, 7
        for a, b in zip(of.offsets[:-1].tolist(), of.offsets[1:].tolist(), strict=True):
            at = a + moment * (b - a) // moments
            raw[(slice(a, b) if permanent else slice(at, at + 1)), 1] ^= np.int16(1 << bit)
        wanted = interpret(graph, raw, of.offsets).scores
        found = of.judge(np.array([[bit, 1 if permanent else moments * 1 + moment]]))
        assert found.changed[0] == (wanted != of.golden).any(axis=1).sum() > 0
        assert found.wrong[0] == (wanted.argmax(1) != of.golden.argmax(1)).sum()


def test_a_bit_of_an_activation_or_input_flips_in_every_item() -> None:
    of = network(5, where=("activations", "input"))
    graph, given = of.graph, items_of(of.graph, of.raw, of.offsets)
    values = tensors(graph, given)
    for row in some(of, 60):
        cell, number = int(row[0]), int(row[1])
        name = of.cells[cell].layer
        at = Places(np.arange(len(given)) * values[name][0].size + number, of.cells[cell].bit)
        wanted = _from(graph, name, flip(values[name], at), given)
        found = of.judge(np.array([[cell, number]]))
        assert found.changed[0] == (wanted != of.golden).any(axis=1).sum()
        assert found.wrong[0] == (wanted.argmax(1) != of.golden.argmax(1)).sum()


def _from(graph: Graph, name: str, values: Any, given: Any) -> Any:
    """The scores where tensor `name` has these values: by a graph that begins there."""
    if name == "scores":
        return values
    first = next((i for i, op in enumerate(graph.whole) if name in op.outputs.values()), -1) + 1
    read = {n for op in graph.whole[first:] for n in (*op.inputs.values(), *op.outputs.values())}
    kept = tuple(
        Tensor(t.name, t.dtype, t.shape, "input" if t.name == name else t.kind, t.data)
        for t in graph.tensors
        if t.name in read and (t.kind != "input" or t.name == name)
    )
    rest = Graph("rest", kept, (), (), (), 1, 0, None, graph.outputs, (), (), graph.whole[first:])
    return infer(rest, values).scores


def test_cells_are_all_bits_by_layer_and_part() -> None:
    of = network(0, where=("weights", "bias", "shifts"))
    consts = {
        n: of.graph.const(op.inputs[n]) for op in of.graph.whole[-2:-1] for n in ("weights", "bias", "shift")
    }
    mine = [c for c in of.cells if c.layer == "scores"]
    assert {(c.part, c.bit): c.size for c in mine} == {
        **{("weights", b): consts["weights"].size for b in range(8)},
        **{("bias", b): consts["bias"].size for b in range(32)},
        **{("shifts", b): consts["shift"].size for b in range(8)},
    }
    assert of.bits == sum(c.size for c in of.cells)


def test_what_another_process_gets_says_the_same() -> None:
    of = network(1)
    chosen = some(of, 20)
    first = of.judge(chosen)
    other = copy.copy(of)
    assert other.sha256 == of.sha256 and "golden" not in other.__dict__
    np.testing.assert_array_equal(other.judge(chosen).changed, first.changed)


def test_unknown_parts_and_faults_of_no_bit_are_refused() -> None:
    for make in (
        lambda: network(0, where=("wieghts",)),
        lambda: Fault(pattern="line", extent=0),
    ):
        with pytest.raises(SartoError) as caught:
            make()
        assert caught.value.code == "E148" and caught.value.hint


def test_kinds_are_named() -> None:
    assert KINDS[DUE] == "due"
