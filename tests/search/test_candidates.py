"""What candidates of every family cost, and the largest that fits."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sarto.core.budget import Budget
from sarto.core.errors import SartoError
from sarto.core.executors import SerialExecutor
from sarto.core.rooms import load_method, methods
from sarto.deploy.c.emit import arena_b, emit
from sarto.deploy.memory import tables_b
from sarto.devices import device
from sarto.measure.build import build
from sarto.measure.emulate import emulate
from sarto.models.pooling import POOLINGS
from sarto.models.reservoir._cell import Reservoir
from sarto.search.candidates import (
    ROOM,
    Candidate,
    Overhead,
    candidate_of,
    chosen_of,
    cost,
    families,
    fits,
    ground_of,
    grown,
    largest,
    loose_of,
    sized,
    skeleton,
    smallest,
)
from sarto.search.families._candidate import MAX_FEATURES
from sarto.search.families.reservoir import MAX_UNITS
from sarto.search.families.reservoir import ROOM as CELLS
from sarto.search.overhead import ImageOverheads, SampleImages
from sarto.search.trial import final
from tests.search.planted import (
    EVERY,
    FEATURES,
    FOREST,
    KERNELS,
    NETWORK,
    RING,
    STATISTICS,
    made_up_overhead,
    problem,
    shape,
)

LOWERED = [cell for cell in methods(CELLS) if cell != "paralesn"]
"""Cells that have a kernel, see `tests/rooms`."""
COMPANIONS: list[Candidate] = [
    STATISTICS,
    *(replace(STATISTICS, statistics=name, units=n) for n, name in enumerate(("mean", "spread", "range"), 1)),
    FEATURES,
    replace(FEATURES, activation="tanh", statistics="all", segments=1),
    KERNELS,
    replace(KERNELS, units=3, dilations=4),
    replace(KERNELS, segments=2, reach=1.0),
    replace(FOREST, hard=True, trees=1, units=2),
    NETWORK,
    replace(NETWORK, name="separable", depth=3),
]


@pytest.mark.parametrize(
    ("cell", "pooling", "bits", "segments", "hop"),
    [
        (cell, pooling, bits, 1 + (n % 3), (None, 7, 16)[n % 3])
        for n, (cell, pooling, bits) in enumerate(product(LOWERED, POOLINGS, (16, 8)))
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
    check_cost(candidate, planted)


def check_cost(candidate: Candidate, planted: Any) -> None:
    graph = final(planted, candidate, 1e-3)
    overhead = made_up_overhead(candidate)
    assert cost(candidate, shape(planted), made_up_overhead) == (
        tables_b(graph) + overhead.flash_b,
        arena_b(graph) + overhead.ram_b,
    )


@pytest.mark.parametrize("hop", [None, 7])
@pytest.mark.parametrize("candidate", COMPANIONS, ids=str)
def test_cost_of_a_companion_is_that_of_the_real_graph(candidate: Candidate, hop: int | None) -> None:
    check_cost(candidate, problem(hop=hop))


@pytest.mark.parametrize("hard", [False, True])
def test_cost_of_a_forest_is_the_most_that_it_can_need(hard: bool) -> None:
    """Trees end early where a leaf is pure, and equal leaves are kept once."""
    planted = problem()
    for units, trees in ((2, 1), (5, 7), (30, 4)):
        candidate = replace(FOREST, units=units, trees=trees, hard=hard)
        graph = final(planted, candidate, 0.0)
        flash, ram = cost(candidate, shape(planted), made_up_overhead)
        assert tables_b(graph) <= flash - made_up_overhead(candidate).flash_b
        assert arena_b(graph) == ram - made_up_overhead(candidate).ram_b


SMALL = [*(replace(RING, cell=cell, units=12) for cell in LOWERED), STATISTICS, FEATURES, KERNELS]


@pytest.mark.parametrize("hop", [None, 6])
def test_cost_is_near_that_of_the_built_image(hop: int | None, tmp_path: Path) -> None:
    planted, target = problem(hop=hop), device("cortex_m4")
    overheads = ImageOverheads(SampleImages(shape(planted), target, "-Os", tmp_path))
    for candidate in (
        replace(RING, units=120, radius=1.4, input_scaling=2.0, segments=1),
        replace(RING, cell="esn", pooling="mean_square_last", units=24, segments=2, state_bits=8),
        replace(RING, cell="seeded", pooling="mean", units=92, radius=1.4, input_scaling=0.005),
        replace(RING, cell="seeded", units=40, segments=2, state_bits=8, input_scaling=2.0),
        replace(RING, cell="rmn", units=40, segments=2, radius=1.4),
        replace(RING, cell="eusn", pooling="mean", units=60, state_bits=8, leak=0.05),
        replace(RING, cell="es2n", units=80, segments=2, leak=0.03),
        replace(STATISTICS, units=6),
        replace(FEATURES, units=72),
        replace(KERNELS, units=200),
    ):
        graph = final(planted, candidate, 1e-3)
        image = build(emit(graph), target, optimise="-Os", cache=tmp_path)
        run = emulate(image, [planted.raw[:16], planted.raw[16:32]])
        flash, ram = cost(candidate, shape(planted), overheads)
        assert abs(flash - image.flash_b) <= 64
        assert abs(ram - image.static_ram_b - run.peak_stack_b) <= 16
    assert len(overheads.known) == 10
    tiny = replace(RING, units=4, leak=0.03)
    image = build(emit(final(planted, tiny, 1e-3)), target, optimise="-Os", cache=tmp_path)
    assert -16 <= cost(tiny, shape(planted), overheads)[0] - image.flash_b <= 190
    assert len(overheads.known) == 10, "of the same structure"


@pytest.mark.parametrize(
    ("candidate", "units"),
    [
        (RING, 12),
        (replace(RING, cell="esn"), 120),
        (replace(RING, cell="seeded"), 120),
        (replace(RING, cell="seeded", state_bits=8), 16),
        (replace(RING, cell="rmn"), 90),
        (replace(RING, cell="es2n", state_bits=8), 60),
        (STATISTICS, 4),
        (STATISTICS, 16),
        (FEATURES, 120),
        (KERNELS, 60),
        (KERNELS, 1000),
        (replace(FOREST, trees=20), 20),
        (replace(FOREST, trees=20), 200),
        (replace(FOREST, trees=1, segments=8), 4),
        (replace(RING, cell="esn", segments=8), 30),
        (replace(KERNELS, segments=8), 60),
        (NETWORK, 40),
    ],
)
def test_instructions_are_near_those_of_the_skeletons_image(
    candidate: Candidate, units: int, tmp_path: Path
) -> None:
    """Also far beyond the sizes of the samples, where a curve through them would go astray."""
    there, target = shape(problem()), device("cortex_m4")
    overheads = ImageOverheads(SampleImages(there, target, "-Os", tmp_path), counted=True)
    bigger = replace(candidate, units=units)
    steps = np.arange(16)[:, None] * [1, 2]
    raw = np.rint(2**14 * np.sin(steps)).astype(np.int16)
    run = emulate(build(emit(skeleton(bigger, there)), target, optimise="-Os", cache=tmp_path), [raw])
    overhead = overheads(bigger)
    sizes, instructions, cycles = zip(*overhead.work, strict=True)
    for counts, got in ((instructions, run.inference_instructions[0]), (cycles, run.inference_cycles[0, 1])):
        assert grown(sizes, counts, units, bigger.power) == pytest.approx(float(got), rel=0.2)
        curve = [grown(sizes, counts, n, bigger.power) for n in range(bigger.least, 1000, 7)]
        assert curve == sorted(curve), "more units never take less"


@pytest.mark.parametrize("limit", ["instructions", "latency_s", "energy_j"])
def test_limits_of_work_are_held_to_what_the_samples_took(limit: str) -> None:
    overhead = Overhead(0, 0, ((10, 1000, 1500), (20, 2000, 3000)), cycle_s=1e-6, cycle_j=1e-9)
    at_15 = {"instructions": 1500, "latency_s": 2250e-6, "energy_j": 2250e-9}[limit]
    assert overhead.within(Budget(**{limit: at_15 * 1.001}), 15, 1)
    assert not overhead.within(Budget(**{limit: at_15 * 0.999}), 15, 1)
    assert overhead.within(Budget(), 10**6, 1)
    assert Overhead(0, 0).within(Budget(**{limit: 1e-12}), 15, 1), "nothing was counted"


@pytest.mark.parametrize("name", ["cortex_m4", "rv32imc"])
@pytest.mark.parametrize("candidate", SMALL)
def test_cost_is_near_that_of_the_image_of_few_channels(
    candidate: Candidate, name: str, tmp_path: Path
) -> None:
    """Where loops are unrolled, a round made-up number would make the code smaller than it is."""
    planted, target = problem(), device(name)
    overheads = ImageOverheads(SampleImages(shape(planted), target, "-Os", tmp_path, ground_of(planted)))
    image = build(emit(final(planted, candidate, 1e-3)), target, optimise="-Os", cache=tmp_path)
    assert abs(cost(candidate, shape(planted), overheads)[0] - image.flash_b) <= 64


def test_a_sample_may_be_larger_than_the_device(tmp_path: Path) -> None:
    there = replace(shape(problem()), outputs=tuple(f"class {i}" for i in range(250)))
    overheads = ImageOverheads(SampleImages(there, device("cortex_m0plus"), "-Os", tmp_path))
    wide = replace(KERNELS, units=900)
    assert cost(wide, there, overheads)[0] > device("cortex_m0plus").flash.size_b
    assert not fits(wide, there, overheads, Budget(flash_b=10**5))


def test_many_channels_do_not_fit_a_readout_and_are_no_error() -> None:
    there = replace(shape(problem()), channels=tuple(f"x{i}" for i in range(800)))
    assert STATISTICS.most_units(there) == 0
    assert largest(STATISTICS, there, made_up_overhead, Budget()) is None
    assert not fits(replace(STATISTICS, units=3), there, made_up_overhead, Budget())
    assert largest(replace(FOREST, statistics="mean"), there, made_up_overhead, Budget()) is not None


@pytest.mark.parametrize(
    ("flash_b", "ram_b"), [(5000, None), (None, 900), (4000, 700), (1900, 400), (10**7, 10**7)]
)
@pytest.mark.parametrize(
    "candidate",
    [
        replace(RING, cell="esn", pooling="mean"),
        replace(RING, cell="seeded", pooling="mean", segments=2),
        replace(RING, pooling="mean_square_last", segments=3),
        STATISTICS,
        FEATURES,
        KERNELS,
        FOREST,
    ],
    ids=lambda c: c.family,
)
def test_the_largest_is_the_largest(candidate: Candidate, flash_b: float | None, ram_b: float | None) -> None:
    there, budget = shape(problem()), Budget(flash_b=flash_b, ram_b=ram_b)
    most, bound = largest(candidate, there, made_up_overhead, budget), candidate.most_units(there)
    low, high = candidate.least, candidate.least if most is None else most
    steps = {*range(low, high + 1, max(1, high // 7)), *range(high, bound + 1, max(1, (bound - high) // 14))}
    fitting = [n for n in steps if fits(replace(candidate, units=n), there, made_up_overhead, budget)]
    if most is None:
        assert not fitting
        return
    assert fits(replace(candidate, units=most), there, made_up_overhead, budget)
    assert most == bound or not fits(replace(candidate, units=most + 1), there, made_up_overhead, budget)
    assert max(fitting) <= most <= bound
    flash, ram = cost(replace(candidate, units=most), there, made_up_overhead)
    assert flash <= (flash_b or flash) and ram <= (ram_b or ram)


def test_bounds_keep_trials_short() -> None:
    there = shape(problem())
    assert replace(RING, pooling="last").most_units(there) == MAX_UNITS
    assert replace(RING, pooling="mean_square_last", segments=2).most_units(there) == MAX_FEATURES // 6
    assert STATISTICS.most_units(there) == 16, "no more segments than steps"
    assert replace(KERNELS, segments=2).most_units(there) == MAX_FEATURES // 2
    assert replace(FOREST, trees=64).most_units(there) == 40, "no more leaves than items"
    assert replace(FOREST, trees=64).most_units(replace(there, items=999)) == 16000 // 64
    assert replace(FEATURES, segments=17).most_units(there) == 0
    assert largest(replace(FEATURES, segments=17), there, made_up_overhead, Budget()) is None


@pytest.mark.parametrize("candidate", EVERY, ids=lambda c: c.family)
def test_nothing_fits_nothing(candidate: Candidate) -> None:
    assert largest(candidate, shape(problem()), made_up_overhead, Budget(flash_b=1000)) is None
    assert largest(candidate, shape(problem()), made_up_overhead, Budget(ram_b=100)) is None


def test_the_structure_is_what_decides_the_code() -> None:
    assert RING.structure == "reservoir-ring-mean_square-whole-16"
    assert (
        replace(RING, segments=3, state_bits=8, cell="esn").structure
        == "reservoir-esn-mean_square-segments-8"
    )
    assert replace(RING, units=99, radius=0.1, leak=1.0, seed=4).structure == RING.structure
    for candidate in EVERY:
        assert candidate.structure.startswith(candidate.family + "-")
        assert replace(candidate, seed=9, units=candidate.units + 1).structure == candidate.structure


def test_settings_reach_the_reservoir_and_the_pooling() -> None:
    built = replace(RING, leak=0.3, radius=0.7, input_scaling=0.2).build(2)
    assert isinstance(built, Reservoir)
    assert (built.alpha, built.beta, built.units, built.channels) == (0.7, 0.3, 6, 2)
    assert built.recurrent.tolist() == [0.7] * 6
    assert np.abs(built.inputs).tolist() == [[0.2, 0.2]] * 6
    assert replace(RING, seed=9).build(2).reservoir_id != RING.build(2).reservoir_id
    pooled = replace(RING, segments=3).pooled(16)
    assert (pooled.kind, pooled.segments, pooled.segment_steps) == ("mean_square", 3, 6)
    assert (RING.numbers.state_bits, replace(RING, state_bits=8).numbers.table_bits) == (16, 8)


@pytest.mark.parametrize("candidate", EVERY, ids=lambda c: c.family)
def test_a_candidate_comes_back_from_its_settings(candidate: Candidate) -> None:
    assert candidate_of(candidate.to_json()) == candidate
    assert candidate.to_json()["family"] == candidate.family
    assert candidate.summary() and [step.method for step in candidate.steps(0.1)]


@pytest.mark.parametrize("candidate", EVERY, ids=lambda c: c.family)
def test_the_seed_and_only_drawn_numbers_leave_the_cost_alone(candidate: Candidate) -> None:
    other = replace(candidate, seed=77)
    assert other.canonical() == candidate.canonical()
    assert cost(other, shape(problem()), made_up_overhead) == cost(
        candidate, shape(problem()), made_up_overhead
    )


def test_presets_are_candidates_within_their_space() -> None:
    for family in methods(ROOM):
        room = load_method(ROOM, family)
        for preset in room.PRESETS:
            space = room.space((preset["cell"],) if "cell" in preset else (), False)
            assert set(preset) == set(space)
            for name, value in preset.items():
                space[name].to_internal_repr(value)
                assert space[name]._contains(space[name].to_internal_repr(value))
            rest = {k: v for k, v in preset.items() if k != "size"}
            made = loose_of({**rest, "family": family}, shape(problem()), 0)
            made = replace(made, units=4)
            assert made.units == 4


def test_sizes_are_spread_on_a_log_scale_between_the_fewest_and_the_most() -> None:
    assert [sized(RING, 100, s).units for s in (0.0, 0.5, 1.0)] == [4, 20, 100]
    assert [sized(STATISTICS, 16, s).units for s in (0.0, 0.5, 1.0)] == [1, 4, 16]
    assert [sized(RING, 99, s).units for s in (0.1, 1.0)] == [4, 96], "whole fours"
    assert sized(KERNELS, 99, 1.0).units == 99


def test_the_smallest_are_of_every_preset_and_both_widths() -> None:
    found = smallest(families((), ()), (), shape(problem()), 5)
    assert {c.family for c in found} == set(methods(ROOM))
    assert all(c.units == c.least and c.seed == 5 and c.to_json().get("segments", 1) <= 16 for c in found)
    rings = smallest(["reservoir"], ("ring",), shape(problem()), 0)
    assert {(c.to_json()["cell"], c.to_json()["state_bits"]) for c in rings} == {("ring", 16), ("ring", 8)}


@pytest.mark.parametrize("cell", methods(CELLS))
def test_every_cell_has_a_preset_to_start_from_and_a_smallest_model(cell: str) -> None:
    found = smallest(["reservoir"], (cell,), shape(problem()), 0)
    assert {c.to_json()["cell"] for c in found} == {cell}


def test_families_are_all_or_those_named() -> None:
    assert families((), ()) == methods(ROOM) == [
        "convolution", "forest", "network", "random_features", "reservoir", "statistics",
    ]  # fmt: skip
    assert families(("forest", "reservoir"), ()) == ["forest", "reservoir"]
    assert families((), ("ring",)) == ["reservoir"]
    assert families(("forest", "reservoir"), ("ring",)) == ["forest", "reservoir"]
    for names, cells, code in ((("lstm",), (), "E111"), (("forest",), ("ring",), "E112")):
        with pytest.raises(SartoError) as caught:
            families(names, cells)
        assert caught.value.code == code


def test_cells_are_all_or_those_named() -> None:
    assert chosen_of(CELLS, ()) == methods(CELLS)
    assert chosen_of(CELLS, ("ring",)) == ["ring"]
    with pytest.raises(SartoError) as caught:
        chosen_of(CELLS, ("ring", "lstm"))
    assert caught.value.code == "E111"


def test_images_that_were_prepared_are_not_built_again(tmp_path: Path) -> None:
    """Each once, whatever the order; a candidate of a structure that was prepared costs nothing more."""
    asked: list[str] = []

    class Counting(SerialExecutor):
        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            asked.append(args[0].structure)
            return super().submit(fn, *args, **kwargs)

    images = SampleImages(shape(problem()), device("cortex_m4"), "-Os", tmp_path)
    mine, plain = ImageOverheads(images), ImageOverheads(images)
    several = [RING, replace(RING, units=12), STATISTICS, RING]
    mine.prepare(several, Counting())
    mine.prepare([STATISTICS], Counting())
    assert sorted(asked) == sorted({RING.structure, STATISTICS.structure})
    assert len(mine.costs) == 2
    built = dict(mine.costs)
    assert [mine(c) for c in several] == [plain(c) for c in several]
    assert mine.costs == built == plain.costs
