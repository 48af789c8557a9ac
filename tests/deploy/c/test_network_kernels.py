"""Kernels of networks in chains of layers drawn at random: every number counts in the scores, which are to be equal."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from sarto.core.graph import Graph, Op
from sarto.deploy.c.convolution import in_pairs, is_depthwise
from sarto.deploy.c.emit import emit
from sarto.deploy.c.network import scaling
from sarto.devices import device
from sarto.measure.build import build
from sarto.measure.compilers import Name
from sarto.measure.emulate import emulate
from sarto.measure.host import run_on_host
from sarto.measure.model import of_items, outputs
from sarto.measure.outputs import check_equal
from tests.deploy.c.chains import chain, items

LAYERS = 14
ON_CORE: tuple[tuple[int, Name, str], ...] = ((4, "zig", "-O2"), (4, "gcc", "-O2"), (6, "zig", "-Os"))


@settings(max_examples=4, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.integers(0, 2**20))
def test_host(seed: int) -> None:
    graph = chain(seed, LAYERS)
    sequences = of_items(items(graph, 3))
    said = run_on_host(emit(graph), sequences.listed(), sanitize=True)
    check_equal(outputs(graph, sequences), said, "NumPy", "C")


@pytest.mark.parametrize(("seed", "compiler", "level"), ON_CORE)
def test_cortex_m4(seed: int, compiler: Name, level: str) -> None:
    graph = chain(seed, LAYERS)
    sequences = of_items(items(graph, 2))
    image = build(emit(graph), device("cortex_m4"), compiler=compiler, optimise=level)
    check_equal(outputs(graph, sequences), emulate(image, sequences.listed()).outputs, "NumPy", compiler)
    assert not image.diagnostics


def test_what_is_drawn_for_the_core_has_all_kernels() -> None:
    """Depthwise ones, two places at a time and one left over, rows left over of four, all ways to rescale."""
    found: set[str] = set()
    for seed, _, _ in ON_CORE:
        graph = chain(seed, LAYERS)
        found |= {name for op in graph.whole if "weights" in op.inputs for name in _features(graph, op)}
    assert found == {
        "BYTE", "HIGH", "LEAKY", "GENERAL", "SCORES", "WIDE", "depthwise", "depthwise, channels left over",
        "int8", "uint8", "pairs", "pairs and a place left over", "pairs in groups", "pairs, rows left over",
        "one by one", "dense",
    }  # fmt: skip


def _features(graph: Graph, op: Op) -> set[str]:
    weights, made = graph.const(op.inputs["weights"]), graph.by_name[op.outputs["y"]]
    found = {scaling(graph, op)[0], graph.by_name[op.inputs["x"]].dtype}
    if op.kind == "dense":
        return found | {"dense"}
    if is_depthwise(weights, op):
        return found | {"depthwise", *(["depthwise, channels left over"] if len(weights) % 4 else [])}
    if not in_pairs(made, weights):
        return found | {"one by one"}
    groups, places = op.attributes["groups"], made.shape[0] * made.shape[1]
    more = {
        "pairs and a place left over": places % 2 == 1,
        "pairs in groups": groups > 1,
        "pairs, rows left over": len(weights) // groups % 4 > 0,
    }
    return found | {"pairs", *(name for name, is_so in more.items() if is_so)}


def test_what_is_read_reaches_the_scores() -> None:
    """A layer whose numbers are always the same would hide what is wrong before it."""
    for seed, _, _ in ON_CORE:
        graph = chain(seed, LAYERS)
        scores = outputs(graph, of_items(items(graph, 12))).scores
        assert len(np.unique(scores, axis=0)) > 5
