"""Faults of images: every byte has a name, and a verdict is what the machine said."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from sarto.audit.faults.graph import GraphSpace
from sarto.audit.faults.image import MOMENTS, ImageSpace
from sarto.audit.faults.model import Fault
from sarto.core.bits import Places
from sarto.core.errors import SartoError
from sarto.core.graph import Graph
from sarto.deploy.c.emit import emit
from sarto.devices import device
from sarto.measure.build import build
from sarto.measure.model import RawSequences, of_items
from sarto.measure.permanent import PermanentInjector
from tests.deploy.c.chains import chain, items


@cache
def model() -> tuple[Graph, RawSequences, ImageSpace]:
    graph = chain(3, 2)
    given = of_items(items(graph, 4))
    return graph, given, ImageSpace(build(emit(graph), device("cortex_m4")), given)


def test_every_byte_of_flash_and_ram_has_one_name() -> None:
    _, _, of = model()
    for memory, begin, end in (
        ("flash", 0, of.image.flash_b),
        ("ram", of.image.stack_b - of.injector.stack_b, of.image.stack_b + of.image.static_ram_b),
    ):
        mine = [r for r in of.regions if r.memory == memory]
        assert mine[0].first == begin
        assert all(a.first + a.size_b == b.first for a, b in pairwise(mine))
        assert mine[-1].first + mine[-1].size_b == end
    kinds = {r.kind for r in of.regions}
    assert kinds == {"vectors", "code", "weights", "scaling", "descriptors", "unnamed", "stack", "variables"}
    mapped = {str(name): int(b) for memory, name, _, b in of.image.memory_map().rows if memory == "flash"}
    assert all(mapped[r.name] == r.size_b for r in of.regions if r.memory == "flash" and r.kind != "unnamed")
    assert of.bits == 8 * (of.image.flash_b + of.image.static_ram_b + of.injector.stack_b)
    ram = sum(c.size for c, r in zip(of.cells[::8], of.regions, strict=True) if r.memory == "ram")
    assert ram == (of.image.static_ram_b + of.injector.stack_b) * MOMENTS


def test_a_fault_of_weights_is_judged_as_that_of_the_graph() -> None:
    graph, given, of = model()
    space = GraphSpace(graph, given.raw, given.offsets, where=("weights",))
    # Weights of a convolution of each channel by itself lie in flash by tap, then by channel.
    weights = graph.const(next(op for op in graph.whole if op.kind == "conv").inputs["weights"])
    table = next(i for i, r in enumerate(of.regions) if r.name == "weights_0")
    stored = np.frombuffer(of.image.flash, np.int8)[of.regions[table].first :][: weights.size]
    order = np.arange(weights.size).reshape(len(weights), -1).T.reshape(-1)
    np.testing.assert_array_equal(stored, weights.reshape(-1)[order])
    mine = space.judge(np.array([[bit, n] for bit in range(8) for n in order]))
    theirs = of.judge(np.array([[8 * table + bit, n] for bit in range(8) for n in range(weights.size)]))
    np.testing.assert_array_equal(theirs.kinds, mine.kinds)
    np.testing.assert_array_equal(theirs.wrong_by_input, mine.wrong_by_input)
    assert len(set(mine.kinds.tolist())) > 1


def test_a_fault_in_ram_comes_at_its_moment() -> None:
    _, _, of = model()
    row = next(i for i, r in enumerate(of.regions) if r.name == "arena")
    number = 3 * MOMENTS + 400
    found = of.judge(np.array([[8 * row + 6, number]]))
    place = Places(of.regions[row].first + 3, 6)
    said = of.injector.ram(place, moment=400 * of.injector.total // MOMENTS)
    assert found.changed[0] == (said.scores != of.injector.golden.scores).any(axis=1).sum()


def test_patterns_that_bytes_do_not_have_are_refused() -> None:
    _, given, of = model()
    with pytest.raises(SartoError) as caught:
        ImageSpace(of.image, given, fault=Fault(pattern="channel"))
    assert caught.value.code == "E148"


def test_permanent_faults_are_there_from_the_start() -> None:
    _, given, of = model()
    space = ImageSpace(of.image, given, fault=Fault("stuck1", permanent=True))
    assert {c.moments for c in space.cells} == {1}
    row = next(i for i, r in enumerate(space.regions) if r.name == "arena")
    found = space.judge(np.array([[8 * row + bit, 3] for bit in range(8)]))
    machine = space.injector
    assert isinstance(machine, PermanentInjector)
    for bit in range(8):
        said = machine.permanent(Places(space.regions[row].first + 3, bit), "stuck1")
        assert found.changed[bit] == (said.scores != machine.golden.scores).any(axis=1).sum()
    assert found.changed.any()
