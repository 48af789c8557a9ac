"""The C of nested networks at every width, against the graphs of the widths, bit for bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from sarto.core.errors import SartoError
from sarto.core.graph import infer
from sarto.core.graph.values import Window
from sarto.core.graph.widths import cut
from sarto.deploy.c.emit import arena_b, emit
from sarto.deploy.guard import Guards, guarded
from sarto.devices import device
from sarto.measure.build import build
from sarto.measure.emulate import emulate
from sarto.measure.model import of_items, outputs
from sarto.measure.outputs import check_equal
from sarto.measure.widths import WidthProgram, at_width
from tests.deploy.nested import GROUPS, nested

torch.set_num_threads(1)
CASES = ("flattened", "own heads", "bent")
SANITIZE = ("-fsanitize=undefined", "-fsanitize-trap=undefined", "-fno-sanitize=function")


@pytest.mark.parametrize("name", CASES)
def test_run_extend_and_cascade_on_this_host(name: str) -> None:
    lowered, _, data = nested(name)
    graph, items = lowered.graph, lowered.items(data.x[:5])
    program = WidthProgram(emit(graph), optimise="-O1", more=SANITIZE)
    said = {width: infer(cut(graph, width), items) for width in range(1, GROUPS + 1)}
    leads = {
        width: np.sort(one.scores, axis=1)[:, -1] - np.sort(one.scores, axis=1)[:, -2]
        for width, one in said.items()
    }
    least = np.array([int(np.median(leads[width])) for width in range(1, GROUPS)])
    stopped = set[int]()
    for item, lines in enumerate(of_items(items).listed()):
        program.give(lines)
        for width in (4, 1, 3, 2):
            assert program.run(width) == said[width].classes[item]
            np.testing.assert_array_equal(program.scores, said[width].scores[item])
            assert program.groups == width
        for width in (3, 4):  # goes on from 2
            assert program.extend() == said[width].classes[item]
            np.testing.assert_array_equal(program.scores, said[width].scores[item])
        before = program.scores
        for refused in (
            program.extend,
            lambda: program.run(0),
            lambda: program.run(5),
            lambda: program.run(-1),
        ):
            with pytest.raises(SartoError, match="E173"):
                refused()
        assert (program.groups, program.scores.tolist()) == (4, before.tolist())
        enough = [width for width in range(1, GROUPS) if leads[width][item] >= least[width - 1]]
        wanted = min(enough, default=GROUPS)
        assert program.cascade(least) == said[wanted].classes[item]
        assert program.groups == wanted
        stopped.add(wanted)
        program.give(lines[:-1])  # what is missing are zeros, whatever was there
        program.run(1)
        cut_off = items[item : item + 1].copy()
        cut_off.reshape(-1)[-lines[-1].size :] = 0
        np.testing.assert_array_equal(program.scores, infer(cut(graph, 1), cut_off).scores[0])
    assert len(stopped) > 1
    every = np.stack(of_items(items).listed())
    for width, one in said.items():
        np.testing.assert_array_equal(program.classes(every, width), one.classes)
    with pytest.raises(SartoError, match="E173"):
        program.classes(every, 5)
    assert program.classes(every[:0], 1).shape == (0,)


@pytest.mark.parametrize(("name", "core", "width"), [("own heads", "cortex_m4", 3), ("bent", "cortex_m4", 2)])
def test_cores(name: str, core: str, width: int) -> None:
    lowered, _, data = nested(name)
    graph, sequences = lowered.graph, of_items(lowered.items(data.x[:3]))
    image = build(at_width(emit(graph), width), device(core))
    check_equal(
        outputs(cut(graph, width), sequences), emulate(image, sequences.listed()).outputs, "NumPy", core
    )
    assert not image.diagnostics
    assert image.constants["MODEL_ARENA_BYTES"] == arena_b(graph) <= image.static_ram_b


def test_a_group_costs_the_same_whenever_it_runs_and_none_needs_more_room() -> None:
    lowered, _, data = nested("flattened")
    graph, sequences = lowered.graph, of_items(lowered.items(data.x[:2]))
    sources = emit(graph)
    by_extending = sources["model.c"].replace(
        "const int best = model_run(arena, MODEL_WIDTH);",
        "int best = model_run(arena, 1);\n    while (arena->groups < MODEL_WIDTH)\n        best = model_extend(arena);",
    )
    assert by_extending != sources["model.c"]
    counted = dict[str, np.ndarray]()
    for way, model in (("run", sources), ("extend", {**sources, "model.c": by_extending})):
        found = emulate(build(model, device("cortex_m4")), sequences.listed())
        check_equal(outputs(graph, sequences), found.outputs, "NumPy", way)
        counted[way] = found.predict_instructions
    assert (counted["extend"] < 1.05 * counted["run"]).all(), "to go on is as cheap as to run at once"
    assert arena_b(graph) < arena_b(cut(graph, GROUPS)), "one group is held at a time"


def test_what_a_width_excludes_is_refused() -> None:
    graph = nested("bent")[0].graph
    for changed, checked, said in (
        (graph, ("dense",), "checksum"),
        (replace(graph, window=Window(18, 9)), (), "heard"),
        (
            replace(
                graph,
                whole=tuple(replace(op, attributes={**op.attributes, "storage": 1}) for op in graph.whole),
            ),
            (),
            "stream",
        ),
    ):
        with pytest.raises(SartoError, match="E173") as caught:
            emit(changed, checked=checked)
        assert said in caught.value.cause


def test_a_guard_is_refused_since_it_would_stand_before_one_of_three_functions() -> None:
    graph = nested("bent")[0].graph
    with pytest.raises(SartoError, match="E173"):
        guarded(emit(graph), Guards.of("flash"))
