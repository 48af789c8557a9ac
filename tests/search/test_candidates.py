"""What candidates cost, and the largest that fits."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sarto.core.budget import Budget
from sarto.core.errors import SartoError
from sarto.deploy.c.emit import emit
from sarto.deploy.memory import arena, tables_b
from sarto.devices import device
from sarto.measure.build import build
from sarto.measure.emulate import emulate
from sarto.models.pooling import POOLINGS
from sarto.search.candidates import (
    MAX_FEATURES,
    MAX_UNITS,
    MIN_UNITS,
    PRESET_REST,
    PRESETS,
    Candidate,
    cells,
    cost,
    fits,
    largest,
)
from sarto.search.overhead import ImageOverheads
from sarto.search.trial import final
from tests.search.planted import RING, STRUCTURES, problem, shape


@pytest.mark.parametrize(
    ("cell", "pooling", "bits", "segments", "hop"),
    [
        (cell, pooling, bits, 1 + (n % 3), (None, 7, 16)[n % 3])
        for n, (cell, pooling, bits) in enumerate(product(("esn", "ring"), POOLINGS, (16, 8)))
    ],
)
def test_cost_is_that_of_the_real_graph(
    cell: str, pooling: Any, bits: int, segments: int, hop: int | None
) -> None:
    """Tables and arena of the trained model, to the byte, before it is trained."""
    planted = problem(hop=hop)
    candidate = replace(
        RING, cell=cell, pooling=pooling, state_bits=bits, segments=segments, units=9, leak=0.3
    )
    graph = final(planted, candidate, 1e-3)
    overhead = STRUCTURES[candidate.structure]
    assert cost(candidate, shape(planted), STRUCTURES) == (
        tables_b(graph) + overhead.flash_b,
        arena(graph).size_b + overhead.ram_b,
    )


@pytest.mark.parametrize("hop", [None, 6])
def test_cost_is_near_that_of_the_built_image(hop: int | None, tmp_path: Path) -> None:
    planted, target = problem(hop=hop), device("cortex_m4")
    overheads = ImageOverheads(shape(planted), target, "-Os", tmp_path)
    assert len(overheads) == 0
    for candidate in (
        replace(RING, units=120, radius=1.4, input_scaling=2.0, segments=1),
        replace(RING, cell="esn", pooling="mean_square_last", units=25, segments=2, state_bits=8),
    ):
        graph = final(planted, candidate, 1e-3)
        image = build(emit(graph), target, optimise="-Os", cache=tmp_path)
        run = emulate(image, [planted.raw[:16], planted.raw[16:32]])
        flash, ram = cost(candidate, shape(planted), overheads)
        assert abs(flash - image.flash_b) <= 64
        assert abs(ram - image.static_ram_b - run.peak_stack_b) <= 16
    tiny = replace(RING, units=4, leak=0.03)
    image = build(emit(final(planted, tiny, 1e-3)), target, optimise="-Os", cache=tmp_path)
    assert -16 <= cost(tiny, shape(planted), overheads)[0] - image.flash_b <= 190
    assert sorted(overheads) == ["esn-mean_square_last-segments-8", "ring-mean_square-whole-16"]


@pytest.mark.parametrize(
    ("flash_b", "ram_b"), [(5000, None), (None, 900), (4000, 700), (1900, 400), (10**7, 10**7)]
)
def test_the_largest_is_the_largest(flash_b: float | None, ram_b: float | None) -> None:
    planted, budget = problem(), Budget(flash_b=flash_b, ram_b=ram_b)
    for cell, pooling, segments in (("esn", "mean", 1), ("ring", "mean_square_last", 3), ("esn", "last", 2)):
        candidate = replace(RING, cell=cell, pooling=pooling, segments=segments)
        most = largest(candidate, shape(planted), STRUCTURES, budget)
        per_unit = segments * candidate.pooled(16).per_unit
        bound = min(MAX_UNITS, MAX_FEATURES // per_unit)
        fitting = [
            n
            for n in range(MIN_UNITS, bound + 1, 50 if most is None else max(1, (most - MIN_UNITS) // 7))
            if fits(replace(candidate, units=n), shape(planted), STRUCTURES, budget)
        ]
        if most is None:
            assert not fitting
            continue
        assert fits(replace(candidate, units=most), shape(planted), STRUCTURES, budget)
        assert most == bound or not fits(
            replace(candidate, units=most + 1), shape(planted), STRUCTURES, budget
        )
        assert max(fitting) <= most <= bound
        flash, ram = cost(replace(candidate, units=most), shape(planted), STRUCTURES)
        assert flash <= (flash_b or flash) and ram <= (ram_b or ram)


def test_nothing_fits_nothing() -> None:
    assert largest(RING, shape(problem()), STRUCTURES, Budget(flash_b=1000)) is None
    assert largest(RING, shape(problem()), STRUCTURES, Budget(ram_b=100)) is None


def test_the_structure_is_what_decides_the_code() -> None:
    assert RING.structure == "ring-mean_square-whole-16"
    assert replace(RING, segments=3, state_bits=8, cell="esn").structure == "esn-mean_square-segments-8"
    assert replace(RING, units=99, radius=0.1, leak=1.0, seed=4).structure == RING.structure


def test_settings_reach_the_reservoir_and_the_pooling() -> None:
    built = replace(RING, leak=0.3, radius=0.7, input_scaling=0.2).build(2)
    assert (built.alpha, built.beta, built.units, built.channels) == (0.7, 0.3, 6, 2)
    assert built.recurrent.tolist() == [0.7] * 6
    assert np.abs(built.inputs).tolist() == [[0.2, 0.2]] * 6
    assert replace(RING, seed=9).build(2).reservoir_id != RING.build(2).reservoir_id
    pooled = replace(RING, segments=3).pooled(16)
    assert (pooled.kind, pooled.segments, pooled.segment_steps) == ("mean_square", 3, 6)
    assert (RING.numbers.state_bits, replace(RING, state_bits=8).numbers.table_bits) == (16, 8)
    assert Candidate(**RING.to_json()) == RING


def test_presets_are_candidates() -> None:
    for preset in PRESETS:
        settings = {k: v for k, v in {**PRESET_REST, **preset}.items() if k != "size"}
        assert Candidate(**settings, units=4, seed=0).build(1).units == 4
        assert 0 <= preset["size"] <= 1


def test_cells_are_all_or_those_named() -> None:
    assert cells(()) == ["esn", "ring"]
    assert cells(("ring",)) == ["ring"]
    with pytest.raises(SartoError) as caught:
        cells(("ring", "lstm"))
    assert caught.value.code == "E111"
